// SPDX-License-Identifier: GPL-2.0
/* A service's calendar: which instance has which period, now and for as long as
 * invocations of it may last. Whoever comes first when a period is due, a
 * packet or the timer, chooses its instance from what is known then; nothing
 * that is learnt later changes it.
 */

#include <kunit/visibility.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <net/ipv6.h>

#include "calendar.h"
#include "elect.h"
#include "netlink.h"
#include "service.h"

static struct manycast_page *page_of(struct manycast_calendar *cal, u64 index)
{
	return &cal->page[index & (cal->size - 1)];
}

/* Does the page there speak of this period? Under the lock. */
static bool has_page(const struct manycast_calendar *cal, u64 index)
{
	return index <= cal->newest && cal->newest - index < cal->size;
}

static struct manycast_instance *holder_of(struct manycast_calendar *cal,
					   u64 index)
{
	if (!has_page(cal, index))
		return NULL;
	return rcu_dereference_protected(page_of(cal, index)->instance,
					 lockdep_is_held(&cal->lock));
}

/* Periods in a row that the holder of this one has had, @max at most. */
static u32 tenure(struct manycast_calendar *cal, u64 index, u32 max)
{
	const struct manycast_instance *holder = holder_of(cal, index);
	u32 n = 0;

	while (holder && n < max && holder_of(cal, index - n) == holder)
		n++;
	return n;
}

/* Work will tell, where that may sleep. */
static void changed(struct manycast_calendar *cal, u64 index)
{
	set_bit(index & (cal->size - 1), cal->changed);
	queue_work(manycast_wq, &cal->service->mnet->calendar_work);
}

/* @inst may be about to go: then there is nobody, and a packet asks anew. */
static void write_page(struct manycast_calendar *cal, u64 index,
		       struct manycast_instance *inst)
{
	struct manycast_page *page = page_of(cal, index);
	struct manycast_instance *old;

	if (inst && !percpu_ref_tryget(&inst->ref))
		inst = NULL;
	old = rcu_replace_pointer(page->instance, inst,
				  lockdep_is_held(&cal->lock));
	if (old)
		percpu_ref_put(&old->ref);
}

/* Under RCU and the lock. */
static void fix(struct manycast_calendar *cal,
		const struct manycast_settings *settings, u64 index)
{
	struct manycast_instance *before = holder_of(cal, index - 1), *inst;

	inst = manycast_elect(rcu_dereference(cal->service->pool), settings,
			      index, before,
			      tenure(cal, index - 1, settings->damping));
	write_page(cal, index, inst);
	if (!inst || inst == before)
		return;
	manycast_stats_inc(cal->service->stats,
			   SEG6_MANYCAST_SERVICE_STAT_PERIOD_CHANGED);
	changed(cal, index);
}

static void begin_page(struct manycast_calendar *cal,
		       const struct manycast_settings *settings, u64 index)
{
	unsigned int number = index & (cal->size - 1);

	cal->page[number].before = manycast_stats_read(cal->packets, number);
	fix(cal, settings, index);
	/* With this, packets may read the page: manycast_calendar_newest(). */
	smp_store_release(&cal->newest, index);
}

static void clear(struct manycast_calendar *cal)
{
	unsigned int i;

	for (i = 0; i < cal->size; i++) {
		write_page(cal, i, NULL);
		clear_bit(i, cal->changed);
	}
}

/* Has time gone so far, either way, that no page is of use any more? */
static bool is_void(const struct manycast_calendar *cal,
		    const struct manycast_window *window)
{
	return window->newest > cal->newest ?
	       window->oldest > cal->newest + 1 :
	       cal->newest - window->newest >= cal->size;
}

/* No more steps than a window has periods. When the clock has gone back, what
 * is there remains.
 */
static void turn(struct manycast_calendar *cal,
		 const struct manycast_settings *settings,
		 const struct manycast_window *window)
{
	if (cal->closed)
		return;
	if (is_void(cal, window)) {
		clear(cal);
		begin_page(cal, settings, window->oldest);
	}
	while (cal->newest < window->newest)
		begin_page(cal, settings, cal->newest + 1);
}

