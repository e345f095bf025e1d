// SPDX-License-Identifier: GPL-2.0
/* The edge's flows: which server each of our clients' connections has. */

#include <kunit/visibility.h>
#include <linux/slab.h>
#include <net/ipv6.h>

#include "addr.h"
#include "flow.h"
#include "main.h"

#define SWEEP_INTERVAL	(5 * HZ)
#define EVICT_MAX	16
#define OPENING_SHARE	8	/* one in so many may be opening */

/* As connection tracking has them: what a client may still send after so long
 * belongs to a connection that the server has given up.
 */
static const unsigned int idle_seconds[MANYCAST_FLOW_STATES] = {
	[MANYCAST_FLOW_OPENING]	= 120,
	[MANYCAST_FLOW_OPEN]	= 5 * 24 * 3600,
	[MANYCAST_FLOW_CLOSING]	= 120,
	[MANYCAST_FLOW_RESET]	= 10,
};

static const struct rhashtable_params flow_params = {
	.head_offset	= offsetof(struct manycast_flow, node),
	.key_offset	= offsetof(struct manycast_flow, key),
	.key_len	= MANYCAST_TUPLE_LEN,
	.hashfn		= manycast_tuple_hash,
	.obj_cmpfn	= manycast_tuple_differs,
	.automatic_shrinking = true,
};

static void flow_free(struct manycast_flow *flow)
{
	kfree(rcu_dereference_protected(flow->way, true));
	kfree(rcu_dereference_protected(flow->rival, true));
	kfree(flow);
}

static void flow_free_rcu(struct rcu_head *rcu)
{
	flow_free(container_of(rcu, struct manycast_flow, rcu));
}

/* Who takes a flow off its list frees it. */
static void unlink(struct manycast_net *mnet, struct manycast_flow *flow)
{
	lockdep_assert_held(&mnet->flow_lock);
	if (list_empty(&flow->age.list))
		return;
	list_del_init(&flow->age.list);
	mnet->flow_placed[flow->place]--;
	WRITE_ONCE(mnet->flow_count, mnet->flow_count - 1);
	rhashtable_remove_fast(&mnet->flows, &flow->node, flow_params);
	call_rcu(&flow->rcu, flow_free_rcu);
}

/* An open connection may be silent for long, whoever tries another one. */
static bool idle(const struct manycast_flow *flow)
{
	bool open = READ_ONCE(flow->place) == MANYCAST_PLACE_OPEN;
	u8 state = open ? MANYCAST_FLOW_OPEN : READ_ONCE(flow->state);

	return manycast_age_over(&flow->age, idle_seconds[state]);
}

/* Looks again under the lock, since a packet may just have come. */
static void unlink_idle(void *entry, void *arg)
{
	struct manycast_flow *flow = entry;
	struct manycast_net *mnet = arg;

	if (!idle(flow))
		return;
	spin_lock_bh(&mnet->flow_lock);
	if (idle(flow))
		unlink(mnet, flow);
	spin_unlock_bh(&mnet->flow_lock);
}

static void sweep(struct work_struct *work)
{
	struct manycast_net *mnet =
		container_of(to_delayed_work(work), struct manycast_net,
			     flow_work);

	manycast_sweep(&mnet->flows, unlink_idle, mnet);
	if (READ_ONCE(mnet->flow_count))
		queue_delayed_work(manycast_wq, &mnet->flow_work,
				   SWEEP_INTERVAL);
}

/* Room for one more. First goes who is over: a packet or two are all that it
 * may still need us for. Then it depends on how many are opening, and nobody
 * knows which of them will complete. Up to their share of the table, one that
 * is open goes, since at a high rate each SYN would else push out the one
 * before, and nobody could connect. From there on it is the one that opens for
 * the longest time: a flood of handshakes that never complete costs those that
 * did no more than this share, even if they end as resets.
 */
static void evict(struct manycast_net *mnet, u32 limit)
{
	const unsigned int share = max(limit / OPENING_SHARE, 1U);
	struct list_head *list = mnet->flow_list;
	struct manycast_age *age;

	lockdep_assert_held(&mnet->flow_lock);
	age = manycast_age_oldest(&list[MANYCAST_PLACE_OVER]);
	if (!age && mnet->flow_placed[MANYCAST_PLACE_OPENING] < share)
		age = manycast_age_oldest(&list[MANYCAST_PLACE_OPEN]);
	if (!age)
		age = list_first_entry_or_null(&list[MANYCAST_PLACE_OPENING],
					       struct manycast_age, list);
	if (!age)
		return;
	unlink(mnet, container_of(age, struct manycast_flow, age));
	manycast_stats_inc(mnet->stats, SEG6_MANYCAST_STAT_EDGE_EVICTED);
}

