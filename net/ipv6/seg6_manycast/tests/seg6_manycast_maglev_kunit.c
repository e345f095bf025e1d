// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of candidates.c: Maglev tables, and what hashes pick from them */

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/sort.h>

#include "candidates_fixture.h"

static u64 next(u64 *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return *state;
}

static int by_id(const void *a, const void *b)
{
	const struct manycast_backend *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* @n backends, always the same, sorted; @weight is 0 for different ones. */
static void make_backends(struct fixture *f, unsigned int n, u32 weight)
{
	u64 state = 1, chance;
	unsigned int i;

	for (i = 0; i < n; i++) {
		f->backend[i].id = next(&state);
		chance = next(&state);
		f->backend[i].weight = weight ?: (u32)(chance >> 33) % 255 + 1;
	}
	sort(f->backend, n, sizeof(f->backend[0]), by_id, NULL);
}

static void fill(struct kunit *test, u16 *table, unsigned int n)
{
	struct fixture *f = test->priv;

	memset(table, 0xff, SIZE * sizeof(*table));
	KUNIT_ASSERT_EQ(test, 0,
			manycast_maglev_fill(table, SIZE, f->backend, n));
}

/* Table 1 of the paper: what three backends claim, and what becomes of it when
 * the one in the middle goes.
 */
static void maglev_paper(struct kunit *test)
{
	static const struct manycast_backend three[] = {
		{ .id = 3ULL << 32 | 3, .weight = 1 },	/* 3 0 4 1 5 2 6 */
		{ .id = 0ULL << 32 | 1, .weight = 1 },	/* 0 2 4 6 1 3 5 */
		{ .id = 3ULL << 32 | 0, .weight = 1 },	/* 3 4 5 6 0 1 2 */
	};
	static const struct manycast_backend two[] = {
		{ .id = 3ULL << 32 | 3, .weight = 1 },
		{ .id = 3ULL << 32 | 0, .weight = 1 },
	};
	static const u16 before[] = { 1, 0, 1, 0, 2, 2, 0 };
	static const u16 after[] = { 0, 0, 0, 0, 1, 1, 1 };
	u16 table[7];

	KUNIT_ASSERT_EQ(test, 0, manycast_maglev_fill(table, 7, three, 3));
	KUNIT_EXPECT_MEMEQ(test, table, before, sizeof(before));
	KUNIT_ASSERT_EQ(test, 0, manycast_maglev_fill(table, 7, two, 2));
	KUNIT_EXPECT_MEMEQ(test, table, after, sizeof(after));
}

/* The heavier claims 3, 0, 4, 1, 5 of its own; the other every second turn the
 * next of 0, 2, 4, 6 that is left.
 */
static void maglev_weighted(struct kunit *test)
{
	static const struct manycast_backend two[] = {
		{ .id = 3ULL << 32 | 3, .weight = 2 },
		{ .id = 0ULL << 32 | 1, .weight = 1 },
	};
	static const u16 want[] = { 0, 0, 1, 0, 0, 0, 1 };
	u16 table[7];

	KUNIT_ASSERT_EQ(test, 0, manycast_maglev_fill(table, 7, two, 2));
	KUNIT_EXPECT_MEMEQ(test, table, want, sizeof(want));
}

struct pool {
	const char *desc;
	unsigned int n;
	u32 weight;
	u32 golden;
};

/* The last column is a hash of the table that a program made which knows only
 * the paper and the comment of manycast_maglev_fill(). It must never change:
 * selectors with different versions of the module have to agree.
 */
static const struct pool pools[] = {
	{ "1", 1, 1, 0 },
	{ "10", 10, 1, 0xa9b7d37d },
	{ "10, as heavy as possible", 10, 255, 0xa9b7d37d },
	{ "10 with different weights", 10, 0, 0x19118310 },
	{ "1000", 1000, 1, 0x9ceb72d9 },
};

static void pool_desc(const struct pool *p, char *desc)
{
	strscpy(desc, p->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(pool, pools, pool_desc);

static void maglev_golden(struct kunit *test)
{
	const struct pool *p = test->param_value;
	struct fixture *f = test->priv;
	unsigned int i;
	u32 hash = 0;

	make_backends(f, p->n, p->weight);
	fill(test, f->table, p->n);
	for (i = 0; i < SIZE; i++)
		hash = 31 * hash + f->table[i];
	KUNIT_EXPECT_EQ(test, hash, p->golden);
}

static void maglev_shares(struct kunit *test)
{
	const struct pool *p = test->param_value;
	struct fixture *f = test->priv;
	unsigned int i;
	s64 sum = 0;

	make_backends(f, p->n, p->weight);
	fill(test, f->table, p->n);
	for (i = 0; i < SIZE; i++) {
		KUNIT_ASSERT_LT(test, f->table[i], p->n);
		f->slots[f->table[i]]++;
	}
	for (i = 0; i < p->n; i++)
		sum += f->backend[i].weight;
	/* Nobody is more than two slots from its due. */
	for (i = 0; i < p->n; i++) {
		s64 due = (s64)SIZE * f->backend[i].weight;

		KUNIT_EXPECT_LE(test, abs(f->slots[i] * sum - due), 2 * sum);
	}
}

/* Any order of configuration, once sorted, gives the same table. */
static void maglev_order(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int round, i, other;

	make_backends(f, 50, 0);
	fill(test, f->table, 50);
	for (round = 0; round < 5; round++) {
		for (i = 0; i < 50; i++) {
			other = prandom_u32_state(&f->rnd) % 50;
			swap(f->backend[i], f->backend[other]);
		}
		sort(f->backend, 50, sizeof(f->backend[0]), by_id, NULL);
		fill(test, f->other, 50);
		KUNIT_EXPECT_MEMEQ(test, f->table, f->other, sizeof(f->table));
	}
}

struct removal {
	unsigned int n;
	unsigned int moved;	/* slots of others, per mille, at most */
};

/* A table that is a hundred times as large moves about one in a hundred (the
 * paper's section 5.3); this one is smaller for many backends.
 */
static const struct removal removals[] = {
	{ 2, 0 }, { 5, 20 }, { 10, 20 }, { 50, 40 }, { 100, 50 },
};

static void removal_desc(const struct removal *p, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "one of %u", p->n);
}

KUNIT_ARRAY_PARAM(removal, removals, removal_desc);

static void maglev_removal(struct kunit *test)
{
	const struct removal *p = test->param_value;
	struct fixture *f = test->priv;
	unsigned int gone, i, moved;

	for (gone = 0; gone < min(p->n, 10U); gone++) {
		make_backends(f, p->n, 1);
		fill(test, f->table, p->n);
		memmove(&f->backend[gone], &f->backend[gone + 1],
			(p->n - gone - 1) * sizeof(f->backend[0]));
		fill(test, f->other, p->n - 1);

		moved = 0;
		for (i = 0; i < SIZE; i++) {
			unsigned int now = f->other[i] + (f->other[i] >= gone);

			moved += f->table[i] != gone && f->table[i] != now;
		}
		KUNIT_EXPECT_LE(test, 1000 * moved, p->moved * SIZE);
	}
}

static struct kunit_case maglev_cases[] = {
	KUNIT_CASE(maglev_paper),
	KUNIT_CASE(maglev_weighted),
	KUNIT_CASE_PARAM(maglev_golden, pool_gen_params),
	KUNIT_CASE_PARAM(maglev_shares, pool_gen_params),
	KUNIT_CASE(maglev_order),
	KUNIT_CASE_PARAM(maglev_removal, removal_gen_params),
	{}
};

static struct kunit_suite maglev_suite = {
	.name = "seg6_manycast_maglev",
	.init = fixture_init,
	.test_cases = maglev_cases,
};

kunit_test_suite(maglev_suite);

MODULE_DESCRIPTION("KUnit tests of M-Anycast's Maglev tables");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
