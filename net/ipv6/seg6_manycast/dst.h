/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_DST_H
#define _SEG6_MANYCAST_DST_H

#include "main.h"

struct dst_entry;
struct flowi6;

int manycast_dsts_init(struct manycast_net *mnet);
void manycast_dsts_exit(struct manycast_net *mnet);
struct dst_entry *manycast_dst(struct manycast_net *mnet, struct flowi6 *fl6);

#endif /* _SEG6_MANYCAST_DST_H */