static void move(struct manycast_net *mnet, struct manycast_flow *flow,
		 enum manycast_flow_place place)
{
	spin_lock_bh(&mnet->flow_lock);
	if (!list_empty(&flow->age.list)) {
		mnet->flow_placed[flow->place]--;
		mnet->flow_placed[place]++;
		WRITE_ONCE(flow->place, place);
		manycast_age_move(&flow->age, &mnet->flow_list[place]);
	}
	spin_unlock_bh(&mnet->flow_lock);
}

/**
 * manycast_flow_find() - look a flow up
 * @mnet:	the namespace
 * @key:	the flow; its ISN does not matter
 *
 * Context: RCU.
 * Return: the flow or NULL.
 */
struct manycast_flow *manycast_flow_find(struct manycast_net *mnet,
					 const struct manycast_key *key)
{
	return rhashtable_lookup(&mnet->flows, key, flow_params);
}
EXPORT_SYMBOL_IF_KUNIT(manycast_flow_find);

static struct manycast_flow *
flow_add(struct manycast_net *mnet, const struct manycast_key *key,
	 const struct manycast_prefix *servers, u32 limit)
{
	struct manycast_flow *flow = kzalloc(sizeof(*flow), GFP_ATOMIC);
	struct manycast_flow *old;
	unsigned int i;

	if (!flow)
		return NULL;
	flow->key = *key;
	flow->given_up = key->isn;
	flow->servers = *servers;
	spin_lock_init(&flow->lock);

	limit = limit ?: MANYCAST_FLOW_LIMIT;
	spin_lock_bh(&mnet->flow_lock);
	/* A lowered limit is reached step by step: nobody waits for long. */
	for (i = 0; i < EVICT_MAX; i++)
		if (mnet->flow_count >= limit)
			evict(mnet, limit);
	old = rhashtable_lookup_get_insert_fast(&mnet->flows, &flow->node,
						flow_params);
	if (!old) {
		manycast_age_add(&flow->age,
				 &mnet->flow_list[MANYCAST_PLACE_OPENING]);
		mnet->flow_placed[MANYCAST_PLACE_OPENING]++;
		WRITE_ONCE(mnet->flow_count, mnet->flow_count + 1);
	}
	spin_unlock_bh(&mnet->flow_lock);
	if (!old) {
		queue_delayed_work(manycast_wq, &mnet->flow_work,
				   SWEEP_INTERVAL);
		return flow;
	}
	kfree(flow);
	return IS_ERR(old) ? NULL : old;
}

/* Under @flow->lock, or nobody else knows the flow. */
static void set_way(struct manycast_flow *flow,
		    struct manycast_way __rcu **slot, struct manycast_way *way)
{
	struct manycast_way *old =
		rcu_replace_pointer(*slot, way, lockdep_is_held(&flow->lock));

	if (old)
		kfree_rcu(old, rcu);
}

static struct manycast_way *get_way(struct manycast_flow *flow,
				    struct manycast_way __rcu **slot)
{
	return rcu_dereference_protected(*slot, lockdep_is_held(&flow->lock));
}

/**
 * manycast_flow_syn() - a client connects
 * @mnet:	the namespace
 * @key:	the flow and the SYN's ISN
 * @servers:	SIDs that may answer
 * @limit:	flows in the namespace at most, 0 for the default
 *
 * A SYN with another ISN may be a new connection, or somebody's who knows the
 * 4-tuple and wants to end the old one (RFC 5961 section 4). The old server
 * stays until the client acknowledges another one's SYN-ACK; and what was open
 * counts as such until then, or until the client closes or resets it.
 *
 * Context: RCU, bottom halves off.
 * Return: the flow, or NULL without memory.
 */
