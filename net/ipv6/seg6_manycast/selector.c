// SPDX-License-Identifier: GPL-2.0
/* End.MAnycast: replicate a SYN, collect SYN-ACKs, emit the winner's, reset the
 * rest. Read from the end: manycast_selector_input() is where packets come in.
 */

#include <linux/compiler.h>
#include <linux/icmpv6.h>
#include <net/ipv6.h>

#include "choose.h"
#include "encap.h"
#include "error.h"
#include "handshake.h"
#include "lwt.h"
#include "main.h"
#include "netlink.h"
#include "notice.h"
#include "remote.h"
#include "selector.h"
#include "steer.h"
#include "tier.h"
#include "trace.h"
#include "turn.h"

/* Segments of packet 2: the instance, or several in turn, their waypoints, and
 * where the SYN came from. Those are behind us already, so Segments Left does
 * not count them.
 */
static void path_to(struct manycast_instance **inst, unsigned int n,
		    const struct in6_addr *sid, const struct in6_addr *edge,
		    struct manycast_path *path)
{
	manycast_turns_path(inst, n, path);
	path->tag = n > 1 ? path->tag | BIT(path->n) : 0;
	manycast_path_add(path, sid);
	if (!ipv6_addr_any(edge))
		manycast_path_add(path, edge);
}

/* The trace, with our own entry: whoever encapsulates writes first. */
static unsigned int write_trace(const struct manycast_settings *settings,
				const struct net *net, u8 *hbh)
{
	unsigned int len = MANYCAST_HBH_LEN(settings->ioam_nodes);

	manycast_hbh_write(hbh, settings->ioam_ns, settings->ioam_nodes);
	manycast_trace_stamp(net, hbh, len, MANYCAST_HOP_LIMIT,
			     MANYCAST_IOAM_UNAVAILABLE);
	return len;
}

/* One SYN to one instance, or to several in turn. Takes @skb over. */
static void ask(struct manycast_service *svc,
		const struct manycast_settings *settings, struct sk_buff *skb,
		const struct in6_addr *edge, struct manycast_outer *outer,
		struct manycast_instance **inst, unsigned int n)
{
	struct manycast_path path __uninitialized;

	path_to(inst, n, &settings->sid, edge, &path);
	outer->path = &path;
	manycast_stats_inc(svc->stats, SEG6_MANYCAST_SERVICE_STAT_COPY);
	manycast_stats_inc(inst[0]->stats, SEG6_MANYCAST_INSTANCE_STAT_ASKED);
	manycast_encap_send(svc->mnet, skb, outer);
}

static struct sk_buff *copy_for(struct manycast_service *svc,
				const struct sk_buff *skb,
				const struct manycast_outer *outer,
				const struct manycast_instance *inst)
{
	unsigned int headroom = LL_MAX_HEADER + sizeof(struct ipv6hdr) +
				outer->hbh_len +
				manycast_srh_len(inst->path.n + 2);
	struct sk_buff *copy = skb_copy_expand(skb, headroom, 0, GFP_ATOMIC);

	if (!copy)
		manycast_stats_inc(svc->mnet->stats,
				   SEG6_MANYCAST_STAT_DROP_NO_MEMORY);
	return copy;
}

/* Send a decapsulated SYN to @n instances: in turn, or copies to all but the
 * last. Takes @skb over.
 */
static void ask_all(struct manycast_service *svc,
		    const struct manycast_settings *settings,
		    struct sk_buff *skb, const struct in6_addr *edge,
		    struct manycast_outer *outer,
		    struct manycast_instance **inst, unsigned int n)
{
	unsigned int in_turn = 1;
	struct sk_buff *copy;

	if (settings->mode == SEG6_MANYCAST_MODE_HUNT) {
		n = manycast_turns_fit(inst, n, MANYCAST_TURNS_SYN);
		in_turn = n;
	}
	for (; n > in_turn; n--, inst++) {
		copy = copy_for(svc, skb, outer, *inst);
		if (copy)
			ask(svc, settings, copy, edge, outer, inst, 1);
	}
	if (n)
		ask(svc, settings, skb, edge, outer, inst, n);
	else
		consume_skb(skb);
}

/* The same with a trace: many octets, on the stack of those alone who want one.
 */
static void ask_all_traced(struct manycast_service *svc,
			   const struct manycast_settings *settings,
			   struct sk_buff *skb, const struct in6_addr *edge,
			   struct manycast_outer *outer,
			   struct manycast_instance **inst, unsigned int n)
{
	u8 hbh[MANYCAST_HBH_MAX];

