/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_CALENDAR_H
#define _SEG6_MANYCAST_CALENDAR_H

#include <linux/bitmap.h>
#include <linux/hrtimer.h>
#include <linux/seg6_manycast.h>
#include <linux/spinlock.h>
#include <linux/timekeeping.h>

#include "period.h"
#include "stats.h"

struct manycast_instance;
struct manycast_net;
struct manycast_service;
struct manycast_settings;

/**
 * struct manycast_page - what a calendar has about a period
 * @instance:	who has it, with a reference; NULL while there is nobody
 * @before:	packets with its number before the period began
 */
struct manycast_page {
	struct manycast_instance __rcu *instance;
	u64 before;
};

/**
 * struct manycast_calendar - which instance has which period of a service
 * @service:	whose it is; outlives it
 * @lock:	taken by everybody who writes pages
 * @timer:	when the next period is due
 * @newest:	index of the latest period with a page
 * @closed:	the service is deleted; no more pages
 * @size:	pages, a power of two
 * @packets:	by number
 * @changed:	numbers whose page is to be told about
 * @page:	by number; those of @newest and of the @size - 1 periods before
 *
 * Packets read it under RCU alone: @newest first, then a page. A page is
 * written before @newest says that it is there, and is not written again until
 * its period is over, but for an instance that is dead or was not there.
 */
struct manycast_calendar {
	struct manycast_service *service;
	spinlock_t lock; /* pages, newest */
	struct hrtimer timer;
	u64 newest;
	bool closed;
	unsigned int size;
	struct manycast_stats __percpu *packets;
	DECLARE_BITMAP(changed, 1 << SEG6_MANYCAST_BITS_MAX);
	struct manycast_page page[];
};

/**
 * struct manycast_entry - a page, as it is told
 * @sid:	who has the period; ::, nobody
 * @number:	of the period
 * @packets:	that went there
 */
struct manycast_entry {
	struct in6_addr sid;
	unsigned int number;
	u64 packets;
};

static inline s64 manycast_calendar_now(void)
{
	return ktime_to_ms(ktime_get_real());
}

/* The latest period that has a page, which may be read after that. */
static inline u64 manycast_calendar_newest(const struct manycast_calendar *cal)
{
	/* Pairs with the release in begin_page(). */
	return smp_load_acquire(&cal->newest);
}

struct manycast_calendar *
manycast_calendar_alloc(struct manycast_service *svc,
			const struct manycast_settings *settings, s64 now);
void manycast_calendar_free(struct manycast_calendar *cal);
int manycast_calendar_open(struct manycast_service *svc);
void manycast_calendar_close(struct manycast_service *svc);
void manycast_calendar_tick(struct manycast_service *svc);

struct manycast_instance *
manycast_calendar_find(struct manycast_calendar *cal,
		       const struct manycast_settings *settings, s64 now,
		       unsigned int number);
void manycast_calendar_count(struct manycast_calendar *cal,
			     unsigned int number);
void manycast_calendar_move(struct manycast_calendar *cal,
			    const struct manycast_settings *settings, s64 now,
			    const struct in6_addr *sid);
void manycast_calendar_put(struct manycast_calendar *cal, u64 index,
			   struct manycast_instance *inst);

bool manycast_calendar_look(struct manycast_calendar *cal, u64 index,
			    struct manycast_entry *entry);

void manycast_calendars_init(struct manycast_net *mnet);
void manycast_calendars_exit(struct manycast_net *mnet);

#endif /* _SEG6_MANYCAST_CALENDAR_H */
