// SPDX-License-Identifier: GPL-2.0
/* End.MAnycast.S: hand what comes through the SID to the local stack, and send
 * the answer to a SYN back the way the SYN came, with telemetry. Everything
 * else that the server sends goes out untouched.
 */

#include <linux/compiler.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv6.h>
#include <linux/slab.h>
#include <net/ipv6.h>

#include "encap.h"
#include "error.h"
#include "hunt.h"
#include "ioam.h"
#include "listener.h"
#include "lwt.h"
#include "main.h"
#include "notice.h"
#include "offer.h"
#include "record.h"
#include "server.h"

/* The answer takes the segment list back, but not by those who were offered
 * the SYN as well. Without one there is only where the SYN came from.
 */
static int path_back(const struct sk_buff *skb,
		     const struct manycast_packet *pkt,
		     struct manycast_path *back)
{
	const struct ipv6_sr_hdr *srh = manycast_srh(skb, pkt);
	struct manycast_path path = {};

	if (srh && srh->first_segment) {
		if (manycast_srh_read(srh, &path))
			return -EBADMSG;
		manycast_path_narrow(&path);
	} else {
		manycast_path_add(&path, &ipv6_hdr(skb)->daddr);
		manycast_path_add(&path, &ipv6_hdr(skb)->saddr);
	}
	manycast_path_reverse(&path, back);
	return 0;
}

static void endpoint_of(const struct manycast_key *key,
			struct manycast_endpoint *at)
{
	at->addr = key->service;
	at->port = key->dport;
	at->pad = 0;
}

static int record_syn(struct manycast_net *mnet, struct sk_buff *skb,
		      const struct manycast_packet *pkt)
{
	unsigned int hbh_len = pkt->hbh_len <= MANYCAST_HBH_MAX ?
			       pkt->hbh_len : 0;
	struct manycast_endpoint at;
	struct manycast_listener *l;
	struct manycast_record *rec;

	rec = kzalloc(struct_size(rec, hbh, hbh_len), GFP_ATOMIC);
	if (!rec)
		return -ENOMEM;
	if (path_back(skb, pkt, &rec->back)) {
		kfree(rec);
		return -EBADMSG;
	}
	manycast_key_of_client(skb, pkt, pkt->tcp.seq, &rec->key);
	rec->source = ipv6_hdr(skb)->daddr;
	rec->hbh_len = hbh_len;
	memcpy(rec->hbh, manycast_at(skb, pkt->hbh), hbh_len);
	/* As the stack would write it: what a forwarder would have left. */
	manycast_trace_stamp(mnet->net, rec->hbh, hbh_len,
			     ipv6_hdr(skb)->hop_limit - 1,
			     MANYCAST_IOAM_UNAVAILABLE);

	endpoint_of(&rec->key, &at);
	l = manycast_listener_find(mnet, &at);
	if (l)
		manycast_stats_inc(l->stats, SEG6_MANYCAST_LISTENER_STAT_SYN);
	return manycast_record_add(mnet, rec);
}

/* The client has the SYN-ACK, or the selector has chosen somebody else. Either
 * segment's sequence number is the one that follows the SYN's.
 *
 * After the ACK the record stays: the stack drops an ACK that finds the accept
 * queue full and repeats its SYN-ACK, and who waits for the server to speak has
 * no other way to learn of it. But a RST is the connection's from then on.
 */
static void acknowledge(struct manycast_net *mnet, const struct sk_buff *skb,
			const struct manycast_packet *pkt)
{
	struct manycast_record *rec;
	struct manycast_key key;

	if (!manycast_record_expected(mnet, pkt->tcp.seq - 1))
		return;
	manycast_key_of_client(skb, pkt, pkt->tcp.seq - 1, &key);
	rec = manycast_record_find(mnet, &key);
	if (!rec)
		return;
	if (manycast_tcp_is_rst(&pkt->tcp))
		manycast_record_del(mnet, rec);
	else if (!READ_ONCE(rec->acked))
		manycast_record_acked(mnet, rec, pkt->tcp.ack);
}

static void in_connection(struct manycast_net *mnet, const struct sk_buff *skb,
			  const struct manycast_packet *pkt)
{
	const struct ipv6_sr_hdr *srh = manycast_srh(skb, pkt);

	acknowledge(mnet, skb, pkt);
	/* Nearly all packets have no Tag. */
	if (srh && srh->tag)
		manycast_notice_send(mnet, skb, pkt);
}

/* With Segments Left: of a hunt, or nothing for us. Returns whether @skb is
 * still the caller's, to be delivered; else @err tells.
 */
