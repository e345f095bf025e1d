/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_TESTS_CALENDAR_FIXTURE_H
#define _SEG6_MANYCAST_TESTS_CALENDAR_FIXTURE_H

/* What the tests of calendars share: routers that have a service each, and a
 * clock that the test moves. An instance is told by a number, which is the end
 * of its SID.
 */

#include <kunit/test.h>
#include <linux/mutex.h>
#include <linux/prandom.h>
#include <linux/rcupdate.h>

#include "../calendar.h"
#include "../elect.h"
#include "../service.h"

#define ROUTERS		2
#define MANY		9
#define PERIOD		10000LL
#define GRACE		1000LL
#define STRETCH		32
#define START		176722560	/* period that a test begins in */

struct router {
	struct manycast_net mnet;
	struct manycast_service svc;
	struct manycast_settings settings;
	struct manycast_instance instance[MANY];
	struct manycast_calendar *cal;
};

struct fixture {
	struct router router[ROUTERS];
	struct rnd_state rnd;
	s64 now;
};

static inline void nothing(struct work_struct *work)
{
}

static inline void released(struct percpu_ref *ref)
{
}

/* The middle of a period. */
static inline s64 middle(u64 index)
{
	return index * PERIOD + PERIOD / 2;
}

static inline void init_instance(struct kunit *test, struct router *r,
				 unsigned int i)
{
	struct manycast_instance *inst = &r->instance[i];

	inst->service = &r->svc;
	inst->role.weight = 1;
	inst->path.n = 1;
	inst->path.seg[0] = (struct in6_addr){
		.s6_addr = { 0xfc, 0, 0, 0x05, [15] = i }
	};
	inst->bid_id = manycast_bid_id(&inst->path.seg[0]);
	KUNIT_ASSERT_EQ(test, 0, percpu_ref_init(&inst->ref, released, 0,
						 GFP_KERNEL));
}

static inline void init_router(struct kunit *test, struct router *r)
{
	unsigned int i;

	mutex_init(&r->mnet.lock);
	INIT_WORK(&r->mnet.calendar_work, nothing);
	INIT_LIST_HEAD(&r->svc.instances);
	r->svc.mnet = &r->mnet;
	r->svc.stats = manycast_stats_alloc(SEG6_MANYCAST_SERVICE_STAT_MAX,
					    GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, !!r->svc.stats);
	r->settings.rhythm = (struct manycast_rhythm){
		.period = PERIOD, .grace = GRACE, .stretch = STRETCH, .bits = 6
	};
	for (i = 0; i < MANY; i++)
		init_instance(test, r, i);
}

static inline int calendar_init(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	unsigned int i;

	if (!f)
		return -ENOMEM;
	test->priv = f;
	for (i = 0; i < ROUTERS; i++)
		init_router(test, &f->router[i]);
	prandom_seed_state(&f->rnd, 12);
	f->now = middle(START);
	return 0;
}

/* Nobody holds an instance after its calendar is gone. */
static inline void exit_router(struct kunit *test, struct router *r)
{
	unsigned int i;

	manycast_calendar_free(r->cal);
	cancel_work_sync(&r->mnet.calendar_work);
	mutex_lock(&r->mnet.lock);
	manycast_pool_clear(&r->svc);
	mutex_unlock(&r->mnet.lock);
	for (i = 0; i < MANY; i++)
		percpu_ref_kill(&r->instance[i].ref);
	rcu_barrier();
	for (i = 0; i < MANY; i++) {
		KUNIT_EXPECT_TRUE(test,
				  percpu_ref_is_zero(&r->instance[i].ref));
		percpu_ref_exit(&r->instance[i].ref);
	}
	free_percpu(r->svc.stats);
}

static inline void calendar_exit(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int i;

	for (i = 0; f && i < ROUTERS; i++)
		exit_router(test, &f->router[i]);
}

static inline void update(struct kunit *test, struct router *r)
{
	mutex_lock(&r->mnet.lock);
	KUNIT_ASSERT_EQ(test, 0, manycast_pool_update(&r->svc, &r->settings,
						      NULL));
	mutex_unlock(&r->mnet.lock);
}

static inline void add(struct kunit *test, struct router *r, unsigned int i)
{
	list_add_tail(&r->instance[i].list, &r->svc.instances);
	r->svc.instance_count++;
	update(test, r);
}

static inline void del(struct kunit *test, struct router *r, unsigned int i)
{
	list_del(&r->instance[i].list);
	r->svc.instance_count--;
	update(test, r);
}

static inline void weigh(struct kunit *test, struct router *r, unsigned int i,
			 u32 weight)
{
	r->instance[i].role.weight = weight;
	update(test, r);
}

static inline void die(struct kunit *test, struct router *r, unsigned int i)
{
	struct fixture *f = test->priv;

	r->instance[i].role.state = SEG6_MANYCAST_STATE_DOWN;
	update(test, r);
	manycast_calendar_move(r->cal, &r->settings, f->now,
			       manycast_sid(&r->instance[i]));
}

static inline void rise(struct kunit *test, struct router *r, unsigned int i)
{
	r->instance[i].role.state = SEG6_MANYCAST_STATE_UP;
	update(test, r);
}

/* From the next period on that is not fixed, or from @from. */
static inline void rate(struct router *r, unsigned int i, u8 metric, u64 from)
{
	u64 first = r->cal ? r->cal->newest + 1 : 0;

	manycast_metric_set(&r->instance[i].metrics, metric, from ?: first,
			    first);
}

static inline void open(struct kunit *test, struct router *r)
{
	struct fixture *f = test->priv;

	r->cal = manycast_calendar_alloc(&r->svc, &r->settings, f->now);
	KUNIT_ASSERT_NOT_NULL(test, r->cal);
}

/* Router 0 with the first @n instances, the later the better. */
static inline struct router *router(struct kunit *test, unsigned int n)
{
	struct fixture *f = test->priv;
	struct router *r = &f->router[0];
	unsigned int i;

	for (i = 0; i < n; i++) {
		add(test, r, i);
		rate(r, i, 10 * (i + 1), 0);
	}
	open(test, r);
	return r;
}

/* Where a packet goes: an instance, or a negative error. */
static inline int look_up(struct kunit *test, struct router *r,
			  unsigned int number)
{
	struct fixture *f = test->priv;
	struct manycast_instance *inst;
	int found;

	local_bh_disable();
	rcu_read_lock();
	inst = manycast_calendar_find(r->cal, &r->settings, f->now, number);
	found = IS_ERR(inst) ? PTR_ERR(inst) : manycast_sid(inst)->s6_addr[15];
	rcu_read_unlock();
	local_bh_enable();
	return found;
}

static inline int who(struct kunit *test, struct router *r, u64 index)
{
	return look_up(test, r, index & (r->cal->size - 1));
}

static inline void next_period(struct kunit *test)
{
	struct fixture *f = test->priv;

	f->now += PERIOD;
}

#endif /* _SEG6_MANYCAST_TESTS_CALENDAR_FIXTURE_H */
