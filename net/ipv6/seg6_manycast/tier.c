// SPDX-License-Identifier: GPL-2.0
/* Tiers: instances that are asked when those before them cannot be, because
 * they are dead or have too much to do. Only new handshakes ask; connections
 * stay where they are.
 */

#include <linux/jiffies.h>

#include "tier.h"

/* A thousand instances take longer than all the rest of a SYN: not each time.
 */
#define LOAD_INTERVAL	msecs_to_jiffies(10)

static u32 per_mille(u32 part, u32 all)
{
	return div_u64((u64)part * SEG6_MANYCAST_LOAD_MAX, all);
}

/* How full the tables of a service are. */
static u32 fill(const struct manycast_service *svc,
		const struct manycast_settings *settings)
{
	u32 over = READ_ONCE(svc->pin_over);
	u32 pins = READ_ONCE(svc->pin_count);

	return max(per_mille(atomic_read(&svc->open), settings->limit),
		   per_mille(pins - min(over, pins), settings->pins));
}

/* The mean of what the instances of a tier have told, by their weights. */
static u32 sum_up(const struct manycast_pool *pool)
{
	u32 before = 0;
	unsigned int i;
	u64 sum = 0;

	for (i = 0; i < pool->n; i++) {
		sum += (u64)(pool->cumulated[i] - before) *
		       manycast_instance_load(pool->instance[i]);
		before = pool->cumulated[i];
	}
	return div_u64(sum, before);
}

/* Several CPUs may sum up at once; either's result is good. */
static u32 load(struct manycast_pool *pool)
{
	unsigned long now = jiffies;

	if (time_after(now, READ_ONCE(pool->load_time) + LOAD_INTERVAL)) {
		WRITE_ONCE(pool->load, sum_up(pool));
		WRITE_ONCE(pool->load_time, now);
	}
	return READ_ONCE(pool->load);
}

/* Our own tables count for the first tier alone: what goes to a later one needs
 * room in them, too, but nothing else is left.
 */
static bool above_mark(const struct manycast_service *svc,
		       const struct manycast_settings *settings,
		       struct manycast_pool *pool, bool first)
{
	u32 mark = per_mille(settings->mark, SEG6_MANYCAST_MARK_MAX);

	return load(pool) > mark || (first && fill(svc, settings) > mark);
}

/**
 * manycast_choose_of_tiers() - who takes a new handshake
 * @svc:	the service
 * @settings:	its settings
 * @pool:	of its first tier, or NULL
 * @local:	another site's selector has sent the SYN here: not a site again
 *
 * The first tier below the mark. If there is none, the first one with somebody
 * who answers; and if nobody does, the first one with a suspect.
 *
 * Context: RCU, bottom halves off.
 * Return: its pool, with somebody to be asked; or NULL.
 */
struct manycast_pool *
manycast_choose_of_tiers(struct manycast_service *svc,
			 const struct manycast_settings *settings,
			 struct manycast_pool *pool, bool local)
{
	struct manycast_pool *healthy = NULL, *suspect = NULL;
	bool first = true;

	for (; pool; pool = pool->next) {
		if (local && pool->remote)
			continue;
		if (pool->suspects && !suspect)
			suspect = pool;
		if (!pool->n)
			continue;
		if (!healthy)
			healthy = pool;
		/* Nobody comes after it: its load does not matter. */
		if (!pool->next && healthy == pool)
			break;
		if (!above_mark(svc, settings, pool, first))
			return pool;
		first = false;
	}
	return healthy ?: suspect;
}
