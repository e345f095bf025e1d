// SPDX-License-Identifier: GPL-2.0
/* What an unaware client sends after its SYN, and ICMPv6 errors about what a
 * server sends: to the server that the connection has, or on the hunt for it.
 */

#include "choose.h"
#include "handshake.h"
#include "main.h"
#include "notice.h"
#include "opening.h"
#include "pin.h"
#include "steer.h"
#include "trace.h"
#include "turn.h"
#include "tuple.h"

/**
 * manycast_steer_outer() - the headers of what goes to servers
 * @outer:	result
 * @svc:	the service
 * @key:	the flow
 * @path:	the segment list
 *
 * Context: RCU.
 */
void manycast_steer_outer(struct manycast_outer *outer,
			  const struct manycast_service *svc,
			  const struct manycast_key *key,
			  const struct manycast_path *path)
{
	const struct manycast_settings *settings =
		rcu_dereference(svc->settings);

	outer->saddr = &settings->sid;
	outer->path = path;
	outer->hash = manycast_flow_hash(key);
}

/**
 * manycast_hunt_path() - the segment list of a hunt
 * @svc:	the service
 * @key:	the flow
 * @local:	not at other sites
 * @path:	result: the flow's candidates, with their waypoints, as many as
 *		have room
 *
 * Context: RCU.
 * Return: whether they can be known.
 */
bool manycast_hunt_path(const struct manycast_service *svc,
			const struct manycast_key *key, bool local,
			struct manycast_path *path)
{
	struct manycast_instance *inst[MANYCAST_PATH_MAX];
	unsigned int n;

	n = manycast_choose_hunted(svc, key, local, inst, ARRAY_SIZE(inst));
	n = manycast_turns_fit(inst, n, MANYCAST_PATH_MAX);
	manycast_turns_path(inst, n, path);
	return n;
}

/* The way to the server that a flow has, if that is known. A client proves that
 * the connection is its own by acknowledging the SYN-ACK.
 */
static const struct manycast_path *owner(struct manycast_service *svc,
					 const struct manycast_key *key,
					 const struct manycast_tcp *tcp)
{
	const struct manycast_settings *settings =
		rcu_dereference(svc->settings);
	struct manycast_handshake *hs = manycast_opening_find(svc->mnet, key);
	const struct manycast_path *path;

	/* Of a service that was here before. */
	if (hs && hs->service != svc)
		hs = NULL;
	if (tcp && hs && settings->affinity == SEG6_MANYCAST_AFFINITY_PIN &&
	    manycast_tcp_acks_synack(tcp, hs->synack_isn))
		manycast_pin(hs->winner, &hs->key, hs->server, settings->pins);
	path = manycast_pinned(svc, key, tcp);
	return path || !hs ? path : manycast_handshake_path(hs);
}

/* Takes @skb over. */
static int send_on(struct manycast_service *svc, struct sk_buff *skb,
		   const struct manycast_key *key,
		   const struct manycast_path *path, bool local)
{
	struct manycast_outer outer = {};
	struct manycast_path hunt;
	unsigned int stat;

	if (path) {
		manycast_steer_outer(&outer, svc, key, path);
		stat = SEG6_MANYCAST_SERVICE_STAT_STEERED;
	} else if (manycast_hunt_path(svc, key, local, &hunt)) {
		manycast_notice_ask(svc, key, &hunt);
		manycast_steer_outer(&outer, svc, key, &hunt);
		stat = SEG6_MANYCAST_SERVICE_STAT_HUNTED;
	} else {
		return manycast_drop_of(svc, skb,
				SEG6_MANYCAST_SERVICE_STAT_DROP_NO_STATE);
	}
	if (!manycast_hop(svc->mnet, skb))
		return -EINVAL;
	trace_steer(svc->mnet, svc, key, outer.path, !path);
	manycast_stats_inc(svc->stats, stat);
	return manycast_encap_forward(svc->mnet, skb, &outer);
}

/**
 * manycast_steer() - send a packet of an unaware client on
 * @svc:	the service
 * @skb:	a bare packet to its address, not a SYN; taken over
 * @pkt:	where things are in it
 * @key:	its flow
 * @local:	not to another site, since it comes from one
 *
 * Context: softirq, RCU.
 * Return: 0, or a negative error after a counted drop.
 */
int manycast_steer(struct manycast_service *svc, struct sk_buff *skb,
		   const struct manycast_packet *pkt,
		   const struct manycast_key *key, bool local)
{
	return send_on(svc, skb, key, owner(svc, key, &pkt->tcp), local);
}

/**
 * manycast_steer_error() - send an ICMPv6 error to the server that it is for
 * @svc:	the service
 * @skb:	an ICMPv6 packet to its address; taken over
 * @pkt:	where things are in it
 *
 * It quotes what the server has sent, and so tells the connection. To hunt for
 * it takes one packet, where copies for all candidates would multiply what a
 * stranger sends.
 *
 * Context: softirq, RCU.
 * Return: 0, or a negative error after a counted drop.
 */
int manycast_steer_error(struct manycast_service *svc, struct sk_buff *skb,
			 const struct manycast_packet *pkt)
{
	struct manycast_tuple tuple;

	if (manycast_tuple_of(skb, 0, &tuple))
		return manycast_drop(svc->mnet, skb,
				     SEG6_MANYCAST_STAT_DROP_NO_MEMORY);
	/* Others have no connection: an echo request, for example. */
	if (tuple.proto != IPPROTO_TCP ||
	    !ipv6_addr_equal(&tuple.flow.service, &ipv6_hdr(skb)->daddr))
		return manycast_drop_upper(svc->mnet, skb, pkt);
	return send_on(svc, skb, &tuple.flow, owner(svc, &tuple.flow, NULL),
		       false);
}

static bool hunted(const struct manycast_service *svc,
		   const struct manycast_quote *quote, bool local)
{
	struct manycast_path path;

	return manycast_hunt_path(svc, &quote->tuple.flow, local, &path) &&
	       manycast_quote_took(quote, &path);
}

/* An instance whose service's SID is the source. What was hunted for went to
 * several, and @quote's path begins with one of them.
 */
static bool goes_to(const struct manycast_instance *inst, const void *arg)
{
	const struct manycast_quote *quote = arg;
	const struct manycast_service *svc = inst->service;

	if (!ipv6_addr_equal(&rcu_dereference(svc->settings)->sid,
			     &quote->saddr))
		return false;
	return manycast_quote_took(quote, &inst->path) ||
	       hunted(svc, quote, false) || hunted(svc, quote, true);
}

/**
 * manycast_steered() - what a selector and a hasher send
 * @mnet:	the namespace
 * @quote:	a packet
 * @to:		result: where it went first
 *
 * A SYN of a selector's was one of several, and the others may be answered yet:
 * the client must not hear of it. A hasher's was the only one.
 *
 * Context: softirq, RCU.
 * Return: see manycast_sent_t.
 */
unsigned int manycast_steered(struct manycast_net *mnet,
			      const struct manycast_quote *quote,
			      struct in6_addr *to)
{
	const struct manycast_path *path = &quote->path;
	struct manycast_instance *inst;

	inst = manycast_instance_by_sid(mnet, &path->seg[0], goes_to,
					quote);
	if (!inst)
		return quote->flags & TCPHDR_SYN ?
		       SEG6_MANYCAST_STAT_DROP_ERROR_HANDSHAKE :
		       SEG6_MANYCAST_STAT_DROP_ERROR_FOREIGN;
	if (!quote->srh)
		path = &inst->path;
	*to = path->seg[path->n - 1];
	return 0;
}
