// SPDX-License-Identifier: GPL-2.0
/* Requests about periods. */

#include <net/ipv6.h>

#include "calendar.h"
#include "main.h"
#include "netlink.h"
#include "service.h"

const struct nla_policy
manycast_nl_period_policy[SEG6_MANYCAST_PERIOD_MAX + 1] = {
	[SEG6_MANYCAST_PERIOD_SERVICE]	= MANYCAST_NL_NAME,
	[SEG6_MANYCAST_PERIOD_INDEX]	= { .type = NLA_U64 },
	[SEG6_MANYCAST_PERIOD_NUMBER]	= { .type = NLA_U32 },
	[SEG6_MANYCAST_PERIOD_SID]	= MANYCAST_NL_ADDR,
};

static int put_period(struct sk_buff *msg, const struct manycast_service *svc,
		      u64 index, const struct manycast_entry *entry)
{
	return nla_put_string(msg, SEG6_MANYCAST_PERIOD_SERVICE, svc->name) ||
	       nla_put_u64_64bit(msg, SEG6_MANYCAST_PERIOD_INDEX, index,
				 SEG6_MANYCAST_PERIOD_PAD) ||
	       nla_put_u32(msg, SEG6_MANYCAST_PERIOD_NUMBER, entry->number) ||
	       (!ipv6_addr_any(&entry->sid) &&
		nla_put_in6_addr(msg, SEG6_MANYCAST_PERIOD_SID,
				 &entry->sid)) ||
	       nla_put_u64_64bit(msg, SEG6_MANYCAST_PERIOD_PACKETS,
				 entry->packets, SEG6_MANYCAST_PERIOD_PAD) ?
	       -EMSGSIZE : 0;
}

/**
 * manycast_nl_period_changed() - tell who has got a period
 * @svc:	the service
 * @index:	the period
 *
 * Context: process, manycast_net.lock held.
 */
void manycast_nl_period_changed(struct manycast_service *svc, u64 index)
{
	struct manycast_entry entry;
	struct sk_buff *event;
	void *hdr;

	if (!manycast_calendar_look(svc->calendar, index, &entry))
		return;
	event = manycast_nl_event_begin(NULL, SEG6_MANYCAST_CMD_PERIOD_SET,
					&hdr);
	if (event)
		event = manycast_nl_event_end(event, hdr,
					      put_period(event, svc, index,
							 &entry));
	manycast_nl_tell(svc->mnet->net, event);
}

static void window_of(const struct manycast_service *svc,
		      struct manycast_window *window)
{
	manycast_period_window(&manycast_settings(svc)->rhythm,
			       manycast_calendar_now(), window);
}

/* Of those that clients may speak of. What is to come is chosen when it is
 * due.
 */
static int get_index(struct genl_info *info, const struct manycast_service *svc,
		     u64 *index)
{
	const struct nlattr *attr = info->attrs[SEG6_MANYCAST_PERIOD_INDEX];
	struct manycast_window window;

	if (MANYCAST_NL_REQUIRE(info, SEG6_MANYCAST_PERIOD_INDEX,
				"index of the period"))
		return -EINVAL;
	*index = nla_get_u64(attr);
	window_of(svc, &window);
	if (*index < window.oldest) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr, "the period is over");
		return -ERANGE;
	}
	if (*index > window.newest) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "the period is to come");
		return -ERANGE;
	}
	return 0;
}

/* As what is shown may be given. */
static int check_number(struct genl_info *info,
			const struct manycast_service *svc, u64 index)
{
	const struct nlattr *attr = info->attrs[SEG6_MANYCAST_PERIOD_NUMBER];
	u64 numbers = manycast_period_numbers(&manycast_settings(svc)->rhythm);

	if (!attr || nla_get_u32(attr) == (index & (numbers - 1)))
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, attr,
			    "the period has another number");
	return -EINVAL;
}

static struct manycast_instance *get_instance(struct genl_info *info,
					      struct manycast_service *svc)
{
	const struct nlattr *attr = info->attrs[SEG6_MANYCAST_PERIOD_SID];
	struct manycast_instance *inst;
	struct in6_addr sid;

