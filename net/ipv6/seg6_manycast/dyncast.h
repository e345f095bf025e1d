/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_DYNCAST_H
#define _SEG6_MANYCAST_DYNCAST_H

struct manycast_route;
struct netlink_ext_ack;
struct sk_buff;

int manycast_dyncast_attach(struct manycast_route *route,
			    struct netlink_ext_ack *extack);
int manycast_dyncast_input(struct sk_buff *skb, struct manycast_route *route);
int manycast_dyncast_output(struct sk_buff *skb, struct manycast_route *route);

#endif /* _SEG6_MANYCAST_DYNCAST_H */
