/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_TESTS_FLOW_FIXTURE_H
#define _SEG6_MANYCAST_TESTS_FLOW_FIXTURE_H

/* A namespace with flows, and how its callers use it. The client is told by its
 * port, a server by a number that is not 0.
 */

#include <kunit/test.h>
#include <linux/percpu.h>
#include <net/tcp.h>

#include "../flow.h"
#include "../main.h"

#define ISN		1000
#define ACK		TCPHDR_ACK

/* Where a client's segment goes, and who is to be reset; by number, 0: none. */
struct sent {
	u8 way;
	u8 loser;
};

struct fixture {
	struct manycast_net mnet;
	u32 limit;
};

static inline struct manycast_net *mnet_of(const struct kunit *test)
{
	struct fixture *f = test->priv;

	return &f->mnet;
}

static inline void flow_exit(struct kunit *test)
{
	if (!test->priv)
		return;
	manycast_flows_exit(mnet_of(test));
	free_percpu(mnet_of(test)->stats);
}

static inline int flow_init(struct kunit *test)
{
	struct manycast_net *mnet;
	struct fixture *f;
	int err;

	f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	if (!f)
		return -ENOMEM;
	mnet = &f->mnet;
	mnet->stats = manycast_stats_alloc(SEG6_MANYCAST_STAT_MAX, GFP_KERNEL);
	if (!mnet->stats)
		return -ENOMEM;
	err = manycast_flows_init(mnet);
	if (err) {
		free_percpu(mnet->stats);
		return err;
	}
	test->priv = f;
	return 0;
}

/* How many flows are at a place; or as many as no table has, when the count and
 * the list differ.
 */
static inline unsigned int placed(const struct manycast_net *mnet,
				  enum manycast_flow_place place)
{
	const struct manycast_flow *flow;
	unsigned int n = 0;

	list_for_each_entry(flow, &mnet->flow_list[place], age.list)
		n += flow->place == place ? 1 : UINT_MAX / 2;
	return n == mnet->flow_placed[place] ? n : UINT_MAX;
}

/* What the callers of all these functions provide. */
static inline void begin(void)
	__acquires(RCU)
{
	local_bh_disable();
	rcu_read_lock();
}

static inline void end(void)
	__releases(RCU)
{
	rcu_read_unlock();
	local_bh_enable();
}

static inline struct manycast_key key_of(u16 port, u32 isn)
{
	return (struct manycast_key){
		.client.s6_addr = { 0x20, [15] = 1 },
		.service.s6_addr = { 0x20, [15] = 2 },
		.sport = htons(port),
		.dport = htons(443),
		.isn = isn,
	};
}

static inline struct manycast_path path_of(u8 server)
{
	struct manycast_path path = {};

	path.n = 2;
	path.seg[0].s6_addr[0] = 0xfc;
	path.seg[0].s6_addr[15] = server;
	path.seg[1].s6_addr[0] = 0xfc;
	path.seg[1].s6_addr[15] = 0xee;
	return path;
}

static inline u8 server_of(const struct manycast_way *way)
{
	return way ? way->path.seg[0].s6_addr[15] : 0;
}

/* As nothing runs beside the test, it may keep what it finds. */
static inline struct manycast_flow *find(struct manycast_net *mnet, u16 port)
{
	struct manycast_key key = key_of(port, 0);
	struct manycast_flow *flow;

	begin();
	flow = manycast_flow_find(mnet, &key);
	end();
	return flow;
}

static inline struct manycast_flow *syn_servers(struct kunit *test, u16 port,
						u32 isn, u8 len)
{
	struct manycast_prefix servers = {
		.addr.s6_addr = { 0xfc },
		.len = len,
	};
	struct manycast_key key = key_of(port, isn);
	struct fixture *f = test->priv;
	struct manycast_flow *flow;

	begin();
	flow = manycast_flow_syn(&f->mnet, &key, &servers, f->limit);
	end();
	KUNIT_ASSERT_NOT_NULL(test, flow);
	return flow;
}

static inline struct manycast_flow *syn(struct kunit *test, u16 port, u32 isn)
{
	return syn_servers(test, port, isn, 8);
}

static inline enum manycast_learnt learn(struct manycast_flow *flow, u32 isn,
					 u8 server, u32 synack_isn)
{
	struct manycast_path path = path_of(server);
	enum manycast_learnt learnt;

	begin();
	learnt = manycast_flow_learn(flow, isn, &path, synack_isn);
	end();
	return learnt;
}

static inline struct sent out(struct kunit *test, struct manycast_flow *flow,
			      u8 flags, u32 ack)
{
	struct manycast_tcp tcp = { .flags = flags, .ack = ack };
	struct manycast_way *way, *loser = (void *)1;
	struct sent sent;

	begin();
	way = manycast_flow_out(mnet_of(test), flow, &tcp, &loser);
	sent.way = server_of(way);
	sent.loser = server_of(loser);
	end();
	return sent;
}

static inline void expect_sent(struct kunit *test, struct sent sent, u8 way,
			       u8 loser)
{
	KUNIT_EXPECT_EQ(test, sent.way, way);
	KUNIT_EXPECT_EQ(test, sent.loser, loser);
}

/* A flow whose client has acknowledged server 1. */
static inline struct manycast_flow *open_flow(struct kunit *test, u16 port)
{
	struct manycast_flow *flow = syn(test, port, ISN);

	KUNIT_ASSERT_EQ(test, learn(flow, ISN, 1, 100), MANYCAST_LEARNT_NEW);
	expect_sent(test, out(test, flow, ACK, 101), 1, 0);
	KUNIT_ASSERT_EQ(test, flow->state, MANYCAST_FLOW_OPEN);
	return flow;
}

#endif /* _SEG6_MANYCAST_TESTS_FLOW_FIXTURE_H */
