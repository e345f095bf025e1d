// SPDX-License-Identifier: GPL-2.0
/* H.Dyncast: every packet to the instance of its period, whose number its
 * address has; with IPv4, its port (draft-bormann-dyncast-affinity-00). What
 * kind of packet it is does not matter, and nothing is remembered of clients.
 */

#include <linux/icmpv6.h>
#include <linux/log2.h>
#include <linux/netlink.h>
#include <net/icmp.h>
#include <net/ipv6.h>

#include "calendar.h"
#include "dyncast.h"
#include "encap.h"
#include "lwt.h"
#include "main.h"
#include "service.h"
#include "trace.h"
#include "tuple4.h"

static int check_place(const struct manycast_route *route, unsigned int bits,
		       struct netlink_ext_ack *extack)
{
	if (route->position + bits > 128) {
		NL_SET_ERR_MSG(extack,
			       "position leaves no room for the period's number");
		return -EINVAL;
	}
	if (route->port + (1U << bits) > 1U << 16) {
		NL_SET_ERR_MSG(extack,
			       "port leaves no room for the period's number");
		return -EINVAL;
	}
	return 0;
}

/**
 * manycast_dyncast_attach() - a route leads to the instances of a service
 * @route:	the route, attached to it
 * @extack:	receives the reason of a refusal
 *
 * Context: process, may sleep.
 * Return: 0 or a negative error.
 */
int manycast_dyncast_attach(struct manycast_route *route,
			    struct netlink_ext_ack *extack)
{
	struct manycast_service *svc = route->service;
	int err;

	mutex_lock(&svc->mnet->lock);
	err = check_place(route, manycast_settings(svc)->rhythm.bits, extack);
	if (!err) {
		err = manycast_calendar_open(svc);
		if (err)
			NL_SET_ERR_MSG(extack, "no memory for the periods");
	}
	mutex_unlock(&svc->mnet->lock);
	return err;
}

/* The sender is told, and may tell the two apart: an address that is not in use
 * now, and a service that is not there.
 */
static void tell_sender(struct sk_buff *skb, bool nobody)
{
	if (manycast_is_ipv4(skb))
		icmp_send(skb, ICMP_DEST_UNREACH,
			  nobody ? ICMP_NET_UNREACH : ICMP_HOST_UNREACH, 0);
	else
		icmpv6_send(skb, ICMPV6_DEST_UNREACH,
			    nobody ? ICMPV6_NOROUTE : ICMPV6_ADDR_UNREACH, 0);
}

static unsigned int stat_of(int err)
{
	switch (err) {
	case -ESTALE:
		return SEG6_MANYCAST_SERVICE_STAT_DROP_TOO_OLD;
	case -EAGAIN:
		return SEG6_MANYCAST_SERVICE_STAT_DROP_AHEAD;
	default:
		return SEG6_MANYCAST_SERVICE_STAT_DROP_NO_INSTANCE;
	}
}

/* Nobody has the period; the error is for a sender on this host. */
static int refuse(struct manycast_service *svc, struct sk_buff *skb, int err)
{
	tell_sender(skb, err == -ENOENT);
	manycast_drop_of(svc, skb, stat_of(err));
	return err == -ENOENT ? -ENETUNREACH : -EHOSTUNREACH;
}

static int to_instance(struct manycast_route *route, struct sk_buff *skb,
		       unsigned int number, const struct manycast_tuple *tuple,
		       bool local)
{
	struct manycast_service *svc = route->service;
	const struct manycast_settings *settings =
		rcu_dereference(svc->settings);
	struct manycast_instance *inst;
	int result;

	inst = manycast_calendar_find(svc->calendar, settings,
				      manycast_calendar_now(), number);
	if (IS_ERR(inst))
		return refuse(svc, skb, PTR_ERR(inst));
	trace_steer(route->mnet, svc, &tuple->flow, &inst->path, false);
	result = manycast_send_to(route->mnet, skb, inst,
				  manycast_flow_hash(&tuple->flow), local);
	if (result < 0)
		return result;
	manycast_calendar_count(svc->calendar, number);
	manycast_stats_inc(inst->stats, SEG6_MANYCAST_INSTANCE_STAT_DYNCAST);
	return result;
}

/* The flow is for the label of the outer header alone. */
static int from_ipv6(struct manycast_route *route, struct sk_buff *skb,
		     bool local)
{
	struct manycast_tuple tuple;
	unsigned int number;

	if (manycast_tuple_of(skb, 0, &tuple))
		return manycast_drop(route->mnet, skb,
				     SEG6_MANYCAST_STAT_DROP_NO_MEMORY);
	number = manycast_period_number(&ipv6_hdr(skb)->daddr, route->position,
					ilog2(route->service->calendar->size));
	return to_instance(route, skb, number, &tuple, local);
}

/* Like manycast_tuple_of(). */
static int tuple4_of(struct sk_buff *skb, struct manycast_tuple *tuple)
{
	int need;

	do {
		need = manycast_tuple4_read(skb_network_header(skb),
					    skb_headlen(skb), tuple);
		if (need <= 0)
			return need;
		if (need > skb->len)
			return -EBADMSG;
	} while (pskb_may_pull(skb, need));
	return -ENOMEM;
}

static int drop_ipv4(struct manycast_net *mnet, struct sk_buff *skb, int err)
{
	switch (err) {
	case -EOPNOTSUPP:
		return manycast_drop(mnet, skb,
				     SEG6_MANYCAST_STAT_DROP_FRAGMENT);
	case -EPROTONOSUPPORT:
		icmp_send(skb, ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, 0);
		return manycast_drop(mnet, skb,
				     SEG6_MANYCAST_STAT_DROP_UPPER_LAYER);
	default:
		return manycast_drop_error(mnet, skb, err);
	}
}

/* Section 8 of the draft. */
static int from_ipv4(struct manycast_route *route, struct sk_buff *skb,
		     bool local)
{
	struct manycast_service *svc = route->service;
	struct manycast_tuple tuple;
	unsigned int number;
	int err;

	err = tuple4_of(skb, &tuple);
	if (err)
		return drop_ipv4(route->mnet, skb, err);
	number = ntohs(tuple.flow.dport) - route->port;
	if (number < svc->calendar->size)
		return to_instance(route, skb, number, &tuple, local);
	icmp_send(skb, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
	manycast_drop_of(svc, skb, SEG6_MANYCAST_SERVICE_STAT_DROP_PORT);
	return -ECONNREFUSED;
}

static int receive(struct manycast_route *route, struct sk_buff *skb,
		   bool local)
{
	return manycast_is_ipv4(skb) ? from_ipv4(route, skb, local) :
				       from_ipv6(route, skb, local);
}

/**
 * manycast_dyncast_input() - H.Dyncast for what others send
 * @skb:	a packet to a service
 * @route:	the route that it took
 *
 * Context: softirq, RCU.
 * Return: what ip6_local_out() returns, or a negative error after a counted
 * drop.
 */
int manycast_dyncast_input(struct sk_buff *skb, struct manycast_route *route)
{
	return receive(route, skb, false);
}

/**
 * manycast_dyncast_output() - H.Dyncast for what this host sends
 * @skb:	a packet to a service
 * @route:	the route that it took
 *
 * Context: RCU.
 * Return: as manycast_dyncast_input().
 */
int manycast_dyncast_output(struct sk_buff *skb, struct manycast_route *route)
{
	int result;

	local_bh_disable();
	result = receive(route, skb, true);
	local_bh_enable();
	return result;
}
