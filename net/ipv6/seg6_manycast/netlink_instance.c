// SPDX-License-Identifier: GPL-2.0
/* Requests about instances. */

#include <net/ipv6.h>

#include "addr.h"
#include "calendar.h"
#include "main.h"
#include "netlink.h"
#include "service.h"

const struct nla_policy
manycast_nl_instance_policy[SEG6_MANYCAST_INSTANCE_MAX + 1] = {
	[SEG6_MANYCAST_INSTANCE_SERVICE] = MANYCAST_NL_NAME,
	[SEG6_MANYCAST_INSTANCE_SID]	= MANYCAST_NL_ADDR,
	[SEG6_MANYCAST_INSTANCE_SEGS]	= { .type = NLA_BINARY,
		.len = SEG6_MANYCAST_SEGS_MAX * sizeof(struct in6_addr) },
	[SEG6_MANYCAST_INSTANCE_ADDR]	= MANYCAST_NL_ADDR,
	[SEG6_MANYCAST_INSTANCE_WEIGHT]	=
		NLA_POLICY_MAX(NLA_U32, SEG6_MANYCAST_WEIGHT_MAX),
	[SEG6_MANYCAST_INSTANCE_TIER]	=
		NLA_POLICY_MAX(NLA_U32, SEG6_MANYCAST_TIER_MAX),
	[SEG6_MANYCAST_INSTANCE_STATE]	=
		NLA_POLICY_MAX(NLA_U32, SEG6_MANYCAST_STATE_MAX),
	[SEG6_MANYCAST_INSTANCE_REMOTE]	= { .type = NLA_FLAG },
	[SEG6_MANYCAST_INSTANCE_METRIC]	= { .type = NLA_U8 },
	[SEG6_MANYCAST_INSTANCE_METRIC_FROM] = { .type = NLA_U64 },
};

static int put_waypoints(struct sk_buff *msg, const struct manycast_path *path)
{
	struct in6_addr segs[SEG6_MANYCAST_SEGS_MAX];
	unsigned int i, n = path->n - 1;

	for (i = 0; i < n; i++)
		segs[i] = path->seg[n - i];
	return n ? nla_put(msg, SEG6_MANYCAST_INSTANCE_SEGS,
			   n * sizeof(segs[0]), segs) : 0;
}

static int put_measured(struct sk_buff *msg,
			const struct manycast_instance *inst)
{
	u32 rtt = READ_ONCE(inst->rtt), load = READ_ONCE(inst->load);
	u32 residence = READ_ONCE(inst->residence);

	return (rtt && nla_put_u32(msg, SEG6_MANYCAST_INSTANCE_RTT, rtt)) ||
	       (residence && nla_put_u32(msg, SEG6_MANYCAST_INSTANCE_RESIDENCE,
					 residence)) ||
	       (load != MANYCAST_IOAM_UNAVAILABLE &&
		nla_put_u32(msg, SEG6_MANYCAST_INSTANCE_LOAD, load)) ?
	       -EMSGSIZE : 0;
}

static int put_role(struct sk_buff *msg, const struct manycast_instance *inst)
{
	return nla_put_u32(msg, SEG6_MANYCAST_INSTANCE_WEIGHT,
			   inst->role.weight) ||
	       nla_put_u32(msg, SEG6_MANYCAST_INSTANCE_TIER,
			   inst->role.tier) ||
	       nla_put_u32(msg, SEG6_MANYCAST_INSTANCE_STATE,
			   manycast_instance_state(inst)) ||
	       (inst->remote &&
		nla_put_flag(msg, SEG6_MANYCAST_INSTANCE_REMOTE)) ?
	       -EMSGSIZE : 0;
}

/* The first period that nobody has been chosen for yet. */
static u64 first_period(const struct manycast_service *svc)
{
	return svc->calendar ? manycast_calendar_newest(svc->calendar) + 1 : 0;
}

/* What is chosen by next, and what will be later. */
static int put_metrics(struct sk_buff *msg,
		       const struct manycast_instance *inst)
{
	const struct manycast_metrics *metrics = &inst->metrics;
	u64 first = first_period(inst->service);
	unsigned int i = 0, n;

	while (i < metrics->n && metrics->next[i].from <= first)
		i++;
	n = metrics->n - i;
	return nla_put_u8(msg, SEG6_MANYCAST_INSTANCE_METRIC,
			  manycast_metric_at(metrics, first)) ||
	       (n && nla_put_64bit(msg, SEG6_MANYCAST_INSTANCE_PENDING,
				   n * sizeof(metrics->next[0]),
				   &metrics->next[i],
				   SEG6_MANYCAST_INSTANCE_PAD)) ?
	       -EMSGSIZE : 0;
}

