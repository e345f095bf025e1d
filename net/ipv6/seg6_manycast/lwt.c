// SPDX-License-Identifier: GPL-2.0
/* The behaviours, as routes see them. */

#include <linux/module.h>
#include <net/ipv6.h>
#include <net/lwtunnel.h>
#include <net/netlink.h>
#include <net/seg6_local_behavior.h>

#include "dst.h"
#include "dyncast.h"
#include "edge.h"
#include "encap.h"
#include "hasher.h"
#include "lwt.h"
#include "main.h"
#include "selector.h"
#include "server.h"
#include "service.h"

#define ATTR(name)	BIT(SEG6_MANYCAST_LWT_##name)

/* H.MAnycast, H.MAnycast.Hash and H.Dyncast add an IPv6 header to what a client
 * on this host sends; waypoints are rare, and the MSS accounts for them.
 */
#define CLIENT_HEADROOM	sizeof(struct ipv6hdr)

static int check_sid(const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	struct in6_addr sid = nla_get_in6_addr(attr);

	if (manycast_unicast(&sid))
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, attr, "sid must be a unicast address");
	return -EINVAL;
}

/* What all behaviours share. On success @route holds a namespace reference. */
static int build_common(struct net *net, struct manycast_route *route,
			struct nlattr **tb, unsigned long known,
			struct netlink_ext_ack *extack)
{
	int err = manycast_lwt_get(route, tb, known, extack);

	if (!err)
		err = manycast_dsts_init(manycast_net(net));
	if (err) {
		manycast_lwt_put(route);
		return err;
	}
	route->mnet = manycast_net_get(manycast_net(net));
	return 0;
}

static void destroy_common(void *st)
{
	struct manycast_route *route = st;

	manycast_lwt_put(route);
	manycast_net_put(route->mnet);
}

/* On failure @route lets its namespace go. */
static int attach_service(struct manycast_route *route,
			  const struct nlattr *name,
			  struct netlink_ext_ack *extack)
{
	struct manycast_service *svc;

	nla_strscpy(route->name, name, sizeof(route->name));
	svc = manycast_service_attach(route->mnet, route->name, extack);
	if (IS_ERR(svc)) {
		NL_SET_BAD_ATTR(extack, name);
		destroy_common(route);
		return PTR_ERR(svc);
	}
	route->service = svc;
	return 0;
}

static int selector_build(struct net *net, unsigned int family, void *st,
			  struct nlattr **tb, struct netlink_ext_ack *extack)
{
	const struct nlattr *name = tb[SEG6_MANYCAST_LWT_SERVICE];
	int err;

	err = build_common(net, st, tb, ATTR(SERVICE) | ATTR(ACL), extack);
	if (err || !name)
		return err;
	return attach_service(st, name, extack);
}

/* Of all who may have a service. */
static void detach_service(void *st)
{
	struct manycast_route *route = st;

	if (route->service)
		manycast_service_detach(route->service);
	destroy_common(st);
}

static int selector_input(struct sk_buff *skb, struct lwtunnel_state *lwt,
			  void *st)
{
	unsigned int len = skb->len;

	return manycast_route_counted(st, len,
				      manycast_selector_input(skb, st));
}

static int server_build(struct net *net, unsigned int family, void *st,
			struct nlattr **tb, struct netlink_ext_ack *extack)
{
	struct manycast_route *route = st;
	int err;

	err = build_common(net, route, tb, ATTR(TABLE) | ATTR(SERVICES) |
			   ATTR(ACL) | ATTR(MARK), extack);
	if (err)
		return err;
	err = manycast_server_attach(route->mnet, extack);
	if (err)
		destroy_common(st);
	return err;
}

static void server_destroy(void *st)
{
	struct manycast_route *route = st;

	manycast_server_detach(route->mnet);
	destroy_common(st);
}

static int server_input(struct sk_buff *skb, struct lwtunnel_state *lwt,
			void *st)
{
	unsigned int len = skb->len;

	return manycast_route_counted(st, len,
				      manycast_server_input(skb, st));
}

static int edge_build(struct net *net, unsigned int family, void *st,
		      struct nlattr **tb, struct netlink_ext_ack *extack)
{
	const struct nlattr *sid = tb[SEG6_MANYCAST_LWT_SID];
	struct manycast_route *route = st;
	int err;

	if (!sid) {
		NL_SET_ERR_MSG(extack,
			       "sid is missing: SYN-ACKs must find this edge");
		return -EINVAL;
	}
	err = check_sid(sid, extack);
	if (err)
		return err;
	route->sid = nla_get_in6_addr(sid);
	return build_common(net, route, tb, ATTR(SID) | ATTR(SERVERS) |
			    ATTR(LIMIT), extack);
}

