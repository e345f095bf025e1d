// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of record.c */

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <net/net_namespace.h>

#include "../main.h"
#include "../record.h"

#define ISN		1000
#define SYNACK_ISN	5000

static struct manycast_key key_of(u16 port)
{
	return (struct manycast_key){
		.client.s6_addr = { 0x20, [15] = 1 },
		.service.s6_addr = { 0x20, [15] = 2 },
		.sport = htons(port),
		.dport = htons(443),
		.isn = ISN + port,
	};
}

/* What the callers of all these functions provide. */
static void begin(void)
	__acquires(RCU)
{
	local_bh_disable();
	rcu_read_lock();
}

static void end(void)
	__releases(RCU)
{
	rcu_read_unlock();
	local_bh_enable();
}

static struct manycast_record *find(struct manycast_net *mnet, u16 port)
{
	const struct manycast_key key = key_of(port);

	return manycast_record_find(mnet, &key);
}

static struct manycast_record *syn(struct kunit *test, u16 port)
{
	struct manycast_record *rec = kzalloc(sizeof(*rec), GFP_ATOMIC);
	struct manycast_net *mnet = test->priv;
	bool added = false;

	if (rec) {
		rec->key = key_of(port);
		added = !manycast_record_add(mnet, rec);
	}
	KUNIT_EXPECT_TRUE(test, added);
	return rec;
}

static unsigned int length(const struct list_head *list)
{
	struct list_head *p;
	unsigned int n = 0;

	list_for_each(p, list)
		n++;
	return n;
}

static void expect_count(struct kunit *test, u16 port, unsigned int n)
{
	struct manycast_net *mnet = test->priv;

	KUNIT_EXPECT_EQ(test, mnet->record_count, n);
	KUNIT_EXPECT_EQ(test, length(&mnet->record_fifo), n);
	KUNIT_EXPECT_EQ(test, atomic_read(&mnet->records.nelems), n);
	KUNIT_EXPECT_EQ(test, *manycast_record_isn(mnet, ISN + port), n);
}

/* A repeated SYN: one record, and it knows what the other one knew. */
static void record_repeated(struct kunit *test)
{
	struct manycast_net *mnet = test->priv;
	struct manycast_record *rec;

	begin();
	rec = syn(test, 1);
	KUNIT_EXPECT_PTR_EQ(test, find(mnet, 1), rec);
	manycast_record_answered(mnet, rec, SYNACK_ISN);
	rec = syn(test, 1);
	KUNIT_EXPECT_PTR_EQ(test, find(mnet, 1), rec);
	KUNIT_EXPECT_TRUE(test, rec->answered);
	KUNIT_EXPECT_EQ(test, rec->synack_isn, SYNACK_ISN);
	KUNIT_EXPECT_FALSE(test, rec->acked);
	manycast_record_acked(mnet, rec, SYNACK_ISN + 1);
	rec = syn(test, 1);
	KUNIT_EXPECT_TRUE(test, rec->acked);
	expect_count(test, 1, 1);
	manycast_record_del(mnet, rec);
	KUNIT_EXPECT_NULL(test, find(mnet, 1));
	expect_count(test, 1, 0);
	end();
}

/* The same while another CPU has found the old one: what it learns is not lost,
 * and it cannot take the new one away.
 */
static void record_repeated_meanwhile(struct kunit *test)
{
	struct manycast_net *mnet = test->priv;
	struct manycast_record *found, *rec;

	begin();
	found = syn(test, 1);
	syn(test, 1);
	manycast_record_answered(mnet, found, SYNACK_ISN);
	rec = find(mnet, 1);
	KUNIT_EXPECT_TRUE(test, rec->answered);
	KUNIT_EXPECT_EQ(test, rec->synack_isn, SYNACK_ISN);

	found = rec;
	syn(test, 1);
	manycast_record_acked(mnet, found, SYNACK_ISN + 1);
	rec = find(mnet, 1);
	KUNIT_EXPECT_TRUE(test, rec->acked);
	manycast_record_del(mnet, found);
	KUNIT_EXPECT_PTR_EQ(test, find(mnet, 1), rec);
	expect_count(test, 1, 1);
	end();
}

/* Only of what was answered, and by its number. */
static void record_acked(struct kunit *test)
{
	struct manycast_net *mnet = test->priv;
	struct manycast_record *rec;

	begin();
	rec = syn(test, 1);
	manycast_record_acked(mnet, rec, 1);
	KUNIT_EXPECT_FALSE(test, rec->acked);
	manycast_record_answered(mnet, rec, SYNACK_ISN);
	manycast_record_acked(mnet, rec, SYNACK_ISN);
	KUNIT_EXPECT_FALSE(test, rec->acked);
	manycast_record_acked(mnet, rec, SYNACK_ISN + 1);
	KUNIT_EXPECT_TRUE(test, rec->acked);
	manycast_record_del(mnet, rec);
	manycast_record_answered(mnet, rec, SYNACK_ISN);
	manycast_record_acked(mnet, rec, SYNACK_ISN + 1);
	KUNIT_EXPECT_NULL(test, find(mnet, 1));
	end();
}

/* More than are forgotten in one go. */
static void record_expires(struct kunit *test)
{
	struct manycast_net *mnet = test->priv;
	u16 port;

	for (port = 1; port <= 1000; port++) {
		begin();
		syn(test, port)->expiry = jiffies - 1;
		end();
	}
	begin();
	syn(test, port);
	end();
	KUNIT_EXPECT_TRUE(test, delayed_work_pending(&mnet->record_work));
	flush_delayed_work(&mnet->record_work);
	begin();
	KUNIT_EXPECT_NULL(test, find(mnet, 1));
	KUNIT_EXPECT_NOT_NULL(test, find(mnet, port));
	end();
	expect_count(test, port, 1);
	KUNIT_EXPECT_TRUE(test, delayed_work_pending(&mnet->record_work));
}

static int record_init(struct kunit *test)
{
	struct manycast_net *mnet;
	int err;

	mnet = kunit_kzalloc(test, sizeof(*mnet), GFP_KERNEL);
	if (!mnet)
		return -ENOMEM;
	mnet->net = &init_net;
	mutex_init(&mnet->lock);
	mnet->stats = manycast_stats_alloc(SEG6_MANYCAST_STAT_MAX, GFP_KERNEL);
	if (!mnet->stats)
		return -ENOMEM;
	err = manycast_records_init(mnet);
	if (err) {
		free_percpu(mnet->stats);
		return err;
	}
	test->priv = mnet;
	mutex_lock(&mnet->lock);
	err = manycast_records_prepare(mnet);
	mutex_unlock(&mnet->lock);
	return err;
}

static void record_exit(struct kunit *test)
{
	struct manycast_net *mnet = test->priv;

	if (!mnet)
		return;
	manycast_records_exit(mnet);
	free_percpu(mnet->stats);
}

static struct kunit_case record_cases[] = {
	KUNIT_CASE(record_repeated),
	KUNIT_CASE(record_repeated_meanwhile),
	KUNIT_CASE(record_acked),
	KUNIT_CASE(record_expires),
	{}
};

static struct kunit_suite record_suite = {
	.name = "seg6_manycast_record",
	.init = record_init,
	.exit = record_exit,
	.test_cases = record_cases,
};

kunit_test_suite(record_suite);

MODULE_DESCRIPTION("KUnit tests of M-Anycast's records at the server");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
