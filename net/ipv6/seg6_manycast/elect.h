/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_ELECT_H
#define _SEG6_MANYCAST_ELECT_H

#include <linux/in6.h>
#include <linux/types.h>

struct manycast_instance;
struct manycast_pool;
struct manycast_settings;

/**
 * struct manycast_bid - an instance that would like to have a period
 * @metric:	of the period, more is better
 * @id:		decides among equals
 */
struct manycast_bid {
	u8 metric;
	u64 id;
};

u64 manycast_bid_id(const struct in6_addr *sid);
u64 manycast_bid_heir(u64 id, u64 index);
bool manycast_bid_beats(const struct manycast_bid *a,
			const struct manycast_bid *b);
bool manycast_bid_holds(const struct manycast_bid *holder, u32 tenure,
			const struct manycast_bid *best, u32 damping,
			u32 threshold);

bool manycast_electable(const struct manycast_pool *pool);
struct manycast_instance *
manycast_elect(const struct manycast_pool *pool,
	       const struct manycast_settings *settings, u64 index,
	       const struct manycast_instance *holder, u32 tenure);
struct manycast_instance *manycast_heir(const struct manycast_pool *pool,
					u64 index);

#endif /* _SEG6_MANYCAST_ELECT_H */
