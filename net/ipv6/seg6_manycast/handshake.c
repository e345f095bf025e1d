// SPDX-License-Identifier: GPL-2.0
/* Handshakes at the selector: the table, the timers, the states.
 *
 *	SYN, no entry ----> COLLECTING ----> DECIDED ----> DEAD
 *	                        |  all refused, timeout     ^ ^
 *	                        `---------------------------' |
 *	SYN-ACK, no entry ---------------> ADOPTED -----------'
 *
 * An entry leaves COLLECTING once, under its lock, whoever comes first: an
 * answer on any CPU or the timer. Whoever finds it DEAD lets go. Entries, races
 * and instances are freed by RCU, and everything that touches them runs in
 * softirq, which is a reader; so timers need not be waited for.
 */

#include <linux/slab.h>
#include <net/ipv6.h>

#include "handshake.h"
#include "netlink.h"
#include "opening.h"
#include "remote.h"
#include "selector.h"
#include "trace.h"

static const struct rhashtable_params handshake_params = {
	.head_offset	= offsetof(struct manycast_handshake, node),
	.key_offset	= offsetof(struct manycast_handshake, key),
	.key_len	= sizeof(struct manycast_key),
	.hashfn		= manycast_key_hash,
	.obj_cmpfn	= manycast_key_differs,
	.automatic_shrinking = true,
};

static struct manycast_net *mnet_of(const struct manycast_handshake *hs)
{
	return hs->service->mnet;
}

static void handshake_free_rcu(struct rcu_head *rcu)
{
	struct manycast_handshake *hs =
		container_of(rcu, struct manycast_handshake, rcu);

	kfree(hs->server);
	kfree(hs);
}

/* The entry's end. The caller is a reader and made it DEAD. */
static void bury(struct manycast_handshake *hs)
{
	struct manycast_net *mnet = mnet_of(hs);

	rhashtable_remove_fast(&mnet->handshakes, &hs->node, handshake_params);
	manycast_opening_del(mnet, hs);
	timer_delete(&hs->expiry);
	if (hs->race)
		manycast_race_free(hs->race);
	if (hs->winner)
		percpu_ref_put(&hs->winner->ref);
	atomic_dec(&hs->service->open);
	percpu_ref_put(&hs->service->ref);
	if (hs->server)
		call_rcu(&hs->rcu, handshake_free_rcu);
	else
		kfree_rcu(hs, rcu);
}

/* Without @armed, a handshake whose timer was armed again stays: the timer's
 * function came late.
 */
static void kill(struct manycast_handshake *hs, bool armed)
{
	bool mine;

	spin_lock_bh(&hs->lock);
	mine = hs->state != MANYCAST_DEAD &&
	       (armed || !timer_pending(&hs->expiry));
	if (mine)
		WRITE_ONCE(hs->state, MANYCAST_DEAD);
	spin_unlock_bh(&hs->lock);
	if (mine)
		bury(hs);
}

/* From now on for the length of a tombstone: what is sent on its account may
 * be answered as late as what came first.
 */
static void prolong(struct manycast_handshake *hs)
{
	const struct manycast_settings *settings =
		rcu_dereference(hs->service->settings);

	mod_timer(&hs->expiry, jiffies + msecs_to_jiffies(settings->tombstone));
}

/* From now on for as long as an answer is waited for. A hunt may have met one
 * who is gone: the client's next SYN, a second later, has to find the
 * handshake, to begin with somebody else.
 */
static void await(struct manycast_handshake *hs,
		  const struct manycast_settings *settings)
{
	u32 ms = settings->timeout;

	if (settings->mode == SEG6_MANYCAST_MODE_HUNT)
		ms = max(ms, settings->tombstone);
	mod_timer(&hs->expiry, jiffies + msecs_to_jiffies(ms) + 1);
}

