// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of metric.c */

#include <kunit/test.h>
#include <linux/module.h>

#include "../metric.h"

static struct manycast_metrics *metrics(struct kunit *test)
{
	struct manycast_metrics *m = kunit_kzalloc(test, sizeof(*m),
						   GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, m);
	return m;
}

static void set(struct kunit *test, struct manycast_metrics *m, u8 metric,
		u64 from, u64 first)
{
	KUNIT_ASSERT_EQ(test, 0, manycast_metric_check(m, from, first));
	manycast_metric_set(m, metric, from, first);
}

/* Nobody has told one: the worst. */
static void metric_none(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 0, manycast_metric_at(metrics(test), 7));
}

/* Told in any order, each counts from its period to the next one's. */
static void metric_order(struct kunit *test)
{
	static const u8 order[][3] = { { 1, 2, 3 }, { 3, 2, 1 }, { 2, 3, 1 } };
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(order); i++) {
		struct manycast_metrics *m = metrics(test);

		for (k = 0; k < 3; k++)
			set(test, m, order[i][k], 10 * order[i][k], 5);
		KUNIT_EXPECT_EQ(test, 0, manycast_metric_at(m, 9));
		KUNIT_EXPECT_EQ(test, 1, manycast_metric_at(m, 10));
		KUNIT_EXPECT_EQ(test, 1, manycast_metric_at(m, 19));
		KUNIT_EXPECT_EQ(test, 2, manycast_metric_at(m, 20));
		KUNIT_EXPECT_EQ(test, 3, manycast_metric_at(m, 30));
		KUNIT_EXPECT_EQ(test, 3, manycast_metric_at(m, U64_MAX));
	}
}

static void metric_again(struct kunit *test)
{
	struct manycast_metrics *m = metrics(test);

	set(test, m, 1, 10, 5);
	set(test, m, 2, 20, 5);
	set(test, m, 9, 10, 5);
	KUNIT_EXPECT_EQ(test, 2, m->n);
	KUNIT_EXPECT_EQ(test, 9, manycast_metric_at(m, 10));
	KUNIT_EXPECT_EQ(test, 2, manycast_metric_at(m, 20));
}

static void metric_fixed(struct kunit *test)
{
	struct manycast_metrics *m = metrics(test);

	KUNIT_EXPECT_EQ(test, -EALREADY, manycast_metric_check(m, 4, 5));
	KUNIT_EXPECT_EQ(test, 0, manycast_metric_check(m, 5, 5));
}

/* No more than there is room for, but for those that are present by now and
 * what replaces another one.
 */
static void metric_full(struct kunit *test)
{
	struct manycast_metrics *m = metrics(test);
	unsigned int i;

	for (i = 0; i < SEG6_MANYCAST_PENDING_MAX; i++)
		set(test, m, i + 1, 10 + i, 10);
	KUNIT_EXPECT_EQ(test, -ENOSPC, manycast_metric_check(m, 99, 10));
	KUNIT_EXPECT_EQ(test, 0, manycast_metric_check(m, 12, 10));
	set(test, m, 77, 99, 11);
	KUNIT_EXPECT_EQ(test, SEG6_MANYCAST_PENDING_MAX, m->n);
	KUNIT_EXPECT_EQ(test, 1, m->present);
	for (i = 0; i < SEG6_MANYCAST_PENDING_MAX; i++)
		KUNIT_EXPECT_EQ(test, i + 1, manycast_metric_at(m, 10 + i));
	KUNIT_EXPECT_EQ(test, 77, manycast_metric_at(m, 99));
	set(test, m, 78, 100, 50);
	KUNIT_EXPECT_EQ(test, 2, m->n);
	KUNIT_EXPECT_EQ(test, SEG6_MANYCAST_PENDING_MAX, m->present);
}

/* More load is never better, nor is a longer way with the same load; and load
 * counts more than any way.
 */
static void metric_measured(struct kunit *test)
{
	u32 load, rtt;

	KUNIT_EXPECT_EQ(test, 0, manycast_metric_measured(0, 0));
	KUNIT_EXPECT_EQ(test, 255, manycast_metric_measured(0, 1));
	KUNIT_EXPECT_EQ(test, 0, manycast_metric_measured(1000, U32_MAX));
	KUNIT_EXPECT_EQ(test, manycast_metric_measured(1000, 99),
			manycast_metric_measured(U32_MAX, 99));
	for (load = 0; load < 1000; load++)
		KUNIT_EXPECT_GE(test, manycast_metric_measured(load, 300),
				manycast_metric_measured(load + 1, 300));
	for (rtt = 1; rtt < 1 << 30; rtt *= 2)
		KUNIT_EXPECT_GE(test, manycast_metric_measured(500, rtt),
				manycast_metric_measured(500, 2 * rtt));
	KUNIT_EXPECT_GT(test, manycast_metric_measured(500, 100),
			manycast_metric_measured(500, 400));
	KUNIT_EXPECT_GT(test, manycast_metric_measured(400, 1 << 30),
			manycast_metric_measured(500, 1));
}

static struct kunit_case metric_cases[] = {
	KUNIT_CASE(metric_none),
	KUNIT_CASE(metric_order),
	KUNIT_CASE(metric_again),
	KUNIT_CASE(metric_fixed),
	KUNIT_CASE(metric_full),
	KUNIT_CASE(metric_measured),
	{}
};

static struct kunit_suite metric_suite = {
	.name = "seg6_manycast_metric",
	.test_cases = metric_cases,
};

kunit_test_suite(metric_suite);

MODULE_DESCRIPTION("KUnit tests of Dyncast's metrics");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
