// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of tcp.c */

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/unaligned.h>

#include "../tcp.h"
#include "buffer.h"

#define HDR_LEN		20
#define HDR_MAX		60

/* A SYN of Linux, without its options. */
static const u8 syn[HDR_LEN] = {
	0xc0, 0x01, 0x01, 0xbb,		/* 49153 to 443 */
	0x12, 0x34, 0x56, 0x78,
	0x9a, 0xbc, 0xde, 0xf0,
	0x50, 0x02, 0xfa, 0xf0,
	0x00, 0x00, 0x00, 0x00,
};

/* A SYN with options, zero up to a multiple of four, at the buffer's end. */
static u8 *syn_with(struct kunit *test, const u8 *options, size_t len,
		    struct manycast_tcp *tcp)
{
	size_t doff = HDR_LEN + round_up(len, 4);
	u8 *th = buffer_end(test, doff);

	memset(th, 0, doff);
	memcpy(th, syn, HDR_LEN);
	memcpy(th + HDR_LEN, options, len);
	th[12] = doff / 4 << 4;
	KUNIT_ASSERT_EQ(test, 0, manycast_tcp_read(th, doff, doff, tcp));
	return th;
}

static void tcp_read_golden(struct kunit *test)
{
	u8 *th = buffer_put(test, syn, HDR_LEN);
	struct manycast_tcp tcp;

	KUNIT_ASSERT_EQ(test, 0, manycast_tcp_read(th, HDR_LEN, 120, &tcp));
	KUNIT_EXPECT_EQ(test, ntohs(tcp.sport), 49153);
	KUNIT_EXPECT_EQ(test, ntohs(tcp.dport), 443);
	KUNIT_EXPECT_EQ(test, tcp.seq, 0x12345678);
	KUNIT_EXPECT_EQ(test, tcp.ack, 0x9abcdef0);
	KUNIT_EXPECT_EQ(test, tcp.doff, HDR_LEN);
	KUNIT_EXPECT_EQ(test, tcp.flags, TCPHDR_SYN);
	KUNIT_EXPECT_EQ(test, tcp.payload, 100);
}

static void tcp_read_truncated(struct kunit *test)
{
	struct manycast_tcp tcp;
	size_t len;
	void *th;

	for (len = 0; len < HDR_LEN; len++) {
		th = buffer_put(test, syn, len);
		KUNIT_EXPECT_EQ(test, -EBADMSG,
				manycast_tcp_read(th, len, len, &tcp));
	}
	/* There is more in memory than the IP header says. */
	th = buffer_put(test, syn, HDR_LEN);
	for (len = 0; len < HDR_LEN; len++)
		KUNIT_EXPECT_EQ(test, -EBADMSG,
				manycast_tcp_read(th, HDR_LEN, len, &tcp));
}

static void tcp_read_data_offset(struct kunit *test)
{
	unsigned int doff;

	for (doff = 0; doff < 16; doff++) {
		size_t len = max(4 * doff, (unsigned int)HDR_LEN);
		u8 *th = buffer_end(test, len);
		struct manycast_tcp tcp;
		int ok = doff < 5 ? -EBADMSG : 0;

		memset(th, 0, len);
		memcpy(th, syn, HDR_LEN);
		th[12] = doff << 4 | 0xf;
		KUNIT_EXPECT_EQ(test, ok,
				manycast_tcp_read(th, len, len, &tcp));
		if (!ok) {
			KUNIT_EXPECT_EQ(test, tcp.doff, len);
			KUNIT_EXPECT_EQ(test, tcp.payload, 0);
		}
		KUNIT_EXPECT_EQ(test, ok,
				manycast_tcp_read(th, len, 65535, &tcp));
		if (!ok)
			KUNIT_EXPECT_EQ(test, tcp.payload, 65535 - len);
		KUNIT_EXPECT_EQ(test, -EBADMSG,
				manycast_tcp_read(th, len - 1, len, &tcp));
		KUNIT_EXPECT_EQ(test, -EBADMSG,
				manycast_tcp_read(th, len, len - 1, &tcp));
	}
}

/* All flags, with AE (RFC 9768) both ways. The octet is CWR ECE URG ACK PSH RST
 * SYN FIN.
 */
static void tcp_kinds(struct kunit *test)
{
	u8 *th = buffer_put(test, syn, HDR_LEN);
	unsigned int flags, ae;
	struct manycast_tcp tcp;

	for (flags = 0; flags < 256; flags++) {
		bool fin = flags & 1, s = flags & 2, rst = flags & 4;
		bool ack = flags & 16;

		for (ae = 0; ae < 2; ae++) {
			th[12] = 0x50 | ae;
			th[13] = flags;
			KUNIT_ASSERT_EQ(test, 0,
					manycast_tcp_read(th, HDR_LEN, HDR_LEN,
							  &tcp));
			KUNIT_EXPECT_EQ(test, tcp.flags, flags);
			KUNIT_EXPECT_EQ(test, manycast_tcp_is_syn(&tcp),
					s && !ack && !rst && !fin);
			KUNIT_EXPECT_EQ(test, manycast_tcp_is_synack(&tcp),
					s && ack && !rst && !fin);
			KUNIT_EXPECT_EQ(test, manycast_tcp_is_rst(&tcp), rst);
		}
	}
}

