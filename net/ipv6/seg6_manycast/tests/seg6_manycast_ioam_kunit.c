// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of ioam.c: what we write, and how it is read again */

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/prandom.h>

#include "ioam_fixture.h"

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

static struct kunit_case ioam_cases[] = {
	KUNIT_CASE(ioam_write_golden),
	KUNIT_CASE(ioam_write_then_find),
	KUNIT_CASE(ioam_add_golden),
	KUNIT_CASE(ioam_add_overflow),
	KUNIT_CASE(ioam_add_overflow_with_a_rest),
	KUNIT_CASE(ioam_add_keeps_flags),
	KUNIT_CASE(ioam_add_long_id),
	KUNIT_CASE(ioam_add_every_field),
	KUNIT_CASE(ioam_read_in_order),
	KUNIT_CASE(ioam_foreign_types),
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
