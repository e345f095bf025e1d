/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_FRAGMENT_H
#define _SEG6_MANYCAST_FRAGMENT_H

#include "packet.h"

bool manycast_is_outer_fragment(struct sk_buff *skb,
				const struct manycast_packet *pkt);
bool manycast_reassemble(struct sk_buff *skb,
			 const struct manycast_packet *pkt);

#endif /* _SEG6_MANYCAST_FRAGMENT_H */
