// SPDX-License-Identifier: GPL-2.0
/* Attributes of routes: what may be given, and how it is shown again. */

#include <kunit/visibility.h>
#include <net/ipv6.h>
#include <net/netlink.h>

#include "lwt.h"
#include "netlink.h"
#include "service.h"

/* Values are not given but shown, and may be given back. */
static const struct nla_policy counters_policy[MANYCAST_ROUTE_COUNT_MAX + 1] = {
	[SEG6_LOCAL_CNT_PAD]		= { .type = NLA_FLAG },
	[SEG6_LOCAL_CNT_PACKETS]	= { .type = NLA_U64 },
	[SEG6_LOCAL_CNT_BYTES]		= { .type = NLA_U64 },
	[SEG6_LOCAL_CNT_ERRORS]		= { .type = NLA_U64 },
};

const struct nla_policy manycast_lwt_policy[SEG6_MANYCAST_LWT_MAX + 1] = {
	[SEG6_MANYCAST_LWT_SERVICE] = {
		.type = NLA_NUL_STRING, .len = SEG6_MANYCAST_NAME_MAX - 1 },
	[SEG6_MANYCAST_LWT_TABLE] = NLA_POLICY_MIN(NLA_U32, 1),
	[SEG6_MANYCAST_LWT_SID] =
		NLA_POLICY_EXACT_LEN(sizeof(struct in6_addr)),
	[SEG6_MANYCAST_LWT_SERVERS] =
		NLA_POLICY_EXACT_LEN(sizeof(struct seg6_manycast_prefix)),
	[SEG6_MANYCAST_LWT_ACL] =
		NLA_POLICY_EXACT_LEN(sizeof(struct seg6_manycast_prefix)),
	[SEG6_MANYCAST_LWT_LIMIT] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &manycast_nl_limit_range),
	[SEG6_MANYCAST_LWT_SERVICES] =
		NLA_POLICY_EXACT_LEN(sizeof(struct seg6_manycast_prefix)),
	[SEG6_MANYCAST_LWT_MARK] =
		NLA_POLICY_RANGE(NLA_U32, 1, SEG6_MANYCAST_LOAD_MAX),
	[SEG6_MANYCAST_LWT_POSITION] = NLA_POLICY_RANGE(NLA_U8, 1, 127),
	[SEG6_MANYCAST_LWT_PORT] = NLA_POLICY_MIN(NLA_U16, 1),
	[SEG6_MANYCAST_LWT_COUNTERS] = NLA_POLICY_NESTED(counters_policy),
};

/* A message has to be a literal. */
static void refuse_attr(unsigned int attr, struct netlink_ext_ack *extack)
{
	switch (attr) {
	case SEG6_MANYCAST_LWT_SERVICE:
		NL_SET_ERR_MSG(extack, "this behaviour takes no service");
		break;
	case SEG6_MANYCAST_LWT_TABLE:
		NL_SET_ERR_MSG(extack, "this behaviour takes no table");
		break;
	case SEG6_MANYCAST_LWT_SID:
		NL_SET_ERR_MSG(extack, "this behaviour takes no sid");
		break;
	case SEG6_MANYCAST_LWT_SERVERS:
		NL_SET_ERR_MSG(extack, "this behaviour takes no servers");
		break;
	case SEG6_MANYCAST_LWT_ACL:
		NL_SET_ERR_MSG(extack, "this behaviour takes no acl");
		break;
	case SEG6_MANYCAST_LWT_LIMIT:
		NL_SET_ERR_MSG(extack, "this behaviour takes no limit");
		break;
	case SEG6_MANYCAST_LWT_SERVICES:
		NL_SET_ERR_MSG(extack, "this behaviour takes no services");
		break;
	case SEG6_MANYCAST_LWT_MARK:
		NL_SET_ERR_MSG(extack, "this behaviour takes no mark");
		break;
	case SEG6_MANYCAST_LWT_POSITION:
		NL_SET_ERR_MSG(extack, "this behaviour takes no position");
		break;
	case SEG6_MANYCAST_LWT_PORT:
		NL_SET_ERR_MSG(extack, "this behaviour takes no port");
		break;
	}
}

/* Only what the behaviour knows may be given, and what all know. */
static int check_attrs(struct nlattr **tb, unsigned long known,
		       struct netlink_ext_ack *extack)
{
	unsigned int i;

