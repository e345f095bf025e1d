// SPDX-License-Identifier: GPL-2.0
/* Requests about services. */

#include <linux/ctype.h>
#include <net/ipv6.h>

#include "candidates.h"
#include "main.h"
#include "netlink.h"
#include "service.h"

static struct netlink_range_validation coef_range = {
	.max = 1000000,
};

struct netlink_range_validation manycast_nl_limit_range = {
	.min = 1, .max = 1 << 24,
};

static struct netlink_range_validation rate_range = {
	.max = NSEC_PER_SEC,
};

static struct netlink_range_validation slots_range = {
	.min = SEG6_MANYCAST_SLOTS_MIN, .max = SEG6_MANYCAST_SLOTS_MAX,
};

static struct netlink_range_validation probe_range = {
	.max = SEG6_MANYCAST_PROBE_MAX,
};

static struct netlink_range_validation time_range = {
	.min = 1, .max = 60000,
};

static struct netlink_range_validation hold_range = {
	.max = 60000,
};

static struct netlink_range_validation period_range = {
	.min = SEG6_MANYCAST_PERIOD_MS_MIN, .max = SEG6_MANYCAST_PERIOD_MS_MAX,
};

static struct netlink_range_validation grace_range = {
	.max = SEG6_MANYCAST_PERIOD_MS_MAX,
};

static struct netlink_range_validation_signed offset_range = {
	.min = -SEG6_MANYCAST_OFFSET_MAX, .max = SEG6_MANYCAST_OFFSET_MAX,
};

const struct nla_policy
manycast_nl_service_policy[SEG6_MANYCAST_SERVICE_MAX + 1] = {
	[SEG6_MANYCAST_SERVICE_NAME]	= MANYCAST_NL_NAME,
	[SEG6_MANYCAST_SERVICE_SID]	= MANYCAST_NL_ADDR,
	[SEG6_MANYCAST_SERVICE_POLICY]	=
		NLA_POLICY_MAX(NLA_U32, SEG6_MANYCAST_POLICY_MAX),
	[SEG6_MANYCAST_SERVICE_CANDIDATES] =
		NLA_POLICY_MAX(NLA_U32, SEG6_MANYCAST_CANDIDATES_MAX),
	[SEG6_MANYCAST_SERVICE_FANOUT]	=
		NLA_POLICY_RANGE(NLA_U32, 1, SEG6_MANYCAST_FANOUT_MAX),
	[SEG6_MANYCAST_SERVICE_QUORUM]	=
		NLA_POLICY_MAX(NLA_U32, SEG6_MANYCAST_FANOUT_MAX),
	[SEG6_MANYCAST_SERVICE_HOLD]	=
		NLA_POLICY_FULL_RANGE(NLA_U32, &hold_range),
	[SEG6_MANYCAST_SERVICE_TIMEOUT]	=
		NLA_POLICY_FULL_RANGE(NLA_U32, &time_range),
	[SEG6_MANYCAST_SERVICE_TOMBSTONE] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &time_range),
	[SEG6_MANYCAST_SERVICE_LIMIT]	=
		NLA_POLICY_FULL_RANGE(NLA_U32, &manycast_nl_limit_range),
	[SEG6_MANYCAST_SERVICE_RATE]	=
		NLA_POLICY_FULL_RANGE(NLA_U32, &rate_range),
	[SEG6_MANYCAST_SERVICE_IOAM_NS]	= { .type = NLA_U16 },
	[SEG6_MANYCAST_SERVICE_IOAM_NODES] =
		NLA_POLICY_MAX(NLA_U32, MANYCAST_IOAM_NODES_MAX),
	[SEG6_MANYCAST_SERVICE_COEF_NETWORK] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &coef_range),
	[SEG6_MANYCAST_SERVICE_COEF_RESIDENCE] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &coef_range),
	[SEG6_MANYCAST_SERVICE_COEF_LOAD] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &coef_range),
	[SEG6_MANYCAST_SERVICE_KEY]	=
		NLA_POLICY_EXACT_LEN(SEG6_MANYCAST_KEY_LEN),
	[SEG6_MANYCAST_SERVICE_SLOTS]	=
		NLA_POLICY_FULL_RANGE(NLA_U32, &slots_range),
	[SEG6_MANYCAST_SERVICE_AFFINITY] =
		NLA_POLICY_MAX(NLA_U32, SEG6_MANYCAST_AFFINITY_MAX),
	[SEG6_MANYCAST_SERVICE_PINS]	=
		NLA_POLICY_FULL_RANGE(NLA_U32, &manycast_nl_limit_range),
	[SEG6_MANYCAST_SERVICE_FAILS]	=
		NLA_POLICY_MAX(NLA_U32, SEG6_MANYCAST_FAILS_MAX),
	[SEG6_MANYCAST_SERVICE_PROBE]	=
		NLA_POLICY_FULL_RANGE(NLA_U32, &probe_range),
	[SEG6_MANYCAST_SERVICE_MARK]	=
		NLA_POLICY_RANGE(NLA_U32, 1, SEG6_MANYCAST_MARK_MAX),
	[SEG6_MANYCAST_SERVICE_MODE] =
		NLA_POLICY_MAX(NLA_U32, SEG6_MANYCAST_MODE_MAX),
	[SEG6_MANYCAST_SERVICE_PERIOD]	=
		NLA_POLICY_FULL_RANGE(NLA_U32, &period_range),
	[SEG6_MANYCAST_SERVICE_BITS]	=
		NLA_POLICY_RANGE(NLA_U32, 1, SEG6_MANYCAST_BITS_MAX),
	[SEG6_MANYCAST_SERVICE_STRETCH]	=
		NLA_POLICY_MAX(NLA_U32, SEG6_MANYCAST_STRETCH_MAX),
	[SEG6_MANYCAST_SERVICE_GRACE]	=
		NLA_POLICY_FULL_RANGE(NLA_U32, &grace_range),
	[SEG6_MANYCAST_SERVICE_OFFSET]	=
		NLA_POLICY_FULL_RANGE_SIGNED(NLA_S64, &offset_range),
	[SEG6_MANYCAST_SERVICE_DAMPING]	=
		NLA_POLICY_MAX(NLA_U32, SEG6_MANYCAST_STRETCH_MAX),
	[SEG6_MANYCAST_SERVICE_THRESHOLD] =
		NLA_POLICY_MAX(NLA_U32, SEG6_MANYCAST_THRESHOLD_MAX),
	[SEG6_MANYCAST_SERVICE_METRICS]	=
		NLA_POLICY_MAX(NLA_U32, SEG6_MANYCAST_METRICS_MAX),
};

