// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of tuple.c */

#include <kunit/test.h>
#include <linux/icmpv6.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <net/ipv6.h>

#include "../tuple.h"
#include "buffer.h"

#define IP_LEN		sizeof(struct ipv6hdr)
#define CLIENT		1
#define SERVICE		2
#define EDGE		3
#define ROUTER		4
#define SPORT		40000
#define DPORT		443

/* A packet under construction, behind what is there already. */
struct packet {
	u8 data[400];
	unsigned int len;
	u8 *next;	/* where the protocol of what follows goes */
};

/* An empty one, which is too large for the stack. */
static struct packet *packet(struct kunit *test)
{
	struct packet *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	return p;
}

static struct in6_addr addr_of(u8 host)
{
	return (struct in6_addr){ .s6_addr = { 0x20, 0x01, [15] = host } };
}

static void *put(struct packet *p, const void *data, unsigned int len)
{
	void *at = p->data + p->len;

	memcpy(at, data, len);
	p->len += len;
	return at;
}

static void put_ip(struct packet *p, u8 from, u8 to)
{
	struct ipv6hdr ip = {
		.version = 6,
		.nexthdr = NEXTHDR_NONE,
		.saddr = addr_of(from),
		.daddr = addr_of(to),
	}, *at;

	if (p->next)
		*p->next = NEXTHDR_IPV6;
	at = put(p, &ip, sizeof(ip));
	p->next = &at->nexthdr;
}

/* @octets of an extension header whose length is @hdrlen in its own measure. */
static void put_extension(struct packet *p, u8 proto, unsigned int octets,
			  u8 hdrlen)
{
	const u8 header[40] = { NEXTHDR_NONE, hdrlen };

	*p->next = proto;
	p->next = put(p, header, octets);
}

static void put_fragment(struct packet *p, u16 offset, bool more)
{
	struct frag_hdr frag = { .frag_off = htons(offset | more) };

	*p->next = NEXTHDR_FRAGMENT;
	p->next = put(p, &frag, sizeof(frag));
}

static void put_ports(struct packet *p, u8 proto, u16 from, u16 to)
{
	const u8 ports[20] = { from >> 8, from, to >> 8, to };

	*p->next = proto;
	put(p, ports, sizeof(ports));
}

/* A server's packet follows. */
static void put_error(struct packet *p, u8 type)
{
	struct icmp6hdr icmp = { .icmp6_type = type };

	*p->next = NEXTHDR_ICMP;
	put(p, &icmp, sizeof(icmp));
	p->next = NULL;
}

static struct manycast_tuple tuple_of(u8 client, u8 service, u8 proto)
{
	struct manycast_tuple t = {
		.flow.client = addr_of(client),
		.flow.service = addr_of(service),
		.proto = proto,
	};

	if (proto) {
		t.flow.sport = htons(SPORT);
		t.flow.dport = htons(DPORT);
	}
	return t;
}

/* As packets come: at the end of what may be read. */
static unsigned int read(struct kunit *test, const struct packet *p,
			 unsigned int len, struct manycast_tuple *t)
{
	memset(t, 0xee, sizeof(*t));
	return manycast_tuple_read(buffer_put(test, p->data, len), len, t);
}

static void expect(struct kunit *test, const struct packet *p,
		   struct manycast_tuple want)
{
	struct manycast_tuple got;

	KUNIT_EXPECT_EQ(test, 0, read(test, p, p->len, &got));
	KUNIT_EXPECT_MEMEQ(test, &got, &want, sizeof(want));
}

static void tuple_protocols(struct kunit *test)
{
	static const u8 with_ports[] = { IPPROTO_TCP, IPPROTO_UDP };
	unsigned int proto, i;

	for (i = 0; i < ARRAY_SIZE(with_ports); i++) {
		struct packet *p = packet(test);

		put_ip(p, CLIENT, SERVICE);
		put_ports(p, with_ports[i], SPORT, DPORT);
		expect(test, p, tuple_of(CLIENT, SERVICE, with_ports[i]));
	}
	/* Even where the octets would look like ports. */
	for (proto = 0; proto < 256; proto++) {
		struct packet *p = packet(test);

		if (proto == IPPROTO_TCP || proto == IPPROTO_UDP ||
		    proto == IPPROTO_IPV6 || ipv6_ext_hdr(proto))
			continue;
		put_ip(p, CLIENT, SERVICE);
		put_ports(p, proto, 0x8000 | SPORT, DPORT);
		expect(test, p, tuple_of(CLIENT, SERVICE, 0));
	}
}

