// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of period.c */

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/prandom.h>

#include "../period.h"

#define NOW		1767225600123LL	/* some day in 2026 */
#define ROUNDS		20000

static const struct manycast_rhythm usual = {
	.period = 10000, .grace = 1000, .stretch = 32, .bits = 6,
};

static void period_at(struct kunit *test)
{
	struct manycast_rhythm r = usual;

	KUNIT_EXPECT_EQ(test, manycast_period_at(&r, 0), 0);
	KUNIT_EXPECT_EQ(test, manycast_period_at(&r, 9999), 0);
	KUNIT_EXPECT_EQ(test, manycast_period_at(&r, 10000), 1);
	KUNIT_EXPECT_EQ(test, manycast_period_at(&r, NOW), 176722560);
	KUNIT_EXPECT_EQ(test, manycast_period_at(&r, -1), 0);
	r.offset = -NOW;
	KUNIT_EXPECT_EQ(test, manycast_period_at(&r, NOW - 1), 0);
	KUNIT_EXPECT_EQ(test, manycast_period_at(&r, NOW + 20000), 2);
	r.offset = 10000;
	KUNIT_EXPECT_EQ(test, manycast_period_at(&r, NOW), 176722561);
}

/* A period is due at the first millisecond of a window that has it. */
static void period_due(struct kunit *test)
{
	struct manycast_rhythm r = usual;
	struct manycast_window w;
	u64 index;
	s64 due;

	for (r.offset = -70000; r.offset < 70000; r.offset += 777) {
		index = manycast_period_at(&r, NOW) + 3;
		due = manycast_period_due(&r, index);
		manycast_period_window(&r, due - 1, &w);
		KUNIT_EXPECT_EQ(test, w.newest, index - 1);
		manycast_period_window(&r, due, &w);
		KUNIT_EXPECT_EQ(test, w.newest, index);
	}
}

struct fit {
	const char *desc;
	struct manycast_rhythm rhythm;
	bool fits;
};

static const struct fit fits[] = {
	{ "usual", { .period = 10000, .grace = 1000, .stretch = 32,
		     .bits = 6 }, true },
	{ "just", { .period = 10000, .grace = 1000, .stretch = 62,
		    .bits = 6 }, true },
	{ "one too many", { .period = 10000, .grace = 1000, .stretch = 63,
			    .bits = 6 }, false },
	{ "without grace", { .period = 10000, .stretch = 63,
			     .bits = 6 }, true },
	{ "more than half a period", { .period = 1000, .grace = 501,
				       .stretch = 62, .bits = 6 }, false },
	{ "half a period", { .period = 1000, .grace = 500, .stretch = 62,
			     .bits = 6 }, true },
	{ "one bit", { .period = 1000, .grace = 100, .bits = 1 }, true },
	{ "one bit and a stretch", { .period = 1000, .grace = 100,
				     .stretch = 1, .bits = 1 }, false },
	{ "eight bits", { .period = 1000, .grace = 999, .stretch = 253,
			  .bits = 8 }, true },
	{ "eight bits, too many", { .period = 1000, .grace = 999,
				    .stretch = 254, .bits = 8 }, false },
};

