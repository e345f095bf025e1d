// SPDX-License-Identifier: GPL-2.0
/* A received packet: where things are in it, and how it goes on. */

#include <linux/icmpv6.h>
#include <linux/netfilter.h>
#include <net/dst.h>
#include <net/inet_ecn.h>
#include <net/ip6_fib.h>
#include <net/ip6_route.h>
#include <net/ip_tunnels.h>
#include <net/ipv6.h>
#include <net/seg6.h>

#include "encap.h"
#include "error.h"
#include "fragment.h"
#include "lwt.h"
#include "main.h"
#include "packet.h"
#include "tuple.h"
#include "tuple4.h"

/* Hop-by-Hop, Destination Options, Routing, Destination Options (RFC 8200
 * section 4.1).
 */
#define MAX_OUTER_HEADERS	4

static int read_tcp(struct sk_buff *skb, struct manycast_packet *pkt)
{
	unsigned int end = pkt->inner + sizeof(struct ipv6hdr) +
			   ntohs(manycast_inner(skb, pkt)->payload_len);
	unsigned int doff;

	/* A jumbogram has no length in its header, GSO may exceed 64 KiB. */
	if (!manycast_inner(skb, pkt)->payload_len && skb_is_gso(skb))
		end = skb->len;
	if (end > skb->len || end < pkt->upper + sizeof(struct tcphdr) ||
	    !pskb_may_pull(skb, pkt->upper + sizeof(struct tcphdr)))
		return -EBADMSG;
	doff = ((struct tcphdr *)manycast_at(skb, pkt->upper))->doff * 4;
	if (!pskb_may_pull(skb, pkt->upper + doff))
		return -EBADMSG;
	return manycast_tcp_read(manycast_at(skb, pkt->upper), doff,
				 end - pkt->upper, &pkt->tcp);
}

static bool is_host(const struct in6_addr *addr)
{
	return !ipv6_addr_any(addr) && !ipv6_addr_loopback(addr) &&
	       !ipv6_addr_is_multicast(addr);
}

static int read_inner(struct sk_buff *skb, struct manycast_packet *pkt)
{
	if (!pskb_may_pull(skb, pkt->inner + sizeof(struct ipv6hdr)) ||
	    manycast_inner(skb, pkt)->version != 6)
		return -EBADMSG;
	/* As ip6_rcv() checks it for those that come without a tunnel. */
	if (pkt->inner && !is_host(&manycast_inner(skb, pkt)->saddr))
		return -EBADMSG;
	pkt->proto = manycast_inner(skb, pkt)->nexthdr;
	pkt->nhoff = pkt->inner + offsetof(struct ipv6hdr, nexthdr);
	pkt->upper = pkt->inner + sizeof(struct ipv6hdr);
	return 0;
}

/* A type that we do not know is ignored when it has nothing left to do, and
 * else is an error (RFC 8200 section 4.4).
 */
static int read_routing(const struct ipv6_opt_hdr *hdr, unsigned int len,
			struct manycast_packet *pkt)
{
	const struct ipv6_rt_hdr *rt = (const struct ipv6_rt_hdr *)hdr;

	if (pkt->srh)
		return -EBADMSG;
	if (rt->type != IPV6_SRCRT_TYPE_4) {
		pkt->bad = pkt->upper + offsetof(struct ipv6_rt_hdr, type);
		return rt->segments_left ? -ERANGE : 0;
	}
	pkt->srh = pkt->upper;
	pkt->bad = pkt->upper + offsetof(struct ipv6_sr_hdr, segments_left);
	return manycast_srh_check(hdr, len);
}

/* One extension header at @pkt->upper. Returns its length or an error. */
static int read_extension(struct sk_buff *skb, struct manycast_packet *pkt)
{
	struct ipv6_opt_hdr *hdr;
	unsigned int len;

	if (!pskb_may_pull(skb, pkt->upper + sizeof(*hdr)))
		return -EBADMSG;
	hdr = manycast_at(skb, pkt->upper);
	len = ipv6_optlen(hdr);
	if (!pskb_may_pull(skb, pkt->upper + len))
		return -EBADMSG;

	hdr = manycast_at(skb, pkt->upper);
	if (pkt->proto == NEXTHDR_HOP) {
		pkt->hbh = pkt->upper;
		pkt->hbh_len = len;
	} else if (pkt->proto == NEXTHDR_ROUTING) {
		int err = read_routing(hdr, len, pkt);

		if (err)
			return err;
	}
	pkt->proto = hdr->nexthdr;
	pkt->nhoff = pkt->upper;
	return len;
}

