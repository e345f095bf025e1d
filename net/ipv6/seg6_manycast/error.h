/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_ERROR_H
#define _SEG6_MANYCAST_ERROR_H

#include "packet.h"
#include "quote.h"

struct manycast_net;

/**
 * typedef manycast_sent_t - has a SID's behaviour sent a quoted packet?
 * @mnet:	our namespace
 * @quote:	the packet; its source is the SID
 * @to:		result: where it went first
 *
 * Context: softirq, RCU.
 * Return: 0, or the SEG6_MANYCAST_STAT_DROP_* under which to drop the error.
 */
typedef unsigned int manycast_sent_t(struct manycast_net *mnet,
				     const struct manycast_quote *quote,
				     struct in6_addr *to);

bool manycast_icmp_is_error(struct sk_buff *skb,
			    const struct manycast_packet *pkt);

/**
 * manycast_is_error() - is a packet an ICMPv6 error for us?
 * @skb:	the packet; its ICMPv6 header becomes linear
 * @pkt:	where things are in it
 *
 * A glance, for the sake of all the others.
 *
 * Return: whether it is.
 */
static inline bool manycast_is_error(struct sk_buff *skb,
				     const struct manycast_packet *pkt)
{
	return pkt->proto == NEXTHDR_ICMP && !pkt->inner &&
	       manycast_icmp_is_error(skb, pkt);
}

int manycast_error(struct manycast_net *mnet, struct sk_buff *skb,
		   const struct manycast_packet *pkt, manycast_sent_t *sent);

#endif /* _SEG6_MANYCAST_ERROR_H */
