// SPDX-License-Identifier: GPL-2.0
/* The services under selection on this host: known from their first SYN-ACK,
 * or because somebody told us their load.
 */

#include <linux/slab.h>
#include <net/inet_connection_sock.h>

#include "ioam.h"
#include "listener.h"
#include "main.h"

static const struct rhashtable_params listener_params = {
	.head_offset	= offsetof(struct manycast_listener, node),
	.key_offset	= offsetof(struct manycast_listener, at),
	.key_len	= sizeof(struct manycast_endpoint),
	.automatic_shrinking = true,
};

static void listener_free(struct manycast_listener *l)
{
	free_percpu(l->stats);
	kfree(l);
}

static void listener_free_rcu(struct rcu_head *rcu)
{
	listener_free(container_of(rcu, struct manycast_listener, rcu));
}

/**
 * manycast_listener_find() - look a listener up
 * @mnet:	the namespace
 * @at:		address and port
 *
 * Context: RCU.
 * Return: the listener or NULL.
 */
struct manycast_listener *
manycast_listener_find(struct manycast_net *mnet,
		       const struct manycast_endpoint *at)
{
	return rhashtable_lookup(&mnet->listeners, at, listener_params);
}

static struct manycast_listener *
listener_alloc(const struct manycast_endpoint *at, gfp_t gfp)
{
	struct manycast_listener *l = kzalloc(sizeof(*l), gfp);

	if (!l)
		return NULL;
	l->stats = manycast_stats_alloc(SEG6_MANYCAST_LISTENER_STAT_MAX, gfp);
	if (!l->stats) {
		kfree(l);
		return NULL;
	}
	l->at = *at;
	l->load = MANYCAST_LOAD_AUTO;
	return l;
}

/**
 * manycast_listener_get() - look a listener up, or note a new one
 * @mnet:	the namespace
 * @at:		address and port
 * @gfp:	GFP_KERNEL, or GFP_NOWAIT in atomic context
 *
 * Context: RCU, unless @gfp may sleep: then a caller that excludes deletion.
 * Return: the listener, or an ERR_PTR(): -ENOSPC beyond MANYCAST_LISTENERS_MAX.
 */
struct manycast_listener *
manycast_listener_get(struct manycast_net *mnet,
		      const struct manycast_endpoint *at, gfp_t gfp)
{
	struct manycast_listener *l, *old = ERR_PTR(-ENOSPC);

	rcu_read_lock();
	l = manycast_listener_find(mnet, at);
	rcu_read_unlock();
	if (l)
		return l;
	if (atomic_inc_return(&mnet->listener_count) > MANYCAST_LISTENERS_MAX)
		goto uncount;
	l = listener_alloc(at, gfp);
	if (!l) {
		old = ERR_PTR(-ENOMEM);
		goto uncount;
	}
	old = rhashtable_lookup_get_insert_fast(&mnet->listeners, &l->node,
						listener_params);
	if (!old)
		return l;
	listener_free(l);
uncount:
	atomic_dec(&mnet->listener_count);
	return old;
}

/**
 * manycast_listener_del() - forget a listener
 * @mnet:	the namespace
 * @at:		address and port
 *
 * Context: manycast_net.lock held.
 * Return: whether there was one.
 */
bool manycast_listener_del(struct manycast_net *mnet,
			   const struct manycast_endpoint *at)
{
	struct manycast_listener *l;
	bool found;

	lockdep_assert_held(&mnet->lock);
	rcu_read_lock();
	l = manycast_listener_find(mnet, at);
	found = l && !rhashtable_remove_fast(&mnet->listeners, &l->node,
					     listener_params);
	rcu_read_unlock();
	if (!found)
		return false;
	atomic_dec(&mnet->listener_count);
	call_rcu(&l->rcu, listener_free_rcu);
	return true;
}

/* How full the accept queue is, in per mille; one waiting counts. The kernel
 * accepts one connection more than the backlog says.
 */
static u32 queue_fill(const struct sock *sk)
{
	u32 len, max;

	if (!sk || inet_sk_state_load(sk) != TCP_LISTEN)
		return MANYCAST_IOAM_UNAVAILABLE;
	len = READ_ONCE(sk->sk_ack_backlog);
	max = READ_ONCE(sk->sk_max_ack_backlog) + 1;
	return min_t(u32, DIV_ROUND_UP(len * SEG6_MANYCAST_LOAD_MAX, max),
		     SEG6_MANYCAST_LOAD_MAX);
}

/**
 * manycast_listener_load() - what a listener reports
 * @l:		the listener, or NULL
 * @sk:		its socket, or NULL
 *
 * An agent cannot tell of every connection that joins the queue, and without
 * it whoever was free a moment ago would be sent all that come before the agent
 * speaks again. So the queue counts beside what was told.
 *
 * Context: RCU.
 * Return: per mille, or MANYCAST_IOAM_UNAVAILABLE when nobody listens and
 * nothing was told.
 */
u32 manycast_listener_load(const struct manycast_listener *l,
			   const struct sock *sk)
{
	u32 told = l ? READ_ONCE(l->load) : MANYCAST_LOAD_AUTO;
	u32 fill = queue_fill(sk);

	if (told == MANYCAST_LOAD_AUTO)
		return fill;
	if (fill == MANYCAST_IOAM_UNAVAILABLE)
		return told;
	return min_t(u32, told + fill, SEG6_MANYCAST_LOAD_MAX);
}

/**
 * manycast_listeners_init() - a namespace begins
 * @mnet:	our part of it
 *
 * Return: 0 or a negative error.
 */
int manycast_listeners_init(struct manycast_net *mnet)
{
	return rhashtable_init(&mnet->listeners, &listener_params);
}

static void free_listener(void *ptr, void *arg)
{
	listener_free(ptr);
}

/**
 * manycast_listeners_exit() - the namespace is gone
 * @mnet:	our part of it; no packet comes any more
 */
void manycast_listeners_exit(struct manycast_net *mnet)
{
	rhashtable_free_and_destroy(&mnet->listeners, free_listener, NULL);
}
