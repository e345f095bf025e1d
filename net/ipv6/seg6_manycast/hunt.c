// SPDX-License-Identifier: GPL-2.0
/* A hunted packet at a server: does its connection end here? If not, it goes on
 * to the next candidate. Segments Left only falls, so a hunt has an end; and
 * the last candidate keeps what it gets, for its TCP to answer.
 */

#include <net/dst.h>
#include <net/inet6_hashtables.h>
#include <net/ipv6.h>
#include <net/tcp.h>

#include "dst.h"
#include "encap.h"
#include "hunt.h"
#include "main.h"

/**
 * manycast_hunted() - may this packet be hunted for?
 * @skb:	the packet, still encapsulated; more of it may become linear
 * @pkt:	where things are in it
 * @tuple:	result: its connection
 *
 * Return: whether it belongs to a connection, or is an error about one.
 */
bool manycast_hunted(struct sk_buff *skb, const struct manycast_packet *pkt,
		     struct manycast_tuple *tuple)
{
	return pkt->inner && !manycast_tuple_of(skb, pkt->inner, tuple) &&
	       tuple->proto == IPPROTO_TCP &&
	       !(pkt->proto == IPPROTO_TCP && manycast_tcp_is_syn(&pkt->tcp));
}

static bool is_near(u32 seq, u32 next, u32 window)
{
	window = max_t(u32, window, U16_MAX);
	return seq - (next - window) <= 2 * window;
}

/* Is a segment of the client's where the connection is? There may be another
 * one of the same 4-tuple, of which this server was never told that it is over.
 * Or this server has lost the race and was not told, the selector having
 * started again since: then the client acknowledges another one's SYN-ACK. A
 * glance without the socket's lock is enough.
 */
static bool expects(struct sock *sk, const struct manycast_tcp *tcp)
{
	const struct tcp_request_sock *req;

	switch (sk->sk_state) {
	case TCP_NEW_SYN_RECV:
		req = tcp_rsk(inet_reqsk(sk));
		return is_near(tcp->seq, req->rcv_isn + 1, 0) &&
		       (!(tcp->flags & TCPHDR_ACK) ||
			tcp->ack == req->snt_isn + 1);
	case TCP_TIME_WAIT:
		return is_near(tcp->seq, tcp_twsk(sk)->tw_rcv_nxt,
			       tcp_twsk(sk)->tw_rcv_wnd);
	default:
		return is_near(tcp->seq, READ_ONCE(tcp_sk(sk)->rcv_nxt),
			       READ_ONCE(tcp_sk(sk)->window_clamp));
	}
}

/* Established, closing, in TIME-WAIT, or a request that waits for its ACK. */
static bool has_socket(const struct net *net, const struct sk_buff *skb,
		       const struct manycast_packet *pkt,
		       const struct manycast_key *flow)
{
	struct sock *sk;
	bool mine;

	sk = __inet6_lookup_established((struct net *)net, &flow->client,
					flow->sport, &flow->service,
					ntohs(flow->dport), inet6_iif(skb),
					inet6_sdif(skb));
	if (!sk)
		return false;
	/* An error is about data, or it would do a request no good. */
	mine = pkt->proto == IPPROTO_TCP ? expects(sk, &pkt->tcp) :
					   sk->sk_state != TCP_NEW_SYN_RECV;
	sock_gen_put(sk);
	return mine;
}

/**
 * manycast_listening() - the socket that listens where a client's segment goes
 * @net:	the namespace
 * @skb:	the packet, still encapsulated
 * @pkt:	where things are in it; TCP
 *
 * Context: softirq, RCU.
 * Return: the socket, valid under RCU, or NULL.
 */
struct sock *manycast_listening(const struct net *net,
				const struct sk_buff *skb,
				const struct manycast_packet *pkt)
{
	const struct ipv6hdr *ip = manycast_inner(skb, pkt);

	/* Programs that choose among listeners would see the outer header. */
	return inet6_lookup_listener((struct net *)net, NULL, 0, &ip->saddr,
				     pkt->tcp.sport, &ip->daddr,
				     ntohs(pkt->tcp.dport), inet6_iif(skb),
				     inet6_sdif(skb));
}