/**
 * manycast_packet_read() - find the headers of a packet
 * @skb:	an IPv6 packet, its data at the network header
 * @pkt:	result
 *
 * Return: 0; -EBADMSG when headers are cut short or lie about their lengths;
 * -ERANGE for a routing header that asks for a Parameter Problem at @pkt->bad;
 * -EOPNOTSUPP for a fragment.
 */
int manycast_packet_read(struct sk_buff *skb, struct manycast_packet *pkt)
{
	int headers, len;

	*pkt = (struct manycast_packet){};
	if (read_inner(skb, pkt))
		return -EBADMSG;

	for (headers = 0; ipv6_ext_hdr(pkt->proto); headers++) {
		if (pkt->proto == NEXTHDR_FRAGMENT)
			return -EOPNOTSUPP;
		if (pkt->proto == NEXTHDR_NONE || pkt->proto == NEXTHDR_AUTH)
			return 0;
		if (headers == MAX_OUTER_HEADERS ||
		    (pkt->proto == NEXTHDR_HOP && headers))
			return -EBADMSG;
		len = read_extension(skb, pkt);
		if (len < 0)
			return len;
		pkt->upper += len;
	}
	if (pkt->proto == NEXTHDR_IPV6) {
		pkt->inner = pkt->upper;
		if (read_inner(skb, pkt))
			return -EBADMSG;
	}
	return pkt->proto == IPPROTO_TCP ? read_tcp(skb, pkt) : 0;
}

/* RFC 8754 section 5.1: nobody outside the domain may use our SIDs, and nobody
 * there is told anything. Only clients that know nothing of SRv6 come as they
 * are, to a service address; and ICMPv6 errors, by whatever router met a packet
 * of ours: what they quote is looked at instead.
 */
static bool let_in(const struct manycast_route *route, struct sk_buff *skb,
		   const struct manycast_packet *pkt)
{
	if (route->service && !pkt->inner && !pkt->srh)
		return true;
	return manycast_prefix_match(&route->acl, &ipv6_hdr(skb)->saddr) ||
	       manycast_is_error(skb, pkt);
}

/* Takes @skb over, but for what it returns 0 for: a whole packet. */
static int defragment(const struct manycast_route *route, struct sk_buff *skb,
		      struct manycast_packet *pkt)
{
	struct manycast_net *mnet = route->mnet;
	int err;

	/* A service's address is open to those who are not in the acl. */
	if (!manycast_prefix_match(&route->acl, &ipv6_hdr(skb)->saddr) ||
	    !manycast_is_outer_fragment(skb, pkt)) {
		manycast_drop(mnet, skb, SEG6_MANYCAST_STAT_DROP_FRAGMENT);
		return -EINVAL;
	}
	if (!manycast_reassemble(skb, pkt))
		return -EINPROGRESS;
	manycast_stats_inc(mnet->stats, SEG6_MANYCAST_STAT_REASSEMBLED);
	err = manycast_packet_read(skb, pkt);
	return err ? manycast_drop_error(mnet, skb, -EBADMSG) : 0;
}

/**
 * manycast_packet_receive() - find the headers of a packet or drop it
 * @route:	the route that it took
 * @skb:	a packet received for one of our routes
 * @pkt:	result
 *
 * A fragment waits for the others. The last one to come is the whole packet.
 *
 * Return: 0; -EINVAL when the packet was dropped, counted, and answered with
 * an ICMPv6 error where RFC 8754 section 4.3.1.1 asks for one; -EINPROGRESS
 * when it is a fragment that waits, or that the kernel has dropped.
 */
int manycast_packet_receive(const struct manycast_route *route,
			    struct sk_buff *skb, struct manycast_packet *pkt)
{
	struct manycast_net *mnet = route->mnet;
	int err = manycast_packet_read(skb, pkt);