static void put_extensions(struct packet *p)
{
	put_extension(p, NEXTHDR_HOP, 8, 0);
	put_extension(p, NEXTHDR_DEST, 24, 2);
	put_extension(p, NEXTHDR_ROUTING, 40, 4);
	put_extension(p, NEXTHDR_AUTH, 24, 4);
	put_extension(p, NEXTHDR_DEST, 8, 0);
}

static void tuple_extensions(struct kunit *test)
{
	struct packet *p = packet(test);

	put_ip(p, CLIENT, SERVICE);
	put_extensions(p);
	put_ports(p, IPPROTO_TCP, SPORT, DPORT);
	expect(test, p, tuple_of(CLIENT, SERVICE, IPPROTO_TCP));
}

/* Nobody may keep us reading. */
static void tuple_extensions_without_end(struct kunit *test)
{
	struct packet *p = packet(test);
	unsigned int i;

	put_ip(p, CLIENT, SERVICE);
	for (i = 0; i < 40; i++)
		put_extension(p, NEXTHDR_DEST, 8, 0);
	put_ports(p, IPPROTO_TCP, SPORT, DPORT);
	expect(test, p, tuple_of(CLIENT, SERVICE, 0));
}

struct fragment {
	const char *desc;
	u16 offset;
	bool more;
	u8 proto;	/* of the tuple */
	u8 quoted;	/* of the tuple when an error quotes it */
};

static const struct fragment fragments[] = {
	{ "first", 0, true, 0, IPPROTO_UDP },
	{ "middle", 1200, true, 0, 0 },
	{ "second, the least offset", 8, true, 0, 0 },
	{ "last", 2400, false, 0, 0 },
	{ "the whole packet", 0, false, IPPROTO_UDP, IPPROTO_UDP },
};

