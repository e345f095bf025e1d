/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_HUNT_H
#define _SEG6_MANYCAST_HUNT_H

#include "packet.h"
#include "tuple.h"

bool manycast_hunted(struct sk_buff *skb, const struct manycast_packet *pkt,
		     struct manycast_tuple *tuple);
bool manycast_hunt_ends(const struct net *net, const struct sk_buff *skb,
			const struct manycast_packet *pkt,
			const struct manycast_key *flow);
struct sock *manycast_listening(const struct net *net,
				const struct sk_buff *skb,
				const struct manycast_packet *pkt);
int manycast_hunt_on(struct manycast_net *mnet, struct sk_buff *skb,
		     const struct manycast_packet *pkt, unsigned int stat);

#endif /* _SEG6_MANYCAST_HUNT_H */
