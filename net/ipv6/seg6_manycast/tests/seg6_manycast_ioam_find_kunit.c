// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of ioam.c: what is a trace, and what only looks like one */

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/seg6_manycast.h>

#include "ioam_fixture.h"

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
	KUNIT_CASE(ioam_find_truncated),
	KUNIT_CASE_PARAM(ioam_find_lies, lie_gen_params),
	KUNIT_CASE_PARAM(ioam_find_behind, before_gen_params),
	KUNIT_CASE(ioam_foreign_node_len),
	KUNIT_CASE(ioam_fuzz),
	{}
};

static struct kunit_suite ioam_suite = {
	.name = "seg6_manycast_ioam_find",
	.init = buffer_init,
	.test_cases = ioam_cases,
};

kunit_test_suite(ioam_suite);

MODULE_DESCRIPTION("KUnit tests of how M-Anycast finds an IOAM trace");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
