// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of candidates.c: what is picked by chance and by load */

#include <kunit/test.h>
#include <linux/jiffies.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/prandom.h>

#include "candidates_fixture.h"

/* The least of all numbers that reciprocal_scale() makes @at out of. */
static u32 least_for(u32 at, u32 total)
{
	return div_u64(((u64)at << 32) + total - 1, total);
}

static void one_boundaries(struct kunit *test)
{
	static const u32 cumulated[] = { 1, 3, 6, 261, 262 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cumulated); i++) {
		u32 first = least_for(i ? cumulated[i - 1] : 0, 262);
		u32 last = least_for(cumulated[i], 262) - 1;

		KUNIT_EXPECT_EQ(test, i,
				manycast_pick_one(cumulated, 5, first));
		KUNIT_EXPECT_EQ(test, i,
				manycast_pick_one(cumulated, 5, last));
	}
	KUNIT_EXPECT_EQ(test, 4, manycast_pick_one(cumulated, 5, U32_MAX));
	KUNIT_EXPECT_EQ(test, 0, manycast_pick_one(cumulated, 1, 0));
	KUNIT_EXPECT_EQ(test, 0, manycast_pick_one(cumulated, 1, U32_MAX));
}

static void one_of_many(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int i, n;
	u32 sum;

	for (n = 1; n <= MANY; n = 3 * n + 1) {
		sum = 0;
		for (i = 0; i < n; i++) {
			sum += prandom_u32_state(&f->rnd) % 255 + 1;
			f->number[i] = sum;
		}
		for (i = 0; i < 2000; i++) {
			u32 hash = prandom_u32_state(&f->rnd);
			u32 at = (u64)hash * sum >> 32;
			unsigned int want = 0;

			while (at >= f->number[want])
				want++;
			KUNIT_ASSERT_EQ(test, want,
					manycast_pick_one(f->number, n, hash));
		}
	}
}

/* Three degrees of freedom: one sample in a thousand is above 16.27. */
static void random_by_weight(struct kunit *test)
{
	static const u32 cumulated[] = { 1, 3, 6, 10 };
	unsigned int i, drawn[4] = {};
	struct fixture *f = test->priv;
	u64 chi = 0;

	for (i = 0; i < DRAWS; i++) {
		KUNIT_ASSERT_EQ(test, 1,
				manycast_pick_random(cumulated, 4, &f->chance,
						     f->pick, 1));
		KUNIT_ASSERT_LT(test, f->pick[0], 4);
		drawn[f->pick[0]]++;
	}
	for (i = 0; i < 4; i++) {
		int due = DRAWS / 10 * (i + 1), off = drawn[i] - due;

		chi += div_u64(1000ULL * off * off, due);
	}
	KUNIT_EXPECT_LT(test, chi, 16270);
}

static void random_picks(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int i, j, k, n;

	for (i = 0; i < 3000; i++) {
		n = prandom_u32_state(&f->rnd) % 20 + 1;
		k = prandom_u32_state(&f->rnd) % (K_MAX + 1);
		/* At times one outweighs all others. */
		f->number[0] = i & 1 ? 1 : 1000000;
		for (j = 1; j < n; j++)
			f->number[j] = f->number[j - 1] + 1;
		f->pick[k] = 0xeeee;
		KUNIT_ASSERT_EQ(test, min(k, n),
				manycast_pick_random(f->number, n, &f->chance,
						     f->pick, k));
		KUNIT_ASSERT_TRUE(test, distinct(f->pick, min(k, n), n));
		KUNIT_ASSERT_EQ(test, f->pick[k], 0xeeee);
	}
}

static void all_picks(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int i, n;

	for (n = 1; n <= K_MAX; n++) {
		f->pick[n] = 0xeeee;
		KUNIT_ASSERT_EQ(test, n,
				manycast_pick_all(n, &f->chance, f->pick,
						  K_MAX));
		KUNIT_EXPECT_TRUE(test, distinct(f->pick, n, n));
		KUNIT_EXPECT_EQ(test, f->pick[n], 0xeeee);
	}

	/* With more than there is room for, nobody is left out for ever. */
	for (i = 0; i < DRAWS; i++) {
		f->pick[4] = 0xeeee;
		KUNIT_ASSERT_EQ(test, 4,
				manycast_pick_all(10, &f->chance, f->pick, 4));
		KUNIT_ASSERT_TRUE(test, distinct(f->pick, 4, 10));
		KUNIT_ASSERT_EQ(test, f->pick[4], 0xeeee);
		for (n = 0; n < 4; n++)
			f->slots[f->pick[n]]++;
	}
	for (i = 0; i < 10; i++) {
		KUNIT_EXPECT_GT(test, f->slots[i], DRAWS * 38 / 100);
		KUNIT_EXPECT_LT(test, f->slots[i], DRAWS * 42 / 100);
	}
}

struct least {
	const char *desc;
	u32 load[5];
	unsigned int n;
	unsigned int k;
	u16 want[5];
};

