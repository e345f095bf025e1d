/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _NET_SEG6_LOCAL_BEHAVIOR_H
#define _NET_SEG6_LOCAL_BEHAVIOR_H

#include <linux/list.h>
#include <linux/types.h>

struct lwtunnel_state;
struct module;
struct net;
struct netlink_ext_ack;
struct nla_policy;
struct nlattr;
struct sk_buff;
struct sock;

/**
 * struct seg6_local_behavior - an SRv6 behaviour that a module provides
 * @list:	used by the registry
 * @owner:	module that every state of this behaviour holds a reference to
 * @name:	name for messages, as RFC 8986 would print it
 * @action:	value of SEG6_LOCAL_ACTION, 0x8000..0x87ff
 * @lwt_flags:	LWTUNNEL_STATE_{INPUT,OUTPUT}_REDIRECT
 * @ipv4:	routes of IPv4 may have it, too
 * @headroom:	octets that @output adds at most; lowers the route's MTU
 * @state_size:	octets of private state for each route
 * @maxattr:	highest attribute type in the nest SEG6_LOCAL_EXT
 * @policy:	policy of that nest, strictly validated before @build_state
 * @build_state:	fill the zeroed @st from @tb, for a route of AF_INET6
 *			or, with @ipv4, AF_INET. Process context, may sleep,
 *			RTNL is not guaranteed. Returns 0 or a negative error
 *			with a message in @extack.
 * @destroy_state:	release what @build_state took. May run in softirq.
 *			May be NULL.
 * @input:	takes over @skb, a packet of the route's family that was
 *		received for it; softirq, under RCU. Returns what dst_input()
 *		would.
 * @output:	takes over @skb, a packet sent by this host to the route.
 *		NULL without LWTUNNEL_STATE_OUTPUT_REDIRECT.
 * @fill_encap:	put the attributes of @st into the open nest
 *		SEG6_LOCAL_EXT. Returns 0 or -EMSGSIZE.
 * @get_encap_size:	upper bound of what @fill_encap puts, in octets
 * @cmp_encap:	0 when both states are configured the same
 */
struct seg6_local_behavior {
	struct list_head	list;
	struct module		*owner;
	const char		*name;
	u32			action;
	u16			lwt_flags;
	bool			ipv4;
	u16			headroom;
	size_t			state_size;
	unsigned int		maxattr;
	const struct nla_policy	*policy;

	int (*build_state)(struct net *net, unsigned int family, void *st,
			   struct nlattr **tb, struct netlink_ext_ack *extack);
	void (*destroy_state)(void *st);
	int (*input)(struct sk_buff *skb, struct lwtunnel_state *lwt, void *st);
	int (*output)(struct net *net, struct sock *sk, struct sk_buff *skb,
		      struct lwtunnel_state *lwt, void *st);
	int (*fill_encap)(struct sk_buff *skb, const void *st);
	int (*get_encap_size)(const void *st);
	int (*cmp_encap)(const void *a, const void *b);
};

int seg6_local_behavior_register(struct seg6_local_behavior *b);
void seg6_local_behavior_unregister(struct seg6_local_behavior *b);

#endif /* _NET_SEG6_LOCAL_BEHAVIOR_H */