static void fragment_desc(const struct fragment *f, char *desc)
{
	strscpy(desc, f->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(fragment, fragments, fragment_desc);

/* All fragments of a packet have the same tuple. */
static void tuple_fragments(struct kunit *test)
{
	const struct fragment *f = test->param_value;
	struct packet *p = packet(test), *error = packet(test);

	put_ip(p, CLIENT, SERVICE);
	put_extension(p, NEXTHDR_DEST, 8, 0);
	put_fragment(p, f->offset, f->more);
	put_ports(p, IPPROTO_UDP, SPORT, DPORT);
	expect(test, p, tuple_of(CLIENT, SERVICE, f->proto));

	put_ip(error, ROUTER, SERVICE);
	put_error(error, ICMPV6_PKT_TOOBIG);
	put_ip(error, SERVICE, CLIENT);
	put_fragment(error, f->offset, f->more);
	put_ports(error, IPPROTO_UDP, DPORT, SPORT);
	expect(test, error, tuple_of(CLIENT, SERVICE, f->quoted));
}

/* Fragments of packets that an edge has encapsulated: before or after. */
static void tuple_tunnelled_fragments(struct kunit *test)
{
	struct packet *before = packet(test), *after = packet(test);

	put_ip(before, EDGE, SERVICE);
	put_ip(before, CLIENT, SERVICE);
	put_fragment(before, 0, true);
	put_ports(before, IPPROTO_TCP, SPORT, DPORT);
	expect(test, before, tuple_of(CLIENT, SERVICE, 0));

	put_ip(after, EDGE, SERVICE);
	put_fragment(after, 0, true);
	put_ip(after, CLIENT, SERVICE);
	put_ports(after, IPPROTO_TCP, SPORT, DPORT);
	expect(test, after, tuple_of(EDGE, SERVICE, 0));
}

/* Packet 1 goes where the client's packets would go without an edge. */
static void tuple_tunnelled(struct kunit *test)
{
	struct packet *p = packet(test);

	put_ip(p, EDGE, SERVICE);
	put_extensions(p);
	put_ip(p, CLIENT, SERVICE);
	put_ports(p, IPPROTO_TCP, SPORT, DPORT);
	expect(test, p, tuple_of(CLIENT, SERVICE, IPPROTO_TCP));
}

static void tuple_not_ip_inside(struct kunit *test)
{
	struct packet *p = packet(test);
	unsigned int inner;

	put_ip(p, EDGE, SERVICE);
	inner = p->len;
	put_ip(p, CLIENT, SERVICE);
	put_ports(p, IPPROTO_TCP, SPORT, DPORT);
	p->data[inner] = 0x45;
	expect(test, p, tuple_of(EDGE, SERVICE, 0));
}

/* Unreachable, too big, time exceeded, problem; and what else is an error. */
static void tuple_errors(struct kunit *test)
{
	unsigned int type;

	for (type = 0; type < 256; type++) {
		struct packet *p = packet(test);

		put_ip(p, ROUTER, SERVICE);
		put_error(p, type);
		put_ip(p, SERVICE, CLIENT);
		put_ports(p, IPPROTO_TCP, DPORT, SPORT);
		expect(test, p, type < 128 ?
		       tuple_of(CLIENT, SERVICE, IPPROTO_TCP) :
		       tuple_of(ROUTER, SERVICE, 0));
	}
}

static void tuple_error_quotes_extensions(struct kunit *test)
{
	struct packet *p = packet(test);

	put_ip(p, ROUTER, SERVICE);
	put_extension(p, NEXTHDR_DEST, 8, 0);
	put_error(p, ICMPV6_DEST_UNREACH);
	put_ip(p, SERVICE, CLIENT);
	put_extensions(p);
	put_ports(p, IPPROTO_TCP, DPORT, SPORT);
	expect(test, p, tuple_of(CLIENT, SERVICE, IPPROTO_TCP));
}

static void tuple_error_quotes_tunnel(struct kunit *test)
{
	struct packet *p = packet(test);

	put_ip(p, ROUTER, SERVICE);
	put_error(p, ICMPV6_TIME_EXCEED);
	put_ip(p, SERVICE, EDGE);
	put_extension(p, NEXTHDR_ROUTING, 40, 4);
	put_ip(p, SERVICE, CLIENT);
	put_ports(p, IPPROTO_UDP, DPORT, SPORT);
	expect(test, p, tuple_of(CLIENT, SERVICE, IPPROTO_UDP));
}

static void tuple_tunnelled_error(struct kunit *test)
{
	struct packet *p = packet(test);

	put_ip(p, EDGE, SERVICE);
	put_ip(p, ROUTER, SERVICE);
	put_error(p, ICMPV6_PKT_TOOBIG);
	put_ip(p, SERVICE, CLIENT);
	put_ports(p, IPPROTO_TCP, DPORT, SPORT);
	expect(test, p, tuple_of(CLIENT, SERVICE, IPPROTO_TCP));
}

/* There is none about another error, but who knows what comes. */
static void tuple_error_quotes_error(struct kunit *test)
{
	struct packet *p = packet(test);

	put_ip(p, ROUTER, SERVICE);
	put_error(p, ICMPV6_PKT_TOOBIG);
	put_ip(p, SERVICE, CLIENT);
	put_error(p, ICMPV6_PKT_TOOBIG);
	put_ip(p, CLIENT, SERVICE);
	put_ports(p, IPPROTO_TCP, SPORT, DPORT);
	expect(test, p, tuple_of(CLIENT, SERVICE, 0));
}

/* Ping and others: the one who asks. */
static void tuple_error_quotes_ping(struct kunit *test)
{
	struct packet *p = packet(test);

	put_ip(p, ROUTER, SERVICE);
	put_error(p, ICMPV6_DEST_UNREACH);
	put_ip(p, SERVICE, CLIENT);
	put_error(p, ICMPV6_ECHO_REPLY);
	expect(test, p, tuple_of(CLIENT, SERVICE, 0));
}

/* An error in a tunnel about a packet in a tunnel: as much as there can be. */
static unsigned int put_everything(struct packet *p)
{
	put_ip(p, EDGE, SERVICE);
	put_extension(p, NEXTHDR_DEST, 8, 0);
	put_ip(p, ROUTER, SERVICE);
	put_error(p, ICMPV6_PKT_TOOBIG);
	put_ip(p, SERVICE, EDGE);
	put_extension(p, NEXTHDR_HOP, 16, 1);
	put_fragment(p, 0, true);
	put_ip(p, SERVICE, CLIENT);
	put_extension(p, NEXTHDR_DEST, 8, 0);
	put_ports(p, IPPROTO_TCP, DPORT, SPORT);
	/* That far does it read. */
	return p->len - 20 + 4;
}

/* Who the flow belongs to, as far as @len octets tell. */
static struct manycast_tuple known_by(unsigned int len, unsigned int end)
{
	if (len >= end)
		return tuple_of(CLIENT, SERVICE, IPPROTO_TCP);
	if (len >= end - 4 - 8)
		return tuple_of(CLIENT, SERVICE, 0);
	if (len >= 3 * IP_LEN + 8 + 8)
		return tuple_of(EDGE, SERVICE, 0);
	if (len >= 2 * IP_LEN + 8)
		return tuple_of(ROUTER, SERVICE, 0);
	return tuple_of(EDGE, SERVICE, 0);
}

/* Quotes are cut wherever their senders please. Who has the rest of the packet
 * is told how much more to show, never less than what was there.
 */
static void tuple_cut_short(struct kunit *test)
{
	struct manycast_tuple got, want;
	struct packet *p = packet(test);
	unsigned int end = put_everything(p), len, need;

	for (len = IP_LEN; len <= p->len; len++) {
		need = read(test, p, len, &got);
		want = known_by(len, end);
		KUNIT_EXPECT_MEMEQ(test, &got, &want, sizeof(want));
		if (len >= end) {
			KUNIT_EXPECT_EQ(test, need, 0);
			continue;
		}
		KUNIT_EXPECT_GT(test, need, len);
		KUNIT_EXPECT_LE(test, need, end);
	}
}

static void tuple_nothing(struct kunit *test)
{
	static const struct manycast_tuple none;
	struct manycast_tuple got;
	struct packet *p = packet(test);
	unsigned int len;

	put_everything(p);
	for (len = 0; len < IP_LEN; len++) {
		KUNIT_EXPECT_EQ(test, IP_LEN, read(test, p, len, &got));
		KUNIT_EXPECT_MEMEQ(test, &got, &none, sizeof(none));
	}
}

/* A length that leads behind the packet. */
static void tuple_extension_lies(struct kunit *test)
{
	struct manycast_tuple got, want = tuple_of(CLIENT, SERVICE, 0);
	struct packet *p = packet(test);

	put_ip(p, CLIENT, SERVICE);
	put_extension(p, NEXTHDR_DEST, 8, 255);
	put_ports(p, IPPROTO_TCP, SPORT, DPORT);
	KUNIT_EXPECT_EQ(test, IP_LEN + 2048 + 4, read(test, p, p->len, &got));
	KUNIT_EXPECT_MEMEQ(test, &got, &want, sizeof(want));
}

/* Whatever it reads, it stays within; showing it more comes to an end. */
static void tuple_fuzz(struct kunit *test)
{
	static const u8 likely[] = { NEXTHDR_HOP, NEXTHDR_ROUTING, NEXTHDR_DEST,
		NEXTHDR_FRAGMENT, NEXTHDR_AUTH, NEXTHDR_IPV6, NEXTHDR_ICMP,
		NEXTHDR_TCP };
	unsigned int round, i, len, need, pulls;
	struct manycast_tuple got;
	struct rnd_state rnd;
	struct packet *p = packet(test);

	prandom_seed_state(&rnd, 7);
	for (round = 0; round < 5000; round++) {
		p->len = 0;
		p->next = NULL;
		put_everything(p);
		for (i = 0; i < 8; i++)
			p->data[prandom_u32_state(&rnd) % p->len] =
				likely[prandom_u32_state(&rnd) %
				       ARRAY_SIZE(likely)];
		len = IP_LEN;
		for (pulls = 0; pulls < 100; pulls++) {
			need = read(test, p, len, &got);
			if (!need || need > p->len)
				break;
			KUNIT_ASSERT_GT(test, need, len);
			len = need;
		}
		KUNIT_ASSERT_LT(test, pulls, 50);
	}
}

static struct kunit_case tuple_cases[] = {
	KUNIT_CASE(tuple_protocols),
	KUNIT_CASE(tuple_extensions),
	KUNIT_CASE(tuple_extensions_without_end),
	KUNIT_CASE_PARAM(tuple_fragments, fragment_gen_params),
	KUNIT_CASE(tuple_tunnelled_fragments),
	KUNIT_CASE(tuple_tunnelled),
	KUNIT_CASE(tuple_not_ip_inside),
	KUNIT_CASE(tuple_errors),
	KUNIT_CASE(tuple_error_quotes_extensions),
	KUNIT_CASE(tuple_error_quotes_tunnel),
	KUNIT_CASE(tuple_tunnelled_error),
	KUNIT_CASE(tuple_error_quotes_error),
	KUNIT_CASE(tuple_error_quotes_ping),
	KUNIT_CASE(tuple_cut_short),
	KUNIT_CASE(tuple_nothing),
	KUNIT_CASE(tuple_extension_lies),
	KUNIT_CASE(tuple_fuzz),
	{}
};

static struct kunit_suite tuple_suite = {
	.name = "seg6_manycast_tuple",
	.init = buffer_init,
	.test_cases = tuple_cases,
};

kunit_test_suite(tuple_suite);

MODULE_DESCRIPTION("KUnit tests of how M-Anycast tells flows");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
