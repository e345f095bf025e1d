// SPDX-License-Identifier: GPL-2.0
/* The edge: H.MAnycast steers what clients send to a service, and
 * End.MAnycast.C learns from SYN-ACKs where to. It alone keeps their flows.
 */

#include <linux/compiler.h>
#include <net/ipv6.h>
#include <net/lwtunnel.h>

#include "edge.h"
#include "encap.h"
#include "error.h"
#include "flow.h"
#include "lwt.h"
#include "main.h"
#include "trace.h"

/* The headers of packet 5. One segment needs no SRH (RFC 8754 section 4.1). */
static void outer_to_server(struct manycast_outer *outer,
			    const struct in6_addr *sid,
			    const struct manycast_key *key,
			    const struct manycast_path *path)
{
	outer->saddr = sid;
	outer->daddr = &path->seg[0];
	outer->path = path->n > 1 ? path : NULL;
	outer->hash = manycast_flow_hash(key);
}

static void reset(struct manycast_net *mnet, const struct in6_addr *sid,
		  const struct manycast_key *key,
		  const struct manycast_path *path)
{
	struct manycast_outer outer = {};

	trace_reset(mnet, NULL, key, &path->seg[0]);
	outer_to_server(&outer, sid, key, path);
	manycast_stats_inc(mnet->stats, SEG6_MANYCAST_STAT_EDGE_RESET);
	manycast_send_rst(mnet, key, &outer);
}

/* Packet 5. @local: this host is the client. */
static int to_server(struct manycast_route *route, struct sk_buff *skb,
		     const struct manycast_key *key,
		     const struct manycast_way *way, bool local)
{
	struct manycast_outer outer = {};

	trace_steer(route->mnet, NULL, key, &way->path, false);
	outer_to_server(&outer, &route->sid, key, &way->path);
	manycast_stats_inc(route->mnet->stats,
			   SEG6_MANYCAST_STAT_EDGE_STEERED);
	if (local)
		return manycast_encap_send(route->mnet, skb, &outer);
	if (!manycast_hop(route->mnet, skb))
		return -EINVAL;
	return manycast_encap_forward(route->mnet, skb, &outer);
}

/**
 * enum steering - where a client's packet goes
 * @STEER_ON:	along the route, as it is now
 * @STEER_DONE:	it was sent or dropped
 */
enum steering {
	STEER_ON,
	STEER_DONE,
};

/* Packet 1. Its outer destination is the service address, so that it takes the
 * route's own way to the selector.
 */
static enum steering to_selector(struct manycast_route *route,
				 struct sk_buff *skb,
				 const struct manycast_key *key, bool local)
{
	struct manycast_net *mnet = route->mnet;
	struct manycast_outer outer = {
		.saddr = &route->sid,
		.daddr = &key->service,
		.hash = manycast_flow_hash(key),
	};

	if (!local && !manycast_hop(mnet, skb))
		return STEER_DONE;
	if (!manycast_flow_syn(mnet, key, &route->servers, route->limit) ||
	    manycast_encap(skb, &outer, LL_MAX_HEADER)) {
		manycast_drop(mnet, skb, SEG6_MANYCAST_STAT_DROP_NO_MEMORY);
		return STEER_DONE;
	}
	/* The route's own way leads through ip6_forward(). */
	if (!local)
		ipv6_hdr(skb)->hop_limit++;
	manycast_stats_inc(mnet->stats, SEG6_MANYCAST_STAT_EDGE_SYN);
	return STEER_ON;
}

static enum steering steer(struct manycast_route *route, struct sk_buff *skb,
			   bool local, int *result)
{
	struct manycast_way *way = NULL, *loser = NULL;
	struct manycast_net *mnet = route->mnet;
	struct manycast_packet pkt __uninitialized;
	struct manycast_flow *flow;
	struct manycast_key key;

	if (manycast_packet_read(skb, &pkt) || pkt.inner ||
	    pkt.proto != IPPROTO_TCP)
		goto unknown;

	manycast_key_of_client(skb, &pkt, pkt.tcp.seq, &key);
	if (manycast_tcp_is_syn(&pkt.tcp))
		return to_selector(route, skb, &key, local);
	flow = manycast_flow_find(mnet, &key);
	if (flow)
		way = manycast_flow_out(mnet, flow, &pkt.tcp, &loser);
	if (loser) {
		key.isn = loser->isn;
		reset(mnet, &route->sid, &key, &loser->path);
	}
	if (way) {
		*result = to_server(route, skb, &key, way, local);
		return STEER_DONE;
	}
unknown:
	manycast_stats_inc(mnet->stats, SEG6_MANYCAST_STAT_EDGE_UNKNOWN);
	return STEER_ON;
}

