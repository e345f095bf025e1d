/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_OPENING_H
#define _SEG6_MANYCAST_OPENING_H

struct manycast_handshake;
struct manycast_key;
struct manycast_net;

int manycast_openings_init(struct manycast_net *mnet);
void manycast_openings_exit(struct manycast_net *mnet);
void manycast_opening_add(struct manycast_net *mnet,
			  struct manycast_handshake *hs);
void manycast_opening_del(struct manycast_net *mnet,
			  struct manycast_handshake *hs);
struct manycast_handshake *
manycast_opening_find(struct manycast_net *mnet,
		      const struct manycast_key *key);

#endif /* _SEG6_MANYCAST_OPENING_H */
