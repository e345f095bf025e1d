/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_RANK_H
#define _SEG6_MANYCAST_RANK_H

#include <linux/types.h>

/* Rows of a service's table. Constant: another number would give every flow
 * other candidates.
 */
#define MANYCAST_RANK_ROWS	4096

struct manycast_backend;

/**
 * manycast_rank_of() - the row that a flow's candidates stand in
 * @hash:	keyed hash of the flow
 *
 * Return: 0..MANYCAST_RANK_ROWS - 1.
 */
static inline u32 manycast_rank_of(u64 hash)
{
	return hash % MANYCAST_RANK_ROWS;
}

unsigned int manycast_rank_row(u32 row, const struct manycast_backend *backend,
			       unsigned int n, u16 *rank, unsigned int k);
void manycast_rank_join(u32 row, const struct manycast_backend *backend, u16 i,
			u16 *rank, unsigned int k);
unsigned int manycast_rank_pick(const u16 *rank, unsigned int ranks,
				unsigned int n, u16 *pick, unsigned int k);

#endif /* _SEG6_MANYCAST_RANK_H */