/* Names stand on command lines and in file names of tools. */
static int check_name(const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	const char *c = nla_data(attr);

	if (!*c) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "name is empty");
		return -EINVAL;
	}
	for (; *c; c++) {
		if (isalnum(*c) || strchr("-_.", *c))
			continue;
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "name has more than letters, digits, -_.");
		return -EINVAL;
	}
	return 0;
}

/* A hunt takes the first answer: it is the only one. */
static int check_hunt(const struct manycast_settings *s,
		      struct netlink_ext_ack *extack)
{
	if (s->mode != SEG6_MANYCAST_MODE_HUNT)
		return 0;
	if (s->candidates != SEG6_MANYCAST_CANDIDATES_ALL && s->fanout < 2) {
		NL_SET_ERR_MSG(extack, "mode hunt needs a fanout of 2 or more");
		return -EINVAL;
	}
	if (s->policy != SEG6_MANYCAST_POLICY_RTT) {
		NL_SET_ERR_MSG(extack, "mode hunt needs policy rtt");
		return -EINVAL;
	}
	return 0;
}

static int check_rhythm(const struct manycast_settings *s,
			struct netlink_ext_ack *extack)
{
	if (s->rhythm.grace >= s->rhythm.period) {
		NL_SET_ERR_MSG(extack, "grace is not shorter than period");
		return -EINVAL;
	}
	if (!manycast_period_fits(&s->rhythm)) {
		NL_SET_ERR_MSG(extack,
			       "too few bits to tell the periods of the stretch apart");
		return -EINVAL;
	}
	if (s->damping > s->rhythm.stretch) {
		NL_SET_ERR_MSG(extack, "damping is longer than stretch");
		return -EINVAL;
	}
	return 0;
}

