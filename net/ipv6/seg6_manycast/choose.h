/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_CHOOSE_H
#define _SEG6_MANYCAST_CHOOSE_H

#include "packet.h"
#include "service.h"

unsigned int manycast_choose(struct manycast_service *svc,
			     const struct manycast_settings *settings,
			     const struct manycast_pool *pool,
			     const struct manycast_key *key, bool replicable,
			     struct manycast_instance **cand);
struct manycast_instance *
manycast_choose_one(const struct manycast_settings *settings,
		    const struct manycast_pool *pool,
		    const struct manycast_key *key);
unsigned int manycast_choose_hunted(const struct manycast_service *svc,
				    const struct manycast_key *key, bool local,
				    struct manycast_instance **cand,
				    unsigned int max);
bool manycast_rate_exceeded(struct manycast_service *svc, u32 rate);

#endif /* _SEG6_MANYCAST_CHOOSE_H */
