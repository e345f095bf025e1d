// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of hasher.c and of the table that pool.c builds for it. A
 * selector is told by a number, which is the end of its SID.
 */

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/prandom.h>

#include "../candidates.h"
#include "../hasher.h"

#define MANY	64
#define FLOWS	4000

struct fixture {
	struct manycast_net mnet;
	struct manycast_service svc;
	struct manycast_settings settings;
	struct manycast_instance selector[MANY];
	struct rnd_state rnd;
	/* Whose slots and flows are, by number. */
	u8 slot[SEG6_MANYCAST_SLOTS_MAX];
	u8 flow[FLOWS];
};

static void hasher_exit(struct kunit *test)
{
	struct fixture *f = test->priv;

	if (!f)
		return;
	mutex_lock(&f->mnet.lock);
	manycast_pool_clear(&f->svc);
	mutex_unlock(&f->mnet.lock);
	vfree(f);
}

static int hasher_init(struct kunit *test)
{
	struct fixture *f = vzalloc(sizeof(*f));
	unsigned int i;

	if (!f)
		return -ENOMEM;
	mutex_init(&f->mnet.lock);
	INIT_LIST_HEAD(&f->svc.instances);
	f->svc.mnet = &f->mnet;
	f->svc.front = true;
	f->settings.slots = MANYCAST_FRONT_SLOTS;
	f->settings.key.key[0] = 0x0706050403020100;
	f->settings.key.key[1] = 0x0f0e0d0c0b0a0908;
	for (i = 0; i < MANY; i++) {
		struct manycast_instance *inst = &f->selector[i];

		inst->role.weight = 1;
		inst->path.n = 1;
		inst->path.seg[0] = (struct in6_addr){
			.s6_addr = { 0xfc, 0, 0, 0x0a, [15] = i }
		};
	}
	prandom_seed_state(&f->rnd, 11);
	test->priv = f;
	return 0;
}

static void add(struct fixture *f, unsigned int i)
{
	list_add_tail(&f->selector[i].list, &f->svc.instances);
	f->svc.instance_count++;
}

static void del(struct fixture *f, unsigned int i)
{
	list_del(&f->selector[i].list);
	f->svc.instance_count--;
}

static void add_all(struct fixture *f, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		add(f, i);
}

static u8 number_of(const struct manycast_instance *inst)
{
	return manycast_sid(inst)->s6_addr[15];
}

static struct manycast_tuple tuple_of(unsigned int flow)
{
	return (struct manycast_tuple){
		.flow.client.s6_addr = { 0x20, 0x01, [14] = flow >> 8, flow },
		.flow.service.s6_addr = { 0x20, 0x01, [15] = 0x80 },
		.flow.sport = htons(1024 + flow),
		.flow.dport = htons(443),
		.proto = IPPROTO_TCP,
	};
}

/* What an administrator's change does; then see whose slots and flows are. */
static void update(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct manycast_pool *pool;
	unsigned int i;

	mutex_lock(&f->mnet.lock);
	KUNIT_ASSERT_EQ(test, 0, manycast_pool_update(&f->svc, &f->settings,
						      NULL));
	pool = rcu_dereference_protected(f->svc.pool, true);
	KUNIT_ASSERT_NOT_NULL(test, pool);
	KUNIT_ASSERT_NOT_NULL(test, pool->front);
	KUNIT_ASSERT_EQ(test, pool->slots, f->settings.slots);
	for (i = 0; i < pool->slots; i++)
		f->slot[i] = number_of(pool->instance[pool->front[i]]);
	for (i = 0; i < FLOWS; i++) {
		struct manycast_tuple t = tuple_of(i);

		f->flow[i] = number_of(manycast_hasher_pick(&f->settings, pool,
							    &t));
	}
	mutex_unlock(&f->mnet.lock);
}

static u32 hash(const u8 *number, unsigned int n)
{
	u32 hash = 0;

	while (n--)
		hash = 31 * hash + *number++;
	return hash;
}

static unsigned int count(const u8 *number, unsigned int n, u8 of)
{
	unsigned int found = 0;

	while (n--)
		found += *number++ == of;
	return found;
}

static void by_chance(struct fixture *f, u8 *order, unsigned int n)
{
	unsigned int i, other;

	for (i = 0; i < n; i++)
		order[i] = i;
	for (i = 0; i < n; i++) {
		other = prandom_u32_state(&f->rnd) % n;
		swap(order[i], order[other]);
	}
}

struct front {
	const char *desc;
	unsigned int n;
	u32 weight;	/* 0: 1, 2, 3, 4, 1, ... */
	u32 slots;
	/* What a program has found that knows the documents alone. */
	u32 golden_slots;
	u32 golden_flows;
};

