// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of srh.c */

#include <kunit/test.h>
#include <linux/in.h>
#include <linux/module.h>

#include "../srh.h"
#include "buffer.h"

#define LONGEST		2048	/* octets, Hdr Ext Len 255 */

static struct in6_addr sid(u8 n)
{
	return (struct in6_addr){ .s6_addr = { [0] = 0xfc, [15] = n } };
}

static void make_path(struct manycast_path *path, const u8 *seg, u8 n, u8 left)
{
	unsigned int i;

	memset(path, 0, sizeof(*path));
	for (i = 0; i < n; i++)
		path->seg[i] = sid(seg[i]);
	path->n = n;
	path->left = left;
}

static const u8 some[MANYCAST_PATH_MAX] = { 1, 2, 3, 4, 5, 6, 7 };

/* RFC 8754 section 2: Next Header 41, Hdr Ext Len 6, Routing Type 4, Segments
 * Left 1, Last Entry 2, no flags, no tag, the last segment first.
 */
static const u8 golden[] = {
	41, 6, 4, 1, 2, 0, 0, 0,
	0xfc, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
	0xfc, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
	0xfc, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3,
};

static void srh_write_golden(struct kunit *test)
{
	u8 *start = buffer_end(test, sizeof(golden) + 8);
	struct manycast_path path;

	make_path(&path, some, 3, 1);
	memset(start, 0xee, sizeof(golden) + 8);
	manycast_srh_write(start, IPPROTO_IPV6, &path);

	KUNIT_EXPECT_EQ(test, manycast_srh_len(3), sizeof(golden));
	KUNIT_EXPECT_MEMEQ(test, start, golden, sizeof(golden));
	KUNIT_EXPECT_NULL(test, memchr_inv(start + sizeof(golden), 0xee, 8));
}

static void srh_read_golden(struct kunit *test)
{
	void *srh = buffer_put(test, golden, sizeof(golden));
	struct manycast_path path;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, manycast_srh_check(srh, sizeof(golden)), 0);
	KUNIT_ASSERT_EQ(test, manycast_srh_read(srh, &path), 0);
	KUNIT_ASSERT_EQ(test, path.n, 3);
	KUNIT_EXPECT_EQ(test, path.left, 1);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, path.seg[i].s6_addr[15], i + 1);
}

static void srh_write_then_read(struct kunit *test)
{
	struct manycast_path in, out;
	unsigned int n, left;
	u8 *srh;

	for (n = 1; n <= MANYCAST_PATH_MAX; n++) {
		for (left = 0; left <= n; left++) {
			size_t len = manycast_srh_len(n);

			make_path(&in, some, n, left);
			in.tag = 0x8100 | left;
			srh = buffer_end(test, len);
			manycast_srh_write(srh, IPPROTO_TCP, &in);
			KUNIT_EXPECT_EQ(test, srh[6], 0x81);
			KUNIT_EXPECT_EQ(test, srh[7], left);
			KUNIT_EXPECT_EQ(test, manycast_srh_check(srh, len), 0);

			memset(&out, 0, sizeof(out));
			KUNIT_EXPECT_EQ(test, manycast_srh_read(srh, &out), 0);
			KUNIT_EXPECT_MEMEQ(test, &out, &in, sizeof(in));
		}
	}
}

/* An SRH at the end of the buffer. Segments are all the same, and what they
 * leave of the header is zero, which is Pad1.
 */
static u8 *make_srh(struct kunit *test, u8 hdrlen, u8 type, u8 left, u8 last)
{
	size_t len = 8 * (hdrlen + 1);
	u8 *srh = buffer_end(test, len);

	memset(srh, 0, len);
	srh[0] = IPPROTO_IPV6;
	srh[1] = hdrlen;
	srh[2] = type;
	srh[3] = left;
	srh[4] = last;
	memset(srh + 8, 0x20, min(16 * (last + 1), 8 * hdrlen));
	return srh;
}