struct manycast_flow *
manycast_flow_syn(struct manycast_net *mnet, const struct manycast_key *key,
		  const struct manycast_prefix *servers, u32 limit)
{
	struct manycast_flow *flow = manycast_flow_find(mnet, key);

	if (!flow)
		flow = flow_add(mnet, key, servers, limit);
	if (!flow)
		return NULL;
	spin_lock_bh(&flow->lock);
	manycast_age_use(&flow->age);
	if (flow->state == MANYCAST_FLOW_RESET)
		set_way(flow, &flow->way, NULL);
	if (flow->key.isn != key->isn || flow->state == MANYCAST_FLOW_RESET) {
		if (flow->key.isn != key->isn)
			flow->given_up = flow->key.isn;
		flow->key.isn = key->isn;
		flow->servers = *servers;
		set_way(flow, &flow->rival, NULL);
		WRITE_ONCE(flow->state, MANYCAST_FLOW_OPENING);
		if (flow->place != MANYCAST_PLACE_OPEN)
			move(mnet, flow, MANYCAST_PLACE_OPENING);
	}
	spin_unlock_bh(&flow->lock);
	return flow;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_flow_syn);

/**
 * manycast_flow_allows() - may a flow's packets go this way?
 * @flow:	the flow
 * @path:	segment list that a SYN-ACK or a RST tells of
 *
 * Context: RCU, bottom halves off.
 * Return: whether all of it is among the servers of the latest SYN's route.
 */
bool manycast_flow_allows(struct manycast_flow *flow,
			  const struct manycast_path *path)
{
	bool ok = true;
	unsigned int i;

	spin_lock_bh(&flow->lock);
	for (i = 0; ok && i < path->n; i++)
		ok = manycast_prefix_match(&flow->servers, &path->seg[i]);
	spin_unlock_bh(&flow->lock);
	return ok;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_flow_allows);

/**
 * manycast_flow_attempts() - is it the client's latest attempt?
 * @flow:	the flow
 * @isn:	of the attempt
 *
 * Context: RCU, bottom halves off.
 * Return: whether it is.
 */
bool manycast_flow_attempts(struct manycast_flow *flow, u32 isn)
{
	bool latest;

	spin_lock_bh(&flow->lock);
	latest = flow->key.isn == isn;
	spin_unlock_bh(&flow->lock);
	return latest;
}

/**
 * manycast_flow_way() - the way to one of a flow's servers
 * @flow:	the flow
 * @sid:	the server's SID
 *
 * Context: RCU.
 * Return: the way, or NULL when it is none of the flow's.
 */
struct manycast_way *manycast_flow_way(const struct manycast_flow *flow,
				       const struct in6_addr *sid)
{
	struct manycast_way *way = rcu_dereference(flow->way);

	if (!way || !ipv6_addr_equal(&way->path.seg[0], sid))
		way = rcu_dereference(flow->rival);
	return way && ipv6_addr_equal(&way->path.seg[0], sid) ? way : NULL;
}

static struct manycast_way *way_alloc(u32 isn, const struct manycast_path *path,
				      u32 synack_isn)
{
	struct manycast_way *way = kmalloc(sizeof(*way), GFP_ATOMIC);

	if (way) {
		manycast_path_copy(&way->path, path);
		way->isn = isn;
		way->synack_isn = synack_isn;
		way->acked = false;
	}
	return way;
}

static bool leads_to(const struct manycast_way *way,
		     const struct manycast_path *path)
{
	return way && ipv6_addr_equal(&way->path.seg[0], &path->seg[0]);
}

/* Of an attempt before the present one. */
static bool stale(const struct manycast_flow *flow,
		  const struct manycast_way *way)
{
	return way && way->isn != flow->key.isn;
}

/* Where a SYN-ACK belongs: the slot that it fills or refreshes, if any. */
static enum manycast_learnt judge(struct manycast_flow *flow,
				  const struct manycast_path *path,
				  struct manycast_way __rcu ***slot)
{
	struct manycast_way *way = get_way(flow, &flow->way);
	struct manycast_way *rival = get_way(flow, &flow->rival);

	*slot = NULL;
	/* The client wants none, except perhaps the one that it has. */
	if (flow->state == MANYCAST_FLOW_RESET)
		return leads_to(way, path) ? MANYCAST_LEARNT_NOTHING :
					     MANYCAST_LEARNT_LOSER;
	if (!way || (!stale(flow, way) && leads_to(way, path))) {
		*slot = &flow->way;
		return way ? MANYCAST_LEARNT_AGAIN : MANYCAST_LEARNT_NEW;
	}
	if (leads_to(rival, path)) {
		*slot = &flow->rival;
		return MANYCAST_LEARNT_AGAIN;
	}
	if (flow->state != MANYCAST_FLOW_OPENING || rival)
		return MANYCAST_LEARNT_LOSER;
	*slot = &flow->rival;
	return stale(flow, way) ? MANYCAST_LEARNT_NEW : MANYCAST_LEARNT_RIVAL;
}

