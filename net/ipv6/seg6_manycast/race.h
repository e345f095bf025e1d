/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_RACE_H
#define _SEG6_MANYCAST_RACE_H

#include <linux/hrtimer.h>

#include "contest.h"
#include "packet.h"
#include "service.h"

struct manycast_handshake;

/**
 * struct manycast_runner - a candidate in a race
 * @inst:	holds a reference
 * @sent:	ktime in nanoseconds of the first SYN to it
 */
struct manycast_runner {
	struct manycast_instance *inst;
	u64 sent;
};

/**
 * struct manycast_race - what a handshake needs until it is decided
 * @hs:		whose it is
 * @timer:	runs out `hold` after the first SYN-ACK
 * @holds:	it may have to; else @timer is not there
 * @deadline:	when `timeout` is over
 * @contest:	who has answered
 * @held:	the leader's SYN-ACK as it arrived
 * @held_pkt:	where things are in it
 * @rcu:	frees; the timer may be running on another CPU
 * @runner:	the candidates
 */
struct manycast_race {
	struct manycast_handshake *hs;
	struct hrtimer timer;
	bool holds;
	ktime_t deadline;
	struct manycast_contest contest;
	struct sk_buff *held;
	struct manycast_packet held_pkt;
	struct rcu_head rcu;
	struct manycast_runner runner[];
};

struct manycast_race *
manycast_race_alloc(const struct manycast_settings *settings,
		    struct manycast_instance **cand, unsigned int n);
void manycast_race_free(struct manycast_race *race);
void manycast_race_on_hold(struct manycast_race *race,
			   enum hrtimer_restart (*function)(struct hrtimer *));
void manycast_race_shorten(struct manycast_race *race, unsigned int hold);
void manycast_race_restart(struct manycast_race *race);
int manycast_race_runner(const struct manycast_race *race,
			 const struct in6_addr *source);
u64 manycast_race_rate(const struct manycast_race *race, unsigned int i,
		       const struct manycast_settings *settings,
		       struct sk_buff *skb, const struct manycast_packet *pkt);
void manycast_race_hold(struct manycast_race *race, struct sk_buff *skb,
			const struct manycast_packet *pkt);
struct sk_buff *manycast_race_take(struct manycast_race *race,
				   struct net *net);

#endif /* _SEG6_MANYCAST_RACE_H */
