// SPDX-License-Identifier: GPL-2.0
/* Notices: who has a hunted connection tells the selector, which pins it then.
 *
 *	selector    [sel SID -> S1] SRH, Tag: notice wanted [client's segment]
 *	server Si   [Si -> sel SID][the segment's headers]
 *
 * The selector notes a fingerprint of each flow that it asks about. A notice
 * counts when it comes from an instance and finds the fingerprint, and takes it
 * away: it cannot be sent unasked, nor be repeated, and it tells of which of a
 * server's services the flow is. A fingerprint that another one has overwritten
 * costs nothing but the next packet's hunt.
 */

#include <linux/mm.h>
#include <linux/net.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <net/ipv6.h>

#include "encap.h"
#include "hunt.h"
#include "main.h"
#include "notice.h"
#include "pin.h"
#include "rate.h"
#include "trace.h"

/* For each service, and much more than are on the way at once. */
#define FINGERPRINTS	4096

/* A selector that has forgotten all learns it again in seconds, and one whose
 * pins do not last gets no more than this from a server.
 */
#define NOTICE_RATE	1000

/**
 * manycast_notices_init() - room for what a service asks
 * @svc:	the service, new
 *
 * Context: process, may sleep.
 * Return: 0 or -ENOMEM.
 */
int manycast_notices_init(struct manycast_service *svc)
{
	svc->asked = kvcalloc(FINGERPRINTS, sizeof(*svc->asked), GFP_KERNEL);
	return svc->asked ? 0 : -ENOMEM;
}

/**
 * manycast_notices_exit() - the service is gone
 * @svc:	the service
 */
void manycast_notices_exit(struct manycast_service *svc)
{
	kvfree(svc->asked);
}

/* Where a flow's fingerprint stands, and what it is; never zero. */
static u32 *fingerprint(const struct manycast_service *svc,
			const struct manycast_key *key, u32 *print)
{
	static siphash_key_t secret __read_mostly;
	u64 hash;

	net_get_random_once(&secret, sizeof(secret));
	hash = siphash(key, MANYCAST_TUPLE_LEN, &secret);
	*print = upper_32_bits(hash) | 1;
	return &svc->asked[hash % FINGERPRINTS];
}

/**
 * manycast_notice_ask() - have a hunted connection's server tell of it
 * @svc:	the service
 * @key:	the flow
 * @path:	the hunt's segment list, whose Tag will ask
 *
 * Not where the answer would be of no use.
 *
 * Context: RCU.
 */
void manycast_notice_ask(struct manycast_service *svc,
			 const struct manycast_key *key,
			 struct manycast_path *path)
{
	const struct manycast_settings *settings =
		rcu_dereference(svc->settings);
	u32 *slot, print;

	if (settings->affinity != SEG6_MANYCAST_AFFINITY_PIN ||
	    manycast_pins_full(svc, settings->pins))
		return;
	slot = fingerprint(svc, key, &print);
	WRITE_ONCE(*slot, print);
	path->tag |= MANYCAST_TAG_NOTICE;
}

/* Is a flow of this service, and asked for? Not any more after this. */
static bool take_answer(const struct manycast_service *svc,
			const struct manycast_key *key)
{
	u32 *slot, print;

	slot = fingerprint(svc, key, &print);
	return READ_ONCE(*slot) == print && cmpxchg(slot, print, 0) == print;
}

/* The client has a connection, and says no word about its end. */
static bool acknowledges(const struct manycast_packet *pkt)
{
	return pkt->inner && pkt->proto == IPPROTO_TCP &&
	       (pkt->tcp.flags & (TCPHDR_SYN | TCPHDR_RST | TCPHDR_ACK)) ==
	       TCPHDR_ACK;
}

static bool wanted(const struct ipv6_sr_hdr *srh)
{
	return srh &&
	       ntohs((__force __be16)srh->tag) & MANYCAST_TAG_NOTICE;
}