static bool hunt(const struct manycast_route *route, struct sk_buff *skb,
		 const struct manycast_packet *pkt, int *err)
{
	struct manycast_net *mnet = route->mnet;
	struct manycast_tuple tuple;

	if (manycast_offered(skb, pkt) &&
	    manycast_prefix_match(&route->services,
				  &manycast_inner(skb, pkt)->daddr)) {
		if (manycast_offer_taken(route, skb, pkt))
			return true;
		*err = manycast_hunt_on(mnet, skb, pkt,
					SEG6_MANYCAST_STAT_SYN_ON);
		return false;
	}
	if (!manycast_hunted(skb, pkt, &tuple) ||
	    !manycast_prefix_match(&route->services, &tuple.flow.service)) {
		*err = manycast_drop_srh(mnet, skb, pkt);
		return false;
	}
	if (manycast_hunt_ends(mnet->net, skb, pkt, &tuple.flow))
		return true;
	*err = manycast_hunt_on(mnet, skb, pkt, SEG6_MANYCAST_STAT_HUNT_ON);
	return false;
}

/* Nothing but packet 3, and manycast_error() knows an answer. What is hunted
 * on keeps the selector's address.
 */
static unsigned int sent(struct manycast_net *mnet,
			 const struct manycast_quote *quote,
			 struct in6_addr *to)
{
	return SEG6_MANYCAST_STAT_DROP_ERROR_FOREIGN;
}

/**
 * manycast_server_input() - End.MAnycast.S
 * @skb:	a packet to an instance's SID
 * @route:	the route that it took
 *
 * Context: softirq, RCU.
 * Return: what dst_input() returns, or a negative error after a counted drop.
 */
int manycast_server_input(struct sk_buff *skb, struct manycast_route *route)
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
	if (srh && srh->segments_left && !hunt(route, skb, &pkt, &err))
		return err;
	if (!pkt.inner)
		return manycast_drop_upper(mnet, skb, &pkt);

	if (pkt.proto != IPPROTO_TCP ||
	    !manycast_prefix_match(&route->services,
				   &manycast_inner(skb, &pkt)->daddr))
		err = 0;
	else if (manycast_tcp_is_syn(&pkt.tcp))
		err = record_syn(mnet, skb, &pkt);
	else
		in_connection(mnet, skb, &pkt);
	if (!err)
		err = manycast_decap(skb, &pkt);
	if (err)
		return manycast_drop_error(mnet, skb, err);
	manycast_stats_inc(mnet->stats, SEG6_MANYCAST_STAT_DELIVERED);
	return manycast_deliver(mnet, skb, route->table);
}

/* Packet 3. Takes @skb over. */
static void send_back(struct manycast_net *mnet, struct sk_buff *skb,
		      const struct manycast_record *rec, u32 load)
{
	u8 hbh[MANYCAST_HBH_MAX];
	struct manycast_outer outer = {
		.saddr = &rec->source,
		.path = &rec->back,
		.hash = manycast_flow_hash(&rec->key),
	};

	if (rec->hbh_len) {
		memcpy(hbh, rec->hbh, rec->hbh_len);
		manycast_trace_stamp(mnet->net, hbh, rec->hbh_len,
				     MANYCAST_HOP_LIMIT, load);
		outer.hbh = hbh;
		outer.hbh_len = rec->hbh_len;
	}
	/* It belongs to the request's socket no longer: that one may go. */
	skb_orphan(skb);
	manycast_encap_send(mnet, skb, &outer);
}

static unsigned int synack(struct manycast_net *mnet, struct sk_buff *skb,
			   const struct manycast_packet *pkt,
			   const struct manycast_key *key,
			   const struct sock *sk)
{
	struct manycast_record *rec = manycast_record_find(mnet, key);
	struct manycast_endpoint at;
	struct manycast_listener *l;

	endpoint_of(key, &at);
	if (!rec) {
		l = manycast_listener_find(mnet, &at);
		if (!l)
			return NF_ACCEPT;
		/* Under selection, and nobody knows what became of it: a bare
		 * SYN-ACK must not reach the client.
		 */
		manycast_stats_inc(l->stats,
				   SEG6_MANYCAST_LISTENER_STAT_DROP_NO_RECORD);
		kfree_skb(skb);
		return NF_STOLEN;
	}
	l = manycast_listener_get(mnet, &at, GFP_NOWAIT);
	if (IS_ERR(l))
		l = NULL;
	else
		manycast_stats_inc(l->stats,
				   SEG6_MANYCAST_LISTENER_STAT_SYNACK);
	manycast_record_answered(mnet, rec, pkt->tcp.seq);
	send_back(mnet, skb, rec, manycast_listener_load(l, sk));
	return NF_STOLEN;
}

static unsigned int rst(struct manycast_net *mnet, struct sk_buff *skb,
			const struct manycast_key *key)
{
	struct manycast_record *rec = manycast_record_find(mnet, key);
	struct manycast_endpoint at;
	struct manycast_listener *l;

	if (!rec || READ_ONCE(rec->acked))
		return NF_ACCEPT;
	endpoint_of(key, &at);
	l = manycast_listener_find(mnet, &at);
	if (l)
		manycast_stats_inc(l->stats,
				   SEG6_MANYCAST_LISTENER_STAT_REFUSED);
	send_back(mnet, skb, rec, MANYCAST_IOAM_UNAVAILABLE);
	manycast_record_del(mnet, rec);
	return NF_STOLEN;
}

