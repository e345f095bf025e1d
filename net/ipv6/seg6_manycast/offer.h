/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_OFFER_H
#define _SEG6_MANYCAST_OFFER_H

#include "packet.h"

/* Per mille: half of the accept queue, where a route has no other. */
#define MANYCAST_MARK_DEFAULT	500

bool manycast_offered(const struct sk_buff *skb,
		      const struct manycast_packet *pkt);
bool manycast_offer_taken(const struct manycast_route *route,
			  const struct sk_buff *skb,
			  const struct manycast_packet *pkt);

#endif /* _SEG6_MANYCAST_OFFER_H */