static void fit_desc(const struct fit *p, char *desc)
{
	strscpy(desc, p->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(fit, fits, fit_desc);

/* What fits has no window with more periods than numbers, at no time; what
 * does not has one at some time.
 */
static void period_fits(struct kunit *test)
{
	const struct fit *p = test->param_value;
	const struct manycast_rhythm *r = &p->rhythm;
	struct manycast_window w;
	u64 most = 0;
	s64 now;

	KUNIT_EXPECT_EQ(test, manycast_period_fits(r), p->fits);
	for (now = NOW; now < NOW + 2 * r->period; now++) {
		manycast_period_window(r, now, &w);
		most = max(most, w.newest - w.oldest + 1);
	}
	KUNIT_EXPECT_EQ(test, most <= manycast_period_numbers(r), p->fits);
}

/* A rhythm that fits, of any kind. */
static struct manycast_rhythm any_rhythm(struct rnd_state *rnd)
{
	struct manycast_rhythm r;

	do {
		r.offset = prandom_u32_state(rnd);
		r.period = 100 + prandom_u32_state(rnd) % 20000;
		r.grace = prandom_u32_state(rnd) % r.period;
		r.bits = 1 + prandom_u32_state(rnd) % 8;
		r.stretch = prandom_u32_state(rnd) % (1 << r.bits);
	} while (!manycast_period_fits(&r));
	return r;
}

/* Each number of each window, compared with a search. */
static void period_find(struct kunit *test)
{
	struct rnd_state rnd;
	unsigned int round;

	prandom_seed_state(&rnd, 6);
	for (round = 0; round < ROUNDS / 50; round++) {
		struct manycast_rhythm r = any_rhythm(&rnd);
		u64 numbers = manycast_period_numbers(&r), index, want, n;
		struct manycast_window w;
		int err;

		manycast_period_window(&r, NOW + prandom_u32_state(&rnd), &w);
		for (n = 0; n < numbers; n++) {
			for (want = w.oldest; want <= w.newest; want++)
				if (want % numbers == n)
					break;
			err = manycast_period_find(&r, &w, n, &index);
			KUNIT_ASSERT_EQ(test, err == 0, want <= w.newest);
			if (!err)
				KUNIT_ASSERT_EQ(test, index, want);
		}
	}
}

/* Edges of the usual window, wherever its numbers wrap. */
static void period_edges(struct kunit *test)
{
	u64 first = manycast_period_at(&usual, NOW), now, index;
	struct manycast_window w;

	for (now = first; now < first + 130; now++) {
		s64 middle = now * 10000 + 5000;

		manycast_period_window(&usual, middle, &w);
		KUNIT_EXPECT_EQ(test, w.newest, now);
		KUNIT_EXPECT_EQ(test, w.oldest, now - 32);
		KUNIT_EXPECT_EQ(test, 0,
				manycast_period_find(&usual, &w, now % 64,
						     &index));
		KUNIT_EXPECT_EQ(test, index, now);
		KUNIT_EXPECT_EQ(test, 0,
				manycast_period_find(&usual, &w,
						     (now - 32) % 64, &index));
		KUNIT_EXPECT_EQ(test, index, now - 32);
		/* 31 numbers mean nothing; the middle one is called too old. */
		KUNIT_EXPECT_EQ(test, -EAGAIN,
				manycast_period_find(&usual, &w,
						     (now + 1) % 64, &index));
		KUNIT_EXPECT_EQ(test, -EAGAIN,
				manycast_period_find(&usual, &w,
						     (now + 15) % 64, &index));
		KUNIT_EXPECT_EQ(test, -ESTALE,
				manycast_period_find(&usual, &w,
						     (now + 16) % 64, &index));
		KUNIT_EXPECT_EQ(test, -ESTALE,
				manycast_period_find(&usual, &w,
						     (now - 33) % 64, &index));
	}
}

/* At the Epoch there is nothing before. */
static void period_epoch(struct kunit *test)
{
	struct manycast_window w;
	u64 index;

	manycast_period_window(&usual, 25000, &w);
	KUNIT_EXPECT_EQ(test, w.oldest, 0);
	KUNIT_EXPECT_EQ(test, w.newest, 2);
	KUNIT_EXPECT_EQ(test, 0, manycast_period_find(&usual, &w, 0, &index));
	KUNIT_EXPECT_EQ(test, index, 0);
	KUNIT_EXPECT_EQ(test, -ESTALE,
			manycast_period_find(&usual, &w, 63, &index));
	KUNIT_EXPECT_EQ(test, -EAGAIN,
			manycast_period_find(&usual, &w, 3, &index));
}

/* What it is all for: whoever's clock is off by the grace at most, and whose
 * invocation lasts no longer than the stretch, always means the same period.
 */
static void period_invocations(struct kunit *test)
{
	struct rnd_state rnd;
	unsigned int round;

	prandom_seed_state(&rnd, 7);
	for (round = 0; round < ROUNDS; round++) {
		struct manycast_rhythm r = any_rhythm(&rnd);
		s64 begin = NOW + prandom_u32_state(&rnd), skew;
		u64 meant, index, numbers = manycast_period_numbers(&r);
		struct manycast_window w;
		unsigned int packet;

		skew = prandom_u32_state(&rnd) % (2 * r.grace + 1);
		skew -= r.grace;
		/* The extremes more often than chance has them. */
		if (round % 4 < 2)
			skew = round % 2 ? r.grace : -(s64)r.grace;
		meant = manycast_period_at(&r, begin + skew);
		for (packet = 0; packet < 4; packet++) {
			u64 age = packet == 3 ? r.stretch * r.period :
				  prandom_u32_state(&rnd) %
				  (r.stretch * r.period + 1);

			manycast_period_window(&r, begin + age, &w);
			KUNIT_ASSERT_EQ(test, 0,
					manycast_period_find(&r, &w,
							     meant % numbers,
							     &index));
			KUNIT_ASSERT_EQ(test, index, meant);
		}
	}
}

/* Bit by bit. */
static void period_number(struct kunit *test)
{
	unsigned int position, bits, i, want;
	struct in6_addr addr;
	struct rnd_state rnd;

	prandom_seed_state(&rnd, 8);
	prandom_bytes_state(&rnd, &addr, sizeof(addr));
	for (bits = 1; bits <= 8; bits++) {
		for (position = 1; position + bits <= 128; position++) {
			for (i = position, want = 0; i < position + bits; i++)
				want = want << 1 |
				       (addr.s6_addr[i / 8] >>
					(7 - i % 8) & 1);
			KUNIT_EXPECT_EQ(test, want,
					manycast_period_number(&addr, position,
							       bits));
		}
	}
}

static struct kunit_case period_cases[] = {
	KUNIT_CASE(period_at),
	KUNIT_CASE(period_due),
	KUNIT_CASE_PARAM(period_fits, fit_gen_params),
	KUNIT_CASE(period_find),
	KUNIT_CASE(period_edges),
	KUNIT_CASE(period_epoch),
	KUNIT_CASE(period_invocations),
	KUNIT_CASE(period_number),
	{}
};

static struct kunit_suite period_suite = {
	.name = "seg6_manycast_period",
	.test_cases = period_cases,
};

kunit_test_suite(period_suite);

MODULE_DESCRIPTION("KUnit tests of Dyncast's periods");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
