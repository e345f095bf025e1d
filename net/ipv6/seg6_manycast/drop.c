// SPDX-License-Identifier: GPL-2.0
/* Packets that go no further: each is counted under a name, and by that name
 * tracing shows it.
 */

#include <linux/icmpv6.h>
#include <net/ipv6.h>

#include "main.h"
#include "packet.h"
#include "service.h"
#include "trace.h"

static const char * const stat_name[SEG6_MANYCAST_STAT_MAX + 1] = {
	[SEG6_MANYCAST_STAT_DROP_MALFORMED] = "malformed",
	[SEG6_MANYCAST_STAT_DROP_FRAGMENT] = "fragment",
	[SEG6_MANYCAST_STAT_DROP_SRH] = "srh",
	[SEG6_MANYCAST_STAT_DROP_UPPER_LAYER] = "upper_layer",
	[SEG6_MANYCAST_STAT_DROP_ACL] = "acl",
	[SEG6_MANYCAST_STAT_DROP_FOREIGN] = "foreign",
	[SEG6_MANYCAST_STAT_DROP_NO_STATE] = "no_state",
	[SEG6_MANYCAST_STAT_DROP_NO_SERVICE] = "no_service",
	[SEG6_MANYCAST_STAT_DROP_HOP_LIMIT] = "hop_limit",
	[SEG6_MANYCAST_STAT_DROP_TOO_BIG] = "too_big",
	[SEG6_MANYCAST_STAT_DROP_NO_ROUTE] = "no_route",
	[SEG6_MANYCAST_STAT_DROP_NO_MEMORY] = "no_memory",
	[SEG6_MANYCAST_STAT_DROP_DUPLICATE] = "duplicate",
	[SEG6_MANYCAST_STAT_DROP_NOT_ASKED] = "not_asked",
	[SEG6_MANYCAST_STAT_DROP_SERVERS] = "servers",
	[SEG6_MANYCAST_STAT_DROP_ERROR_FOREIGN] = "error_foreign",
	[SEG6_MANYCAST_STAT_DROP_ERROR_MTU] = "error_mtu",
	[SEG6_MANYCAST_STAT_DROP_ERROR_HANDSHAKE] = "error_handshake",
	[SEG6_MANYCAST_STAT_DROP_ERROR_KIND] = "error_kind",
};

static const char * const
service_stat_name[SEG6_MANYCAST_SERVICE_STAT_MAX + 1] = {
	[SEG6_MANYCAST_SERVICE_STAT_DROP_NO_INSTANCE] = "no_instance",
	[SEG6_MANYCAST_SERVICE_STAT_DROP_FULL] = "full",
	[SEG6_MANYCAST_SERVICE_STAT_DROP_NO_STATE] = "no_state",
	[SEG6_MANYCAST_SERVICE_STAT_DROP_TOO_OLD] = "too_old",
	[SEG6_MANYCAST_SERVICE_STAT_DROP_AHEAD] = "ahead",
	[SEG6_MANYCAST_SERVICE_STAT_DROP_PORT] = "port",
};

/**
 * manycast_drop_name() - what a drop is called
 * @svc:	the service that counts it, or NULL
 * @stat:	by which statistic
 *
 * Return: the statistic's name without its first word, drop.
 */
const char *manycast_drop_name(const struct manycast_service *svc,
			       unsigned int stat)
{
	const char *name = svc ? service_stat_name[stat] : stat_name[stat];

	return name ?: "";
}

/**
 * manycast_drop() - drop a packet under a name
 * @mnet:	our namespace
 * @skb:	the packet, taken over
 * @stat:	SEG6_MANYCAST_STAT_DROP_*
 *
 * Return: -EINVAL, as seg6local behaviours return for a drop.
 */
int manycast_drop(struct manycast_net *mnet, struct sk_buff *skb,
		  unsigned int stat)
{
	trace_drop(mnet, NULL, skb, stat);
	manycast_stats_inc(mnet->stats, stat);
	kfree_skb(skb);
	return -EINVAL;
}

/**
 * manycast_drop_of() - the same for what concerns a service
 * @svc:	the service
 * @skb:	the packet, taken over
 * @stat:	SEG6_MANYCAST_SERVICE_STAT_DROP_*
 *
 * Return: -EINVAL.
 */
int manycast_drop_of(struct manycast_service *svc, struct sk_buff *skb,
		     unsigned int stat)
{
	trace_drop(svc->mnet, svc, skb, stat);
	manycast_stats_inc(svc->stats, stat);
	kfree_skb(skb);
	return -EINVAL;
}

/**
 * manycast_drop_error() - drop a packet that something went wrong with
 * @mnet:	the namespace
 * @skb:	the packet
 * @err:	-EBADMSG: it was the packet's fault; else there was no memory
 *
 * Context: bottom halves off.
 * Return: a negative error.
 */
int manycast_drop_error(struct manycast_net *mnet, struct sk_buff *skb, int err)
{
	return manycast_drop(mnet, skb, err == -EBADMSG ?
			     SEG6_MANYCAST_STAT_DROP_MALFORMED :
			     SEG6_MANYCAST_STAT_DROP_NO_MEMORY);
}

/**
 * manycast_drop_srh() - drop a packet for its SRH
 * @mnet:	our namespace
 * @skb:	the packet, taken over
 * @pkt:	where the fault is
 *
 * RFC 8754 section 4.3.1.1, and RFC 8986 section 4.4 for a SID that must be the
 * last segment, ask for Parameter Problem, code 0, pointing at Segments Left.
 *
 * Return: -EINVAL.
 */
int manycast_drop_srh(struct manycast_net *mnet, struct sk_buff *skb,
		      const struct manycast_packet *pkt)
{
	icmpv6_send(skb, ICMPV6_PARAMPROB, ICMPV6_HDR_FIELD, pkt->bad);
	return manycast_drop(mnet, skb, SEG6_MANYCAST_STAT_DROP_SRH);
}

/**
 * manycast_drop_upper() - drop what a behaviour does not process
 * @mnet:	our namespace
 * @skb:	the packet, taken over
 * @pkt:	where things are in it
 *
 * RFC 8986 section 4.1.1 asks for Parameter Problem, code 4 (SR Upper-layer
 * Header Error), pointing at the header that is not allowed.
 *
 * Return: -EINVAL.
 */
int manycast_drop_upper(struct manycast_net *mnet, struct sk_buff *skb,
			const struct manycast_packet *pkt)
{
	icmpv6_send(skb, ICMPV6_PARAMPROB, MANYCAST_ICMPV6_SR_UPPER,
		    pkt->inner ?: pkt->upper);
	return manycast_drop(mnet, skb, SEG6_MANYCAST_STAT_DROP_UPPER_LAYER);
}
