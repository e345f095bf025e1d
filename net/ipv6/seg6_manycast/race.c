// SPDX-License-Identifier: GPL-2.0
/* A race between the candidates of a handshake: who they are, whose SYN-ACK is
 * held, when it ends. What it decides is the contest's business, and what
 * follows from it the handshake's.
 */

#include <linux/netdevice.h>
#include <linux/slab.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>

#include "race.h"
#include "trace.h"

/**
 * manycast_race_traced() - does a SYN to @n candidates ask for a trace?
 * @settings:	of the service
 * @n:		how many are asked
 *
 * What a trace tells is of use where there is a choice: between answers, or
 * between those who are asked next time.
 *
 * Return: whether it does.
 */
bool manycast_race_traced(const struct manycast_settings *settings,
			  unsigned int n)
{
	return settings->ioam_nodes &&
	       (n > 1 ||
		settings->candidates == SEG6_MANYCAST_CANDIDATES_LEAST);
}

/**
 * manycast_race_alloc() - line candidates up
 * @settings:	of the service
 * @cand:	candidates; those that were just deleted are taken out
 * @n:		how many, 1..SEG6_MANYCAST_FANOUT_MAX; those who are left are
 *		in its contest
 *
 * Suspects are not waited for. The caller sets its handshake, and what happens
 * when `hold` is over.
 *
 * Context: RCU, bottom halves off.
 * Return: the race, or NULL without memory.
 */
struct manycast_race *
manycast_race_alloc(const struct manycast_settings *settings,
		    struct manycast_instance **cand, unsigned int n)
{
	bool hold = settings->policy != SEG6_MANYCAST_POLICY_RTT &&
		    settings->hold && settings->quorum != 1 && n > 1;
	struct manycast_race *race;
	unsigned int i, got = 0, suspects = 0;

	race = kzalloc(struct_size(race, runner, n) +
		       (hold ? sizeof(*race->hold) : 0), GFP_ATOMIC);
	if (!race)
		return NULL;
	if (hold) {
		race->hold = (struct manycast_hold *)&race->runner[n];
		race->hold->race = race;
	}
	for (i = 0; i < n; i++) {
		if (!percpu_ref_tryget(&cand[i]->ref))
			continue;
		suspects += READ_ONCE(cand[i]->health.suspect);
		cand[got] = cand[i];
		race->runner[got++] = cand[i];
	}
	race->sent = ktime_get_ns();
	manycast_contest_init(&race->contest, got,
			      !hold ? 1 : settings->quorum ?: got - suspects);
	race->last = got - 1;
	return race;
}

/**
 * manycast_race_free() - it is decided, or never began
 * @race:	the race; its timer's function may be running elsewhere, under
 *		RCU
 */
void manycast_race_free(struct manycast_race *race)
{
	unsigned int i;

	/* It is never started while its function runs, so that afterwards it
	 * is not queued, whatever this returns.
	 */
	if (race->hold) {
		hrtimer_try_to_cancel(&race->hold->timer);
		consume_skb(race->hold->skb);
	}
	for (i = 0; i < race->contest.n; i++)
		percpu_ref_put(&race->runner[i]->ref);
	kfree_rcu(race, rcu);
}

/**
 * manycast_race_on_hold() - what happens when `hold` is over
 * @race:	a race that nobody else knows
 * @function:	called then
 *
 * A race that its first SYN-ACK decides never holds one, and most are such.
 */
void manycast_race_on_hold(struct manycast_race *race,
			   enum hrtimer_restart (*function)(struct hrtimer *))
{
	if (race->hold)
		hrtimer_setup(&race->hold->timer, function, CLOCK_MONOTONIC,
			      HRTIMER_MODE_ABS_SOFT);
}

/**
 * manycast_race_shorten() - the first SYN-ACK: wait for `hold` only
 * @race:	the race
 * @settings:	of the service
 *
 * When the timer's function runs right now it waits for the handshake's lock
 * and will decide itself.
 *
 * Context: the handshake's lock held.
 */
