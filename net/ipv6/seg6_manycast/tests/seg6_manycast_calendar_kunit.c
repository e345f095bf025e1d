// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of calendar.c and elect.c: who has a period, and who gets it. */

#include <kunit/test.h>
#include <linux/module.h>

#include "calendar_fixture.h"

static void calendar_best(struct kunit *test)
{
	struct router *r = router(test, 4);
	unsigned int back;

	for (back = 0; back <= STRETCH; back++)
		KUNIT_EXPECT_EQ(test, 3, who(test, r, START - back));
	KUNIT_EXPECT_EQ(test, -EAGAIN, who(test, r, START + 1));
	KUNIT_EXPECT_EQ(test, -ESTALE, who(test, r, START - STRETCH - 1));
}

/* Metrics change all the time, and every period keeps whom it has got: the best
 * of the moment when it was due.
 */
static void calendar_fixed(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct router *r = router(test, 4);
	int had[200], i, k;
	u64 index;

	for (i = 0; i < 200; i++) {
		index = START + 1 + i;
		for (k = 0; k < 4; k++)
			rate(r, k, k == i % 4 ? 200 : 100 + k, 0);
		f->now = manycast_period_due(&r->settings.rhythm, index);
		had[i] = who(test, r, index);
		KUNIT_ASSERT_EQ(test, i % 4, had[i]);
		rate(r, (i + 2) % 4, 255, 0);
		for (; f->now < middle(index); f->now += 777) {
			int back = min(i, STRETCH);

			for (; back >= 0; back--)
				KUNIT_ASSERT_EQ(test, had[i - back],
						who(test, r, index - back));
		}
	}
}

/* A client ahead of us is the first to speak of a period. Were it taken for one
 * of the period that we are in, or the next one still open, its invocation
 * would move.
 */
static void calendar_ahead(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct router *r = router(test, 2);

	rate(r, 0, 200, 0);
	f->now = (START + 1) * PERIOD - GRACE - 1;
	KUNIT_EXPECT_EQ(test, 1, who(test, r, START));
	KUNIT_EXPECT_EQ(test, -EAGAIN, who(test, r, START + 1));
	f->now++;
	KUNIT_EXPECT_EQ(test, 0, who(test, r, START + 1));
	KUNIT_EXPECT_EQ(test, 1, who(test, r, START));
	rate(r, 1, 250, 0);
	for (; f->now < (START + 2) * PERIOD - GRACE; f->now += 499)
		KUNIT_EXPECT_EQ(test, 0, who(test, r, START + 1));
	f->now = (START + 2) * PERIOD - GRACE;
	KUNIT_EXPECT_EQ(test, 1, who(test, r, START + 2));
	KUNIT_EXPECT_EQ(test, 0, who(test, r, START + 1));
}

/* The same for one who is late, as long as the stretch of its period lasts. */
static void calendar_late(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct router *r = router(test, 2);

	f->now = (START + STRETCH + 1) * PERIOD + GRACE - 1;
	KUNIT_EXPECT_EQ(test, 1, who(test, r, START));
	f->now++;
	KUNIT_EXPECT_EQ(test, -ESTALE, who(test, r, START));
}

static void calendar_threshold(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct router *r = router(test, 2);
	u64 index = START;

	r->settings.threshold = 5;
	rate(r, 0, 24, 0);
	next_period(test);
	KUNIT_EXPECT_EQ(test, 1, who(test, r, ++index));
	rate(r, 0, 25, 0);
	next_period(test);
	KUNIT_EXPECT_EQ(test, 0, who(test, r, ++index));
	rate(r, 1, 29, 0);
	next_period(test);
	KUNIT_EXPECT_EQ(test, 0, who(test, r, ++index));
	/* Who cannot be chosen has no such right. */
	weigh(test, r, 0, 0);
	next_period(test);
	KUNIT_EXPECT_EQ(test, 1, who(test, r, ++index));
	KUNIT_EXPECT_EQ(test, f->now, middle(index));
}

static void calendar_damping(struct kunit *test)
{
	struct router *r = router(test, 2);
	u64 index = START, since = START;
	int had = 1, now, i;

	r->settings.damping = 3;
	for (i = 0; i < 30; i++) {
		rate(r, !had, 255, 0);
		rate(r, had, 0, 0);
		next_period(test);
		now = who(test, r, ++index);
		if (now == had)
			continue;
		if (i > 3)
			KUNIT_EXPECT_EQ(test, index - since, 3);
		since = index;
		had = now;
	}
	KUNIT_EXPECT_GT(test, since, START + 20);
}