/* Who is first to need a page writes it, all others wait for that. */
static void turn_to(struct manycast_calendar *cal,
		    const struct manycast_settings *settings,
		    const struct manycast_window *window)
{
	spin_lock_bh(&cal->lock);
	turn(cal, settings, window);
	spin_unlock_bh(&cal->lock);
}

static bool is_open(const struct manycast_calendar *cal,
		    const struct manycast_window *window)
{
	u64 newest = manycast_calendar_newest(cal);

	return newest >= window->newest && newest - window->newest < cal->size;
}

/* A page without an instance, which somebody asks for. */
static struct manycast_instance *
fix_late(struct manycast_calendar *cal,
	 const struct manycast_settings *settings, u64 index)
{
	struct manycast_instance *inst = NULL;

	if (!manycast_electable(rcu_dereference(cal->service->pool)))
		return NULL;
	spin_lock_bh(&cal->lock);
	if (!cal->closed && has_page(cal, index)) {
		if (!holder_of(cal, index))
			fix(cal, settings, index);
		inst = holder_of(cal, index);
	}
	spin_unlock_bh(&cal->lock);
	return inst;
}

/**
 * manycast_calendar_find() - who has the period that a number means?
 * @cal:	calendar of the service
 * @settings:	of the service
 * @now:	milliseconds, CLOCK_REALTIME
 * @number:	from a packet
 *
 * Context: RCU, bottom halves off.
 * Return: the instance; -ESTALE when the period is over; -EAGAIN when it is to
 * come; -ENOENT when there is nobody.
 */
struct manycast_instance *
manycast_calendar_find(struct manycast_calendar *cal,
		       const struct manycast_settings *settings, s64 now,
		       unsigned int number)
{
	struct manycast_instance *inst;
	struct manycast_window window;
	u64 index, newest;
	int err;

	manycast_period_window(&settings->rhythm, now, &window);
	err = manycast_period_find(&settings->rhythm, &window, number, &index);
	if (err)
		return ERR_PTR(err);
	if (!is_open(cal, &window))
		turn_to(cal, settings, &window);
	newest = manycast_calendar_newest(cal);
	/* After the clock has gone back, a later period may have the page. */
	if (newest - index >= cal->size)
		return ERR_PTR(-ESTALE);
	inst = rcu_dereference(page_of(cal, index)->instance);
	if (!inst)
		inst = fix_late(cal, settings, index);
	return inst ?: ERR_PTR(-ENOENT);
}
EXPORT_SYMBOL_IF_KUNIT(manycast_calendar_find);

/**
 * manycast_calendar_count() - a packet went to the instance of a period
 * @cal:	the calendar
 * @number:	of the period
 *
 * Context: bottom halves off.
 */
void manycast_calendar_count(struct manycast_calendar *cal, unsigned int number)
{
	manycast_stats_inc(cal->packets, number);
}
EXPORT_SYMBOL_IF_KUNIT(manycast_calendar_count);

/**
 * manycast_calendar_move() - an instance is dead: others take over
 * @cal:	the calendar
 * @settings:	of the service, whose pool is without it already
 * @now:	milliseconds, CLOCK_REALTIME
 * @sid:	the instance's; pages may have it from before it was deleted and
 *		added again
 *
 * Pages of periods that are over move, too, should the clock go back; but
 * nobody is told of those.
 *
 * Context: process, manycast_net.lock held.
 */