struct options {
	const char *desc;
	u8 len;
	u8 option[40];
	bool replicable;
};

static const struct options options[] = {
	{ "none", 0, {}, true },
	{ "those of Linux", 20,
	  { 2, 4, 5, 180, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7 },
	  true },
	{ "NOPs", 40, { [0 ... 39] = 1 }, true },
	{ "TFO cookie request", 4, { 34, 2, 1, 1 }, false },
	{ "TFO cookie", 12, { 34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1 }, false },
	{ "TFO behind the others", 24,
	  { 2, 4, 5, 180, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7,
	    1, 1, 34, 2 }, false },
	{ "TFO behind NOPs", 40, { [0 ... 37] = 1, 34, 2 }, false },
	{ "TFO behind the end", 8, { 0, 1, 34, 2, 34, 2, 34, 2 }, true },
	{ "TFO as another option's data", 8, { 99, 8, 34, 2, 34, 2, 34, 2 },
	  true },
	{ "experimental TFO cookie request", 4, { 254, 4, 0xf9, 0x89 }, false },
	{ "experimental TFO cookie", 12,
	  { 254, 12, 0xf9, 0x89, 1, 2, 3, 4, 5, 6, 7, 8 }, false },
	{ "another experiment", 4, { 254, 4, 0xf9, 0x88 }, true },
	{ "an experiment with a swapped number", 4, { 254, 4, 0x89, 0xf9 },
	  true },
	{ "half an experiment's number", 4, { 1, 254, 3, 0xf9 }, true },
	{ "no experiment's number", 4, { 1, 1, 254, 2 }, true },
	{ "TFO's number under experiment 253", 4, { 253, 4, 0xf9, 0x89 },
	  true },
	{ "SMC, then experimental TFO", 12,
	  { 254, 6, 0xe2, 0xd4, 0xc3, 0xd9, 254, 4, 0xf9, 0x89, 1, 1 }, false },
	{ "MP_CAPABLE", 4, { 30, 4, 0x01, 0x81 }, true },
	{ "MP_JOIN", 12, { 30, 12, 0x10, 1, 1, 2, 3, 4, 5, 6, 7, 8 }, false },
	{ "MP_JOIN, backup", 12,
	  { 30, 12, 0x11, 1, 1, 2, 3, 4, 5, 6, 7, 8 }, false },
	{ "MP_JOIN of one octet", 4, { 1, 30, 3, 0x1f }, false },
	{ "MPTCP's DSS", 4, { 30, 4, 0x20, 0 }, true },
	{ "MP_FASTCLOSE's lower half is 1", 4, { 30, 4, 0x71, 0 }, true },
	{ "MPTCP without subtype", 4, { 1, 1, 30, 2 }, true },
	{ "MP_CAPABLE, then MP_JOIN", 16,
	  { 30, 4, 0x01, 0x81, 30, 12, 0x10, 1, 1, 2, 3, 4, 5, 6, 7, 8 },
	  false },
	{ "length 0 before TFO", 8, { 99, 0, 34, 2, 34, 2, 34, 2 }, true },
	{ "length 1 before TFO", 8, { 99, 1, 34, 2, 34, 2, 34, 2 }, true },
	{ "length past the end before TFO", 8, { 99, 9, 34, 2, 34, 2, 34, 2 },
	  true },
	{ "length 255 before TFO", 8, { 99, 255, 34, 2, 34, 2, 34, 2 }, true },
	{ "length up to the end", 8, { 99, 8, 1, 1, 1, 1, 1, 1 }, true },
	{ "TFO of length 0", 4, { 34, 0, 0, 0 }, true },
	{ "TFO of length 1", 4, { 34, 1, 0, 0 }, true },
	{ "TFO past the end", 4, { 1, 1, 34, 3 }, true },
	{ "TFO without length", 4, { 1, 1, 1, 34 }, true },
	{ "unknown option without length", 4, { 1, 1, 1, 99 }, true },
};