static int check_settings(const struct manycast_settings *s,
			  struct netlink_ext_ack *extack)
{
	if (s->candidates != SEG6_MANYCAST_CANDIDATES_ALL &&
	    s->quorum > s->fanout) {
		NL_SET_ERR_MSG(extack, "quorum is larger than fanout");
		return -EINVAL;
	}
	if (s->hold > s->timeout) {
		NL_SET_ERR_MSG(extack, "hold is longer than timeout");
		return -EINVAL;
	}
	if (s->affinity == SEG6_MANYCAST_AFFINITY_HUNT &&
	    s->candidates != SEG6_MANYCAST_CANDIDATES_HASH) {
		NL_SET_ERR_MSG(extack, "affinity hunt needs candidates hash");
		return -EINVAL;
	}
	return check_hunt(s, extack) ?: check_rhythm(s, extack);
}

static int get_slots(const struct nlattr *attr, struct manycast_settings *s,
		     struct netlink_ext_ack *extack)
{
	manycast_nl_u32(attr, &s->slots);
	if (manycast_maglev_size_ok(s->slots))
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, attr, "not a prime number");
	return -EINVAL;
}

static void get_periods(struct nlattr **attrs, struct manycast_settings *s)
{
	const struct nlattr *offset = attrs[SEG6_MANYCAST_SERVICE_OFFSET];
	struct manycast_rhythm *rhythm = &s->rhythm;
	u32 bits = rhythm->bits, metrics = s->metrics;

	manycast_nl_u32(attrs[SEG6_MANYCAST_SERVICE_PERIOD], &rhythm->period);
	manycast_nl_u32(attrs[SEG6_MANYCAST_SERVICE_BITS], &bits);
	manycast_nl_u32(attrs[SEG6_MANYCAST_SERVICE_STRETCH],
			&rhythm->stretch);
	manycast_nl_u32(attrs[SEG6_MANYCAST_SERVICE_GRACE], &rhythm->grace);
	if (offset)
		rhythm->offset = nla_get_s64(offset);
	manycast_nl_u32(attrs[SEG6_MANYCAST_SERVICE_DAMPING], &s->damping);
	manycast_nl_u32(attrs[SEG6_MANYCAST_SERVICE_THRESHOLD], &s->threshold);
	manycast_nl_u32(attrs[SEG6_MANYCAST_SERVICE_METRICS], &metrics);
	rhythm->bits = bits;
	s->metrics = metrics;
}

/* Overlay what the request gives on @s. */
static int get_settings(struct nlattr **attrs, struct manycast_settings *s,
			struct netlink_ext_ack *extack)
{
	const struct nlattr *attr = attrs[SEG6_MANYCAST_SERVICE_SID];
	u32 policy = s->policy, candidates = s->candidates;
	u32 nodes = s->ioam_nodes, affinity = s->affinity, mode = s->mode;

