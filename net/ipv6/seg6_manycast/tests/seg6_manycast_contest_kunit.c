// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of contest.c */

#include <kunit/test.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/prandom.h>

#include "../contest.h"

#define NONE	MANYCAST_IOAM_UNAVAILABLE
#define WORST	MANYCAST_SCORE_WORST
#define N_MAX	SEG6_MANYCAST_FANOUT_MAX

/* 'A': accepts, with a score; 'R': refuses. */
struct event {
	char what;
	u8 who;
	u64 score;
	enum manycast_verdict verdict;
};

struct story {
	const char *desc;
	u8 n;
	u8 quorum;
	s8 best;
	u16 lost;		/* bits */
	struct event event[8];
};

static const struct story stories[] = {
	{ "the only one accepts", 1, 0, 0, 0, {
		{ 'A', 0, 5, MANYCAST_LEAD_DECIDE } } },
	{ "the only one accepts, without a score", 1, 0, 0, 0, {
		{ 'A', 0, WORST, MANYCAST_LEAD_DECIDE } } },
	{ "the only one refuses", 1, 0, -1, 0, {
		{ 'R', 0, 0, MANYCAST_REFUSED } } },
	{ "the first of three decides", 3, 1, 2, 0, {
		{ 'A', 2, 5, MANYCAST_LEAD_DECIDE } } },
	{ "the last is the best", 3, 0, 2, 0x3, {
		{ 'A', 0, 7, MANYCAST_LEAD },
		{ 'A', 1, 6, MANYCAST_LEAD },
		{ 'A', 2, 5, MANYCAST_LEAD_DECIDE } } },
	{ "the first is the best", 3, 0, 0, 0x6, {
		{ 'A', 0, 5, MANYCAST_LEAD },
		{ 'A', 1, 6, MANYCAST_WAIT },
		{ 'A', 2, 7, MANYCAST_DECIDE } } },
	{ "the earlier of equals", 3, 0, 1, 0x5, {
		{ 'A', 1, 5, MANYCAST_LEAD },
		{ 'A', 0, 5, MANYCAST_WAIT },
		{ 'A', 2, 5, MANYCAST_DECIDE } } },
	{ "nobody has a score", 2, 0, 1, 0x1, {
		{ 'A', 1, WORST, MANYCAST_LEAD },
		{ 'A', 0, WORST, MANYCAST_DECIDE } } },
	{ "any score beats none", 2, 0, 0, 0x2, {
		{ 'A', 1, WORST, MANYCAST_LEAD },
		{ 'A', 0, WORST - 1, MANYCAST_LEAD_DECIDE } } },
	{ "no score beats none", 2, 0, 1, 0x1, {
		{ 'A', 1, 0, MANYCAST_LEAD },
		{ 'A', 0, 0, MANYCAST_DECIDE } } },
	{ "a quorum of two", 3, 2, 0, 0x4, {
		{ 'A', 2, 6, MANYCAST_LEAD },
		{ 'A', 0, 5, MANYCAST_LEAD_DECIDE } } },
	{ "a quorum of two, the second is worse", 3, 2, 2, 0x1, {
		{ 'A', 2, 6, MANYCAST_LEAD },
		{ 'A', 0, 7, MANYCAST_DECIDE } } },
	{ "a quorum larger than the field", 2, 9, 0, 0x2, {
		{ 'A', 0, 5, MANYCAST_LEAD },
		{ 'A', 1, 6, MANYCAST_DECIDE } } },
	{ "refusals do not make a quorum", 4, 2, 0, 0, {
		{ 'R', 1, 0, MANYCAST_WAIT },
		{ 'R', 2, 0, MANYCAST_WAIT },
		{ 'A', 0, 5, MANYCAST_LEAD },
		{ 'R', 3, 0, MANYCAST_DECIDE } } },
	{ "the quorum cannot be met", 3, 2, 0, 0, {
		{ 'R', 1, 0, MANYCAST_WAIT },
		{ 'R', 2, 0, MANYCAST_WAIT },
		{ 'A', 0, 5, MANYCAST_LEAD_DECIDE } } },
	{ "all refuse", 3, 0, -1, 0, {
		{ 'R', 2, 0, MANYCAST_WAIT },
		{ 'R', 0, 0, MANYCAST_WAIT },
		{ 'R', 1, 0, MANYCAST_REFUSED } } },
	{ "all refuse, though one answer would do", 2, 1, -1, 0, {
		{ 'R', 1, 0, MANYCAST_WAIT },
		{ 'R', 0, 0, MANYCAST_REFUSED } } },
	{ "the last to answer refuses", 3, 0, 1, 0x1, {
		{ 'A', 0, 6, MANYCAST_LEAD },
		{ 'A', 1, 5, MANYCAST_LEAD },
		{ 'R', 2, 0, MANYCAST_DECIDE } } },
	{ "duplicates", 3, 0, 0, 0x2, {
		{ 'A', 0, 5, MANYCAST_LEAD },
		{ 'A', 0, 4, MANYCAST_DUPLICATE },
		{ 'R', 2, 0, MANYCAST_WAIT },
		{ 'R', 2, 0, MANYCAST_DUPLICATE },
		{ 'A', 2, 1, MANYCAST_DUPLICATE },
		{ 'A', 1, 6, MANYCAST_DECIDE } } },
	{ "a duplicate's better score does not count", 3, 0, 1, 0x5, {
		{ 'A', 0, 5, MANYCAST_LEAD },
		{ 'A', 0, 3, MANYCAST_DUPLICATE },
		{ 'A', 1, 4, MANYCAST_LEAD },
		{ 'A', 2, 9, MANYCAST_DECIDE } } },
	{ "who lost refuses", 3, 0, 0, 0x4, {
		{ 'A', 0, 5, MANYCAST_LEAD },
		{ 'A', 1, 6, MANYCAST_WAIT },
		{ 'R', 1, 0, MANYCAST_WAIT },
		{ 'A', 2, 7, MANYCAST_DECIDE } } },
	{ "the leader refuses, the other accepts", 2, 0, 1, 0, {
		{ 'A', 0, 5, MANYCAST_LEAD },
		{ 'R', 0, 0, MANYCAST_LOST_LEADER },
		{ 'A', 1, 9, MANYCAST_LEAD_DECIDE } } },
	{ "the leader refuses, the other, too", 2, 0, -1, 0, {
		{ 'A', 0, 5, MANYCAST_LEAD },
		{ 'R', 0, 0, MANYCAST_LOST_LEADER },
		{ 'R', 1, 0, MANYCAST_REFUSED } } },
	{ "the leader refuses and accepts", 2, 0, 1, 0, {
		{ 'A', 0, 5, MANYCAST_LEAD },
		{ 'R', 0, 0, MANYCAST_LOST_LEADER },
		{ 'A', 0, 4, MANYCAST_DUPLICATE },
		{ 'A', 1, 9, MANYCAST_LEAD_DECIDE } } },
	{ "the leader refuses, who lost against it comes back", 3, 0, 1, 0, {
		{ 'A', 0, 5, MANYCAST_LEAD },
		{ 'A', 1, 6, MANYCAST_WAIT },
		{ 'R', 0, 0, MANYCAST_LOST_LEADER },
		{ 'R', 2, 0, MANYCAST_WAIT },
		{ 'A', 1, 8, MANYCAST_LEAD_DECIDE } } },
	{ "the leader refuses, the quorum counts anew", 4, 2, 2, 0x8, {
		{ 'A', 0, 5, MANYCAST_LEAD },
		{ 'R', 0, 0, MANYCAST_LOST_LEADER },
		{ 'A', 3, 9, MANYCAST_LEAD },
		{ 'A', 2, 8, MANYCAST_LEAD_DECIDE } } },
	{ "two leaders refuse", 3, 0, 2, 0, {
		{ 'A', 0, 5, MANYCAST_LEAD },
		{ 'A', 1, 4, MANYCAST_LEAD },
		{ 'R', 1, 0, MANYCAST_LOST_LEADER },
		{ 'A', 0, 5, MANYCAST_LEAD },
		{ 'R', 0, 0, MANYCAST_LOST_LEADER },
		{ 'A', 2, WORST, MANYCAST_LEAD_DECIDE } } },
};

