// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of flow.c: which server a client has chosen */

#include <kunit/test.h>
#include <linux/module.h>
#include <net/tcp.h>

#include "flow_fixture.h"

static bool refused(struct kunit *test, struct manycast_flow *flow, u32 isn,
		    u8 server)
{
	struct in6_addr sid = path_of(server).seg[0];
	bool ok;

	begin();
	ok = manycast_flow_refused(mnet_of(test), flow, isn, &sid);
	end();
	return ok;
}

static void flow_syn(struct kunit *test)
{
	struct manycast_net *mnet = mnet_of(test);
	struct manycast_flow *flow;

	KUNIT_EXPECT_NULL(test, find(mnet, 1));

	flow = syn(test, 1, ISN);
	KUNIT_EXPECT_PTR_EQ(test, find(mnet, 1), flow);
	KUNIT_EXPECT_EQ(test, flow->state, MANYCAST_FLOW_OPENING);
	KUNIT_EXPECT_EQ(test, flow->key.isn, ISN);
	KUNIT_EXPECT_EQ(test, flow->servers.len, 8);
	KUNIT_EXPECT_EQ(test, mnet->flow_count, 1);
	KUNIT_EXPECT_EQ(test, placed(mnet, MANYCAST_PLACE_OPENING), 1);
	KUNIT_EXPECT_EQ(test, placed(mnet, MANYCAST_PLACE_OPEN), 0);

	KUNIT_EXPECT_PTR_EQ(test, syn(test, 1, ISN), flow);
	KUNIT_EXPECT_EQ(test, mnet->flow_count, 1);
	expect_sent(test, out(test, flow, ACK, 101), 0, 0);
	KUNIT_EXPECT_EQ(test, flow->state, MANYCAST_FLOW_OPENING);
}

/* All four of the 4-tuple tell flows apart; the ISN does not. */
static void flow_tuple(struct kunit *test)
{
	struct manycast_prefix any = {};
	struct manycast_net *mnet = mnet_of(test);
	struct manycast_flow *flow[6];
	struct manycast_key key[6];
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(key); i++)
		key[i] = key_of(1, ISN);
	key[1].client.s6_addr[15]++;
	key[2].service.s6_addr[15]++;
	key[3].sport = htons(2);
	key[4].dport = htons(444);
	key[5].isn++;

	begin();
	for (i = 0; i < ARRAY_SIZE(key); i++)
		flow[i] = manycast_flow_syn(mnet, &key[i], &any, 0);
	end();
	for (i = 0; i < ARRAY_SIZE(key); i++)
		KUNIT_EXPECT_NOT_NULL(test, flow[i]);
	for (i = 0; i < 5; i++)
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_PTR_NE(test, flow[i], flow[j]);
	KUNIT_EXPECT_PTR_EQ(test, flow[5], flow[0]);
	KUNIT_EXPECT_EQ(test, mnet->flow_count, 5);
}

static bool allows(struct manycast_flow *flow, const struct manycast_path *path)
{
	bool ok;

	begin();
	ok = manycast_flow_allows(flow, path);
	end();
	return ok;
}

/* Server and waypoints must be in the latest SYN's prefix. */
static void flow_allows(struct kunit *test)
{
	struct manycast_flow *flow = syn_servers(test, 1, ISN, 16);
	struct manycast_path path = path_of(1);

	KUNIT_EXPECT_TRUE(test, allows(flow, &path));
	path.seg[1].s6_addr[1] = 1;
	KUNIT_EXPECT_FALSE(test, allows(flow, &path));
	path.n = 1;
	KUNIT_EXPECT_TRUE(test, allows(flow, &path));
	path.seg[0].s6_addr[1] = 1;
	KUNIT_EXPECT_FALSE(test, allows(flow, &path));
	syn_servers(test, 1, ISN + 1, 8);
	KUNIT_EXPECT_TRUE(test, allows(flow, &path));
	path.seg[0].s6_addr[0] = 1;
	KUNIT_EXPECT_FALSE(test, allows(flow, &path));
	syn_servers(test, 1, ISN + 2, 0);
	KUNIT_EXPECT_TRUE(test, allows(flow, &path));
}

