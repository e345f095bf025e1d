/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_MAIN_H
#define _SEG6_MANYCAST_MAIN_H

#include <linux/mutex.h>
#include <linux/netfilter.h>
#include <linux/refcount.h>
#include <linux/rhashtable.h>
#include <linux/seg6_manycast.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "flow.h"
#include "stats.h"

struct manycast_dsts;
struct net;

/**
 * struct manycast_net - everything of ours in a network namespace
 * @refs:	held by the namespace and by every route of ours, since states
 *		of routes may be freed after the namespace's exit
 * @rcu:	frees; in front, since kfree_rcu() takes no offset above a page
 *		and locks grow in a kernel that watches them
 * @net:	the namespace; valid until manycast_net_exit()
 * @lock:	taken by every writer of configuration
 * @stats:	enum seg6_manycast_stat
 * @services:	struct manycast_service, under @lock
 * @generation:	of the lists of services and instances, for dumps that take
 *		several messages; never 0; under @lock
 * @health_work: builds pools anew when the health of instances has changed
 * @calendar_work: tells who has got which period
 * @selection_tat: nanoseconds: when the next event about a handshake would be
 *		on time, for their rate limit
 * @selections_missed: events that it has left out
 * @sources:	struct manycast_instance by the address it answers from
 * @sids:	struct manycast_instance by its SID
 * @handshakes:	struct manycast_handshake by struct manycast_key
 * @openings:	struct manycast_handshake of unaware clients by their 4-tuple
 * @pins:	struct manycast_pin by 4-tuple
 * @pin_work:	forgets pins of silent clients and of deleted instances
 * @records:	struct manycast_record by struct manycast_key
 * @record_lock:	protects @record_fifo, @record_count, and which record
 *		is in @records with what is known of its handshake
 * @record_fifo:	records, oldest first; all live equally long
 * @record_count:	entries of @record_fifo
 * @record_isns:	records by a hash of their ISN, under @record_lock; NULL
 *		until the first route with End.MAnycast.S
 * @record_work:	forgets records whose time has come
 * @listeners:	struct manycast_listener by address and port
 * @listener_count:	entries of @listeners
 * @notice_tat:	nanoseconds: when the next notice to a selector would be on
 *		time, for their rate limit
 * @server_sids:	routes with End.MAnycast.S
 * @server_work:	takes the hook away after the last of them
 * @server_hook:	catches SYN-ACKs and RSTs at LOCAL_OUT
 * @server_hooked:	it is registered; under @lock
 * @flows:	struct manycast_flow by 4-tuple
 * @flow_lock:	protects the lists and their counts
 * @flow_list:	flows by their place; in each, first who came to it first
 * @flow_placed:	entries of each list
 * @flow_count:	entries of all lists
 * @flow_work:	forgets flows that were idle for too long
 * @dsts:	routes of what we send, by CPU; NULL until a route needs it
 */
struct manycast_net {
	refcount_t refs;
	struct rcu_head rcu;
	struct net *net;
	struct mutex lock; /* writers of configuration */
	struct manycast_stats __percpu *stats;

	struct list_head services;
	unsigned int generation;
	struct delayed_work health_work;
	struct work_struct calendar_work;
	atomic64_t selection_tat;
	atomic_t selections_missed;
	struct rhltable sources;
	struct rhltable sids;
	struct rhashtable handshakes;
	struct rhashtable openings;
	struct rhashtable pins;
	struct delayed_work pin_work;

	struct rhashtable records;
	spinlock_t record_lock; /* records, but for lookups */
	struct list_head record_fifo;
	unsigned int record_count;
	u32 *record_isns;
	struct delayed_work record_work;
	struct rhashtable listeners;
	atomic_t listener_count;
	atomic64_t notice_tat;
	atomic_t server_sids;
	struct work_struct server_work;
	struct nf_hook_ops server_hook;
	bool server_hooked;

	struct rhashtable flows;
	spinlock_t flow_lock; /* the lists and their counts */
	struct list_head flow_list[MANYCAST_FLOW_PLACES];
	unsigned int flow_placed[MANYCAST_FLOW_PLACES];
	unsigned int flow_count;
	struct delayed_work flow_work;
	struct manycast_dsts __percpu *dsts;
};

/* A service or an instance comes or goes. */
static inline void manycast_net_changed(struct manycast_net *mnet)
{
	lockdep_assert_held(&mnet->lock);
	mnet->generation += 2;
}

extern struct workqueue_struct *manycast_wq;

struct manycast_net *manycast_net(const struct net *net);
struct manycast_net *manycast_net_get(struct manycast_net *mnet);
void manycast_net_put(struct manycast_net *mnet);

#endif /* _SEG6_MANYCAST_MAIN_H */