	if (attr && manycast_nl_unicast(attr, &s->sid, extack))
		return -EINVAL;
	if (get_slots(attrs[SEG6_MANYCAST_SERVICE_SLOTS], s, extack))
		return -EINVAL;
	manycast_nl_u32(attrs[SEG6_MANYCAST_SERVICE_POLICY], &policy);
	manycast_nl_u32(attrs[SEG6_MANYCAST_SERVICE_CANDIDATES], &candidates);
	manycast_nl_u32(attrs[SEG6_MANYCAST_SERVICE_FANOUT], &s->fanout);
	manycast_nl_u32(attrs[SEG6_MANYCAST_SERVICE_QUORUM], &s->quorum);
	manycast_nl_u32(attrs[SEG6_MANYCAST_SERVICE_HOLD], &s->hold);
	manycast_nl_u32(attrs[SEG6_MANYCAST_SERVICE_TIMEOUT], &s->timeout);
	manycast_nl_u32(attrs[SEG6_MANYCAST_SERVICE_TOMBSTONE], &s->tombstone);
	manycast_nl_u32(attrs[SEG6_MANYCAST_SERVICE_LIMIT], &s->limit);
	manycast_nl_u32(attrs[SEG6_MANYCAST_SERVICE_AFFINITY], &affinity);
	manycast_nl_u32(attrs[SEG6_MANYCAST_SERVICE_PINS], &s->pins);
	manycast_nl_u32(attrs[SEG6_MANYCAST_SERVICE_FAILS], &s->fails);
	manycast_nl_u32(attrs[SEG6_MANYCAST_SERVICE_PROBE], &s->probe);
	manycast_nl_u32(attrs[SEG6_MANYCAST_SERVICE_MARK], &s->mark);
	manycast_nl_u32(attrs[SEG6_MANYCAST_SERVICE_MODE], &mode);
	manycast_nl_u32(attrs[SEG6_MANYCAST_SERVICE_RATE], &s->rate);
	manycast_nl_u32(attrs[SEG6_MANYCAST_SERVICE_IOAM_NODES], &nodes);
	manycast_nl_u32(attrs[SEG6_MANYCAST_SERVICE_COEF_NETWORK],
			&s->coef.network);
	manycast_nl_u32(attrs[SEG6_MANYCAST_SERVICE_COEF_RESIDENCE],
			&s->coef.residence);
	manycast_nl_u32(attrs[SEG6_MANYCAST_SERVICE_COEF_LOAD], &s->coef.load);
	if (attrs[SEG6_MANYCAST_SERVICE_IOAM_NS])
		s->ioam_ns = nla_get_u16(attrs[SEG6_MANYCAST_SERVICE_IOAM_NS]);
	if (attrs[SEG6_MANYCAST_SERVICE_KEY])
		nla_memcpy(&s->key, attrs[SEG6_MANYCAST_SERVICE_KEY],
			   sizeof(s->key));
	s->policy = policy;
	s->candidates = candidates;
	s->affinity = affinity;
	s->mode = mode;
	s->ioam_nodes = nodes;
	get_periods(attrs, s);
	return check_settings(s, extack);
}

static int put_periods(struct sk_buff *msg, const struct manycast_settings *s)
{
	const struct manycast_rhythm *rhythm = &s->rhythm;

	return nla_put_u32(msg, SEG6_MANYCAST_SERVICE_PERIOD, rhythm->period) ||
	       nla_put_u32(msg, SEG6_MANYCAST_SERVICE_BITS, rhythm->bits) ||
	       nla_put_u32(msg, SEG6_MANYCAST_SERVICE_STRETCH,
			   rhythm->stretch) ||
	       nla_put_u32(msg, SEG6_MANYCAST_SERVICE_GRACE, rhythm->grace) ||
	       nla_put_s64(msg, SEG6_MANYCAST_SERVICE_OFFSET, rhythm->offset,
			   SEG6_MANYCAST_SERVICE_PAD) ||
	       nla_put_u32(msg, SEG6_MANYCAST_SERVICE_DAMPING, s->damping) ||
	       nla_put_u32(msg, SEG6_MANYCAST_SERVICE_THRESHOLD,
			   s->threshold) ||
	       nla_put_u32(msg, SEG6_MANYCAST_SERVICE_METRICS, s->metrics) ?
	       -EMSGSIZE : 0;
}

