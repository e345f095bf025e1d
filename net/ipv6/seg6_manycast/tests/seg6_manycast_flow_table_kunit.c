// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of flow.c: how many flows there are, and for how long */

#include <kunit/test.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/module.h>
#include <net/tcp.h>

#include "flow_fixture.h"

static void set_limit(struct kunit *test, u32 limit)
{
	struct fixture *f = test->priv;

	f->limit = limit;
}

static u64 evicted(const struct manycast_net *mnet)
{
	const unsigned int i = SEG6_MANYCAST_STAT_EDGE_EVICTED;
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += u64_stats_read(&per_cpu_ptr(mnet->stats, cpu)->count[i]);
	return sum;
}

/* Every bit tells flows apart, and those of the ISN only attempts. */
static void flow_key_bits(struct kunit *test)
{
	struct manycast_key a, b;
	unsigned int bit;

	memset(&a, 0x5a, sizeof(a));
	for (bit = 0; bit < 8 * sizeof(a); bit++) {
		bool same = bit >= 8 * MANYCAST_TUPLE_LEN;

		b = a;
		((u8 *)&b)[bit / 8] ^= BIT(bit % 8);
		KUNIT_EXPECT_EQ(test, manycast_tuple_equal(&a, &b), same);
		KUNIT_EXPECT_EQ(test, manycast_tuple_hash(&a, 0, ISN) ==
				      manycast_tuple_hash(&b, 0, ISN), same);
		KUNIT_EXPECT_NE(test, manycast_key_hash(&a, 0, ISN),
				manycast_key_hash(&b, 0, ISN));
	}
}

static void flow_limit(struct kunit *test)
{
	struct manycast_net *mnet = mnet_of(test);

	syn(test, 1, ISN);
	mnet->flow_count = MANYCAST_FLOW_LIMIT - 1;
	syn(test, 2, ISN);
	KUNIT_EXPECT_EQ(test, evicted(mnet), 0);
	KUNIT_EXPECT_EQ(test, mnet->flow_count, MANYCAST_FLOW_LIMIT);
	syn(test, 3, ISN);
	KUNIT_EXPECT_EQ(test, evicted(mnet), 1);
	KUNIT_EXPECT_EQ(test, mnet->flow_count, MANYCAST_FLOW_LIMIT);
	KUNIT_EXPECT_NULL(test, find(mnet, 1));

	set_limit(test, MANYCAST_FLOW_LIMIT + 1);
	syn(test, 4, ISN);
	KUNIT_EXPECT_EQ(test, evicted(mnet), 1);
	mnet->flow_count = 3;
}

static void flow_limit_lowered(struct kunit *test)
{
	struct manycast_net *mnet = mnet_of(test);
	u16 port;

	for (port = 1; port <= 60; port++)
		syn(test, port, ISN);
	set_limit(test, 10);
	for (; port <= 70; port++) {
		unsigned int before = mnet->flow_count;

		syn(test, port, ISN);
		KUNIT_EXPECT_NOT_NULL(test, find(mnet, port));
		KUNIT_EXPECT_TRUE(test, mnet->flow_count < before ||
				  mnet->flow_count == 10);
	}
	KUNIT_EXPECT_EQ(test, mnet->flow_count, 10);
	KUNIT_EXPECT_EQ(test, evicted(mnet), 60);
}

static void flow_evict_opening(struct kunit *test)
{
	struct manycast_net *mnet = mnet_of(test);
	u16 port;

	set_limit(test, 3);
	for (port = 1; port <= 3; port++)
		syn(test, port, ISN);
	KUNIT_EXPECT_EQ(test, evicted(mnet), 0);

	/* It is not the newest that goes, and not who begins anew. */
	syn(test, 1, ISN + 1);
	syn(test, 4, ISN);
	KUNIT_EXPECT_EQ(test, evicted(mnet), 1);
	KUNIT_EXPECT_EQ(test, mnet->flow_count, 3);
	KUNIT_EXPECT_NOT_NULL(test, find(mnet, 1));
	KUNIT_EXPECT_NULL(test, find(mnet, 2));
	KUNIT_EXPECT_NOT_NULL(test, find(mnet, 3));
	KUNIT_EXPECT_NOT_NULL(test, find(mnet, 4));
}

