/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_SERVER_H
#define _SEG6_MANYCAST_SERVER_H

#include <linux/types.h>

struct manycast_net;
struct manycast_route;
struct netlink_ext_ack;
struct sk_buff;

int manycast_server_init(struct manycast_net *mnet);
void manycast_server_unhook(struct manycast_net *mnet);
void manycast_server_exit(struct manycast_net *mnet);
int manycast_server_attach(struct manycast_net *mnet,
			   struct netlink_ext_ack *extack);
void manycast_server_detach(struct manycast_net *mnet);
int manycast_server_input(struct sk_buff *skb, struct manycast_route *route);

#endif /* _SEG6_MANYCAST_SERVER_H */
