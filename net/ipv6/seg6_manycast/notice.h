/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_NOTICE_H
#define _SEG6_MANYCAST_NOTICE_H

#include "packet.h"
#include "service.h"

int manycast_notices_init(struct manycast_service *svc);
void manycast_notices_exit(struct manycast_service *svc);
void manycast_notice_ask(struct manycast_service *svc,
			 const struct manycast_key *key,
			 struct manycast_path *path);
void manycast_notice_send(struct manycast_net *mnet,
			  const struct sk_buff *skb,
			  const struct manycast_packet *pkt);
int manycast_notice_input(struct manycast_net *mnet, struct sk_buff *skb,
			  const struct manycast_packet *pkt);

#endif /* _SEG6_MANYCAST_NOTICE_H */