/* Flows that open go before those that are open, however old; but for their
 * share, which is one here.
 */
static void flow_evict_opening_first(struct kunit *test)
{
	struct manycast_net *mnet = mnet_of(test);
	u16 port;

	set_limit(test, 3);
	open_flow(test, 1)->age.used -= 1000;
	open_flow(test, 2)->age.used -= 1000;
	for (port = 3; port < 100; port++) {
		syn(test, port, ISN);
		KUNIT_EXPECT_EQ(test, mnet->flow_count, 3);
		KUNIT_EXPECT_NOT_NULL(test, find(mnet, port));
	}
	KUNIT_EXPECT_NOT_NULL(test, find(mnet, 1));
	KUNIT_EXPECT_NOT_NULL(test, find(mnet, 2));
	KUNIT_EXPECT_EQ(test, evicted(mnet), 96);
}

static struct manycast_flow *found(struct kunit *test, u16 port)
{
	struct manycast_flow *flow = find(mnet_of(test), port);

	KUNIT_ASSERT_NOT_NULL(test, flow);
	return flow;
}

/* How many of the flows on these ports are there? */
static unsigned int known(struct manycast_net *mnet, u16 from, u16 to)
{
	unsigned int n = 0;

	for (; from <= to; from++)
		n += !!find(mnet, from);
	return n;
}

/* However many begin, an eighth of the table is theirs, and a handshake has as
 * long as it takes to fill that.
 */
static void flow_evict_share(struct kunit *test)
{
	struct manycast_net *mnet = mnet_of(test);
	u16 port;

	set_limit(test, 32);
	for (port = 1; port <= 32; port++)
		open_flow(test, port);
	for (port = 101; port <= 200; port++) {
		syn(test, port, ISN);
		KUNIT_EXPECT_EQ(test, known(mnet, 101, 200),
				min(port - 100, 4));
		KUNIT_EXPECT_EQ(test, known(mnet, port - 3, port),
				min(port - 100, 4));
	}
	KUNIT_EXPECT_EQ(test, known(mnet, 1, 32), 28);
	KUNIT_EXPECT_EQ(test, mnet->flow_count, 32);

	/* Who completes its handshake makes room for another one's. */
	learn(found(test, 197), ISN, 1, 100);
	out(test, found(test, 197), ACK, 101);
	syn(test, 201, ISN);
	KUNIT_EXPECT_EQ(test, known(mnet, 197, 201), 5);
	KUNIT_EXPECT_EQ(test, known(mnet, 1, 32), 27);
}

/* What is over goes before all others. */
static void flow_evict_over(struct kunit *test)
{
	struct manycast_net *mnet = mnet_of(test);
	u16 port;

	set_limit(test, 8);
	for (port = 1; port <= 7; port++)
		open_flow(test, port);
	syn(test, 8, ISN);
	out(test, found(test, 5), ACK | TCPHDR_FIN, 500);
	out(test, found(test, 3), TCPHDR_RST, 0);
	KUNIT_EXPECT_EQ(test, placed(mnet, MANYCAST_PLACE_OPENING), 1);
	KUNIT_EXPECT_EQ(test, placed(mnet, MANYCAST_PLACE_OPEN), 5);
	KUNIT_EXPECT_EQ(test, placed(mnet, MANYCAST_PLACE_OVER), 2);

	syn(test, 11, ISN);
	KUNIT_EXPECT_NULL(test, find(mnet, 5));
	syn(test, 12, ISN);
	KUNIT_EXPECT_NULL(test, find(mnet, 3));
	syn(test, 13, ISN);
	KUNIT_EXPECT_NULL(test, find(mnet, 8));
	KUNIT_EXPECT_EQ(test, known(mnet, 1, 8), 5);
	KUNIT_EXPECT_EQ(test, known(mnet, 11, 13), 3);
	KUNIT_EXPECT_EQ(test, evicted(mnet), 3);
}

