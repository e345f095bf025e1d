// SPDX-License-Identifier: GPL-2.0
/* Generic netlink family "seg6_manycast": the family, and what its requests
 * share.
 */

#include <linux/module.h>
#include <net/ipv6.h>

#include "addr.h"
#include "main.h"
#include "netlink.h"
#include "service.h"

int manycast_nl_unicast(const struct nlattr *attr, struct in6_addr *addr,
			struct netlink_ext_ack *extack)
{
	*addr = nla_get_in6_addr(attr);
	if (manycast_unicast(addr))
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, attr, "not a unicast address");
	return -EINVAL;
}

void manycast_nl_u32(const struct nlattr *attr, u32 *value)
{
	if (attr)
		*value = nla_get_u32(attr);
}

/* An event that cannot be told is no reason to fail the request: builders
 * return NULL then, and manycast_nl_tell() ignores it.
 */
void manycast_nl_tell(struct net *net, struct sk_buff *event)
{
	if (event)
		genlmsg_multicast_netns(&manycast_nl_family, net, event, 0,
					MANYCAST_NL_EVENTS, GFP_KERNEL);
}

/* @info is the request that caused it; without one it came of itself. */
struct sk_buff *manycast_nl_event_begin(struct genl_info *info, u8 cmd,
					void **hdr)
{
	struct sk_buff *event = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);

	if (!event)
		return NULL;
	*hdr = genlmsg_put(event, info ? info->snd_portid : 0,
			   info ? info->snd_seq : 0, &manycast_nl_family, 0,
			   cmd);
	return event;
}

struct sk_buff *manycast_nl_event_end(struct sk_buff *event, void *hdr, int err)
{
	if (err) {
		nlmsg_free(event);
		return NULL;
	}
	genlmsg_end(event, hdr);
	return event;
}

/* Begins an object of a dump. With cb->seq set, one of an earlier message that
 * came or went since makes the kernel mark the rest with NLM_F_DUMP_INTR.
 */
void *manycast_nl_dump_put(struct sk_buff *msg, struct netlink_callback *cb,
			   u8 cmd)
{
	void *hdr = genlmsg_put(msg, NETLINK_CB(cb->skb).portid,
				cb->nlh->nlmsg_seq, &manycast_nl_family,
				NLM_F_MULTI, cmd);

	if (hdr)
		genl_dump_check_consistent(cb, hdr);
	return hdr;
}

/* The service that attribute @attr names, or an ERR_PTR(). */
struct manycast_service *manycast_nl_service(struct manycast_net *mnet,
					     struct genl_info *info, int attr)
{
	struct manycast_service *svc;

	if (MANYCAST_NL_REQUIRE(info, attr, "name of the service"))
		return ERR_PTR(-EINVAL);
	svc = manycast_service_find(mnet, nla_data(info->attrs[attr]));
	if (svc)
		return svc;
	NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[attr],
			    "no such service");
	return ERR_PTR(-ENOENT);
}

static int stats_get(struct sk_buff *skb, struct genl_info *info)
{
	struct manycast_net *mnet = manycast_net(genl_info_net(info));
	struct sk_buff *msg = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	void *hdr;

	if (!msg)
		return -ENOMEM;
	hdr = genlmsg_put_reply(msg, info, &manycast_nl_family, 0,
				SEG6_MANYCAST_CMD_STATS_GET);
	if (!hdr || manycast_stats_put(msg, SEG6_MANYCAST_A_STATS, mnet->stats,
				       SEG6_MANYCAST_STAT_MAX)) {
		nlmsg_free(msg);
		return -EMSGSIZE;
	}
	genlmsg_end(msg, hdr);
	return genlmsg_reply(msg, info);
}

#define WRITE_OP(CMD, fn, object)					\
	{								\
		.cmd = SEG6_MANYCAST_CMD_##CMD,				\
		.flags = GENL_ADMIN_PERM,				\
		.policy = manycast_nl_##object##_policy,		\
		.maxattr = ARRAY_SIZE(manycast_nl_##object##_policy) - 1, \
		.doit = fn,						\
	}

static const struct genl_ops ops[] = {
	WRITE_OP(SERVICE_ADD, manycast_nl_service_add, service),
	WRITE_OP(SERVICE_SET, manycast_nl_service_set, service),
	WRITE_OP(SERVICE_DEL, manycast_nl_service_del, service),
	WRITE_OP(INSTANCE_ADD, manycast_nl_instance_add, instance),
	WRITE_OP(INSTANCE_SET, manycast_nl_instance_set, instance),
	WRITE_OP(INSTANCE_DEL, manycast_nl_instance_del, instance),
	WRITE_OP(LISTENER_SET, manycast_nl_listener_set, listener),
	WRITE_OP(LISTENER_DEL, manycast_nl_listener_del, listener),
	WRITE_OP(PERIOD_SET, manycast_nl_period_set, period),
	{
		.cmd = SEG6_MANYCAST_CMD_SERVICE_GET,
		.policy = manycast_nl_service_policy,
		.maxattr = SEG6_MANYCAST_SERVICE_MAX,
		.doit = manycast_nl_service_get,
		.dumpit = manycast_nl_service_dump,
	}, {
		.cmd = SEG6_MANYCAST_CMD_INSTANCE_GET,
		.policy = manycast_nl_instance_policy,
		.maxattr = SEG6_MANYCAST_INSTANCE_MAX,
		.dumpit = manycast_nl_instance_dump,
	}, {
		.cmd = SEG6_MANYCAST_CMD_LISTENER_GET,
		.policy = manycast_nl_listener_policy,
		.maxattr = SEG6_MANYCAST_LISTENER_MAX,
		.start = manycast_nl_listener_start,
		.dumpit = manycast_nl_listener_dump,
		.done = manycast_nl_listener_done,
	}, {
		.cmd = SEG6_MANYCAST_CMD_PERIOD_GET,
		.policy = manycast_nl_period_policy,
		.maxattr = SEG6_MANYCAST_PERIOD_MAX,
		.dumpit = manycast_nl_period_dump,
	}, {
		.cmd = SEG6_MANYCAST_CMD_STATS_GET,
		.doit = stats_get,
	},
};

static const struct genl_multicast_group groups[] = {
	[MANYCAST_NL_EVENTS] = { .name = SEG6_MANYCAST_GENL_MCGRP },
	[MANYCAST_NL_SELECTIONS] = {
		.name = SEG6_MANYCAST_GENL_MCGRP_SELECTIONS },
};

struct genl_family manycast_nl_family __ro_after_init = {
	.name		= SEG6_MANYCAST_GENL_NAME,
	.version	= SEG6_MANYCAST_GENL_VERSION,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.ops		= ops,
	.n_ops		= ARRAY_SIZE(ops),
	.mcgrps		= groups,
	.n_mcgrps	= ARRAY_SIZE(groups),
};

/**
 * manycast_netlink_register() - offer the family
 *
 * Return: 0 or a negative error.
 */
int manycast_netlink_register(void)
{
	return genl_register_family(&manycast_nl_family);
}

/**
 * manycast_netlink_unregister() - take it back
 */
void manycast_netlink_unregister(void)
{
	genl_unregister_family(&manycast_nl_family);
}