static int put_instance(struct sk_buff *msg,
			const struct manycast_instance *inst)
{
	const struct in6_addr *sid = manycast_sid(inst);

	if (nla_put_string(msg, SEG6_MANYCAST_INSTANCE_SERVICE,
			   inst->service->name) ||
	    nla_put_in6_addr(msg, SEG6_MANYCAST_INSTANCE_SID, sid) ||
	    put_waypoints(msg, &inst->path) ||
	    (!ipv6_addr_equal(&inst->source, sid) &&
	     nla_put_in6_addr(msg, SEG6_MANYCAST_INSTANCE_ADDR,
			      &inst->source)) ||
	    put_role(msg, inst) || put_metrics(msg, inst) ||
	    put_measured(msg, inst))
		return -EMSGSIZE;
	return manycast_stats_put(msg, SEG6_MANYCAST_INSTANCE_STATS,
				  inst->stats, SEG6_MANYCAST_INSTANCE_STAT_MAX);
}

/* Not in events: it would double them, and none tells of a handshake. */
static int put_histogram(struct sk_buff *msg,
			 const struct manycast_histogram *hist)
{
	unsigned int n = manycast_histogram_len(hist), i;
	struct nlattr *attr;
	u64 *count;

	if (!n)
		return 0;
	attr = nla_reserve_64bit(msg, SEG6_MANYCAST_INSTANCE_RTT_HISTOGRAM,
				 n * sizeof(*count),
				 SEG6_MANYCAST_INSTANCE_PAD);
	if (!attr)
		return -EMSGSIZE;
	count = nla_data(attr);
	for (i = 0; i < n; i++)
		count[i] = atomic64_read(&hist->count[i]);
	return nla_put_u64_64bit(msg, SEG6_MANYCAST_INSTANCE_RTT_SUM,
				 atomic64_read(&hist->sum),
				 SEG6_MANYCAST_INSTANCE_PAD);
}

static struct sk_buff *instance_event(struct genl_info *info,
				      const struct manycast_instance *inst,
				      u8 cmd)
{
	void *hdr;
	struct sk_buff *event = manycast_nl_event_begin(info, cmd, &hdr);

	return event ? manycast_nl_event_end(event, hdr,
					     put_instance(event, inst)) :
		       NULL;
}

static void tell(struct genl_info *info, struct manycast_instance *inst,
		 u8 cmd)
{
	inst->told = manycast_instance_state(inst);
	manycast_nl_tell(genl_info_net(info), instance_event(info, inst, cmd));
}

/**
 * manycast_nl_instance_changed() - tell that an instance's health has changed
 * @inst:	the instance
 *
 * Context: process, manycast_net.lock held.
 */
void manycast_nl_instance_changed(struct manycast_instance *inst)
{
	inst->told = manycast_instance_state(inst);
	manycast_nl_tell(inst->service->mnet->net,
			 instance_event(NULL, inst,
					SEG6_MANYCAST_CMD_INSTANCE_SET));
}

/* Overlay what the request gives on @role. */
static void get_role(struct nlattr **attrs, struct manycast_role *role)
{
	u32 tier = role->tier, state = role->state;

	manycast_nl_u32(attrs[SEG6_MANYCAST_INSTANCE_WEIGHT], &role->weight);
	manycast_nl_u32(attrs[SEG6_MANYCAST_INSTANCE_TIER], &tier);
	manycast_nl_u32(attrs[SEG6_MANYCAST_INSTANCE_STATE], &state);
	role->tier = tier;
	role->state = state;
}

/* Find out whether the metric can be had before anything else is done. */
static int check_metric(struct genl_info *info,
			const struct manycast_service *svc,
			const struct manycast_metrics *metrics, u64 *from)
{
	const struct nlattr *at =
		info->attrs[SEG6_MANYCAST_INSTANCE_METRIC_FROM];
	u64 first = first_period(svc);

	*from = at ? nla_get_u64(at) : first;
	if (!info->attrs[SEG6_MANYCAST_INSTANCE_METRIC]) {
		if (!at)
			return 0;
		NL_SET_ERR_MSG_ATTR(info->extack, at, "from without a metric");
		return -EINVAL;
	}
	switch (manycast_metric_check(metrics, *from, first)) {
	case 0:
		return 0;
	case -EALREADY:
		NL_SET_ERR_MSG_ATTR(info->extack, at,
				    "the instance of this period is fixed");
		return -EALREADY;
	default:
		NL_SET_ERR_MSG(info->extack, "too many metrics are to come");
		return -ENOSPC;
	}
}

