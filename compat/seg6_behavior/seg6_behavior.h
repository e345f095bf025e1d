/* SPDX-License-Identifier: GPL-2.0 */
/* Not an API: what the files of seg6_behavior.ko share.
 *
 *  main.c	when the module comes and goes
 *  slot.c	finds the seg6local slot of lwtun_encaps[], and changes it
 *  ops.c	what we put there: our states or the kernel's own, and to whom
 *  attr.c	route attributes of our states
 *  registry.c	the behaviours, by their action number
 */
#ifndef _SEG6_BEHAVIOR_H
#define _SEG6_BEHAVIOR_H

#include <linux/bits.h>
#include <linux/types.h>

struct lwtunnel_encap_ops;
struct lwtunnel_state;
struct netlink_ext_ack;
struct nlattr;
struct seg6_local_behavior;
struct sk_buff;

/* RFC 8986, section 10.2.1: reserved for private use */
#define SEG6_BEHAVIOR_ACTION_MIN	0x8000
#define SEG6_BEHAVIOR_ACTION_MAX	0x87ff

/* In lwtunnel_state::flags: the state is one of ours. The core of lwtunnels
 * uses bits 0 to 2.
 */
#define SEG6_BEHAVIOR_STATE		BIT(15)

/**
 * struct seg6_behavior_state - what we keep in lwtunnel_state::data
 * @ops:	&seg6_behavior_ops, to be sure, should the core ever start to
 *		use our bit of the flags
 * @behavior:	whose state it is. The state holds a reference to its owner.
 * @protocol:	ETH_P_* of the packets that the route is for
 * @priv:	the state_size octets of @behavior
 */
struct seg6_behavior_state {
	const struct lwtunnel_encap_ops		*ops;
	const struct seg6_local_behavior	*behavior;
	__be16					protocol;
	unsigned long				priv[];
};

/* What the slot held before. Neither set nor cleared while seg6_behavior_ops
 * can be called.
 */
extern const struct lwtunnel_encap_ops *seg6_behavior_stock;
extern const struct lwtunnel_encap_ops seg6_behavior_ops;

struct seg6_behavior_state *seg6_behavior_state(struct lwtunnel_state *lws);
void seg6_behavior_drain(void);

int seg6_behavior_slot_take(unsigned long table);
void seg6_behavior_slot_return(void);

const struct seg6_local_behavior *seg6_behavior_get(u32 action);

int seg6_behavior_parse(const struct seg6_local_behavior *b,
			struct nlattr *encap, struct nlattr **tb,
			struct netlink_ext_ack *extack);
int seg6_behavior_fill_encap(struct sk_buff *skb, struct lwtunnel_state *lws);
int seg6_behavior_get_encap_size(struct lwtunnel_state *lws);
int seg6_behavior_cmp_encap(struct lwtunnel_state *a,
			    struct lwtunnel_state *b);

#endif /* _SEG6_BEHAVIOR_H */