static void flow_one_server(struct kunit *test)
{
	struct manycast_flow *flow = syn(test, 1, ISN);
	struct manycast_net *mnet = mnet_of(test);

	KUNIT_EXPECT_EQ(test, learn(flow, ISN + 1, 1, 100),
			MANYCAST_LEARNT_NOTHING);
	expect_sent(test, out(test, flow, 0, 0), 0, 0);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN, 1, 100), MANYCAST_LEARNT_NEW);
	expect_sent(test, out(test, flow, 0, 0), 1, 0);
	KUNIT_EXPECT_EQ(test, flow->state, MANYCAST_FLOW_OPENING);

	KUNIT_EXPECT_EQ(test, learn(flow, ISN, 1, 100), MANYCAST_LEARNT_AGAIN);
	expect_sent(test, out(test, flow, ACK, 101), 1, 0);
	KUNIT_EXPECT_EQ(test, flow->state, MANYCAST_FLOW_OPEN);
	KUNIT_EXPECT_EQ(test, placed(mnet, MANYCAST_PLACE_OPENING), 0);
	KUNIT_EXPECT_EQ(test, placed(mnet, MANYCAST_PLACE_OPEN), 1);

	/* The client's ACK was lost. */
	KUNIT_EXPECT_EQ(test, learn(flow, ISN, 1, 100), MANYCAST_LEARNT_AGAIN);
	expect_sent(test, out(test, flow, ACK, 101), 1, 0);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN, 2, 200), MANYCAST_LEARNT_LOSER);
	expect_sent(test, out(test, flow, ACK | TCPHDR_PSH, 500), 1, 0);
}

struct choice {
	const char *desc;
	u32 isn[2];		/* of the SYN-ACKs of servers 1 and 2 */
	u8 flags;
	u32 ack;
	u8 way;
	u8 loser;
	enum manycast_flow_state state;
};

static const struct choice choices[] = {
	{ "the first", { 100, 200 }, ACK, 101, 1, 2, MANYCAST_FLOW_OPEN },
	{ "the second", { 100, 200 }, ACK, 201, 2, 1, MANYCAST_FLOW_OPEN },
	{ "the second, with data", { 100, 200 }, ACK | TCPHDR_PSH, 201, 2, 1,
	  MANYCAST_FLOW_OPEN },
	{ "the first, across zero", { U32_MAX, 0 }, ACK, 0, 1, 2,
	  MANYCAST_FLOW_OPEN },
	{ "the second, across zero", { 0, U32_MAX }, ACK, 0, 2, 1,
	  MANYCAST_FLOW_OPEN },
	{ "the same number", { 100, 100 }, ACK, 101, 1, 2, MANYCAST_FLOW_OPEN },
	{ "neither", { 100, 200 }, ACK, 301, 1, 2, MANYCAST_FLOW_OPEN },
	{ "one less than the second", { 100, 200 }, ACK, 200, 1, 2,
	  MANYCAST_FLOW_OPEN },
	{ "none yet", { 100, 200 }, 0, 201, 1, 0, MANYCAST_FLOW_OPENING },
	{ "the second, and closes", { 100, 200 }, ACK | TCPHDR_FIN, 201, 2, 1,
	  MANYCAST_FLOW_CLOSING },
	{ "the second, and resets", { 100, 200 }, ACK | TCPHDR_RST, 201, 2, 1,
	  MANYCAST_FLOW_RESET },
	{ "resets both", { 100, 200 }, TCPHDR_RST, 0, 1, 2,
	  MANYCAST_FLOW_RESET },
};

