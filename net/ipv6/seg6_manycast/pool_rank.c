// SPDX-License-Identifier: GPL-2.0
/* The rows of a pool that rank its instances. Those come and go one by one, by
 * the hundred; each time most rows stay as they are but for the indices, and
 * are carried over from the pool before.
 */

#include <linux/sched.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "candidates.h"
#include "rank.h"
#include "service.h"

#define GONE	U16_MAX

/* How indices of a pool follow from those of the one before.
 *
 * @old:	the pool before
 * @now:	by index there, the index here or GONE
 * @joined:	indices here of those who were not there, or with another weight
 * @joins:	entries of @joined
 */
struct carry {
	const struct manycast_pool *old;
	u16 *now;
	u16 *joined;
	unsigned int joins;
};

static u32 weight_of(const struct manycast_pool *pool, unsigned int i)
{
	return pool->cumulated[i] - (i ? pool->cumulated[i - 1] : 0);
}

static void find_places(struct carry *carry, const struct manycast_pool *pool)
{
	const struct manycast_pool *old = carry->old;
	unsigned int i;

	memset16(carry->now, GONE, old->all);
	for (i = 0; i < pool->all; i++) {
		u16 place = pool->instance[i]->place;

		if (place < old->all &&
		    old->instance[place] == pool->instance[i] &&
		    weight_of(old, place) == weight_of(pool, i))
			carry->now[place] = i;
		else
			carry->joined[carry->joins++] = i;
	}
}

static bool carry_row(const struct carry *carry, const u16 *old, u16 *rank,
		      unsigned int ranks)
{
	unsigned int i;

	for (i = 0; i < ranks; i++) {
		rank[i] = carry->now[old[i]];
		if (rank[i] == GONE)
			return false;
	}
	return true;
}

static void fill_row(struct manycast_pool *pool, u32 row,
		     const struct manycast_backend *backend,
		     const struct carry *carry)
{
	u16 *rank = &pool->rank[row * pool->ranks];
	unsigned int i;

	if (!carry->old ||
	    !carry_row(carry, &carry->old->rank[row * pool->ranks], rank,
		       pool->ranks)) {
		manycast_rank_row(row, backend, pool->all, rank, pool->ranks);
		return;
	}
	for (i = 0; i < carry->joins; i++)
		manycast_rank_join(row, backend, carry->joined[i], rank,
				   pool->ranks);
}

/* Ranks are those of the SIDs' hashes, and a row is as long as it was. */
static bool comparable(const struct manycast_pool *pool,
		       const struct manycast_pool *old)
{
	return old && old->rank && old->ranks == pool->ranks &&
	       !memcmp(&old->key, &pool->key, sizeof(pool->key));
}

/**
 * manycast_pool_rank() - fill the rows of a new pool
 * @pool:	the pool, its rows empty
 * @backend:	its instances' hashes and weights
 * @old:	the published pool of the same tier, or NULL
 *
 * Context: process, manycast_net.lock held.
 * Return: 0 or -ENOMEM.
 */
int manycast_pool_rank(struct manycast_pool *pool,
		       const struct manycast_backend *backend,
		       const struct manycast_pool *old)
{
	struct carry carry = {};
	int err = 0;
	u32 row;

	if (comparable(pool, old)) {
		carry.old = old;
		carry.now = kvmalloc_array(old->all, sizeof(u16), GFP_KERNEL);
		carry.joined = kvmalloc_array(pool->all, sizeof(u16),
					      GFP_KERNEL);
		if (!carry.now || !carry.joined) {
			err = -ENOMEM;
			goto free;
		}
		find_places(&carry, pool);
	}
	for (row = 0; row < MANYCAST_RANK_ROWS; row++) {
		fill_row(pool, row, backend, &carry);
		cond_resched();
	}
free:
	kvfree(carry.joined);
	kvfree(carry.now);
	return err;
}
