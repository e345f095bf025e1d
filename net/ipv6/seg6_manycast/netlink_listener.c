// SPDX-License-Identifier: GPL-2.0
/* Requests about listeners. */

#include <linux/slab.h>
#include <net/sock.h>

#include "listener.h"
#include "main.h"
#include "netlink.h"

const struct nla_policy
manycast_nl_listener_policy[SEG6_MANYCAST_LISTENER_MAX + 1] = {
	[SEG6_MANYCAST_LISTENER_ADDR]	= MANYCAST_NL_ADDR,
	[SEG6_MANYCAST_LISTENER_PORT]	= NLA_POLICY_MIN(NLA_U16, 1),
	[SEG6_MANYCAST_LISTENER_LOAD]	=
		NLA_POLICY_MAX(NLA_U32, SEG6_MANYCAST_LOAD_MAX),
};

static int get_endpoint(struct genl_info *info,
			struct manycast_endpoint *at)
{
	if (MANYCAST_NL_REQUIRE(info, SEG6_MANYCAST_LISTENER_ADDR, "address") ||
	    MANYCAST_NL_REQUIRE(info, SEG6_MANYCAST_LISTENER_PORT, "port"))
		return -EINVAL;
	if (manycast_nl_unicast(info->attrs[SEG6_MANYCAST_LISTENER_ADDR],
				&at->addr, info->extack))
		return -EINVAL;
	at->port = htons(nla_get_u16(info->attrs[SEG6_MANYCAST_LISTENER_PORT]));
	at->pad = 0;
	return 0;
}

int manycast_nl_listener_set(struct sk_buff *skb, struct genl_info *info)
{
	struct manycast_net *mnet = manycast_net(genl_info_net(info));
	struct manycast_endpoint at;
	struct manycast_listener *l;
	u32 load = MANYCAST_LOAD_AUTO;
	int err = get_endpoint(info, &at);

	if (err)
		return err;
	manycast_nl_u32(info->attrs[SEG6_MANYCAST_LISTENER_LOAD], &load);
	mutex_lock(&mnet->lock);
	l = manycast_listener_get(mnet, &at, GFP_KERNEL);
	err = PTR_ERR_OR_ZERO(l);
	if (!err)
		WRITE_ONCE(l->load, load);
	else if (err == -ENOSPC)
		NL_SET_ERR_MSG(info->extack, "too many listeners");
	else
		NL_SET_ERR_MSG(info->extack, "no memory for the listener");
	mutex_unlock(&mnet->lock);
	return err;
}

int manycast_nl_listener_del(struct sk_buff *skb, struct genl_info *info)
{
	struct manycast_net *mnet = manycast_net(genl_info_net(info));
	struct manycast_endpoint at;
	int err = get_endpoint(info, &at);

	if (err)
		return err;
	mutex_lock(&mnet->lock);
	if (!manycast_listener_del(mnet, &at)) {
		NL_SET_ERR_MSG(info->extack, "no such listener");
		err = -ENOENT;
	}
	mutex_unlock(&mnet->lock);
	return err;
}

static int put_listener(struct sk_buff *msg, const struct manycast_listener *l)
{
	u32 load = READ_ONCE(l->load);

	if (nla_put_in6_addr(msg, SEG6_MANYCAST_LISTENER_ADDR, &l->at.addr) ||
	    nla_put_u16(msg, SEG6_MANYCAST_LISTENER_PORT, ntohs(l->at.port)) ||
	    (load != MANYCAST_LOAD_AUTO &&
	     nla_put_u32(msg, SEG6_MANYCAST_LISTENER_LOAD, load)))
		return -EMSGSIZE;
	return manycast_stats_put(msg, SEG6_MANYCAST_LISTENER_STATS, l->stats,
				  SEG6_MANYCAST_LISTENER_STAT_MAX);
}

int manycast_nl_listener_start(struct netlink_callback *cb)
{
	struct manycast_net *mnet = manycast_net(sock_net(cb->skb->sk));
	struct rhashtable_iter *iter = kmalloc(sizeof(*iter), GFP_KERNEL);

	if (!iter)
		return -ENOMEM;
	rhashtable_walk_enter(&mnet->listeners, iter);
	cb->args[0] = (long)iter;
	return 0;
}

int manycast_nl_listener_done(struct netlink_callback *cb)
{
	struct rhashtable_iter *iter = (void *)cb->args[0];

	rhashtable_walk_exit(iter);
	kfree(iter);
	return 0;
}

int manycast_nl_listener_dump(struct sk_buff *msg, struct netlink_callback *cb)
{
	struct rhashtable_iter *iter = (void *)cb->args[0];
	struct manycast_listener *l;
	void *hdr;

	rhashtable_walk_start(iter);
	/* Peek first: what does not fit is next in the next message. */
	for (l = rhashtable_walk_peek(iter); l;
	     l = rhashtable_walk_next(iter)) {
		if (IS_ERR(l))
			continue;
		hdr = manycast_nl_dump_put(msg, cb,
					   SEG6_MANYCAST_CMD_LISTENER_GET);
		if (!hdr)
			break;
		if (put_listener(msg, l)) {
			genlmsg_cancel(msg, hdr);
			break;
		}
		genlmsg_end(msg, hdr);
	}
	rhashtable_walk_stop(iter);
	return msg->len;
}
