// SPDX-License-Identifier: GPL-2.0
/* What bounded tables have in common: who has not been used for the longest
 * time, and looking at everybody now and then.
 */

#include <linux/rhashtable.h>
#include <linux/sched.h>

#include "age.h"

#define TRIES		8
#define SWEEP_PART	1024

/**
 * manycast_age_add() - a new entry
 * @age:	its age, which begins now
 * @list:	where it stands; under its lock
 */
void manycast_age_add(struct manycast_age *age, struct list_head *list)
{
	age->listed = jiffies;
	manycast_age_use(age);
	list_add_tail(&age->list, list);
}

/**
 * manycast_age_move() - an entry comes to another place
 * @age:	its age
 * @list:	where it stands from now on; both under one lock
 */
void manycast_age_move(struct manycast_age *age, struct list_head *list)
{
	age->listed = jiffies;
	list_move_tail(&age->list, list);
}

/**
 * manycast_age_oldest() - who must go when there is no room
 * @list:	the list, under its lock
 *
 * The first one gets a second chance at the end of the list if it was used
 * since it came to its place, but not too many in a row do (Corbato, "A Paging
 * Experiment with the Multics System", 1968): packets need not take the lock.
 *
 * Return: its age, or NULL.
 */
struct manycast_age *manycast_age_oldest(struct list_head *list)
{
	struct manycast_age *age;
	unsigned int i;

	for (i = 1; ; i++) {
		age = list_first_entry_or_null(list, struct manycast_age, list);
		if (!age || i == TRIES ||
		    !time_after(READ_ONCE(age->used), age->listed))
			return age;
		manycast_age_move(age, list);
	}
}

/* Returns whether there is more. */
static bool sweep_part(struct rhashtable_iter *iter,
		       void (*look)(void *entry, void *arg), void *arg)
{
	void *entry = NULL;
	unsigned int i;

	rhashtable_walk_start(iter);
	for (i = 0; i < SWEEP_PART; i++) {
		entry = rhashtable_walk_next(iter);
		if (!entry)
			break;
		/* -EAGAIN: the table was resized; what we miss is seen later */
		if (!IS_ERR(entry))
			look(entry, arg);
	}
	rhashtable_walk_stop(iter);
	return entry;
}

/**
 * manycast_sweep() - look at every entry of a table
 * @table:	the table
 * @look:	what to do with an entry, under RCU; it may take it out
 * @arg:	for @look
 *
 * In parts, so that nobody waits for a grace period for long.
 *
 * Context: process, may sleep.
 */
void manycast_sweep(struct rhashtable *table,
		    void (*look)(void *entry, void *arg), void *arg)
{
	struct rhashtable_iter iter;

	rhashtable_walk_enter(table, &iter);
	while (sweep_part(&iter, look, arg))
		cond_resched();
	rhashtable_walk_exit(&iter);
}
