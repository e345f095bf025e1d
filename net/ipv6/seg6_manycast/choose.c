// SPDX-License-Identifier: GPL-2.0
/* Who is asked: the service's settings and instances, applied to a flow. How
 * candidates are picked out of numbers is in candidates.c.
 */

#include <linux/random.h>

#include "candidates.h"
#include "choose.h"
#include "rank.h"

/* Candidates least looks at four for each that it asks, and no more than so
 * many. That is where the gain is (Mitzenmacher, "The Power of Two Choices in
 * Randomized Load Balancing"); the least of all would be everybody's choice
 * until it tells again, and looking at a thousand takes longer than all the
 * rest of a SYN.
 */
#define LOOK_MAX	(2 * SEG6_MANYCAST_FANOUT_MAX)

static u32 current_load(const struct manycast_instance *inst)
{
	u32 load = READ_ONCE(inst->load);

	if (load == MANYCAST_IOAM_UNAVAILABLE)
		return 0;
	return manycast_load_now(load, READ_ONCE(inst->load_time), jiffies);
}

/* Neighbours in the pool are sorted by a hash: they have nothing in common. */
static unsigned int pick_least(const struct manycast_pool *pool,
			       u32 *rnd, u16 *pick, unsigned int k)
{
	unsigned int n = min3(pool->n, 4 * k, LOOK_MAX), from = 0, i;
	u32 load[LOOK_MAX];

	if (pool->n > n)
		from = reciprocal_scale(*rnd, pool->n);
	for (i = 0; i < n; i++)
		load[i] = current_load(pool->instance[(from + i) % pool->n]);
	n = manycast_pick_least(load, n, rnd, pick, k);
	for (i = 0; i < n; i++)
		pick[i] = (from + pick[i]) % pool->n;
	return n;
}

static u64 keyed_hash(const struct manycast_settings *settings,
		      const struct manycast_key *key)
{
	return siphash(key, MANYCAST_TUPLE_LEN, &settings->key);
}

static const u16 *rank_row(const struct manycast_settings *settings,
			   const struct manycast_pool *pool,
			   const struct manycast_key *key)
{
	u32 row = manycast_rank_of(keyed_hash(settings, key));

	return &pool->rank[row * pool->ranks];
}

/* Where everybody in the row is drained, who is not takes the flow by chance.
 */
static unsigned int pick_ranked(const struct manycast_settings *settings,
				const struct manycast_pool *pool,
				const struct manycast_key *key, u16 *index,
				unsigned int k)
{
	unsigned int got;

	got = manycast_rank_pick(rank_row(settings, pool, key), pool->ranks,
				 pool->n, index, k);
	if (got)
		return got;
	*index = manycast_pick_one(pool->cumulated, pool->n,
				   keyed_hash(settings, key));
	return 1;
}

static unsigned int pick(const struct manycast_settings *settings,
			 const struct manycast_pool *pool,
			 const struct manycast_key *key, u16 *index)
{
	u32 rnd = 0;

	/* The table of ranks alone knows no chance. */
	if (settings->candidates != SEG6_MANYCAST_CANDIDATES_HASH ||
	    !pool->rank)
		rnd = get_random_u32();
	switch (settings->candidates) {
	case SEG6_MANYCAST_CANDIDATES_ALL:
		return manycast_pick_all(pool->n, &rnd, index,
					 SEG6_MANYCAST_FANOUT_MAX);
	case SEG6_MANYCAST_CANDIDATES_HASH:
		/* The table may be newer than the settings. */
		if (!pool->rank)
			break;
		return pick_ranked(settings, pool, key, index,
				   settings->fanout);
	case SEG6_MANYCAST_CANDIDATES_LEAST:
		return pick_least(pool, &rnd, index, settings->fanout);
	case SEG6_MANYCAST_CANDIDATES_RANDOM:
	default:
		break;
	}
	return manycast_pick_random(pool->cumulated, pool->n, &rnd, index,
				    settings->fanout);
}