static void choice_desc(const struct choice *p, char *desc)
{
	strscpy(desc, p->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(choice, choices, choice_desc);

/* Two servers accept; the client's ACK decides. */
static void flow_rivals(struct kunit *test)
{
	const struct choice *p = test->param_value;
	struct manycast_flow *flow = syn(test, 1, ISN);
	bool over = p->state == MANYCAST_FLOW_RESET;

	KUNIT_EXPECT_EQ(test, learn(flow, ISN, 1, p->isn[0]),
			MANYCAST_LEARNT_NEW);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN, 2, p->isn[1]),
			MANYCAST_LEARNT_RIVAL);
	/* Both have to repeat theirs; a third is too late. */
	KUNIT_EXPECT_EQ(test, learn(flow, ISN, 3, 300), MANYCAST_LEARNT_LOSER);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN, 2, p->isn[1]),
			MANYCAST_LEARNT_AGAIN);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN, 1, p->isn[0]),
			MANYCAST_LEARNT_AGAIN);

	expect_sent(test, out(test, flow, p->flags, p->ack), p->way, p->loser);
	KUNIT_EXPECT_EQ(test, flow->state, p->state);
	if (p->state == MANYCAST_FLOW_OPENING)
		return;
	/* Once and for all. */
	KUNIT_EXPECT_EQ(test, learn(flow, ISN, p->way, 100),
			over ? MANYCAST_LEARNT_NOTHING : MANYCAST_LEARNT_AGAIN);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN, p->loser, 200),
			MANYCAST_LEARNT_LOSER);
	expect_sent(test, out(test, flow, ACK, 101), p->way, 0);
	expect_sent(test, out(test, flow, ACK, 201), p->way, 0);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN, p->loser, 200),
			MANYCAST_LEARNT_LOSER);
}

/* A server that has forgotten the SYN answers its repetition with another
 * number, and the client may take either.
 */
static void flow_another_number(struct kunit *test)
{
	struct manycast_flow *flow = syn(test, 1, ISN);

	learn(flow, ISN, 1, 100);
	learn(flow, ISN, 2, 200);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN, 2, 250), MANYCAST_LEARNT_AGAIN);
	expect_sent(test, out(test, flow, ACK, 251), 2, 1);

	flow = syn(test, 2, ISN);
	learn(flow, ISN, 1, 100);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN, 1, 200), MANYCAST_LEARNT_AGAIN);
	learn(flow, ISN, 2, 200);
	expect_sent(test, out(test, flow, ACK, 201), 1, 2);
}

/* What comes after the choice must not change it. */
static void flow_number_after_choice(struct kunit *test)
{
	struct manycast_flow *flow = open_flow(test, 1);
	struct manycast_way *way = rcu_access_pointer(flow->way);

	KUNIT_EXPECT_EQ(test, learn(flow, ISN, 1, 999), MANYCAST_LEARNT_AGAIN);
	KUNIT_EXPECT_PTR_EQ(test, rcu_access_pointer(flow->way), way);
	KUNIT_EXPECT_EQ(test, way->synack_isn, 100);
}

static void flow_close(struct kunit *test)
{
	struct manycast_flow *flow = open_flow(test, 1);

	expect_sent(test, out(test, flow, ACK | TCPHDR_FIN, 500), 1, 0);
	KUNIT_EXPECT_EQ(test, flow->state, MANYCAST_FLOW_CLOSING);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN, 2, 200), MANYCAST_LEARNT_LOSER);
	expect_sent(test, out(test, flow, ACK, 600), 1, 0);
	KUNIT_EXPECT_EQ(test, flow->state, MANYCAST_FLOW_CLOSING);
	expect_sent(test, out(test, flow, TCPHDR_RST, 0), 1, 0);
	KUNIT_EXPECT_EQ(test, flow->state, MANYCAST_FLOW_RESET);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN, 1, 100),
			MANYCAST_LEARNT_NOTHING);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN, 2, 200), MANYCAST_LEARNT_LOSER);
}

/* Somebody else's RST has not ended the connection: the client goes on. */
static void flow_goes_on(struct kunit *test)
{
	struct manycast_flow *flow = open_flow(test, 1);
	struct manycast_net *mnet = mnet_of(test);

	expect_sent(test, out(test, flow, TCPHDR_RST, 0), 1, 0);
	expect_sent(test, out(test, flow, TCPHDR_RST | ACK, 500), 1, 0);
	KUNIT_EXPECT_EQ(test, flow->state, MANYCAST_FLOW_RESET);
	expect_sent(test, out(test, flow, ACK, 500), 1, 0);
	KUNIT_EXPECT_EQ(test, flow->state, MANYCAST_FLOW_OPEN);

	out(test, flow, TCPHDR_RST, 0);
	expect_sent(test, out(test, flow, ACK | TCPHDR_FIN, 500), 1, 0);
	KUNIT_EXPECT_EQ(test, flow->state, MANYCAST_FLOW_CLOSING);

	/* The refusal came when the client had acknowledged the SYN-ACK. */
	flow = syn(test, 2, ISN);
	learn(flow, ISN, 1, 100);
	KUNIT_EXPECT_TRUE(test, refused(test, flow, ISN, 1));
	expect_sent(test, out(test, flow, ACK, 101), 1, 0);
	KUNIT_EXPECT_EQ(test, flow->state, MANYCAST_FLOW_OPEN);
	KUNIT_EXPECT_EQ(test, placed(mnet, MANYCAST_PLACE_OPENING), 0);
	KUNIT_EXPECT_EQ(test, placed(mnet, MANYCAST_PLACE_OPEN), 1);
	KUNIT_EXPECT_EQ(test, placed(mnet, MANYCAST_PLACE_OVER), 1);
}

