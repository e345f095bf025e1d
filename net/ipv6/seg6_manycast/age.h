/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_AGE_H
#define _SEG6_MANYCAST_AGE_H

#include <linux/jiffies.h>
#include <linux/list.h>

struct rhashtable;

/**
 * struct manycast_age - how long ago an entry of a bounded table was used
 * @list:	in a list of its like, whoever came to its place first is first
 * @listed:	jiffies when it came there; under the list's lock
 * @used:	jiffies of its last packet; under no lock
 */
struct manycast_age {
	struct list_head list;
	unsigned long listed;
	unsigned long used;
};

static inline void manycast_age_use(struct manycast_age *age)
{
	WRITE_ONCE(age->used, jiffies);
}

static inline bool manycast_age_over(const struct manycast_age *age,
				     unsigned int seconds)
{
	return time_after(jiffies, READ_ONCE(age->used) + seconds * HZ);
}

void manycast_age_add(struct manycast_age *age, struct list_head *list);
void manycast_age_move(struct manycast_age *age, struct list_head *list);
struct manycast_age *manycast_age_oldest(struct list_head *list);
void manycast_sweep(struct rhashtable *table,
		    void (*look)(void *entry, void *arg), void *arg);

#endif /* _SEG6_MANYCAST_AGE_H */
