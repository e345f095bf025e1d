// SPDX-License-Identifier: GPL-2.0
/* Instances: the servers of a service, and what we know of them. */

#include <linux/netlink.h>
#include <linux/slab.h>
#include <net/ipv6.h>

#include "calendar.h"
#include "candidates.h"
#include "elect.h"
#include "health.h"
#include "pin.h"
#include "service.h"

static const struct rhashtable_params source_params = {
	.head_offset	= offsetof(struct manycast_instance, source_node),
	.key_offset	= offsetof(struct manycast_instance, source),
	.key_len	= sizeof(struct in6_addr),
	.automatic_shrinking = true,
};

static const struct rhashtable_params sid_params = {
	.head_offset	= offsetof(struct manycast_instance, sid_node),
	.key_offset	= offsetof(struct manycast_instance, path.seg),
	.key_len	= sizeof(struct in6_addr),
	.automatic_shrinking = true,
};

static void instance_free_rcu(struct rcu_head *rcu)
{
	struct manycast_instance *inst =
		container_of(rcu, struct manycast_instance, rcu);

	percpu_ref_exit(&inst->ref);
	free_percpu(inst->stats);
	percpu_ref_put(&inst->service->ref);
	kfree(inst);
}

static void instance_release(struct percpu_ref *ref)
{
	struct manycast_instance *inst =
		container_of(ref, struct manycast_instance, ref);

	call_rcu(&inst->rcu, instance_free_rcu);
}

/**
 * manycast_instance_find() - look an instance up by its SID
 * @svc:	the service
 * @sid:	the SID
 *
 * Context: manycast_net.lock held.
 * Return: the instance or NULL.
 */
struct manycast_instance *
manycast_instance_find(const struct manycast_service *svc,
		       const struct in6_addr *sid)
{
	struct manycast_instance *inst;

	list_for_each_entry(inst, &svc->instances, list)
		if (ipv6_addr_equal(manycast_sid(inst), sid))
			return inst;
	return NULL;
}

/**
 * manycast_instance_by_source() - look an instance up by where it answers from
 * @mnet:	the namespace
 * @svc:	its service, or NULL for any
 * @source:	outer source of its answer
 *
 * Context: RCU.
 * Return: the instance or NULL.
 */
struct manycast_instance *
manycast_instance_by_source(struct manycast_net *mnet,
			    const struct manycast_service *svc,
			    const struct in6_addr *source)
{
	struct manycast_instance *inst;
	struct rhlist_head *list, *pos;

	list = rhltable_lookup(&mnet->sources, source, source_params);
	rhl_for_each_entry_rcu(inst, pos, list, source_node)
		if (!svc || inst->service == svc)
			return inst;
	return NULL;
}

/**
 * manycast_instance_by_sid() - look an instance up by its SID
 * @mnet:	the namespace
 * @sid:	the SID; each service may have an instance there
 * @meant:	tells which one
 * @arg:	for @meant
 *
 * Context: RCU.
 * Return: the instance or NULL.
 */
struct manycast_instance *
manycast_instance_by_sid(struct manycast_net *mnet, const struct in6_addr *sid,
			 bool (*meant)(const struct manycast_instance *inst,
				       const void *arg), const void *arg)
{
	struct manycast_instance *inst;
	struct rhlist_head *list, *pos;

	list = rhltable_lookup(&mnet->sids, sid, sid_params);
	rhl_for_each_entry_rcu(inst, pos, list, sid_node)
		if (meant(inst, arg))
			return inst;
	return NULL;
}

/**
 * manycast_instance_where() - which of a server's services is it about?
 * @mnet:	the namespace
 * @source:	where the server answers from
 * @wanted:	whether it is about this service
 * @key:	passed to it
 *
 * Context: RCU.
 * Return: the first instance there of a service that is wanted, or NULL.
 */
struct manycast_instance *
manycast_instance_where(struct manycast_net *mnet,
			const struct in6_addr *source,
			bool (*wanted)(const struct manycast_service *svc,
				       const struct manycast_key *key),
			const struct manycast_key *key)
{
	struct manycast_instance *inst;
	struct rhlist_head *list, *pos;

	list = rhltable_lookup(&mnet->sources, source, source_params);
	rhl_for_each_entry_rcu(inst, pos, list, source_node)
		if (wanted(inst->service, key))
			return inst;
	return NULL;
}