void manycast_calendar_move(struct manycast_calendar *cal,
			    const struct manycast_settings *settings, s64 now,
			    const struct in6_addr *sid)
{
	const struct manycast_pool *pool;
	struct manycast_window window;
	u64 index;

	manycast_period_window(&settings->rhythm, now, &window);
	rcu_read_lock();
	pool = rcu_dereference(cal->service->pool);
	spin_lock_bh(&cal->lock);
	for (index = cal->newest; has_page(cal, index); index--) {
		struct manycast_instance *inst = holder_of(cal, index);

		if (!inst || !ipv6_addr_equal(manycast_sid(inst), sid))
			continue;
		write_page(cal, index, manycast_heir(pool, index));
		if (index < window.oldest)
			continue;
		manycast_stats_inc(cal->service->stats,
				   SEG6_MANYCAST_SERVICE_STAT_PERIOD_MOVED);
		changed(cal, index);
	}
	spin_unlock_bh(&cal->lock);
	rcu_read_unlock();
}
EXPORT_SYMBOL_IF_KUNIT(manycast_calendar_move);

/**
 * manycast_calendar_put() - somebody knows who has a period
 * @cal:	the calendar
 * @index:	the period, of those that clients may speak of
 * @inst:	who has it
 *
 * Context: process, manycast_net.lock held.
 */
void manycast_calendar_put(struct manycast_calendar *cal, u64 index,
			   struct manycast_instance *inst)
{
	spin_lock_bh(&cal->lock);
	if (has_page(cal, index) && holder_of(cal, index) != inst) {
		write_page(cal, index, inst);
		changed(cal, index);
	}
	spin_unlock_bh(&cal->lock);
}
EXPORT_SYMBOL_IF_KUNIT(manycast_calendar_put);

/**
 * manycast_calendar_look() - what is there to tell of a period?
 * @cal:	the calendar
 * @index:	the period
 * @entry:	result
 *
 * Context: process.
 * Return: whether there is a page.
 */
bool manycast_calendar_look(struct manycast_calendar *cal, u64 index,
			    struct manycast_entry *entry)
{
	struct manycast_instance *inst;
	bool found;

	memset(entry, 0, sizeof(*entry));
	spin_lock_bh(&cal->lock);
	found = has_page(cal, index);
	entry->number = index & (cal->size - 1);
	inst = holder_of(cal, index);
	if (inst)
		entry->sid = *manycast_sid(inst);
	entry->packets = manycast_stats_read(cal->packets, entry->number) -
			 page_of(cal, index)->before;
	spin_unlock_bh(&cal->lock);
	return found;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_calendar_look);

/* Turn to the page of now, and wait for the next one. */
static void tick(struct manycast_calendar *cal)
{
	const struct manycast_settings *settings;
	struct manycast_window window;
	s64 due;

	rcu_read_lock();
	settings = rcu_dereference(cal->service->settings);
	manycast_period_window(&settings->rhythm, manycast_calendar_now(),
			       &window);
	spin_lock_bh(&cal->lock);
	turn(cal, settings, &window);
	due = manycast_period_due(&settings->rhythm, cal->newest + 1);
	if (!cal->closed)
		hrtimer_start(&cal->timer, ms_to_ktime(due),
			      HRTIMER_MODE_ABS_SOFT);
	spin_unlock_bh(&cal->lock);
	rcu_read_unlock();
}

static enum hrtimer_restart ticks(struct hrtimer *timer)
{
	tick(container_of(timer, struct manycast_calendar, timer));
	return HRTIMER_NORESTART;
}

/**
 * manycast_calendar_tick() - a service's settings have changed
 * @svc:	the service
 *
 * A new offset is to it as if the clock had been set.
 *
 * Context: process, manycast_net.lock held.
 */
void manycast_calendar_tick(struct manycast_service *svc)
{
	if (svc->calendar)
		tick(svc->calendar);
}

/**
 * manycast_calendar_alloc() - a calendar with all pages of now
 * @svc:	the service, with a pool if it has instances
 * @settings:	of the service
 * @now:	milliseconds, CLOCK_REALTIME
 *
 * Its timer does not run yet.
 *
 * Context: process, may sleep.
 * Return: the calendar or NULL.
 */
