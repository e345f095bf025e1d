// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of turn.c */

#include <kunit/test.h>
#include <linux/in.h>
#include <linux/module.h>

#include "../turn.h"

#define CANDIDATES	4

/* Waypoints of each candidate; 0x10 is the first one's SID, and its waypoints
 * are 0x11 and so on. Segments are as the SRH holds them.
 */
struct turns {
	const char *desc;
	u8 n;
	u8 waypoints[CANDIDATES];
	u8 room;
	u8 fit;
	u16 tag;
	u8 list[MANYCAST_PATH_MAX];
};

static const struct turns turns[] = {
	{ "none", 0, {}, 7, 0, 0, {} },
	{ "one", 1, { 0 }, 7, 1, 0x1, { 0x10 } },
	{ "two", 2, { 0, 0 }, 7, 2, 0x3, { 0x20, 0x10 } },
	{ "all that have room", 4, { 0, 0, 0, 0 }, 3, 3, 0x7,
	  { 0x30, 0x20, 0x10 } },
	{ "waypoints of the first", 2, { 2, 0 }, 5, 2, 0x3,
	  { 0x20, 0x10, 0x11, 0x12 } },
	{ "waypoints of the last", 2, { 0, 3 }, 5, 2, 0x11,
	  { 0x20, 0x21, 0x22, 0x23, 0x10 } },
	{ "no room for waypoints of the second", 3, { 0, 4, 0 }, 5, 1, 0x1,
	  { 0x10 } },
	{ "four waypoints fit alone", 2, { 4, 0 }, 5, 1, 0x1,
	  { 0x10, 0x11, 0x12, 0x13, 0x14 } },
};

static void turns_desc(const struct turns *p, char *desc)
{
	strscpy(desc, p->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(turns, turns, turns_desc);

static struct in6_addr segment(u8 n)
{
	return (struct in6_addr){ .s6_addr = { [0] = 0xfc, [15] = n } };
}

static void turns_path(struct kunit *test)
{
	struct manycast_instance *inst[CANDIDATES], *cand;
	const struct turns *p = test->param_value;
	struct manycast_path path;
	struct in6_addr seg;
	unsigned int i, k;

	cand = kunit_kcalloc(test, CANDIDATES, sizeof(*cand), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, cand);
	for (i = 0; i < CANDIDATES; i++) {
		inst[i] = &cand[i];
		for (k = 0; k <= p->waypoints[i]; k++) {
			seg = segment((i + 1) << 4 | k);
			manycast_path_add(&cand[i].path, &seg);
		}
	}
	KUNIT_ASSERT_EQ(test, p->fit, manycast_turns_fit(inst, p->n, p->room));
	if (!p->fit)
		return;
	memset(&path, 0xee, sizeof(path));
	manycast_turns_path(inst, p->fit, &path);
	for (i = 0; i < path.n; i++)
		KUNIT_EXPECT_EQ(test, p->list[i], path.seg[i].s6_addr[15]);
	KUNIT_EXPECT_TRUE(test, i == MANYCAST_PATH_MAX || !p->list[i]);
	KUNIT_EXPECT_EQ(test, path.left, path.n - 1);
	KUNIT_EXPECT_EQ(test, path.tag, p->tag);
}

static struct kunit_case turn_cases[] = {
	KUNIT_CASE_PARAM(turns_path, turns_gen_params),
	{}
};

static struct kunit_suite turn_suite = {
	.name = "seg6_manycast_turn",
	.test_cases = turn_cases,
};

kunit_test_suite(turn_suite);

MODULE_DESCRIPTION("KUnit tests of M-Anycast's lists of candidates");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