/* A packet that ends within the header, wherever. */
static void srh_check_truncated(struct kunit *test)
{
	u8 *longest = kunit_kmalloc(test, LONGEST, GFP_KERNEL);
	size_t len;
	void *srh;

	KUNIT_ASSERT_NOT_NULL(test, longest);
	memcpy(longest, make_srh(test, 255, 4, 0, 126), LONGEST);

	for (len = 0; len < sizeof(golden); len++) {
		srh = buffer_put(test, golden, len);
		KUNIT_EXPECT_EQ(test, manycast_srh_check(srh, len), -EBADMSG);
	}
	for (len = 0; len < LONGEST; len++) {
		srh = buffer_put(test, longest, len);
		KUNIT_EXPECT_EQ(test, manycast_srh_check(srh, len), -EBADMSG);
	}
	srh = buffer_put(test, longest, LONGEST);
	KUNIT_EXPECT_EQ(test, manycast_srh_check(srh, LONGEST), 0);
}

/* Whatever comes behind it does not matter. */
static void srh_check_not_at_the_end(struct kunit *test)
{
	u8 *srh = buffer_end(test, 2 * sizeof(golden));

	memset(srh, 0xff, 2 * sizeof(golden));
	memcpy(srh, golden, sizeof(golden));
	KUNIT_EXPECT_EQ(test, 0, manycast_srh_check(srh, 2 * sizeof(golden)));
	KUNIT_EXPECT_EQ(test, 0, manycast_srh_check(srh, sizeof(golden) + 1));
}

struct srh_header {
	const char *desc;
	u8 hdrlen;
	u8 type;
	u8 left;
	u8 last;
	int result;
};

static const struct srh_header headers[] = {
	{ "at the last of two segments", 4, 4, 0, 1, 0 },
	{ "at the first of two segments", 4, 4, 1, 1, 0 },
	{ "reduced, two segments", 4, 4, 2, 1, 0 },
	{ "segments left one too many", 4, 4, 3, 1, -ERANGE },
	{ "segments left 255", 4, 4, 255, 1, -ERANGE },
	{ "one segment", 2, 4, 0, 0, 0 },
	{ "reduced, one segment", 2, 4, 1, 0, 0 },
	{ "one segment, two left", 2, 4, 2, 0, -ERANGE },
	{ "one segment and eight octets", 3, 4, 0, 0, 0 },
	{ "one segment and room for another", 4, 4, 0, 0, 0 },
	{ "last entry one too many", 4, 4, 0, 2, -ERANGE },
	{ "last entry half outside", 3, 4, 0, 1, -ERANGE },
	{ "last entry 255", 4, 4, 0, 255, -ERANGE },
	{ "no room for any segment", 0, 4, 0, 0, -ERANGE },
	{ "room for half a segment", 1, 4, 0, 0, -ERANGE },
	{ "the longest", 255, 4, 127, 126, 0 },
	{ "the longest, last entry too many", 255, 4, 0, 127, -ERANGE },
	{ "the longest, last entry 255", 255, 4, 0, 255, -ERANGE },
	{ "source route", 4, 0, 0, 1, -EBADMSG },
	{ "mobility", 4, 2, 0, 1, -EBADMSG },
	{ "RPL", 4, 3, 0, 1, -EBADMSG },
	{ "type 5", 4, 5, 0, 1, -EBADMSG },
	{ "type 255", 4, 255, 0, 1, -EBADMSG },
	{ "not an SRH before segments left", 4, 0, 9, 9, -EBADMSG },
};

