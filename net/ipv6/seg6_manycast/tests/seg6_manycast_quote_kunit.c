// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of quote.c */

#include <kunit/test.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/tcp.h>
#include <net/ipv6.h>

#include "../quote.h"
#include "../tcp.h"
#include "buffer.h"

#define CLIENT		1
#define SERVICE		2
#define SELECTOR	3
#define SERVER		4
#define OTHER		5
#define SEQ		0x01020304

/* A quoted packet under construction. */
struct packet {
	u8 data[600];
	unsigned int len;
	u8 *next;	/* where the protocol of what follows goes */
};

static struct packet *packet(struct kunit *test)
{
	struct packet *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	return p;
}

static struct in6_addr addr_of(u8 host)
{
	return (struct in6_addr){ .s6_addr = { 0xfc, [15] = host } };
}

/* @size octets of a header of protocol @proto; its first one is the protocol
 * of the next one, but for IPv6.
 */
static void *put(struct packet *p, u8 proto, const void *hdr, unsigned int size)
{
	void *at = p->data + p->len;

	memcpy(at, hdr, size);
	p->len += size;
	if (p->next)
		*p->next = proto;
	p->next = at;
	return at;
}

static struct ipv6hdr *put_ip(struct packet *p, u8 from, u8 to, u16 payload)
{
	struct ipv6hdr ip = {
		.version = 6,
		.nexthdr = NEXTHDR_NONE,
		.payload_len = htons(payload),
		.saddr = addr_of(from),
		.daddr = addr_of(to),
	}, *at = put(p, NEXTHDR_IPV6, &ip, sizeof(ip));

	p->next = &at->nexthdr;
	return at;
}

static void put_tcp(struct packet *p, u8 flags)
{
	struct tcphdr th = {
		.source = htons(40000),
		.dest = htons(80),
		.seq = htonl(SEQ),
	};

	tcp_flag_byte(&th) = flags;
	put(p, NEXTHDR_TCP, &th, sizeof(th));
}

static struct ipv6_sr_hdr *put_srh(struct packet *p, const u8 *seg, u8 n,
				   u8 left)
{
	struct manycast_path path = { .n = n, .left = left };
	u8 srh[200];
	unsigned int i;

	for (i = 0; i < n; i++)
		path.seg[i] = addr_of(seg[i]);
	manycast_srh_write(srh, NEXTHDR_NONE, &path);
	return put(p, NEXTHDR_ROUTING, srh, manycast_srh_len(n));
}

static struct frag_hdr *put_fragment(struct packet *p, u16 offset)
{
	const struct frag_hdr frag = { .frag_off = htons(offset | IP6_MF) };

	return put(p, NEXTHDR_FRAGMENT, &frag, sizeof(frag));
}

static void put_hbh(struct packet *p)
{
	const u8 hbh[16] = { NEXTHDR_NONE, 1, IPV6_TLV_PADN, 12 };

	put(p, NEXTHDR_HOP, hbh, sizeof(hbh));
}

static void put_inner(struct packet *p)
{
	put_ip(p, CLIENT, SERVICE, 1200);
	put_tcp(p, TCPHDR_ACK);
}

/* At the end of a buffer, so that reading further is noticed. */
static int read(struct kunit *test, const struct packet *p, unsigned int len,
		struct manycast_quote *quote)
{
	return manycast_quote_read(buffer_put(test, p->data, len), len, quote);
}

static const u8 two[] = { SERVER, OTHER };