/* A late copy of the SYN says nothing new. */
static void flow_same_syn(struct kunit *test)
{
	struct manycast_flow *flow = open_flow(test, 1);

	KUNIT_EXPECT_PTR_EQ(test, syn(test, 1, ISN), flow);
	KUNIT_EXPECT_EQ(test, flow->state, MANYCAST_FLOW_OPEN);
	expect_sent(test, out(test, flow, ACK, 101), 1, 0);
}

/* The client uses its port again; its new connection has another server. */
static void flow_new_syn(struct kunit *test)
{
	struct manycast_flow *flow = open_flow(test, 1);
	struct manycast_net *mnet = mnet_of(test);

	out(test, flow, ACK | TCPHDR_FIN, 500);
	KUNIT_EXPECT_PTR_EQ(test, syn_servers(test, 1, ISN + 1, 32), flow);
	KUNIT_EXPECT_EQ(test, flow->state, MANYCAST_FLOW_OPENING);
	KUNIT_EXPECT_EQ(test, flow->key.isn, ISN + 1);
	KUNIT_EXPECT_EQ(test, flow->servers.len, 32);
	KUNIT_EXPECT_EQ(test, placed(mnet, MANYCAST_PLACE_OPENING), 1);
	KUNIT_EXPECT_EQ(test, placed(mnet, MANYCAST_PLACE_OPEN), 0);
	KUNIT_EXPECT_EQ(test, mnet->flow_count, 1);

	/* Answers to no attempt, and to the old one: of its server, of another
	 * one.
	 */
	KUNIT_EXPECT_EQ(test, learn(flow, ISN + 2, 2, 200),
			MANYCAST_LEARNT_NOTHING);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN, 1, 100),
			MANYCAST_LEARNT_NOTHING);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN, 2, 200), MANYCAST_LEARNT_LOSER);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN + 1, 3, 300),
			MANYCAST_LEARNT_NEW);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN + 1, 3, 300),
			MANYCAST_LEARNT_AGAIN);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN + 1, 4, 400),
			MANYCAST_LEARNT_LOSER);
	/* A connection that was open is not to be reset. */
	expect_sent(test, out(test, flow, ACK, 301), 3, 0);
	KUNIT_EXPECT_EQ(test, flow->state, MANYCAST_FLOW_OPEN);
	KUNIT_EXPECT_EQ(test, placed(mnet, MANYCAST_PLACE_OPEN), 1);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN + 1, 3, 300),
			MANYCAST_LEARNT_AGAIN);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN + 1, 1, 500),
			MANYCAST_LEARNT_LOSER);
}

/* The same with the old server. */
static void flow_new_syn_old_server(struct kunit *test)
{
	struct manycast_flow *flow = open_flow(test, 1);

	syn(test, 1, ISN + 1);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN + 1, 1, 300),
			MANYCAST_LEARNT_NEW);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN + 1, 1, 300),
			MANYCAST_LEARNT_AGAIN);
	expect_sent(test, out(test, flow, ACK, 301), 1, 0);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN + 1, 1, 300),
			MANYCAST_LEARNT_AGAIN);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN + 1, 2, 200),
			MANYCAST_LEARNT_LOSER);
}

/* The client's server accepts what the client has given up meanwhile. */
static void flow_two_new_syns(struct kunit *test)
{
	struct manycast_flow *flow = open_flow(test, 1);

	syn(test, 1, ISN + 1);
	syn(test, 1, ISN + 2);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN + 1, 1, 300),
			MANYCAST_LEARNT_LOSER);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN, 1, 100),
			MANYCAST_LEARNT_NOTHING);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN + 2, 1, 400),
			MANYCAST_LEARNT_NEW);
	expect_sent(test, out(test, flow, ACK, 401), 1, 0);
}

