// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of tuple4.c */

#include <kunit/test.h>
#include <linux/icmp.h>
#include <linux/ip.h>
#include <linux/module.h>
#include <linux/prandom.h>

#include "../tuple4.h"
#include "buffer.h"

#define CLIENT		0xc0000201	/* 192.0.2.1 */
#define SERVICE		0xc0000250
#define ROUTER		0xc0000263
#define SPORT		40000
#define DPORT		8059

/* A packet under construction. */
struct packet {
	u8 data[200];
	unsigned int len;
};

static struct packet *packet(struct kunit *test)
{
	struct packet *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	return p;
}

static struct iphdr *put_ip(struct packet *p, u32 from, u32 to, u8 proto,
			    unsigned int ihl)
{
	struct iphdr *ip = (struct iphdr *)(p->data + p->len);

	ip->version = 4;
	ip->ihl = ihl;
	ip->ttl = 64;
	ip->protocol = proto;
	ip->saddr = htonl(from);
	ip->daddr = htonl(to);
	p->len += 4 * ihl;
	return ip;
}

static void put_ports(struct packet *p, u16 from, u16 to)
{
	__be16 *port = (__be16 *)(p->data + p->len);

	port[0] = htons(from);
	port[1] = htons(to);
	p->len += 4;
}

static void put_icmp(struct packet *p, u8 type)
{
	p->data[p->len] = type;
	p->len += sizeof(struct icmphdr);
}

/* At the end of a buffer, so that reading further is noticed. */
static int read(struct kunit *test, const struct packet *p, unsigned int len,
		struct manycast_tuple *tuple)
{
	return manycast_tuple4_read(buffer_put(test, p->data, len), len, tuple);
}

static void is_flow(struct kunit *test, const struct packet *p, u8 proto)
{
	struct manycast_tuple t;

	KUNIT_EXPECT_EQ(test, 0, read(test, p, p->len, &t));
	KUNIT_EXPECT_EQ(test, t.proto, proto);
	KUNIT_EXPECT_EQ(test, ntohl(t.flow.client.s6_addr32[3]), CLIENT);
	KUNIT_EXPECT_EQ(test, ntohl(t.flow.service.s6_addr32[3]), SERVICE);
	KUNIT_EXPECT_TRUE(test, ipv6_addr_v4mapped(&t.flow.client));
	KUNIT_EXPECT_EQ(test, ntohs(t.flow.sport), SPORT);
	KUNIT_EXPECT_EQ(test, ntohs(t.flow.dport), DPORT);
}

static void tuple4_protocols(struct kunit *test)
{
	static const u8 good[] = { 6, 17, 33, 132, 136 };
	struct manycast_tuple t;
	unsigned int proto;

	for (proto = 0; proto < 256; proto++) {
		struct packet *p = packet(test);

		put_ip(p, CLIENT, SERVICE, proto, 5);
		put_ports(p, SPORT, DPORT);
		if (memchr(good, proto, sizeof(good)))
			is_flow(test, p, proto);
		else if (proto != IPPROTO_ICMP)
			KUNIT_EXPECT_EQ(test, -EPROTONOSUPPORT,
					read(test, p, p->len, &t));
	}
}

static void tuple4_options(struct kunit *test)
{
	unsigned int ihl;

	for (ihl = 5; ihl < 16; ihl++) {
		struct packet *p = packet(test);

		put_ip(p, CLIENT, SERVICE, IPPROTO_UDP, ihl);
		put_ports(p, SPORT, DPORT);
		is_flow(test, p, IPPROTO_UDP);
	}
}

static void tuple4_errors(struct kunit *test)
{
	static const u8 types[] = { ICMP_DEST_UNREACH, ICMP_TIME_EXCEEDED,
				    ICMP_PARAMETERPROB };
	struct manycast_tuple t;
	unsigned int i;

	for (i = 0; i < 256; i++) {
		struct packet *p = packet(test);

		put_ip(p, ROUTER, SERVICE, IPPROTO_ICMP, 6);
		put_icmp(p, i);
		put_ip(p, SERVICE, CLIENT, IPPROTO_TCP, 7)->frag_off =
			htons(IP_MF);
		put_ports(p, DPORT, SPORT);
		if (memchr(types, i, sizeof(types)))
			is_flow(test, p, IPPROTO_TCP);
		else
			KUNIT_EXPECT_EQ(test, -EPROTONOSUPPORT,
					read(test, p, p->len, &t));
	}
}

