/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_PIN_H
#define _SEG6_MANYCAST_PIN_H

struct manycast_handshake;
struct manycast_key;
struct manycast_net;

int manycast_pins_init(struct manycast_net *mnet);
void manycast_pins_exit(struct manycast_net *mnet);
void manycast_pin(struct manycast_net *mnet, struct manycast_handshake *hs);
void manycast_unpin(struct manycast_net *mnet, struct manycast_handshake *hs);
struct manycast_handshake *manycast_pinned(struct manycast_net *mnet,
					   const struct manycast_key *key);

#endif /* _SEG6_MANYCAST_PIN_H */