static struct manycast_instance *
instance_alloc(struct manycast_service *svc, const struct manycast_path *path,
	       const struct in6_addr *source, const struct manycast_role *role,
	       bool remote)
{
	struct manycast_instance *inst = kzalloc(sizeof(*inst), GFP_KERNEL);

	if (!inst)
		return NULL;
	inst->stats = manycast_stats_alloc(SEG6_MANYCAST_INSTANCE_STAT_MAX,
					   GFP_KERNEL);
	if (!inst->stats)
		goto free;
	if (percpu_ref_init(&inst->ref, instance_release, 0, GFP_KERNEL))
		goto free;
	percpu_ref_get(&svc->ref);
	inst->service = svc;
	inst->path = *path;
	inst->path.left = path->n - 1;
	inst->source = *source;
	inst->role = *role;
	inst->last_weight = 1;
	inst->remote = remote;
	inst->bid_id = manycast_bid_id(manycast_sid(inst));
	inst->health.suspect = role->state == SEG6_MANYCAST_STATE_SUSPECT;
	inst->told = manycast_instance_state(inst);
	inst->load = MANYCAST_IOAM_UNAVAILABLE;
	return inst;
free:
	free_percpu(inst->stats);
	kfree(inst);
	return NULL;
}

/**
 * manycast_instance_unlink() - forget a server that is not in the pool
 * @inst:	the instance; handshakes that run keep it until they end, and
 *		its pins go
 *
 * Context: process, manycast_net.lock held.
 */
void manycast_instance_unlink(struct manycast_instance *inst)
{
	struct manycast_service *svc = inst->service;

	list_del(&inst->list);
	svc->instance_count--;
	manycast_net_changed(svc->mnet);
	rhltable_remove(&svc->mnet->sources, &inst->source_node, source_params);
	rhltable_remove(&svc->mnet->sids, &inst->sid_node, sid_params);
	percpu_ref_kill(&inst->ref);
	manycast_pins_sweep(svc->mnet);
}

/* Both tables or none. */
static int hash_in(struct manycast_net *mnet, struct manycast_instance *inst)
{
	int err;

	err = rhltable_insert(&mnet->sources, &inst->source_node,
			      source_params);
	if (err)
		return err;
	err = rhltable_insert(&mnet->sids, &inst->sid_node, sid_params);
	if (err)
		rhltable_remove(&mnet->sources, &inst->source_node,
				source_params);
	return err;
}

static int instance_link(struct manycast_service *svc,
			 struct manycast_instance *inst,
			 struct netlink_ext_ack *extack)
{
	int err;

	err = hash_in(svc->mnet, inst);
	if (err) {
		NL_SET_ERR_MSG(extack, "no memory for the instance's address");
		percpu_ref_kill(&inst->ref);
		return err;
	}
	list_add_tail(&inst->list, &svc->instances);
	svc->instance_count++;
	manycast_net_changed(svc->mnet);
	err = manycast_pool_update(svc, manycast_settings(svc), extack);
	if (err)
		manycast_instance_unlink(inst);
	return err;
}

/* Whoever is dead leaves its periods to others. */
static void bury(struct manycast_instance *inst)
{
	struct manycast_service *svc = inst->service;

	if (svc->calendar && inst->role.state == SEG6_MANYCAST_STATE_DOWN)
		manycast_calendar_move(svc->calendar, manycast_settings(svc),
				       manycast_calendar_now(),
				       manycast_sid(inst));
}

/**
 * manycast_instance_add() - configure a server of a service
 * @svc:	the service
 * @path:	SID and waypoints; the SID is not in use in @svc
 * @source:	where its answers come from
 * @role:	its part
 * @remote:	it is another site's selector
 * @extack:	receives the reason of a refusal
 *
 * Context: process, manycast_net.lock held.
 * Return: the instance or an ERR_PTR().
 */
struct manycast_instance *
manycast_instance_add(struct manycast_service *svc,
		      const struct manycast_path *path,
		      const struct in6_addr *source,
		      const struct manycast_role *role, bool remote,
		      struct netlink_ext_ack *extack)
{
	struct manycast_instance *inst;
	bool taken;
	int err;

	rcu_read_lock();
	taken = manycast_instance_by_source(svc->mnet, svc, source);
	rcu_read_unlock();
	if (taken) {
		NL_SET_ERR_MSG(extack,
			       "another instance answers from this address");
		return ERR_PTR(-EEXIST);
	}
	if (svc->instance_count >= MANYCAST_INSTANCES_MAX) {
		NL_SET_ERR_MSG(extack, "too many instances in this service");
		return ERR_PTR(-ENOSPC);
	}
	inst = instance_alloc(svc, path, source, role, remote);
	if (!inst) {
		NL_SET_ERR_MSG(extack, "no memory for the instance");
		return ERR_PTR(-ENOMEM);
	}
	err = instance_link(svc, inst, extack);
	if (err)
		return ERR_PTR(err);
	bury(inst);
	return inst;
}