/* IPv6 and TCP as the client has sent them, without what follows. */
static struct sk_buff *headers_of(const struct sk_buff *skb,
				  const struct manycast_packet *pkt)
{
	unsigned int headroom = LL_MAX_HEADER + sizeof(struct ipv6hdr);
	unsigned int len = sizeof(struct ipv6hdr) + pkt->tcp.doff;
	struct sk_buff *notice = alloc_skb(headroom + len, GFP_ATOMIC);

	if (!notice)
		return NULL;
	skb_reserve(notice, headroom);
	notice->protocol = htons(ETH_P_IPV6);
	skb_reset_network_header(notice);
	skb_set_transport_header(notice, sizeof(struct ipv6hdr));
	skb_put_data(notice, manycast_inner(skb, pkt), len);
	manycast_tcp_strip(ipv6_hdr(notice), pkt->tcp.doff);
	return notice;
}

/**
 * manycast_notice_send() - tell the selector that a connection is here
 * @mnet:	the namespace
 * @skb:	a client's segment as it came to a server's SID
 * @pkt:	where things are in it; TCP
 *
 * If it was hunted for and the selector wants to know. Who had others behind it
 * has kept the segment for that reason alone; the last one has to look. Smaller
 * than what came, since that had a segment list.
 *
 * Context: softirq, RCU.
 */
void manycast_notice_send(struct manycast_net *mnet,
			  const struct sk_buff *skb,
			  const struct manycast_packet *pkt)
{
	const struct ipv6_sr_hdr *srh = manycast_srh(skb, pkt);
	struct manycast_outer outer = {
		.saddr = &ipv6_hdr(skb)->daddr,
		.daddr = &ipv6_hdr(skb)->saddr,
	};
	struct manycast_key key;
	struct sk_buff *notice;

	if (!wanted(srh) || !acknowledges(pkt))
		return;
	manycast_key_of_client(skb, pkt, 0, &key);
	if (!srh->segments_left &&
	    !manycast_hunt_ends(mnet->net, skb, pkt, &key))
		return;
	if (manycast_rate_over(&mnet->notice_tat, ktime_get_coarse_ns(),
			       NOTICE_RATE))
		return;
	notice = headers_of(skb, pkt);
	if (!notice) {
		manycast_stats_inc(mnet->stats,
				   SEG6_MANYCAST_STAT_DROP_NO_MEMORY);
		return;
	}
	manycast_stats_inc(mnet->stats, SEG6_MANYCAST_STAT_NOTICE_SENT);
	outer.hash = manycast_flow_hash(&key);
	manycast_encap_send(mnet, notice, &outer);
}

static bool learn(struct manycast_instance *inst,
		  const struct manycast_key *key)
{
	const struct manycast_settings *settings =
		rcu_dereference(inst->service->settings);

	if (!manycast_pin_learnt(inst, key, settings->pins))
		return false;
	trace_learn(inst->service->mnet, inst->service, key,
		    manycast_sid(inst));
	manycast_stats_inc(inst->service->stats,
			   SEG6_MANYCAST_SERVICE_STAT_LEARNT);
	return true;
}

/**
 * manycast_notice_input() - what comes to the selector's own SID and is no
 * answer to a SYN
 * @mnet:	the namespace
 * @skb:	the packet; taken over
 * @pkt:	where things are in it; TCP
 *
 * Context: softirq, RCU.
 * Return: 0, or a negative error after a counted drop.
 */
int manycast_notice_input(struct manycast_net *mnet, struct sk_buff *skb,
			  const struct manycast_packet *pkt)
{
	const struct in6_addr *source = &ipv6_hdr(skb)->saddr;
	struct manycast_instance *inst;
	struct manycast_key key;

	if (!acknowledges(pkt))
		return manycast_drop(mnet, skb,
				     SEG6_MANYCAST_STAT_DROP_NO_SERVICE);
	if (!manycast_instance_by_source(mnet, NULL, source))
		return manycast_drop(mnet, skb,
				     SEG6_MANYCAST_STAT_DROP_FOREIGN);
	manycast_key_of_client(skb, pkt, 0, &key);
	inst = manycast_instance_where(mnet, source, take_answer, &key);
	if (!inst || !learn(inst, &key))
		return manycast_drop(mnet, skb,
				     SEG6_MANYCAST_STAT_DROP_DUPLICATE);
	consume_skb(skb);
	return 0;
}
