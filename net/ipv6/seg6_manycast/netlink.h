/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_NETLINK_H
#define _SEG6_MANYCAST_NETLINK_H

#include <linux/seg6_manycast.h>
#include <net/genetlink.h>

struct manycast_handshake;
struct manycast_instance;
struct manycast_net;
struct manycast_outcome;
struct manycast_service;
struct manycast_settings;

/* Multicast groups, by their place in the family */
enum {
	MANYCAST_NL_EVENTS,
	MANYCAST_NL_SELECTIONS,
};

#define MANYCAST_NL_NAME						\
	{ .type = NLA_NUL_STRING, .len = SEG6_MANYCAST_NAME_MAX - 1 }
#define MANYCAST_NL_ADDR	NLA_POLICY_EXACT_LEN(sizeof(struct in6_addr))

/* Without the attribute the message names what is missing. */
#define MANYCAST_NL_REQUIRE(info, attr, what)				\
({									\
	const struct genl_info *__info = (info);			\
	int __err = 0;							\
									\
	if (!__info->attrs[attr]) {					\
		NL_SET_ERR_MSG(__info->extack, what " is missing");	\
		__err = -EINVAL;					\
	}								\
	__err;								\
})

extern struct genl_family manycast_nl_family;
/* Of a table: handshakes of a service, flows of an edge. */
extern struct netlink_range_validation manycast_nl_limit_range;
extern const struct nla_policy
manycast_nl_service_policy[SEG6_MANYCAST_SERVICE_MAX + 1];
extern const struct nla_policy
manycast_nl_instance_policy[SEG6_MANYCAST_INSTANCE_MAX + 1];
extern const struct nla_policy
manycast_nl_listener_policy[SEG6_MANYCAST_LISTENER_MAX + 1];
extern const struct nla_policy
manycast_nl_period_policy[SEG6_MANYCAST_PERIOD_MAX + 1];

int manycast_netlink_register(void);
void manycast_netlink_unregister(void);

int manycast_nl_unicast(const struct nlattr *attr, struct in6_addr *addr,
			struct netlink_ext_ack *extack);
void manycast_nl_u32(const struct nlattr *attr, u32 *value);
void *manycast_nl_dump_put(struct sk_buff *msg, struct netlink_callback *cb,
			   u8 cmd);
struct sk_buff *manycast_nl_event_begin(struct genl_info *info, u8 cmd,
					void **hdr);
struct sk_buff *manycast_nl_event_end(struct sk_buff *event, void *hdr,
				      int err);
void manycast_nl_tell(struct net *net, struct sk_buff *event);
struct manycast_service *manycast_nl_service(struct manycast_net *mnet,
					     struct genl_info *info, int attr);

int manycast_nl_service_add(struct sk_buff *skb, struct genl_info *info);
int manycast_nl_service_set(struct sk_buff *skb, struct genl_info *info);
int manycast_nl_service_del(struct sk_buff *skb, struct genl_info *info);
int manycast_nl_service_get(struct sk_buff *skb, struct genl_info *info);
int manycast_nl_service_dump(struct sk_buff *msg, struct netlink_callback *cb);

int manycast_nl_instance_add(struct sk_buff *skb, struct genl_info *info);
int manycast_nl_instance_set(struct sk_buff *skb, struct genl_info *info);
int manycast_nl_instance_del(struct sk_buff *skb, struct genl_info *info);
int manycast_nl_instance_dump(struct sk_buff *msg, struct netlink_callback *cb);
void manycast_nl_instance_changed(struct manycast_instance *inst);

int manycast_nl_listener_set(struct sk_buff *skb, struct genl_info *info);
int manycast_nl_listener_del(struct sk_buff *skb, struct genl_info *info);
int manycast_nl_listener_start(struct netlink_callback *cb);
int manycast_nl_listener_dump(struct sk_buff *msg, struct netlink_callback *cb);
int manycast_nl_listener_done(struct netlink_callback *cb);

int manycast_nl_period_set(struct sk_buff *skb, struct genl_info *info);
int manycast_nl_period_dump(struct sk_buff *msg, struct netlink_callback *cb);
void manycast_nl_period_changed(struct manycast_service *svc, u64 index);

void manycast_nl_selection(const struct manycast_handshake *hs,
			   const struct manycast_outcome *out);
void manycast_nl_full(struct manycast_service *svc,
		      const struct manycast_settings *settings);

#endif /* _SEG6_MANYCAST_NETLINK_H */