	if (!let_in(route, skb, pkt)) {
		manycast_drop(mnet, skb, SEG6_MANYCAST_STAT_DROP_ACL);
		return -EINVAL;
	}
	switch (err) {
	case 0:
		return 0;
	case -ERANGE:
		manycast_drop_srh(mnet, skb, pkt);
		return -EINVAL;
	case -EOPNOTSUPP:
		return defragment(route, skb, pkt);
	default:
		manycast_drop(mnet, skb, SEG6_MANYCAST_STAT_DROP_MALFORMED);
		return -EINVAL;
	}
}

/**
 * manycast_key_of_client() - the attempt that a client's segment belongs to
 * @skb:	the packet
 * @pkt:	where things are in it; TCP
 * @isn:	the client's initial sequence number
 * @key:	result
 */
void manycast_key_of_client(const struct sk_buff *skb,
			    const struct manycast_packet *pkt, u32 isn,
			    struct manycast_key *key)
{
	const struct ipv6hdr *ip = manycast_inner(skb, pkt);

	key->client = ip->saddr;
	key->service = ip->daddr;
	key->sport = pkt->tcp.sport;
	key->dport = pkt->tcp.dport;
	key->isn = isn;
}

/**
 * manycast_key_of_server() - the attempt that a server's answer belongs to
 * @skb:	the packet
 * @pkt:	where things are in it; a SYN-ACK, or a RST that acknowledges
 * @key:	result
 *
 * A SYN takes one sequence number, so its ISN is one less than what the answer
 * acknowledges.
 */
void manycast_key_of_server(const struct sk_buff *skb,
			    const struct manycast_packet *pkt,
			    struct manycast_key *key)
{
	const struct ipv6hdr *ip = manycast_inner(skb, pkt);

	key->client = ip->daddr;
	key->service = ip->saddr;
	key->sport = pkt->tcp.dport;
	key->dport = pkt->tcp.sport;
	key->isn = pkt->tcp.ack - 1;
}

/**
 * manycast_tuple_of() - the flow that a packet belongs to
 * @skb:	the packet; no more of it is made linear than it takes
 * @offset:	where to begin, at an IPv6 header
 * @tuple:	result, see manycast_tuple_read()
 *
 * Return: 0 or -ENOMEM.
 */
int manycast_tuple_of(struct sk_buff *skb, unsigned int offset,
		      struct manycast_tuple *tuple)
{
	unsigned int need;

	do {
		need = manycast_tuple_read(manycast_at(skb, offset),
					   skb_headlen(skb) - offset, tuple);
		if (!need || offset + need > skb->len)
			return 0;
	} while (pskb_may_pull(skb, offset + need));
	return -ENOMEM;
}

/**
 * manycast_tuple_glance() - the same of what can be read without a touch
 * @skb:	a packet of IPv6 or IPv4
 * @tuple:	result
 */
void manycast_tuple_glance(const struct sk_buff *skb,
			   struct manycast_tuple *tuple)
{
	int len = skb_headlen(skb) - skb_network_offset(skb);

	if (manycast_is_ipv4(skb))
		manycast_tuple4_read(skb_network_header(skb), len, tuple);
	else
		manycast_tuple_read(skb_network_header(skb), len, tuple);
}

/**
 * manycast_flow_hash() - what becomes the flow label of a flow's outer headers
 * @key:	the flow; its ISN does not matter
 *
 * The same on every node and for both directions, so that the flow takes one
 * path (RFC 6438, RFC 8754 section 5.5).
 *
 * Return: the hash.
 */
u32 manycast_flow_hash(const struct manycast_key *key)
{
	return jhash_3words(ipv6_addr_hash(&key->client),
			    ipv6_addr_hash(&key->service),
			    (__force u32)key->sport << 16 |
			    (__force u32)key->dport, 0);
}

/**
 * manycast_decap() - remove the outer headers
 * @skb:	the packet
 * @pkt:	where things are in it; void afterwards
 *
 * The control block is cleared, because the outer Hop-by-Hop header left an
 * offset in it that does not fit the inner packet: local delivery would read
 * the wrong octet as the protocol.
 *
 * Return: 0 or a negative error; @skb is still the caller's.
 */