/* An answer to another attempt than the present one. If it is the one before,
 * its server waits for an ACK that will not come, unless it is the server that
 * the client still has.
 */
static enum manycast_learnt judge_given_up(struct manycast_flow *flow, u32 isn,
					   const struct manycast_path *path)
{
	struct manycast_way *way = get_way(flow, &flow->way);

	if (isn != flow->given_up || (leads_to(way, path) && way->isn == isn))
		return MANYCAST_LEARNT_NOTHING;
	return MANYCAST_LEARNT_LOSER;
}

/**
 * manycast_flow_learn() - a server has accepted a flow
 * @flow:	the flow
 * @isn:	the attempt that the SYN-ACK answers
 * @path:	segment list that leads to the server
 * @synack_isn:	the SYN-ACK's sequence number
 *
 * When two servers accept before the client has acknowledged either, nobody
 * but the client knows whose SYN-ACK it will take. Both are delivered and
 * manycast_flow_out() reads the client's choice from its ACK. A third one is
 * not delivered and so can be reset at once.
 *
 * Context: RCU, bottom halves off.
 * Return: what to do with the SYN-ACK.
 */
enum manycast_learnt manycast_flow_learn(struct manycast_flow *flow, u32 isn,
					 const struct manycast_path *path,
					 u32 synack_isn)
{
	struct manycast_way __rcu **slot;
	enum manycast_learnt learnt;
	struct manycast_way *way;

	spin_lock_bh(&flow->lock);
	manycast_age_use(&flow->age);
	learnt = flow->key.isn == isn ? judge(flow, path, &slot) :
					judge_given_up(flow, isn, path);
	/* After the client's ACK a new number would not be its choice's. */
	if (learnt != MANYCAST_LEARNT_NOTHING &&
	    learnt != MANYCAST_LEARNT_LOSER &&
	    flow->state == MANYCAST_FLOW_OPENING) {
		way = way_alloc(isn, path, synack_isn);
		if (way)
			set_way(flow, slot, way);
		else
			learnt = MANYCAST_LEARNT_NOTHING;
	}
	spin_unlock_bh(&flow->lock);
	return learnt;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_flow_learn);

/* The client's first ACK: its number is the choice. A RST that acknowledges
 * nothing goes to the first server, so that the other one is due ours.
 */
static struct manycast_way *acknowledge(struct manycast_net *mnet,
					struct manycast_flow *flow, u32 ack)
{
	struct manycast_way *rival = get_way(flow, &flow->rival);
	struct manycast_way *way = get_way(flow, &flow->way);

	if (rival && ack - 1 == rival->synack_isn &&
	    ack - 1 != way->synack_isn) {
		rcu_assign_pointer(flow->way, rival);
		swap(way, rival);
	}
	RCU_INIT_POINTER(flow->rival, NULL);
	/* Pairs with manycast_flow_out(): OPEN means that the way is final. */
	smp_store_release(&flow->state, MANYCAST_FLOW_OPEN);
	move(mnet, flow, MANYCAST_PLACE_OPEN);
	if (stale(flow, way)) {
		flow->given_up = flow->key.isn;
		flow->key.isn = way->isn;
	}
	way->acked = true;
	if (!rival)
		return NULL;
	kfree_rcu(rival, rcu);
	/* A connection that was open is not ours to end. */
	return rival->acked ? NULL : rival;
}

/* The old server asked whether its connection is still there, and the client
 * says that it is not: it has a new attempt. Returns the old way.
 */
static struct manycast_way *end_old(struct manycast_net *mnet,
				    struct manycast_flow *flow)
{
	struct manycast_way *old = get_way(flow, &flow->way);

	rcu_assign_pointer(flow->way, get_way(flow, &flow->rival));
	RCU_INIT_POINTER(flow->rival, NULL);
	kfree_rcu(old, rcu);
	move(mnet, flow, MANYCAST_PLACE_OPENING);
	return old;
}

static void end(struct manycast_net *mnet, struct manycast_flow *flow,
		enum manycast_flow_state state)
{
	WRITE_ONCE(flow->state, state);
	move(mnet, flow, MANYCAST_PLACE_OVER);
}

