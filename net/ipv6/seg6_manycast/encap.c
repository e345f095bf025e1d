// SPDX-License-Identifier: GPL-2.0
/* Outer headers, and sending what wears them. */

#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/unaligned.h>
#include <net/dst.h>
#include <net/gso.h>
#include <net/icmp.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ip_tunnels.h>
#include <net/ipv6.h>

#include "dst.h"
#include "encap.h"
#include "ioam.h"
#include "main.h"
#include "service.h"

/**
 * manycast_trace_stamp() - add this node's entry to a trace
 * @net:	whose node id it has
 * @hbh:	Hop-by-Hop header; without a trace in it, or without room there,
 *		no entry is added
 * @len:	its length
 * @hop_limit:	of the outer header
 * @data:	namespace data
 *
 * Context: any.
 */
void manycast_trace_stamp(const struct net *net, u8 *hbh, unsigned int len,
			  u8 hop_limit, u32 data)
{
	struct manycast_node node = {
		.id = READ_ONCE(net->ipv6.sysctl.ioam6_id),
		.data = data,
		.hop_limit = hop_limit,
	};
	struct manycast_trace trace;
	struct timespec64 now;

	if (manycast_trace_find(hbh, len, &trace))
		return;
	ktime_get_real_ts64(&now);
	node.sec = (u32)now.tv_sec;
	node.usec = now.tv_nsec / NSEC_PER_USEC;
	manycast_trace_add(&trace, &node);
}

/**
 * manycast_outer_len() - octets that an encapsulation adds
 * @outer:	the headers
 *
 * Return: their length.
 */
unsigned int manycast_outer_len(const struct manycast_outer *outer)
{
	return sizeof(struct ipv6hdr) + outer->hbh_len +
	       (outer->path ? manycast_srh_len(outer->path->n) : 0);
}

static __be32 flow_label(u32 hash)
{
	/* Zero would mean "not labelled" (RFC 6437 section 2). */
	return htonl((hash & 0xfffff) ?: 1);
}

static const struct in6_addr *outer_daddr(const struct manycast_outer *outer)
{
	return outer->path ? &outer->path->seg[outer->path->left] :
			     outer->daddr;
}

/* The headers' bytes, from the last to the first: each has to know what comes
 * behind it.
 */
static void write_outer(struct sk_buff *skb, const struct manycast_outer *outer,
			u8 tclass)
{
	struct ipv6hdr *ip = ipv6_hdr(skb);
	u8 *p = (u8 *)ip + manycast_outer_len(outer);
	u8 nexthdr = manycast_is_ipv4(skb) ? NEXTHDR_IPV4 : NEXTHDR_IPV6;

	if (outer->path) {
		p -= manycast_srh_len(outer->path->n);
		manycast_srh_write(p, nexthdr, outer->path);
		nexthdr = NEXTHDR_ROUTING;
	}
	if (outer->hbh) {
		p -= outer->hbh_len;
		memcpy(p, outer->hbh, outer->hbh_len);
		*p = nexthdr;
		nexthdr = NEXTHDR_HOP;
	}
	ip6_flow_hdr(ip, tclass, flow_label(outer->hash));
	ip->nexthdr = nexthdr;
	ip->hop_limit = MANYCAST_HOP_LIMIT;
	ip->saddr = *outer->saddr;
	ip->daddr = *outer_daddr(outer);
	ip->payload_len = skb->len - sizeof(*ip) > IPV6_MAXPLEN ? 0 :
			  htons(skb->len - sizeof(*ip));
}

/**
 * manycast_encap() - put outer headers in front of an IPv6 or IPv4 packet
 * @skb:	the packet, its data at the network header
 * @outer:	the headers
 * @reserve:	headroom to leave for the device
 *
 * Headroom, offloads and inner offsets as seg6 sets them; the packet goes out
 * as a fresh one, without what reception left on it.
 *
 * Return: 0 or a negative error; @skb is still the caller's.
 */
