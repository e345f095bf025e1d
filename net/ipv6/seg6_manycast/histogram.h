/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_HISTOGRAM_H
#define _SEG6_MANYCAST_HISTOGRAM_H

#include <linux/atomic.h>
#include <linux/seg6_manycast.h>
#include <linux/types.h>

/**
 * struct manycast_histogram - how long what took
 * @count:	how often, by bucket
 * @sum:	microseconds in all
 *
 * One for all CPUs, unlike other counters: a set for each of 256 CPUs would
 * take 172 KiB of an instance, and 688 MiB of a service with 4096 of them. Who
 * counts here has just written the instance's smoothed times, which CPUs share
 * as well.
 */
struct manycast_histogram {
	atomic64_t count[SEG6_MANYCAST_RTT_BUCKETS];
	atomic64_t sum;
};

unsigned int manycast_histogram_bucket(u32 us);
unsigned int manycast_histogram_len(const struct manycast_histogram *hist);
void manycast_histogram_add(struct manycast_histogram *hist, u32 us);

#endif /* _SEG6_MANYCAST_HISTOGRAM_H */