static void quote_plain(struct kunit *test)
{
	const struct in6_addr client = addr_of(CLIENT);
	const struct in6_addr server = addr_of(SERVER);
	struct packet *p = packet(test);
	struct manycast_quote q;

	ip6_flow_hdr(put_ip(p, SELECTOR, SERVER, 1240), 0xff, htonl(0x12345));
	put_inner(p);
	KUNIT_ASSERT_EQ(test, read(test, p, p->len, &q), 0);
	KUNIT_EXPECT_EQ(test, q.len, 1280);
	KUNIT_EXPECT_EQ(test, q.proto, NEXTHDR_IPV6);
	KUNIT_EXPECT_EQ(test, ntohl(q.flowlabel), 0x12345);
	KUNIT_EXPECT_FALSE(test, q.srh);
	KUNIT_EXPECT_EQ(test, q.path.n, 1);
	KUNIT_EXPECT_TRUE(test, ipv6_addr_equal(&q.path.seg[0], &server));
	KUNIT_EXPECT_EQ(test, q.inner, sizeof(struct ipv6hdr));
	KUNIT_EXPECT_EQ(test, q.inner_len, 1240);
	KUNIT_EXPECT_TRUE(test,
			  ipv6_addr_equal(&q.tuple.flow.client, &client));
	KUNIT_EXPECT_EQ(test, q.tuple.flow.isn, SEQ);
	KUNIT_EXPECT_EQ(test, q.flags, TCPHDR_ACK);
}

static void quote_all_headers(struct kunit *test)
{
	struct packet *p = packet(test);
	struct manycast_quote q;

	put_ip(p, SELECTOR, OTHER, 1240);
	put_hbh(p);
	put_srh(p, two, 2, 1);
	put_fragment(p, 0);
	put_inner(p);
	KUNIT_ASSERT_EQ(test, read(test, p, p->len, &q), 0);
	KUNIT_EXPECT_EQ(test, q.proto, NEXTHDR_HOP);
	KUNIT_EXPECT_TRUE(test, q.srh);
	KUNIT_EXPECT_EQ(test, q.path.n, 2);
	KUNIT_EXPECT_EQ(test, q.path.left, 1);
	KUNIT_EXPECT_EQ(test, q.inner, 40 + 16 + 40 + 8);
	KUNIT_EXPECT_EQ(test, q.flags, TCPHDR_ACK);
}

/* What tells its path and its length; the sender is told by others. */
static void quote_ipv4(struct kunit *test)
{
	const struct iphdr ip = {
		.version = 4, .ihl = 5, .tot_len = htons(1200),
	};
	struct packet *p = packet(test);
	struct manycast_quote q;

	put_ip(p, SELECTOR, OTHER, 1240);
	put_srh(p, two, 2, 1);
	put(p, NEXTHDR_IPV4, &ip, sizeof(ip));
	KUNIT_ASSERT_EQ(test, read(test, p, p->len, &q), 0);
	KUNIT_EXPECT_EQ(test, q.path.n, 2);
	KUNIT_EXPECT_EQ(test, q.inner, 40 + 40);
	KUNIT_EXPECT_EQ(test, q.inner_len, 1200);
	KUNIT_EXPECT_TRUE(test, q.silent);
	KUNIT_EXPECT_EQ(test, q.flags, 0);
	KUNIT_EXPECT_EQ(test, read(test, p, p->len - 1, &q), -EBADMSG);
}

/* What is not ours, or not enough. */
static void quote_foreign(struct kunit *test)
{
	const u8 destopt[8] = { NEXTHDR_NONE, 0, IPV6_TLV_PADN, 4 };
	struct packet *p = packet(test);
	struct manycast_quote q;

	put_ip(p, SELECTOR, SERVER, 1240);
	put_tcp(p, TCPHDR_ACK);
	KUNIT_EXPECT_EQ(test, read(test, p, p->len, &q), -ENOENT);

	p = packet(test);
	put_ip(p, SELECTOR, SERVER, 1240);
	put(p, NEXTHDR_DEST, destopt, sizeof(destopt));
	put_inner(p);
	KUNIT_EXPECT_EQ(test, read(test, p, p->len, &q), -ENOENT);

	p = packet(test);
	put_ip(p, SELECTOR, SERVER, 1240);
	put_fragment(p, 8);
	put_inner(p);
	KUNIT_EXPECT_EQ(test, read(test, p, p->len, &q), -ENOENT);
}