/**
 * manycast_edge_input() - H.MAnycast for a client behind this gateway
 * @skb:	a packet to a service
 * @lwt:	state of the route that it took
 * @route:	our part of it
 *
 * Context: softirq, RCU.
 * Return: what the route's own input returns, or a negative error after a
 * counted drop.
 */
int manycast_edge_input(struct sk_buff *skb, struct lwtunnel_state *lwt,
			struct manycast_route *route)
{
	int result = -EINVAL;

	if (steer(route, skb, false, &result) == STEER_DONE)
		return result;
	return lwt->orig_input(skb);
}

/**
 * manycast_edge_output() - H.MAnycast for a client on this host
 * @net:	network namespace
 * @sk:		the socket
 * @skb:	a packet to a service
 * @lwt:	state of the route that it took
 * @route:	our part of it
 *
 * Context: RCU.
 * Return: what the route's own output returns, or a negative error after a
 * counted drop.
 */
int manycast_edge_output(struct net *net, struct sock *sk, struct sk_buff *skb,
			 struct lwtunnel_state *lwt,
			 struct manycast_route *route)
{
	int result = -EINVAL;
	enum steering to;

	local_bh_disable();
	to = steer(route, skb, true, &result);
	local_bh_enable();
	return to == STEER_DONE ? result : lwt->orig_output(net, sk, skb);
}

/* Segment list of packet 5, out of packet 4's. */
static bool server_path(const struct sk_buff *skb,
			const struct manycast_packet *pkt,
			struct manycast_path *path)
{
	const struct ipv6_sr_hdr *srh = manycast_srh(skb, pkt);
	struct manycast_path all;

	if (!srh || manycast_srh_read(srh, &all) || all.n < 2)
		return false;
	path->n = all.n - 1;
	path->left = path->n - 1;
	path->tag = 0;
	memcpy(path->seg, &all.seg[1], path->n * sizeof(path->seg[0]));
	return true;
}

static unsigned int learn(struct manycast_net *mnet,
			  struct manycast_flow *flow,
			  const struct manycast_packet *pkt,
			  const struct manycast_key *key,
			  const struct manycast_path *path)
{
	switch (manycast_flow_learn(flow, key->isn, path, pkt->tcp.seq)) {
	case MANYCAST_LEARNT_NEW:
		trace_learn(mnet, NULL, key, &path->seg[0]);
		return SEG6_MANYCAST_STAT_EDGE_LEARNED;
	case MANYCAST_LEARNT_AGAIN:
		return SEG6_MANYCAST_STAT_EDGE_AGAIN;
	case MANYCAST_LEARNT_RIVAL:
		return SEG6_MANYCAST_STAT_EDGE_RIVAL;
	case MANYCAST_LEARNT_LOSER:
		return SEG6_MANYCAST_STAT_EDGE_RESET;
	case MANYCAST_LEARNT_NOTHING:
	default:
		return SEG6_MANYCAST_STAT_DROP_NOT_ASKED;
	}
}

static int deliver(struct manycast_route *route, struct sk_buff *skb,
		   const struct manycast_packet *pkt)
{
	int err = manycast_decap(skb, pkt);

	if (err)
		return manycast_drop_error(route->mnet, skb, err);
	return manycast_deliver(route->mnet, skb, route->table);
}