/* A client that still acknowledges what its server sends goes after others. */
static void flow_evict_over_unused(struct kunit *test)
{
	struct manycast_net *mnet = mnet_of(test);
	u16 port;

	set_limit(test, 3);
	for (port = 1; port <= 3; port++) {
		out(test, open_flow(test, port), ACK | TCPHDR_FIN, 500);
		find(mnet, port)->age.listed = jiffies - 100;
		find(mnet, port)->age.used = jiffies - 100;
	}
	out(test, found(test, 1), ACK, 500);
	syn(test, 4, ISN);
	KUNIT_EXPECT_NOT_NULL(test, find(mnet, 1));
	KUNIT_EXPECT_NULL(test, find(mnet, 2));
}

/* Nor can handshakes that are reset push out more. */
static void flow_evict_share_reset(struct kunit *test)
{
	struct manycast_net *mnet = mnet_of(test);
	unsigned int i;
	u16 port;

	set_limit(test, 32);
	for (port = 1; port <= 32; port++)
		open_flow(test, port);
	for (port = 101; port <= 200; port++) {
		learn(syn(test, port, ISN), ISN, 1, 100);
		for (i = 0; port % 4 == 0 && i < 4; i++)
			out(test, found(test, port - i), TCPHDR_RST, 0);
	}
	KUNIT_EXPECT_EQ(test, known(mnet, 1, 32), 28);
}

/* Flows on the ports up to @n, used since they were listed. */
static void open_used_flows(struct kunit *test, u16 n)
{
	struct manycast_flow *flow;
	u16 port;

	set_limit(test, n);
	for (port = 1; port <= n; port++) {
		flow = open_flow(test, port);
		flow->age.listed = jiffies - 100;
		flow->age.used = jiffies - 50;
	}
}

static void flow_evict_unused(struct kunit *test)
{
	struct manycast_net *mnet = mnet_of(test);

	open_used_flows(test, 4);
	find(mnet, 3)->age.used = find(mnet, 3)->age.listed;
	syn(test, 5, ISN);
	KUNIT_EXPECT_EQ(test, mnet->flow_count, 4);
	KUNIT_EXPECT_NULL(test, find(mnet, 3));

	/* The first two have had their second chance; but the fourth has not
	 * been looked at.
	 */
	open_flow(test, 5);
	syn(test, 6, ISN);
	KUNIT_EXPECT_NULL(test, find(mnet, 1));
	KUNIT_EXPECT_NOT_NULL(test, find(mnet, 2));
	KUNIT_EXPECT_NOT_NULL(test, find(mnet, 4));
	KUNIT_EXPECT_NOT_NULL(test, find(mnet, 5));
	KUNIT_EXPECT_EQ(test, evicted(mnet), 2);
}

/* All are in use: one goes nevertheless, after a bounded search. */
static void flow_evict_used(struct kunit *test)
{
	struct manycast_net *mnet = mnet_of(test);

	open_used_flows(test, 50);
	syn(test, 51, ISN);
	KUNIT_EXPECT_EQ(test, mnet->flow_count, 50);
	KUNIT_EXPECT_EQ(test, evicted(mnet), 1);
	KUNIT_EXPECT_NOT_NULL(test, find(mnet, 1));
	KUNIT_EXPECT_NOT_NULL(test, find(mnet, 50));
	KUNIT_EXPECT_NOT_NULL(test, find(mnet, 51));
}