/**
 * manycast_instance_set() - change an instance's part
 * @inst:	the instance
 * @role:	its part from now on; weight 0 drains: no new handshakes, old
 *		flows go on
 * @extack:	receives the reason of a refusal
 *
 * Context: process, manycast_net.lock held.
 * Return: 0 or -ENOMEM.
 */
int manycast_instance_set(struct manycast_instance *inst,
			  const struct manycast_role *role,
			  struct netlink_ext_ack *extack)
{
	struct manycast_service *svc = inst->service;
	struct manycast_role old = inst->role;
	int err;

	if (old.weight)
		inst->last_weight = old.weight;
	inst->role = *role;
	manycast_health_set(&inst->health,
			    role->state == SEG6_MANYCAST_STATE_SUSPECT);
	err = manycast_pool_update(svc, manycast_settings(svc), extack);
	if (err)
		inst->role = old;
	else
		bury(inst);
	return err;
}

/**
 * manycast_instance_del() - forget a server
 * @inst:	the instance
 * @extack:	receives the reason of a refusal
 *
 * Context: process, manycast_net.lock held.
 * Return: 0 or -ENOMEM.
 */
int manycast_instance_del(struct manycast_instance *inst,
			  struct netlink_ext_ack *extack)
{
	struct manycast_service *svc = inst->service;
	struct list_head *before = inst->list.prev;
	int err;

	list_del_init(&inst->list);
	err = manycast_pool_update(svc, manycast_settings(svc), extack);
	if (err)
		list_add(&inst->list, before);
	else
		manycast_instance_unlink(inst);
	return err;
}

static void smooth(u32 *avg, u32 sample)
{
	WRITE_ONCE(*avg, manycast_smooth(READ_ONCE(*avg), sample));
}

/**
 * manycast_instance_told() - note the load that a SYN-ACK told
 * @inst:	who sent it
 * @load:	per mille, or MANYCAST_IOAM_UNAVAILABLE
 *
 * Context: RCU, bottom halves off.
 */
void manycast_instance_told(struct manycast_instance *inst, u32 load)
{
	if (load == MANYCAST_IOAM_UNAVAILABLE)
		return;
	WRITE_ONCE(inst->load, load);
	WRITE_ONCE(inst->load_time, jiffies);
}

/**
 * manycast_instance_measured() - note what a SYN-ACK told
 * @inst:	who sent it
 * @rtt:	microseconds
 * @tm:		its telemetry
 *
 * Several CPUs may do so at once; any of their results is good. The histogram
 * has them all.
 *
 * Context: RCU, bottom halves off.
 */
void manycast_instance_measured(struct manycast_instance *inst, u32 rtt,
				const struct manycast_telemetry *tm)
{
	smooth(&inst->rtt, rtt);
	manycast_histogram_add(&inst->rtts, rtt);
	if (tm->residence != MANYCAST_IOAM_UNAVAILABLE)
		smooth(&inst->residence, tm->residence);
	manycast_instance_told(inst, tm->load);
}

/**
 * manycast_instance_load() - how busy an instance is
 * @inst:	the instance
 *
 * Context: any.
 * Return: per mille; 0 when it has told nothing for long.
 */
u32 manycast_instance_load(const struct manycast_instance *inst)
{
	u32 load = READ_ONCE(inst->load);

	if (load == MANYCAST_IOAM_UNAVAILABLE)
		return 0;
	return manycast_load_now(load, READ_ONCE(inst->load_time), jiffies);
}

/**
 * manycast_instances_init() - a namespace begins
 * @mnet:	our part of it
 *
 * Return: 0 or a negative error.
 */
int manycast_instances_init(struct manycast_net *mnet)
{
	int err = rhltable_init(&mnet->sources, &source_params);

	if (err)
		return err;
	err = rhltable_init(&mnet->sids, &sid_params);
	if (err)
		rhltable_destroy(&mnet->sources);
	return err;
}

/**
 * manycast_instances_exit() - the namespace is gone
 * @mnet:	our part of it, without any instance
 */
void manycast_instances_exit(struct manycast_net *mnet)
{
	rhltable_destroy(&mnet->sids);
	rhltable_destroy(&mnet->sources);
}