/* The same before the client's choice: only its new attempt counts, and who
 * accepted the old one still waits.
 */
static void flow_new_syn_rivals(struct kunit *test)
{
	struct manycast_flow *flow = syn(test, 1, ISN);

	learn(flow, ISN, 1, 100);
	learn(flow, ISN, 2, 200);
	syn(test, 1, ISN - 1);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN - 1, 2, 201),
			MANYCAST_LEARNT_NEW);
	expect_sent(test, out(test, flow, ACK, 202), 2, 1);
}

/* The same after its RST: nothing is left of the old connection. */
static void flow_new_syn_after_rst(struct kunit *test)
{
	struct manycast_flow *flow = open_flow(test, 1);

	out(test, flow, TCPHDR_RST, 0);
	syn(test, 1, ISN + 1);
	KUNIT_EXPECT_EQ(test, flow->state, MANYCAST_FLOW_OPENING);
	expect_sent(test, out(test, flow, ACK, 500), 0, 0);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN + 1, 2, 200),
			MANYCAST_LEARNT_NEW);
	expect_sent(test, out(test, flow, ACK, 201), 2, 0);
}

/* Who knows the 4-tuple cannot end the connection with a SYN. */
static void flow_forged_syn(struct kunit *test)
{
	struct manycast_flow *flow = open_flow(test, 1);

	/* Answered before the client sends the next segment, */
	syn(test, 1, ISN + 1);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN + 1, 2, 200),
			MANYCAST_LEARNT_NEW);
	expect_sent(test, out(test, flow, ACK, 500), 1, 2);
	KUNIT_EXPECT_EQ(test, flow->state, MANYCAST_FLOW_OPEN);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN + 1, 2, 200),
			MANYCAST_LEARNT_LOSER);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN, 1, 100), MANYCAST_LEARNT_AGAIN);
	expect_sent(test, out(test, flow, ACK, 201), 1, 0);

	/* and after it; */
	syn(test, 1, ISN + 2);
	expect_sent(test, out(test, flow, ACK, 600), 1, 0);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN + 2, 2, 200),
			MANYCAST_LEARNT_LOSER);

	/* refused. */
	syn(test, 1, ISN + 3);
	KUNIT_EXPECT_TRUE(test, refused(test, flow, ISN + 3, 2));
	KUNIT_EXPECT_NE(test, flow->state, MANYCAST_FLOW_RESET);
	expect_sent(test, out(test, flow, ACK, 700), 1, 0);
	KUNIT_EXPECT_EQ(test, flow->state, MANYCAST_FLOW_OPEN);
}

/* The client has forgotten the old connection, and says so when the old server
 * asks. Its new attempt goes on.
 */
static void flow_new_syn_ends_old(struct kunit *test)
{
	struct manycast_flow *flow = open_flow(test, 1);

	syn(test, 1, ISN + 1);
	expect_sent(test, out(test, flow, TCPHDR_RST, 0), 1, 0);
	KUNIT_EXPECT_EQ(test, flow->state, MANYCAST_FLOW_OPENING);
	expect_sent(test, out(test, flow, ACK, 500), 0, 0);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN + 1, 2, 200),
			MANYCAST_LEARNT_NEW);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN + 1, 3, 300),
			MANYCAST_LEARNT_RIVAL);
	expect_sent(test, out(test, flow, ACK, 301), 3, 2);

	flow = open_flow(test, 2);
	syn(test, 2, ISN + 1);
	learn(flow, ISN + 1, 2, 200);
	expect_sent(test, out(test, flow, TCPHDR_RST, 0), 1, 0);
	KUNIT_EXPECT_EQ(test, flow->state, MANYCAST_FLOW_OPENING);
	expect_sent(test, out(test, flow, ACK, 201), 2, 0);
	KUNIT_EXPECT_EQ(test, flow->state, MANYCAST_FLOW_OPEN);
}

