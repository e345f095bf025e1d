/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_TIER_H
#define _SEG6_MANYCAST_TIER_H

#include "service.h"

struct manycast_pool *
manycast_choose_of_tiers(struct manycast_service *svc,
			 const struct manycast_settings *settings,
			 struct manycast_pool *pool, bool local);

/**
 * manycast_choose_tier() - who takes a new handshake
 * @svc:	the service
 * @settings:	its settings
 * @local:	another site's selector has sent the SYN here: not a site again
 *
 * Most services have one tier, and somebody in it who answers.
 *
 * Context: RCU, bottom halves off.
 * Return: its pool, with somebody to be asked; or NULL.
 */
static inline struct manycast_pool *
manycast_choose_tier(struct manycast_service *svc,
		     const struct manycast_settings *settings, bool local)
{
	struct manycast_pool *pool = rcu_dereference(svc->pool);

	if (pool && pool->n && !pool->next && !(local && pool->remote))
		return pool;
	return manycast_choose_of_tiers(svc, settings, pool, local);
}

#endif /* _SEG6_MANYCAST_TIER_H */
