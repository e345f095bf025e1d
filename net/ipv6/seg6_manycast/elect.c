// SPDX-License-Identifier: GPL-2.0
/* Which instance gets a period. Nothing counts that is a router's own, neither
 * the order in which instances were configured nor the service's key: so all
 * routers choose alike.
 */

#include <kunit/visibility.h>
#include <linux/siphash.h>
#include <net/ipv6.h>

#include "elect.h"
#include "metric.h"
#include "service.h"

/* It is not there to keep a secret. */
static const siphash_key_t no_key;

/**
 * manycast_bid_id() - what decides among instances with the same metric
 * @sid:	what an instance is called on every router
 *
 * Return: the number; the larger one is chosen.
 */
u64 manycast_bid_id(const struct in6_addr *sid)
{
	return siphash(sid, sizeof(*sid), &no_key);
}
EXPORT_SYMBOL_IF_KUNIT(manycast_bid_id);

/**
 * manycast_bid_heir() - the same among those who may take over from a dead one
 * @id:		manycast_bid_id() of who would
 * @index:	the period
 *
 * Rendezvous hashing: each period has a ranking of its own, so that those who
 * are left share them; and it does not depend on who died before.
 *
 * Return: the number.
 */
u64 manycast_bid_heir(u64 id, u64 index)
{
	return siphash_2u64(id, index, &no_key);
}
EXPORT_SYMBOL_IF_KUNIT(manycast_bid_heir);

/**
 * manycast_bid_beats() - is one bid better than another?
 * @a:		the one
 * @b:		the other
 *
 * Return: whether @a is.
 */
bool manycast_bid_beats(const struct manycast_bid *a,
			const struct manycast_bid *b)
{
	return a->metric != b->metric ? a->metric > b->metric : a->id > b->id;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_bid_beats);

/**
 * manycast_bid_holds() - does who has had the last period get the next one?
 * @holder:	its bid
 * @tenure:	how many periods it has had up to now, without a break
 * @best:	the best bid of all
 * @damping:	periods that it has in any case
 * @threshold:	by how much another one has to be better
 *
 * Against flapping, as the CATS framework asks for.
 *
 * Return: whether it does.
 */
bool manycast_bid_holds(const struct manycast_bid *holder, u32 tenure,
			const struct manycast_bid *best, u32 damping,
			u32 threshold)
{
	return tenure < damping || best->metric < holder->metric + threshold;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_bid_holds);

/* Those of the first tier where somebody is up. Where nobody is, suspects are
 * as good as anybody.
 */
static unsigned int electorate(const struct manycast_pool *pool,
			       struct manycast_instance *const **list)
{
	const struct manycast_pool *tier;

	for (tier = pool; tier; tier = tier->next) {
		*list = tier->instance;
		if (tier->n)
			return tier->n;
	}
	for (tier = pool; tier; tier = tier->next) {
		*list = tier->instance;
		if (tier->suspects)
			return tier->suspects;
	}
	return 0;
}

/**
 * manycast_electable() - is there anybody to choose?
 * @pool:	instances of a service, or NULL
 *
 * Return: whether there is.
 */
bool manycast_electable(const struct manycast_pool *pool)
{
	struct manycast_instance *const *list;

	return electorate(pool, &list);
}

static struct manycast_bid bid_of(const struct manycast_instance *inst,
				  const struct manycast_settings *settings,
				  u64 index)
{
	u32 load = manycast_instance_load(inst), rtt = READ_ONCE(inst->rtt);

	return (struct manycast_bid){
		.metric = settings->metrics == SEG6_MANYCAST_METRICS_NETLINK ?
			  manycast_metric_at(&inst->metrics, index) :
			  manycast_metric_measured(load, rtt),
		.id = inst->bid_id,
	};
}

/**
 * manycast_elect() - choose the instance of a period
 * @pool:	instances of the service, or NULL
 * @settings:	of the service
 * @index:	the period
 * @holder:	who has the period before it, or NULL
 * @tenure:	for how many periods in a row
 *
 * Context: RCU, the calendar's lock held.
 * Return: the instance; NULL when there is nobody.
 */
struct manycast_instance *
manycast_elect(const struct manycast_pool *pool,
	       const struct manycast_settings *settings, u64 index,
	       const struct manycast_instance *holder, u32 tenure)
{
	struct manycast_instance *const *list, *found = NULL, *stands = NULL;
	struct manycast_bid bid, best = {}, held = {};
	unsigned int i, n = electorate(pool, &list);

	for (i = 0; i < n; i++) {
		bid = bid_of(list[i], settings, index);
		if (list[i] == holder) {
			stands = list[i];
			held = bid;
		}
		if (found && !manycast_bid_beats(&bid, &best))
			continue;
		found = list[i];
		best = bid;
	}
	return stands && manycast_bid_holds(&held, tenure, &best,
					    settings->damping,
					    settings->threshold) ?
	       stands : found;
}

/**
 * manycast_heir() - choose who takes a period over from a dead instance
 * @pool:	instances of the service without that one, or NULL
 * @index:	the period
 *
 * Context: RCU.
 * Return: the instance; NULL when there is nobody.
 */
struct manycast_instance *manycast_heir(const struct manycast_pool *pool,
					u64 index)
{
	struct manycast_instance *const *list, *heir = NULL;
	unsigned int i, n = electorate(pool, &list);
	u64 id, best = 0;

	for (i = 0; i < n; i++) {
		id = manycast_bid_heir(list[i]->bid_id, index);
		if (heir && id < best)
			continue;
		heir = list[i];
		best = id;
	}
	return heir;
}