int manycast_encap(struct sk_buff *skb, const struct manycast_outer *outer,
		   unsigned int reserve)
{
	unsigned int len = manycast_outer_len(outer);
	u8 tclass = manycast_is_ipv4(skb) ? ipv4_get_dsfield(ip_hdr(skb)) :
					    ipv6_get_dsfield(ipv6_hdr(skb));
	int err;

	err = skb_cow_head(skb, len + reserve);
	if (err)
		return err;
	err = iptunnel_handle_offloads(skb, SKB_GSO_IPXIP6);
	if (err)
		return err;
	skb_set_inner_transport_header(skb, skb_transport_offset(skb));
	skb_set_inner_protocol(skb, skb->protocol);

	skb_push(skb, len);
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, sizeof(struct ipv6hdr));
	write_outer(skb, outer, tclass);
	skb_postpush_rcsum(skb, ipv6_hdr(skb), len);

	skb->protocol = htons(ETH_P_IPV6);
	skb->ignore_df = 1;
	skb_clear_tstamp(skb);
	nf_reset_ct(skb);
	return 0;
}

/**
 * manycast_route_outer() - where an encapsulated packet will go
 * @mnet:	our namespace
 * @outer:	its headers
 * @mark:	its mark
 *
 * Context: RCU, bottom halves off.
 * Return: a dst with a reference; dst->error tells of a failure.
 */
struct dst_entry *manycast_route_outer(struct manycast_net *mnet,
				       const struct manycast_outer *outer,
				       u32 mark)
{
	struct flowi6 fl6 = {
		.daddr = *outer_daddr(outer),
		.saddr = *outer->saddr,
		.flowlabel = flow_label(outer->hash),
		.flowi6_mark = mark,
		.flowi6_proto = outer->hbh ? NEXTHDR_HOP :
				outer->path ? NEXTHDR_ROUTING : NEXTHDR_IPV6,
	};

	return manycast_dst(mnet, &fl6);
}

/**
 * manycast_output() - send a packet as if it were this host's
 * @mnet:	our namespace
 * @skb:	with room for the device's header; taken over
 * @dst:	where it goes; its reference is taken over
 * @frag:	octets of a fragment of it at most; 0: as the route has it
 *
 * Context: bottom halves off.
 * Return: what ip6_local_out() returns.
 */
int manycast_output(struct manycast_net *mnet, struct sk_buff *skb,
		    struct dst_entry *dst, u16 frag)
{
	skb_dst_drop(skb);
	skb_dst_set(skb, dst);
	memset(IP6CB(skb), 0, sizeof(*IP6CB(skb)));
	IP6CB(skb)->frag_max_size = frag;
	return ip6_local_out(mnet->net, NULL, skb);
}

/* Takes @skb and the reference of @dst over. */
static int send_to(struct manycast_net *mnet, struct sk_buff *skb,
		   const struct manycast_outer *outer, struct dst_entry *dst)
{
	if (dst->error) {
		dst_release(dst);
		return manycast_drop(mnet, skb,
				     SEG6_MANYCAST_STAT_DROP_NO_ROUTE);
	}
	if (manycast_encap(skb, outer, LL_RESERVED_SPACE(dst->dev))) {
		dst_release(dst);
		return manycast_drop(mnet, skb,
				     SEG6_MANYCAST_STAT_DROP_NO_MEMORY);
	}
	return manycast_output(mnet, skb, dst, 0);
}

/**
 * manycast_encap_send() - encapsulate and send by the routing table
 * @mnet:	our namespace
 * @skb:	the inner packet, taken over
 * @outer:	the headers
 *
 * Context: RCU, bottom halves off.
 * Return: what ip6_local_out() returns, or -EINVAL after a counted drop.
 */
int manycast_encap_send(struct manycast_net *mnet, struct sk_buff *skb,
			const struct manycast_outer *outer)
{
	return send_to(mnet, skb, outer,
		       manycast_route_outer(mnet, outer, skb->mark));
}