/* The leader has won, and @out has its SYN-ACK. */
static void decide(struct manycast_handshake *hs, struct manycast_outcome *out)
{
	struct manycast_race *race = hs->race;

	lockdep_assert_held(&hs->lock);
	hs->winner = race->runner[race->contest.best];
	percpu_ref_get(&hs->winner->ref);
	if (hs->winner->remote)
		hs->server = manycast_remote_path(hs->winner, out->relay,
						  &out->relay_pkt);
	hs->synack_isn = out->relay_pkt.tcp.seq;
	out->from = hs->winner;
	out->event = SEG6_MANYCAST_CMD_SELECTED;
	out->rtt = race->rtt;
	trace_decide(hs, race->rtt);
	out->losers = manycast_race_lost(race, out->loser);
	manycast_stats_inc(hs->service->stats,
			   SEG6_MANYCAST_SERVICE_STAT_DECIDED);
	manycast_stats_inc(hs->winner->stats,
			   SEG6_MANYCAST_INSTANCE_STAT_WON);

	hs->race = NULL;
	WRITE_ONCE(hs->state, MANYCAST_DECIDED);
	manycast_race_free(race);
	prolong(hs);
	if (ipv6_addr_any(&hs->edge))
		manycast_opening_add(mnet_of(hs), hs);
}

/* The same with the SYN-ACK that was held. */
static void decide_held(struct manycast_handshake *hs,
			struct manycast_outcome *out)
{
	struct manycast_race *race = hs->race;

	out->relay = manycast_race_take(race, mnet_of(hs)->net);
	out->relay_pkt = race->hold->pkt;
	decide(hs, out);
}

/* The race ends, unless it just has. */
static void race_over(struct manycast_handshake *hs)
{
	struct manycast_outcome out = {};
	bool dead = false;

	rcu_read_lock();
	spin_lock_bh(&hs->lock);
	if (hs->state == MANYCAST_COLLECTING) {
		if (manycast_race_holds(hs->race)) {
			decide_held(hs, &out);
		} else {
			WRITE_ONCE(hs->state, MANYCAST_DEAD);
			dead = true;
		}
	}
	spin_unlock_bh(&hs->lock);

	if (out.relay)
		manycast_selector_send(hs, &out);
	if (dead) {
		manycast_stats_inc(hs->service->stats,
				   SEG6_MANYCAST_SERVICE_STAT_TIMEOUT);
		bury(hs);
	}
	rcu_read_unlock();
}

static enum hrtimer_restart held_enough(struct hrtimer *timer)
{
	race_over(container_of(timer, struct manycast_hold, timer)->race->hs);
	return HRTIMER_NORESTART;
}

static void expired(struct timer_list *t)
{
	struct manycast_handshake *hs = timer_container_of(hs, t, expiry);

	if (READ_ONCE(hs->state) == MANYCAST_COLLECTING)
		race_over(hs);
	else
		kill(hs, false);
}

/**
 * manycast_handshake_find() - look an attempt up
 * @mnet:	the namespace
 * @key:	what it is about
 *
 * Context: RCU.
 * Return: the handshake, perhaps a tombstone, perhaps dying; or NULL.
 */
struct manycast_handshake *
manycast_handshake_find(struct manycast_net *mnet,
			const struct manycast_key *key)
{
	return rhashtable_lookup(&mnet->handshakes, key, handshake_params);
}

static struct manycast_handshake *
handshake_alloc(struct manycast_service *svc,
		const struct manycast_settings *settings,
		const struct manycast_key *key, const struct in6_addr *edge)
{
	bool room = atomic_inc_return(&svc->open) <= settings->limit;
	struct manycast_handshake *hs = NULL;

	if (room)
		hs = kzalloc(sizeof(*hs), GFP_ATOMIC);
	if (!hs) {
		atomic_dec(&svc->open);
		if (!room)
			manycast_nl_full(svc, settings);
		return NULL;
	}
	hs->key = *key;
	hs->edge = *edge;
	hs->service = svc;
	spin_lock_init(&hs->lock);
	timer_setup(&hs->expiry, expired, 0);
	percpu_ref_get(&svc->ref);
	return hs;
}

/* One that nobody has seen. */
static void handshake_free(struct manycast_handshake *hs)
{
	atomic_dec(&hs->service->open);
	percpu_ref_put(&hs->service->ref);
	kfree(hs);
}

