// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of histogram.c */

#include <kunit/test.h>
#include <linux/module.h>

#include "../histogram.h"

#define LAST	(SEG6_MANYCAST_RTT_BUCKETS - 1)

/* Four to a power of two, from below 8 us to above 8 s. */
static void histogram_powers(struct kunit *test)
{
	unsigned int power;

	KUNIT_EXPECT_EQ(test, 0, seg6_manycast_rtt_bound(0));
	for (power = 3; power <= 23; power++)
		KUNIT_EXPECT_EQ(test, 1U << power,
				seg6_manycast_rtt_bound(4 * (power - 2)));
	KUNIT_EXPECT_EQ(test, 1U << 23, seg6_manycast_rtt_bound(LAST));
}

/* Each begins a quarter of its power of two behind the one before. */
static void histogram_quarters(struct kunit *test)
{
	unsigned int i;

	for (i = 1; i < LAST; i++)
		KUNIT_EXPECT_EQ(test, 1U << (i / 4),
				seg6_manycast_rtt_bound(i + 1) -
				seg6_manycast_rtt_bound(i));
}

/* A bucket has the time that it begins with, and not the one before. */
static void histogram_bounds(struct kunit *test)
{
	unsigned int i;

	KUNIT_EXPECT_EQ(test, 0, manycast_histogram_bucket(0));
	for (i = 1; i <= LAST; i++) {
		u32 bound = seg6_manycast_rtt_bound(i);

		KUNIT_EXPECT_EQ(test, i, manycast_histogram_bucket(bound));
		KUNIT_EXPECT_EQ(test, i - 1,
				manycast_histogram_bucket(bound - 1));
	}
}

static void histogram_monotonic(struct kunit *test)
{
	unsigned int bucket, before = 0;
	u32 us;

	for (us = 0; us < 100000; us++, before = bucket) {
		bucket = manycast_histogram_bucket(us);
		KUNIT_ASSERT_LE(test, seg6_manycast_rtt_bound(bucket), us);
		KUNIT_ASSERT_GT(test, seg6_manycast_rtt_bound(bucket + 1), us);
		KUNIT_ASSERT_LE(test, bucket - before, 1);
	}
}

/* What is longer than all of them belongs to the last one. */
static void histogram_overflow(struct kunit *test)
{
	unsigned int power;

	for (power = 23; power < 32; power++)
		KUNIT_EXPECT_EQ(test, LAST,
				manycast_histogram_bucket(1U << power));
	KUNIT_EXPECT_EQ(test, LAST, manycast_histogram_bucket(U32_MAX));
}

static struct manycast_histogram *histogram(struct kunit *test)
{
	struct manycast_histogram *hist =
		kunit_kzalloc(test, sizeof(*hist), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, hist);
	return hist;
}

/* The sum has more than 32 bits. */
static void histogram_counts(struct kunit *test)
{
	struct manycast_histogram *hist = histogram(test);

	manycast_histogram_add(hist, 5);
	manycast_histogram_add(hist, U32_MAX);
	manycast_histogram_add(hist, U32_MAX);
	KUNIT_EXPECT_EQ(test, 0, atomic64_read(&hist->count[0]));
	KUNIT_EXPECT_EQ(test, 1, atomic64_read(&hist->count[1]));
	KUNIT_EXPECT_EQ(test, 2, atomic64_read(&hist->count[LAST]));
	KUNIT_EXPECT_EQ(test, 5 + 2 * (s64)U32_MAX, atomic64_read(&hist->sum));
}

/* Up to the last one that is not empty. */
static void histogram_lengths(struct kunit *test)
{
	struct manycast_histogram *hist = histogram(test);

	KUNIT_EXPECT_EQ(test, 0, manycast_histogram_len(hist));
	manycast_histogram_add(hist, 0);
	KUNIT_EXPECT_EQ(test, 1, manycast_histogram_len(hist));
	manycast_histogram_add(hist, 8);
	KUNIT_EXPECT_EQ(test, 5, manycast_histogram_len(hist));
	manycast_histogram_add(hist, U32_MAX);
	KUNIT_EXPECT_EQ(test, SEG6_MANYCAST_RTT_BUCKETS,
			manycast_histogram_len(hist));
}

static struct kunit_case histogram_cases[] = {
	KUNIT_CASE(histogram_powers),
	KUNIT_CASE(histogram_quarters),
	KUNIT_CASE(histogram_bounds),
	KUNIT_CASE(histogram_monotonic),
	KUNIT_CASE(histogram_overflow),
	KUNIT_CASE(histogram_counts),
	KUNIT_CASE(histogram_lengths),
	{}
};

static struct kunit_suite histogram_suite = {
	.name = "seg6_manycast_histogram",
	.test_cases = histogram_cases,
};

kunit_test_suite(histogram_suite);

MODULE_DESCRIPTION("KUnit tests of M-Anycast's histograms");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
