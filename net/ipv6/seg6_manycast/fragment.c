// SPDX-License-Identifier: GPL-2.0
/* Fragments of encapsulated packets. An inner packet may always have the
 * minimum MTU, so what it is encapsulated in has to be fragmented where a link
 * carries no more than that (RFC 2473 section 7.1), and who decapsulates it has
 * to put it together.
 */

#include <net/ipv6.h>
#include <net/protocol.h>

#include "fragment.h"

/**
 * manycast_is_outer_fragment() - is it a part of an encapsulated packet?
 * @skb:	a packet that manycast_packet_read() has called a fragment
 * @pkt:	where its Fragment header is
 *
 * Return: whether it is, and not the whole packet.
 */
bool manycast_is_outer_fragment(struct sk_buff *skb,
				const struct manycast_packet *pkt)
{
	const struct frag_hdr *frag;

	if (!pskb_may_pull(skb, pkt->upper + sizeof(*frag)))
		return false;
	frag = manycast_at(skb, pkt->upper);
	return frag->nexthdr == NEXTHDR_IPV6 &&
	       frag->frag_off & htons(IP6_OFFSET | IP6_MF);
}

/**
 * manycast_reassemble() - have the kernel put a packet together
 * @skb:	a fragment
 * @pkt:	where its Fragment header is
 *
 * A SID has a route of ours, so that the kernel does not take the fragment for
 * its own. This is what it would do then, with its limits, times and
 * statistics.
 *
 * Context: softirq, RCU.
 * Return: whether @skb is the whole packet now; else it is the caller's no
 * longer.
 */
bool manycast_reassemble(struct sk_buff *skb,
			 const struct manycast_packet *pkt)
{
	const struct inet6_protocol *protocol =
		rcu_dereference(inet6_protos[NEXTHDR_FRAGMENT]);

	if (!protocol) {
		kfree_skb(skb);
		return false;
	}
	skb_set_transport_header(skb, pkt->upper);
	IP6CB(skb)->nhoff = pkt->nhoff;
	if (protocol->handler(skb) <= 0)
		return false;
	__skb_push(skb, -skb_network_offset(skb));
	return true;
}
