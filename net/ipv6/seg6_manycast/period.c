// SPDX-License-Identifier: GPL-2.0
/* Service periods (draft-bormann-dyncast-affinity-00 section 5): time in, an
 * index out; and a cyclic number in, the period that it means out. Indices
 * count from the Epoch, so that nodes agree without a word. Times are
 * milliseconds of CLOCK_REALTIME.
 */

#include <kunit/visibility.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/math64.h>
#include <linux/minmax.h>

#include "period.h"

/**
 * manycast_period_at() - which period is it?
 * @rhythm:	of the service
 * @now:	when
 *
 * Return: its index. Before the Epoch it is the first one.
 */
u64 manycast_period_at(const struct manycast_rhythm *rhythm, s64 now)
{
	s64 time = now + rhythm->offset;

	return time < 0 ? 0 : div_u64(time, rhythm->period);
}
EXPORT_SYMBOL_IF_KUNIT(manycast_period_at);

/**
 * manycast_period_due() - when does a period begin for the first client?
 * @rhythm:	of the service
 * @index:	the period
 *
 * Return: the time; a client may be ahead of us by the grace.
 */
s64 manycast_period_due(const struct manycast_rhythm *rhythm, u64 index)
{
	return index * rhythm->period - rhythm->offset - rhythm->grace;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_period_due);

/**
 * manycast_period_fits() - do the numbers tell the periods apart?
 * @rhythm:	of the service
 *
 * All that a window has at any time: the present period and the stretch, and
 * what may begin between a client who is late and one who is ahead.
 *
 * Return: whether they do.
 */
bool manycast_period_fits(const struct manycast_rhythm *rhythm)
{
	u64 between = DIV_ROUND_UP_ULL(2ULL * rhythm->grace, rhythm->period);

	return rhythm->stretch + 1 + between <= manycast_period_numbers(rhythm);
}
EXPORT_SYMBOL_IF_KUNIT(manycast_period_fits);

/**
 * manycast_period_window() - the periods that clients may speak of
 * @rhythm:	of the service
 * @now:	by our clock, which is off by the grace at most, either way
 * @window:	result
 */
void manycast_period_window(const struct manycast_rhythm *rhythm, s64 now,
			    struct manycast_window *window)
{
	u64 late = manycast_period_at(rhythm, now - rhythm->grace);

	window->newest = manycast_period_at(rhythm, now + rhythm->grace);
	window->oldest = late - min_t(u64, late, rhythm->stretch);
}
EXPORT_SYMBOL_IF_KUNIT(manycast_period_window);

/**
 * manycast_period_find() - which period does a number mean?
 * @rhythm:	of the service
 * @window:	the periods that it may mean
 * @number:	from an address
 * @index:	result
 *
 * Return: 0; -ESTALE when it is outside and nearer to the oldest one, -EAGAIN
 * when nearer to the newest: that one is to come, and the other is over.
 */
int manycast_period_find(const struct manycast_rhythm *rhythm,
			 const struct manycast_window *window,
			 unsigned int number, u64 *index)
{
	u64 mask = manycast_period_numbers(rhythm) - 1;
	u64 back = (window->newest - number) & mask;

	if (back > window->newest - window->oldest)
		return mask + 1 - back <
		       back - (window->newest - window->oldest) ? -EAGAIN :
								  -ESTALE;
	*index = window->newest - back;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_period_find);

/**
 * manycast_period_number() - read the number in an address
 * @addr:	the address
 * @position:	its first bit, counted from the left as prefixes are
 * @bits:	its width, 1..8; within the address
 *
 * Return: the number.
 */
unsigned int manycast_period_number(const struct in6_addr *addr,
				    unsigned int position, unsigned int bits)
{
	unsigned int at = position / 8, two = addr->s6_addr[at] << 8;

	/* It may reach into the next octet. */
	if (at < sizeof(*addr) - 1)
		two |= addr->s6_addr[at + 1];
	return two >> (16 - position % 8 - bits) & ((1U << bits) - 1);
}
EXPORT_SYMBOL_IF_KUNIT(manycast_period_number);