static int edge_input(struct sk_buff *skb, struct lwtunnel_state *lwt, void *st)
{
	unsigned int len = skb->len;

	return manycast_route_counted(st, len,
				      manycast_edge_input(skb, lwt, st));
}

static int edge_output(struct net *net, struct sock *sk, struct sk_buff *skb,
		       struct lwtunnel_state *lwt, void *st)
{
	unsigned int len = skb->len;

	/* Received and forwarded: edge_input() has seen it. */
	if (skb->skb_iif)
		return lwt->orig_output(net, sk, skb);
	return manycast_route_counted(st, len,
				      manycast_edge_output(net, sk, skb, lwt,
							   st));
}

static int answer_build(struct net *net, unsigned int family, void *st,
			struct nlattr **tb, struct netlink_ext_ack *extack)
{
	return build_common(net, st, tb, ATTR(TABLE) | ATTR(ACL), extack);
}

static int answer_input(struct sk_buff *skb, struct lwtunnel_state *lwt,
			void *st)
{
	unsigned int len = skb->len;

	return manycast_route_counted(st, len, manycast_edge_answer(skb, st));
}

static int hasher_build(struct net *net, unsigned int family, void *st,
			struct nlattr **tb, struct netlink_ext_ack *extack)
{
	const struct nlattr *name = tb[SEG6_MANYCAST_LWT_SERVICE];
	struct manycast_route *route = st;
	int err;

	if (!name) {
		NL_SET_ERR_MSG(extack,
			       "service is missing: its instances are the selectors");
		return -EINVAL;
	}
	err = build_common(net, route, tb, ATTR(SERVICE), extack);
	if (err)
		return err;
	err = attach_service(route, name, extack);
	if (err)
		return err;
	err = manycast_hasher_attach(route->service, extack);
	if (err)
		detach_service(route);
	return err;
}

static int hasher_input(struct sk_buff *skb, struct lwtunnel_state *lwt,
			void *st)
{
	unsigned int len = skb->len;

	return manycast_route_counted(st, len,
				      manycast_hasher_input(skb, st));
}

/* What is in a tunnel goes the route's own way. It may come from a hasher here
 * whose selectors' SIDs lie in the service prefix, and to do it again would not
 * end.
 */
static int hasher_output(struct net *net, struct sock *sk, struct sk_buff *skb,
			 struct lwtunnel_state *lwt, void *st)
{
	unsigned int len = skb->len;

	if (manycast_tunnelled(skb))
		return lwt->orig_output(net, sk, skb);
	return manycast_route_counted(st, len,
				      manycast_hasher_output(skb, st));
}

/* The number of the period is in the address. */
static int get_position(struct manycast_route *route, struct nlattr **tb,
			struct netlink_ext_ack *extack)
{
	const struct nlattr *position = tb[SEG6_MANYCAST_LWT_POSITION];

	if (!position) {
		NL_SET_ERR_MSG(extack,
			       "position is missing: where the number begins");
		return -EINVAL;
	}
	if (tb[SEG6_MANYCAST_LWT_PORT]) {
		NL_SET_ERR_MSG_ATTR(extack, tb[SEG6_MANYCAST_LWT_PORT],
				    "port is for IPv4 routes");
		return -EINVAL;
	}
	route->position = nla_get_u8(position);
	return 0;
}

/* Of an IPv4 address, no bits can be spared. */
static int get_port(struct manycast_route *route, struct nlattr **tb,
		    struct netlink_ext_ack *extack)
{
	const struct nlattr *port = tb[SEG6_MANYCAST_LWT_PORT];

	if (!port) {
		NL_SET_ERR_MSG(extack,
			       "port is missing: where the numbers begin");
		return -EINVAL;
	}
	if (tb[SEG6_MANYCAST_LWT_POSITION]) {
		NL_SET_ERR_MSG_ATTR(extack, tb[SEG6_MANYCAST_LWT_POSITION],
				    "position is for IPv6 routes");
		return -EINVAL;
	}
	route->port = nla_get_u16(port);
	return 0;
}

static int dyncast_build(struct net *net, unsigned int family, void *st,
			 struct nlattr **tb, struct netlink_ext_ack *extack)
{
	const struct nlattr *name = tb[SEG6_MANYCAST_LWT_SERVICE];
	struct manycast_route *route = st;
	int err;