	outer->hbh_len = write_trace(settings, svc->mnet->net, hbh);
	outer->hbh = hbh;
	ask_all(svc, settings, skb, edge, outer, inst, n);
}

static void trace_asked(struct manycast_service *svc,
			const struct manycast_key *key,
			struct manycast_instance **inst, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		trace_replicate(svc, key, manycast_sid(inst[i]), i + 1, n);
}

/* Takes @skb over. */
static void send_syn(struct manycast_service *svc,
		     const struct manycast_settings *settings,
		     struct sk_buff *skb, const struct manycast_key *key,
		     const struct in6_addr *edge, bool traced,
		     struct manycast_instance **inst, unsigned int n)
{
	struct manycast_outer outer = {
		.saddr = &settings->sid,
		.hash = manycast_flow_hash(key),
	};

	if (trace_replicate_enabled())
		trace_asked(svc, key, inst, n);
	if (traced)
		ask_all_traced(svc, settings, skb, edge, &outer, inst, n);
	else
		ask_all(svc, settings, skb, edge, &outer, inst, n);
}

static int syn_again(struct manycast_service *svc,
		     struct manycast_handshake *hs, struct sk_buff *skb)
{
	struct manycast_instance *inst[SEG6_MANYCAST_FANOUT_MAX];
	const struct manycast_settings *settings =
		rcu_dereference(svc->settings);
	unsigned int n = manycast_handshake_ask_again(hs, inst);

	manycast_stats_inc(svc->stats, SEG6_MANYCAST_SERVICE_STAT_SYN_AGAIN);
	/* A flood of the same SYN is a flood. */
	if (n > 1 && settings->mode == SEG6_MANYCAST_MODE_RACE &&
	    manycast_rate_exceeded(svc, settings->rate)) {
		manycast_stats_inc(svc->stats,
				   SEG6_MANYCAST_SERVICE_STAT_LIMITED);
		n = 1;
	}
	send_syn(svc, settings, skb, &hs->key, &hs->edge, settings->ioam_nodes,
		 inst, n);
	return 0;
}

/* No room for state. An aware client's edge needs none of ours: the SYN-ACK
 * names it. Nor does who can be hunted for later.
 */
static int syn_stateless(struct manycast_service *svc,
			 const struct manycast_settings *settings,
			 const struct manycast_pool *pool, struct sk_buff *skb,
			 const struct manycast_key *key,
			 const struct in6_addr *edge)
{
	struct manycast_instance *inst;

	if (ipv6_addr_any(edge) &&
	    (!manycast_pool_hunts(pool) || pool->remote))
		return manycast_drop_of(svc, skb,
					SEG6_MANYCAST_SERVICE_STAT_DROP_FULL);
	inst = manycast_choose_one(settings, pool, key);
	manycast_stats_inc(svc->stats, SEG6_MANYCAST_SERVICE_STAT_STATELESS);
	send_syn(svc, settings, skb, key, edge, false, &inst, 1);
	return 0;
}

/* Data in a SYN stays behind. A server that takes it acknowledges more than the
 * SYN, and nobody could tell which handshake its SYN-ACK belongs to; one that
 * does not take it is what RFC 7413 section 4.2 allows: the client sends the
 * data again.
 */
static int trim_syn(struct sk_buff *skb)
{
	unsigned int len = sizeof(struct ipv6hdr) + tcp_hdrlen(skb);

	if (skb->len <= len)
		return 0;
	if (pskb_trim(skb, len) || skb_ensure_writable(skb, len))
		return -ENOMEM;
	manycast_tcp_strip(ipv6_hdr(skb), tcp_hdrlen(skb));
	skb->ip_summed = CHECKSUM_NONE;
	return 0;
}

/* What is counted when a race begins. */
static void begun(struct manycast_service *svc,
		  const struct manycast_settings *settings,
		  const struct manycast_pool *pool,
		  struct manycast_instance **cand, unsigned int n)
{
	manycast_stats_inc(svc->stats, SEG6_MANYCAST_SERVICE_STAT_SYN);
	if (pool->tier)
		manycast_stats_inc(svc->stats,
				   SEG6_MANYCAST_SERVICE_STAT_SPILLED);
	/* Nobody knows how far a hunt gets. */
	if (n > 1 && settings->mode == SEG6_MANYCAST_MODE_HUNT)
		return;
	while (n--)
		if (manycast_health_asked(&cand[n]->health, jiffies,
					  settings->fails, settings->timeout))
			manycast_instance_suspected(cand[n]);
}

/* A decapsulated SYN; @edge is :: for an unaware client. @local: it comes from
 * another site's selector.
 */
