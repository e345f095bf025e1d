/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_TIER_H
#define _SEG6_MANYCAST_TIER_H

#include <linux/types.h>

struct manycast_pool;
struct manycast_service;
struct manycast_settings;

struct manycast_pool *
manycast_choose_tier(struct manycast_service *svc,
		     const struct manycast_settings *settings, bool local);

#endif /* _SEG6_MANYCAST_TIER_H */