/**
 * manycast_flow_out() - a client sends
 * @mnet:	the namespace
 * @flow:	the flow
 * @tcp:	the segment, not a SYN
 * @loser:	set when this segment has decided between two servers: reset it;
 *		valid under RCU
 *
 * Context: RCU, bottom halves off.
 * Return: the way to the flow's server, valid under RCU; NULL when it is not
 * known.
 */
struct manycast_way *manycast_flow_out(struct manycast_net *mnet,
				       struct manycast_flow *flow,
				       const struct manycast_tcp *tcp,
				       struct manycast_way **loser)
{
	/* Pairs with acknowledge(). */
	u8 state = smp_load_acquire(&flow->state);
	struct manycast_way *way = rcu_dereference(flow->way);

	*loser = NULL;
	if (!way)
		return NULL;
	manycast_age_use(&flow->age);
	if (state == MANYCAST_FLOW_OPEN &&
	    !(tcp->flags & (TCPHDR_FIN | TCPHDR_RST)))
		return way;

	spin_lock_bh(&flow->lock);
	if (flow->state == MANYCAST_FLOW_OPENING && tcp->flags & TCPHDR_RST &&
	    stale(flow, get_way(flow, &flow->way))) {
		way = end_old(mnet, flow);
		goto unlock;
	}
	if (flow->state == MANYCAST_FLOW_OPENING &&
	    tcp->flags & (TCPHDR_ACK | TCPHDR_RST) &&
	    get_way(flow, &flow->way))
		*loser = acknowledge(mnet, flow, tcp->ack);
	if (flow->state == MANYCAST_FLOW_RESET && !(tcp->flags & TCPHDR_RST)) {
		/* It goes on: the RST was for something else. */
		WRITE_ONCE(flow->state, MANYCAST_FLOW_OPEN);
		move(mnet, flow, MANYCAST_PLACE_OPEN);
	}
	if (tcp->flags & TCPHDR_RST)
		end(mnet, flow, MANYCAST_FLOW_RESET);
	else if (tcp->flags & TCPHDR_FIN)
		end(mnet, flow, MANYCAST_FLOW_CLOSING);
	way = get_way(flow, &flow->way);
unlock:
	spin_unlock_bh(&flow->lock);
	return way;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_flow_out);

/**
 * manycast_flow_refused() - a RST came through the selector
 * @mnet:	the namespace
 * @flow:	the flow
 * @isn:	the attempt that the RST answers
 * @sid:	who sent it
 *
 * Context: RCU, bottom halves off.
 * Return: whether it is the client's: nobody has accepted, or it is from the
 * one who did and the client has not acknowledged.
 */
bool manycast_flow_refused(struct manycast_net *mnet,
			   struct manycast_flow *flow, u32 isn,
			   const struct in6_addr *sid)
{
	struct manycast_way *way;
	bool ok;

	spin_lock_bh(&flow->lock);
	way = get_way(flow, &flow->way);
	ok = flow->key.isn == isn && flow->state == MANYCAST_FLOW_OPENING &&
	     !get_way(flow, &flow->rival) &&
	     (!way || stale(flow, way) ||
	      ipv6_addr_equal(&way->path.seg[0], sid));
	/* An old connection ends by its own packets only. */
	if (ok && !stale(flow, way))
		end(mnet, flow, MANYCAST_FLOW_RESET);
	spin_unlock_bh(&flow->lock);
	return ok;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_flow_refused);

/**
 * manycast_flows_init() - a namespace begins
 * @mnet:	our part of it
 *
 * Return: 0 or a negative error.
 */
int manycast_flows_init(struct manycast_net *mnet)
{
	unsigned int i;

	spin_lock_init(&mnet->flow_lock);
	for (i = 0; i < MANYCAST_FLOW_PLACES; i++)
		INIT_LIST_HEAD(&mnet->flow_list[i]);
	INIT_DELAYED_WORK(&mnet->flow_work, sweep);
	return rhashtable_init(&mnet->flows, &flow_params);
}
EXPORT_SYMBOL_IF_KUNIT(manycast_flows_init);

static void free_flow(void *ptr, void *arg)
{
	flow_free(ptr);
}

/**
 * manycast_flows_exit() - the namespace is gone
 * @mnet:	our part of it; no packet comes any more
 */
void manycast_flows_exit(struct manycast_net *mnet)
{
	cancel_delayed_work_sync(&mnet->flow_work);
	rhashtable_free_and_destroy(&mnet->flows, free_flow, NULL);
}
EXPORT_SYMBOL_IF_KUNIT(manycast_flows_exit);