static int syn(struct manycast_service *svc, struct sk_buff *skb,
	       const struct manycast_key *key, const struct in6_addr *edge,
	       bool replicable, bool local)
{
	const struct manycast_settings *settings =
		rcu_dereference(svc->settings);
	struct manycast_instance *cand[SEG6_MANYCAST_FANOUT_MAX]
		__uninitialized;
	struct manycast_handshake *hs, *found;
	const struct manycast_pool *pool;
	unsigned int n;

	if (trim_syn(skb))
		return manycast_drop(svc->mnet, skb,
				     SEG6_MANYCAST_STAT_DROP_NO_MEMORY);
	found = manycast_handshake_find(svc->mnet, key);
	if (found)
		return syn_again(svc, found, skb);
	pool = manycast_choose_tier(svc, settings, local);
	if (!pool)
		return manycast_drop_of(svc, skb,
				SEG6_MANYCAST_SERVICE_STAT_DROP_NO_INSTANCE);

	n = manycast_choose(svc, settings, pool, key, replicable, cand);
	hs = manycast_handshake_begin(svc, settings, key, edge, cand, &n,
				      &found);
	if (found)
		return syn_again(svc, found, skb);
	if (!hs)
		return syn_stateless(svc, settings, pool, skb, key, edge);
	begun(svc, settings, pool, cand, n);
	send_syn(svc, settings, skb, key, edge,
		 manycast_race_traced(settings, n), cand, n);
	return 0;
}

/* Packet 4: the answer goes to the edge, and the server's SID and waypoints
 * with it, as they will be the segment list of packet 5.
 */
static int emit_to_edge(struct manycast_net *mnet, struct sk_buff *skb,
			const struct manycast_key *key,
			const struct in6_addr *sid, const struct in6_addr *edge,
			const struct manycast_path *server)
{
	struct manycast_path path __uninitialized;
	struct manycast_outer outer = {
		.saddr = sid,
		.path = &path,
		.hash = manycast_flow_hash(key),
	};

	path.n = server->n + 1;
	path.left = 0;
	path.tag = 0;
	path.seg[0] = *edge;
	memcpy(&path.seg[1], server->seg, server->n * sizeof(server->seg[0]));
	if (!manycast_hop(mnet, skb))
		return -EINVAL;
	return manycast_encap_send(mnet, skb, &outer);
}

static bool hunts(const struct manycast_service *svc,
		  const struct manycast_key *key)
{
	return manycast_pool_hunts(rcu_dereference(svc->pool));
}

/* An unaware client's packets will be encapsulated here. */
static int lower_mss(struct manycast_net *mnet, struct sk_buff *skb,
		     const struct manycast_packet *pkt,
		     const struct manycast_key *key,
		     const struct manycast_service *svc,
		     const struct manycast_path *server)
{
	struct manycast_path path __uninitialized;
	struct manycast_outer outer = {};

	if (hunts(svc, key) && manycast_hunt_path(svc, key, false, &path))
		manycast_steer_outer(&outer, svc, key, &path);
	else
		manycast_steer_outer(&outer, svc, key, server);
	return manycast_lower_mss(mnet, skb, pkt, &outer);
}

/* An answer as it arrived from @inst, on to the client. */
static int emit(struct manycast_net *mnet, struct sk_buff *skb,
		const struct manycast_packet *pkt,
		const struct manycast_key *key, const struct in6_addr *edge,
		const struct manycast_instance *inst)
{
	const struct manycast_settings *settings =
		rcu_dereference(inst->service->settings);
	struct manycast_path room __uninitialized;
	const struct manycast_path *server;
	int err;

	/* Held until the namespace's last device was gone. */
	if (!skb->dev)
		return manycast_drop(mnet, skb,
				     SEG6_MANYCAST_STAT_DROP_NO_ROUTE);
	server = manycast_server_path(inst, skb, pkt, &room);
	if (!server)
		return manycast_drop_srh(mnet, skb, pkt);
	if (ipv6_addr_any(edge) &&
	    lower_mss(mnet, skb, pkt, key, inst->service, server))
		return manycast_drop(mnet, skb,
				     SEG6_MANYCAST_STAT_DROP_NO_MEMORY);
	err = manycast_decap(skb, pkt);
	if (err)
		return manycast_drop_error(mnet, skb, err);
	if (ipv6_addr_any(edge))
		return manycast_deliver(mnet, skb, 0);
	return emit_to_edge(mnet, skb, key, &settings->sid, edge, server);
}

