/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_STATS_H
#define _SEG6_MANYCAST_STATS_H

#include <linux/percpu.h>
#include <linux/types.h>
#include <linux/u64_stats_sync.h>

struct sk_buff;

/**
 * struct manycast_stats - one CPU's counters
 * @syncp:	for readers on 32 bit
 * @count:	indexed by an enum of include/uapi/linux/seg6_manycast.h
 */
struct manycast_stats {
	struct u64_stats_sync syncp;
	u64_stats_t count[];
};

/* The enums' values 0 and 1 are UNSPEC and PAD and count nothing. */
#define MANYCAST_STAT_FIRST	2

struct manycast_stats __percpu *manycast_stats_alloc(unsigned int max,
						     gfp_t gfp);
u64 manycast_stats_read(const struct manycast_stats __percpu *stats,
			unsigned int i);
int manycast_stats_put(struct sk_buff *msg, int attr,
		       const struct manycast_stats __percpu *stats,
		       unsigned int max);

/**
 * manycast_stats_add() - count
 * @stats:	the counters
 * @i:		which
 * @n:		how many
 *
 * Context: bottom halves off.
 */
static inline void manycast_stats_add(struct manycast_stats __percpu *stats,
				      unsigned int i, unsigned int n)
{
	struct manycast_stats *cpu = this_cpu_ptr(stats);

	u64_stats_update_begin(&cpu->syncp);
	u64_stats_add(&cpu->count[i], n);
	u64_stats_update_end(&cpu->syncp);
}

static inline void manycast_stats_inc(struct manycast_stats __percpu *stats,
				      unsigned int i)
{
	manycast_stats_add(stats, i, 1);
}

#endif /* _SEG6_MANYCAST_STATS_H */
