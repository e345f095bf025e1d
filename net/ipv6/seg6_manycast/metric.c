// SPDX-License-Identifier: GPL-2.0
/* Metrics of instances: one octet, as level 2 of draft-ietf-cats-metric-
 * definition has it, where more is better and 0 is the worst. Somebody tells
 * them, each with the period from which on it counts, so that routers that hear
 * of it at different times choose alike; or they are made of what races
 * measure.
 */

#include <kunit/visibility.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "metric.h"

/**
 * manycast_metric_at() - the metric for a period
 * @metrics:	of an instance
 * @index:	the period
 *
 * Return: the last one that was told for it or for one before it.
 */
u8 manycast_metric_at(const struct manycast_metrics *metrics, u64 index)
{
	u8 metric = metrics->present;
	unsigned int i;

	for (i = 0; i < metrics->n && metrics->next[i].from <= index; i++)
		metric = metrics->next[i].metric;
	return metric;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_metric_at);

/* Those that have had their time: for periods before @first. */
static unsigned int settled(const struct manycast_metrics *metrics, u64 first)
{
	unsigned int i = 0;

	while (i < metrics->n && metrics->next[i].from < first)
		i++;
	return i;
}

static bool has(const struct manycast_metrics *metrics, u64 from)
{
	unsigned int i;

	for (i = 0; i < metrics->n; i++)
		if (metrics->next[i].from == from)
			return true;
	return false;
}

/**
 * manycast_metric_check() - can a metric be told?
 * @metrics:	of an instance
 * @from:	the first period that it is for
 * @first:	the first period that nobody has been chosen for yet
 *
 * Return: 0; -EALREADY when @from comes before @first; -ENOSPC when too many
 * are to come.
 */
int manycast_metric_check(const struct manycast_metrics *metrics, u64 from,
			  u64 first)
{
	if (from < first)
		return -EALREADY;
	if (has(metrics, from))
		return 0;
	return metrics->n - settled(metrics, first) <
	       SEG6_MANYCAST_PENDING_MAX ? 0 : -ENOSPC;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_metric_check);

static void settle(struct manycast_metrics *metrics, u64 first)
{
	unsigned int n = settled(metrics, first);

	if (!n)
		return;
	metrics->present = metrics->next[n - 1].metric;
	metrics->n -= n;
	memmove(metrics->next, &metrics->next[n],
		metrics->n * sizeof(metrics->next[0]));
}

/**
 * manycast_metric_set() - note a metric
 * @metrics:	of an instance
 * @metric:	it
 * @from:	the first period that it is for
 * @first:	as for manycast_metric_check(), which has said yes
 *
 * It replaces one that was told for the same period, and no other.
 */
void manycast_metric_set(struct manycast_metrics *metrics, u8 metric, u64 from,
			 u64 first)
{
	struct seg6_manycast_pending *next = metrics->next;
	unsigned int i;

	settle(metrics, first);
	for (i = 0; i < metrics->n && next[i].from < from; i++)
		;
	if (i == metrics->n || next[i].from != from) {
		memmove(&next[i + 1], &next[i],
			(metrics->n - i) * sizeof(*next));
		metrics->n++;
	}
	next[i] = (struct seg6_manycast_pending){
		.from = from, .metric = metric
	};
}
EXPORT_SYMBOL_IF_KUNIT(manycast_metric_set);

/* 15 up to 63 microseconds, one less whenever it doubles. */
static unsigned int near(u32 rtt)
{
	return 15 - clamp(ilog2(rtt) - 5, 0, 15);
}

/**
 * manycast_metric_measured() - a metric of what races have measured
 * @load:	per mille
 * @rtt:	microseconds, 0 until it is known
 *
 * Load decides, in sixteen steps, and among equals the way to the instance.
 *
 * Return: the metric; the worst while nothing is known.
 */
u8 manycast_metric_measured(u32 load, u32 rtt)
{
	u32 free = SEG6_MANYCAST_LOAD_MAX -
		   min_t(u32, load, SEG6_MANYCAST_LOAD_MAX);

	if (!rtt)
		return 0;
	return (free * 15 / SEG6_MANYCAST_LOAD_MAX) << 4 | near(rtt);
}
EXPORT_SYMBOL_IF_KUNIT(manycast_metric_measured);