	if (!name) {
		NL_SET_ERR_MSG(extack,
			       "service is missing: it has the instances");
		return -EINVAL;
	}
	err = family == AF_INET ? get_port(route, tb, extack) :
				  get_position(route, tb, extack);
	if (err)
		return err;
	err = build_common(net, route, tb, ATTR(SERVICE) | ATTR(POSITION) |
			   ATTR(PORT), extack);
	if (err)
		return err;
	err = attach_service(route, name, extack);
	if (err)
		return err;
	err = manycast_dyncast_attach(route, extack);
	if (err)
		detach_service(route);
	return err;
}

static int dyncast_input(struct sk_buff *skb, struct lwtunnel_state *lwt,
			 void *st)
{
	unsigned int len = skb->len;

	return manycast_route_counted(st, len,
				      manycast_dyncast_input(skb, st));
}

/* As hasher_output(). */
static int dyncast_output(struct net *net, struct sock *sk, struct sk_buff *skb,
			  struct lwtunnel_state *lwt, void *st)
{
	unsigned int len = skb->len;

	if (manycast_tunnelled(skb))
		return lwt->orig_output(net, sk, skb);
	return manycast_route_counted(st, len,
				      manycast_dyncast_output(skb, st));
}

static struct seg6_local_behavior behaviors[] = {
	{
		.name		= "End.MAnycast",
		.action		= SEG6_LOCAL_ACTION_END_MANYCAST,
		.lwt_flags	= LWTUNNEL_STATE_INPUT_REDIRECT,
		.build_state	= selector_build,
		.destroy_state	= detach_service,
		.input		= selector_input,
	}, {
		.name		= "End.MAnycast.S",
		.action		= SEG6_LOCAL_ACTION_END_MANYCAST_S,
		.lwt_flags	= LWTUNNEL_STATE_INPUT_REDIRECT,
		.build_state	= server_build,
		.destroy_state	= server_destroy,
		.input		= server_input,
	}, {
		.name		= "H.MAnycast",
		.action		= SEG6_LOCAL_ACTION_H_MANYCAST,
		.lwt_flags	= LWTUNNEL_STATE_INPUT_REDIRECT |
				  LWTUNNEL_STATE_OUTPUT_REDIRECT,
		.headroom	= CLIENT_HEADROOM,
		.build_state	= edge_build,
		.destroy_state	= destroy_common,
		.input		= edge_input,
		.output		= edge_output,
	}, {
		.name		= "End.MAnycast.C",
		.action		= SEG6_LOCAL_ACTION_END_MANYCAST_C,
		.lwt_flags	= LWTUNNEL_STATE_INPUT_REDIRECT,
		.build_state	= answer_build,
		.destroy_state	= destroy_common,
		.input		= answer_input,
	}, {
		.name		= "H.MAnycast.Hash",
		.action		= SEG6_LOCAL_ACTION_H_MANYCAST_HASH,
		.lwt_flags	= LWTUNNEL_STATE_INPUT_REDIRECT |
				  LWTUNNEL_STATE_OUTPUT_REDIRECT,
		.headroom	= CLIENT_HEADROOM,
		.build_state	= hasher_build,
		.destroy_state	= detach_service,
		.input		= hasher_input,
		.output		= hasher_output,
	}, {
		.name		= "H.Dyncast",
		.action		= SEG6_LOCAL_ACTION_H_DYNCAST,
		.lwt_flags	= LWTUNNEL_STATE_INPUT_REDIRECT |
				  LWTUNNEL_STATE_OUTPUT_REDIRECT,
		.ipv4		= true,
		.headroom	= CLIENT_HEADROOM,
		.build_state	= dyncast_build,
		.destroy_state	= detach_service,
		.input		= dyncast_input,
		.output		= dyncast_output,
	},
};

static void unregister(unsigned int n)
{
	while (n--)
		seg6_local_behavior_unregister(&behaviors[n]);
}

/**
 * manycast_behaviors_register() - offer the behaviours to routes
 *
 * Return: 0 or a negative error.
 */
int manycast_behaviors_register(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(behaviors); i++) {
		struct seg6_local_behavior *b = &behaviors[i];

		b->owner = THIS_MODULE;
		b->state_size = sizeof(struct manycast_route);
		b->maxattr = SEG6_MANYCAST_LWT_MAX;
		b->policy = manycast_lwt_policy;
		b->fill_encap = manycast_lwt_fill;
		b->get_encap_size = manycast_lwt_size;
		b->cmp_encap = manycast_lwt_cmp;
		err = seg6_local_behavior_register(b);
		if (err) {
			unregister(i);
			return err;
		}
	}
	return 0;
}

/**
 * manycast_behaviors_unregister() - take the behaviours back
 *
 * Context: no route has one: each holds a reference to this module.
 */
void manycast_behaviors_unregister(void)
{
	unregister(ARRAY_SIZE(behaviors));
}