static bool fits(const struct sk_buff *skb, unsigned int mtu)
{
	return skb->len <= mtu ||
	       (skb_is_gso(skb) && skb_gso_validate_network_len(skb, mtu));
}

/* Octets of an inner packet that the sender can be held to. */
static unsigned int inner_mtu(const struct sk_buff *skb,
			      const struct manycast_outer *outer,
			      const struct dst_entry *dst)
{
	unsigned int mtu = dst_mtu(dst) - manycast_outer_len(outer);

	if (!manycast_is_ipv4(skb))
		return max_t(unsigned int, mtu, IPV6_MIN_MTU);
	return ip_hdr(skb)->frag_off & htons(IP_DF) ? mtu : UINT_MAX;
}

static void tell_too_big(struct sk_buff *skb, unsigned int mtu)
{
	if (manycast_is_ipv4(skb))
		icmp_send(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, htonl(mtu));
	else
		icmpv6_send(skb, ICMPV6_PKT_TOOBIG, 0, mtu);
}

/**
 * manycast_encap_forward() - the same for somebody else's packet
 * @mnet:	our namespace
 * @skb:	the inner packet, taken over
 * @outer:	the headers
 *
 * The sender is told when its packet will not fit; nobody would tell it later,
 * because errors inside the tunnel come to us. Below the minimum MTU, and with
 * IPv4 that may be fragmented, the outer packet is (RFC 2473 section 7).
 *
 * Context: RCU, bottom halves off.
 * Return: as manycast_encap_send().
 */
int manycast_encap_forward(struct manycast_net *mnet, struct sk_buff *skb,
			   const struct manycast_outer *outer)
{
	struct dst_entry *dst = manycast_route_outer(mnet, outer, skb->mark);
	unsigned int mtu;

	mtu = inner_mtu(skb, outer, dst);
	if (!dst->error && !fits(skb, mtu)) {
		dst_release(dst);
		tell_too_big(skb, mtu);
		return manycast_drop(mnet, skb,
				     SEG6_MANYCAST_STAT_DROP_TOO_BIG);
	}
	return send_to(mnet, skb, outer, dst);
}

/* As ip_forward() does it. */
static bool hop_ipv4(struct manycast_net *mnet, struct sk_buff *skb)
{
	if (ip_hdr(skb)->ttl <= 1) {
		icmp_send(skb, ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, 0);
		manycast_drop(mnet, skb, SEG6_MANYCAST_STAT_DROP_HOP_LIMIT);
		return false;
	}
	if (skb_ensure_writable(skb, sizeof(struct iphdr))) {
		manycast_drop(mnet, skb, SEG6_MANYCAST_STAT_DROP_NO_MEMORY);
		return false;
	}
	skb_forward_csum(skb);
	ip_decrease_ttl(ip_hdr(skb));
	return true;
}

static bool hop(struct manycast_net *mnet, struct sk_buff *skb)
{
	return manycast_is_ipv4(skb) ? hop_ipv4(mnet, skb) :
				       manycast_hop(mnet, skb);
}

/**
 * manycast_send_to() - send a packet to an instance, whatever is in it
 * @mnet:	our namespace
 * @skb:	an IPv6 or IPv4 packet, taken over
 * @inst:	where it goes
 * @hash:	of its flow, as manycast_flow_hash() has it
 * @local:	this host sends it: it has come no hop yet
 *
 * One segment needs no SRH (RFC 8754 section 4.1).
 *
 * Context: RCU, bottom halves off.
 * Return: as manycast_encap_send().
 */
int manycast_send_to(struct manycast_net *mnet, struct sk_buff *skb,
		     const struct manycast_instance *inst, u32 hash, bool local)
{
	const struct manycast_settings *settings =
		rcu_dereference(inst->service->settings);
	struct manycast_outer outer = {
		.saddr = &settings->sid,
		.daddr = manycast_sid(inst),
		.path = inst->path.n > 1 ? &inst->path : NULL,
		.hash = hash,
	};

	if (local)
		return manycast_encap_send(mnet, skb, &outer);
	if (!hop(mnet, skb))
		return -EINVAL;
	return manycast_encap_forward(mnet, skb, &outer);
}