/* A segment that this host sends. Almost all are data and leave at once. */
static unsigned int local_out(void *priv, struct sk_buff *skb,
			      const struct nf_hook_state *state)
{
	struct manycast_net *mnet = priv;
	unsigned int verdict = NF_ACCEPT;
	struct manycast_packet pkt __uninitialized;
	struct manycast_key key;

	if (manycast_packet_read(skb, &pkt) || pkt.inner ||
	    pkt.proto != IPPROTO_TCP)
		return NF_ACCEPT;
	if (!(pkt.tcp.flags & TCPHDR_ACK) ||
	    !(pkt.tcp.flags & (TCPHDR_SYN | TCPHDR_RST)))
		return NF_ACCEPT;

	manycast_key_of_server(skb, &pkt, &key);
	local_bh_disable();
	if (manycast_tcp_is_synack(&pkt.tcp))
		verdict = synack(mnet, skb, &pkt, &key, state->sk);
	else if (manycast_tcp_is_rst(&pkt.tcp))
		verdict = rst(mnet, skb, &key);
	local_bh_enable();
	return verdict;
}

static struct nf_hook_ops hook_of(struct manycast_net *mnet)
{
	return (struct nf_hook_ops) {
		.hook		= local_out,
		.priv		= mnet,
		.pf		= NFPROTO_IPV6,
		.hooknum	= NF_INET_LOCAL_OUT,
		.priority	= NF_IP6_PRI_MANGLE + 1,
	};
}

static void unhook(struct manycast_net *mnet)
{
	lockdep_assert_held(&mnet->lock);
	if (!mnet->server_hooked)
		return;
	nf_unregister_net_hook(mnet->net, &mnet->server_hook);
	mnet->server_hooked = false;
}

static void unhook_unused(struct work_struct *work)
{
	struct manycast_net *mnet =
		container_of(work, struct manycast_net, server_work);

	mutex_lock(&mnet->lock);
	if (!atomic_read(&mnet->server_sids))
		unhook(mnet);
	mutex_unlock(&mnet->lock);
	manycast_net_put(mnet);
}

/**
 * manycast_server_attach() - a route with End.MAnycast.S appears
 * @mnet:	the namespace
 * @extack:	receives the reason of a refusal
 *
 * Context: process, may sleep.
 * Return: 0, until manycast_server_detach(), or a negative error.
 */
int manycast_server_attach(struct manycast_net *mnet,
			   struct netlink_ext_ack *extack)
{
	int err;

	atomic_inc(&mnet->server_sids);
	mutex_lock(&mnet->lock);
	err = manycast_records_prepare(mnet);
	if (err) {
		NL_SET_ERR_MSG(extack, "no memory for records of SYNs");
	} else if (!mnet->server_hooked) {
		mnet->server_hook = hook_of(mnet);
		err = nf_register_net_hook(mnet->net, &mnet->server_hook);
		mnet->server_hooked = !err;
		if (err)
			NL_SET_ERR_MSG(extack,
				       "cannot register the LOCAL_OUT hook");
	}
	mutex_unlock(&mnet->lock);
	if (err)
		atomic_dec(&mnet->server_sids);
	return err;
}

/**
 * manycast_server_detach() - a route with End.MAnycast.S is gone
 * @mnet:	the namespace, which may be gone as well
 *
 * Context: any; the hook is taken away later, in process context.
 */
void manycast_server_detach(struct manycast_net *mnet)
{
	if (!atomic_dec_and_test(&mnet->server_sids))
		return;
	manycast_net_get(mnet);
	if (!queue_work(manycast_wq, &mnet->server_work))
		manycast_net_put(mnet);
}

/**
 * manycast_server_init() - a namespace begins
 * @mnet:	our part of it
 *
 * Return: 0 or a negative error.
 */
int manycast_server_init(struct manycast_net *mnet)
{
	int err = manycast_records_init(mnet);

	if (err)
		return err;
	INIT_WORK(&mnet->server_work, unhook_unused);
	err = manycast_listeners_init(mnet);
	if (err)
		manycast_records_exit(mnet);
	return err;
}

/**
 * manycast_server_unhook() - a namespace ends: touch its packets no more
 * @mnet:	our part of it
 */
void manycast_server_unhook(struct manycast_net *mnet)
{
	mutex_lock(&mnet->lock);
	unhook(mnet);
	mutex_unlock(&mnet->lock);
}

/**
 * manycast_server_exit() - the namespace is gone
 * @mnet:	our part of it; no packet comes any more
 */
void manycast_server_exit(struct manycast_net *mnet)
{
	manycast_listeners_exit(mnet);
	manycast_records_exit(mnet);
}
