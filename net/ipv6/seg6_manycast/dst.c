// SPDX-License-Identifier: GPL-2.0
/* Where outer headers lead: few places, over and over again. Each CPU remembers
 * the latest routes to them, as seg6 does for each of its routes. To look one
 * up costs as much as the rest of an encapsulation.
 */

#include <linux/hash.h>
#include <linux/percpu.h>
#include <net/dst.h>
#include <net/ip6_fib.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/nexthop.h>

#include "dst.h"

#define DST_BITS	6

/**
 * struct manycast_dst_slot - a route that was looked up
 * @dst:	holds a reference; NULL for an empty slot
 * @cookie:	tells whether @dst still holds
 * @proto:	what it was looked up with
 * @daddr:	likewise
 * @saddr:	likewise
 */
struct manycast_dst_slot {
	struct dst_entry *dst;
	u32 cookie;
	u8 proto;
	struct in6_addr daddr;
	struct in6_addr saddr;
};

struct manycast_dsts {
	struct manycast_dst_slot slot[1 << DST_BITS];
};

static struct manycast_dst_slot *slot_of(struct manycast_net *mnet,
					 const struct in6_addr *daddr)
{
	u32 fold = (__force u32)(daddr->s6_addr32[0] ^ daddr->s6_addr32[1] ^
				 daddr->s6_addr32[2] ^ daddr->s6_addr32[3]);

	return &this_cpu_ptr(mnet->dsts)->slot[hash_32(fold, DST_BITS)];
}

static bool matches(const struct manycast_dst_slot *slot,
		    const struct flowi6 *fl6)
{
	return slot->dst && slot->proto == fl6->flowi6_proto &&
	       ipv6_addr_equal(&slot->daddr, &fl6->daddr) &&
	       ipv6_addr_equal(&slot->saddr, &fl6->saddr);
}

/* Does every packet to this destination go there, whatever its flow is? And who
 * deletes a route with a tunnel's state expects that it goes: a service would
 * stay in use.
 */
static bool lasting(const struct dst_entry *dst)
{
	const struct rt6_info *rt = container_of(dst, struct rt6_info, dst);
	const struct fib6_info *from = rcu_dereference(rt->from);

	if (dst->error || dst->lwtstate || !from)
		return false;
	return from->nh ? !nexthop_is_multipath(from->nh) :
			  !READ_ONCE(from->fib6_nsiblings);
}

static void remember(struct manycast_dst_slot *slot, const struct flowi6 *fl6,
		     struct dst_entry *dst)
{
	dst_release(slot->dst);
	slot->dst = NULL;
	if (!lasting(dst))
		return;
	dst_hold(dst);
	slot->dst = dst;
	slot->cookie = rt6_get_cookie(container_of(dst, struct rt6_info, dst));
	slot->proto = fl6->flowi6_proto;
	slot->daddr = fl6->daddr;
	slot->saddr = fl6->saddr;
}

/**
 * manycast_dst() - the route of what we send
 * @mnet:	our namespace
 * @fl6:	the flow
 *
 * Where there are rules, these may look at anything, so that nothing can be
 * remembered.
 *
 * Context: RCU, bottom halves off.
 * Return: a dst with a reference; dst->error tells of a failure.
 */
struct dst_entry *manycast_dst(struct manycast_net *mnet, struct flowi6 *fl6)
{
	struct manycast_dst_slot *slot;
	struct dst_entry *dst;

	if (fib6_has_custom_rules(mnet->net))
		return ip6_route_output(mnet->net, NULL, fl6);

	slot = slot_of(mnet, &fl6->daddr);
	if (matches(slot, fl6) && dst_check(slot->dst, slot->cookie)) {
		dst_hold(slot->dst);
		return slot->dst;
	}
	dst = ip6_route_output(mnet->net, NULL, fl6);
	remember(slot, fl6, dst);
	return dst;
}

/**
 * manycast_dsts_init() - a route of ours begins, the first one perhaps
 * @mnet:	the namespace
 *
 * Context: process, may sleep.
 * Return: 0 or -ENOMEM.
 */
int manycast_dsts_init(struct manycast_net *mnet)
{
	int err;

	mutex_lock(&mnet->lock);
	if (!mnet->dsts)
		mnet->dsts = alloc_percpu(struct manycast_dsts);
	err = mnet->dsts ? 0 : -ENOMEM;
	mutex_unlock(&mnet->lock);
	return err;
}

/**
 * manycast_dsts_exit() - the namespace is gone
 * @mnet:	our part of it; no packet comes any more
 */
void manycast_dsts_exit(struct manycast_net *mnet)
{
	unsigned int cpu, i;

	if (!mnet->dsts)
		return;
	for_each_possible_cpu(cpu)
		for (i = 0; i < 1 << DST_BITS; i++)
			dst_release(per_cpu_ptr(mnet->dsts, cpu)->slot[i].dst);
	free_percpu(mnet->dsts);
	mnet->dsts = NULL;
}
