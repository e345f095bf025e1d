/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_STEER_H
#define _SEG6_MANYCAST_STEER_H

#include "encap.h"
#include "error.h"
#include "service.h"

void manycast_steer_outer(struct manycast_outer *outer,
			  const struct manycast_service *svc,
			  const struct manycast_key *key,
			  const struct manycast_path *path);
bool manycast_hunt_path(const struct manycast_service *svc,
			const struct manycast_key *key, bool local,
			struct manycast_path *path);
int manycast_steer(struct manycast_service *svc, struct sk_buff *skb,
		   const struct manycast_packet *pkt,
		   const struct manycast_key *key, bool local);
int manycast_steer_error(struct manycast_service *svc, struct sk_buff *skb,
			 const struct manycast_packet *pkt);
manycast_sent_t manycast_steered;

#endif /* _SEG6_MANYCAST_STEER_H */
