// SPDX-License-Identifier: GPL-2.0
/* The decision: who answered, who leads, when it is over. No packets here. */

#include <kunit/visibility.h>
#include <linux/bitops.h>
#include <linux/minmax.h>

#include "contest.h"

/**
 * manycast_contest_init() - begin
 * @c:		the contest
 * @n:		candidates, 1..SEG6_MANYCAST_FANOUT_MAX
 * @quorum:	SYN-ACKs that decide; 0 for all of them
 */
void manycast_contest_init(struct manycast_contest *c, unsigned int n,
			   unsigned int quorum)
{
	c->best_score = MANYCAST_SCORE_WORST;
	c->answered = 0;
	c->refused = 0;
	c->n = n;
	c->quorum = quorum ? min(quorum, n) : n;
	c->best = -1;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_contest_init);

static bool complete(const struct manycast_contest *c)
{
	return hweight16(c->answered) >= c->quorum ||
	       hweight16(c->answered | c->refused) == c->n;
}

/**
 * manycast_contest_synack() - candidate @i has accepted
 * @c:		an undecided contest
 * @i:		the candidate
 * @score:	of its SYN-ACK; less is better, the earlier of equals wins
 *
 * Return: what to do.
 */
enum manycast_verdict manycast_contest_synack(struct manycast_contest *c,
					      unsigned int i, u64 score)
{
	bool leads = c->best < 0 || score < c->best_score;

	if ((c->answered | c->refused) & BIT(i))
		return MANYCAST_DUPLICATE;
	c->answered |= BIT(i);
	if (leads) {
		c->best = i;
		c->best_score = score;
	}
	if (complete(c))
		return leads ? MANYCAST_LEAD_DECIDE : MANYCAST_DECIDE;
	return leads ? MANYCAST_LEAD : MANYCAST_WAIT;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_contest_synack);

/**
 * manycast_contest_rst() - candidate @i has refused
 * @c:		an undecided contest
 * @i:		the candidate
 *
 * A leader may refuse after it accepted; its SYN-ACK is worthless then.
 *
 * Return: what to do.
 */
enum manycast_verdict manycast_contest_rst(struct manycast_contest *c,
					   unsigned int i)
{
	if (c->refused & BIT(i))
		return MANYCAST_DUPLICATE;
	c->answered &= ~BIT(i);
	c->refused |= BIT(i);
	if (hweight16(c->refused) == c->n)
		return MANYCAST_REFUSED;
	if (c->best == i) {
		c->best = -1;
		return MANYCAST_LOST_LEADER;
	}
	return c->best >= 0 && complete(c) ? MANYCAST_DECIDE : MANYCAST_WAIT;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_contest_rst);

/**
 * manycast_contest_declined() - a hunt's last candidate answers
 * @c:		an undecided contest
 * @i:		that candidate
 *
 * Nobody before it has taken the SYN, or it would not have come so far: who is
 * silent will be. An answer counts, if it was a race until a moment ago.
 */
void manycast_contest_declined(struct manycast_contest *c, unsigned int i)
{
	c->refused |= GENMASK(c->n - 1, 0) & ~BIT(i) & ~c->answered;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_contest_declined);

/**
 * manycast_contest_restart() - the leader is lost, and nobody else's SYN-ACK
 * was kept
 * @c:		the contest
 *
 * Whoever has not refused counts as silent again: a repeated SYN asks it.
 */
void manycast_contest_restart(struct manycast_contest *c)
{
	c->best = -1;
	c->best_score = MANYCAST_SCORE_WORST;
	c->answered = 0;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_contest_restart);

/**
 * manycast_contest_silent() - has candidate @i not answered?
 * @c:		the contest
 * @i:		the candidate
 *
 * Return: whether a repeated SYN should go to it.
 */
bool manycast_contest_silent(const struct manycast_contest *c, unsigned int i)
{
	return !((c->answered | c->refused) & BIT(i));
}
EXPORT_SYMBOL_IF_KUNIT(manycast_contest_silent);

/**
 * manycast_contest_lost() - has candidate @i accepted in vain?
 * @c:		a contest that is being decided or has lost its leader
 * @i:		the candidate
 *
 * Return: whether a RST is due to it.
 */
bool manycast_contest_lost(const struct manycast_contest *c, unsigned int i)
{
	return (c->answered & BIT(i)) && c->best != i;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_contest_lost);

/**
 * manycast_score() - rate a SYN-ACK
 * @policy:	by what
 * @coef:	coefficients of policy weighted
 * @rtt:	microseconds from our SYN to this SYN-ACK, by our clock
 * @tm:		what its trace tells
 *
 * What a policy needs and the trace does not tell makes a score of
 * MANYCAST_SCORE_WORST: silence must not win.
 *
 * Return: the score; less is better.
 */
u64 manycast_score(enum seg6_manycast_policy policy,
		   const struct manycast_coef *coef, u32 rtt,
		   const struct manycast_telemetry *tm)
{
	/* Longer than the round trip: unavailable, a lie or a clock step. */
	bool no_residence = tm->residence > rtt;
	bool no_load = tm->load == MANYCAST_IOAM_UNAVAILABLE;
	u32 network = rtt - tm->residence;

	switch (policy) {
	case SEG6_MANYCAST_POLICY_NETWORK:
		return no_residence ? MANYCAST_SCORE_WORST : network;
	case SEG6_MANYCAST_POLICY_RESIDENCE:
		return no_residence ? MANYCAST_SCORE_WORST : tm->residence;
	case SEG6_MANYCAST_POLICY_LOAD:
		return no_load ? MANYCAST_SCORE_WORST : tm->load;
	case SEG6_MANYCAST_POLICY_WEIGHTED:
		if ((no_residence && (coef->network || coef->residence)) ||
		    (no_load && coef->load))
			return MANYCAST_SCORE_WORST;
		return (u64)coef->network * network +
		       (u64)coef->residence * tm->residence +
		       (u64)coef->load * tm->load;
	case SEG6_MANYCAST_POLICY_RTT:
	default:
		return rtt;
	}
}
EXPORT_SYMBOL_IF_KUNIT(manycast_score);

/**
 * manycast_smooth() - what becomes of an average with one more sample
 * @avg:	the average, 0 before the first sample
 * @sample:	the sample
 *
 * An eighth of the way, rounded up, so that it gets there.
 *
 * Return: the new average, at least 1.
 */
u32 manycast_smooth(u32 avg, u32 sample)
{
	if (!avg)
		avg = sample;
	else if (sample > avg)
		avg += (sample - avg - 1) / 8 + 1;
	else if (sample < avg)
		avg -= (avg - sample - 1) / 8 + 1;
	return max(avg, 1U);
}
EXPORT_SYMBOL_IF_KUNIT(manycast_smooth);
