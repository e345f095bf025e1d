/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_RATE_H
#define _SEG6_MANYCAST_RATE_H

#include <linux/atomic.h>
#include <linux/types.h>

bool manycast_rate_over(atomic64_t *tat, u64 now, u32 rate);

#endif /* _SEG6_MANYCAST_RATE_H */