static u64 moved(const struct router *r)
{
	return manycast_stats_read(r->svc.stats,
				   SEG6_MANYCAST_SERVICE_STAT_PERIOD_MOVED);
}

static void calendar_withdrawn(struct kunit *test)
{
	struct router *r = router(test, 3);
	unsigned int i;

	weigh(test, r, 2, 0);
	KUNIT_EXPECT_EQ(test, 2, who(test, r, START));
	del(test, r, 2);
	for (i = 1; i <= STRETCH; i++) {
		next_period(test);
		KUNIT_EXPECT_EQ(test, 1, who(test, r, START + i));
		KUNIT_EXPECT_EQ(test, 2, who(test, r, START));
	}
	KUNIT_EXPECT_EQ(test, 0, moved(r));
}

/* Its periods are shared by all others, and stay there when it is back. */
static void calendar_dead(struct kunit *test)
{
	unsigned int i, got[MANY] = {};
	struct router *r = router(test, 4);
	int had[STRETCH + 1];

	die(test, r, 3);
	for (i = 0; i <= STRETCH; i++) {
		had[i] = who(test, r, START - i);
		KUNIT_ASSERT_GE(test, had[i], 0);
		got[had[i]]++;
	}
	KUNIT_EXPECT_EQ(test, 0, got[3]);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_GT(test, got[i], 4);
	KUNIT_EXPECT_EQ(test, STRETCH + 1, moved(r));
	rise(test, r, 3);
	for (i = 0; i <= STRETCH; i++)
		KUNIT_EXPECT_EQ(test, had[i], who(test, r, START - i));
	next_period(test);
	KUNIT_EXPECT_EQ(test, 3, who(test, r, START + 1));
}

/* Deleted, added again under its SID, and dead then. */
static void calendar_dead_again(struct kunit *test)
{
	struct router *r = router(test, 2);

	del(test, r, 1);
	r->instance[5].path = r->instance[1].path;
	add(test, r, 5);
	KUNIT_EXPECT_EQ(test, 1, who(test, r, START));
	die(test, r, 5);
	KUNIT_EXPECT_EQ(test, 0, who(test, r, START));
}

static void calendar_nobody(struct kunit *test)
{
	struct router *r = router(test, 0);

	KUNIT_EXPECT_EQ(test, -ENOENT, who(test, r, START));
	next_period(test);
	KUNIT_EXPECT_EQ(test, -ENOENT, who(test, r, START + 1));
	add(test, r, 4);
	KUNIT_EXPECT_EQ(test, 4, who(test, r, START + 1));
	KUNIT_EXPECT_EQ(test, 4, who(test, r, START));
	KUNIT_EXPECT_EQ(test, 4, who(test, r, START - 7));
	/* What has been fixed late is as fixed as anything. */
	add(test, r, 5);
	rate(r, 5, 255, 0);
	KUNIT_EXPECT_EQ(test, 4, who(test, r, START));
	KUNIT_EXPECT_EQ(test, 4, who(test, r, START - 7));
	die(test, r, 4);
	die(test, r, 5);
	KUNIT_EXPECT_EQ(test, -ENOENT, who(test, r, START));
	rise(test, r, 5);
	KUNIT_EXPECT_EQ(test, 5, who(test, r, START));
}

static void calendar_suspects(struct kunit *test)
{
	struct router *r = router(test, 2);

	r->instance[1].health.suspect = true;
	update(test, r);
	next_period(test);
	KUNIT_EXPECT_EQ(test, 0, who(test, r, START + 1));
	KUNIT_EXPECT_EQ(test, 1, who(test, r, START));
	r->instance[0].health.suspect = true;
	update(test, r);
	next_period(test);
	KUNIT_EXPECT_EQ(test, 1, who(test, r, START + 2));
}

static void calendar_tiers(struct kunit *test)
{
	struct router *r = router(test, 3);

	r->instance[2].role.tier = 1;
	update(test, r);
	next_period(test);
	KUNIT_EXPECT_EQ(test, 1, who(test, r, START + 1));
	weigh(test, r, 0, 0);
	weigh(test, r, 1, 0);
	next_period(test);
	KUNIT_EXPECT_EQ(test, 2, who(test, r, START + 2));
}