/**
 * manycast_selector_reset() - send a RST to who has lost
 * @key:	the attempt
 * @inst:	who has answered it
 *
 * Context: RCU, bottom halves off.
 */
void manycast_selector_reset(const struct manycast_key *key,
			     struct manycast_instance *inst)
{
	struct manycast_outer outer = {};

	trace_reset(inst->service->mnet, inst->service, key,
		    manycast_sid(inst));
	manycast_steer_outer(&outer, inst->service, key, &inst->path);
	manycast_stats_inc(inst->service->stats,
			   SEG6_MANYCAST_SERVICE_STAT_RESET);
	manycast_stats_inc(inst->stats, SEG6_MANYCAST_INSTANCE_STAT_RESET);
	manycast_send_rst(inst->service->mnet, key, &outer);
}

/**
 * manycast_selector_send() - send what a transition calls for, and tell of it
 * @hs:		the handshake
 * @out:	the packets, taken over
 *
 * Context: RCU, bottom halves off, without the handshake's lock.
 */
void manycast_selector_send(struct manycast_handshake *hs,
			    struct manycast_outcome *out)
{
	struct manycast_net *mnet = hs->service->mnet;
	unsigned int i;

	if (out->relay)
		emit(mnet, out->relay, &out->relay_pkt, &hs->key, &hs->edge,
		     out->from);
	for (i = 0; i < out->losers; i++)
		manycast_selector_reset(&hs->key, out->loser[i]);
	if (out->event)
		manycast_nl_selection(hs, out);
}

/* Whose is a SYN-ACK of a handshake that we know nothing of, and where does it
 * go? @edge is :: for an unaware client. That one may have the SYN-ACK if the
 * way of the SYN began here, which our servers tell, and if its ACK can be
 * hunted for.
 */
static struct manycast_instance *stray(struct manycast_net *mnet,
				       const struct sk_buff *skb,
				       const struct ipv6_sr_hdr *srh,
				       struct in6_addr *edge)
{
	const struct in6_addr *source = &ipv6_hdr(skb)->saddr;
	struct manycast_instance *inst;

	if (srh && srh->segments_left) {
		*edge = srh->segments[0];
		return manycast_instance_by_source(mnet, NULL, source);
	}
	*edge = in6addr_any;
	if (!srh || !srh->first_segment)
		return NULL;
	inst = manycast_instance_where(mnet, source, hunts, NULL);
	/* Another site's would say the same to an edge's. */
	return inst && !inst->remote ? inst : NULL;
}

/* A SYN-ACK of a handshake that we know nothing of, or no longer: never reset
 * it. The edge, or the client itself, knows whether it is waited for. @hs is
 * what the first one has left, or NULL.
 */
static int pass_on(struct manycast_net *mnet, struct sk_buff *skb,
		   const struct manycast_packet *pkt,
		   const struct manycast_key *key,
		   struct manycast_handshake *hs)
{
	struct manycast_instance *inst = NULL;
	struct in6_addr edge;

	if (!manycast_instance_by_source(mnet, NULL, &ipv6_hdr(skb)->saddr))
		return manycast_drop(mnet, skb,
				     SEG6_MANYCAST_STAT_DROP_FOREIGN);
	if (manycast_tcp_is_synack(&pkt->tcp))
		inst = stray(mnet, skb, manycast_srh(skb, pkt), &edge);
	if (!inst)
		return manycast_drop(mnet, skb,
				     SEG6_MANYCAST_STAT_DROP_NO_STATE);
	manycast_handshake_passed_on(hs, inst, key, &edge);
	manycast_stats_inc(mnet->stats, SEG6_MANYCAST_STAT_PASSED_ON);
	return emit(mnet, skb, pkt, key, &edge, inst);
}

/* An answer that changes nothing: counted before, or of one who is no instance
 * of the service.
 */
static int drop_answer(const struct manycast_handshake *hs, struct sk_buff *skb)
{
	struct manycast_net *mnet = hs->service->mnet;
	bool known = manycast_instance_by_source(mnet, hs->service,
						 &ipv6_hdr(skb)->saddr);

	return manycast_drop(mnet, skb, known ?
			     SEG6_MANYCAST_STAT_DROP_DUPLICATE :
			     SEG6_MANYCAST_STAT_DROP_FOREIGN);
}

