/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_HASHER_H
#define _SEG6_MANYCAST_HASHER_H

#include "service.h"
#include "tuple.h"

struct manycast_route;
struct netlink_ext_ack;
struct sk_buff;

int manycast_hasher_attach(struct manycast_service *svc,
			   struct netlink_ext_ack *extack);
struct manycast_instance *
manycast_hasher_pick(const struct manycast_settings *settings,
		     const struct manycast_pool *pool,
		     const struct manycast_tuple *tuple);
int manycast_hasher_input(struct sk_buff *skb, struct manycast_route *route);
int manycast_hasher_output(struct sk_buff *skb, struct manycast_route *route);

#endif /* _SEG6_MANYCAST_HASHER_H */
