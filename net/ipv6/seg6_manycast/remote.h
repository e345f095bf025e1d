/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_REMOTE_H
#define _SEG6_MANYCAST_REMOTE_H

#include "packet.h"

struct manycast_instance;
struct manycast_service;

const struct manycast_path *
manycast_server_path(const struct manycast_instance *inst,
		     const struct sk_buff *skb,
		     const struct manycast_packet *pkt,
		     struct manycast_path *room);
struct manycast_path *manycast_remote_path(const struct manycast_instance *inst,
					   const struct sk_buff *skb,
					   const struct manycast_packet *pkt);
bool manycast_peer_rst(struct manycast_service *svc, struct sk_buff *skb,
		       const struct manycast_packet *pkt);
int manycast_peer_input(struct manycast_service *svc, struct sk_buff *skb,
			const struct manycast_packet *pkt);

#endif /* _SEG6_MANYCAST_REMOTE_H */