void manycast_race_shorten(struct manycast_race *race,
			   const struct manycast_settings *settings)
{
	ktime_t deadline = ktime_add_ms(ns_to_ktime(race->sent),
					settings->timeout);
	ktime_t end = ktime_add_ms(ktime_get(), settings->hold);

	if (race->hold && ktime_before(end, deadline) &&
	    hrtimer_try_to_cancel(&race->hold->timer) >= 0)
		hrtimer_start(&race->hold->timer, end, HRTIMER_MODE_ABS_SOFT);
}

/**
 * manycast_race_restart() - the leader is lost, and with it what was held
 * @race:	the race
 *
 * Everybody has until the end of `timeout` again. When the timer's function
 * runs right now it waits for the handshake's lock and will end the race.
 *
 * Context: the handshake's lock held.
 */
void manycast_race_restart(struct manycast_race *race)
{
	manycast_contest_restart(&race->contest);
	if (!race->hold)
		return;
	consume_skb(race->hold->skb);
	race->hold->skb = NULL;
	hrtimer_try_to_cancel(&race->hold->timer);
}

/**
 * manycast_race_silent() - who is asked again
 * @race:	the race
 * @ask:	result: who has not answered yet; room for
 *		SEG6_MANYCAST_FANOUT_MAX
 *
 * They take turns to be the first: one that is gone would keep a hunt from all
 * the others for ever.
 *
 * Context: the handshake's lock held.
 * Return: how many.
 */
unsigned int manycast_race_silent(struct manycast_race *race,
				  struct manycast_instance **ask)
{
	unsigned int n = race->contest.n, got = 0, i, at;

	race->turn++;
	for (i = 0; i < n; i++) {
		at = (race->turn + i) % n;
		if (!manycast_contest_silent(&race->contest, at))
			continue;
		ask[got++] = race->runner[at];
		race->last = at;
	}
	return got;
}

/**
 * manycast_race_runner() - who is that?
 * @race:	the race
 * @source:	where an answer came from
 *
 * Return: the candidate's number, or -1 if it was not asked.
 */
int manycast_race_runner(const struct manycast_race *race,
			 const struct in6_addr *source)
{
	int i;

	for (i = 0; i < race->contest.n; i++)
		if (ipv6_addr_equal(&race->runner[i]->source, source))
			return i;
	return -1;
}

/**
 * manycast_race_lost() - who has accepted in vain
 * @race:	a race that is being decided or has lost its leader
 * @lost:	result: who is due a RST; room for SEG6_MANYCAST_FANOUT_MAX
 *
 * Context: the handshake's lock held.
 * Return: how many.
 */
unsigned int manycast_race_lost(const struct manycast_race *race,
				struct manycast_instance **lost)
{
	unsigned int got = 0, i;

	for (i = 0; i < race->contest.n; i++)
		if (manycast_contest_lost(&race->contest, i))
			lost[got++] = race->runner[i];
	return got;
}

static void read_telemetry(struct sk_buff *skb,
			   const struct manycast_packet *pkt,
			   struct manycast_telemetry *tm)
{
	struct manycast_trace trace;

	tm->residence = MANYCAST_IOAM_UNAVAILABLE;
	tm->load = MANYCAST_IOAM_UNAVAILABLE;
	if (pkt->hbh && !manycast_trace_find(manycast_at(skb, pkt->hbh),
					     pkt->hbh_len, &trace))
		manycast_trace_telemetry(&trace, tm);
}

/* Score a SYN-ACK. What was measured becomes part of what is known of the
 * instance, too.
 */
