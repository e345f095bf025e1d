// SPDX-License-Identifier: GPL-2.0
/* Histograms of times. Their buckets grow with the times, so that each is known
 * as well as any other: to a quarter of it.
 */

#include <kunit/visibility.h>
#include <linux/bitops.h>
#include <linux/minmax.h>

#include "histogram.h"

/**
 * manycast_histogram_bucket() - which bucket a time belongs to
 * @us:		microseconds
 *
 * The inverse of seg6_manycast_rtt_bound(): the two bits that follow the
 * highest one count within a power of two.
 *
 * Context: any.
 * Return: its index.
 */
unsigned int manycast_histogram_bucket(u32 us)
{
	unsigned int shift;

	us = max_t(u32, us, 4);
	shift = fls(us) - 3;
	return min_t(unsigned int, 4 * shift + (us >> shift) - 4,
		     SEG6_MANYCAST_RTT_BUCKETS - 1);
}
EXPORT_SYMBOL_IF_KUNIT(manycast_histogram_bucket);

/**
 * manycast_histogram_len() - how many buckets there is something to tell of
 * @hist:	the histogram
 *
 * Context: any.
 * Return: the index of the last one that is not empty, plus one; or 0.
 */
unsigned int manycast_histogram_len(const struct manycast_histogram *hist)
{
	unsigned int n = SEG6_MANYCAST_RTT_BUCKETS;

	while (n && !atomic64_read(&hist->count[n - 1]))
		n--;
	return n;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_histogram_len);

/**
 * manycast_histogram_add() - count a time
 * @hist:	the histogram
 * @us:		microseconds
 *
 * Context: any.
 */
void manycast_histogram_add(struct manycast_histogram *hist, u32 us)
{
	atomic64_inc(&hist->count[manycast_histogram_bucket(us)]);
	atomic64_add(us, &hist->sum);
}
EXPORT_SYMBOL_IF_KUNIT(manycast_histogram_add);
