// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of lwt_attr.c: what a route's size is said to be is what is put.
 * Too little makes the kernel warn, and too much is not true.
 */

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/skbuff.h>

#include "../lwt.h"
#include "../service.h"
#include "../stats.h"

#define SKB_SIZE	1000
#define OPTIONS		11

/* Nobody looks into the service. */
struct fixture {
	struct manycast_stats __percpu *counters;
	struct manycast_service service;
};

static void set_prefix(struct manycast_prefix *prefix)
{
	prefix->addr.s6_addr[0] = 0xfc;
	prefix->len = 7;
}

/* Option number @i of all that some behaviour has; false: there is none. */
static bool set_option(struct kunit *test, struct manycast_route *route,
		       unsigned int i)
{
	struct fixture *f = test->priv;

	switch (i) {
	case 0:
		route->service = &f->service;
		strscpy(route->name, "web", sizeof(route->name));
		return true;
	case 1:
		route->table = 254;
		return true;
	case 2:
		route->limit = 1;
		return true;
	case 3:
		route->mark = 1000;
		return true;
	case 4:
		route->position = 58;
		return true;
	case 5:
		route->port = 8000;
		return true;
	case 6:
		route->sid.s6_addr[15] = 1;
		return true;
	case 7:
		set_prefix(&route->servers);
		return true;
	case 8:
		set_prefix(&route->services);
		return true;
	case 9:
		set_prefix(&route->acl);
		return true;
	case 10:
		route->counters = f->counters;
		return true;
	default:
		return false;
	}
}

/* Octets that are put at an offset from an aligned address. */
static int filled(struct kunit *test, const struct manycast_route *route,
		  unsigned int offset)
{
	struct sk_buff *skb = alloc_skb(SKB_SIZE, GFP_KERNEL);
	int len;

	KUNIT_ASSERT_NOT_NULL(test, skb);
	skb_put(skb, PTR_ALIGN(skb->data, 8) - skb->data + offset);
	len = skb->len;
	KUNIT_EXPECT_EQ(test, manycast_lwt_fill(skb, route), 0);
	len = skb->len - len;
	kfree_skb(skb);
	return len;
}

/* Where 64-bit values are aligned it depends on where they come. */
static void expect_exact(struct kunit *test, const struct manycast_route *route)
{
	int most = max(filled(test, route, 0), filled(test, route, 4));

	KUNIT_ASSERT_EQ(test, manycast_lwt_size(route), most);
}

/* Each behaviour's routes are among these: it has some of all options. */
static void size_of_all_options(struct kunit *test)
{
	unsigned int set, i;

	for (set = 0; set < BIT(OPTIONS); set++) {
		struct manycast_route route = {};

		for (i = 0; i < OPTIONS; i++)
			if (set & BIT(i))
				set_option(test, &route, i);
		expect_exact(test, &route);
	}
}

/* A new attribute has to be among the options. */
static void options_are_attributes(struct kunit *test)
{
	struct manycast_route route = {};
	unsigned int n = 0;

	while (set_option(test, &route, n))
		n++;
	KUNIT_EXPECT_EQ(test, n, OPTIONS);
	KUNIT_EXPECT_EQ(test, n, SEG6_MANYCAST_LWT_MAX);
}

static void size_of_names(struct kunit *test)
{
	struct manycast_route route = {};
	unsigned int len;

	set_option(test, &route, 0);
	for (len = 1; len < SEG6_MANYCAST_NAME_MAX; len++) {
		memset(route.name, 'x', len);
		expect_exact(test, &route);
	}
}

static int lwt_init(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	if (!f)
		return -ENOMEM;
	f->counters = manycast_stats_alloc(MANYCAST_ROUTE_COUNT_MAX,
					   GFP_KERNEL);
	test->priv = f;
	return f->counters ? 0 : -ENOMEM;
}

static void lwt_exit(struct kunit *test)
{
	struct fixture *f = test->priv;

	if (f)
		free_percpu(f->counters);
}

static struct kunit_case lwt_cases[] = {
	KUNIT_CASE(size_of_all_options),
	KUNIT_CASE(options_are_attributes),
	KUNIT_CASE(size_of_names),
	{}
};

static struct kunit_suite lwt_suite = {
	.name = "seg6_manycast_lwt",
	.init = lwt_init,
	.exit = lwt_exit,
	.test_cases = lwt_cases,
};

kunit_test_suite(lwt_suite);

MODULE_DESCRIPTION("KUnit tests of M-Anycast's attributes of routes");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
