/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_TURN_H
#define _SEG6_MANYCAST_TURN_H

#include "service.h"

/* Room for a SYN's candidates: selector and edge are in its list, too. */
#define MANYCAST_TURNS_SYN	(MANYCAST_PATH_MAX - 2)

unsigned int manycast_turns_fit(struct manycast_instance *const *inst,
				unsigned int n, unsigned int room);
void manycast_turns_path(struct manycast_instance *const *inst, unsigned int n,
			 struct manycast_path *path);

#endif /* _SEG6_MANYCAST_TURN_H */