/* Whether a packet is fragmented shows behind the routing decision. */
static void quote_fragment_proto(struct kunit *test)
{
	struct packet *p = packet(test);
	struct manycast_quote q;

	put_ip(p, SELECTOR, SERVER, 1240);
	put_fragment(p, 0);
	put_inner(p);
	KUNIT_ASSERT_EQ(test, read(test, p, p->len, &q), 0);
	KUNIT_EXPECT_EQ(test, q.proto, NEXTHDR_IPV6);
}

static void quote_srh_lies(struct kunit *test)
{
	struct packet *p = packet(test);
	struct ipv6_sr_hdr *srh;
	struct manycast_quote q;
	struct ipv6hdr *ip;

	ip = put_ip(p, SELECTOR, OTHER, 1240);
	srh = put_srh(p, two, 2, 1);
	put_inner(p);
	KUNIT_ASSERT_EQ(test, read(test, p, p->len, &q), 0);
	ip->daddr = addr_of(SERVER);
	KUNIT_EXPECT_EQ(test, read(test, p, p->len, &q), -EBADMSG);
	srh->segments_left = 0;
	KUNIT_EXPECT_EQ(test, read(test, p, p->len, &q), 0);
	srh->segments_left = 2;
	KUNIT_EXPECT_EQ(test, read(test, p, p->len, &q), -EBADMSG);
	srh->segments_left = 0;
	srh->hdrlen = 255;
	KUNIT_EXPECT_EQ(test, read(test, p, p->len, &q), -EBADMSG);
	srh->hdrlen = 4;
	srh->first_segment = 2;
	KUNIT_EXPECT_EQ(test, read(test, p, p->len, &q), -EBADMSG);
}

static void quote_two_srhs(struct kunit *test)
{
	struct packet *p = packet(test);
	struct manycast_quote q;

	put_ip(p, SELECTOR, OTHER, 1240);
	put_srh(p, two, 2, 1);
	put_srh(p, two, 2, 1);
	put_inner(p);
	KUNIT_EXPECT_EQ(test, read(test, p, p->len, &q), -EBADMSG);
}

static void quote_inner_lies(struct kunit *test)
{
	struct packet *p = packet(test);
	struct manycast_quote q;
	struct ipv6hdr *ip;

	put_ip(p, SELECTOR, SERVER, 1240);
	ip = put_ip(p, CLIENT, SERVICE, 1200);
	put_tcp(p, TCPHDR_ACK);
	ip->saddr = in6addr_any;
	KUNIT_EXPECT_EQ(test, read(test, p, p->len, &q), -EBADMSG);
	ip->saddr.s6_addr[0] = 0xff;
	KUNIT_EXPECT_EQ(test, read(test, p, p->len, &q), -EBADMSG);
	ip->saddr = addr_of(CLIENT);
	ip->version = 4;
	KUNIT_EXPECT_EQ(test, read(test, p, p->len, &q), -EBADMSG);
	ip->version = 6;
	ip->payload_len = 0;
	KUNIT_ASSERT_EQ(test, read(test, p, p->len, &q), 0);
	KUNIT_EXPECT_EQ(test, q.inner_len, UINT_MAX);
}

/* Nobody is told about an error, and a ping is none. */
static void quote_silent(struct kunit *test)
{
	struct packet *p = packet(test);
	struct icmp6hdr icmp = { .icmp6_type = ICMPV6_PKT_TOOBIG }, *at;
	struct manycast_quote q;

	put_ip(p, SELECTOR, SERVER, 1240);
	put_ip(p, CLIENT, SERVICE, 1200);
	at = put(p, NEXTHDR_ICMP, &icmp, sizeof(icmp));
	KUNIT_ASSERT_EQ(test, read(test, p, p->len, &q), 0);
	KUNIT_EXPECT_TRUE(test, q.silent);
	at->icmp6_type = ICMPV6_ECHO_REQUEST;
	KUNIT_ASSERT_EQ(test, read(test, p, p->len, &q), 0);
	KUNIT_EXPECT_FALSE(test, q.silent);
	/* If it cannot be told, it may be one. */
	KUNIT_ASSERT_EQ(test, read(test, p, p->len - sizeof(icmp), &q), 0);
	KUNIT_EXPECT_TRUE(test, q.silent);
}