/**
 * manycast_handshake_begin() - start a race
 * @svc:	the service; its route is being used, so it is alive
 * @settings:	its settings
 * @key:	the attempt
 * @edge:	the client's edge, :: for an unaware client
 * @cand:	candidates; those that were just deleted are taken out
 * @n:		how many, 1..SEG6_MANYCAST_FANOUT_MAX; those who are left
 * @found:	set when another CPU has just begun the same race
 *
 * Context: RCU, bottom halves off.
 * Return: the handshake, to whose runners a SYN is due; NULL when @found is
 * set, or when there is no room or no memory.
 */
struct manycast_handshake *
manycast_handshake_begin(struct manycast_service *svc,
			 const struct manycast_settings *settings,
			 const struct manycast_key *key,
			 const struct in6_addr *edge,
			 struct manycast_instance **cand, unsigned int *n,
			 struct manycast_handshake **found)
{
	struct manycast_handshake *hs, *old;

	*found = NULL;
	hs = handshake_alloc(svc, settings, key, edge);
	if (!hs)
		return NULL;
	hs->race = manycast_race_alloc(settings, cand, *n);
	if (!hs->race)
		goto free;
	hs->race->hs = hs;
	manycast_race_on_hold(hs->race, held_enough);
	*n = hs->race->contest.n;

	/* Armed under the lock: nobody else may decide or free it before. */
	spin_lock_bh(&hs->lock);
	old = rhashtable_lookup_get_insert_fast(&svc->mnet->handshakes,
						&hs->node, handshake_params);
	if (!old)
		await(hs, settings);
	spin_unlock_bh(&hs->lock);
	if (!old)
		return hs;

	manycast_race_free(hs->race);
	if (!IS_ERR(old))
		*found = old;
free:
	handshake_free(hs);
	return NULL;
}

static void adopt(struct manycast_instance *inst,
		  const struct manycast_key *key, const struct in6_addr *edge)
{
	struct manycast_service *svc = inst->service;
	struct manycast_handshake *hs;

	if (!percpu_ref_tryget(&inst->ref))
		return;
	hs = handshake_alloc(svc, rcu_dereference(svc->settings), key, edge);
	if (!hs)
		goto put;
	hs->state = MANYCAST_ADOPTED;
	hs->winner = inst;
	/* Armed under the lock: nobody else may free it before. */
	spin_lock_bh(&hs->lock);
	if (!rhashtable_lookup_insert_fast(&svc->mnet->handshakes, &hs->node,
					   handshake_params)) {
		prolong(hs);
		spin_unlock_bh(&hs->lock);
		return;
	}
	spin_unlock_bh(&hs->lock);
	handshake_free(hs);
put:
	percpu_ref_put(&inst->ref);
}

/**
 * manycast_handshake_passed_on() - remember a SYN-ACK of a forgotten handshake
 * @hs:		NULL, or what the first such SYN-ACK has left
 * @inst:	whose it is
 * @key:	the attempt
 * @edge:	the client's edge, :: for an unaware client
 *
 * The client may accept it while its repeated SYN is on the way here. That SYN
 * must not begin a race, which the server that the client talks to could lose.
 * Best effort: without room or memory nothing is left.
 *
 * Context: RCU, bottom halves off.
 */
void manycast_handshake_passed_on(struct manycast_handshake *hs,
				  struct manycast_instance *inst,
				  const struct manycast_key *key,
				  const struct in6_addr *edge)
{
	if (!hs) {
		adopt(inst, key, edge);
		return;
	}
	spin_lock_bh(&hs->lock);
	if (hs->state != MANYCAST_DEAD)
		prolong(hs);
	spin_unlock_bh(&hs->lock);
}

/**
 * manycast_handshake_ask_again() - who gets a repeated SYN
 * @hs:		the handshake
 * @ask:	result: those who are silent, or the one and only; room for
 *		SEG6_MANYCAST_FANOUT_MAX
 *
 * Context: RCU, bottom halves off.
 * Return: how many.
 */
unsigned int manycast_handshake_ask_again(struct manycast_handshake *hs,
					  struct manycast_instance **ask)
{
	const struct manycast_settings *settings =
		rcu_dereference(hs->service->settings);
	unsigned int n = 0;