int manycast_decap(struct sk_buff *skb, const struct manycast_packet *pkt)
{
	const struct ipv6hdr outer = *ipv6_hdr(skb);
	bool l3slave = ipv6_l3mdev_skb(IP6CB(skb)->flags);
	int iif = IP6CB(skb)->iif;

	if (!pskb_pull(skb, pkt->inner))
		return -EBADMSG;
	skb_postpull_rcsum(skb, skb_network_header(skb), pkt->inner);
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, pkt->upper - pkt->inner);
	if (iptunnel_pull_offloads(skb))
		return -ENOMEM;

	memset(IP6CB(skb), 0, sizeof(*IP6CB(skb)));
	IP6CB(skb)->iif = iif;
	IP6CB(skb)->nhoff = offsetof(struct ipv6hdr, nexthdr);
	if (l3slave)
		IP6CB(skb)->flags |= IP6SKB_L3SLAVE;

	/* RFC 6040: congestion met by the outer header is the flow's. */
	if (skb_ensure_writable(skb, sizeof(struct ipv6hdr)))
		return -ENOMEM;
	if (IP6_ECN_decapsulate(&outer, skb) > 1)
		return -EBADMSG;

	nf_reset_ct(skb);
	skb_clear_hash(skb);
	skb_dst_drop(skb);
	return 0;
}

/**
 * manycast_hop() - take one off the hop limit before forwarding
 * @mnet:	our namespace
 * @skb:	an IPv6 packet; dropped when its hop limit is used up
 *
 * Return: whether @skb may go on.
 */
bool manycast_hop(struct manycast_net *mnet, struct sk_buff *skb)
{
	if (ipv6_hdr(skb)->hop_limit <= 1) {
		icmpv6_send(skb, ICMPV6_TIME_EXCEED, ICMPV6_EXC_HOPLIMIT, 0);
		manycast_drop(mnet, skb, SEG6_MANYCAST_STAT_DROP_HOP_LIMIT);
		return false;
	}
	if (skb_ensure_writable(skb, sizeof(struct ipv6hdr))) {
		manycast_drop(mnet, skb, SEG6_MANYCAST_STAT_DROP_NO_MEMORY);
		return false;
	}
	/* A checksum of the whole packet would not fit any more. */
	skb_forward_csum(skb);
	ipv6_hdr(skb)->hop_limit--;
	return true;
}

static struct dst_entry *lookup(struct net *net, struct sk_buff *skb, u32 table)
{
	const struct ipv6hdr *ip = ipv6_hdr(skb);
	struct flowi6 fl6 = {
		.flowi6_iif = skb->dev->ifindex,
		.daddr = ip->daddr,
		.saddr = ip->saddr,
		.flowlabel = ip6_flowinfo(ip),
		.flowi6_mark = skb->mark,
		.flowi6_proto = ip->nexthdr,
	};
	struct fib6_table *tb;
	struct rt6_info *rt;

	if (!table)
		return ip6_route_input_lookup(net, skb->dev, &fl6, skb,
					      RT6_LOOKUP_F_HAS_SADDR);
	tb = fib6_get_table(net, table);
	if (!tb)
		return NULL;
	rt = ip6_pol_route(net, tb, 0, &fl6, skb, RT6_LOOKUP_F_HAS_SADDR);
	return rt ? &rt->dst : NULL;
}

/**
 * manycast_deliver() - route a packet as if it had just been received
 * @mnet:	our namespace
 * @skb:	a decapsulated packet, taken over
 * @table:	routing table, 0 for the usual rules
 *
 * Return: what dst_input() returns.
 */
int manycast_deliver(struct manycast_net *mnet, struct sk_buff *skb, u32 table)
{
	struct dst_entry *dst = lookup(mnet->net, skb, table);

	if (!dst || dst->error) {
		dst_release(dst);
		return manycast_drop(mnet, skb,
				     SEG6_MANYCAST_STAT_DROP_NO_ROUTE);
	}
	skb_dst_drop(skb);
	skb_dst_set(skb, dst);
	return dst_input(skb);
}