static void flow_bounded(struct kunit *test)
{
	struct manycast_net *mnet = mnet_of(test);
	struct manycast_flow *flow;
	u16 port;

	set_limit(test, 200);
	for (port = 1; port <= 3000; port++) {
		flow = syn(test, port, ISN);
		if (port % 3)
			learn(flow, ISN, 1, 100);
		if (port % 3 == 1)
			learn(flow, ISN, 2, 200);
		if (port % 7 == 0)
			out(test, flow, ACK, 101);
		KUNIT_ASSERT_LE(test, mnet->flow_count, 200);
	}
	KUNIT_EXPECT_EQ(test, known(mnet, 1, 3000), 200);
	KUNIT_EXPECT_EQ(test, evicted(mnet), 2800);
	KUNIT_EXPECT_EQ(test, 200, placed(mnet, MANYCAST_PLACE_OPENING) +
				   placed(mnet, MANYCAST_PLACE_OPEN) +
				   placed(mnet, MANYCAST_PLACE_OVER));
}

struct idleness {
	const char *desc;
	enum manycast_flow_state state;
	unsigned int seconds;
};

/* As connection tracking has them. */
static const struct idleness idlenesses[] = {
	{ "opening", MANYCAST_FLOW_OPENING, 120 },
	{ "open", MANYCAST_FLOW_OPEN, 5 * 24 * 3600 },
	{ "closing", MANYCAST_FLOW_CLOSING, 120 },
	{ "reset", MANYCAST_FLOW_RESET, 10 },
};