static u64 rate(const struct manycast_race *race, unsigned int i,
		const struct manycast_settings *settings, struct sk_buff *skb,
		const struct manycast_packet *pkt, u32 *rtt)
{
	u64 ns = ktime_get_ns() - race->sent;
	struct manycast_telemetry tm;

	*rtt = min_t(u64, div_u64(ns, NSEC_PER_USEC), U32_MAX - 1);
	read_telemetry(skb, pkt, &tm);
	trace_answer(race->hs, race->runner[i], *rtt, &tm, false);
	manycast_instance_measured(race->runner[i], *rtt, &tm);
	if (tm.residence == MANYCAST_IOAM_UNAVAILABLE &&
	    manycast_race_traced(settings, race->contest.n))
		manycast_stats_inc(race->runner[i]->stats,
				   SEG6_MANYCAST_INSTANCE_STAT_NO_TELEMETRY);
	return manycast_score(settings->policy, &settings->coef, *rtt, &tm);
}

/**
 * manycast_race_synack() - a SYN-ACK comes in
 * @race:	the race
 * @i:		whose it is; the first of this candidate
 * @settings:	of the service
 * @skb:	the SYN-ACK as it arrived
 * @pkt:	where things are in it
 *
 * Context: RCU, the handshake's lock held.
 * Return: what to do.
 */
enum manycast_verdict
manycast_race_synack(struct manycast_race *race, unsigned int i,
		     const struct manycast_settings *settings,
		     struct sk_buff *skb, const struct manycast_packet *pkt)
{
	enum manycast_verdict verdict;
	u64 score;
	u32 rtt;

	score = rate(race, i, settings, skb, pkt, &rtt);
	verdict = manycast_contest_synack(&race->contest, i, score);
	if (verdict == MANYCAST_LEAD || verdict == MANYCAST_LEAD_DECIDE)
		race->rtt = rtt;
	return verdict;
}

/**
 * manycast_race_late() - a SYN-ACK that comes when the race is decided
 * @inst:	whose it is
 * @skb:	the SYN-ACK as it arrived
 * @pkt:	where things are in it
 *
 * A tier's load is that of all its instances. Those who are never the first
 * would not have a say in it. Without another tier nobody asks.
 *
 * Context: RCU, bottom halves off.
 */
void manycast_race_late(struct manycast_instance *inst, struct sk_buff *skb,
			const struct manycast_packet *pkt)
{
	const struct manycast_pool *pool = rcu_dereference(inst->service->pool);
	struct manycast_telemetry tm;

	if (!pool || !pool->next)
		return;
	read_telemetry(skb, pkt, &tm);
	manycast_instance_told(inst, tm.load);
}

/**
 * manycast_race_hold() - keep the leader's SYN-ACK instead of the one before
 * @race:	the race
 * @skb:	the SYN-ACK as it arrived, taken over
 * @pkt:	where things are in it
 *
 * A held packet must not keep what it does not hold a reference to: its route,
 * and its device, which may go while it waits.
 *
 * Context: the handshake's lock held.
 */
void manycast_race_hold(struct manycast_race *race, struct sk_buff *skb,
			const struct manycast_packet *pkt)
{
	consume_skb(race->hold->skb);
	skb_dst_drop(skb);
	nf_reset_ct(skb);
	skb->dev = NULL;
	race->hold->skb = skb;
	race->hold->pkt = *pkt;
}

/**
 * manycast_race_take() - the held SYN-ACK goes on its way
 * @race:	the race, which holds one
 * @net:	the namespace
 *
 * Context: RCU, the handshake's lock held.
 * Return: the SYN-ACK; without a device when the namespace has none any more.
 */
struct sk_buff *manycast_race_take(struct manycast_race *race, struct net *net)
{
	struct sk_buff *skb = race->hold->skb;

	race->hold->skb = NULL;
	skb->dev = dev_get_by_index_rcu(net, skb->skb_iif);
	/* It is freed without a grace period, but not before one has passed
	 * since the namespace's last reference went.
	 */
	if (!skb->dev && check_net(net))
		skb->dev = net->loopback_dev;
	return skb;
}
