// SPDX-License-Identifier: GPL-2.0
/* Who is asked: the service's settings and instances, applied to a flow. How
 * candidates are picked out of numbers is in candidates.c.
 */

#include <linux/compiler.h>
#include <linux/random.h>

#include "candidates.h"
#include "choose.h"
#include "rank.h"
#include "rate.h"
#include "turn.h"

/* Candidates least looks at four for each that it asks, and no more than so
 * many. That is where the gain is (Mitzenmacher, "The Power of Two Choices in
 * Randomized Load Balancing"); the least of all would be everybody's choice
 * until it tells again, and looking at a thousand takes longer than all the
 * rest of a SYN.
 */
#define LOOK_MAX	(2 * SEG6_MANYCAST_FANOUT_MAX)

/* Of a hunt's segments, for tiers after this one. */
#define NEXT_TIER	2

/* Who may be asked: those who answer, or where nobody does, everybody. */
static unsigned int askable(const struct manycast_pool *pool)
{
	return pool->n ?: pool->suspects;
}

static const struct manycast_instance *nth(const struct manycast_pool *pool,
					   unsigned int i)
{
	return pool->instance[i % askable(pool)];
}

/* Neighbours in the pool are sorted by a hash: they have nothing in common. */
static unsigned int pick_least(const struct manycast_pool *pool,
			       u32 *rnd, u16 *pick, unsigned int k)
{
	unsigned int all = askable(pool), n = min3(all, 4 * k, LOOK_MAX);
	unsigned int from = 0, i;
	u32 load[LOOK_MAX];

	if (all > n)
		from = reciprocal_scale(*rnd, all);
	for (i = 0; i < n; i++)
		load[i] = manycast_instance_load(nth(pool, from + i));
	n = manycast_pick_least(load, n, rnd, pick, k);
	for (i = 0; i < n; i++)
		pick[i] = (from + pick[i]) % all;
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

/* Where nobody in the row may be asked, who else may takes the flow by chance.
 */
static unsigned int pick_ranked(const struct manycast_settings *settings,
				const struct manycast_pool *pool,
				const struct manycast_key *key, u16 *index,
				unsigned int k)
{
	unsigned int got;

	got = manycast_rank_pick(rank_row(settings, pool, key), pool->ranks,
				 askable(pool), index, k);
	if (got)
		return got;
	*index = manycast_pick_one(pool->cumulated, askable(pool),
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
		return manycast_pick_all(askable(pool), &rnd, index,
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
	return manycast_pick_random(pool->cumulated, askable(pool), &rnd,
				    index, settings->fanout);
}

/**
 * manycast_choose_one() - whom a flow is sent to without a race
 * @settings:	of the service
 * @pool:	the tier, from manycast_choose_tier()
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
		index = manycast_pick_one(pool->cumulated, askable(pool),
					  keyed_hash(settings, key));
	return pool->instance[index];
}

/* Those of a tier, suspects last: a hunt would end in a dead one. */
static unsigned int hunted_in(const struct manycast_settings *settings,
			      const struct manycast_pool *pool,
			      const struct manycast_key *key,
			      struct manycast_instance **cand,
			      unsigned int max)
{
	const u16 *row = rank_row(settings, pool, key);
	unsigned int got = 0, i;
	int suspect;

	for (suspect = 0; suspect < 2; suspect++)
		for (i = 0; i < pool->ranks && got < max; i++)
			if (suspect == (row[i] - pool->n < pool->suspects))
				cand[got++] = pool->instance[row[i]];
	return got;
}

/**
 * manycast_choose_hunted() - who may have a flow
 * @svc:	the service
 * @key:	the flow
 * @local:	not those at other sites
 * @cand:	result: its candidates, as on every selector with the same
 *		configuration, and those who come next; drained ones are among
 *		them, and some of each tier, in the order of tiers
 * @max:	room in @cand
 *
 * Context: RCU.
 * Return: how many; none where candidates are chosen by chance or load.
 */
unsigned int manycast_choose_hunted(const struct manycast_service *svc,
				    const struct manycast_key *key, bool local,
				    struct manycast_instance **cand,
				    unsigned int max)
{
	const struct manycast_settings *settings =
		rcu_dereference(svc->settings);
	const struct manycast_pool *pool;
	unsigned int n = 0, room;

	for (pool = rcu_dereference(svc->pool); pool; pool = pool->next) {
		if (!manycast_pool_hunts(pool) || (local && pool->remote))
			continue;
		room = max - n;
		if (pool->next && room > NEXT_TIER)
			room -= NEXT_TIER;
		n += hunted_in(settings, pool, key, &cand[n], room);
	}
	return n;
}

/**
 * manycast_rate_exceeded() - may a SYN be replicated?
 * @svc:	the service
 * @rate:	replicated SYNs per second, 0 for no limit
 *
 * Context: any.
 * Return: whether there were too many.
 */
bool manycast_rate_exceeded(struct manycast_service *svc, u32 rate)
{
	return rate && manycast_rate_over(&svc->tat, ktime_get_coarse_ns(),
					  rate);
}

/* One suspect of the tiers that count, each tier as likely as the others. */
static struct manycast_instance *
pick_suspect(const struct manycast_pool *first,
	     const struct manycast_pool *last)
{
	const struct manycast_pool *pool, *from = NULL;
	u32 tiers = 0;

	for (pool = first; pool != last->next; pool = pool->next)
		if (pool->suspects &&
		    !reciprocal_scale(get_random_u32(), ++tiers))
			from = pool;
	if (!from)
		return NULL;
	return from->instance[from->n + reciprocal_scale(get_random_u32(),
							 from->suspects)];
}

/* In one race of many, a suspect may show that it is back. It is one more: it
 * takes nobody's place.
 */
static unsigned int probe(struct manycast_service *svc,
			  const struct manycast_settings *settings,
			  const struct manycast_pool *pool,
			  struct manycast_instance **cand, unsigned int n)
{
	const struct manycast_pool *first = rcu_dereference(svc->pool);
	struct manycast_instance *suspect;

	if ((pool == first && !pool->suspects) || !pool->n ||
	    !settings->probe || n == SEG6_MANYCAST_FANOUT_MAX ||
	    reciprocal_scale(get_random_u32(), settings->probe))
		return n;
	suspect = pick_suspect(first, pool);
	if (!suspect)
		return n;
	manycast_stats_inc(svc->stats, SEG6_MANYCAST_SERVICE_STAT_PROBED);
	cand[n++] = suspect;
	return n;
}

/**
 * manycast_choose() - who is asked, and in a hunt in which order
 * @svc:	the service
 * @settings:	its settings
 * @pool:	the tier, from manycast_choose_tier()
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
	/* Other sites' selectors do not pass SYNs on. */
	bool hunt = settings->mode == SEG6_MANYCAST_MODE_HUNT && !pool->remote;
	u16 index[SEG6_MANYCAST_FANOUT_MAX] __uninitialized;
	unsigned int i, n;

	/* A hunt replicates nothing. */
	if (!replicable && !hunt) {
		manycast_stats_inc(svc->stats,
				   SEG6_MANYCAST_SERVICE_STAT_SINGLE);
	} else if (!hunt && manycast_rate_exceeded(svc, settings->rate)) {
		manycast_stats_inc(svc->stats,
				   SEG6_MANYCAST_SERVICE_STAT_LIMITED);
	} else {
		n = pick(settings, pool, key, index);
		for (i = 0; i < n; i++)
			cand[i] = pool->instance[index[i]];
		return hunt ? manycast_turns_fit(cand, n, MANYCAST_TURNS_SYN) :
			      probe(svc, settings, pool, cand, n);
	}
	cand[0] = manycast_choose_one(settings, pool, key);
	return 1;
}