static void options_desc(const struct options *p, char *desc)
{
	strscpy(desc, p->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(options, options, options_desc);

static void tcp_replicable(struct kunit *test)
{
	const struct options *p = test->param_value;
	struct manycast_tcp tcp;
	u8 *th;

	th = syn_with(test, p->option, p->len, &tcp);
	KUNIT_EXPECT_EQ(test, manycast_tcp_replicable(th, &tcp), p->replicable);

	/* Whatever the options, data must go to one server only. */
	tcp.payload = 1;
	KUNIT_EXPECT_FALSE(test, manycast_tcp_replicable(th, &tcp));
}

struct mss {
	const char *desc;
	u8 len;
	u8 option[40];
	u8 at;		/* in the header, 0: not to be found */
};

static const struct mss msss[] = {
	{ "none", 0, {}, 0 },
	{ "alone", 4, { 2, 4, 5, 180 }, 22 },
	{ "at an odd offset", 8, { 1, 2, 4, 5, 180, 1, 1, 1 }, 23 },
	{ "at the end", 12, { 1, 3, 3, 7, 4, 2, 1, 1, 2, 4, 5, 180 }, 30 },
	{ "behind the end", 8, { 0, 0, 0, 0, 2, 4, 5, 180 }, 0 },
	{ "as another option's data", 8, { 99, 8, 2, 4, 5, 180, 2, 4 }, 0 },
	{ "too short", 4, { 2, 3, 5, 1 }, 0 },
	{ "without value", 4, { 1, 1, 2, 2 }, 0 },
	{ "too long", 8, { 2, 5, 5, 180, 0, 1, 1, 1 }, 0 },
	{ "past the end", 4, { 1, 2, 4, 5 }, 0 },
	{ "behind a lie", 8, { 99, 1, 2, 4, 5, 180, 1, 1 }, 0 },
	{ "before a lie", 8, { 2, 4, 5, 180, 99, 1, 1, 1 }, 22 },
	{ "before MD5", 24, { 2, 4, 5, 180, 1, 1, 19, 18 }, 0 },
	{ "behind MD5", 24, { 19, 18, [18] = 1, 1, 2, 4, 5, 180 }, 0 },
	{ "before AO", 20, { 2, 4, 5, 180, 29, 16 }, 0 },
	{ "behind AO", 20, { 29, 16, [16] = 2, 4, 5, 180 }, 0 },
	{ "behind a short AO", 8, { 29, 4, 0, 0, 2, 4, 5, 180 }, 0 },
};

static void mss_desc(const struct mss *p, char *desc)
{
	strscpy(desc, p->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(mss, msss, mss_desc);

static void tcp_mss(struct kunit *test)
{
	const struct mss *p = test->param_value;
	struct manycast_tcp tcp;
	void *found;
	u8 *th;

	th = syn_with(test, p->option, p->len, &tcp);
	found = manycast_tcp_mss(th, tcp.doff);
	KUNIT_EXPECT_PTR_EQ(test, found, p->at ? (void *)(th + p->at) : NULL);
	if (found)
		KUNIT_EXPECT_EQ(test, get_unaligned_be16(found), 1460);
}

/* RFC 1071 and RFC 8200 section 8.1, as they are written. */
static u16 sum_of(const struct in6_addr *saddr, const struct in6_addr *daddr,
		  const u8 *segment, unsigned int len)
{
	u32 sum = len + IPPROTO_TCP;
	unsigned int i;

	for (i = 0; i < 16; i += 2)
		sum += get_unaligned_be16(&saddr->s6_addr[i]) +
		       get_unaligned_be16(&daddr->s6_addr[i]);
	for (i = 0; i < len; i += 2)
		sum += get_unaligned_be16(segment + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static const struct in6_addr client = {
	.s6_addr = { 0x20, 0x01, 0x0d, 0xb8, [15] = 0x99 }
};

static const struct in6_addr service = {
	.s6_addr = { 0x20, 0x01, 0x0d, 0xb8, 0, 5, [15] = 0x80 }
};

static const u8 rst_golden[HDR_LEN] = {
	0xc0, 0x01, 0x01, 0xbb,
	0x12, 0x34, 0x56, 0x79,
	0x00, 0x00, 0x00, 0x00,
	0x50, 0x04, 0x00, 0x00,		/* no window, no options */
	0x28, 0xe7, 0x00, 0x00,
};

static void tcp_rst_golden(struct kunit *test)
{
	u8 *th = buffer_end(test, HDR_LEN + 8);

	memset(th, 0xee, HDR_LEN + 8);
	manycast_tcp_write_rst(th, &client, &service, htons(49153), htons(443),
			       0x12345679);
	KUNIT_EXPECT_MEMEQ(test, th, rst_golden, HDR_LEN);
	KUNIT_EXPECT_NULL(test, memchr_inv(th + HDR_LEN, 0xee, 8));
	KUNIT_EXPECT_EQ(test, sum_of(&client, &service, th, HDR_LEN), 0xffff);
}

static void tcp_rst_checksum(struct kunit *test)
{
	u8 *th = buffer_end(test, HDR_LEN);
	struct in6_addr saddr, daddr;
	struct manycast_tcp tcp;
	struct rnd_state rnd;
	unsigned int i;
	u32 seq, ports;

	prandom_seed_state(&rnd, 3);
	for (i = 0; i < 20000; i++) {
		prandom_bytes_state(&rnd, &saddr, sizeof(saddr));
		prandom_bytes_state(&rnd, &daddr, sizeof(daddr));
		ports = prandom_u32_state(&rnd);
		seq = prandom_u32_state(&rnd);
		manycast_tcp_write_rst(th, &saddr, &daddr, htons(ports),
				       htons(ports >> 16), seq);

		KUNIT_ASSERT_EQ(test, sum_of(&saddr, &daddr, th, HDR_LEN),
				0xffff);
		KUNIT_ASSERT_EQ(test, 0, manycast_tcp_read(th, HDR_LEN, HDR_LEN,
							   &tcp));
		KUNIT_ASSERT_EQ(test, ntohs(tcp.sport), (u16)ports);
		KUNIT_ASSERT_EQ(test, ntohs(tcp.dport), ports >> 16);
		KUNIT_ASSERT_EQ(test, tcp.seq, seq);
		KUNIT_ASSERT_EQ(test, tcp.flags, TCPHDR_RST);
	}
}

static void tcp_fuzz(struct kunit *test)
{
	static const u8 usual[] = { 0, 1, 1, 2, 2, 4, 4, 18, 19, 29, 30, 34,
				    254 };
	unsigned int i, good = 0, one = 0, mss = 0;
	struct manycast_tcp tcp;
	struct rnd_state rnd;

	prandom_seed_state(&rnd, 4);
	for (i = 0; i < 200000; i++) {
		size_t len = prandom_u32_state(&rnd) % (HDR_MAX + 9), j;
		u8 *th = buffer_end(test, len), *found;

		prandom_bytes_state(&rnd, th, len);
		/* Kinds and lengths that mean something, more often. */
		for (j = HDR_LEN; j < len; j++)
			if (th[j] & 0xc0)
				th[j] = usual[th[j] % sizeof(usual)];
		if (manycast_tcp_read(th, len, len, &tcp))
			continue;
		good++;
		KUNIT_ASSERT_EQ(test, tcp.doff + tcp.payload, len);
		tcp.payload = 0;
		one += !manycast_tcp_replicable(th, &tcp);
		found = manycast_tcp_mss(th, tcp.doff);
		if (!found)
			continue;
		mss++;
		KUNIT_ASSERT_GE(test, found - th, HDR_LEN + 2);
		KUNIT_ASSERT_LE(test, found - th, tcp.doff - 2);
	}
	KUNIT_EXPECT_GT(test, good, 10000);
	KUNIT_EXPECT_GT(test, one, 100);
	KUNIT_EXPECT_GT(test, mss, 100);
}

static void tcp_strip(struct kunit *test)
{
	struct ipv6hdr *ip;
	unsigned int doff;
	u8 *th;

	for (doff = HDR_LEN; doff <= HDR_MAX; doff += 4) {
		ip = buffer_end(test, sizeof(*ip) + doff);
		th = (u8 *)(ip + 1);
		memset(ip, 0x5a, sizeof(*ip) + doff);
		memcpy(th, syn, HDR_LEN);
		manycast_tcp_strip(ip, doff);

		KUNIT_EXPECT_EQ(test, ntohs(ip->payload_len), doff);
		KUNIT_EXPECT_EQ(test, ip->hop_limit, 0x5a);
		KUNIT_EXPECT_MEMEQ(test, th, syn, 16);
		KUNIT_EXPECT_EQ(test, 0xffff, sum_of(&ip->saddr, &ip->daddr,
						     th, doff));
	}
}

static struct kunit_case tcp_cases[] = {
	KUNIT_CASE(tcp_read_golden),
	KUNIT_CASE(tcp_read_truncated),
	KUNIT_CASE(tcp_read_data_offset),
	KUNIT_CASE(tcp_kinds),
	KUNIT_CASE_PARAM(tcp_replicable, options_gen_params),
	KUNIT_CASE_PARAM(tcp_mss, mss_gen_params),
	KUNIT_CASE(tcp_rst_golden),
	KUNIT_CASE(tcp_rst_checksum),
	KUNIT_CASE(tcp_strip),
	KUNIT_CASE(tcp_fuzz),
	{}
};

static struct kunit_suite tcp_suite = {
	.name = "seg6_manycast_tcp",
	.init = buffer_init,
	.test_cases = tcp_cases,
};

kunit_test_suite(tcp_suite);

MODULE_DESCRIPTION("KUnit tests of M-Anycast's TCP headers");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
