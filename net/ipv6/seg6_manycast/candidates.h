/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_CANDIDATES_H
#define _SEG6_MANYCAST_CANDIDATES_H

#include <linux/types.h>

/* Slots of a hasher's table, unless the administrator wants another number:
 * Maglev's own (Eisenbud et al., section 5.3). It decides about every packet,
 * and one moved slot is a part of all connections.
 */
#define MANYCAST_FRONT_SLOTS	65537

/**
 * struct manycast_backend - an instance as the choice of candidates sees it
 * @id:		keyed hash of what names it on every selector
 * @weight:	its share, 1 or more; drained ones are not in the list
 */
struct manycast_backend {
	u64 id;
	u32 weight;
};

bool manycast_maglev_size_ok(unsigned int size);
int manycast_maglev_fill(u16 *table, unsigned int size,
			 const struct manycast_backend *backend,
			 unsigned int n);
unsigned int manycast_pick_all(unsigned int n, u32 *rnd, u16 *pick,
			       unsigned int k);
unsigned int manycast_pick_random(const u32 *cumulated, unsigned int n,
				  u32 *rnd, u16 *pick, unsigned int k);
unsigned int manycast_pick_least(const u32 *load, unsigned int n,
				 u32 *rnd, u16 *pick, unsigned int k);
u32 manycast_load_now(u32 load, unsigned long then, unsigned long now);
unsigned int manycast_pick_one(const u32 *cumulated, unsigned int n, u32 hash);

#endif /* _SEG6_MANYCAST_CANDIDATES_H */