/* An error about an error, or about a later fragment. */
static void tuple4_other_errors(struct kunit *test)
{
	struct packet *p = packet(test);
	struct manycast_tuple t;
	struct iphdr *ip;

	put_ip(p, ROUTER, SERVICE, IPPROTO_ICMP, 5);
	put_icmp(p, ICMP_DEST_UNREACH);
	ip = put_ip(p, SERVICE, CLIENT, IPPROTO_ICMP, 5);
	put_ports(p, DPORT, SPORT);
	KUNIT_EXPECT_EQ(test, -EPROTONOSUPPORT, read(test, p, p->len, &t));
	ip->protocol = IPPROTO_TCP;
	ip->frag_off = htons(1);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, read(test, p, p->len, &t));
}

static void tuple4_fragments(struct kunit *test)
{
	struct packet *p = packet(test);
	struct manycast_tuple t;
	struct iphdr *ip;

	ip = put_ip(p, CLIENT, SERVICE, IPPROTO_UDP, 5);
	put_ports(p, SPORT, DPORT);
	ip->frag_off = htons(IP_DF);
	is_flow(test, p, IPPROTO_UDP);
	ip->frag_off = htons(IP_MF);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, read(test, p, p->len, &t));
	ip->frag_off = htons(IP_MF | 100);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, read(test, p, p->len, &t));
	ip->frag_off = htons(100);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, read(test, p, p->len, &t));
}

static void tuple4_malformed(struct kunit *test)
{
	struct packet *p = packet(test);
	struct manycast_tuple t;
	struct iphdr *ip;

	ip = put_ip(p, CLIENT, SERVICE, IPPROTO_UDP, 5);
	put_ports(p, SPORT, DPORT);
	ip->version = 6;
	KUNIT_EXPECT_EQ(test, -EBADMSG, read(test, p, p->len, &t));
	ip->version = 4;
	ip->ihl = 4;
	KUNIT_EXPECT_EQ(test, -EBADMSG, read(test, p, p->len, &t));
}

/* Cut anywhere, it asks for more than there is, and for no more than it has. */
static void tuple4_cut(struct kunit *test)
{
	struct packet *p = packet(test);
	struct manycast_tuple t;
	unsigned int len;
	int need;

	put_ip(p, ROUTER, SERVICE, IPPROTO_ICMP, 8);
	put_icmp(p, ICMP_TIME_EXCEEDED);
	put_ip(p, SERVICE, CLIENT, IPPROTO_TCP, 5);
	put_ports(p, DPORT, SPORT);
	for (len = 0; len < p->len; len++) {
		need = read(test, p, len, &t);
		KUNIT_EXPECT_GT(test, need, (int)len);
		KUNIT_EXPECT_LE(test, need, (int)p->len);
	}
	is_flow(test, p, IPPROTO_TCP);
}

static void tuple4_random(struct kunit *test)
{
	struct packet *p = packet(test);
	struct manycast_tuple t;
	struct rnd_state rnd;
	unsigned int i;

	prandom_seed_state(&rnd, 4);
	for (i = 0; i < 20000; i++) {
		unsigned int len = prandom_u32_state(&rnd) % 100;

		prandom_bytes_state(&rnd, p->data, len);
		if (i % 4)
			p->data[0] = 0x45 + i % 3;
		if (i % 3)
			p->data[9] = i % 2 ? IPPROTO_ICMP : IPPROTO_TCP;
		read(test, p, len, &t);
	}
}

static struct kunit_case tuple4_cases[] = {
	KUNIT_CASE(tuple4_protocols),
	KUNIT_CASE(tuple4_options),
	KUNIT_CASE(tuple4_errors),
	KUNIT_CASE(tuple4_other_errors),
	KUNIT_CASE(tuple4_fragments),
	KUNIT_CASE(tuple4_malformed),
	KUNIT_CASE(tuple4_cut),
	KUNIT_CASE(tuple4_random),
	{}
};

static struct kunit_suite tuple4_suite = {
	.name = "seg6_manycast_tuple4",
	.init = buffer_init,
	.test_cases = tuple4_cases,
};

kunit_test_suite(tuple4_suite);

MODULE_DESCRIPTION("KUnit tests of which IPv4 flow a packet belongs to");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