	if (MANYCAST_NL_REQUIRE(info, SEG6_MANYCAST_PERIOD_SID,
				"sid of the instance"))
		return ERR_PTR(-EINVAL);
	sid = nla_get_in6_addr(attr);
	inst = manycast_instance_find(svc, &sid);
	if (!inst) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "the service has no instance of this sid");
		return ERR_PTR(-ENOENT);
	}
	if (inst->role.state == SEG6_MANYCAST_STATE_DOWN) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr, "the instance is down");
		return ERR_PTR(-EHOSTDOWN);
	}
	return inst;
}

static int set_period(struct genl_info *info, struct manycast_service *svc)
{
	struct manycast_instance *inst;
	u64 index;
	int err;

	err = get_index(info, svc, &index) ?: check_number(info, svc, index);
	if (err)
		return err;
	inst = get_instance(info, svc);
	if (IS_ERR(inst))
		return PTR_ERR(inst);
	/* A router that starts gets its calendar back before its routes. */
	if (manycast_calendar_open(svc)) {
		NL_SET_ERR_MSG(info->extack, "no memory for the periods");
		return -ENOMEM;
	}
	manycast_calendar_tick(svc);
	manycast_calendar_put(svc->calendar, index, inst);
	return 0;
}

int manycast_nl_period_set(struct sk_buff *skb, struct genl_info *info)
{
	struct manycast_net *mnet = manycast_net(genl_info_net(info));
	struct manycast_service *svc;
	int err;

	mutex_lock(&mnet->lock);
	svc = manycast_nl_service(mnet, info, SEG6_MANYCAST_PERIOD_SERVICE);
	err = PTR_ERR_OR_ZERO(svc);
	if (!err)
		err = set_period(info, svc);
	mutex_unlock(&mnet->lock);
	return err;
}

/* Where a dump stands, in netlink_callback.ctx. */
struct period_dump {
	u64 index;
	long service;
};

/* Periods of a service from @dump->index on. */
static bool dump_periods(struct sk_buff *msg, struct netlink_callback *cb,
			 struct manycast_service *svc, struct period_dump *dump)
{
	struct manycast_window window;
	struct manycast_entry entry;
	u64 index;
	void *hdr;

	window_of(svc, &window);
	for (index = max(window.oldest, dump->index); index <= window.newest;
	     index++) {
		if (!manycast_calendar_look(svc->calendar, index, &entry))
			continue;
		hdr = manycast_nl_dump_put(msg, cb,
					   SEG6_MANYCAST_CMD_PERIOD_GET);
		if (!hdr)
			return false;
		if (put_period(msg, svc, index, &entry)) {
			genlmsg_cancel(msg, hdr);
			return false;
		}
		genlmsg_end(msg, hdr);
		dump->index = index + 1;
	}
	dump->index = 0;
	return true;
}

int manycast_nl_period_dump(struct sk_buff *msg, struct netlink_callback *cb)
{
	struct manycast_net *mnet = manycast_net(sock_net(cb->skb->sk));
	const struct nlattr *only =
		genl_info_dump(cb)->attrs[SEG6_MANYCAST_PERIOD_SERVICE];
	struct period_dump *dump = (struct period_dump *)cb->ctx;
	struct manycast_service *svc;
	bool found = false;
	long i = 0;

	BUILD_BUG_ON(sizeof(*dump) > sizeof(cb->ctx));
	mutex_lock(&mnet->lock);
	cb->seq = mnet->generation;
	list_for_each_entry(svc, &mnet->services, list) {
		if (only && strcmp(svc->name, nla_data(only)))
			continue;
		found = true;
		if (i++ < dump->service || !svc->calendar)
			continue;
		if (!dump_periods(msg, cb, svc, dump))
			break;
		dump->service = i;
	}
	mutex_unlock(&mnet->lock);
	if (only && !found) {
		NL_SET_ERR_MSG(cb->extack, "no such service");
		return -ENOENT;
	}
	return msg->len;
}