static int put_settings(struct sk_buff *msg, const struct manycast_settings *s,
			bool secrets)
{
	return nla_put_in6_addr(msg, SEG6_MANYCAST_SERVICE_SID, &s->sid) ||
	       nla_put_u32(msg, SEG6_MANYCAST_SERVICE_POLICY, s->policy) ||
	       nla_put_u32(msg, SEG6_MANYCAST_SERVICE_CANDIDATES,
			   s->candidates) ||
	       nla_put_u32(msg, SEG6_MANYCAST_SERVICE_FANOUT, s->fanout) ||
	       nla_put_u32(msg, SEG6_MANYCAST_SERVICE_QUORUM, s->quorum) ||
	       nla_put_u32(msg, SEG6_MANYCAST_SERVICE_HOLD, s->hold) ||
	       nla_put_u32(msg, SEG6_MANYCAST_SERVICE_TIMEOUT, s->timeout) ||
	       nla_put_u32(msg, SEG6_MANYCAST_SERVICE_TOMBSTONE,
			   s->tombstone) ||
	       nla_put_u32(msg, SEG6_MANYCAST_SERVICE_LIMIT, s->limit) ||
	       nla_put_u32(msg, SEG6_MANYCAST_SERVICE_RATE, s->rate) ||
	       nla_put_u16(msg, SEG6_MANYCAST_SERVICE_IOAM_NS, s->ioam_ns) ||
	       nla_put_u32(msg, SEG6_MANYCAST_SERVICE_IOAM_NODES,
			   s->ioam_nodes) ||
	       nla_put_u32(msg, SEG6_MANYCAST_SERVICE_COEF_NETWORK,
			   s->coef.network) ||
	       nla_put_u32(msg, SEG6_MANYCAST_SERVICE_COEF_RESIDENCE,
			   s->coef.residence) ||
	       nla_put_u32(msg, SEG6_MANYCAST_SERVICE_COEF_LOAD,
			   s->coef.load) ||
	       nla_put_u32(msg, SEG6_MANYCAST_SERVICE_SLOTS, s->slots) ||
	       nla_put_u32(msg, SEG6_MANYCAST_SERVICE_AFFINITY, s->affinity) ||
	       nla_put_u32(msg, SEG6_MANYCAST_SERVICE_PINS, s->pins) ||
	       nla_put_u32(msg, SEG6_MANYCAST_SERVICE_FAILS, s->fails) ||
	       nla_put_u32(msg, SEG6_MANYCAST_SERVICE_PROBE, s->probe) ||
	       nla_put_u32(msg, SEG6_MANYCAST_SERVICE_MARK, s->mark) ||
	       nla_put_u32(msg, SEG6_MANYCAST_SERVICE_MODE, s->mode) ||
	       (secrets && (s->key.key[0] || s->key.key[1]) &&
		nla_put(msg, SEG6_MANYCAST_SERVICE_KEY, sizeof(s->key),
			&s->key)) ? -EMSGSIZE : 0;
}

static int put_service(struct sk_buff *msg, const struct manycast_service *svc,
		       bool secrets)
{
	const struct manycast_settings *s = rcu_dereference_check(svc->settings,
					lockdep_is_held(&svc->mnet->lock));

	if (nla_put_string(msg, SEG6_MANYCAST_SERVICE_NAME, svc->name) ||
	    put_settings(msg, s, secrets) || put_periods(msg, s) ||
	    nla_put_u32(msg, SEG6_MANYCAST_SERVICE_OPEN,
			atomic_read(&svc->open)) ||
	    nla_put_u32(msg, SEG6_MANYCAST_SERVICE_PINNED,
			READ_ONCE(svc->pin_count)))
		return -EMSGSIZE;
	return manycast_stats_put(msg, SEG6_MANYCAST_SERVICE_STATS, svc->stats,
				  SEG6_MANYCAST_SERVICE_STAT_MAX);
}

static struct sk_buff *service_event(struct genl_info *info,
				     const struct manycast_service *svc, u8 cmd)
{
	void *hdr;
	struct sk_buff *event = manycast_nl_event_begin(info, cmd, &hdr);

	return event ? manycast_nl_event_end(event, hdr,
					     put_service(event, svc, false)) :
		       NULL;
}

static void tell(struct genl_info *info, const struct manycast_service *svc,
		 u8 cmd)
{
	manycast_nl_tell(genl_info_net(info), service_event(info, svc, cmd));
}

int manycast_nl_service_add(struct sk_buff *skb, struct genl_info *info)
{
	struct manycast_net *mnet = manycast_net(genl_info_net(info));
	struct manycast_settings settings = manycast_settings_default;
	const struct nlattr *name = info->attrs[SEG6_MANYCAST_SERVICE_NAME];
	struct manycast_service *svc;
	int err;

	if (MANYCAST_NL_REQUIRE(info, SEG6_MANYCAST_SERVICE_NAME,
				"name of the service") ||
	    MANYCAST_NL_REQUIRE(info, SEG6_MANYCAST_SERVICE_SID,
				"sid of the selector"))
		return -EINVAL;
	err = check_name(name, info->extack);
	if (err)
		return err;
	err = get_settings(info->attrs, &settings, info->extack);
	if (err)
		return err;

	mutex_lock(&mnet->lock);
	if (manycast_service_find(mnet, nla_data(name))) {
		NL_SET_ERR_MSG_ATTR(info->extack, name,
				    "a service of this name exists");
		err = -EEXIST;
		goto unlock;
	}
	svc = manycast_service_add(mnet, nla_data(name), &settings,
				   info->extack);
	if (IS_ERR(svc))
		err = PTR_ERR(svc);
	else
		tell(info, svc, SEG6_MANYCAST_CMD_SERVICE_ADD);
unlock:
	mutex_unlock(&mnet->lock);
	return err;
}

