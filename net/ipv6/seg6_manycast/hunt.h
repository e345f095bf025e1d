/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_HUNT_H
#define _SEG6_MANYCAST_HUNT_H

#include "packet.h"

bool manycast_hunt_ends(const struct net *net, const struct sk_buff *skb,
			const struct manycast_packet *pkt);
int manycast_hunt_on(struct manycast_net *mnet, struct sk_buff *skb,
		     const struct manycast_packet *pkt);

#endif /* _SEG6_MANYCAST_HUNT_H */