static void calendar_telemetry(struct kunit *test)
{
	struct router *r = router(test, 3);

	r->settings.metrics = SEG6_MANYCAST_METRICS_TELEMETRY;
	r->instance[0].rtt = 100;
	r->instance[0].load = MANYCAST_IOAM_UNAVAILABLE;
	r->instance[1].rtt = 5000;
	r->instance[1].load = MANYCAST_IOAM_UNAVAILABLE;
	r->instance[2].load = MANYCAST_IOAM_UNAVAILABLE;
	next_period(test);
	KUNIT_EXPECT_EQ(test, 0, who(test, r, START + 1));
	r->instance[0].load = 800;
	r->instance[0].load_time = jiffies;
	next_period(test);
	KUNIT_EXPECT_EQ(test, 1, who(test, r, START + 2));
}

/* The clock is set, a little or by years. No period that is still there is
 * given to anybody else, and what is asked for is answered.
 */
static void calendar_clock(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct router *r = router(test, 2);

	rate(r, 0, 200, 0);
	f->now += 5 * PERIOD;
	KUNIT_EXPECT_EQ(test, 0, who(test, r, START + 5));
	rate(r, 1, 250, 0);
	f->now -= 3 * PERIOD;
	KUNIT_EXPECT_EQ(test, 0, who(test, r, START + 2));
	KUNIT_EXPECT_EQ(test, 1, who(test, r, START));
	KUNIT_EXPECT_EQ(test, -EAGAIN, who(test, r, START + 5));
	f->now += 3 * PERIOD;
	KUNIT_EXPECT_EQ(test, 0, who(test, r, START + 5));
	KUNIT_EXPECT_EQ(test, START + 5, r->cal->newest);

	f->now = middle(START + 5 + 40);
	KUNIT_EXPECT_EQ(test, 1, who(test, r, START + 45));
	f->now = middle(START);
	/* Its number has been a later period's in the meantime. */
	KUNIT_EXPECT_EQ(test, -ESTALE, who(test, r, START - 32));

	f->now = middle(2 * START);
	KUNIT_EXPECT_EQ(test, 1, who(test, r, 2 * START));
	KUNIT_EXPECT_EQ(test, 1, who(test, r, 2 * START - STRETCH));
	f->now = middle(START);
	KUNIT_EXPECT_EQ(test, 1, who(test, r, START));
	KUNIT_EXPECT_EQ(test, START, r->cal->newest);
	f->now = 0;
	KUNIT_EXPECT_EQ(test, 1, who(test, r, 0));
}

static void calendar_packets(struct kunit *test)
{
	struct router *r = router(test, 1);
	struct manycast_entry entry;

	local_bh_disable();
	manycast_calendar_count(r->cal, START & 63);
	manycast_calendar_count(r->cal, START & 63);
	local_bh_enable();
	manycast_calendar_look(r->cal, START, &entry);
	KUNIT_EXPECT_EQ(test, 2, entry.packets);
	KUNIT_EXPECT_EQ(test, START & 63, entry.number);
	manycast_calendar_look(r->cal, START - 1, &entry);
	KUNIT_EXPECT_EQ(test, 0, entry.packets);
	/* The next one with this number begins at nothing. */
	((struct fixture *)test->priv)->now += 64 * PERIOD;
	who(test, r, START + 64);
	manycast_calendar_look(r->cal, START + 64, &entry);
	KUNIT_EXPECT_EQ(test, 0, entry.packets);
	KUNIT_EXPECT_FALSE(test, manycast_calendar_look(r->cal, START, &entry));
}

static struct kunit_case calendar_cases[] = {
	KUNIT_CASE(calendar_best),
	KUNIT_CASE(calendar_fixed),
	KUNIT_CASE(calendar_ahead),
	KUNIT_CASE(calendar_late),
	KUNIT_CASE(calendar_threshold),
	KUNIT_CASE(calendar_damping),
	KUNIT_CASE(calendar_withdrawn),
	KUNIT_CASE(calendar_dead),
	KUNIT_CASE(calendar_dead_again),
	KUNIT_CASE(calendar_nobody),
	KUNIT_CASE(calendar_suspects),
	KUNIT_CASE(calendar_tiers),
	KUNIT_CASE(calendar_telemetry),
	KUNIT_CASE(calendar_clock),
	KUNIT_CASE(calendar_packets),
	{}
};

static struct kunit_suite calendar_suite = {
	.name = "seg6_manycast_calendar",
	.init = calendar_init,
	.exit = calendar_exit,
	.test_cases = calendar_cases,
};

kunit_test_suite(calendar_suite);

MODULE_DESCRIPTION("KUnit tests of Dyncast's calendars");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