static const struct front fronts[] = {
	{ "1", 1, 1, 65537, 0, 0 },
	{ "2", 2, 1, 65537, 0xda6a9f3d, 0xcfad5c1a },
	{ "3", 3, 1, 65537, 0xfd55dbd4, 0xd4a289c5 },
	{ "8", 8, 1, 65537, 0x2009e45a, 0x7fb73fd8 },
	{ "8 with different weights", 8, 0, 65537, 0xf2261c67, 0x8ccec67 },
	{ "8 with a small table", 8, 0, 4099, 0x5bf6e5c2, 0x79974b01 },
	{ "8 with a large table", 8, 0, 655373, 0xcaa549bc, 0x10d82987 },
	{ "64 with different weights", 64, 0, 65537, 0x28f08440, 0x1571a0a7 },
};

static void front_desc(const struct front *p, char *desc)
{
	strscpy(desc, p->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(front, fronts, front_desc);

static const struct front *set_up(struct kunit *test)
{
	const struct front *p = test->param_value;
	struct fixture *f = test->priv;
	unsigned int i;

	f->settings.slots = p->slots;
	for (i = 0; i < p->n; i++)
		f->selector[i].role.weight = p->weight ?: i % 4 + 1;
	return p;
}

/* Hashers with different versions of the module have to agree. */
static void hasher_golden(struct kunit *test)
{
	const struct front *p = set_up(test);
	struct fixture *f = test->priv;

	add_all(f, p->n);
	update(test);
	KUNIT_EXPECT_EQ(test, hash(f->slot, p->slots), p->golden_slots);
	KUNIT_EXPECT_EQ(test, hash(f->flow, FLOWS), p->golden_flows);
}

/* Any order of configuration, and any detour. */
static void hasher_order(struct kunit *test)
{
	const struct front *p = set_up(test);
	struct fixture *f = test->priv;
	unsigned int round, i;
	u32 slots, flows;
	u8 order[MANY];

	add_all(f, p->n);
	update(test);
	slots = hash(f->slot, p->slots);
	flows = hash(f->flow, FLOWS);
	for (round = 0; round < 4; round++) {
		by_chance(f, order, p->n);
		for (i = 0; i < p->n; i++)
			del(f, order[i]);
		by_chance(f, order, p->n);
		for (i = 0; i < p->n; i++) {
			add(f, order[i]);
			if (i == p->n / 2)
				update(test);
		}
		update(test);
		KUNIT_EXPECT_EQ(test, hash(f->slot, p->slots), slots);
		KUNIT_EXPECT_EQ(test, hash(f->flow, FLOWS), flows);
	}
}

static unsigned int sum_of_weights(const struct fixture *f, unsigned int n)
{
	unsigned int i, sum = 0;

	for (i = 0; i < n; i++)
		sum += f->selector[i].role.weight;
	return sum;
}

/* Of the slots each has its due, but for two. Of flows, chance gives some more
 * or less: five standard deviations of a binomial distribution at most.
 */
static void hasher_shares(struct kunit *test)
{
	const struct front *p = set_up(test);
	struct fixture *f = test->priv;
	unsigned int i, sum = sum_of_weights(f, p->n);

	add_all(f, p->n);
	update(test);
	for (i = 0; i < p->n; i++) {
		u32 weight = f->selector[i].role.weight;
		int due = FLOWS * weight / sum;

		KUNIT_EXPECT_LE(test, abs((int)(count(f->slot, p->slots, i) -
						p->slots * weight / sum)), 2);
		KUNIT_EXPECT_LE(test, abs((int)count(f->flow, FLOWS, i) - due),
				5 * (int)int_sqrt(due) + 1);
	}
}

/* Slots that moved although neither their old nor their new owner had to do
 * with it, per thousand.
 */
static unsigned int moved(const struct fixture *f, const u8 *before, u8 gone)
{
	unsigned int i, n = 0;

	for (i = 0; i < f->settings.slots; i++)
		n += before[i] != gone && before[i] != f->slot[i];
	return 1000 * n / f->settings.slots;
}

static u8 *slots_now(struct kunit *test)
{
	struct fixture *f = test->priv;
	u8 *copy = kunit_kzalloc(test, f->settings.slots, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, copy);
	return memcpy(copy, f->slot, f->settings.slots);
}

/* One leaves: its slots move, and few of others, the fewer the larger the table
 * is. Whether it is drained or gone is the same, and it comes back to where it
 * was.
 */
static void leave(struct kunit *test, const struct front *p, unsigned int gone)
{
	struct fixture *f = test->priv;
	u32 all, drained, weight = f->selector[gone].role.weight;
	u8 *before;

	update(test);
	before = slots_now(test);
	all = hash(f->slot, p->slots);

	f->selector[gone].role.weight = 0;
	update(test);
	drained = hash(f->slot, p->slots);
	KUNIT_EXPECT_EQ(test, 0, count(f->slot, p->slots, gone));
	KUNIT_EXPECT_EQ(test, 0, count(f->flow, FLOWS, gone));
	KUNIT_EXPECT_LE(test, moved(f, before, gone),
			p->slots < MANYCAST_FRONT_SLOTS ? 20 : 8);

	del(f, gone);
	update(test);
	KUNIT_EXPECT_EQ(test, hash(f->slot, p->slots), drained);

	f->selector[gone].role.weight = weight;
	add(f, gone);
	update(test);
	KUNIT_EXPECT_EQ(test, hash(f->slot, p->slots), all);
}

static void hasher_leave(struct kunit *test)
{
	const struct front *p = set_up(test);
	struct fixture *f = test->priv;
	unsigned int gone;

	add_all(f, p->n);
	for (gone = 0; p->n > 1 && gone < min(p->n, 8U); gone++)
		leave(test, p, gone);
}

/* What a flow is known by, each part of it, decides. */
static void hasher_whole_tuple(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int bit, other = 0;
	struct manycast_pool *pool;
	struct manycast_tuple t;
	u8 at;

	add_all(f, MANY);
	update(test);
	pool = rcu_dereference_protected(f->svc.pool, true);
	t = tuple_of(0);
	at = number_of(manycast_hasher_pick(&f->settings, pool, &t));
	for (bit = 0; bit < 8 * sizeof(t); bit++) {
		t = tuple_of(0);
		((u8 *)&t)[bit / 8] ^= BIT(bit % 8);
		other += number_of(manycast_hasher_pick(&f->settings, pool,
							&t)) != at;
	}
	/* One in 64 comes back by chance. */
	KUNIT_EXPECT_GT(test, other, 8 * sizeof(t) * 95 / 100);
}

static void hasher_key(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 flows, slots;

	add_all(f, 8);
	update(test);
	flows = hash(f->flow, FLOWS);
	slots = hash(f->slot, f->settings.slots);
	f->settings.key.key[0] ^= 1;
	update(test);
	KUNIT_EXPECT_NE(test, hash(f->flow, FLOWS), flows);
	KUNIT_EXPECT_NE(test, hash(f->slot, f->settings.slots), slots);
}

/* All are drained, or there is none, or no route has asked for the table. */
static void hasher_nobody(struct kunit *test)
{
	struct manycast_tuple t = tuple_of(0);
	struct fixture *f = test->priv;
	struct manycast_pool *pool;

	KUNIT_EXPECT_NULL(test, manycast_hasher_pick(&f->settings, NULL, &t));

	add(f, 0);
	f->selector[0].role.weight = 0;
	mutex_lock(&f->mnet.lock);
	KUNIT_EXPECT_EQ(test, 0, manycast_pool_update(&f->svc, &f->settings,
						      NULL));
	pool = rcu_dereference_protected(f->svc.pool, true);
	KUNIT_EXPECT_NULL(test, manycast_hasher_pick(&f->settings, pool, &t));

	f->selector[0].role.weight = 1;
	f->svc.front = false;
	KUNIT_EXPECT_EQ(test, 0, manycast_pool_update(&f->svc, &f->settings,
						      NULL));
	pool = rcu_dereference_protected(f->svc.pool, true);
	KUNIT_ASSERT_NOT_NULL(test, pool);
	KUNIT_EXPECT_NULL(test, pool->front);
	KUNIT_EXPECT_NULL(test, manycast_hasher_pick(&f->settings, pool, &t));
	mutex_unlock(&f->mnet.lock);
}

static void hasher_slots(struct kunit *test)
{
	static const unsigned int good[] = { 3, 5, 7, 4099, 65537, 655373 };
	static const unsigned int bad[] = { 4, 9, 4100, 4101, 65535, 65536,
		251 * 257, 809 * 809, 655359, 655371 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(good); i++)
		KUNIT_EXPECT_TRUE(test, manycast_maglev_size_ok(good[i]));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_FALSE(test, manycast_maglev_size_ok(bad[i]));
}

static struct kunit_case hasher_cases[] = {
	KUNIT_CASE_PARAM(hasher_golden, front_gen_params),
	KUNIT_CASE_PARAM(hasher_order, front_gen_params),
	KUNIT_CASE_PARAM(hasher_shares, front_gen_params),
	KUNIT_CASE_PARAM(hasher_leave, front_gen_params),
	KUNIT_CASE(hasher_whole_tuple),
	KUNIT_CASE(hasher_key),
	KUNIT_CASE(hasher_nobody),
	KUNIT_CASE(hasher_slots),
	{}
};

static struct kunit_suite hasher_suite = {
	.name = "seg6_manycast_hasher",
	.init = hasher_init,
	.exit = hasher_exit,
	.test_cases = hasher_cases,
};

kunit_test_suite(hasher_suite);

MODULE_DESCRIPTION("KUnit tests of M-Anycast's choice of selectors");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