/* Packet 3, or a refusal that came the same way. */
static int answer(struct manycast_net *mnet, struct sk_buff *skb,
		  const struct manycast_packet *pkt)
{
	struct manycast_outcome out = {};
	struct manycast_handshake *hs;
	struct manycast_key key;
	bool synack, taken;

	manycast_key_of_server(skb, pkt, &key);
	synack = manycast_tcp_is_synack(&pkt->tcp);
	hs = manycast_handshake_find(mnet, &key);
	if (!hs || (synack && manycast_handshake_adopted(hs)))
		return pass_on(mnet, skb, pkt, &key, hs);
	if (synack)
		taken = manycast_handshake_synack(hs, skb, pkt, &out);
	else
		taken = manycast_handshake_rst(hs, skb, pkt, &out);
	if (!taken)
		return drop_answer(hs, skb);
	manycast_selector_send(hs, &out);
	return 0;
}

/* From an unaware client: bare, to the service address. */
static int bare(struct manycast_service *svc, struct sk_buff *skb,
		const struct manycast_packet *pkt)
{
	struct manycast_key key;
	bool replicable;

	manycast_key_of_client(skb, pkt, pkt->tcp.seq, &key);
	if (!manycast_tcp_is_syn(&pkt->tcp))
		return manycast_steer(svc, skb, pkt, &key, false);
	/* Servers look for TCP right behind the inner header, too. */
	if (pkt->upper != sizeof(struct ipv6hdr))
		return manycast_drop_upper(svc->mnet, skb, pkt);
	replicable = manycast_tcp_replicable(manycast_at(skb, pkt->upper),
					     &pkt->tcp);
	if (!manycast_hop(svc->mnet, skb))
		return -EINVAL;
	skb_set_transport_header(skb, pkt->upper);
	return syn(svc, skb, &key, &in6addr_any, replicable, false);
}

/* Packet 1: from an edge, to the service address; or packet 2 of another site's
 * selector, whose segment list an edge's has not.
 */
static int from_edge(struct manycast_service *svc, struct sk_buff *skb,
		     const struct manycast_packet *pkt)
{
	struct in6_addr edge = ipv6_hdr(skb)->saddr;
	bool replicable, from_peer = pkt->srh;
	struct manycast_key key;
	int err;

	manycast_key_of_client(skb, pkt, pkt->tcp.seq, &key);
	replicable = manycast_tcp_replicable(manycast_at(skb, pkt->upper),
					     &pkt->tcp);
	err = manycast_decap(skb, pkt);
	if (err)
		return manycast_drop_error(svc->mnet, skb, err);
	if (!manycast_hop(svc->mnet, skb))
		return -EINVAL;
	return syn(svc, skb, &key, &edge, replicable, from_peer);
}

/* Our SIDs end a segment list, except for a SYN-ACK that names the edge. */
static bool segments_left_ok(const struct sk_buff *skb,
			     const struct manycast_packet *pkt)
{
	const struct ipv6_sr_hdr *srh = manycast_srh(skb, pkt);

	return !srh || !srh->segments_left ||
	       (srh->segments_left == 1 && pkt->inner &&
		!manycast_tcp_is_syn(&pkt->tcp));
}

/**
 * manycast_selector_input() - End.MAnycast
 * @skb:	a packet to a service address or to the selector's SID
 * @route:	the route that it took
 *
 * Context: softirq, RCU.
 * Return: 0, or a negative error after a counted drop.
 */
int manycast_selector_input(struct sk_buff *skb, struct manycast_route *route)
{
	struct manycast_net *mnet = route->mnet;
	struct manycast_packet pkt __uninitialized;
	int err;

	err = manycast_packet_receive(route, skb, &pkt);
	if (err)
		return err;
	if (pkt.proto == IPPROTO_ICMPV6 && !pkt.inner && route->service)
		return manycast_steer_error(route->service, skb, &pkt);
	if (manycast_is_error(skb, &pkt))
		return manycast_error(mnet, skb, &pkt, manycast_steered);
	if (pkt.proto != IPPROTO_TCP)
		return manycast_drop_upper(mnet, skb, &pkt);
	if (!segments_left_ok(skb, &pkt))
		return manycast_drop_srh(mnet, skb, &pkt);

	if (pkt.inner && route->service && manycast_tcp_is_rst(&pkt.tcp) &&
	    manycast_peer_rst(route->service, skb, &pkt))
		return 0;
	if (pkt.inner && (manycast_tcp_is_synack(&pkt.tcp) ||
			  manycast_tcp_is_rst(&pkt.tcp)))
		return answer(mnet, skb, &pkt);
	if (!route->service)
		return manycast_notice_input(mnet, skb, &pkt);
	if (!pkt.inner)
		return bare(route->service, skb, &pkt);
	if (!manycast_tcp_is_syn(&pkt.tcp))
		return manycast_peer_input(route->service, skb, &pkt);
	return from_edge(route->service, skb, &pkt);
}
