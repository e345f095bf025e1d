/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_HEALTH_H
#define _SEG6_MANYCAST_HEALTH_H

#include <linux/seg6_manycast.h>
#include <linux/types.h>

struct manycast_instance;
struct manycast_net;
struct manycast_settings;

/**
 * struct manycast_health - does an instance answer?
 * @unanswered:	races that it was asked in since it answered last
 * @since:	jiffies of the first of these
 * @suspect:	it is passed over until it answers
 *
 * CPUs write it without a lock. What gets lost that way is a race or two.
 */
struct manycast_health {
	u32 unanswered;
	unsigned long since;
	bool suspect;
};

bool manycast_health_asked(struct manycast_health *health, unsigned long now,
			   u32 fails, u32 timeout);
void manycast_health_set(struct manycast_health *health, bool suspect);
bool manycast_health_answered(struct manycast_health *health);
enum seg6_manycast_state
manycast_instance_state(const struct manycast_instance *inst);

void manycast_instance_asked(struct manycast_instance *inst,
			     const struct manycast_settings *settings);
void manycast_instance_answered(struct manycast_instance *inst);

void manycast_health_init(struct manycast_net *mnet);
void manycast_health_exit(struct manycast_net *mnet);

#endif /* _SEG6_MANYCAST_HEALTH_H */