static void story_desc(const struct story *p, char *desc)
{
	strscpy(desc, p->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(story, stories, story_desc);

static void contest_story(struct kunit *test)
{
	const struct story *p = test->param_value;
	enum manycast_verdict verdict;
	const struct event *e;
	struct manycast_contest c;
	unsigned int i;

	manycast_contest_init(&c, p->n, p->quorum);
	for (e = p->event; e->what; e++) {
		if (e->what == 'A')
			verdict = manycast_contest_synack(&c, e->who, e->score);
		else
			verdict = manycast_contest_rst(&c, e->who);
		KUNIT_EXPECT_EQ_MSG(test, verdict, e->verdict, "event %d",
				    (int)(e - p->event));
		if (verdict == MANYCAST_LOST_LEADER)
			manycast_contest_restart(&c);
	}
	KUNIT_EXPECT_EQ(test, c.best, p->best);
	for (i = 0; i < p->n; i++)
		KUNIT_EXPECT_EQ(test, manycast_contest_lost(&c, i),
				!!(p->lost & 1 << i));
}

static void contest_init(struct kunit *test)
{
	unsigned int n, quorum, i;
	struct manycast_contest c;

	for (n = 1; n <= N_MAX; n++) {
		for (quorum = 0; quorum <= 255; quorum++) {
			memset(&c, 0xee, sizeof(c));
			manycast_contest_init(&c, n, quorum);
			KUNIT_EXPECT_EQ(test, c.n, n);
			KUNIT_EXPECT_EQ(test, c.quorum,
					quorum ? min(quorum, n) : n);
			KUNIT_EXPECT_EQ(test, c.best, -1);
		}
		for (i = 0; i < n; i++) {
			KUNIT_EXPECT_TRUE(test, manycast_contest_silent(&c, i));
			KUNIT_EXPECT_FALSE(test, manycast_contest_lost(&c, i));
		}
	}
}

/* Another way to keep score: all of it, and what to do is counted out. */
struct model {
	unsigned int n;
	unsigned int quorum;
	int leader;
	bool accepted[N_MAX];
	bool refused[N_MAX];
	u64 score[N_MAX];
};

static void model_init(struct model *m, unsigned int n, unsigned int quorum)
{
	memset(m, 0, sizeof(*m));
	m->n = n;
	m->quorum = quorum ?: n;
	m->leader = -1;
}

static unsigned int count(const struct model *m, const bool *which)
{
	unsigned int i, sum = 0;

	for (i = 0; i < m->n; i++)
		sum += which[i];
	return sum;
}

static bool model_complete(const struct model *m)
{
	return count(m, m->accepted) >= m->quorum ||
	       count(m, m->accepted) + count(m, m->refused) == m->n;
}

static enum manycast_verdict model_accept(struct model *m, unsigned int i,
					  u64 score)
{
	bool leads = m->leader < 0 || score < m->score[m->leader];

	if (m->accepted[i] || m->refused[i])
		return MANYCAST_DUPLICATE;
	m->accepted[i] = true;
	m->score[i] = score;
	if (leads)
		m->leader = i;
	if (model_complete(m))
		return leads ? MANYCAST_LEAD_DECIDE : MANYCAST_DECIDE;
	return leads ? MANYCAST_LEAD : MANYCAST_WAIT;
}

static enum manycast_verdict model_refuse(struct model *m, unsigned int i)
{
	if (m->refused[i])
		return MANYCAST_DUPLICATE;
	m->accepted[i] = false;
	m->refused[i] = true;
	if (count(m, m->refused) == m->n)
		return MANYCAST_REFUSED;
	if (m->leader == (int)i) {
		m->leader = -1;
		return MANYCAST_LOST_LEADER;
	}
	return m->leader >= 0 && model_complete(m) ? MANYCAST_DECIDE :
						     MANYCAST_WAIT;
}

static bool over(enum manycast_verdict verdict)
{
	return verdict == MANYCAST_DECIDE || verdict == MANYCAST_LEAD_DECIDE ||
	       verdict == MANYCAST_REFUSED;
}

/* Who is silent, who has lost: do both agree? */
static bool agree(const struct manycast_contest *c, const struct model *m)
{
	unsigned int i;

	for (i = 0; i < m->n; i++)
		if (manycast_contest_silent(c, i) !=
		    (!m->accepted[i] && !m->refused[i]) ||
		    manycast_contest_lost(c, i) !=
		    (m->accepted[i] && m->leader != (int)i))
			return false;
	return true;
}

static bool somebody_silent(const struct manycast_contest *c)
{
	unsigned int i;

	for (i = 0; i < c->n; i++)
		if (manycast_contest_silent(c, i))
			return true;
	return false;
}

/* One event for both. Returns whether the contest goes on. */
static bool step(struct kunit *test, struct manycast_contest *c,
		 struct model *m, bool accepts, unsigned int who, u64 score)
{
	enum manycast_verdict got, want;

	if (accepts) {
		got = manycast_contest_synack(c, who, score);
		want = model_accept(m, who, score);
	} else {
		got = manycast_contest_rst(c, who);
		want = model_refuse(m, who);
	}
	KUNIT_ASSERT_EQ(test, got, want);
	if (got != MANYCAST_REFUSED)
		KUNIT_ASSERT_TRUE(test, agree(c, m));
	if (over(got)) {
		KUNIT_ASSERT_EQ(test, c->best >= 0, got != MANYCAST_REFUSED);
		return false;
	}
	if (got == MANYCAST_LOST_LEADER) {
		manycast_contest_restart(c);
		memset(m->accepted, 0, sizeof(m->accepted));
		KUNIT_ASSERT_TRUE(test, agree(c, m));
	}
	/* Or it would wait for nobody. */
	KUNIT_ASSERT_TRUE(test, somebody_silent(c));
	return true;
}

#define EVENTS	5

/* The @story-th of all that can happen: in each event one of @n accepts with
 * one of two scores, or refuses.
 */
static void play(struct kunit *test, unsigned int n, unsigned int quorum,
		 unsigned int story)
{
	struct manycast_contest c;
	struct model m;
	unsigned int i;

	manycast_contest_init(&c, n, quorum);
	model_init(&m, n, quorum);
	for (i = 0; i < EVENTS; i++) {
		if (!step(test, &c, &m, story % 3, story / 3 % n, story % 3))
			break;
		story /= 3 * n;
	}
}

static void contest_exhaustive(struct kunit *test)
{
	unsigned int n, quorum, story, all;

	for (n = 1; n <= 3; n++) {
		all = int_pow(3 * n, EVENTS);
		for (quorum = 0; quorum <= n; quorum++)
			for (story = 0; story < all; story++)
				play(test, n, quorum, story);
	}
}

static void contest_random(struct kunit *test)
{
	struct manycast_contest c;
	unsigned int i, n, quorum;
	struct rnd_state rnd;
	struct model m;
	u64 score;
	u32 r;

	prandom_seed_state(&rnd, 6);
	for (i = 0; i < 20000; i++) {
		n = prandom_u32_state(&rnd) % N_MAX + 1;
		quorum = prandom_u32_state(&rnd) % (n + 1);
		manycast_contest_init(&c, n, quorum);
		model_init(&m, n, quorum);
		do {
			r = prandom_u32_state(&rnd);
			score = r & 0x70 ? prandom_u32_state(&rnd) % 8 : WORST;
		} while (step(test, &c, &m, r & 0x300, (r >> 16) % n, score));
	}
}

struct rating {
	const char *desc;
	enum seg6_manycast_policy policy;
	struct manycast_coef coef;
	u32 rtt;
	u32 residence;
	u32 load;
	u64 score;
};

static const struct rating ratings[] = {
	{ "rtt", SEG6_MANYCAST_POLICY_RTT, {}, 500, 200, 30, 500 },
	{ "rtt, nothing told", SEG6_MANYCAST_POLICY_RTT, {}, 500, NONE, NONE,
	  500 },
	{ "rtt, a lie told", SEG6_MANYCAST_POLICY_RTT, {}, 500, 501, 30, 500 },
	{ "rtt 0", SEG6_MANYCAST_POLICY_RTT, {}, 0, 0, 0, 0 },
	{ "longest rtt", SEG6_MANYCAST_POLICY_RTT, {}, NONE - 1, NONE, NONE,
	  NONE - 1 },
	{ "network", SEG6_MANYCAST_POLICY_NETWORK, {}, 500, 200, NONE, 300 },
	{ "network 0", SEG6_MANYCAST_POLICY_NETWORK, {}, 500, 500, NONE, 0 },
	{ "network, no residence", SEG6_MANYCAST_POLICY_NETWORK, {}, 500, NONE,
	  30, WORST },
	{ "network, no residence, longest rtt", SEG6_MANYCAST_POLICY_NETWORK,
	  {}, NONE - 1, NONE, 30, WORST },
	{ "network, residence too long", SEG6_MANYCAST_POLICY_NETWORK, {}, 500,
	  501, 30, WORST },
	{ "residence", SEG6_MANYCAST_POLICY_RESIDENCE, {}, 500, 200, NONE,
	  200 },
	{ "residence 0", SEG6_MANYCAST_POLICY_RESIDENCE, {}, 500, 0, NONE, 0 },
	{ "residence is all", SEG6_MANYCAST_POLICY_RESIDENCE, {}, 500, 500,
	  NONE, 500 },
	{ "residence unavailable", SEG6_MANYCAST_POLICY_RESIDENCE, {}, 500,
	  NONE, 30, WORST },
	{ "residence too long", SEG6_MANYCAST_POLICY_RESIDENCE, {}, 500, 501,
	  30, WORST },
	{ "load", SEG6_MANYCAST_POLICY_LOAD, {}, 500, NONE, 30, 30 },
	{ "load 0", SEG6_MANYCAST_POLICY_LOAD, {}, 500, NONE, 0, 0 },
	{ "full load, a lie beside it", SEG6_MANYCAST_POLICY_LOAD, {}, 500, 501,
	  1000, 1000 },
	{ "load unavailable", SEG6_MANYCAST_POLICY_LOAD, {}, 500, 200, NONE,
	  WORST },
	{ "weighted", SEG6_MANYCAST_POLICY_WEIGHTED, { 2, 3, 5 }, 500, 200, 30,
	  2 * 300 + 3 * 200 + 5 * 30 },
	{ "weighted, network only", SEG6_MANYCAST_POLICY_WEIGHTED, { 1, 0, 0 },
	  500, 200, 30, 300 },
	{ "weighted, residence only", SEG6_MANYCAST_POLICY_WEIGHTED,
	  { 0, 1, 0 }, 500, 200, 30, 200 },
	{ "weighted, load only", SEG6_MANYCAST_POLICY_WEIGHTED, { 0, 0, 1 },
	  500, 200, 30, 30 },
	{ "weighted, nothing counts", SEG6_MANYCAST_POLICY_WEIGHTED, {}, 500,
	  200, 30, 0 },
	{ "weighted, no residence", SEG6_MANYCAST_POLICY_WEIGHTED, { 1, 1, 1 },
	  500, NONE, 30, WORST },
	{ "weighted, residence too long", SEG6_MANYCAST_POLICY_WEIGHTED,
	  { 1, 1, 1 }, 500, 501, 30, WORST },
	{ "weighted, no load", SEG6_MANYCAST_POLICY_WEIGHTED, { 1, 1, 1 }, 500,
	  200, NONE, WORST },
	{ "weighted, no residence, which does not count",
	  SEG6_MANYCAST_POLICY_WEIGHTED, { 0, 0, 2 }, 500, NONE, 30, 60 },
	{ "weighted, no residence, which counts for the network",
	  SEG6_MANYCAST_POLICY_WEIGHTED, { 1, 0, 2 }, 500, NONE, 30, WORST },
	{ "weighted, no residence, which counts",
	  SEG6_MANYCAST_POLICY_WEIGHTED, { 0, 1, 2 }, 500, NONE, 30, WORST },
	{ "weighted, no load, which does not count",
	  SEG6_MANYCAST_POLICY_WEIGHTED, { 2, 1, 0 }, 500, 200, NONE, 800 },
	{ "weighted, does not fit 32 bits", SEG6_MANYCAST_POLICY_WEIGHTED,
	  { U32_MAX, U32_MAX, U32_MAX }, 60000000, 20000000, 1000,
	  (u64)U32_MAX * 60001000 },
	{ "a policy to come", __SEG6_MANYCAST_POLICY_MAX, {}, 500, 200, 30,
	  500 },
};

static void rating_desc(const struct rating *p, char *desc)
{
	strscpy(desc, p->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(rating, ratings, rating_desc);

static void contest_score(struct kunit *test)
{
	const struct rating *p = test->param_value;
	const struct manycast_telemetry tm = {
		.residence = p->residence,
		.load = p->load,
	};

	KUNIT_EXPECT_EQ(test, p->score,
			manycast_score(p->policy, &p->coef, p->rtt, &tm));
}

struct course {
	const char *desc;
	u32 from;
	u32 sample;
	u32 next;
	u32 end;
};

static const struct course courses[] = {
	{ "the first", 0, 500, 500, 500 },
	{ "the first, of nothing", 0, 0, 1, 1 },
	{ "the same", 500, 500, 500, 500 },
	{ "up", 1000, 1800, 1100, 1800 },
	{ "down", 1800, 1000, 1700, 1000 },
	{ "a little up", 1000, 1001, 1001, 1001 },
	{ "a little down", 1000, 999, 999, 999 },
	{ "down to one", 7, 1, 6, 1 },
	{ "down to nothing", 7, 0, 6, 1 },
	{ "all the way up", 1, U32_MAX - 1, 0x20000001, U32_MAX - 1 },
	{ "all the way down", U32_MAX - 1, 0, 0xdffffffe, 1 },
};

static void course_desc(const struct course *p, char *desc)
{
	strscpy(desc, p->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(course, courses, course_desc);

static void contest_smooth(struct kunit *test)
{
	const struct course *p = test->param_value;
	u32 avg = manycast_smooth(p->from, p->sample);
	unsigned int i;

	KUNIT_EXPECT_EQ(test, avg, p->next);
	for (i = 0; i < 200; i++)
		avg = manycast_smooth(avg, p->sample);
	KUNIT_EXPECT_EQ(test, avg, p->end);
}

/* The last of a hunt refuses, and whoever had refused before it. */
static void contest_declined(struct kunit *test)
{
	struct manycast_contest c;
	unsigned int n, i, k;

	/* It was a race until a moment ago, and the second has accepted. */
	manycast_contest_init(&c, 4, 0);
	manycast_contest_synack(&c, 1, 5);
	manycast_contest_declined(&c, 3);
	KUNIT_EXPECT_EQ(test, MANYCAST_DECIDE, manycast_contest_rst(&c, 3));
	KUNIT_EXPECT_EQ(test, 1, c.best);

	for (n = 1; n <= N_MAX; n++) {
		for (i = 0; i < n; i++) {
			manycast_contest_init(&c, n, 1);
			if (i)
				KUNIT_EXPECT_EQ(test, MANYCAST_WAIT,
						manycast_contest_rst(&c, 0));
			manycast_contest_declined(&c, i);
			KUNIT_EXPECT_TRUE(test, manycast_contest_silent(&c, i));
			KUNIT_EXPECT_EQ(test, MANYCAST_REFUSED,
					manycast_contest_rst(&c, i));
			for (k = 0; k < n; k++)
				KUNIT_EXPECT_FALSE(test,
						   manycast_contest_lost(&c,
									 k));
		}
	}
}

static struct kunit_case contest_cases[] = {
	KUNIT_CASE(contest_init),
	KUNIT_CASE_PARAM(contest_story, story_gen_params),
	KUNIT_CASE(contest_exhaustive),
	KUNIT_CASE(contest_random),
	KUNIT_CASE(contest_declined),
	KUNIT_CASE_PARAM(contest_score, rating_gen_params),
	KUNIT_CASE_PARAM(contest_smooth, course_gen_params),
	{}
};

static struct kunit_suite contest_suite = {
	.name = "seg6_manycast_contest",
	.test_cases = contest_cases,
};

kunit_test_suite(contest_suite);

MODULE_DESCRIPTION("KUnit tests of M-Anycast's decision between servers");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
