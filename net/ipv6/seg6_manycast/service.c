// SPDX-License-Identifier: GPL-2.0
/* Services: what an administrator configures. Writers hold manycast_net.lock,
 * packets read under RCU.
 */

#include <linux/netlink.h>
#include <linux/slab.h>

#include "calendar.h"
#include "candidates.h"
#include "notice.h"
#include "service.h"

/* A SYN-ACK comes within the round-trip time to the farthest candidate, so a
 * second is long. The tombstone covers the first two repetitions of a SYN
 * (RFC 6298: after 1 and 3 seconds).
 */
const struct manycast_settings manycast_settings_default = {
	.policy		= SEG6_MANYCAST_POLICY_RTT,
	.candidates	= SEG6_MANYCAST_CANDIDATES_RANDOM,
	.fanout		= 3,
	.hold		= 10,
	.timeout	= 1000,
	.tombstone	= 4000,
	.limit		= 65536,
	.rate		= 10000,
	.ioam_nodes	= 12,
	.coef		= { .network = 1, .residence = 1, .load = 10 },
	.slots		= MANYCAST_FRONT_SLOTS,
	.affinity	= SEG6_MANYCAST_AFFINITY_PIN,
	.pins		= 65536,
	.fails		= 3,
	.probe		= 16,
	.mark		= 90,
	.mode		= SEG6_MANYCAST_MODE_RACE,
	/* draft-bormann-dyncast-affinity-00 section 3. */
	.rhythm		= { .period = 10000, .grace = 1000, .stretch = 32,
			    .bits = 6 },
};

static void service_free_rcu(struct rcu_head *rcu)
{
	struct manycast_service *svc =
		container_of(rcu, struct manycast_service, rcu);

	percpu_ref_exit(&svc->ref);
	manycast_calendar_free(svc->calendar);
	free_percpu(svc->stats);
	manycast_notices_exit(svc);
	kfree(rcu_dereference_protected(svc->settings, true));
	manycast_net_put(svc->mnet);
	kfree(svc);
}

static void service_release(struct percpu_ref *ref)
{
	struct manycast_service *svc =
		container_of(ref, struct manycast_service, ref);

	call_rcu(&svc->rcu, service_free_rcu);
}

/**
 * manycast_service_find() - look a service up by its name
 * @mnet:	the namespace
 * @name:	the name
 *
 * Context: manycast_net.lock held.
 * Return: the service or NULL.
 */
struct manycast_service *manycast_service_find(struct manycast_net *mnet,
					       const char *name)
{
	struct manycast_service *svc;

	lockdep_assert_held(&mnet->lock);
	list_for_each_entry(svc, &mnet->services, list)
		if (!strcmp(svc->name, name))
			return svc;
	return NULL;
}

static struct manycast_service *
service_alloc(struct manycast_net *mnet, const char *name,
	      const struct manycast_settings *settings)
{
	struct manycast_settings *copy;
	struct manycast_service *svc;

	svc = kzalloc(sizeof(*svc), GFP_KERNEL);
	if (!svc)
		return NULL;
	copy = kmemdup(settings, sizeof(*settings), GFP_KERNEL);
	svc->stats = manycast_stats_alloc(SEG6_MANYCAST_SERVICE_STAT_MAX,
					  GFP_KERNEL);
	if (!copy || !svc->stats || manycast_notices_init(svc))
		goto free;
	if (percpu_ref_init(&svc->ref, service_release, 0, GFP_KERNEL))
		goto free;
	RCU_INIT_POINTER(svc->settings, copy);
	INIT_LIST_HEAD(&svc->instances);
	spin_lock_init(&svc->pin_lock);
	INIT_LIST_HEAD(&svc->pins_open);
	INIT_LIST_HEAD(&svc->pins_over);
	strscpy(svc->name, name, sizeof(svc->name));
	svc->mnet = manycast_net_get(mnet);
	return svc;
free:
	kfree(copy);
	free_percpu(svc->stats);
	manycast_notices_exit(svc);
	kfree(svc);
	return NULL;
}

/**
 * manycast_service_add() - configure a service
 * @mnet:	the namespace
 * @name:	its name, not in use
 * @settings:	copied
 * @extack:	receives the reason of a refusal
 *
 * Context: process, manycast_net.lock held.
 * Return: the service or an ERR_PTR().
 */
struct manycast_service *
manycast_service_add(struct manycast_net *mnet, const char *name,
		     const struct manycast_settings *settings,
		     struct netlink_ext_ack *extack)
{
	struct manycast_service *svc;

	lockdep_assert_held(&mnet->lock);
	svc = service_alloc(mnet, name, settings);
	if (!svc) {
		NL_SET_ERR_MSG(extack, "no memory for the service");
		return ERR_PTR(-ENOMEM);
	}
	list_add_tail(&svc->list, &mnet->services);
	manycast_net_changed(mnet);
	return svc;
}

