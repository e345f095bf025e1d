// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of the ranks that pool.c and pool_rank.c carry from one pool to
 * the next: whatever has changed, they are as if they had been made anew.
 */

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/prandom.h>
#include <linux/siphash.h>

#include "../candidates.h"
#include "../rank.h"
#include "../service.h"

#define MANY	60
#define CHANGES	150
#define K_MAX	SEG6_MANYCAST_FANOUT_MAX

struct fixture {
	struct manycast_net mnet;
	struct manycast_service svc;
	struct manycast_settings settings;
	struct manycast_instance instance[MANY];
	bool here[MANY];
	struct manycast_backend backend[MANY];
	struct rnd_state rnd;
};

static void pool_exit(struct kunit *test)
{
	struct fixture *f = test->priv;

	if (!f)
		return;
	mutex_lock(&f->mnet.lock);
	manycast_pool_clear(&f->svc);
	mutex_unlock(&f->mnet.lock);
	vfree(f);
}

static int pool_init(struct kunit *test)
{
	struct fixture *f = vzalloc(sizeof(*f));
	unsigned int i;

	if (!f)
		return -ENOMEM;
	mutex_init(&f->mnet.lock);
	INIT_LIST_HEAD(&f->svc.instances);
	f->svc.mnet = &f->mnet;
	f->settings.candidates = SEG6_MANYCAST_CANDIDATES_HASH;
	f->settings.fanout = 3;
	for (i = 0; i < MANY; i++) {
		f->instance[i].role.weight = 1;
		f->instance[i].last_weight = 1;
		f->instance[i].path.n = 1;
		f->instance[i].path.seg[0] = (struct in6_addr){
			.s6_addr = { 0xfc, 0, 0, 0x05, [15] = i }
		};
	}
	prandom_seed_state(&f->rnd, 7);
	test->priv = f;
	return 0;
}

static u32 below(struct fixture *f, u32 n)
{
	return prandom_u32_state(&f->rnd) % n;
}

static void add(struct fixture *f, unsigned int i)
{
	list_add_tail(&f->instance[i].list, &f->svc.instances);
	f->svc.instance_count++;
	f->here[i] = true;
}

static void come_or_go(struct fixture *f, unsigned int i)
{
	if (!f->here[i]) {
		add(f, i);
		return;
	}
	list_del(&f->instance[i].list);
	f->svc.instance_count--;
	f->here[i] = false;
}

static void weigh(struct fixture *f, unsigned int i)
{
	struct manycast_instance *inst = &f->instance[i];

	if (inst->role.weight)
		inst->last_weight = inst->role.weight;
	inst->role.weight = below(f, 4);
}

static void change(struct fixture *f)
{
	unsigned int i = below(f, MANY);

	switch (below(f, 8)) {
	case 0:
		f->instance[i].role.tier ^= 1;
		break;
	case 1:
		f->instance[i].role.state ^= SEG6_MANYCAST_STATE_DOWN;
		break;
	case 2:
		f->settings.key.key[0] += !below(f, 4);
		break;
	case 3:
	case 4:
		weigh(f, i);
		break;
	default:
		come_or_go(f, i);
	}
}

/* Returns the first pool. */
static struct manycast_pool *update(struct kunit *test)
{
	struct fixture *f = test->priv;

	mutex_lock(&f->mnet.lock);
	KUNIT_EXPECT_EQ(test, 0, manycast_pool_update(&f->svc, &f->settings,
						      NULL));
	mutex_unlock(&f->mnet.lock);
	return rcu_dereference_protected(f->svc.pool, true);
}

/* Of rows, how many are not as if they had been made anew? */
static unsigned int wrong(struct fixture *f, const struct manycast_pool *pool)
{
	unsigned int i, row, n = 0;
	u16 rank[K_MAX];

	for (i = 0; i < pool->all; i++) {
		struct manycast_instance *inst = pool->instance[i];

		f->backend[i].id = siphash(manycast_sid(inst),
					   sizeof(struct in6_addr),
					   &f->settings.key);
		f->backend[i].weight = inst->role.weight ?: inst->last_weight;
	}
	for (row = 0; row < MANYCAST_RANK_ROWS; row++) {
		manycast_rank_row(row, f->backend, pool->all, rank,
				  pool->ranks);
		n += !!memcmp(rank, &pool->rank[row * pool->ranks],
			      pool->ranks * sizeof(rank[0]));
	}
	return n;
}

static void pool_carries_ranks(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct manycast_pool *pool;
	unsigned int i;

	for (i = 0; i < MANY / 2; i++)
		add(f, i);
	for (i = 0; i < CHANGES; i++) {
		for (pool = update(test); pool; pool = pool->next)
			KUNIT_ASSERT_EQ_MSG(test, 0, wrong(f, pool),
					    "change %u, tier %u", i,
					    pool->tier);
		change(f);
	}
}

/* Several at once, as a change that failed leaves them to the next. */
static void pool_carries_several(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int i, j;

	for (i = 0; i < MANY; i++)
		add(f, i);
	for (i = 0; i < 20; i++) {
		KUNIT_ASSERT_EQ_MSG(test, 0, wrong(f, update(test)),
				    "change %u", i);
		for (j = 0; j < 5; j++)
			come_or_go(f, below(f, MANY));
	}
}

static struct kunit_case pool_cases[] = {
	KUNIT_CASE(pool_carries_ranks),
	KUNIT_CASE(pool_carries_several),
	{}
};

static struct kunit_suite pool_suite = {
	.name = "seg6_manycast_pool",
	.init = pool_init,
	.exit = pool_exit,
	.test_cases = pool_cases,
};

kunit_test_suite(pool_suite);

MODULE_DESCRIPTION("KUnit tests of M-Anycast's pools of instances");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