static const struct least leasts[] = {
	{ "none wanted", { 3, 1, 2 }, 3, 0, {} },
	{ "the only one", { 3 }, 1, 1, { 0 } },
	{ "the only one, more wanted", { 3 }, 1, 5, { 0 } },
	{ "rising", { 1, 2, 3, 4, 5 }, 5, 3, { 0, 1, 2 } },
	{ "falling", { 5, 4, 3, 2, 1 }, 5, 3, { 4, 3, 2 } },
	{ "one", { 3, 1, 2, 5, 4 }, 5, 1, { 1 } },
	{ "all", { 3, 1, 2, 5, 4 }, 5, 5, { 1, 2, 0, 4, 3 } },
	{ "more than all", { 3, 1, 2 }, 3, 5, { 1, 2, 0 } },
	{ "unavailable is last", { U32_MAX, 1000, 0, U32_MAX - 1, 7 }, 5, 5,
	  { 2, 4, 1, 3, 0 } },
	{ "unavailable is left out", { U32_MAX, 1000, 0 }, 3, 2, { 2, 1 } },
};

static void least_desc(const struct least *p, char *desc)
{
	strscpy(desc, p->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(least, leasts, least_desc);

/* Wherever the search begins. */
static void least_order(struct kunit *test)
{
	const struct least *p = test->param_value;
	unsigned int i, k = min(p->k, p->n);
	struct fixture *f = test->priv;

	for (i = 0; i < 100; i++) {
		f->pick[k] = 0xeeee;
		KUNIT_ASSERT_EQ(test, k,
				manycast_pick_least(p->load, p->n, &f->chance,
						    f->pick, p->k));
		KUNIT_EXPECT_MEMEQ(test, f->pick, p->want, k * sizeof(u16));
		KUNIT_EXPECT_EQ(test, f->pick[k], 0xeeee);
	}
}

static void least_of_many(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int round, i, n, k;
	u32 last;

	for (round = 0; round < 1000; round++) {
		n = prandom_u32_state(&f->rnd) % 50 + 1;
		k = min(prandom_u32_state(&f->rnd) % K_MAX + 1, n);
		for (i = 0; i < n; i++)
			f->number[i] = prandom_u32_state(&f->rnd) % 20;
		KUNIT_ASSERT_EQ(test, k,
				manycast_pick_least(f->number, n, &f->chance,
						    f->pick, k));
		KUNIT_ASSERT_TRUE(test, distinct(f->pick, k, n));

		last = 0;
		for (i = 0; i < k; i++) {
			KUNIT_ASSERT_LE(test, last, f->number[f->pick[i]]);
			last = f->number[f->pick[i]];
			f->number[f->pick[i]] = U32_MAX;
		}
		for (i = 0; i < n; i++)
			KUNIT_ASSERT_GE(test, f->number[i], last);
	}
}

struct tie {
	const char *desc;
	u32 load[10];
	unsigned int equals;
};

static const struct tie ties[] = {
	{ "all", {}, 10 },
	{ "two neighbours", { 9, 9, 9, 1, 1, 9, 9, 9, 9, 9 }, 2 },
	{ "two far apart", { 1, 9, 9, 9, 9, 9, 1, 9, 9, 9 }, 2 },
	{ "all but one", { 1, 1, 1, 9, 1, 1, 1, 1, 1, 1 }, 9 },
};

static void tie_desc(const struct tie *p, char *desc)
{
	strscpy(desc, p->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(tie, ties, tie_desc);

/* Or one server would get all connections until it reports again. */
static void least_shares(struct kunit *test)
{
	const struct tie *p = test->param_value;
	struct fixture *f = test->priv;
	unsigned int i, due = DRAWS / p->equals;

	for (i = 0; i < DRAWS; i++) {
		KUNIT_ASSERT_EQ(test, 1,
				manycast_pick_least(p->load, 10, &f->chance,
						    f->pick, 1));
		f->slots[f->pick[0]]++;
	}
	for (i = 0; i < 10; i++) {
		if (p->load[i] == 9) {
			KUNIT_EXPECT_EQ(test, f->slots[i], 0);
			continue;
		}
		KUNIT_EXPECT_GT(test, f->slots[i], due * 90 / 100);
		KUNIT_EXPECT_LT(test, f->slots[i], due * 110 / 100);
	}
}

static void load_now(struct kunit *test)
{
	const unsigned long then = (unsigned long)-HZ / 2;
	unsigned int s;

	for (s = 0; s < 40; s++) {
		u32 load = s < 32 ? 1000U >> s : 0;

		KUNIT_EXPECT_EQ(test, load,
				manycast_load_now(1000, then, then + s * HZ));
		KUNIT_EXPECT_EQ(test, load,
				manycast_load_now(1000, then,
						  then + s * HZ + HZ - 1));
	}
	/* Another CPU has heard of it since we looked at the clock. */
	KUNIT_EXPECT_EQ(test, manycast_load_now(1000, then, then - 1), 1000);
	KUNIT_EXPECT_EQ(test, manycast_load_now(1000, 0, -1UL), 1000);
}

static struct kunit_case candidates_cases[] = {
	KUNIT_CASE(one_boundaries),
	KUNIT_CASE(one_of_many),
	KUNIT_CASE(random_by_weight),
	KUNIT_CASE(random_picks),
	KUNIT_CASE(all_picks),
	KUNIT_CASE_PARAM(least_order, least_gen_params),
	KUNIT_CASE(least_of_many),
	KUNIT_CASE_PARAM(least_shares, tie_gen_params),
	KUNIT_CASE(load_now),
	{}
};

static struct kunit_suite candidates_suite = {
	.name = "seg6_manycast_candidates",
	.init = fixture_init,
	.test_cases = candidates_cases,
};

kunit_test_suite(candidates_suite);

MODULE_DESCRIPTION("KUnit tests of M-Anycast's choice of candidates");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
