/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_PERIOD_H
#define _SEG6_MANYCAST_PERIOD_H

#include <linux/in6.h>
#include <linux/types.h>

/**
 * struct manycast_rhythm - how a service divides time into periods
 * @offset:	milliseconds that are added to CLOCK_REALTIME
 * @period:	milliseconds of a period
 * @grace:	milliseconds by which clients' clocks may differ from ours
 * @stretch:	periods that an invocation may last after its own
 * @bits:	width of a period's number
 */
struct manycast_rhythm {
	s64 offset;
	u32 period;
	u32 grace;
	u32 stretch;
	u8 bits;
};

/**
 * struct manycast_window - periods whose numbers are taken at a time
 * @oldest:	index of the first one
 * @newest:	index of the last one
 */
struct manycast_window {
	u64 oldest;
	u64 newest;
};

/* Of an index: how many numbers there are. */
static inline u64 manycast_period_numbers(const struct manycast_rhythm *rhythm)
{
	return 1ULL << rhythm->bits;
}

u64 manycast_period_at(const struct manycast_rhythm *rhythm, s64 now);
s64 manycast_period_due(const struct manycast_rhythm *rhythm, u64 index);
bool manycast_period_fits(const struct manycast_rhythm *rhythm);
void manycast_period_window(const struct manycast_rhythm *rhythm, s64 now,
			    struct manycast_window *window);
int manycast_period_find(const struct manycast_rhythm *rhythm,
			 const struct manycast_window *window,
			 unsigned int number, u64 *index);
unsigned int manycast_period_number(const struct in6_addr *addr,
				    unsigned int position, unsigned int bits);

#endif /* _SEG6_MANYCAST_PERIOD_H */