/**
 * manycast_lower_mss() - make room for what will be added to a client's packets
 * @mnet:	our namespace
 * @skb:	a SYN-ACK, still encapsulated
 * @pkt:	where things are in it
 * @outer:	the headers that the client's packets will get
 *
 * What the server said that it can take, less the headers; and not more than
 * the route to it carries.
 *
 * Context: RCU, bottom halves off.
 * Return: 0 or -ENOMEM.
 */
int manycast_lower_mss(struct manycast_net *mnet, struct sk_buff *skb,
		       const struct manycast_packet *pkt,
		       const struct manycast_outer *outer)
{
	unsigned int added = manycast_outer_len(outer);
	struct dst_entry *dst;
	struct tcphdr *th;
	u16 old, mss;
	u32 mtu;
	u8 *opt;

	if (skb_ensure_writable(skb, pkt->upper + pkt->tcp.doff))
		return -ENOMEM;
	th = manycast_at(skb, pkt->upper);
	opt = manycast_tcp_is_synack(&pkt->tcp) ?
	      manycast_tcp_mss(th, pkt->tcp.doff) : NULL;
	if (!opt)
		return 0;
	dst = manycast_route_outer(mnet, outer, 0);
	mtu = dst->error ? IPV6_MIN_MTU : dst_mtu(dst);
	dst_release(dst);

	old = get_unaligned_be16(opt);
	mss = old > added ? old - added : old;
	mss = min_t(u32, mss, mtu - added - sizeof(struct ipv6hdr) -
			      sizeof(struct tcphdr));
	put_unaligned_be16(mss, opt);
	/* The option may stand at an odd offset. */
	if ((opt - (u8 *)th) & 1) {
		old = swab16(old);
		mss = swab16(mss);
	}
	inet_proto_csum_replace2(&th->check, skb, htons(old), htons(mss),
				 false);
	return 0;
}

/**
 * manycast_send_rst() - end a server's SYN-RECEIVED socket
 * @mnet:	our namespace
 * @key:	the attempt that the server lost
 * @outer:	the way to it: the service address leads elsewhere
 *
 * Context: bottom halves off.
 * Return: as manycast_encap_send().
 */
int manycast_send_rst(struct manycast_net *mnet,
		      const struct manycast_key *key,
		      const struct manycast_outer *outer)
{
	unsigned int headroom = LL_MAX_HEADER + manycast_outer_len(outer);
	struct ipv6hdr *ip;
	struct sk_buff *skb;

	skb = alloc_skb(headroom + sizeof(*ip) + sizeof(struct tcphdr),
			GFP_ATOMIC);
	if (!skb) {
		manycast_stats_inc(mnet->stats,
				   SEG6_MANYCAST_STAT_DROP_NO_MEMORY);
		return -ENOMEM;
	}
	skb_reserve(skb, headroom);
	skb->protocol = htons(ETH_P_IPV6);
	skb_reset_network_header(skb);
	ip = skb_put(skb, sizeof(*ip));
	skb_set_transport_header(skb, sizeof(*ip));

	ip6_flow_hdr(ip, 0, flow_label(outer->hash));
	ip->payload_len = htons(sizeof(struct tcphdr));
	ip->nexthdr = IPPROTO_TCP;
	ip->hop_limit = MANYCAST_HOP_LIMIT;
	ip->saddr = key->client;
	ip->daddr = key->service;
	manycast_tcp_write_rst(skb_put(skb, sizeof(struct tcphdr)),
			       &key->client, &key->service, key->sport,
			       key->dport, key->isn + 1);
	return manycast_encap_send(mnet, skb, outer);
}
