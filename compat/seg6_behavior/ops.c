// SPDX-License-Identifier: GPL-2.0
/* The operations that stand in the seg6local slot. What is not about a state
 * of ours goes to the kernel's own operations, unchanged.
 */

#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/if_ether.h>
#include <linux/jump_label.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/seg6_local.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <linux/srcu.h>
#include <net/dst.h>
#include <net/lwtunnel.h>
#include <net/netlink.h>
#include <net/seg6_local_behavior.h>

#include "seg6_behavior.h"

/* An operation that a later kernel adds would be missing here. */
static_assert(sizeof(struct lwtunnel_encap_ops) == 9 * sizeof(void *));

/* build_state() is called outside RCU and may sleep. */
DEFINE_STATIC_SRCU(seg6_behavior_builds);

/**
 * seg6_behavior_state() - tell our states from the kernel's
 * @lws:	state of type LWTUNNEL_ENCAP_SEG6_LOCAL
 *
 * Context: Any.
 * Return: what we keep in @lws, or NULL if it is not one of ours.
 */
struct seg6_behavior_state *seg6_behavior_state(struct lwtunnel_state *lws)
{
	struct seg6_behavior_state *st = (void *)lws->data;

	if (!(lws->flags & SEG6_BEHAVIOR_STATE) ||
	    st->ops != &seg6_behavior_ops)
		return NULL;

	return st;
}

/* On success, the caller's reference to the owner of @b goes to the state. */
static int seg6_behavior_build(struct net *net, unsigned int family,
			       const struct seg6_local_behavior *b,
			       struct nlattr **tb, struct lwtunnel_state **ts,
			       struct netlink_ext_ack *extack)
{
	struct seg6_behavior_state *st;
	struct lwtunnel_state *lws;
	int err;

	lws = lwtunnel_state_alloc(sizeof(*st) + b->state_size);
	if (!lws)
		return -ENOMEM;

	lws->type = LWTUNNEL_ENCAP_SEG6_LOCAL;
	lws->flags = b->lwt_flags | SEG6_BEHAVIOR_STATE;
	lws->headroom = b->headroom;

	st = (void *)lws->data;
	st->ops = &seg6_behavior_ops;
	st->behavior = b;
	st->protocol = htons(family == AF_INET ? ETH_P_IP : ETH_P_IPV6);

	err = b->build_state(net, family, st->priv, tb, extack);
	if (err) {
		kfree(lws);
		return err;
	}

	*ts = lws;
	return 0;
}

static int seg6_behavior_build_own(struct net *net, struct nlattr *encap,
				   unsigned int family,
				   const struct seg6_local_behavior *b,
				   struct lwtunnel_state **ts,
				   struct netlink_ext_ack *extack)
{
	struct nlattr **tb;
	int err;

	tb = kcalloc(b->maxattr + 1, sizeof(*tb), GFP_KERNEL);
	if (!tb)
		return -ENOMEM;

	err = seg6_behavior_parse(b, encap, tb, extack);
	if (!err)
		err = seg6_behavior_build(net, family, b, tb, ts, extack);
	kfree(tb);

	return err;
}

static bool seg6_behavior_is_for(const struct seg6_local_behavior *b,
				 unsigned int family)
{
	return family == AF_INET6 || (family == AF_INET && b->ipv4);
}

/* The action is in the range for private use. */
static int seg6_behavior_build_private(struct net *net, struct nlattr *encap,
				       struct nlattr *action,
				       unsigned int family,
				       struct lwtunnel_state **ts,
				       struct netlink_ext_ack *extack)
{
	const struct seg6_local_behavior *b;
	int err;

	b = seg6_behavior_get(nla_get_u32(action));
	if (!b) {
		NL_SET_ERR_MSG_ATTR(extack, action,
				    "no module has registered this behaviour");
		return -EOPNOTSUPP;
	}

	if (seg6_behavior_is_for(b, family)) {
		err = seg6_behavior_build_own(net, encap, family, b, ts,
					      extack);
	} else {
		NL_SET_ERR_MSG_ATTR(extack, encap,
				    "this behaviour is for IPv6 routes");
		err = -EINVAL;
	}
	if (err)
		module_put(b->owner);

	return err;
}

static bool seg6_behavior_is_private(const struct nlattr *action)
{
	u32 value;

	/* Let the kernel complain. */
	if (!action || nla_len(action) < sizeof(value))
		return false;

	value = nla_get_u32(action);
	return value >= SEG6_BEHAVIOR_ACTION_MIN &&
	       value <= SEG6_BEHAVIOR_ACTION_MAX;
}

/* With or without RTNL, as the kernel's version has it */
static int seg6_behavior_build_state(struct net *net, struct nlattr *encap,
				     unsigned int family, const void *cfg,
				     struct lwtunnel_state **ts,
				     struct netlink_ext_ack *extack)
{
	struct nlattr *action;
	int idx, err;