/**
 * manycast_choose_one() - whom a flow is sent to without a race
 * @settings:	of the service
 * @pool:	its instances, one at least
 * @key:	the flow
 *
 * The same for every repetition of the SYN, since nothing else would remember.
 *
 * Context: RCU.
 * Return: the instance.
 */
struct manycast_instance *
manycast_choose_one(const struct manycast_settings *settings,
		    const struct manycast_pool *pool,
		    const struct manycast_key *key)
{
	u16 index;

	if (pool->rank)
		pick_ranked(settings, pool, key, &index, 1);
	else
		index = manycast_pick_one(pool->cumulated, pool->n,
					  keyed_hash(settings, key));
	return pool->instance[index];
}

/**
 * manycast_choose_hunted() - who may have a flow
 * @svc:	the service
 * @key:	the flow
 * @cand:	result: its candidates, as on every selector with the same
 *		configuration, and those who come next; drained ones are among
 *		them
 * @max:	room in @cand
 *
 * Context: RCU.
 * Return: how many; none where candidates are chosen by chance or load.
 */
unsigned int manycast_choose_hunted(const struct manycast_service *svc,
				    const struct manycast_key *key,
				    struct manycast_instance **cand,
				    unsigned int max)
{
	const struct manycast_pool *pool = rcu_dereference(svc->pool);
	unsigned int i, n;
	const u16 *row;

	if (!pool || !pool->rank)
		return 0;
	row = rank_row(rcu_dereference(svc->settings), pool, key);
	n = min(pool->ranks, max);
	for (i = 0; i < n; i++)
		cand[i] = pool->instance[row[i]];
	return n;
}

/**
 * manycast_rate_exceeded() - may a SYN be replicated?
 * @svc:	the service
 * @rate:	replicated SYNs per second, 0 for no limit
 *
 * Generic cell rate algorithm: a tenth of a second's worth may come at once.
 *
 * Context: any.
 * Return: whether there were too many.
 */
bool manycast_rate_exceeded(struct manycast_service *svc, u32 rate)
{
	u64 now = ktime_get_coarse_ns(), interval, burst;
	s64 tat, next;

	if (!rate)
		return false;
	interval = NSEC_PER_SEC / rate;
	burst = max_t(u64, NSEC_PER_SEC / 10, interval);
	tat = atomic64_read(&svc->tat);
	do {
		next = max_t(u64, tat, now) + interval;
		if (next > now + burst)
			return true;
	} while (!atomic64_try_cmpxchg(&svc->tat, &tat, next));
	return false;
}

/**
 * manycast_choose() - who is asked
 * @svc:	the service
 * @settings:	its settings
 * @pool:	its instances, one at least
 * @key:	the attempt
 * @replicable:	whether several may be asked
 * @cand:	result: the candidates, room for SEG6_MANYCAST_FANOUT_MAX
 *
 * Context: RCU.
 * Return: how many.
 */
unsigned int manycast_choose(struct manycast_service *svc,
			     const struct manycast_settings *settings,
			     const struct manycast_pool *pool,
			     const struct manycast_key *key, bool replicable,
			     struct manycast_instance **cand)
{
	u16 index[SEG6_MANYCAST_FANOUT_MAX];
	unsigned int i, n;

	if (!replicable) {
		manycast_stats_inc(svc->stats,
				   SEG6_MANYCAST_SERVICE_STAT_SINGLE);
	} else if (manycast_rate_exceeded(svc, settings->rate)) {
		manycast_stats_inc(svc->stats,
				   SEG6_MANYCAST_SERVICE_STAT_LIMITED);
	} else {
		n = pick(settings, pool, key, index);
		for (i = 0; i < n; i++)
			cand[i] = pool->instance[index[i]];
		return n;
	}
	cand[0] = manycast_choose_one(settings, pool, key);
	return 1;
}