static void set_metric(struct genl_info *info, struct manycast_instance *inst,
		       u64 from)
{
	const struct nlattr *attr = info->attrs[SEG6_MANYCAST_INSTANCE_METRIC];
	struct manycast_calendar *cal = inst->service->calendar;
	u64 first = first_period(inst->service);

	if (!attr)
		return;
	if (!cal) {
		manycast_metric_set(&inst->metrics, nla_get_u8(attr), from,
				    first);
		return;
	}
	/* Packets choose by it. */
	spin_lock_bh(&cal->lock);
	manycast_metric_set(&inst->metrics, nla_get_u8(attr), from, first);
	spin_unlock_bh(&cal->lock);
}

static int get_path(struct genl_info *info, struct manycast_path *path)
{
	const struct nlattr *attr = info->attrs[SEG6_MANYCAST_INSTANCE_SEGS];
	const struct in6_addr *seg;
	unsigned int n;

	if (MANYCAST_NL_REQUIRE(info, SEG6_MANYCAST_INSTANCE_SID,
				"sid of the instance") ||
	    manycast_nl_unicast(info->attrs[SEG6_MANYCAST_INSTANCE_SID],
				&path->seg[0], info->extack))
		return -EINVAL;
	path->n = 1;
	path->left = 0;
	if (!attr)
		return 0;
	n = nla_len(attr) / sizeof(*seg);
	if (!n || nla_len(attr) % sizeof(*seg)) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "segs is not a list of addresses");
		return -EINVAL;
	}
	for (seg = nla_data(attr); n; n--) {
		if (!manycast_unicast(&seg[n - 1])) {
			NL_SET_ERR_MSG_ATTR(info->extack, attr,
					    "segs has no unicast address");
			return -EINVAL;
		}
		manycast_path_add(path, &seg[n - 1]);
	}
	return 0;
}

static struct manycast_instance *
instance_from(struct manycast_service *svc, struct genl_info *info)
{
	const struct manycast_metrics no_metrics = {};
	struct nlattr **attrs = info->attrs;
	struct manycast_role role = { .weight = 1 };
	struct manycast_instance *inst;
	struct manycast_path path = {};
	struct in6_addr source;
	u64 from;
	int err;

	err = get_path(info, &path);
	if (err)
		return ERR_PTR(err);
	source = path.seg[0];
	if (attrs[SEG6_MANYCAST_INSTANCE_ADDR] &&
	    manycast_nl_unicast(attrs[SEG6_MANYCAST_INSTANCE_ADDR], &source,
				info->extack))
		return ERR_PTR(-EINVAL);
	get_role(attrs, &role);
	if (manycast_instance_find(svc, &path.seg[0])) {
		NL_SET_ERR_MSG_ATTR(info->extack,
				    attrs[SEG6_MANYCAST_INSTANCE_SID],
				    "the service has an instance of this sid");
		return ERR_PTR(-EEXIST);
	}
	err = check_metric(info, svc, &no_metrics, &from);
	if (err)
		return ERR_PTR(err);
	inst = manycast_instance_add(svc, &path, &source, &role,
				     attrs[SEG6_MANYCAST_INSTANCE_REMOTE],
				     info->extack);
	if (!IS_ERR(inst))
		set_metric(info, inst, from);
	return inst;
}

int manycast_nl_instance_add(struct sk_buff *skb, struct genl_info *info)
{
	struct manycast_net *mnet = manycast_net(genl_info_net(info));
	struct manycast_instance *inst;
	struct manycast_service *svc;
	int err;

	mutex_lock(&mnet->lock);
	svc = manycast_nl_service(mnet, info, SEG6_MANYCAST_INSTANCE_SERVICE);
	err = PTR_ERR_OR_ZERO(svc);
	if (err)
		goto unlock;
	inst = instance_from(svc, info);
	err = PTR_ERR_OR_ZERO(inst);
	if (!err)
		tell(info, inst, SEG6_MANYCAST_CMD_INSTANCE_ADD);
unlock:
	mutex_unlock(&mnet->lock);
	return err;
}

/* The instance that the request names, or an ERR_PTR(). */
static struct manycast_instance *instance_of(struct manycast_net *mnet,
					     struct genl_info *info)
{
	const struct nlattr *sid = info->attrs[SEG6_MANYCAST_INSTANCE_SID];
	struct manycast_instance *inst;
	struct manycast_service *svc;
	struct in6_addr addr;

