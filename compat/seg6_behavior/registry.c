// SPDX-License-Identifier: GPL-2.0
/* The behaviours, by their action number. */

#include <linux/errno.h>
#include <linux/export.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <net/lwtunnel.h>
#include <net/seg6_local_behavior.h>

#include "seg6_behavior.h"

/* Written under the mutex, read under RCU */
static LIST_HEAD(seg6_behaviors);
static DEFINE_MUTEX(seg6_behaviors_mutex);

static const struct seg6_local_behavior *seg6_behavior_find(u32 action)
{
	const struct seg6_local_behavior *b;

	list_for_each_entry_rcu(b, &seg6_behaviors, list,
				lockdep_is_held(&seg6_behaviors_mutex))
		if (b->action == action)
			return b;

	return NULL;
}

/**
 * seg6_behavior_get() - find a behaviour and keep its module
 * @action:	value of SEG6_LOCAL_ACTION
 *
 * Context: Any.
 * Return: the behaviour, whose owner the caller has to module_put(), or NULL
 *	   if there is none or its module is about to go.
 */
const struct seg6_local_behavior *seg6_behavior_get(u32 action)
{
	const struct seg6_local_behavior *b;

	rcu_read_lock();
	b = seg6_behavior_find(action);
	if (b && !try_module_get(b->owner))
		b = NULL;
	rcu_read_unlock();

	return b;
}

/* Is everything there that the other files rely on? */
static bool seg6_behavior_is_sound(const struct seg6_local_behavior *b)
{
	const u16 redirect = LWTUNNEL_STATE_INPUT_REDIRECT |
			     LWTUNNEL_STATE_OUTPUT_REDIRECT;

	return b->action >= SEG6_BEHAVIOR_ACTION_MIN &&
	       b->action <= SEG6_BEHAVIOR_ACTION_MAX &&
	       b->lwt_flags && !(b->lwt_flags & ~redirect) &&
	       !!b->input == !!(b->lwt_flags & LWTUNNEL_STATE_INPUT_REDIRECT) &&
	       !!b->output == !!(b->lwt_flags &
				 LWTUNNEL_STATE_OUTPUT_REDIRECT) &&
	       b->name && b->build_state && b->fill_encap &&
	       b->get_encap_size && b->cmp_encap &&
	       (b->policy || !b->maxattr);
}

/**
 * seg6_local_behavior_register() - make a behaviour known to seg6local
 * @b:		what it does; stays where it is until it is unregistered
 *
 * From now on, routes with this action can be added. As each of them holds
 * b->owner, a module calls this last when it is loaded.
 *
 * Context: Process context, may sleep.
 * Return: 0, -EINVAL if @b is not complete or its action is not one for
 *	   private use, -EBUSY if somebody else has that action.
 */
int seg6_local_behavior_register(struct seg6_local_behavior *b)
{
	int err = 0;

	if (!seg6_behavior_is_sound(b))
		return -EINVAL;

	mutex_lock(&seg6_behaviors_mutex);
	if (seg6_behavior_find(b->action))
		err = -EBUSY;
	else
		list_add_tail_rcu(&b->list, &seg6_behaviors);
	mutex_unlock(&seg6_behaviors_mutex);

	return err;
}
EXPORT_SYMBOL_GPL(seg6_local_behavior_register);

/**
 * seg6_local_behavior_unregister() - take a behaviour back
 * @b:		what has been registered
 *
 * Routes hold b->owner. So there are none any more when this is called where
 * it belongs, from that module's exit.
 *
 * Context: Process context, may sleep. Nobody looks at @b on return.
 */
void seg6_local_behavior_unregister(struct seg6_local_behavior *b)
{
	mutex_lock(&seg6_behaviors_mutex);
	list_del_rcu(&b->list);
	mutex_unlock(&seg6_behaviors_mutex);

	synchronize_rcu();
}
EXPORT_SYMBOL_GPL(seg6_local_behavior_unregister);