#if IS_ENABLED(CONFIG_SYN_COOKIES)
/* Of a SYN-ACK whose listener kept nothing but the cookie in it. */
static bool has_cookie(const struct net *net, const struct sk_buff *skb,
		       const struct manycast_packet *pkt)
{
	struct sock *sk;

	if (pkt->proto != IPPROTO_TCP ||
	    (pkt->tcp.flags & MANYCAST_TCP_KIND) != TCPHDR_ACK)
		return false;
	sk = manycast_listening(net, skb, pkt);
	return sk && !tcp_synq_no_recent_overflow(sk) &&
	       __cookie_v6_check(manycast_inner(skb, pkt),
				 (struct tcphdr *)manycast_at(skb, pkt->upper));
}
#else
static bool has_cookie(const struct net *net, const struct sk_buff *skb,
		       const struct manycast_packet *pkt)
{
	return false;
}
#endif

/**
 * manycast_hunt_ends() - has this host the connection of a hunted packet?
 * @net:	the namespace
 * @skb:	the packet, still encapsulated
 * @pkt:	where things are in it
 * @flow:	the connection
 *
 * Context: softirq, RCU.
 * Return: whether it has.
 */
bool manycast_hunt_ends(const struct net *net, const struct sk_buff *skb,
			const struct manycast_packet *pkt,
			const struct manycast_key *flow)
{
	return has_socket(net, skb, pkt, flow) || has_cookie(net, skb, pkt);
}

/* RFC 8754 section 4.3.1.1: S14, S15. */
static void next_segment(struct sk_buff *skb, const struct manycast_packet *pkt)
{
	struct ipv6_sr_hdr *srh = manycast_srh(skb, pkt);

	srh->segments_left--;
	ipv6_hdr(skb)->daddr = srh->segments[srh->segments_left];
}

/* As this host's own packets go, since a server need not be a router. */
static struct dst_entry *route(struct manycast_net *mnet,
			       const struct sk_buff *skb)
{
	const struct ipv6hdr *ip = ipv6_hdr(skb);
	struct flowi6 fl6 = {
		.daddr = ip->daddr,
		.saddr = ip->saddr,
		.flowlabel = ip6_flowinfo(ip),
		.flowi6_mark = skb->mark,
		.flowi6_proto = ip->nexthdr,
	};

	return manycast_dst(mnet, &fl6);
}

/**
 * manycast_hunt_on() - pass a hunted packet to the next candidate
 * @mnet:	the namespace
 * @skb:	the packet, with Segments Left; taken over
 * @pkt:	where things are in it
 * @stat:	counts it
 *
 * Context: softirq, RCU.
 * Return: 0, or a negative error after a counted drop.
 */
int manycast_hunt_on(struct manycast_net *mnet, struct sk_buff *skb,
		     const struct manycast_packet *pkt, unsigned int stat)
{
	u16 frag = IP6CB(skb)->frag_max_size;
	struct dst_entry *dst;

	if (skb_ensure_writable(skb, pkt->inner))
		return manycast_drop(mnet, skb,
				     SEG6_MANYCAST_STAT_DROP_NO_MEMORY);
	if (!manycast_hop(mnet, skb))
		return -EINVAL;
	next_segment(skb, pkt);
	dst = route(mnet, skb);
	if (dst->error || skb_cow_head(skb, LL_RESERVED_SPACE(dst->dev))) {
		stat = dst->error ? SEG6_MANYCAST_STAT_DROP_NO_ROUTE :
				    SEG6_MANYCAST_STAT_DROP_NO_MEMORY;
		dst_release(dst);
		return manycast_drop(mnet, skb, stat);
	}
	/* In fragments again, and in no larger ones: its source knows how much
	 * the path carries.
	 */
	skb->ignore_df = !!frag;
	nf_reset_ct(skb);
	skb_clear_tstamp(skb);
	manycast_stats_inc(mnet->stats, stat);
	return manycast_output(mnet, skb, dst, frag);
}