int manycast_nl_service_set(struct sk_buff *skb, struct genl_info *info)
{
	struct manycast_net *mnet = manycast_net(genl_info_net(info));
	struct manycast_settings settings;
	struct manycast_service *svc;
	int err;

	mutex_lock(&mnet->lock);
	svc = manycast_nl_service(mnet, info, SEG6_MANYCAST_SERVICE_NAME);
	err = PTR_ERR_OR_ZERO(svc);
	if (err)
		goto unlock;
	settings = *manycast_settings(svc);
	err = get_settings(info->attrs, &settings, info->extack);
	if (!err)
		err = manycast_service_set(svc, &settings, info->extack);
	if (!err)
		tell(info, svc, SEG6_MANYCAST_CMD_SERVICE_SET);
unlock:
	mutex_unlock(&mnet->lock);
	return err;
}

int manycast_nl_service_del(struct sk_buff *skb, struct genl_info *info)
{
	struct manycast_net *mnet = manycast_net(genl_info_net(info));
	struct manycast_service *svc;
	struct sk_buff *event;
	int err;

	mutex_lock(&mnet->lock);
	svc = manycast_nl_service(mnet, info, SEG6_MANYCAST_SERVICE_NAME);
	err = PTR_ERR_OR_ZERO(svc);
	if (err)
		goto unlock;
	/* Once deleted it is freed after a grace period, so build what is told
	 * of it first.
	 */
	event = service_event(info, svc, SEG6_MANYCAST_CMD_SERVICE_DEL);
	err = manycast_service_del(svc, info->extack);
	if (err)
		nlmsg_free(event);
	else
		manycast_nl_tell(genl_info_net(info), event);
unlock:
	mutex_unlock(&mnet->lock);
	return err;
}

int manycast_nl_service_get(struct sk_buff *skb, struct genl_info *info)
{
	struct manycast_net *mnet = manycast_net(genl_info_net(info));
	bool secrets = netlink_capable(skb, CAP_NET_ADMIN);
	struct manycast_service *svc;
	struct sk_buff *msg;
	void *hdr;
	int err;

	msg = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!msg)
		return -ENOMEM;
	mutex_lock(&mnet->lock);
	svc = manycast_nl_service(mnet, info, SEG6_MANYCAST_SERVICE_NAME);
	err = PTR_ERR_OR_ZERO(svc);
	if (!err) {
		hdr = genlmsg_put_reply(msg, info, &manycast_nl_family, 0,
					SEG6_MANYCAST_CMD_SERVICE_GET);
		err = hdr ? put_service(msg, svc, secrets) : -EMSGSIZE;
	}
	mutex_unlock(&mnet->lock);
	if (err) {
		nlmsg_free(msg);
		return err;
	}
	genlmsg_end(msg, hdr);
	return genlmsg_reply(msg, info);
}

int manycast_nl_service_dump(struct sk_buff *msg, struct netlink_callback *cb)
{
	struct manycast_net *mnet = manycast_net(sock_net(cb->skb->sk));
	bool secrets = netlink_capable(cb->skb, CAP_NET_ADMIN);
	struct manycast_service *svc;
	long i = 0;

	mutex_lock(&mnet->lock);
	cb->seq = mnet->generation;
	list_for_each_entry(svc, &mnet->services, list) {
		void *hdr;

		if (i++ < cb->args[0])
			continue;
		hdr = manycast_nl_dump_put(msg, cb,
					   SEG6_MANYCAST_CMD_SERVICE_GET);
		if (!hdr)
			break;
		if (put_service(msg, svc, secrets)) {
			genlmsg_cancel(msg, hdr);
			break;
		}
		genlmsg_end(msg, hdr);
		cb->args[0] = i;
	}
	mutex_unlock(&mnet->lock);
	return msg->len;
}
