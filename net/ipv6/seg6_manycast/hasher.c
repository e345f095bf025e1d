// SPDX-License-Identifier: GPL-2.0
/* H.MAnycast.Hash: one of several selectors for each flow, without a memory.
 * Every hasher that is configured the same finds the same one.
 */

#include <kunit/visibility.h>
#include <linux/netlink.h>
#include <net/ipv6.h>

#include "candidates.h"
#include "encap.h"
#include "hasher.h"
#include "lwt.h"
#include "main.h"
#include "trace.h"

/**
 * manycast_hasher_attach() - a route makes a service's instances its selectors
 * @svc:	the service, attached
 * @extack:	receives the reason of a refusal, or a warning
 *
 * Once there, the large table stays as long as the service.
 *
 * Context: process, may sleep.
 * Return: 0 or -ENOMEM.
 */
int manycast_hasher_attach(struct manycast_service *svc,
			   struct netlink_ext_ack *extack)
{
	const struct manycast_settings *settings;
	int err = 0;

	mutex_lock(&svc->mnet->lock);
	settings = manycast_settings(svc);
	if (!svc->front) {
		svc->front = true;
		err = manycast_pool_update(svc, settings, extack);
		svc->front = !err;
	}
	if (!err && !settings->key.key[0] && !settings->key.key[1])
		NL_SET_ERR_MSG(extack,
			       "service has no key: clients can foretell their selector");
	mutex_unlock(&svc->mnet->lock);
	return err;
}

/**
 * manycast_hasher_pick() - the selector of a flow
 * @settings:	of the service
 * @pool:	its instances, from the first tier on, or NULL
 * @tuple:	the flow
 *
 * Context: RCU.
 * Return: the instance, or NULL when there is none with a weight.
 */
struct manycast_instance *
manycast_hasher_pick(const struct manycast_settings *settings,
		     const struct manycast_pool *pool,
		     const struct manycast_tuple *tuple)
{
	u64 hash;

	while (pool && !pool->front)
		pool = pool->next;
	if (!pool)
		return NULL;
	hash = siphash(tuple, sizeof(*tuple), &settings->key);
	return pool->instance[pool->front[(u32)hash % pool->slots]];
}
EXPORT_SYMBOL_IF_KUNIT(manycast_hasher_pick);

static int to_selector(struct manycast_route *route, struct sk_buff *skb,
		       bool local)
{
	struct manycast_service *svc = route->service;
	const struct manycast_settings *settings =
		rcu_dereference(svc->settings);
	struct manycast_instance *inst;
	struct manycast_tuple tuple;
	int result;

	if (manycast_tuple_of(skb, 0, &tuple))
		return manycast_drop(route->mnet, skb,
				     SEG6_MANYCAST_STAT_DROP_NO_MEMORY);
	inst = manycast_hasher_pick(settings, rcu_dereference(svc->pool),
				    &tuple);
	if (!inst)
		return manycast_drop_of(svc, skb,
				SEG6_MANYCAST_SERVICE_STAT_DROP_NO_INSTANCE);
	trace_steer(route->mnet, svc, &tuple.flow, &inst->path, false);
	result = manycast_send_to(route->mnet, skb, inst,
				  manycast_flow_hash(&tuple.flow), local);
	if (result >= 0)
		manycast_stats_inc(inst->stats,
				   SEG6_MANYCAST_INSTANCE_STAT_HASHED);
	return result;
}

/**
 * manycast_hasher_input() - H.MAnycast.Hash for what others send
 * @skb:	a packet to a service
 * @route:	the route that it took
 *
 * Context: softirq, RCU.
 * Return: what ip6_local_out() returns, or a negative error after a counted
 * drop.
 */
int manycast_hasher_input(struct sk_buff *skb, struct manycast_route *route)
{
	return to_selector(route, skb, false);
}

/**
 * manycast_hasher_output() - H.MAnycast.Hash for what this host sends
 * @skb:	a packet to a service
 * @route:	the route that it took
 *
 * Context: RCU.
 * Return: as manycast_hasher_input().
 */
int manycast_hasher_output(struct sk_buff *skb, struct manycast_route *route)
{
	int result;

	local_bh_disable();
	result = to_selector(route, skb, true);
	local_bh_enable();
	return result;
}