static void header_desc(const struct srh_header *p, char *desc)
{
	strscpy(desc, p->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(header, headers, header_desc);

static void srh_check_header(struct kunit *test)
{
	const struct srh_header *p = test->param_value;
	u8 *srh = make_srh(test, p->hdrlen, p->type, p->left, p->last);

	KUNIT_EXPECT_EQ(test, manycast_srh_check(srh, 8 * (p->hdrlen + 1)),
			p->result);
}

struct srh_tlvs {
	const char *desc;
	u8 len;
	u8 tlv[24];
	int result;
};

static const struct srh_tlvs tlvs[] = {
	{ "none", 0, { 0 }, 0 },
	{ "Pad1", 8, { 0 }, 0 },
	{ "Pad1, thrice eight", 24, { 0 }, 0 },
	{ "PadN without data", 8, { 4, 0, 4, 0, 4, 0, 4, 0 }, 0 },
	{ "PadN fills", 8, { 4, 6 }, 0 },
	{ "PadN is not looked into", 8, { 4, 6, 4, 255, 4, 255, 4, 255 }, 0 },
	{ "Pad1, then PadN", 8, { 0, 4, 5 }, 0 },
	{ "PadN, then Pad1", 8, { 4, 5, 1, 1, 1, 1, 1, 0 }, 0 },
	{ "of private use", 8, { 124, 6, 1, 2, 3, 4, 5, 6 }, 0 },
	{ "two", 16, { 124, 6, 1, 2, 3, 4, 5, 6, 252, 6 }, 0 },
	{ "across eight octets", 16,
	  { 124, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 4, 3 }, 0 },
	{ "one octet too long", 8, { 4, 7 }, -EBADMSG },
	{ "length 255", 8, { 4, 255 }, -EBADMSG },
	{ "the second too long", 16, { 4, 6, 0, 0, 0, 0, 0, 0, 5, 7 },
	  -EBADMSG },
	{ "only the last fits", 16, { 5, 15, 0, 0, 0, 0, 0, 0, 5, 6 },
	  -EBADMSG },
	{ "no length", 8, { 0, 0, 0, 0, 0, 0, 0, 4 }, -EBADMSG },
	{ "no length behind another", 8, { 4, 5, 0, 0, 0, 0, 0, 5 }, -EBADMSG },
	{ "a length but no data", 8, { 4, 4, 0, 0, 0, 0, 5, 1 }, -EBADMSG },
};

static void tlvs_desc(const struct srh_tlvs *p, char *desc)
{
	strscpy(desc, p->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(tlvs, tlvs, tlvs_desc);

static void srh_check_tlvs(struct kunit *test)
{
	const struct srh_tlvs *p = test->param_value;
	size_t len = manycast_srh_len(2) + p->len;
	u8 *srh = make_srh(test, len / 8 - 1, 4, 0, 1);

	memcpy(srh + manycast_srh_len(2), p->tlv, p->len);
	KUNIT_EXPECT_EQ(test, manycast_srh_check(srh, len), p->result);
}

struct srh_segment {
	const char *desc;
	struct in6_addr addr;
	int result;
};

/* What must not become a destination. */
static const struct srh_segment segments[] = {
	{ "global", { .s6_addr = { 0x20, 0x01, [15] = 1 } }, 0 },
	{ "unique local", { .s6_addr = { 0xfd, [15] = 1 } }, 0 },
	{ "no address", {}, -EBADMSG },
	{ "a little more than none", { .s6_addr = { [8] = 1 } }, 0 },
	{ "multicast", { .s6_addr = { 0xff, 0x02, [15] = 1 } }, -EBADMSG },
	{ "almost multicast", { .s6_addr = { 0xfe, 0xff, [15] = 1 } }, 0 },
};

static void segment_desc(const struct srh_segment *p, char *desc)
{
	strscpy(desc, p->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(segment, segments, segment_desc);

static void srh_check_segments(struct kunit *test)
{
	const struct srh_segment *p = test->param_value;
	unsigned int i, last, left;
	u8 *srh;

	for (last = 0; last < 4; last++) {
		for (i = 0; i <= last; i++) {
			for (left = 0; left <= last; left++) {
				srh = make_srh(test, 10, 4, left, last);
				memcpy(srh + 8 + 16 * i, &p->addr, 16);
				KUNIT_EXPECT_EQ(test, p->result,
						manycast_srh_check(srh, 88));
			}
		}
		/* Behind the last one there is none. */
		srh = make_srh(test, 10, 4, 0, last);
		KUNIT_EXPECT_EQ(test, manycast_srh_check(srh, 88), 0);
	}
}

static void srh_read_too_long(struct kunit *test)
{
	struct manycast_path path;
	unsigned int last;
	u8 *srh;

	for (last = 0; last <= 126; last++) {
		srh = make_srh(test, 255, 4, 0, last);
		KUNIT_EXPECT_EQ(test, manycast_srh_check(srh, LONGEST), 0);
		KUNIT_EXPECT_EQ(test, manycast_srh_read(srh, &path),
				last < MANYCAST_PATH_MAX ? 0 : -E2BIG);
	}
}

static void srh_path_add(struct kunit *test)
{
	struct manycast_path path, want;
	struct in6_addr seg;
	unsigned int i;

	memset(&path, 0, sizeof(path));
	for (i = 0; i < MANYCAST_PATH_MAX; i++) {
		seg = sid(some[i]);
		manycast_path_add(&path, &seg);
		make_path(&want, some, i + 1, 0);
		KUNIT_EXPECT_MEMEQ(test, &path, &want, sizeof(want));
	}
}

struct reversal {
	const char *desc;
	u8 n;
	u8 there[MANYCAST_PATH_MAX];
	u8 back[MANYCAST_PATH_MAX];
	u8 left;
};

/* 1 is the server, 2 the selector, 3 the edge; 4 to 7 are waypoints. */
static const struct reversal reversals[] = {
	{ "selector", 2, { 1, 2 }, { 2, 1 }, 0 },
	{ "selector, edge", 3, { 1, 2, 3 }, { 3, 2, 1 }, 1 },
	{ "waypoint, selector", 3, { 1, 4, 2 }, { 2, 4, 1 }, 1 },
	{ "waypoint, selector, edge", 4, { 1, 4, 2, 3 }, { 3, 2, 4, 1 }, 2 },
	{ "four waypoints, selector, edge", 7, { 1, 7, 6, 5, 4, 2, 3 },
	  { 3, 2, 4, 5, 6, 7, 1 }, 5 },
};

static void reversal_desc(const struct reversal *p, char *desc)
{
	strscpy(desc, p->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(reversal, reversals, reversal_desc);

static void srh_path_reverse(struct kunit *test)
{
	const struct reversal *p = test->param_value;
	struct manycast_path there, back = {}, want, again = {};

	make_path(&there, p->there, p->n, 0);
	make_path(&want, p->back, p->n, p->left);
	there.tag = 0x7;
	manycast_path_reverse(&there, &back);
	KUNIT_EXPECT_MEMEQ(test, &back, &want, sizeof(want));

	/* The first stop on the way back is the last on the way there. */
	KUNIT_EXPECT_MEMEQ(test, &back.seg[back.left], &there.seg[1],
			   sizeof(there.seg[1]));
	manycast_path_reverse(&back, &again);
	KUNIT_EXPECT_MEMEQ(test, again.seg, there.seg, sizeof(there.seg));
}

struct narrowing {
	const char *desc;
	u8 n;
	u8 left;
	u16 tag;
	u8 list[MANYCAST_PATH_MAX];
	u8 want_n;
	u8 want[MANYCAST_PATH_MAX];
};

/* 1 is the last candidate, 2 and 3 come before it; 4 and 5 are waypoints, 8 the
 * selector, 9 the edge. Where nothing is wanted the list is none of candidates.
 */
static const struct narrowing narrowings[] = {
	{ "the first of two", 4, 1, 0x7, { 1, 2, 8, 9 }, 3, { 2, 8, 9 } },
	{ "the last of two", 4, 0, 0x7, { 1, 2, 8, 9 }, 3, { 1, 8, 9 } },
	{ "no edge", 3, 0, 0x7, { 1, 2, 8 }, 2, { 1, 8 } },
	{ "the middle one", 5, 1, 0xf, { 1, 2, 3, 8, 9 }, 3, { 2, 8, 9 } },
	{ "the first has a waypoint", 5, 1, 0xb, { 1, 2, 4, 8, 9 },
	  4, { 2, 4, 8, 9 } },
	{ "that waypoint is not the last one's", 5, 0, 0xb, { 1, 2, 4, 8, 9 },
	  3, { 1, 8, 9 } },
	{ "the last has two", 7, 0, 0x39, { 1, 4, 5, 2, 3, 8, 9 },
	  5, { 1, 4, 5, 8, 9 } },
	{ "other bits do not matter", 4, 1, 0x8087, { 1, 2, 8, 9 },
	  3, { 2, 8, 9 } },
	{ "seven segments", 7, 6, 0x7f, { 1, 2, 3, 4, 5, 8, 9 } },
	{ "seven, the last but one", 7, 5, 0x7f, { 1, 2, 3, 4, 5, 8, 9 },
	  2, { 8, 9 } },
	{ "no Tag", 4, 1, 0, { 1, 2, 8, 9 } },
	{ "at a waypoint", 5, 2, 0xb, { 1, 2, 4, 8, 9 } },
	{ "at the selector", 4, 2, 0x7, { 1, 2, 8, 9 } },
	{ "nobody behind", 2, 1, 0x3, { 1, 2 } },
	{ "a bit behind the list", 4, 1, 0x13, { 1, 2, 8, 9 } },
	{ "reduced", 3, 3, 0x7, { 1, 2, 8 } },
};

static void narrowing_desc(const struct narrowing *p, char *desc)
{
	strscpy(desc, p->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(narrowing, narrowings, narrowing_desc);

static void srh_path_narrow(struct kunit *test)
{
	const struct narrowing *p = test->param_value;
	struct manycast_path path, want;
	unsigned int i;

	make_path(&path, p->list, p->n, p->left);
	path.tag = p->tag;
	want = path;
	if (p->want_n)
		make_path(&want, p->want, p->want_n, 0);
	KUNIT_EXPECT_EQ(test, manycast_path_narrow(&path), !!p->want_n);
	KUNIT_EXPECT_EQ(test, path.n, want.n);
	KUNIT_EXPECT_EQ(test, path.left, want.left);
	KUNIT_EXPECT_EQ(test, path.tag, want.tag);
	for (i = 0; i < want.n; i++)
		KUNIT_EXPECT_MEMEQ(test, &path.seg[i], &want.seg[i],
				   sizeof(want.seg[i]));
}

static struct kunit_case srh_cases[] = {
	KUNIT_CASE(srh_write_golden),
	KUNIT_CASE(srh_read_golden),
	KUNIT_CASE(srh_write_then_read),
	KUNIT_CASE(srh_check_truncated),
	KUNIT_CASE(srh_check_not_at_the_end),
	KUNIT_CASE_PARAM(srh_check_header, header_gen_params),
	KUNIT_CASE_PARAM(srh_check_tlvs, tlvs_gen_params),
	KUNIT_CASE_PARAM(srh_check_segments, segment_gen_params),
	KUNIT_CASE(srh_read_too_long),
	KUNIT_CASE(srh_path_add),
	KUNIT_CASE_PARAM(srh_path_narrow, narrowing_gen_params),
	KUNIT_CASE_PARAM(srh_path_reverse, reversal_gen_params),
	{}
};

static struct kunit_suite srh_suite = {
	.name = "seg6_manycast_srh",
	.init = buffer_init,
	.test_cases = srh_cases,
};

kunit_test_suite(srh_suite);

MODULE_DESCRIPTION("KUnit tests of M-Anycast's segment routing headers");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
