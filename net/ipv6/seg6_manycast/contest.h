/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_CONTEST_H
#define _SEG6_MANYCAST_CONTEST_H

#include <linux/seg6_manycast.h>
#include <linux/types.h>

#include "ioam.h"

#define MANYCAST_SCORE_WORST	U64_MAX

/**
 * struct manycast_contest - who has answered a SYN, and who leads
 * @best_score:	of @best
 * @answered:	bit i: candidate i sent a SYN-ACK
 * @refused:	bit i: candidate i sent a RST
 * @n:		candidates
 * @quorum:	SYN-ACKs that decide, 1..@n
 * @best:	candidate whose SYN-ACK is held, or -1
 */
struct manycast_contest {
	u64 best_score;
	u16 answered;
	u16 refused;
	u8 n;
	u8 quorum;
	s8 best;
};

/**
 * enum manycast_verdict - what an answer leads to
 * @MANYCAST_DUPLICATE:	counted before: nothing
 * @MANYCAST_WAIT:	somebody else leads: nothing yet
 * @MANYCAST_LEAD:	this SYN-ACK leads: hold it
 * @MANYCAST_DECIDE:	enough have answered: the leader has won
 * @MANYCAST_LEAD_DECIDE: this SYN-ACK leads and has won
 * @MANYCAST_REFUSED:	all have refused: relay this RST
 * @MANYCAST_LOST_LEADER: the leader has refused after all: free its SYN-ACK,
 *	reset who lost against it, and manycast_contest_restart()
 */
enum manycast_verdict {
	MANYCAST_DUPLICATE,
	MANYCAST_WAIT,
	MANYCAST_LEAD,
	MANYCAST_DECIDE,
	MANYCAST_LEAD_DECIDE,
	MANYCAST_REFUSED,
	MANYCAST_LOST_LEADER,
};

/**
 * struct manycast_coef - coefficients of policy weighted
 * @network:	per microsecond of network delay
 * @residence:	per microsecond at the server
 * @load:	per mille of load
 */
struct manycast_coef {
	u32 network;
	u32 residence;
	u32 load;
};

void manycast_contest_init(struct manycast_contest *c, unsigned int n,
			   unsigned int quorum);
enum manycast_verdict manycast_contest_synack(struct manycast_contest *c,
					      unsigned int i, u64 score);
enum manycast_verdict manycast_contest_rst(struct manycast_contest *c,
					   unsigned int i);
void manycast_contest_restart(struct manycast_contest *c);
bool manycast_contest_silent(const struct manycast_contest *c, unsigned int i);
void manycast_contest_declined(struct manycast_contest *c, unsigned int i);
bool manycast_contest_lost(const struct manycast_contest *c, unsigned int i);
u32 manycast_smooth(u32 avg, u32 sample);
u64 manycast_score(enum seg6_manycast_policy policy,
		   const struct manycast_coef *coef, u32 rtt,
		   const struct manycast_telemetry *tm);

#endif /* _SEG6_MANYCAST_CONTEST_H */
