/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_SELECTOR_H
#define _SEG6_MANYCAST_SELECTOR_H

#include "handshake.h"

struct manycast_route;

int manycast_selector_input(struct sk_buff *skb, struct manycast_route *route);
void manycast_selector_send(struct manycast_handshake *hs,
			    struct manycast_outcome *out);
void manycast_selector_reset(const struct manycast_key *key,
			     struct manycast_instance *inst);

#endif /* _SEG6_MANYCAST_SELECTOR_H */