struct manycast_calendar *
manycast_calendar_alloc(struct manycast_service *svc,
			const struct manycast_settings *settings, s64 now)
{
	unsigned int size = manycast_period_numbers(&settings->rhythm);
	struct manycast_calendar *cal;
	struct manycast_window window;

	cal = kzalloc(struct_size(cal, page, size), GFP_KERNEL);
	if (!cal)
		return NULL;
	cal->packets = manycast_stats_alloc(size - 1, GFP_KERNEL);
	if (!cal->packets) {
		kfree(cal);
		return NULL;
	}
	cal->service = svc;
	cal->size = size;
	spin_lock_init(&cal->lock);
	hrtimer_setup(&cal->timer, ticks, CLOCK_REALTIME,
		      HRTIMER_MODE_ABS_SOFT);
	manycast_period_window(&settings->rhythm, now, &window);
	rcu_read_lock();
	spin_lock_bh(&cal->lock);
	begin_page(cal, settings, window.oldest);
	turn(cal, settings, &window);
	spin_unlock_bh(&cal->lock);
	rcu_read_unlock();
	return cal;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_calendar_alloc);

static void let_go(struct manycast_calendar *cal)
{
	spin_lock_bh(&cal->lock);
	cal->closed = true;
	clear(cal);
	spin_unlock_bh(&cal->lock);
}

/**
 * manycast_calendar_free() - the service is gone
 * @cal:	its calendar, or NULL; nobody reads it any more
 */
void manycast_calendar_free(struct manycast_calendar *cal)
{
	if (!cal)
		return;
	let_go(cal);
	free_percpu(cal->packets);
	kfree(cal);
}
EXPORT_SYMBOL_IF_KUNIT(manycast_calendar_free);

/**
 * manycast_calendar_open() - a service is asked for its periods
 * @svc:	the service
 *
 * Once there, the calendar stays as long as the service: a route that is
 * replaced must not move anybody.
 *
 * Context: process, may sleep, manycast_net.lock held.
 * Return: 0 or -ENOMEM.
 */
int manycast_calendar_open(struct manycast_service *svc)
{
	struct manycast_calendar *cal;

	if (svc->calendar)
		return 0;
	cal = manycast_calendar_alloc(svc, manycast_settings(svc),
				      manycast_calendar_now());
	if (!cal)
		return -ENOMEM;
	svc->calendar = cal;
	tick(cal);
	return 0;
}

/**
 * manycast_calendar_close() - a service is deleted: let its instances go
 * @svc:	the service
 *
 * Routes may still look things up in it, in a namespace that ends; they find
 * nobody.
 *
 * Context: process, manycast_net.lock held.
 */
void manycast_calendar_close(struct manycast_service *svc)
{
	if (!svc->calendar)
		return;
	let_go(svc->calendar);
	hrtimer_cancel(&svc->calendar->timer);
}

static void tell_changes(struct manycast_service *svc)
{
	struct manycast_calendar *cal = svc->calendar;
	u64 newest = manycast_calendar_newest(cal);
	unsigned int i;

	for (i = cal->size; i--; )
		if (test_and_clear_bit((newest - i) & (cal->size - 1),
				       cal->changed))
			manycast_nl_period_changed(svc, newest - i);
}

static void tell(struct work_struct *work)
{
	struct manycast_net *mnet =
		container_of(work, struct manycast_net, calendar_work);
	struct manycast_service *svc;

	mutex_lock(&mnet->lock);
	list_for_each_entry(svc, &mnet->services, list)
		if (svc->calendar)
			tell_changes(svc);
	mutex_unlock(&mnet->lock);
}

/**
 * manycast_calendars_init() - a namespace begins
 * @mnet:	our part of it
 */
void manycast_calendars_init(struct manycast_net *mnet)
{
	INIT_WORK(&mnet->calendar_work, tell);
}

/**
 * manycast_calendars_exit() - the namespace is gone
 * @mnet:	our part of it; no packet comes any more
 */
void manycast_calendars_exit(struct manycast_net *mnet)
{
	cancel_work_sync(&mnet->calendar_work);
}