	idx = srcu_read_lock(&seg6_behavior_builds);
	/* Nothing else may be looked at before: it could be the kernel's. */
	action = nla_find_nested(encap, SEG6_LOCAL_ACTION);
	if (seg6_behavior_is_private(action))
		err = seg6_behavior_build_private(net, encap, action, family,
						  ts, extack);
	else
		err = seg6_behavior_stock->build_state(net, encap, family, cfg,
						       ts, extack);
	srcu_read_unlock(&seg6_behavior_builds, idx);

	return err;
}

/* lwtstate_free() calls this outside RCU, mostly in softirq. It frees @lws
 * itself, after a grace period.
 */
static void seg6_behavior_destroy_state(struct lwtunnel_state *lws)
{
	struct seg6_behavior_state *st = seg6_behavior_state(lws);
	struct module *owner;

	if (!st) {
		seg6_behavior_stock->destroy_state(lws);
		return;
	}

	/* The behaviour may be gone as soon as its module is put. */
	owner = st->behavior->owner;
	if (st->behavior->destroy_state)
		st->behavior->destroy_state(st->priv);
	module_put(owner);
}

/* For lwtunnel_input() and lwtunnel_output(), -EOPNOTSUPP says that nobody has
 * touched the packet. They would free it again.
 */
static int seg6_behavior_result(int ret)
{
	return ret == -EOPNOTSUPP ? -EINVAL : ret;
}

/* An IPv4 route may lead to an IPv6 route's state by a nexthop object. */
static bool seg6_behavior_drop_other(const struct seg6_behavior_state *st,
				     struct sk_buff *skb)
{
	if (skb->protocol == st->protocol)
		return false;

	kfree_skb(skb);
	return true;
}

static int seg6_behavior_input_core(struct net *net, struct sock *sk,
				    struct sk_buff *skb)
{
	struct lwtunnel_state *lws = skb_dst(skb)->lwtstate;
	struct seg6_behavior_state *st = seg6_behavior_state(lws);

	return seg6_behavior_result(st->behavior->input(skb, lws, st->priv));
}

/* Under RCU, in softirq. Follows seg6_local_input(). A packet that waits in
 * NFQUEUE holds its route, hence the state, hence the code that it goes on to.
 */
static int seg6_behavior_input(struct sk_buff *skb)
{
	struct seg6_behavior_state *st =
		seg6_behavior_state(skb_dst(skb)->lwtstate);
	u8 pf;

	if (!st)
		return seg6_behavior_stock->input(skb);

	if (seg6_behavior_drop_other(st, skb))
		return -EINVAL;

	pf = st->protocol == htons(ETH_P_IP) ? NFPROTO_IPV4 : NFPROTO_IPV6;
	if (static_branch_unlikely(&nf_hooks_lwtunnel_enabled))
		return NF_HOOK(pf, NF_INET_LOCAL_IN, dev_net(skb->dev), NULL,
			       skb, skb->dev, NULL, seg6_behavior_input_core);

	return seg6_behavior_input_core(dev_net(skb->dev), NULL, skb);
}

/* Under RCU, softirqs off */
static int seg6_behavior_output(struct net *net, struct sock *sk,
				struct sk_buff *skb)
{
	struct lwtunnel_state *lws = skb_dst(skb)->lwtstate;
	struct seg6_behavior_state *st = seg6_behavior_state(lws);

	/* The kernel's states do not redirect output: we have checked that
	 * its operations could not handle it. The caller drops the packet.
	 */
	if (!st)
		return -EOPNOTSUPP;

	if (seg6_behavior_drop_other(st, skb))
		return -EINVAL;

	return seg6_behavior_result(st->behavior->output(net, sk, skb, lws,
							 st->priv));
}

const struct lwtunnel_encap_ops seg6_behavior_ops = {
	.build_state	= seg6_behavior_build_state,
	.destroy_state	= seg6_behavior_destroy_state,
	.input		= seg6_behavior_input,
	.output		= seg6_behavior_output,
	.fill_encap	= seg6_behavior_fill_encap,
	.get_encap_size	= seg6_behavior_get_encap_size,
	.cmp_encap	= seg6_behavior_cmp_encap,
	/* Not THIS_MODULE: states from before us hold no reference to us. */
	.owner		= NULL,
};

/* Now that the slot does not lead here any more, wait for all that still run
 * our operations. Then the code may be freed.
 */
void seg6_behavior_drain(void)
{
	/* Packets and dumps run under RCU; most states are freed in softirq,
	 * by RCU's own callbacks.
	 */
	synchronize_rcu();
	rcu_barrier();

	/* build_state() and lwtstate_free() read the slot outside RCU. What a
	 * task does from there on, it does without sleeping, but for building
	 * a state. So wait until each task has come that far or is through,
	 * then for the builders, then for their last instructions.
	 */
	synchronize_rcu_tasks();
	synchronize_srcu(&seg6_behavior_builds);
	synchronize_rcu_tasks();
}