static void idleness_desc(const struct idleness *p, char *desc)
{
	strscpy(desc, p->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(idleness, idlenesses, idleness_desc);

static struct manycast_flow *flow_in(struct kunit *test, u16 port,
				     enum manycast_flow_state state)
{
	struct manycast_flow *flow;

	if (state == MANYCAST_FLOW_OPENING)
		return syn(test, port, ISN);
	flow = open_flow(test, port);
	if (state == MANYCAST_FLOW_CLOSING)
		out(test, flow, ACK | TCPHDR_FIN, 500);
	else if (state == MANYCAST_FLOW_RESET)
		out(test, flow, TCPHDR_RST, 0);
	KUNIT_ASSERT_EQ(test, flow->state, state);
	return flow;
}

static void flow_idle(struct kunit *test)
{
	const struct idleness *p = test->param_value;
	struct manycast_flow *fresh = flow_in(test, 1, p->state);
	struct manycast_flow *stale = flow_in(test, 2, p->state);
	struct manycast_net *mnet = mnet_of(test);

	fresh->age.used = jiffies - (p->seconds - 1) * HZ;
	stale->age.used = jiffies - (p->seconds + 1) * HZ;

	KUNIT_EXPECT_TRUE(test, delayed_work_pending(&mnet->flow_work));
	flush_delayed_work(&mnet->flow_work);
	KUNIT_EXPECT_NOT_NULL(test, find(mnet, 1));
	KUNIT_EXPECT_NULL(test, find(mnet, 2));
	KUNIT_EXPECT_EQ(test, mnet->flow_count, 1);
	KUNIT_EXPECT_EQ(test, placed(mnet, fresh->place), 1);
	KUNIT_EXPECT_TRUE(test, delayed_work_pending(&mnet->flow_work));

	/* Nobody sweeps an empty floor; but it starts again. */
	fresh->age.used = jiffies - (p->seconds + 1) * HZ;
	flush_delayed_work(&mnet->flow_work);
	KUNIT_EXPECT_NULL(test, find(mnet, 1));
	KUNIT_EXPECT_EQ(test, mnet->flow_count, 0);
	KUNIT_EXPECT_FALSE(test, delayed_work_pending(&mnet->flow_work));
	syn(test, 1, ISN);
	KUNIT_EXPECT_TRUE(test, delayed_work_pending(&mnet->flow_work));
	KUNIT_EXPECT_EQ(test, evicted(mnet), 0);
}

/* More than are looked at in one go, and some of them stay. While the table is
 * resized a sweep may miss some, and so there are a few.
 */
static void flow_idle_many(struct kunit *test)
{
	struct manycast_net *mnet = mnet_of(test);
	unsigned int i;
	u16 port;

	for (port = 1; port <= 5000; port++)
		if (port % 10)
			syn(test, port, ISN)->age.used -= 121 * HZ;
		else
			open_flow(test, port)->age.used -= 121 * HZ;
	for (i = 0; i < 10 && mnet->flow_count != 500; i++)
		flush_delayed_work(&mnet->flow_work);
	KUNIT_EXPECT_EQ(test, mnet->flow_count, 500);
	KUNIT_EXPECT_EQ(test, placed(mnet, MANYCAST_PLACE_OPEN), 500);
	KUNIT_EXPECT_EQ(test, known(mnet, 1, 5000), 500);
}

/* A SYN with another ISN, or many, may be somebody else's: what was open stays
 * as long as before and where it was, until its own packets end it.
 */
static void flow_idle_after_syn(struct kunit *test)
{
	struct manycast_flow *flow = open_flow(test, 1);
	struct manycast_net *mnet = mnet_of(test);

	syn(test, 1, ISN + 1);
	syn(test, 1, ISN + 2);
	KUNIT_EXPECT_EQ(test, flow->state, MANYCAST_FLOW_OPENING);
	KUNIT_EXPECT_EQ(test, placed(mnet, MANYCAST_PLACE_OPEN), 1);
	flow->age.used = jiffies - 3600 * HZ;
	flush_delayed_work(&mnet->flow_work);
	KUNIT_ASSERT_PTR_EQ(test, find(mnet, 1), flow);
	expect_sent(test, out(test, flow, ACK, 500), 1, 0);
	KUNIT_EXPECT_EQ(test, flow->state, MANYCAST_FLOW_OPEN);
	KUNIT_EXPECT_EQ(test, placed(mnet, MANYCAST_PLACE_OPEN), 1);

	/* The client says that it has forgotten the old one. */
	syn(test, 1, ISN + 3);
	out(test, flow, TCPHDR_RST, 0);
	KUNIT_EXPECT_EQ(test, placed(mnet, MANYCAST_PLACE_OPENING), 1);
	flow->age.used = jiffies - 121 * HZ;
	flush_delayed_work(&mnet->flow_work);
	KUNIT_EXPECT_NULL(test, find(mnet, 1));
}

/* Whatever passes keeps a flow. */
static void flow_used(struct kunit *test)
{
	struct manycast_flow *flow = open_flow(test, 1);
	unsigned long old = jiffies - 100 * HZ;

	flow->age.used = old;
	out(test, flow, ACK, 500);
	KUNIT_EXPECT_NE(test, flow->age.used, old);
	flow->age.used = old;
	learn(flow, ISN, 1, 100);
	KUNIT_EXPECT_NE(test, flow->age.used, old);
	flow->age.used = old;
	syn(test, 1, ISN);
	KUNIT_EXPECT_NE(test, flow->age.used, old);
}

static struct kunit_case flow_cases[] = {
	KUNIT_CASE(flow_key_bits),
	KUNIT_CASE(flow_limit),
	KUNIT_CASE(flow_limit_lowered),
	KUNIT_CASE(flow_evict_opening),
	KUNIT_CASE(flow_evict_opening_first),
	KUNIT_CASE(flow_evict_share),
	KUNIT_CASE(flow_evict_over),
	KUNIT_CASE(flow_evict_over_unused),
	KUNIT_CASE(flow_evict_share_reset),
	KUNIT_CASE(flow_evict_unused),
	KUNIT_CASE(flow_evict_used),
	KUNIT_CASE(flow_bounded),
	KUNIT_CASE_PARAM(flow_idle, idleness_gen_params),
	KUNIT_CASE(flow_idle_many),
	KUNIT_CASE(flow_idle_after_syn),
	KUNIT_CASE(flow_used),
	{}
};

static struct kunit_suite flow_suite = {
	.name = "seg6_manycast_flow_table",
	.init = flow_init,
	.exit = flow_exit,
	.test_cases = flow_cases,
};

kunit_test_suite(flow_suite);

MODULE_DESCRIPTION("KUnit tests of M-Anycast's table of flows at the edge");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