/* Every length. All up to the TCP flags is needed. */
static void quote_cut_short(struct kunit *test)
{
	struct packet *p = packet(test);
	struct manycast_quote q;
	unsigned int len;

	put_ip(p, SELECTOR, OTHER, 1240);
	put_hbh(p);
	put_srh(p, two, 2, 1);
	put_inner(p);
	for (len = 0; len < p->len - 6; len++)
		KUNIT_EXPECT_EQ(test, read(test, p, len, &q), -EBADMSG);
	for (; len <= p->len; len++)
		KUNIT_EXPECT_EQ(test, read(test, p, len, &q), 0);
}

static void quote_took(struct kunit *test)
{
	struct manycast_path path = { .n = 2 };
	struct packet *p = packet(test);
	struct manycast_quote q;

	path.seg[0] = addr_of(SERVER);
	path.seg[1] = addr_of(OTHER);
	put_ip(p, SELECTOR, OTHER, 1240);
	put_srh(p, two, 2, 1);
	put_inner(p);
	KUNIT_ASSERT_EQ(test, read(test, p, p->len, &q), 0);
	KUNIT_EXPECT_TRUE(test, manycast_quote_took(&q, &path));
	path.seg[1] = addr_of(SELECTOR);
	KUNIT_EXPECT_FALSE(test, manycast_quote_took(&q, &path));
	path.n = 1;
	KUNIT_EXPECT_FALSE(test, manycast_quote_took(&q, &path));

	p = packet(test);
	put_ip(p, SELECTOR, SERVER, 1240);
	put_inner(p);
	KUNIT_ASSERT_EQ(test, read(test, p, p->len, &q), 0);
	KUNIT_EXPECT_TRUE(test, manycast_quote_took(&q, &path));
	path.seg[0] = addr_of(OTHER);
	KUNIT_EXPECT_FALSE(test, manycast_quote_took(&q, &path));
}

/* Nothing is read beyond the end, and whatever is found lies within. */
static void quote_fuzz(struct kunit *test)
{
	struct packet *p = packet(test);
	struct manycast_quote q;
	struct rnd_state rnd;
	unsigned int i, flips;

	prandom_seed_state(&rnd, 20261122);
	for (i = 0; i < 20000; i++) {
		memset(p, 0, sizeof(*p));
		put_ip(p, SELECTOR, OTHER, 1240);
		put_hbh(p);
		put_srh(p, two, 2, 1);
		put_fragment(p, 0);
		put_inner(p);
		for (flips = 1 + prandom_u32_state(&rnd) % 4; flips; flips--)
			p->data[prandom_u32_state(&rnd) % p->len] =
				prandom_u32_state(&rnd);
		if (read(test, p, prandom_u32_state(&rnd) % p->len + 1, &q))
			continue;
		KUNIT_ASSERT_LE(test, q.inner + sizeof(struct ipv6hdr), p->len);
		KUNIT_ASSERT_GE(test, q.path.n, 1);
		KUNIT_ASSERT_LE(test, q.path.n, MANYCAST_PATH_MAX);
	}
}

static struct kunit_case quote_cases[] = {
	KUNIT_CASE(quote_plain),
	KUNIT_CASE(quote_all_headers),
	KUNIT_CASE(quote_ipv4),
	KUNIT_CASE(quote_foreign),
	KUNIT_CASE(quote_fragment_proto),
	KUNIT_CASE(quote_srh_lies),
	KUNIT_CASE(quote_two_srhs),
	KUNIT_CASE(quote_inner_lies),
	KUNIT_CASE(quote_silent),
	KUNIT_CASE(quote_cut_short),
	KUNIT_CASE(quote_took),
	KUNIT_CASE(quote_fuzz),
	{}
};

static struct kunit_suite quote_suite = {
	.name = "seg6_manycast_quote",
	.init = buffer_init,
	.test_cases = quote_cases,
};

kunit_test_suite(quote_suite);

MODULE_DESCRIPTION("KUnit tests of how M-Anycast reads what errors quote");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
