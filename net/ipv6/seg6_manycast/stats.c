// SPDX-License-Identifier: GPL-2.0
/* Per-CPU counters: of a namespace, a service, an instance, a listener. */

#include <kunit/visibility.h>
#include <linux/percpu.h>
#include <net/netlink.h>

#include "stats.h"

/**
 * manycast_stats_alloc() - allocate a set of counters
 * @max:	highest index
 * @gfp:	GFP_KERNEL, or GFP_NOWAIT in atomic context
 *
 * free_percpu() frees it.
 *
 * Return: the counters, all zero, or NULL.
 */
struct manycast_stats __percpu *manycast_stats_alloc(unsigned int max,
						     gfp_t gfp)
{
	struct manycast_stats __percpu *stats;
	int cpu;

	stats = __alloc_percpu_gfp(struct_size(stats, count, max + 1),
				   __alignof__(*stats), gfp);
	if (!stats)
		return NULL;
	for_each_possible_cpu(cpu)
		u64_stats_init(&per_cpu_ptr(stats, cpu)->syncp);
	return stats;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_stats_alloc);

/**
 * manycast_stats_read() - sum over all CPUs
 * @stats:	the counters
 * @i:		which
 *
 * Return: the sum.
 */
u64 manycast_stats_read(const struct manycast_stats __percpu *stats,
			unsigned int i)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		const struct manycast_stats *s = per_cpu_ptr(stats, cpu);
		unsigned int start;
		u64 n;

		do {
			start = u64_stats_fetch_begin(&s->syncp);
			n = u64_stats_read(&s->count[i]);
		} while (u64_stats_fetch_retry(&s->syncp, start));
		sum += n;
	}
	return sum;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_stats_read);

/**
 * manycast_stats_put() - put a set of counters into a message
 * @msg:	the message
 * @attr:	type of the nest
 * @stats:	the counters
 * @max:	highest index; each is also its attribute's type
 *
 * Return: 0 or -EMSGSIZE.
 */
int manycast_stats_put(struct sk_buff *msg, int attr,
		       const struct manycast_stats __percpu *stats,
		       unsigned int max)
{
	struct nlattr *nest = nla_nest_start(msg, attr);
	unsigned int i;

	if (!nest)
		return -EMSGSIZE;
	for (i = MANYCAST_STAT_FIRST; i <= max; i++) {
		if (nla_put_u64_64bit(msg, i, manycast_stats_read(stats, i),
				      MANYCAST_STAT_FIRST - 1)) {
			nla_nest_cancel(msg, nest);
			return -EMSGSIZE;
		}
	}
	nla_nest_end(msg, nest);
	return 0;
}
