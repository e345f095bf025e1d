// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of rank.c */

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/seg6_manycast.h>

#include "../candidates.h"
#include "../rank.h"

#define ROWS	MANYCAST_RANK_ROWS
#define MANY	1000
#define K_MAX	SEG6_MANYCAST_FANOUT_MAX

struct fixture {
	struct manycast_backend backend[MANY];
	struct manycast_backend other[MANY];
	unsigned int share[MANY];
	struct rnd_state rnd;
};

static int fixture_init(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	unsigned int i;

	if (!f)
		return -ENOMEM;
	prandom_seed_state(&f->rnd, 5);
	for (i = 0; i < MANY; i++) {
		f->backend[i].id = (u64)prandom_u32_state(&f->rnd) << 32 |
				   prandom_u32_state(&f->rnd);
		f->backend[i].weight = 1;
	}
	test->priv = f;
	return 0;
}

/* Every selector must come to the same: these were computed by other means,
 * with floating-point logarithms. They may never change.
 */
static const struct golden {
	u32 row;
	u16 rank[4];
} golden[] = {
	{ 0, { 6, 4, 5, 2 } },
	{ 1, { 6, 5, 2, 4 } },
	{ 2, { 5, 1, 6, 4 } },
	{ 3, { 6, 3, 2, 1 } },
	{ 5, { 4, 5, 2, 3 } },
	{ 100, { 6, 3, 4, 2 } },
	{ 1023, { 4, 6, 3, 5 } },
	{ 4094, { 5, 1, 4, 6 } },
	{ 4095, { 5, 3, 6, 4 } },
};

static void rank_golden(struct kunit *test)
{
	struct manycast_backend backend[] = {
		{ 0x0123456789abcdefULL, 1 }, { 0x1122334455667788ULL, 2 },
		{ 0x5a5a5a5a5a5a5a5aULL, 3 }, { 0x8000000000000001ULL, 5 },
		{ 0xcafebabedeadbeefULL, 8 }, { 0xfedcba9876543210ULL, 7 },
		{ 0xffffffffffffffffULL, 13 },
	};
	unsigned int i, j;
	u16 rank[4];

	for (i = 0; i < ARRAY_SIZE(golden); i++) {
		KUNIT_ASSERT_EQ(test, 4,
				manycast_rank_row(golden[i].row, backend,
						  ARRAY_SIZE(backend), rank,
						  4));
		for (j = 0; j < 4; j++)
			KUNIT_EXPECT_EQ_MSG(test, golden[i].rank[j], rank[j],
					    "row %u, rank %u", golden[i].row,
					    j);
	}
}

/* Of 1, 2, ..., 8 in the first place, each has its share of it. */
static void rank_shares(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int i, row, sum = 0;
	u16 first;

	for (i = 0; i < 8; i++) {
		f->backend[i].weight = i + 1;
		sum += i + 1;
	}
	for (row = 0; row < 16 * ROWS; row++) {
		manycast_rank_row(row, f->backend, 8, &first, 1);
		f->share[first]++;
	}
	for (i = 0; i < 8; i++) {
		unsigned int due = 16 * ROWS * (i + 1) / sum;

		KUNIT_EXPECT_GT_MSG(test, f->share[i], due * 94 / 100,
				    "weight %u", i + 1);
		KUNIT_EXPECT_LT_MSG(test, f->share[i], due * 106 / 100,
				    "weight %u", i + 1);
	}
}

static void rank_lengths(struct kunit *test)
{
	struct fixture *f = test->priv;
	u16 rank[K_MAX + 1];
	unsigned int n, k;

	for (n = 0; n <= K_MAX + 1; n++) {
		for (k = 1; k <= K_MAX; k++) {
			rank[k] = 0xaaaa;
			KUNIT_EXPECT_EQ(test, min(n, k),
					manycast_rank_row(n, f->backend, n,
							  rank, k));
			KUNIT_EXPECT_EQ(test, 0xaaaa, rank[k]);
		}
	}
}

/* Without the backend @gone, renumbered. */
static unsigned int leave_out(u16 *rank, unsigned int n, u16 gone)
{
	unsigned int i, left = 0;

	for (i = 0; i < n; i++)
		if (rank[i] != gone)
			rank[left++] = rank[i] - (rank[i] > gone);
	return left;
}

/* Who goes leaves a gap, and who comes is inserted: the others keep their
 * order, whatever the weights.
 */
static void rank_keeps_order(struct kunit *test)
{
	struct fixture *f = test->priv;
	const unsigned int n = 40, gone = 17;
	u16 with[K_MAX], without[K_MAX];
	unsigned int i, left, row;

	for (i = 0; i < n; i++)
		f->backend[i].weight = i % 7 + 1;
	memcpy(f->other, f->backend, sizeof(f->other));
	memmove(&f->other[gone], &f->other[gone + 1],
		(n - gone - 1) * sizeof(f->other[0]));
	for (row = 0; row < ROWS; row++) {
		manycast_rank_row(row, f->backend, n, with, K_MAX);
		manycast_rank_row(row, f->other, n - 1, without, K_MAX);
		left = leave_out(with, K_MAX, gone);
		KUNIT_ASSERT_EQ_MSG(test, 0,
				    memcmp(with, without,
					   left * sizeof(with[0])),
				    "row %u", row);
	}
}