	known |= BIT(SEG6_MANYCAST_LWT_COUNTERS);
	for (i = 1; i <= SEG6_MANYCAST_LWT_MAX; i++) {
		if (!tb[i] || known & BIT(i))
			continue;
		refuse_attr(i, extack);
		NL_SET_BAD_ATTR(extack, tb[i]);
		return -EINVAL;
	}
	return 0;
}

static int get_prefix(struct manycast_prefix *prefix,
		      const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	struct seg6_manycast_prefix given;
	struct in6_addr addr;

	if (!attr)
		return 0;
	memcpy(&given, nla_data(attr), sizeof(given));
	if (given.len > 128) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "prefix is longer than 128 bits");
		return -EINVAL;
	}
	memcpy(&addr, given.addr, sizeof(addr));
	ipv6_addr_prefix(&prefix->addr, &addr, given.len);
	prefix->len = given.len;
	return 0;
}

static int get_prefixes(struct manycast_route *route, struct nlattr **tb,
			struct netlink_ext_ack *extack)
{
	return get_prefix(&route->servers, tb[SEG6_MANYCAST_LWT_SERVERS],
			  extack) ?:
	       get_prefix(&route->services, tb[SEG6_MANYCAST_LWT_SERVICES],
			  extack) ?:
	       get_prefix(&route->acl, tb[SEG6_MANYCAST_LWT_ACL], extack);
}

/**
 * manycast_lwt_get() - read the attributes that need nothing but themselves
 * @route:	zeroed; result
 * @tb:		the attributes
 * @known:	those that the behaviour has, by their numbers
 * @extack:	receives the reason of a refusal
 *
 * Context: process, may sleep.
 * Return: 0, until manycast_lwt_put(), or a negative error.
 */
int manycast_lwt_get(struct manycast_route *route, struct nlattr **tb,
		     unsigned long known, struct netlink_ext_ack *extack)
{
	int err = check_attrs(tb, known, extack) ?:
		  get_prefixes(route, tb, extack);

	if (err)
		return err;
	if (tb[SEG6_MANYCAST_LWT_TABLE])
		route->table = nla_get_u32(tb[SEG6_MANYCAST_LWT_TABLE]);
	if (tb[SEG6_MANYCAST_LWT_LIMIT])
		route->limit = nla_get_u32(tb[SEG6_MANYCAST_LWT_LIMIT]);
	if (tb[SEG6_MANYCAST_LWT_MARK])
		route->mark = nla_get_u32(tb[SEG6_MANYCAST_LWT_MARK]);
	if (!tb[SEG6_MANYCAST_LWT_COUNTERS])
		return 0;
	route->counters = manycast_stats_alloc(MANYCAST_ROUTE_COUNT_MAX,
					       GFP_KERNEL);
	if (route->counters)
		return 0;
	NL_SET_ERR_MSG(extack, "no memory for the counters");
	return -ENOMEM;
}

/**
 * manycast_lwt_put() - let go what manycast_lwt_get() has taken
 * @route:	the route
 *
 * Context: any.
 */
void manycast_lwt_put(struct manycast_route *route)
{
	free_percpu(route->counters);
}

/**
 * manycast_route_count() - count a packet of a route that counts
 * @route:	the route
 * @len:	octets of the packet as it came
 * @err:	what became of it
 *
 * As the kernel's own actions do: what goes wrong is an error and no packet.
 *
 * Context: any.
 */
void manycast_route_count(const struct manycast_route *route, unsigned int len,
			  int err)
{
	local_bh_disable();
	if (!err || err == -EINPROGRESS) {
		manycast_stats_inc(route->counters, SEG6_LOCAL_CNT_PACKETS);
		manycast_stats_add(route->counters, SEG6_LOCAL_CNT_BYTES, len);
	} else {
		manycast_stats_inc(route->counters, SEG6_LOCAL_CNT_ERRORS);
	}
	local_bh_enable();
}

static int put_prefix(struct sk_buff *skb, int attr,
		      const struct manycast_prefix *prefix)
{
	struct seg6_manycast_prefix given = { .len = prefix->len };

	memcpy(given.addr, &prefix->addr, sizeof(given.addr));
	return prefix->len ? nla_put(skb, attr, sizeof(given), &given) : 0;
}

