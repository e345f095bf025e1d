// SPDX-License-Identifier: GPL-2.0
/* Rate limits without a lock. */

#include <kunit/visibility.h>
#include <linux/ktime.h>
#include <linux/minmax.h>

#include "rate.h"

/**
 * manycast_rate_over() - is this one too many?
 * @tat:	nanoseconds: when the next one would be on time; 0 at first
 * @now:	nanoseconds, by the same clock
 * @rate:	how many a second, at least one
 *
 * Generic cell rate algorithm: a tenth of a second's worth may come at once.
 *
 * Context: any.
 * Return: whether it is; it does not count then.
 */
bool manycast_rate_over(atomic64_t *tat, u64 now, u32 rate)
{
	u64 interval = NSEC_PER_SEC / rate;
	u64 burst = max_t(u64, NSEC_PER_SEC / 10, interval);
	s64 due = atomic64_read(tat), next;

	do {
		next = max_t(u64, due, now) + interval;
		if (next > now + burst)
			return true;
	} while (!atomic64_try_cmpxchg(tat, &due, next));
	return false;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_rate_over);
