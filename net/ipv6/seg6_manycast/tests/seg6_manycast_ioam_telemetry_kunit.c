// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of ioam.c: what a trace tells of its server */

#include <kunit/test.h>
#include <linux/module.h>

#include "ioam_fixture.h"

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

static struct kunit_case ioam_cases[] = {
	KUNIT_CASE_PARAM(ioam_telemetry, journey_gen_params),
	KUNIT_CASE_PARAM(ioam_telemetry_partial, partial_gen_params),
	{}
};

static struct kunit_suite ioam_suite = {
	.name = "seg6_manycast_ioam_telemetry",
	.init = buffer_init,
	.test_cases = ioam_cases,
};

kunit_test_suite(ioam_suite);

MODULE_DESCRIPTION("KUnit tests of what M-Anycast reads from an IOAM trace");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
