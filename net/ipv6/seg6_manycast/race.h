/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_RACE_H
#define _SEG6_MANYCAST_RACE_H

#include <linux/hrtimer.h>

#include "contest.h"
#include "packet.h"
#include "service.h"

struct manycast_handshake;

/**
 * struct manycast_hold - what a race needs beside, if it may have to wait for
 * more than one SYN-ACK
 * @race:	whose it is
 * @timer:	runs out `hold` after the first SYN-ACK
 * @skb:	the leader's SYN-ACK as it arrived, or NULL
 * @pkt:	where things are in it
 */
struct manycast_hold {
	struct manycast_race *race;
	struct hrtimer timer;
	struct sk_buff *skb;
	struct manycast_packet pkt;
};

/**
 * struct manycast_race - what a handshake needs until it is decided
 * @hs:		whose it is
 * @hold:	in the same memory; NULL if the first SYN-ACK decides
 * @sent:	ktime in nanoseconds of the first SYN
 * @contest:	who has answered
 * @turn:	repetitions of the SYN: each begins with another one
 * @last:	candidate that the latest SYN ends with; of use in a hunt
 * @rtt:	microseconds from @sent to the leader's SYN-ACK
 * @rcu:	frees; the timer may be running on another CPU
 * @runner:	the candidates; holds references
 */
struct manycast_race {
	struct manycast_handshake *hs;
	struct manycast_hold *hold;
	u64 sent;
	struct manycast_contest contest;
	u8 turn;
	u8 last;
	u32 rtt;
	struct rcu_head rcu;
	struct manycast_instance *runner[];
};

bool manycast_race_traced(const struct manycast_settings *settings,
			  unsigned int n);
struct manycast_race *
manycast_race_alloc(const struct manycast_settings *settings,
		    struct manycast_instance **cand, unsigned int n);
void manycast_race_free(struct manycast_race *race);
void manycast_race_on_hold(struct manycast_race *race,
			   enum hrtimer_restart (*function)(struct hrtimer *));
void manycast_race_shorten(struct manycast_race *race,
			   const struct manycast_settings *settings);
void manycast_race_restart(struct manycast_race *race);
unsigned int manycast_race_silent(struct manycast_race *race,
				  struct manycast_instance **ask);
int manycast_race_runner(const struct manycast_race *race,
			 const struct in6_addr *source);
unsigned int manycast_race_lost(const struct manycast_race *race,
				struct manycast_instance **lost);
enum manycast_verdict
manycast_race_synack(struct manycast_race *race, unsigned int i,
		     const struct manycast_settings *settings,
		     struct sk_buff *skb, const struct manycast_packet *pkt);
void manycast_race_late(struct manycast_instance *inst, struct sk_buff *skb,
			const struct manycast_packet *pkt);
static inline bool manycast_race_holds(const struct manycast_race *race)
{
	return race->hold && race->hold->skb;
}

void manycast_race_hold(struct manycast_race *race, struct sk_buff *skb,
			const struct manycast_packet *pkt);
struct sk_buff *manycast_race_take(struct manycast_race *race,
				   struct net *net);

#endif /* _SEG6_MANYCAST_RACE_H */
