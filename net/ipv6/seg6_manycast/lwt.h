/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_LWT_H
#define _SEG6_MANYCAST_LWT_H

#include <linux/in6.h>
#include <linux/seg6_local.h>
#include <linux/seg6_manycast.h>
#include <linux/types.h>

#include "addr.h"

struct manycast_net;
struct manycast_service;
struct manycast_stats;
struct netlink_ext_ack;
struct nla_policy;
struct nlattr;
struct sk_buff;

/* Of the kernel's SEG6_LOCAL_CNT_*, those that we count. The numbers are as our
 * own statistics have them: 1 pads, and the first counter is 2.
 */
#define MANYCAST_ROUTE_COUNT_MAX	SEG6_LOCAL_CNT_ERRORS

/**
 * struct manycast_route - state of a route with one of our behaviours
 * @mnet:	the namespace; holds a reference
 * @service:	End.MAnycast: the service, or NULL; H.MAnycast.Hash: the
 *		service whose instances are the selectors; H.Dyncast: the
 *		service; attached
 * @name:	its name, for display
 * @table:	End.MAnycast.S, .C: table for the inner packet, 0 for the rules
 * @limit:	H.MAnycast: flows in this namespace, 0 for the default
 * @sid:	H.MAnycast: the edge's SID
 * @servers:	H.MAnycast: server SIDs that may be learnt; length 0: any
 * @services:	End.MAnycast.S: addresses under selection; length 0: whatever
 *		SYNs come for
 * @mark:	End.MAnycast.S: per mille of load below which it takes a SYN
 *		that others are offered, too; 0 for the default
 * @position:	H.Dyncast, IPv6: first bit of the period's number in the
 *		destination address
 * @port:	H.Dyncast, IPv4: destination port of number 0
 * @acl:	End.*: outer sources that are let in; length 0: any
 * @counters:	SEG6_LOCAL_CNT_*; NULL unless the route counts
 */
struct manycast_route {
	struct manycast_net *mnet;
	struct manycast_service *service;
	char name[SEG6_MANYCAST_NAME_MAX];
	u32 table;
	u32 limit;
	u32 mark;
	u8 position;
	u16 port;
	struct in6_addr sid;
	struct manycast_prefix servers;
	struct manycast_prefix services;
	struct manycast_prefix acl;
	struct manycast_stats __percpu *counters;
};

extern const struct nla_policy
manycast_lwt_policy[SEG6_MANYCAST_LWT_MAX + 1];

int manycast_lwt_get(struct manycast_route *route, struct nlattr **tb,
		     unsigned long known, struct netlink_ext_ack *extack);
void manycast_lwt_put(struct manycast_route *route);
int manycast_lwt_fill(struct sk_buff *skb, const void *st);
int manycast_lwt_size(const void *st);
int manycast_lwt_cmp(const void *a, const void *b);
void manycast_route_count(const struct manycast_route *route, unsigned int len,
			  int err);

/* To return what became of a packet of @len octets, and count it on the way. */
static inline int manycast_route_counted(const struct manycast_route *route,
					 unsigned int len, int err)
{
	if (route->counters)
		manycast_route_count(route, len, err);
	return err;
}

int manycast_behaviors_register(void);
void manycast_behaviors_unregister(void);

#endif /* _SEG6_MANYCAST_LWT_H */
