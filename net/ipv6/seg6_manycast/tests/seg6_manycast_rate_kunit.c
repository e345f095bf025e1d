// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of rate.c */

#include <kunit/test.h>
#include <linux/ktime.h>
#include <linux/module.h>

#include "../rate.h"

#define START	(1000 * (u64)NSEC_PER_SEC)

/* How many of @n at the same time are let through. */
static unsigned int let_through(atomic64_t *tat, u64 now, u32 rate,
				unsigned int n)
{
	unsigned int got = 0;

	while (n--)
		got += !manycast_rate_over(tat, now, rate);
	return got;
}

static void rate_burst(struct kunit *test)
{
	static const u32 rates[] = { 10, 100, 1000, 10000, NSEC_PER_SEC };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rates); i++) {
		u32 burst = min_t(u32, rates[i] / 10, 5000);
		atomic64_t tat = ATOMIC64_INIT(0);

		KUNIT_EXPECT_EQ(test, burst, let_through(&tat, START, rates[i],
							 burst));
		if (burst < 5000)
			KUNIT_EXPECT_EQ(test, 0,
					let_through(&tat, START, rates[i], 9));
	}
}

/* Less than ten a second: one at a time, and no more. */
static void rate_slow(struct kunit *test)
{
	atomic64_t tat = ATOMIC64_INIT(0);
	unsigned int i;

	for (i = 0; i < 20; i++)
		KUNIT_EXPECT_EQ(test, 1, let_through(&tat, START +
						     i * (u64)NSEC_PER_SEC, 1,
						     3));
}

/* What is refused does not count: others are let through in time. */
static void rate_steady(struct kunit *test)
{
	atomic64_t tat = ATOMIC64_INIT(0);
	unsigned int got = 0, i;

	for (i = 0; i < 10000; i++)
		got += let_through(&tat, START + i * (u64)NSEC_PER_MSEC / 10,
				   1000, 7);
	KUNIT_EXPECT_GE(test, got, 1098);
	KUNIT_EXPECT_LE(test, got, 1100);
	/* An hour of silence saves nothing up. */
	KUNIT_EXPECT_EQ(test, 100, let_through(&tat, START +
					       3600 * (u64)NSEC_PER_SEC, 1000,
					       300));
}

static struct kunit_case rate_cases[] = {
	KUNIT_CASE(rate_burst),
	KUNIT_CASE(rate_slow),
	KUNIT_CASE(rate_steady),
	{}
};

static struct kunit_suite rate_suite = {
	.name = "seg6_manycast_rate",
	.test_cases = rate_cases,
};

kunit_test_suite(rate_suite);

MODULE_DESCRIPTION("KUnit tests of M-Anycast's rate limits");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
