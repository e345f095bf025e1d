// SPDX-License-Identifier: GPL-2.0
/* Attributes in RTA_ENCAP of a route that is ours: SEG6_LOCAL_ACTION and the
 * nest SEG6_LOCAL_EXT, which belongs to the behaviour.
 */

#include <linux/errno.h>
#include <linux/netlink.h>
#include <linux/seg6_local.h>
#include <linux/seg6_manycast.h>
#include <linux/skbuff.h>
#include <net/lwtunnel.h>
#include <net/netlink.h>
#include <net/seg6_local_behavior.h>

#include "seg6_behavior.h"

#define SEG6_BEHAVIOR_REJECT(name) {					\
	.type		= NLA_REJECT,					\
	.reject_message	= name " is not supported by this behaviour"	\
}

/* By their names in iproute2 */
static const struct nla_policy seg6_behavior_policy[SEG6_LOCAL_MAX + 1] = {
	[SEG6_LOCAL_ACTION]	= NLA_POLICY_EXACT_LEN(sizeof(u32)),
	[SEG6_LOCAL_SRH]	= SEG6_BEHAVIOR_REJECT("srh"),
	[SEG6_LOCAL_TABLE]	= SEG6_BEHAVIOR_REJECT("table"),
	[SEG6_LOCAL_NH4]	= SEG6_BEHAVIOR_REJECT("nh4"),
	[SEG6_LOCAL_NH6]	= SEG6_BEHAVIOR_REJECT("nh6"),
	[SEG6_LOCAL_IIF]	= SEG6_BEHAVIOR_REJECT("iif"),
	[SEG6_LOCAL_OIF]	= SEG6_BEHAVIOR_REJECT("oif"),
	[SEG6_LOCAL_BPF]	= SEG6_BEHAVIOR_REJECT("endpoint"),
	[SEG6_LOCAL_VRFTABLE]	= SEG6_BEHAVIOR_REJECT("vrftable"),
	[SEG6_LOCAL_COUNTERS]	= SEG6_BEHAVIOR_REJECT("count"),
	[SEG6_LOCAL_FLAVORS]	= SEG6_BEHAVIOR_REJECT("flavors"),
};

/* Find SEG6_LOCAL_EXT, and refuse what is neither that nor the action. */
static int seg6_behavior_find_ext(struct nlattr *encap, struct nlattr **ext,
				  struct netlink_ext_ack *extack)
{
	bool action = false;
	struct nlattr *nla;
	int rem;

	*ext = NULL;
	nla_for_each_nested(nla, encap, rem) {
		if (nla_type(nla) == SEG6_LOCAL_ACTION && !action) {
			action = true;
		} else if (nla_type(nla) == SEG6_LOCAL_EXT && !*ext) {
			*ext = nla;
		} else {
			NL_SET_ERR_MSG_ATTR(extack, nla,
					    "unknown or repeated seg6local attribute");
			return -EINVAL;
		}
	}

	if (rem > 0) {
		NL_SET_ERR_MSG_ATTR(extack, encap,
				    "octets left over after the seg6local attributes");
		return -EINVAL;
	}

	return 0;
}

/**
 * seg6_behavior_parse() - read the attributes of a route
 * @b:		the behaviour that SEG6_LOCAL_ACTION has chosen
 * @encap:	the nest RTA_ENCAP
 * @tb:		what was found in SEG6_LOCAL_EXT, b->maxattr + 1 entries. A
 *		missing nest is the same as an empty one.
 * @extack:	says what was refused
 *
 * Context: Process context.
 * Return: 0 or a negative error.
 */
int seg6_behavior_parse(const struct seg6_local_behavior *b,
			struct nlattr *encap, struct nlattr **tb,
			struct netlink_ext_ack *extack)
{
	struct nlattr *ext;
	int err;

	/* SEG6_LOCAL_EXT lies far above SEG6_LOCAL_MAX, where it cannot meet
	 * an attribute that a later kernel adds. Only the old, liberal
	 * validation skips it; the rest of strictness follows.
	 */
	err = nla_validate_nested_deprecated(encap, SEG6_LOCAL_MAX,
					     seg6_behavior_policy, extack);
	if (err)
		return err;

	err = seg6_behavior_find_ext(encap, &ext, extack);
	if (err)
		return err;

	if (!ext) {
		memset(tb, 0, (b->maxattr + 1) * sizeof(*tb));
		return 0;
	}

	return nla_parse_nested(tb, b->maxattr, ext, b->policy, extack);
}

/* The rest are operations of lightweight tunnels, called under RCU. */

int seg6_behavior_fill_encap(struct sk_buff *skb, struct lwtunnel_state *lws)
{
	struct seg6_behavior_state *st = seg6_behavior_state(lws);
	struct nlattr *nest;
	int err;

	if (!st)
		return seg6_behavior_stock->fill_encap(skb, lws);

	if (nla_put_u32(skb, SEG6_LOCAL_ACTION, st->behavior->action))
		return -EMSGSIZE;

	nest = nla_nest_start(skb, SEG6_LOCAL_EXT);
	if (!nest)
		return -EMSGSIZE;

	err = st->behavior->fill_encap(skb, st->priv);
	if (err) {
		nla_nest_cancel(skb, nest);
		return err;
	}
	nla_nest_end(skb, nest);

	return 0;
}

/* Too little makes the notification of the route WARN. */
int seg6_behavior_get_encap_size(struct lwtunnel_state *lws)
{
	struct seg6_behavior_state *st = seg6_behavior_state(lws);

	if (!st)
		return seg6_behavior_stock->get_encap_size(lws);

	return nla_total_size(sizeof(u32)) +	/* SEG6_LOCAL_ACTION */
	       nla_total_size(st->behavior->get_encap_size(st->priv));
}

int seg6_behavior_cmp_encap(struct lwtunnel_state *a, struct lwtunnel_state *b)
{
	struct seg6_behavior_state *st_a = seg6_behavior_state(a);
	struct seg6_behavior_state *st_b = seg6_behavior_state(b);

	if (!st_a && !st_b)
		return seg6_behavior_stock->cmp_encap(a, b);

	/* Neither side may read what the other one has built. */
	if (!st_a || !st_b || st_a->behavior != st_b->behavior)
		return 1;

	return st_a->behavior->cmp_encap(st_a->priv, st_b->priv);
}
