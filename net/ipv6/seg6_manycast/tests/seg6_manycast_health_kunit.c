// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of health.c and health.h */

#include <kunit/test.h>
#include <linux/module.h>

#include "../health.h"

#define FAILS	3
#define TIMEOUT	1000				/* ms */
#define OVER	(msecs_to_jiffies(TIMEOUT) + 1)	/* jiffies until a race is */

/* Races at one moment: whether one of them has made a suspect. */
static bool ask(struct manycast_health *health, unsigned long now,
		unsigned int n)
{
	bool suspected = false;

	while (n--)
		suspected |= manycast_health_asked(health, now, FAILS, TIMEOUT);
	return suspected;
}

/* Across the end of jiffies, too. */
static const unsigned long begins[] = {
	0, 1000, LONG_MAX, ULONG_MAX, ULONG_MAX - 5
};

static void health_silent(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(begins); i++) {
		struct manycast_health health = {};
		unsigned long now = begins[i];

		KUNIT_EXPECT_FALSE(test, ask(&health, now, FAILS));
		KUNIT_EXPECT_FALSE(test, ask(&health, now + OVER - 1, 1));
		KUNIT_EXPECT_TRUE(test, ask(&health, now + OVER, 1));
		KUNIT_EXPECT_TRUE(test, health.suspect);
		/* Once is enough. */
		KUNIT_EXPECT_FALSE(test, ask(&health, now + 2 * OVER, 9));
	}
}

/* However many are under way. */
static void health_crowd(struct kunit *test)
{
	struct manycast_health health = {};

	KUNIT_EXPECT_FALSE(test, ask(&health, 5, 100000));
	KUNIT_EXPECT_TRUE(test, manycast_health_asked(&health, 5 + OVER, FAILS,
						      TIMEOUT));
}

/* However long: a few races, and then none. */
static void health_few(struct kunit *test)
{
	struct manycast_health health = {};

	KUNIT_EXPECT_FALSE(test, ask(&health, 5, FAILS - 1));
	KUNIT_EXPECT_FALSE(test, ask(&health, 5 + 9 * OVER, 1));
	KUNIT_EXPECT_TRUE(test, ask(&health, 5 + 9 * OVER, 1));
}

static void health_answer(struct kunit *test)
{
	struct manycast_health health = {};

	ask(&health, 5, FAILS);
	KUNIT_EXPECT_FALSE(test, manycast_health_answered(&health));
	/* Its time begins again. */
	KUNIT_EXPECT_FALSE(test, ask(&health, 5 + OVER, FAILS));
	KUNIT_EXPECT_FALSE(test, ask(&health, 5 + 2 * OVER - 1, FAILS));
	KUNIT_EXPECT_TRUE(test, ask(&health, 5 + 2 * OVER, 1));
	KUNIT_EXPECT_TRUE(test, manycast_health_answered(&health));
	KUNIT_EXPECT_FALSE(test, health.suspect);
	KUNIT_EXPECT_FALSE(test, manycast_health_answered(&health));
}

static void health_set(struct kunit *test)
{
	struct manycast_health health = {};

	ask(&health, 5, FAILS);
	manycast_health_set(&health, true);
	KUNIT_EXPECT_TRUE(test, health.suspect);
	manycast_health_set(&health, false);
	KUNIT_EXPECT_FALSE(test, ask(&health, 5 + OVER, FAILS));
}

static void health_never(struct kunit *test)
{
	struct manycast_health health = {};
	unsigned int i;

	for (i = 0; i < 10; i++)
		KUNIT_EXPECT_FALSE(test, manycast_health_asked(&health,
							       i * OVER, 0,
							       TIMEOUT));
}

static struct kunit_case health_cases[] = {
	KUNIT_CASE(health_silent),
	KUNIT_CASE(health_crowd),
	KUNIT_CASE(health_few),
	KUNIT_CASE(health_answer),
	KUNIT_CASE(health_set),
	KUNIT_CASE(health_never),
	{}
};

static struct kunit_suite health_suite = {
	.name = "seg6_manycast_health",
	.test_cases = health_cases,
};

kunit_test_suite(health_suite);

MODULE_DESCRIPTION("KUnit tests of M-Anycast's passive health");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