	svc = manycast_nl_service(mnet, info, SEG6_MANYCAST_INSTANCE_SERVICE);
	if (IS_ERR(svc))
		return ERR_CAST(svc);
	if (MANYCAST_NL_REQUIRE(info, SEG6_MANYCAST_INSTANCE_SID,
				"sid of the instance"))
		return ERR_PTR(-EINVAL);
	addr = nla_get_in6_addr(sid);
	inst = manycast_instance_find(svc, &addr);
	if (inst)
		return inst;
	NL_SET_ERR_MSG_ATTR(info->extack, sid,
			    "the service has no instance of this sid");
	return ERR_PTR(-ENOENT);
}

int manycast_nl_instance_set(struct sk_buff *skb, struct genl_info *info)
{
	struct manycast_net *mnet = manycast_net(genl_info_net(info));
	struct manycast_instance *inst;
	struct manycast_role role;
	u64 from;
	int err;

	if (info->attrs[SEG6_MANYCAST_INSTANCE_SEGS] ||
	    info->attrs[SEG6_MANYCAST_INSTANCE_ADDR] ||
	    info->attrs[SEG6_MANYCAST_INSTANCE_REMOTE]) {
		NL_SET_ERR_MSG(info->extack,
			       "segs, addr and remote are fixed: delete and add");
		return -EINVAL;
	}
	mutex_lock(&mnet->lock);
	inst = instance_of(mnet, info);
	err = PTR_ERR_OR_ZERO(inst);
	if (err)
		goto unlock;
	err = check_metric(info, inst->service, &inst->metrics, &from);
	if (err)
		goto unlock;
	role = inst->role;
	role.state = manycast_instance_state(inst);
	get_role(info->attrs, &role);
	err = manycast_instance_set(inst, &role, info->extack);
	if (err)
		goto unlock;
	set_metric(info, inst, from);
	tell(info, inst, SEG6_MANYCAST_CMD_INSTANCE_SET);
unlock:
	mutex_unlock(&mnet->lock);
	return err;
}

int manycast_nl_instance_del(struct sk_buff *skb, struct genl_info *info)
{
	struct manycast_net *mnet = manycast_net(genl_info_net(info));
	struct manycast_instance *inst;
	struct sk_buff *event;
	int err;

	mutex_lock(&mnet->lock);
	inst = instance_of(mnet, info);
	err = PTR_ERR_OR_ZERO(inst);
	if (err)
		goto unlock;
	event = instance_event(info, inst, SEG6_MANYCAST_CMD_INSTANCE_DEL);
	err = manycast_instance_del(inst, info->extack);
	if (err)
		nlmsg_free(event);
	else
		manycast_nl_tell(genl_info_net(info), event);
unlock:
	mutex_unlock(&mnet->lock);
	return err;
}

/* All instances of a service; args[1] counts them over all services. */
static bool dump_instances(struct sk_buff *msg, struct netlink_callback *cb,
			   struct manycast_service *svc, long *i)
{
	struct manycast_instance *inst;

	list_for_each_entry(inst, &svc->instances, list) {
		void *hdr;

		if ((*i)++ < cb->args[1])
			continue;
		hdr = manycast_nl_dump_put(msg, cb,
					   SEG6_MANYCAST_CMD_INSTANCE_GET);
		if (!hdr)
			return false;
		if (put_instance(msg, inst) ||
		    put_histogram(msg, &inst->rtts)) {
			genlmsg_cancel(msg, hdr);
			return false;
		}
		genlmsg_end(msg, hdr);
		cb->args[1] = *i;
	}
	return true;
}

int manycast_nl_instance_dump(struct sk_buff *msg, struct netlink_callback *cb)
{
	struct manycast_net *mnet = manycast_net(sock_net(cb->skb->sk));
	const struct nlattr *only =
		genl_info_dump(cb)->attrs[SEG6_MANYCAST_INSTANCE_SERVICE];
	struct manycast_service *svc;
	bool found = false;
	long i = 0;

	mutex_lock(&mnet->lock);
	cb->seq = mnet->generation;
	list_for_each_entry(svc, &mnet->services, list) {
		if (only && strcmp(svc->name, nla_data(only)))
			continue;
		found = true;
		if (!dump_instances(msg, cb, svc, &i))
			break;
	}
	mutex_unlock(&mnet->lock);
	if (only && !found) {
		NL_SET_ERR_MSG(cb->extack, "no such service");
		return -ENOENT;
	}
	return msg->len;
}
