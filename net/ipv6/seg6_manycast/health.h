/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_HEALTH_H
#define _SEG6_MANYCAST_HEALTH_H

#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/seg6_manycast.h>
#include <linux/types.h>

struct manycast_instance;
struct manycast_net;

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

/**
 * manycast_health_asked() - one more race
 * @health:	of who is asked
 * @now:	jiffies
 * @fails:	races without an answer that make a suspect; 0: none do
 * @timeout:	milliseconds in which a race is answered
 *
 * Many races may be under way at once, so that their number alone says nothing.
 *
 * Return: whether it has become suspect by that.
 */
static inline bool manycast_health_asked(struct manycast_health *health,
					 unsigned long now, u32 fails,
					 u32 timeout)
{
	u32 unanswered = READ_ONCE(health->unanswered);

	if (!fails || READ_ONCE(health->suspect))
		return false;
	if (!unanswered)
		WRITE_ONCE(health->since, now);
	/* This one has its time still. */
	if (unanswered < fails ||
	    time_before_eq(now, READ_ONCE(health->since) +
				msecs_to_jiffies(timeout))) {
		WRITE_ONCE(health->unanswered, min(unanswered + 1, fails));
		return false;
	}
	WRITE_ONCE(health->suspect, true);
	return true;
}

void manycast_health_set(struct manycast_health *health, bool suspect);
bool manycast_health_answered(struct manycast_health *health);
enum seg6_manycast_state
manycast_instance_state(const struct manycast_instance *inst);

void manycast_instance_suspected(struct manycast_instance *inst);
void manycast_instance_answered(struct manycast_instance *inst);

void manycast_health_init(struct manycast_net *mnet);
void manycast_health_exit(struct manycast_net *mnet);

#endif /* _SEG6_MANYCAST_HEALTH_H */