	spin_lock_bh(&hs->lock);
	if (hs->state == MANYCAST_DECIDED || hs->state == MANYCAST_ADOPTED) {
		ask[n++] = hs->winner;
		prolong(hs);
	} else if (hs->state == MANYCAST_COLLECTING) {
		n = manycast_race_silent(hs->race, ask);
		if (settings->mode == SEG6_MANYCAST_MODE_HUNT)
			await(hs, settings);
	}
	spin_unlock_bh(&hs->lock);
	return n;
}

/* Returns whether @skb was taken over. */
static bool collect(struct manycast_handshake *hs, struct sk_buff *skb,
		    const struct manycast_packet *pkt,
		    struct manycast_outcome *out)
{
	const struct manycast_settings *settings =
		rcu_dereference(hs->service->settings);
	struct manycast_race *race = hs->race;
	int i = manycast_race_runner(race, &ipv6_hdr(skb)->saddr);
	enum manycast_verdict verdict;
	bool first = !race->contest.answered;

	if (i < 0 || !manycast_contest_silent(&race->contest, i))
		return false;
	manycast_stats_inc(hs->service->stats,
			   SEG6_MANYCAST_SERVICE_STAT_SYNACK);
	manycast_stats_inc(race->runner[i]->stats,
			   SEG6_MANYCAST_INSTANCE_STAT_ANSWERED);
	manycast_instance_answered(race->runner[i]);
	verdict = manycast_race_synack(race, i, settings, skb, pkt);
	if (verdict == MANYCAST_LEAD_DECIDE) {
		out->relay = skb;
		out->relay_pkt = *pkt;
		decide(hs, out);
		return true;
	}
	if (verdict == MANYCAST_LEAD)
		manycast_race_hold(race, skb, pkt);
	else
		consume_skb(skb);
	if (verdict == MANYCAST_DECIDE)
		decide_held(hs, out);
	else if (first)
		manycast_race_shorten(race, settings);
	return true;
}

/* A SYN-ACK after the decision. Returns whether @skb was taken over. */
static bool late(struct manycast_handshake *hs, struct sk_buff *skb,
		 const struct manycast_packet *pkt,
		 struct manycast_outcome *out)
{
	const struct in6_addr *source = &ipv6_hdr(skb)->saddr;
	struct manycast_instance *inst;

	if (ipv6_addr_equal(&hs->winner->source, source)) {
		trace_answer(hs, hs->winner, 0, NULL, false);
		out->relay = skb;
		out->relay_pkt = *pkt;
		out->from = hs->winner;
		prolong(hs);
		manycast_stats_inc(hs->service->stats,
				   SEG6_MANYCAST_SERVICE_STAT_EMIT_AGAIN);
		return true;
	}
	inst = manycast_instance_by_source(mnet_of(hs), hs->service, source);
	if (!inst)
		return false;
	trace_answer(hs, inst, 0, NULL, false);
	manycast_instance_answered(inst);
	manycast_race_late(inst, skb, pkt);
	out->loser[out->losers++] = inst;
	consume_skb(skb);
	return true;
}

/**
 * manycast_handshake_synack() - a server has accepted
 * @hs:		the handshake
 * @skb:	its SYN-ACK as it arrived
 * @pkt:	where things are in it
 * @out:	zeroed; what is to be sent
 *
 * Context: RCU, bottom halves off.
 * Return: whether @skb was taken over; else it is a duplicate, or of somebody
 * who was not asked.
 */
bool manycast_handshake_synack(struct manycast_handshake *hs,
			       struct sk_buff *skb,
			       const struct manycast_packet *pkt,
			       struct manycast_outcome *out)
{
	bool taken = false;

	spin_lock_bh(&hs->lock);
	if (hs->state == MANYCAST_DECIDED)
		taken = late(hs, skb, pkt, out);
	else if (hs->state == MANYCAST_COLLECTING)
		taken = collect(hs, skb, pkt, out);
	spin_unlock_bh(&hs->lock);
	return taken;
}

static bool refuse(struct manycast_handshake *hs, unsigned int i,
		   struct sk_buff *skb, const struct manycast_packet *pkt,
		   struct manycast_outcome *out)
{
	const struct manycast_settings *settings =
		rcu_dereference(hs->service->settings);
	struct manycast_race *race = hs->race;
	enum manycast_verdict verdict;

