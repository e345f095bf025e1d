// SPDX-License-Identifier: GPL-2.0
/* Rendezvous hashing (Thaler and Ravishankar, "Using Name-Based Mappings to
 * Increase Hit Rates", 1998): every backend has a score for every row of a
 * table, and a row ranks backends by it. Indices in, indices out.
 *
 * A backend that comes is inserted somewhere into a row, one that goes leaves
 * it, and the others keep their order. So whoever looks a few ranks further
 * than a flow's candidates went still finds them there when some backends more
 * have come. In a Maglev table, where the slots change hands, they are gone.
 */

#include <kunit/visibility.h>
#include <linux/bitops.h>
#include <linux/jhash.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/seg6_manycast.h>

#include "candidates.h"
#include "rank.h"

#define LOG_BITS	24

/* -log2((x + 1) / 2^32) in units of 2^-LOG_BITS, by repeated squaring. */
static u32 minus_log2(u32 x)
{
	u64 one = (u64)x + 1, mantissa;
	u32 log = fls64(one) - 1;
	unsigned int i;

	/* 1 <= mantissa < 2, its first bit is bit 31 */
	mantissa = one << 31 >> log;
	for (i = 0; i < LOG_BITS; i++) {
		mantissa = mantissa * mantissa >> 31;
		log <<= 1;
		if (mantissa >> 32) {
			mantissa >>= 1;
			log |= 1;
		}
	}
	return (32U << LOG_BITS) - log;
}

/* A backend's lot in a row, and what it costs: exponentially distributed, with
 * the weight as its rate. The least of several is each one's in proportion to
 * its weight, whoever else takes part.
 */
struct score {
	u64 id;
	u32 lot;
	u32 weight;
	u64 cost;
};

static void draw(u32 row, const struct manycast_backend *backend,
		 struct score *score)
{
	score->id = backend->id;
	score->lot = jhash_3words(backend->id >> 32, (u32)backend->id, row, 0);
	score->weight = backend->weight;
}

/* Not better for sure, which spares almost everybody the logarithm. */
static bool hopeless(const struct score *score, const struct score *last)
{
	return score->lot < last->lot && score->weight <= last->weight;
}

static u64 cost(const struct score *score)
{
	return div_u64((u64)minus_log2(score->lot) << 16, score->weight);
}

/* Nothing but the two decides, so that a row is the same everywhere, in
 * whatever order its backends came. Next to each other, lots may cost the same.
 */
static bool before(const struct score *a, const struct score *b)
{
	if (a->cost != b->cost)
		return a->cost < b->cost;
	if (a->lot != b->lot)
		return a->lot > b->lot;
	return a->id < b->id;
}

/**
 * manycast_rank_row() - the first of a row of the table
 * @row:	its number
 * @backend:	the backends; their @id and @weight alone place them
 * @n:		their number
 * @rank:	result: their indices, in the order of their ranks
 * @k:		how many, SEG6_MANYCAST_FANOUT_MAX at most
 *
 * Return: how many there are, min(@k, @n).
 */
unsigned int manycast_rank_row(u32 row, const struct manycast_backend *backend,
			       unsigned int n, u16 *rank, unsigned int k)
{
	struct score best[SEG6_MANYCAST_FANOUT_MAX], mine;
	unsigned int got = 0, i, j;

	for (i = 0; i < n; i++) {
		draw(row, &backend[i], &mine);
		if (got == k && hopeless(&mine, &best[k - 1]))
			continue;
		mine.cost = cost(&mine);
		if (got == k && !before(&mine, &best[k - 1]))
			continue;
		got = min(got + 1, k);
		for (j = got - 1; j && before(&mine, &best[j - 1]); j--) {
			best[j] = best[j - 1];
			rank[j] = rank[j - 1];
		}
		best[j] = mine;
		rank[j] = i;
	}
	return got;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_rank_row);

/**
 * manycast_rank_join() - have one more backend take its place in a row
 * @row:	its number
 * @backend:	the backends
 * @i:		the index of the one that joins
 * @rank:	the row, full, of others among @backend; afterwards as if it had
 *		been made with @i
 * @k:		its length
 */
void manycast_rank_join(u32 row, const struct manycast_backend *backend, u16 i,
			u16 *rank, unsigned int k)
{
	struct score mine, other;
	unsigned int j;

	draw(row, &backend[i], &mine);
	draw(row, &backend[rank[k - 1]], &other);
	if (hopeless(&mine, &other))
		return;
	mine.cost = cost(&mine);
	for (j = k; j; j--) {
		draw(row, &backend[rank[j - 1]], &other);
		other.cost = cost(&other);
		if (before(&other, &mine))
			break;
		if (j < k)
			rank[j] = rank[j - 1];
	}
	if (j < k)
		rank[j] = i;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_rank_join);

/**
 * manycast_rank_pick() - those in a row who may be asked
 * @rank:	the row
 * @ranks:	its length
 * @n:		backends with an index below may be asked, others are drained
 * @pick:	result, in the order of their ranks
 * @k:		how many
 *
 * Return: how many there are, @k at most.
 */
unsigned int manycast_rank_pick(const u16 *rank, unsigned int ranks,
				unsigned int n, u16 *pick, unsigned int k)
{
	unsigned int got = 0, i;

	for (i = 0; i < ranks && got < k; i++)
		if (rank[i] < n)
			pick[got++] = rank[i];
	return got;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_rank_pick);
