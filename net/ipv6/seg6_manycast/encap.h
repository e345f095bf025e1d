/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_ENCAP_H
#define _SEG6_MANYCAST_ENCAP_H

#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <net/ipv6.h>

#include "packet.h"
#include "srh.h"

struct manycast_instance;

/**
 * struct manycast_outer - the headers that a packet gets in front
 * @saddr:	outer source
 * @daddr:	outer destination, without an SRH
 * @path:	segment list of the SRH, or NULL for none; its active segment is
 *		the outer destination
 * @hbh:	Hop-by-Hop header with a trace, or NULL; Next Header is filled
 *		in, @hbh itself stays as it is
 * @hbh_len:	its length
 * @hash:	manycast_flow_hash() of the flow, for the flow label
 */
struct manycast_outer {
	const struct in6_addr *saddr;
	const struct in6_addr *daddr;
	const struct manycast_path *path;
	const u8 *hbh;
	unsigned int hbh_len;
	u32 hash;
};

/* Linux gives seg6 encapsulations the same. */
#define MANYCAST_HOP_LIMIT	64

/* Is it an IPv4 packet that is to be encapsulated? */
static inline bool manycast_is_ipv4(const struct sk_buff *skb)
{
	return skb->protocol == htons(ETH_P_IP);
}

/* Is it a packet in a tunnel, as manycast_encap() makes them? */
static inline bool manycast_tunnelled(const struct sk_buff *skb)
{
	u8 nexthdr = ipv6_hdr(skb)->nexthdr;

	return skb->protocol == htons(ETH_P_IPV6) &&
	       (nexthdr == NEXTHDR_IPV6 || nexthdr == NEXTHDR_IPV4 ||
		nexthdr == NEXTHDR_ROUTING);
}

void manycast_trace_stamp(const struct net *net, u8 *hbh, unsigned int len,
			  u8 hop_limit, u32 data);
unsigned int manycast_outer_len(const struct manycast_outer *outer);
int manycast_encap(struct sk_buff *skb, const struct manycast_outer *outer,
		   unsigned int reserve);
struct dst_entry *manycast_route_outer(struct manycast_net *mnet,
				       const struct manycast_outer *outer,
				       u32 mark);
int manycast_output(struct manycast_net *mnet, struct sk_buff *skb,
		    struct dst_entry *dst, u16 frag);
int manycast_encap_send(struct manycast_net *mnet, struct sk_buff *skb,
			const struct manycast_outer *outer);
int manycast_encap_forward(struct manycast_net *mnet, struct sk_buff *skb,
			   const struct manycast_outer *outer);
int manycast_send_to(struct manycast_net *mnet, struct sk_buff *skb,
		     const struct manycast_instance *inst, u32 hash,
		     bool local);
int manycast_lower_mss(struct manycast_net *mnet, struct sk_buff *skb,
		       const struct manycast_packet *pkt,
		       const struct manycast_outer *outer);
int manycast_send_rst(struct manycast_net *mnet,
		      const struct manycast_key *key,
		      const struct manycast_outer *outer);

#endif /* _SEG6_MANYCAST_ENCAP_H */
