/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_EDGE_H
#define _SEG6_MANYCAST_EDGE_H

struct lwtunnel_state;
struct manycast_route;
struct net;
struct sk_buff;
struct sock;

int manycast_edge_input(struct sk_buff *skb, struct lwtunnel_state *lwt,
			struct manycast_route *route);
int manycast_edge_output(struct net *net, struct sock *sk, struct sk_buff *skb,
			 struct lwtunnel_state *lwt,
			 struct manycast_route *route);
int manycast_edge_answer(struct sk_buff *skb, struct manycast_route *route);

#endif /* _SEG6_MANYCAST_EDGE_H */