/* A weight moves its own backend only, and up when it grows. */
static void rank_weight_moves_one(struct kunit *test)
{
	struct fixture *f = test->priv;
	const unsigned int n = 16, heavy = 5;
	u16 before[K_MAX], after[K_MAX];
	unsigned int row, i, j;

	memcpy(f->other, f->backend, sizeof(f->other));
	f->other[heavy].weight = 3;
	for (row = 0; row < ROWS; row++) {
		manycast_rank_row(row, f->backend, n, before, K_MAX);
		manycast_rank_row(row, f->other, n, after, K_MAX);
		for (i = 0; before[i] != heavy; i++)
			;
		for (j = 0; after[j] != heavy; j++)
			;
		KUNIT_ASSERT_LE(test, j, i);
		leave_out(before, n, heavy);
		leave_out(after, n, heavy);
		KUNIT_ASSERT_EQ(test, 0, memcmp(before, after,
						(n - 1) * sizeof(before[0])));
	}
}

static bool among(const u16 *rank, unsigned int k, u16 index)
{
	while (k--)
		if (rank[k] == index)
			return true;
	return false;
}

/* 24 backends become 30: where among seven are those who were among three? In a
 * Maglev table a fifth of them is not found any more.
 */
static void rank_finds_again(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int row, i, lost = 0;
	u16 old[3], now[7];

	for (row = 0; row < ROWS; row++) {
		manycast_rank_row(row, f->backend, 24, old, 3);
		manycast_rank_row(row, f->backend, 30, now, 7);
		for (i = 0; i < 3; i++)
			lost += !among(now, 7, old[i]);
	}
	KUNIT_EXPECT_LT(test, lost, 3 * ROWS / 1000);
}

/* Many, of one weight and of different ones: the short cut that spares the
 * logarithm changes nothing. With all of them ranked there is none.
 */
static void rank_of_many(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int i, row, first = 0;
	u16 rank[K_MAX], pair[2];

	for (i = 0; i < MANY; i++)
		f->backend[i].weight = prandom_u32_state(&f->rnd) % 255 + 1;
	for (row = 0; row < 64; row++) {
		manycast_rank_row(row, f->backend, MANY, rank, K_MAX);
		/* Nobody left out comes before the last one of them. */
		for (i = 0; i < MANY; i++) {
			struct manycast_backend two[] = {
				f->backend[rank[K_MAX - 1]], f->backend[i],
			};

			if (among(rank, K_MAX, i))
				continue;
			manycast_rank_row(row, two, 2, pair, 2);
			first += pair[0];
		}
	}
	KUNIT_EXPECT_EQ(test, 0, first);
}

/* Where two of them are almost equal, too. */
static void rank_of_any_order(struct kunit *test)
{
	struct fixture *f = test->priv;
	u16 rank[K_MAX], back[K_MAX];
	unsigned int i, row;

	for (i = 0; i < MANY; i++)
		f->other[MANY - 1 - i] = f->backend[i];
	for (row = 0; row < ROWS; row++) {
		manycast_rank_row(row, f->backend, MANY, rank, K_MAX);
		manycast_rank_row(row, f->other, MANY, back, K_MAX);
		for (i = 0; i < K_MAX; i++)
			KUNIT_ASSERT_EQ_MSG(test, rank[i], MANY - 1 - back[i],
					    "row %u, rank %u", row, i);
	}
}

/* Each that joins, as if it had been there from the beginning. */
static void rank_join_one_by_one(struct kunit *test)
{
	struct fixture *f = test->priv;
	u16 rank[K_MAX], want[K_MAX];
	unsigned int i, row;

	for (i = 0; i < MANY; i++)
		f->backend[i].weight = prandom_u32_state(&f->rnd) % 9 + 1;
	for (row = 0; row < 256; row++) {
		manycast_rank_row(row, f->backend, K_MAX, rank, K_MAX);
		for (i = K_MAX; i < MANY; i++)
			manycast_rank_join(row, f->backend, i, rank, K_MAX);
		manycast_rank_row(row, f->backend, MANY, want, K_MAX);
		KUNIT_ASSERT_EQ_MSG(test, 0, memcmp(rank, want, sizeof(want)),
				    "row %u", row);
	}
}

static void rank_pick_skips_drained(struct kunit *test)
{
	static const u16 rank[] = { 7, 2, 9, 0, 5 };
	u16 pick[5];

	KUNIT_EXPECT_EQ(test, 2, manycast_rank_pick(rank, 5, 10, pick, 2));
	KUNIT_EXPECT_EQ(test, 7, pick[0]);
	KUNIT_EXPECT_EQ(test, 2, pick[1]);
	KUNIT_EXPECT_EQ(test, 2, manycast_rank_pick(rank, 5, 6, pick, 2));
	KUNIT_EXPECT_EQ(test, 2, pick[0]);
	KUNIT_EXPECT_EQ(test, 0, pick[1]);
	KUNIT_EXPECT_EQ(test, 3, manycast_rank_pick(rank, 5, 6, pick, 5));
	KUNIT_EXPECT_EQ(test, 5, pick[2]);
	KUNIT_EXPECT_EQ(test, 0, manycast_rank_pick(rank, 5, 0, pick, 5));
}

static struct kunit_case rank_cases[] = {
	KUNIT_CASE(rank_golden),
	KUNIT_CASE(rank_shares),
	KUNIT_CASE(rank_lengths),
	KUNIT_CASE(rank_keeps_order),
	KUNIT_CASE(rank_weight_moves_one),
	KUNIT_CASE(rank_finds_again),
	KUNIT_CASE(rank_of_many),
	KUNIT_CASE(rank_of_any_order),
	KUNIT_CASE(rank_join_one_by_one),
	KUNIT_CASE(rank_pick_skips_drained),
	{}
};

static struct kunit_suite rank_suite = {
	.name = "seg6_manycast_rank",
	.init = fixture_init,
	.test_cases = rank_cases,
};

kunit_test_suite(rank_suite);

MODULE_DESCRIPTION("KUnit tests of M-Anycast's ranks of instances");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