static int synack(struct manycast_route *route, struct sk_buff *skb,
		  const struct manycast_packet *pkt,
		  struct manycast_flow *flow, const struct manycast_key *key,
		  const struct manycast_path *path)
{
	struct manycast_net *mnet = route->mnet;
	struct in6_addr sid = ipv6_hdr(skb)->daddr;
	struct manycast_outer outer = {};
	unsigned int stat;

	stat = learn(mnet, flow, pkt, key, path);
	if (stat == SEG6_MANYCAST_STAT_DROP_NOT_ASKED)
		return manycast_drop(mnet, skb, stat);
	if (stat == SEG6_MANYCAST_STAT_EDGE_RESET) {
		reset(mnet, &sid, key, path);
		consume_skb(skb);
		return 0;
	}
	manycast_stats_inc(mnet->stats, stat);
	outer_to_server(&outer, &sid, key, path);
	if (manycast_lower_mss(mnet, skb, pkt, &outer))
		return manycast_drop(mnet, skb,
				     SEG6_MANYCAST_STAT_DROP_NO_MEMORY);
	return deliver(route, skb, pkt);
}

static int answer(struct manycast_route *route, struct sk_buff *skb,
		  const struct manycast_packet *pkt)
{
	struct manycast_net *mnet = route->mnet;
	struct manycast_flow *flow;
	struct manycast_path path;
	struct manycast_key key;

	if (!server_path(skb, pkt, &path))
		return manycast_drop(mnet, skb,
				     SEG6_MANYCAST_STAT_DROP_MALFORMED);
	manycast_key_of_server(skb, pkt, &key);
	flow = manycast_flow_find(mnet, &key);
	if (!flow)
		return manycast_drop(mnet, skb,
				     SEG6_MANYCAST_STAT_DROP_NOT_ASKED);
	if (!manycast_flow_allows(flow, &path))
		return manycast_drop(mnet, skb,
				     SEG6_MANYCAST_STAT_DROP_SERVERS);
	if (manycast_tcp_is_synack(&pkt->tcp))
		return synack(route, skb, pkt, flow, &key, &path);
	if (!manycast_flow_refused(mnet, flow, key.isn, &path.seg[0]))
		return manycast_drop(mnet, skb,
				     SEG6_MANYCAST_STAT_DROP_NOT_ASKED);
	return deliver(route, skb, pkt);
}

/* Packet 1, whose only copy it was, or packet 5. */
static unsigned int sent(struct manycast_net *mnet,
			 const struct manycast_quote *quote,
			 struct in6_addr *to)
{
	const struct manycast_key *key = &quote->tuple.flow;
	struct manycast_flow *flow = manycast_flow_find(mnet, key);
	struct manycast_way *way;

	if (!flow)
		return SEG6_MANYCAST_STAT_DROP_ERROR_FOREIGN;
	if (quote->flags & TCPHDR_SYN) {
		*to = key->service;
		return ipv6_addr_equal(&quote->daddr, to) &&
		       manycast_flow_attempts(flow, key->isn) ?
		       0 : SEG6_MANYCAST_STAT_DROP_ERROR_FOREIGN;
	}
	way = manycast_flow_way(flow, &quote->path.seg[0]);
	if (!way || !manycast_quote_took(quote, &way->path))
		return SEG6_MANYCAST_STAT_DROP_ERROR_FOREIGN;
	*to = way->path.seg[way->path.left];
	return 0;
}

/**
 * manycast_edge_answer() - End.MAnycast.C
 * @skb:	a packet to the edge's SID
 * @route:	the route that it took
 *
 * Context: softirq, RCU.
 * Return: what dst_input() returns, or a negative error after a counted drop.
 */
int manycast_edge_answer(struct sk_buff *skb, struct manycast_route *route)
{
	struct manycast_net *mnet = route->mnet;
	const struct ipv6_sr_hdr *srh;
	struct manycast_packet pkt __uninitialized;
	int err;

	err = manycast_packet_receive(route, skb, &pkt);
	if (err)
		return err;
	if (manycast_is_error(skb, &pkt))
		return manycast_error(mnet, skb, &pkt, sent);
	srh = manycast_srh(skb, &pkt);
	if (srh && srh->segments_left)
		return manycast_drop_srh(mnet, skb, &pkt);
	if (!pkt.inner || pkt.proto != IPPROTO_TCP ||
	    (!manycast_tcp_is_synack(&pkt.tcp) &&
	     !manycast_tcp_is_rst(&pkt.tcp)))
		return manycast_drop_upper(mnet, skb, &pkt);
	return answer(route, skb, &pkt);
}