/* Clients have addresses with numbers in them. */
static int check_rhythm(const struct manycast_service *svc,
			const struct manycast_rhythm *rhythm,
			struct netlink_ext_ack *extack)
{
	const struct manycast_rhythm *old = &manycast_settings(svc)->rhythm;

	if (!svc->calendar || (rhythm->period == old->period &&
			       rhythm->bits == old->bits))
		return 0;
	NL_SET_ERR_MSG(extack,
		       "the service has periods: period and bits are fixed");
	return -EBUSY;
}

/**
 * manycast_service_set() - replace a service's settings
 * @svc:	the service
 * @settings:	copied
 * @extack:	receives the reason of a refusal
 *
 * Handshakes that have begun keep what they began with where it matters: their
 * candidates and their quorum.
 *
 * Context: process, manycast_net.lock held.
 * Return: 0; -ENOMEM; -EBUSY for a setting that is fixed by now.
 */
int manycast_service_set(struct manycast_service *svc,
			 const struct manycast_settings *settings,
			 struct netlink_ext_ack *extack)
{
	struct manycast_settings *copy, *old;
	int err;

	err = check_rhythm(svc, &settings->rhythm, extack);
	if (err)
		return err;
	copy = kmemdup(settings, sizeof(*settings), GFP_KERNEL);
	if (!copy) {
		NL_SET_ERR_MSG(extack, "no memory for the settings");
		return -ENOMEM;
	}
	err = manycast_pool_update(svc, copy, extack);
	if (err) {
		kfree(copy);
		return err;
	}
	old = rcu_replace_pointer(svc->settings, copy,
				  lockdep_is_held(&svc->mnet->lock));
	kfree_rcu(old, rcu);
	manycast_calendar_tick(svc);
	return 0;
}

static void service_unlink(struct manycast_service *svc)
{
	struct manycast_instance *inst, *next;

	list_del(&svc->list);
	manycast_net_changed(svc->mnet);
	manycast_calendar_close(svc);
	manycast_pool_clear(svc);
	list_for_each_entry_safe(inst, next, &svc->instances, list)
		manycast_instance_unlink(inst);
	percpu_ref_kill(&svc->ref);
}

/**
 * manycast_service_del() - forget a service and its instances
 * @svc:	the service
 * @extack:	receives the reason of a refusal
 *
 * Context: process, may sleep, manycast_net.lock held.
 * Return: 0, or -EBUSY while a route refers to it.
 */
int manycast_service_del(struct manycast_service *svc,
			 struct netlink_ext_ack *extack)
{
	/* A route's state is freed some grace periods after `ip route del`:
	 * the route's own, and that of a dst that packets have used.
	 */
	if (atomic_read(&svc->routes))
		rcu_barrier();
	if (atomic_read(&svc->routes))
		rcu_barrier();
	if (atomic_read(&svc->routes)) {
		NL_SET_ERR_MSG(extack, "service is in use by a route");
		return -EBUSY;
	}
	service_unlink(svc);
	return 0;
}

/**
 * manycast_service_attach() - let a route refer to a service
 * @mnet:	the namespace
 * @name:	the service's name
 * @ea:		receives the reason of a refusal
 *
 * Context: process.
 * Return: the service, until manycast_service_detach(), or an ERR_PTR().
 */
struct manycast_service *manycast_service_attach(struct manycast_net *mnet,
						 const char *name,
						 struct netlink_ext_ack *ea)
{
	struct manycast_service *svc;

	mutex_lock(&mnet->lock);
	svc = manycast_service_find(mnet, name);
	if (svc) {
		percpu_ref_get(&svc->ref);
		atomic_inc(&svc->routes);
	}
	mutex_unlock(&mnet->lock);
	if (svc)
		return svc;
	NL_SET_ERR_MSG(ea, "no such service: add it before the route");
	return ERR_PTR(-ENOENT);
}

/**
 * manycast_service_detach() - the route is gone
 * @svc:	the service
 *
 * Context: any.
 */
void manycast_service_detach(struct manycast_service *svc)
{
	atomic_dec(&svc->routes);
	percpu_ref_put(&svc->ref);
}

/**
 * manycast_services_flush() - forget all services
 * @mnet:	our part of a namespace that ends
 *
 * Routes may still refer to them, so they go without asking.
 */
void manycast_services_flush(struct manycast_net *mnet)
{
	struct manycast_service *svc, *next;

	mutex_lock(&mnet->lock);
	list_for_each_entry_safe(svc, next, &mnet->services, list)
		service_unlink(svc);
	mutex_unlock(&mnet->lock);
}
