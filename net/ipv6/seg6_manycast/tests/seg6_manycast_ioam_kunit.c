// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of ioam.c */

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/seg6_manycast.h>
#include <linux/unaligned.h>

#include "../ioam.h"
#include "buffer.h"

#define NONE		MANYCAST_IOAM_UNAVAILABLE
#define TRACE_AT	8	/* in the headers of these tests */
#define DATA_AT		16

/* By RFC 9486 section 3 and RFC 9197 section 4.4.1: namespace 123, two nodes of
 * four times four octets, none written, bits 0, 2, 3 and 5.
 */
static const u8 golden[] = {
	0, 5, 1, 0,			/* 48 octets; PadN of two */
	0x31, 42, 0, 0,			/* option, its length, trace */
	0, 123,				/* namespace */
	0x20, 8,			/* node length 4, no flags, 8 left */
	0xb4, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
};

static const struct manycast_node some_node = {
	.id = 0x010203,
	.sec = 0x11223344,
	.usec = 999999,
	.data = 500,
	.hop_limit = 64,
};

static const u8 some_node_golden[] = {
	64, 1, 2, 3,
	0x11, 0x22, 0x33, 0x44,
	0x00, 0x0f, 0x42, 0x3f,
	0x00, 0x00, 0x01, 0xf4,
};

static void expect_node(struct kunit *test, const struct manycast_node *node,
			const struct manycast_node *want)
{
	KUNIT_EXPECT_EQ(test, node->hop_limit, want->hop_limit);
	KUNIT_EXPECT_EQ(test, node->id, want->id);
	KUNIT_EXPECT_EQ(test, node->sec, want->sec);
	KUNIT_EXPECT_EQ(test, node->usec, want->usec);
	KUNIT_EXPECT_EQ(test, node->data, want->data);
}

/* Octets of a node's data, by the list in RFC 9197 section 4.4.1. */
static unsigned int node_len(u32 type)
{
	unsigned int bit, len = 0;

	for (bit = 0; bit <= 21; bit++)
		if (type & (0x800000 >> bit))
			len += bit >= 8 && bit <= 10 ? 8 : 4;
	return len;
}

/* A header as others might send it, at the end of the buffer. The first two
 * octets of the trace header are the namespace and stay zero.
 */
static u8 *foreign(struct kunit *test, u32 type, unsigned int nodelen,
		   unsigned int data, unsigned int left)
{
	u8 *hbh = buffer_end(test, DATA_AT + data);

	memset(hbh, 0, DATA_AT + data);
	hbh[1] = (DATA_AT + data) / 8 - 1;
	hbh[2] = 1;
	hbh[4] = 0x31;
	hbh[5] = 10 + data;
	put_unaligned_be16(nodelen / 4 << 11 | left / 4, hbh + TRACE_AT + 2);
	put_unaligned_be32(type << 8, hbh + TRACE_AT + 4);
	return hbh;
}

static void ioam_write_golden(struct kunit *test)
{
	u8 *hbh = buffer_end(test, sizeof(golden) + 8);

	memset(hbh, 0xee, sizeof(golden) + 8);
	hbh[0] = 0;
	manycast_hbh_write(hbh, 123, 2);
	KUNIT_EXPECT_EQ(test, MANYCAST_HBH_LEN(2), sizeof(golden));
	KUNIT_EXPECT_MEMEQ(test, hbh, golden, sizeof(golden));
	KUNIT_EXPECT_NULL(test, memchr_inv(hbh + sizeof(golden), 0xee, 8));
}

static void ioam_write_then_find(struct kunit *test)
{
	struct manycast_trace trace;
	unsigned int nodes;

	for (nodes = 1; nodes <= MANYCAST_IOAM_NODES_MAX; nodes++) {
		size_t len = MANYCAST_HBH_LEN(nodes);
		u8 *hbh = buffer_end(test, len);

		memset(hbh, 0xee, len);
		manycast_hbh_write(hbh, 0xffff, nodes);
		KUNIT_EXPECT_EQ(test, 8 * (hbh[1] + 1), len);
		KUNIT_EXPECT_EQ(test, 4 + 2 + hbh[5], len);

		KUNIT_ASSERT_EQ(test, 0, manycast_trace_find(hbh, len, &trace));
		KUNIT_EXPECT_PTR_EQ(test, trace.hdr, hbh + TRACE_AT);
		KUNIT_EXPECT_EQ(test, trace.type, MANYCAST_IOAM_TYPE);
		KUNIT_EXPECT_EQ(test, trace.nodelen, 16);
		KUNIT_EXPECT_EQ(test, trace.room, 16 * nodes);
		KUNIT_EXPECT_EQ(test, trace.free, 16 * nodes);
		KUNIT_EXPECT_EQ(test, manycast_trace_count(&trace), 0);
	}
}

