// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of calendar.c and elect.c: routers that agree, and invocations
 * that stay.
 */

#include <kunit/test.h>
#include <linux/module.h>

#include "calendar_fixture.h"

/* A router that starts again is told by another one. */
static void calendar_restored(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct router *old = router(test, 4), *new = &f->router[1];
	struct manycast_entry entry;
	u64 index;
	int i;

	for (i = 0; i < 50; i++) {
		rate(old, i % 4, 100 + i, 0);
		next_period(test);
		who(test, old, START + 1 + i);
	}
	for (i = 3; i >= 0; i--)
		add(test, new, i);
	open(test, new);
	for (index = START + 50 - STRETCH; index <= START + 50; index++) {
		KUNIT_ASSERT_TRUE(test, manycast_calendar_look(old->cal, index,
							       &entry));
		manycast_calendar_put(new->cal, index,
				      &new->instance[entry.sid.s6_addr[15]]);
	}
	for (i = 0; i <= STRETCH; i++)
		KUNIT_EXPECT_EQ(test, who(test, old, START + 50 - i),
				who(test, new, START + 50 - i));
}

/* The same updates for two routers, each in its own order and at its own time,
 * but before they count; and whoever dies does so for both.
 */
static void agree_for_a_period(struct kunit *test, u64 index)
{
	struct fixture *f = test->priv;
	u8 metric[MANY];
	unsigned int i, k, from, dead = prandom_u32_state(&f->rnd) % 60;

	prandom_bytes_state(&f->rnd, metric, sizeof(metric));
	for (k = 0; k < ROUTERS; k++) {
		f->now = middle(index) + 100 * (s64)k;
		who(test, &f->router[k], index);
		from = prandom_u32_state(&f->rnd) % MANY;
		for (i = 0; i < MANY; i++) {
			unsigned int which = (from + i) % MANY;

			/* Few values, so that there are equals. */
			rate(&f->router[k], which, metric[which] % 4,
			     index + 1 + metric[which] % 3);
		}
	}
	f->now = middle(index) + 2000;
	for (k = 0; k < ROUTERS; k++) {
		if (dead < MANY)
			die(test, &f->router[k], dead);
		else if (dead < 2 * MANY)
			rise(test, &f->router[k], dead - MANY);
	}
}

static void calendar_agree(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int i, back, seen = 0;
	u64 index;

	for (i = 0; i < MANY; i++) {
		add(test, &f->router[0], i);
		add(test, &f->router[1], MANY - 1 - i);
	}
	f->router[1].settings.key.key[0] = 1;
	for (i = 0; i < ROUTERS; i++) {
		f->router[i].settings.threshold = 1;
		f->router[i].settings.damping = 2;
		update(test, &f->router[i]);
		open(test, &f->router[i]);
	}
	for (index = START; index < START + 500; index++) {
		agree_for_a_period(test, index);
		for (back = 0; back <= STRETCH; back++) {
			int a = who(test, &f->router[0], index - back);

			KUNIT_ASSERT_EQ(test, a, who(test, &f->router[1],
						     index - back));
			if (a >= 0)
				seen |= 1 << a;
		}
	}
	KUNIT_EXPECT_EQ(test, seen, (1 << MANY) - 1);
}

/* A million packets of invocations that begin at any time, last up to the
 * stretch, and are of clients with clocks that are off.
 */
struct invocation {
	u64 index;
	s64 end;
	int instance;
};

static void begin(struct kunit *test, struct router *r, struct invocation *i)
{
	struct fixture *f = test->priv;
	s64 skew = prandom_u32_state(&f->rnd) % (2 * GRACE + 1);

	i->index = manycast_period_at(&r->settings.rhythm,
				      f->now + skew - GRACE);
	i->end = f->now + prandom_u32_state(&f->rnd) % (STRETCH * PERIOD + 1);
	i->instance = who(test, r, i->index);
	KUNIT_ASSERT_GE(test, i->instance, 0);
}

static void calendar_million(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct router *r = router(test, 8);
	struct invocation *all, *one;
	unsigned int i, seen = 0;

	all = kunit_kzalloc(test, 1000 * sizeof(*all), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, all);
	for (i = 0; i < 1000000; i++) {
		f->now += prandom_u32_state(&f->rnd) % 8;
		if (i % 100 == 0)
			rate(r, prandom_u32_state(&f->rnd) % 8,
			     prandom_u32_state(&f->rnd), 0);
		one = &all[prandom_u32_state(&f->rnd) % 1000];
		if (one->end < f->now)
			begin(test, r, one);
		seen |= 1 << one->instance;
		if (one->instance != who(test, r, one->index))
			break;
	}
	KUNIT_EXPECT_EQ(test, i, 1000000);
	KUNIT_EXPECT_EQ(test, seen, 0xff);
}

static struct kunit_case affinity_cases[] = {
	KUNIT_CASE(calendar_restored),
	KUNIT_CASE(calendar_agree),
	KUNIT_CASE(calendar_million),
	{}
};

static struct kunit_suite affinity_suite = {
	.name = "seg6_manycast_affinity",
	.init = calendar_init,
	.exit = calendar_exit,
	.test_cases = affinity_cases,
};

kunit_test_suite(affinity_suite);

MODULE_DESCRIPTION("KUnit tests of Dyncast's affinity");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