	if (settings->mode == SEG6_MANYCAST_MODE_HUNT && i == race->last)
		manycast_contest_declined(&race->contest, i);
	verdict = manycast_contest_rst(&race->contest, i);
	if (verdict == MANYCAST_DUPLICATE)
		return false;
	trace_answer(hs, race->runner[i], 0, NULL, true);
	manycast_stats_inc(hs->service->stats,
			   SEG6_MANYCAST_SERVICE_STAT_REFUSED);
	manycast_stats_inc(race->runner[i]->stats,
			   SEG6_MANYCAST_INSTANCE_STAT_REFUSED);
	if (verdict == MANYCAST_REFUSED) {
		out->relay = skb;
		out->relay_pkt = *pkt;
		out->from = race->runner[i];
		out->event = SEG6_MANYCAST_CMD_REFUSED;
		WRITE_ONCE(hs->state, MANYCAST_DEAD);
		manycast_stats_inc(hs->service->stats,
				   SEG6_MANYCAST_SERVICE_STAT_ALL_REFUSED);
		return true;
	}
	if (verdict == MANYCAST_LOST_LEADER) {
		out->losers = manycast_race_lost(race, out->loser);
		manycast_race_restart(race);
	}
	consume_skb(skb);
	if (verdict == MANYCAST_DECIDE)
		decide_held(hs, out);
	return true;
}

/**
 * manycast_handshake_rst() - a server refuses
 * @hs:		the handshake
 * @skb:	its RST as it arrived
 * @pkt:	where things are in it
 * @out:	zeroed; what is to be sent
 *
 * The last of all to refuse is relayed, and so is the winner's.
 *
 * Context: RCU, bottom halves off.
 * Return: whether @skb was taken over.
 */
bool manycast_handshake_rst(struct manycast_handshake *hs, struct sk_buff *skb,
			    const struct manycast_packet *pkt,
			    struct manycast_outcome *out)
{
	const struct in6_addr *source = &ipv6_hdr(skb)->saddr;
	bool taken = false, dead = false;
	int i;

	spin_lock_bh(&hs->lock);
	if (hs->state == MANYCAST_COLLECTING) {
		i = manycast_race_runner(hs->race, source);
		if (i >= 0)
			taken = refuse(hs, i, skb, pkt, out);
		dead = hs->state == MANYCAST_DEAD;
	} else if (hs->state != MANYCAST_DEAD &&
		   ipv6_addr_equal(&hs->winner->source, source)) {
		out->relay = skb;
		out->relay_pkt = *pkt;
		out->from = hs->winner;
		manycast_stats_inc(hs->service->stats,
				   SEG6_MANYCAST_SERVICE_STAT_EMIT_AGAIN);
		taken = true;
	}
	spin_unlock_bh(&hs->lock);
	if (dead)
		bury(hs);
	return taken;
}

/**
 * manycast_handshakes_init() - a namespace begins
 * @mnet:	our part of it
 *
 * Return: 0 or a negative error.
 */
int manycast_handshakes_init(struct manycast_net *mnet)
{
	int err = rhashtable_init(&mnet->handshakes, &handshake_params);

	if (err)
		return err;
	err = manycast_openings_init(mnet);
	if (err)
		rhashtable_destroy(&mnet->handshakes);
	return err;
}

/**
 * manycast_handshakes_exit() - a namespace is gone
 * @mnet:	our part of it; no packet comes any more, timers may run
 */
void manycast_handshakes_exit(struct manycast_net *mnet)
{
	struct rhashtable_iter iter;
	struct manycast_handshake *hs;

	rhashtable_walk_enter(&mnet->handshakes, &iter);
	do {
		rhashtable_walk_start(&iter);
		while ((hs = rhashtable_walk_next(&iter)) && !IS_ERR(hs))
			kill(hs, true);
		rhashtable_walk_stop(&iter);
		cond_resched();
	} while (hs == ERR_PTR(-EAGAIN));
	rhashtable_walk_exit(&iter);

	/* Timers that found their entry dying are readers. */
	synchronize_rcu();
	manycast_openings_exit(mnet);
	rhashtable_destroy(&mnet->handshakes);
}