static void flow_refused_by_all(struct kunit *test)
{
	struct manycast_flow *flow = syn(test, 1, ISN);

	KUNIT_EXPECT_FALSE(test, refused(test, flow, ISN + 1, 1));
	KUNIT_EXPECT_EQ(test, flow->state, MANYCAST_FLOW_OPENING);
	KUNIT_EXPECT_TRUE(test, refused(test, flow, ISN, 1));
	KUNIT_EXPECT_EQ(test, flow->state, MANYCAST_FLOW_RESET);
	KUNIT_EXPECT_FALSE(test, refused(test, flow, ISN, 1));
	KUNIT_EXPECT_EQ(test, learn(flow, ISN, 2, 200), MANYCAST_LEARNT_LOSER);
}

static void flow_refused_by_one(struct kunit *test)
{
	struct manycast_flow *flow = syn(test, 1, ISN);

	learn(flow, ISN, 1, 100);
	KUNIT_EXPECT_FALSE(test, refused(test, flow, ISN, 2));
	KUNIT_EXPECT_EQ(test, flow->state, MANYCAST_FLOW_OPENING);
	KUNIT_EXPECT_TRUE(test, refused(test, flow, ISN, 1));
	KUNIT_EXPECT_EQ(test, flow->state, MANYCAST_FLOW_RESET);

	/* Of two, the client has chosen, or will. */
	flow = syn(test, 2, ISN);
	learn(flow, ISN, 1, 100);
	learn(flow, ISN, 2, 200);
	KUNIT_EXPECT_FALSE(test, refused(test, flow, ISN, 1));
	KUNIT_EXPECT_FALSE(test, refused(test, flow, ISN, 2));
	expect_sent(test, out(test, flow, ACK, 201), 2, 1);

	/* Once open, a server sends its own. */
	KUNIT_EXPECT_FALSE(test, refused(test, flow, ISN, 2));
	KUNIT_EXPECT_FALSE(test, refused(test, flow, ISN, 1));
	KUNIT_EXPECT_EQ(test, flow->state, MANYCAST_FLOW_OPEN);
}

/* The client has not seen the RST, since it repeats its SYN; and this time
 * somebody accepts.
 */
static void flow_refused_then_syn(struct kunit *test)
{
	struct manycast_flow *flow = syn(test, 1, ISN);

	learn(flow, ISN, 1, 100);
	KUNIT_EXPECT_TRUE(test, refused(test, flow, ISN, 1));
	KUNIT_EXPECT_PTR_EQ(test, syn(test, 1, ISN), flow);
	KUNIT_EXPECT_EQ(test, flow->state, MANYCAST_FLOW_OPENING);
	KUNIT_EXPECT_EQ(test, learn(flow, ISN, 2, 200), MANYCAST_LEARNT_NEW);
	expect_sent(test, out(test, flow, ACK, 201), 2, 0);
}

static struct kunit_case flow_cases[] = {
	KUNIT_CASE(flow_syn),
	KUNIT_CASE(flow_tuple),
	KUNIT_CASE(flow_allows),
	KUNIT_CASE(flow_one_server),
	KUNIT_CASE_PARAM(flow_rivals, choice_gen_params),
	KUNIT_CASE(flow_another_number),
	KUNIT_CASE(flow_number_after_choice),
	KUNIT_CASE(flow_close),
	KUNIT_CASE(flow_goes_on),
	KUNIT_CASE(flow_same_syn),
	KUNIT_CASE(flow_new_syn),
	KUNIT_CASE(flow_new_syn_old_server),
	KUNIT_CASE(flow_two_new_syns),
	KUNIT_CASE(flow_new_syn_rivals),
	KUNIT_CASE(flow_new_syn_after_rst),
	KUNIT_CASE(flow_new_syn_ends_old),
	KUNIT_CASE(flow_forged_syn),
	KUNIT_CASE(flow_refused_by_all),
	KUNIT_CASE(flow_refused_by_one),
	KUNIT_CASE(flow_refused_then_syn),
	{}
};

static struct kunit_suite flow_suite = {
	.name = "seg6_manycast_flow",
	.init = flow_init,
	.exit = flow_exit,
	.test_cases = flow_cases,
};

kunit_test_suite(flow_suite);

MODULE_DESCRIPTION("KUnit tests of M-Anycast's flows at the edge");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