static void ioam_find_truncated(struct kunit *test)
{
	struct manycast_trace trace;
	size_t len;
	u8 *hbh;

	for (len = 0; len < sizeof(golden); len++) {
		hbh = buffer_put(test, golden, len);
		KUNIT_EXPECT_NE(test, 0, manycast_trace_find(hbh, len, &trace));
	}
}

struct lie {
	const char *desc;
	struct {
		u8 at;
		u8 value;
	} octet[6];	/* to be changed in the golden header */
	int result;
};

static const struct lie lies[] = {
	{ "nothing changed", {}, 0 },
	{ "option one octet too long", { { 5, 43 } }, -EBADMSG },
	{ "option length 255", { { 5, 255 } }, -EBADMSG },
	{ "trace header cut short", { { 5, 9 } }, -EBADMSG },
	{ "no trace header", { { 5, 2 } }, -EBADMSG },
	{ "no trace header, and what is left fits", { { 5, 2 }, { 11, 2 } },
	  -EBADMSG },
	{ "no IOAM type",
	  { { 5, 1 }, { 9, 0 }, { 10, 0 }, { 11, 0 }, { 12, 0 } }, -ENOENT },
	{ "option length 0",
	  { { 5, 0 }, { 9, 0 }, { 10, 0 }, { 11, 0 }, { 12, 0 } }, -ENOENT },
	{ "no room, none left", { { 5, 10 }, { 11, 0 } }, 0 },
	{ "no room, a node left", { { 5, 10 }, { 11, 4 } }, -EBADMSG },
	{ "room for one and a quarter", { { 5, 30 }, { 11, 5 } }, 0 },
	{ "as before, one written", { { 5, 30 }, { 11, 1 } }, 0 },
	{ "node length 0", { { 10, 0x00 } }, -EBADMSG },
	{ "node length too small", { { 10, 0x18 } }, -EBADMSG },
	{ "node length too large", { { 10, 0x28 } }, -EBADMSG },
	{ "node length 31", { { 10, 0xf8 } }, -EBADMSG },
	{ "one node left", { { 11, 4 } }, 0 },
	{ "none left", { { 11, 0 } }, 0 },
	{ "more left than there is", { { 11, 9 } }, -EBADMSG },
	{ "127 left", { { 11, 127 } }, -EBADMSG },
	{ "half a node left", { { 11, 2 } }, -EBADMSG },
	{ "a node left less one", { { 11, 3 } }, -EBADMSG },
	{ "a node left and one", { { 11, 5 } }, -EBADMSG },
	{ "no type", { { 12, 0 } }, -EBADMSG },
	{ "no type, node length 0", { { 10, 0 }, { 12, 0 } }, -EBADMSG },
	{ "another bit", { { 12, 0xbc } }, -EBADMSG },
	{ "a wide field of four octets", { { 12, 0x34 }, { 13, 0x80 } },
	  -EBADMSG },
	{ "opaque state", { { 14, 2 } }, -EBADMSG },
	{ "opaque state, longer nodes", { { 10, 0x28 }, { 14, 2 } }, -EBADMSG },
	{ "bit 23 is reserved", { { 14, 1 } }, 0 },
	{ "bit 23 has no field", { { 10, 0x28 }, { 14, 1 } }, -EBADMSG },
	{ "all flags", { { 10, 0x27 }, { 11, 0x88 } }, 0 },
	{ "reserved octets", { { 6, 255 }, { 15, 255 } }, 0 },
	{ "incremental trace", { { 7, 1 } }, -ENOENT },
	{ "proof of transit", { { 7, 2 } }, -ENOENT },
	{ "edge to edge", { { 7, 3 } }, -ENOENT },
	{ "IOAM type 255", { { 7, 255 } }, -ENOENT },
	{ "direct export's option", { { 4, 0x11 } }, -ENOENT },
	{ "PadN up to the end", { { 3, 44 } }, -ENOENT },
	{ "PadN over the end", { { 3, 45 } }, -EBADMSG },
	{ "no length at the end", { { 3, 43 }, { 47, 5 } }, -EBADMSG },
	{ "length 0 at the end", { { 3, 42 }, { 46, 5 } }, -ENOENT },
	{ "length 1 at the end", { { 3, 42 }, { 46, 5 }, { 47, 1 } },
	  -EBADMSG },
};