/* Attributes that are there when they are not 0. */
static int put_numbers(struct sk_buff *skb, const struct manycast_route *route)
{
	return (route->table &&
		nla_put_u32(skb, SEG6_MANYCAST_LWT_TABLE, route->table)) ||
	       (route->limit &&
		nla_put_u32(skb, SEG6_MANYCAST_LWT_LIMIT, route->limit)) ||
	       (route->mark &&
		nla_put_u32(skb, SEG6_MANYCAST_LWT_MARK, route->mark)) ||
	       (route->position &&
		nla_put_u8(skb, SEG6_MANYCAST_LWT_POSITION,
			   route->position)) ||
	       (route->port &&
		nla_put_u16(skb, SEG6_MANYCAST_LWT_PORT, route->port)) ?
	       -EMSGSIZE : 0;
}

/**
 * manycast_lwt_fill() - show a route
 * @skb:	the message, within the nest SEG6_LOCAL_EXT
 * @st:		struct manycast_route
 *
 * Return: 0 or -EMSGSIZE.
 */
int manycast_lwt_fill(struct sk_buff *skb, const void *st)
{
	const struct manycast_route *route = st;

	if (route->service &&
	    nla_put_string(skb, SEG6_MANYCAST_LWT_SERVICE, route->name))
		return -EMSGSIZE;
	if (!ipv6_addr_any(&route->sid) &&
	    nla_put_in6_addr(skb, SEG6_MANYCAST_LWT_SID, &route->sid))
		return -EMSGSIZE;
	if (put_prefix(skb, SEG6_MANYCAST_LWT_SERVERS, &route->servers) ||
	    put_prefix(skb, SEG6_MANYCAST_LWT_SERVICES, &route->services) ||
	    put_prefix(skb, SEG6_MANYCAST_LWT_ACL, &route->acl) ||
	    put_numbers(skb, route))
		return -EMSGSIZE;
	return route->counters ?
	       manycast_stats_put(skb, SEG6_MANYCAST_LWT_COUNTERS,
				  route->counters, MANYCAST_ROUTE_COUNT_MAX) :
	       0;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_lwt_fill);

static int prefix_size(const struct manycast_prefix *prefix)
{
	return prefix->len ?
	       nla_total_size(sizeof(struct seg6_manycast_prefix)) : 0;
}

/**
 * manycast_lwt_size() - how long that is
 * @st:		struct manycast_route
 *
 * Return: octets that manycast_lwt_fill() puts; where 64-bit values are
 * aligned, as many as it takes at worst.
 */
int manycast_lwt_size(const void *st)
{
	const struct manycast_route *route = st;
	int size = prefix_size(&route->servers) +
		   prefix_size(&route->services) + prefix_size(&route->acl);

	if (route->service)
		size += nla_total_size(strlen(route->name) + 1);
	if (!ipv6_addr_any(&route->sid))
		size += nla_total_size(sizeof(route->sid));
	if (route->table)
		size += nla_total_size(sizeof(route->table));
	if (route->limit)
		size += nla_total_size(sizeof(route->limit));
	if (route->mark)
		size += nla_total_size(sizeof(route->mark));
	if (route->position)
		size += nla_total_size(sizeof(route->position));
	if (route->port)
		size += nla_total_size(sizeof(route->port));
	if (route->counters)
		size += nla_total_size(0) + 3 * nla_total_size_64bit(8);
	return size;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_lwt_size);

/**
 * manycast_lwt_cmp() - are two routes configured alike?
 * @a:		struct manycast_route
 * @b:		likewise
 *
 * Return: 0 if they are; what they have counted does not matter.
 */
int manycast_lwt_cmp(const void *a, const void *b)
{
	const struct manycast_route *x = a, *y = b;

	return x->service != y->service || x->table != y->table ||
	       x->limit != y->limit || x->mark != y->mark ||
	       x->position != y->position || x->port != y->port ||
	       !x->counters != !y->counters ||
	       !ipv6_addr_equal(&x->sid, &y->sid) ||
	       !manycast_prefix_equal(&x->servers, &y->servers) ||
	       !manycast_prefix_equal(&x->services, &y->services) ||
	       !manycast_prefix_equal(&x->acl, &y->acl);
}
