/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_METRIC_H
#define _SEG6_MANYCAST_METRIC_H

#include <linux/seg6_manycast.h>
#include <linux/types.h>

/**
 * struct manycast_metrics - an instance's metric, now and later
 * @present:	before all of @next
 * @n:		entries of @next
 * @next:	metrics and the first periods that they are for, in their order
 *
 * Written under manycast_net.lock, and under the lock of the service's calendar
 * if it has one.
 */
struct manycast_metrics {
	u8 present;
	u8 n;
	struct seg6_manycast_pending next[SEG6_MANYCAST_PENDING_MAX];
};

u8 manycast_metric_at(const struct manycast_metrics *metrics, u64 index);
int manycast_metric_check(const struct manycast_metrics *metrics, u64 from,
			  u64 first);
void manycast_metric_set(struct manycast_metrics *metrics, u8 metric, u64 from,
			 u64 first);
u8 manycast_metric_measured(u32 load, u32 rtt);

#endif /* _SEG6_MANYCAST_METRIC_H */
