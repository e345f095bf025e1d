// SPDX-License-Identifier: GPL-2.0
/* Passive health: a race is a health check. Who leaves several of them in a row
 * unanswered is suspect, and asked now and then only; its first SYN-ACK brings
 * it back. A RST is no answer: a host without the service is of no use either.
 */

#include <kunit/visibility.h>
#include <linux/jiffies.h>

#include "health.h"
#include "netlink.h"
#include "service.h"

/**
 * manycast_health_answered() - a SYN-ACK
 * @health:	of who sent it
 *
 * Return: whether it was suspect.
 */
bool manycast_health_answered(struct manycast_health *health)
{
	if (READ_ONCE(health->unanswered))
		WRITE_ONCE(health->unanswered, 0);
	if (!READ_ONCE(health->suspect))
		return false;
	WRITE_ONCE(health->suspect, false);
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_health_answered);

/**
 * manycast_health_set() - somebody says how it is
 * @health:	of an instance
 * @suspect:	whether it has to answer first
 */
void manycast_health_set(struct manycast_health *health, bool suspect)
{
	WRITE_ONCE(health->unanswered, 0);
	WRITE_ONCE(health->suspect, suspect);
}
EXPORT_SYMBOL_IF_KUNIT(manycast_health_set);

/**
 * manycast_instance_state() - what is known of an instance
 * @inst:	the instance
 *
 * Context: manycast_net.lock held.
 * Return: its state.
 */
enum seg6_manycast_state
manycast_instance_state(const struct manycast_instance *inst)
{
	if (inst->role.state == SEG6_MANYCAST_STATE_DOWN)
		return SEG6_MANYCAST_STATE_DOWN;
	return READ_ONCE(inst->health.suspect) ? SEG6_MANYCAST_STATE_SUSPECT :
						 SEG6_MANYCAST_STATE_UP;
}

/* The pool is built anew soon, where that may sleep. */
static void changed(struct manycast_service *svc)
{
	set_bit(0, &svc->unhealthy);
	mod_delayed_work(manycast_wq, &svc->mnet->health_work, 0);
}

/**
 * manycast_instance_suspected() - too many races were left unanswered
 * @inst:	the instance
 *
 * Context: RCU, bottom halves off.
 */
void manycast_instance_suspected(struct manycast_instance *inst)
{
	struct manycast_service *svc = inst->service;

	manycast_stats_inc(svc->stats, SEG6_MANYCAST_SERVICE_STAT_SUSPECTED);
	changed(svc);
}

/**
 * manycast_instance_answered() - an instance has sent a SYN-ACK
 * @inst:	the instance
 *
 * Context: RCU, bottom halves off.
 */
void manycast_instance_answered(struct manycast_instance *inst)
{
	if (manycast_health_answered(&inst->health))
		changed(inst->service);
}

static void tell_changes(struct manycast_service *svc)
{
	struct manycast_instance *inst;

	list_for_each_entry(inst, &svc->instances, list)
		if (manycast_instance_state(inst) != inst->told)
			manycast_nl_instance_changed(inst);
}

static void update(struct work_struct *work)
{
	struct manycast_net *mnet =
		container_of(to_delayed_work(work), struct manycast_net,
			     health_work);
	struct manycast_service *svc;

	mutex_lock(&mnet->lock);
	list_for_each_entry(svc, &mnet->services, list) {
		if (!test_and_clear_bit(0, &svc->unhealthy))
			continue;
		tell_changes(svc);
		if (!manycast_pool_update(svc, manycast_settings(svc), NULL))
			continue;
		/* No memory: once more in a second. */
		set_bit(0, &svc->unhealthy);
		queue_delayed_work(manycast_wq, &mnet->health_work, HZ);
	}
	mutex_unlock(&mnet->lock);
}

/**
 * manycast_health_init() - a namespace begins
 * @mnet:	our part of it
 */
void manycast_health_init(struct manycast_net *mnet)
{
	INIT_DELAYED_WORK(&mnet->health_work, update);
}

/**
 * manycast_health_exit() - the namespace is gone
 * @mnet:	our part of it; no packet comes any more
 */
void manycast_health_exit(struct manycast_net *mnet)
{
	cancel_delayed_work_sync(&mnet->health_work);
}