static void lie_desc(const struct lie *p, char *desc)
{
	strscpy(desc, p->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(lie, lies, lie_desc);

static void ioam_find_lies(struct kunit *test)
{
	const struct lie *p = test->param_value;
	u8 *hbh = buffer_put(test, golden, sizeof(golden));
	struct manycast_trace trace;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(p->octet) && p->octet[i].at; i++)
		hbh[p->octet[i].at] = p->octet[i].value;
	KUNIT_EXPECT_EQ(test, p->result,
			manycast_trace_find(hbh, sizeof(golden), &trace));
}

struct before {
	const char *desc;
	u8 len;
	u8 option[12];
};

static const struct before befores[] = {
	{ "nothing", 0 },
	{ "Pad1", 1, { 0 } },
	{ "five Pad1", 5, { 0 } },
	{ "PadN without data", 2, { 1, 0 } },
	{ "PadN of six", 6, { 1, 4 } },
	{ "PadN of options", 6, { 1, 4, 0x31, 255, 0x31, 255 } },
	{ "Pad1 and PadN", 8, { 0, 1, 3, 0, 0, 0, 1, 0 } },
	{ "Router Alert", 4, { 5, 2, 0, 0 } },
	{ "proof of transit", 6, { 0x31, 4, 0, 2, 0, 0 } },
	{ "an IOAM option without type", 3, { 0x31, 1, 0 } },
	{ "an IOAM option without data", 2, { 0x31, 0 } },
};

static void before_desc(const struct before *p, char *desc)
{
	strscpy(desc, p->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(before, befores, before_desc);

static void ioam_find_behind(struct kunit *test)
{
	const struct before *p = test->param_value;
	size_t option = sizeof(golden) - 4, len = 2 + p->len + option;
	struct manycast_trace trace;
	u8 *hbh = buffer_end(test, len);

	hbh[0] = 0;
	hbh[1] = 0;
	memcpy(hbh + 2, p->option, p->len);
	memcpy(hbh + 2 + p->len, golden + 4, option);
	KUNIT_ASSERT_EQ(test, 0, manycast_trace_find(hbh, len, &trace));
	KUNIT_EXPECT_PTR_EQ(test, trace.hdr, hbh + 2 + p->len + 4);
	KUNIT_EXPECT_EQ(test, trace.room, 32);
}

static void ioam_add_golden(struct kunit *test)
{
	u8 *hbh = buffer_put(test, golden, sizeof(golden));
	struct manycast_trace trace;

	KUNIT_ASSERT_EQ(test, 0,
			manycast_trace_find(hbh, sizeof(golden), &trace));
	KUNIT_EXPECT_TRUE(test, manycast_trace_add(&trace, &some_node));

	/* The first writes at the end (RFC 9197 section 4.4.1). */
	KUNIT_EXPECT_MEMEQ(test, hbh + 32, some_node_golden, 16);
	KUNIT_EXPECT_EQ(test, get_unaligned_be16(hbh + 10), 0x2004);
	KUNIT_EXPECT_MEMEQ(test, hbh, golden, 10);
	KUNIT_EXPECT_MEMEQ(test, hbh + 12, golden + 12, 20);
	KUNIT_EXPECT_EQ(test, trace.free, 16);
	KUNIT_EXPECT_EQ(test, manycast_trace_count(&trace), 1);
}

static void ioam_add_overflow(struct kunit *test)
{
	u8 *hbh = buffer_put(test, golden, sizeof(golden));
	struct manycast_node node = some_node;
	struct manycast_trace trace, again;
	u8 before[sizeof(golden)];

	KUNIT_ASSERT_EQ(test, 0,
			manycast_trace_find(hbh, sizeof(golden), &trace));
	KUNIT_EXPECT_TRUE(test, manycast_trace_add(&trace, &node));
	KUNIT_EXPECT_TRUE(test, manycast_trace_add(&trace, &node));
	KUNIT_EXPECT_EQ(test, get_unaligned_be16(hbh + 10), 0x2000);

	memcpy(before, hbh, sizeof(golden));
	node.hop_limit = 1;
	KUNIT_EXPECT_FALSE(test, manycast_trace_add(&trace, &node));
	KUNIT_EXPECT_EQ(test, get_unaligned_be16(hbh + 10), 0x2400);
	KUNIT_EXPECT_FALSE(test, manycast_trace_add(&trace, &node));
	KUNIT_EXPECT_EQ(test, get_unaligned_be16(hbh + 10), 0x2400);
	KUNIT_EXPECT_MEMEQ(test, hbh, before, 10);
	KUNIT_EXPECT_MEMEQ(test, hbh + 12, before + 12, sizeof(golden) - 12);

	KUNIT_ASSERT_EQ(test, 0,
			manycast_trace_find(hbh, sizeof(golden), &again));
	KUNIT_EXPECT_EQ(test, manycast_trace_count(&again), 2);
	KUNIT_EXPECT_EQ(test, again.free, 0);
}

/* What is left need not be enough for a node. */
static void ioam_add_overflow_with_a_rest(struct kunit *test)
{
	u8 *hbh = foreign(test, MANYCAST_IOAM_TYPE, 16, 28, 12);
	struct manycast_trace trace;

	memset(hbh + DATA_AT, 0xee, 28);
	KUNIT_ASSERT_EQ(test, 0,
			manycast_trace_find(hbh, DATA_AT + 28, &trace));
	KUNIT_EXPECT_EQ(test, manycast_trace_count(&trace), 1);
	KUNIT_EXPECT_FALSE(test, manycast_trace_add(&trace, &some_node));
	KUNIT_EXPECT_EQ(test, get_unaligned_be16(hbh + 10), 0x2403);
	KUNIT_EXPECT_NULL(test, memchr_inv(hbh + DATA_AT, 0xee, 28));
}

/* Overflow (RFC 9197), Loopback and Active (RFC 9322), and the one that is not
 * assigned, are for those who come later.
 */
static void ioam_add_keeps_flags(struct kunit *test)
{
	struct manycast_trace trace;
	unsigned int flags;
	u8 *hbh;

	for (flags = 0; flags < 16; flags++) {
		hbh = buffer_put(test, golden, sizeof(golden));
		put_unaligned_be16(0x2008 | flags << 7, hbh + 10);
		KUNIT_ASSERT_EQ(test, 0, manycast_trace_find(hbh,
							     sizeof(golden),
							     &trace));
		KUNIT_EXPECT_TRUE(test, manycast_trace_add(&trace, &some_node));
		KUNIT_EXPECT_EQ(test, get_unaligned_be16(hbh + 10),
				0x2004 | flags << 7);
		KUNIT_EXPECT_TRUE(test, manycast_trace_add(&trace, &some_node));
		KUNIT_EXPECT_FALSE(test,
				   manycast_trace_add(&trace, &some_node));
		KUNIT_EXPECT_EQ(test, get_unaligned_be16(hbh + 10),
				0x2400 | flags << 7);
	}
}

static void ioam_add_long_id(struct kunit *test)
{
	u8 *hbh = buffer_put(test, golden, sizeof(golden));
	struct manycast_node node = some_node;
	struct manycast_trace trace;

	node.id = 0xab010203;
	KUNIT_ASSERT_EQ(test, 0,
			manycast_trace_find(hbh, sizeof(golden), &trace));
	KUNIT_EXPECT_TRUE(test, manycast_trace_add(&trace, &node));
	KUNIT_EXPECT_MEMEQ(test, hbh + 32, some_node_golden, 16);
}

/* All types but the opaque state: what we do not have is "unavailable". */
static void ioam_add_every_field(struct kunit *test)
{
	u8 *hbh = foreign(test, 0xfffffc, 100, 200, 200), want[100];
	struct manycast_trace trace;
	struct manycast_node node;

	memset(hbh + DATA_AT, 0xee, 200);
	memset(want, 0xff, sizeof(want));
	memcpy(want, some_node_golden, 4);
	memcpy(want + 8, some_node_golden + 4, 8);
	memcpy(want + 20, some_node_golden + 12, 4);

	KUNIT_ASSERT_EQ(test, 0,
			manycast_trace_find(hbh, DATA_AT + 200, &trace));
	KUNIT_EXPECT_TRUE(test, manycast_trace_add(&trace, &some_node));
	KUNIT_EXPECT_MEMEQ(test, hbh + DATA_AT + 100, want, 100);
	KUNIT_EXPECT_NULL(test, memchr_inv(hbh + DATA_AT, 0xee, 100));
	KUNIT_EXPECT_EQ(test, get_unaligned_be16(hbh + 10), 25 << 11 | 25);

	KUNIT_ASSERT_TRUE(test, manycast_trace_read(&trace, 0, &node));
	expect_node(test, &node, &some_node);
}

static void ioam_read_in_order(struct kunit *test)
{
	u8 *hbh = buffer_end(test, MANYCAST_HBH_LEN(4));
	struct manycast_node node, nodes[3] = {
		{ .id = 1, .sec = 10, .usec = 100, .data = 1000,
		  .hop_limit = 64 },
		{ .id = 2, .sec = 20, .usec = 200, .data = NONE,
		  .hop_limit = 63 },
		{ .id = 0xffffff, .sec = NONE, .usec = NONE, .data = 0,
		  .hop_limit = 0 },
	};
	struct manycast_trace trace;
	unsigned int i, j;

	manycast_hbh_write(hbh, 0, 4);
	KUNIT_ASSERT_EQ(test, 0, manycast_trace_find(hbh, MANYCAST_HBH_LEN(4),
						     &trace));
	KUNIT_EXPECT_FALSE(test, manycast_trace_read(&trace, 0, &node));

	for (i = 0; i < ARRAY_SIZE(nodes); i++) {
		KUNIT_EXPECT_TRUE(test, manycast_trace_add(&trace, &nodes[i]));
		/* As somebody sees it who comes now. */
		KUNIT_ASSERT_EQ(test, 0,
				manycast_trace_find(hbh, MANYCAST_HBH_LEN(4),
						    &trace));
		KUNIT_EXPECT_EQ(test, manycast_trace_count(&trace), i + 1);
		for (j = 0; j <= i; j++) {
			KUNIT_ASSERT_TRUE(test, manycast_trace_read(&trace, j,
								    &node));
			expect_node(test, &node, &nodes[j]);
		}
		KUNIT_EXPECT_FALSE(test,
				   manycast_trace_read(&trace, i + 1, &node));
		KUNIT_EXPECT_FALSE(test,
				   manycast_trace_read(&trace, UINT_MAX,
						       &node));
	}
}

static u32 field(const u8 *node, u32 type, unsigned int bit)
{
	u32 before = type & ~(0xffffff >> bit);

	if (!(type & (0x800000 >> bit)))
		return NONE;
	return get_unaligned_be32(node + node_len(before));
}

static void check_foreign(struct kunit *test, u32 type)
{
	unsigned int i, len = node_len(type), room = rounddown(244, len);
	u8 *hbh = foreign(test, type, len, room, room - len), *first;
	struct manycast_node node, want;
	struct manycast_trace trace;

	for (i = 0; i < room; i++)
		hbh[DATA_AT + i] = i + 1;
	KUNIT_ASSERT_EQ_MSG(test, 0, manycast_trace_find(hbh, DATA_AT + room,
							 &trace),
			    "type %06x", type);
	KUNIT_EXPECT_EQ(test, trace.nodelen, len);
	KUNIT_EXPECT_EQ(test, manycast_trace_count(&trace), 1);

	first = hbh + DATA_AT + room - len;
	want.id = field(first, type, 0) & 0xffffff;
	want.hop_limit = field(first, type, 0) >> 24;
	want.sec = field(first, type, 2);
	want.usec = field(first, type, 3);
	want.data = field(first, type, 5);
	KUNIT_ASSERT_EQ(test, manycast_trace_read(&trace, 0, &node),
			!!(type & 0x800000));
	if (type & 0x800000)
		expect_node(test, &node, &want);

	if (!manycast_trace_add(&trace, &some_node))
		return;
	KUNIT_EXPECT_EQ(test, first[0], (u8)(room - len + 1));
	for (i = 0; i < room - 2 * len; i++)
		KUNIT_ASSERT_EQ(test, hbh[DATA_AT + i], (u8)(i + 1));
	want = some_node;
	want.sec = type & 0x200000 ? want.sec : NONE;
	want.usec = type & 0x100000 ? want.usec : NONE;
	want.data = type & 0x040000 ? want.data : NONE;
	if (manycast_trace_read(&trace, 1, &node))
		expect_node(test, &node, &want);
}

static void ioam_foreign_types(struct kunit *test)
{
	struct rnd_state rnd;
	unsigned int i;
	u32 type;

	for (i = 0; i <= 21; i++) {
		check_foreign(test, 0x800000 >> i);
		check_foreign(test, 0xb40000 | 0x800000 >> i);
		check_foreign(test, 0xfffffc & ~(0x800000 >> i));
	}
	prandom_seed_state(&rnd, 1);
	for (i = 0; i < 2000; i++) {
		type = prandom_u32_state(&rnd) & 0xfffffc;
		if (type)
			check_foreign(test, type);
	}
}

/* Every length of a node's data but the right one. */
static void ioam_foreign_node_len(struct kunit *test)
{
	struct manycast_trace trace;
	unsigned int bit, len;
	u8 *hbh;

	for (bit = 0; bit <= 22; bit++) {
		u32 type = 0x800000 >> bit;

		for (len = 0; len <= 124; len += 4) {
			bool ok = bit <= 21 && len == node_len(type);

			hbh = foreign(test, type, len, 2 * len, 2 * len);
			KUNIT_EXPECT_EQ_MSG(test, ok ? 0 : -EBADMSG,
					    manycast_trace_find(hbh,
								DATA_AT +
								2 * len,
								&trace),
					    "bit %u, length %u", bit, len);
		}
	}
}

#define PLACES 5

struct journey {
	const char *desc;
	u8 n;
	struct {
		u8 hop_limit;
		u32 id;
		u32 sec;
		u32 usec;
		u32 data;
	} at[PLACES];
	u32 residence;
	u32 load;
};

static const struct journey journeys[] = {
	{ "nobody wrote", 0, {}, NONE, NONE },
	{ "only one wrote", 1, { { 64, 7, 1, 1, 1 } }, NONE, NONE },
	{ "only the server wrote", 2,
	  { { 60, 7, 10, 100, NONE }, { 64, 7, 10, 350, 42 } }, 250, 42 },
	{ "routers on both ways", 5,
	  { { 63, 1, 5, 0, NONE }, { 62, 2, 6, 0, NONE },
	    { 61, 7, 10, 100, NONE }, { 64, 7, 10, 350, 42 },
	    { 63, 2, 30, 0, NONE } }, 250, 42 },
	{ "one hop", 2, { { 63, 7, 1, 0, NONE }, { 64, 7, 2, 0, 0 } },
	  1000000, 0 },
	{ "the hop limit never rises", 4,
	  { { 63, 7, 1, 0, NONE }, { 62, 7, 1, 1, 2 }, { 62, 7, 1, 3, 2 },
	    { 1, 7, 1, 4, 2 } }, NONE, NONE },
	{ "the hop limit stays", 2,
	  { { 64, 7, 1, 0, NONE }, { 64, 7, 1, 5, 1 } }, NONE, NONE },
	{ "it stays, then rises", 3,
	  { { 63, 6, 1, 0, NONE }, { 63, 7, 1, 5, 1 }, { 64, 7, 1, 6, 1 } },
	  1, 1 },
	{ "the server did not write on arrival", 3,
	  { { 63, 1, 1, 0, NONE }, { 64, 7, 1, 5, 1 }, { 63, 1, 1, 9, 1 } },
	  NONE, NONE },
	{ "who rises first is not the server", 4,
	  { { 62, 1, 1, 0, NONE }, { 64, 2, 1, 5, 1 }, { 60, 7, 1, 6, 1 },
	    { 64, 7, 1, 9, 1 } }, NONE, NONE },
	{ "only the first turn counts", 4,
	  { { 62, 7, 1, 0, NONE }, { 64, 7, 1, 5, 1 }, { 60, 7, 1, 6, 1 },
	    { 64, 7, 1, 9, 2 } }, 5, 1 },
	{ "node ids not configured", 2,
	  { { 60, 0xffffff, 1, 0, NONE }, { 64, 0xffffff, 1, 5, 1 } }, 5, 1 },
	{ "no seconds on arrival", 2,
	  { { 60, 7, NONE, 0, NONE }, { 64, 7, 1, 5, 1 } }, NONE, 1 },
	{ "no seconds on departure", 2,
	  { { 60, 7, 1, 0, NONE }, { 64, 7, NONE, 5, 1 } }, NONE, 1 },
	{ "no microseconds on arrival", 2,
	  { { 60, 7, 1, NONE, NONE }, { 64, 7, 1, 5, 1 } }, NONE, 1 },
	{ "no microseconds on departure", 2,
	  { { 60, 7, 1, 0, NONE }, { 64, 7, 1, NONE, 1 } }, NONE, 1 },
	{ "a million microseconds on arrival", 2,
	  { { 60, 7, 1, 1000000, NONE }, { 64, 7, 3, 0, 1 } }, NONE, 1 },
	{ "a million microseconds on departure", 2,
	  { { 60, 7, 1, 0, NONE }, { 64, 7, 1, 1000000, 1 } }, NONE, 1 },
	{ "999999 microseconds", 2,
	  { { 60, 7, 1, 999999, NONE }, { 64, 7, 2, 999999, 1 } },
	  1000000, 1 },
	{ "no time", 2, { { 60, 7, 1, 5, NONE }, { 64, 7, 1, 5, 1 } }, 0, 1 },
	{ "one microsecond back", 2,
	  { { 60, 7, 1, 5, NONE }, { 64, 7, 1, 4, 1 } }, NONE, 1 },
	{ "one second back", 2,
	  { { 60, 7, 2, 0, NONE }, { 64, 7, 1, 999999, 1 } }, NONE, 1 },
	{ "across a second", 2,
	  { { 60, 7, 1, 999999, NONE }, { 64, 7, 2, 0, 1 } }, 1, 1 },
	{ "across 2106", 2,
	  { { 60, 7, 0xfffffffe, 900000, NONE }, { 64, 7, 1, 100000, 1 } },
	  2200000, 1 },
	{ "back across 2106", 2,
	  { { 60, 7, 1, 0, NONE }, { 64, 7, 0xfffffffe, 0, 1 } }, NONE, 1 },
	{ "almost too long", 2,
	  { { 60, 7, 0, 0, NONE }, { 64, 7, 4294, 967294, 1 } },
	  NONE - 1, 1 },
	{ "too long", 2, { { 60, 7, 0, 0, NONE }, { 64, 7, 4294, 967295, 1 } },
	  NONE, 1 },
	{ "much too long", 2,
	  { { 60, 7, 0, 0, NONE }, { 64, 7, 0x7fffffff, 0, 1 } }, NONE, 1 },
	{ "half an era is the past", 2,
	  { { 60, 7, 0, 0, NONE }, { 64, 7, 0x80000000, 0, 1 } }, NONE, 1 },
	{ "full load", 2, { { 60, 7, 1, 0, NONE }, { 64, 7, 1, 0, 1000 } },
	  0, 1000 },
	{ "more than full load", 2,
	  { { 60, 7, 1, 0, NONE }, { 64, 7, 1, 0, 1001 } }, 0, 1000 },
	{ "absurd load", 2,
	  { { 60, 7, 1, 0, NONE }, { 64, 7, 1, 0, NONE - 1 } }, 0, 1000 },
	{ "no load on departure", 2,
	  { { 60, 7, 1, 0, 3 }, { 64, 7, 1, 0, NONE } }, 0, NONE },
};

static void journey_desc(const struct journey *p, char *desc)
{
	strscpy(desc, p->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(journey, journeys, journey_desc);

static void ioam_telemetry(struct kunit *test)
{
	const struct journey *p = test->param_value;
	u8 *hbh = buffer_end(test, MANYCAST_HBH_LEN(PLACES));
	struct manycast_telemetry tm;
	struct manycast_trace trace;
	unsigned int i;

	manycast_hbh_write(hbh, 0, PLACES);
	KUNIT_ASSERT_EQ(test, 0,
			manycast_trace_find(hbh, MANYCAST_HBH_LEN(PLACES),
					    &trace));
	for (i = 0; i < p->n; i++) {
		struct manycast_node node = {
			.hop_limit = p->at[i].hop_limit,
			.id = p->at[i].id,
			.sec = p->at[i].sec,
			.usec = p->at[i].usec,
			.data = p->at[i].data,
		};

		KUNIT_ASSERT_TRUE(test, manycast_trace_add(&trace, &node));
	}
	manycast_trace_telemetry(&trace, &tm);
	KUNIT_EXPECT_EQ(test, tm.residence, p->residence);
	KUNIT_EXPECT_EQ(test, tm.load, p->load);
}

struct partial {
	const char *desc;
	u32 type;
	u32 residence;
	u32 load;
};

static const struct partial partials[] = {
	{ "all of ours and others", 0xfffffc, 5, 10 },
	{ "no hop limit", 0x340000, NONE, NONE },
	{ "no seconds", 0x940000, NONE, 10 },
	{ "no microseconds", 0xa40000, NONE, 10 },
	{ "no data", 0xb00000, 5, NONE },
	{ "hop limit only", 0x800000, NONE, NONE },
};

static void partial_desc(const struct partial *p, char *desc)
{
	strscpy(desc, p->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(partial, partials, partial_desc);

static void ioam_telemetry_partial(struct kunit *test)
{
	static const struct manycast_node in = { .hop_limit = 60, .usec = 1 };
	static const struct manycast_node out = { .hop_limit = 64, .usec = 6,
						  .data = 10 };
	const struct partial *p = test->param_value;
	unsigned int len = node_len(p->type);
	u8 *hbh = foreign(test, p->type, len, 2 * len, 2 * len);
	struct manycast_telemetry tm;
	struct manycast_trace trace;

	KUNIT_ASSERT_EQ(test, 0,
			manycast_trace_find(hbh, DATA_AT + 2 * len, &trace));
	KUNIT_ASSERT_TRUE(test, manycast_trace_add(&trace, &in));
	KUNIT_ASSERT_TRUE(test, manycast_trace_add(&trace, &out));
	manycast_trace_telemetry(&trace, &tm);
	KUNIT_EXPECT_EQ(test, tm.residence, p->residence);
	KUNIT_EXPECT_EQ(test, tm.load, p->load);
}

/* Half of the headers are random, the others good ones with a few octets
 * changed, which come further.
 */
static u8 *fuzzed(struct kunit *test, struct rnd_state *rnd, size_t *len)
{
	unsigned int i;
	u8 *hbh;

	if (prandom_u32_state(rnd) & 1) {
		*len = prandom_u32_state(rnd) % 300;
		hbh = buffer_end(test, *len);
		prandom_bytes_state(rnd, hbh, *len);
		return hbh;
	}
	i = prandom_u32_state(rnd) % MANYCAST_IOAM_NODES_MAX + 1;
	*len = MANYCAST_HBH_LEN(i);
	hbh = buffer_end(test, *len);
	manycast_hbh_write(hbh, 0, i);
	prandom_bytes_state(rnd, hbh + DATA_AT, *len - DATA_AT);
	hbh[11] = prandom_u32_state(rnd) % (i + 1) * 4;
	for (i = prandom_u32_state(rnd) % 4; i; i--)
		hbh[prandom_u32_state(rnd) % DATA_AT] = prandom_u32_state(rnd);
	return hbh;
}

static bool use(struct manycast_trace *trace)
{
	unsigned int i, count = manycast_trace_count(trace);
	struct manycast_telemetry tm;
	struct manycast_node node;

	for (i = 0; i < count; i++)
		if (manycast_trace_read(trace, i, &node) && node.id > 0xffffff)
			return false;
	if (manycast_trace_read(trace, count, &node))
		return false;
	manycast_trace_telemetry(trace, &tm);
	if (tm.load != NONE && tm.load > SEG6_MANYCAST_LOAD_MAX)
		return false;
	while (manycast_trace_add(trace, &some_node))
		count++;
	return manycast_trace_count(trace) == count &&
	       trace->free < trace->nodelen;
}

static void ioam_fuzz(struct kunit *test)
{
	const size_t untouched = BUFFER_SIZE - 300;
	unsigned int i, good = 0, wrong = 0;
	struct manycast_trace trace;
	struct rnd_state rnd;
	size_t len;
	u8 *hbh;

	memset(test->priv, 0xee, BUFFER_SIZE);
	prandom_seed_state(&rnd, 2);
	for (i = 0; i < 200000; i++) {
		hbh = fuzzed(test, &rnd, &len);
		if (manycast_trace_find(hbh, len, &trace))
			continue;
		good++;
		if (trace.hdr < hbh + 6 ||
		    trace.hdr + 8 + trace.room > hbh + len || !use(&trace))
			wrong++;
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_GT(test, good, 10000);
	KUNIT_EXPECT_NULL(test, memchr_inv(test->priv, 0xee, untouched));
}

static struct kunit_case ioam_cases[] = {
	KUNIT_CASE(ioam_write_golden),
	KUNIT_CASE(ioam_write_then_find),
	KUNIT_CASE(ioam_find_truncated),
	KUNIT_CASE_PARAM(ioam_find_lies, lie_gen_params),
	KUNIT_CASE_PARAM(ioam_find_behind, before_gen_params),
	KUNIT_CASE(ioam_add_golden),
	KUNIT_CASE(ioam_add_overflow),
	KUNIT_CASE(ioam_add_overflow_with_a_rest),
	KUNIT_CASE(ioam_add_keeps_flags),
	KUNIT_CASE(ioam_add_long_id),
	KUNIT_CASE(ioam_add_every_field),
	KUNIT_CASE(ioam_read_in_order),
	KUNIT_CASE(ioam_foreign_types),
	KUNIT_CASE(ioam_foreign_node_len),
	KUNIT_CASE_PARAM(ioam_telemetry, journey_gen_params),
	KUNIT_CASE_PARAM(ioam_telemetry_partial, partial_gen_params),
	KUNIT_CASE(ioam_fuzz),
	{}
};

static struct kunit_suite ioam_suite = {
	.name = "seg6_manycast_ioam",
	.init = buffer_init,
	.test_cases = ioam_cases,
};

kunit_test_suite(ioam_suite);

MODULE_DESCRIPTION("KUnit tests of M-Anycast's IOAM traces");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
