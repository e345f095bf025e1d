// SPDX-License-Identifier: GPL-2.0
/* What the choice of candidates reads: a service's instances, ranked, with
 * their weights and their tables. Built anew for every change.
 */

#include <kunit/visibility.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "candidates.h"
#include "health.h"
#include "rank.h"
#include "service.h"

/* What becomes of an instance, in the order of their places in a pool. */
enum rank {
	RANK_ASKED,
	RANK_SUSPECT,
	RANK_DRAINED,
};

/* What a backend is called on every selector, and its place in the pools. */
struct ranked {
	struct manycast_backend backend;
	struct manycast_instance *instance;
	u8 tier;
	u8 rank;
};

static int by_place(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->tier != y->tier)
		return x->tier - y->tier;
	if (x->rank != y->rank)
		return x->rank - y->rank;
	return x->backend.id < y->backend.id ? -1 :
	       x->backend.id > y->backend.id;
}

static enum rank rank_of(const struct manycast_instance *inst)
{
	if (!inst->role.weight)
		return RANK_DRAINED;
	return manycast_instance_state(inst) == SEG6_MANYCAST_STATE_SUSPECT ?
	       RANK_SUSPECT : RANK_ASKED;
}

/* All but those who are down. */
static unsigned int collect(struct manycast_service *svc,
			    const struct manycast_settings *settings,
			    struct ranked *ranked)
{
	struct manycast_instance *inst;
	unsigned int n = 0;

	list_for_each_entry(inst, &svc->instances, list) {
		if (inst->role.state == SEG6_MANYCAST_STATE_DOWN)
			continue;
		ranked[n].backend.id = siphash(manycast_sid(inst),
					       sizeof(struct in6_addr),
					       &settings->key);
		ranked[n].backend.weight = inst->role.weight ?:
					   inst->last_weight;
		ranked[n].tier = inst->role.tier;
		ranked[n].rank = rank_of(inst);
		ranked[n++].instance = inst;
	}
	sort(ranked, n, sizeof(*ranked), by_place, NULL);
	return n;
}

static void pool_free(struct manycast_pool *pool)
{
	kvfree(pool->front);
	kvfree(pool->rank);
	kvfree(pool->cumulated);
	kvfree(pool);
}

static void pools_free(struct manycast_pool *pool)
{
	while (pool) {
		struct manycast_pool *next = pool->next;

		pool_free(pool);
		pool = next;
	}
}

static void pools_free_rcu(struct rcu_head *rcu)
{
	pools_free(container_of(rcu, struct manycast_pool, rcu));
}

/* What a pool is built of.
 *
 * @settings:	as they will be
 * @front:	a hasher uses the service
 * @before:	the first of the published pools, or NULL
 */
struct plan {
	const struct manycast_settings *settings;
	bool front;
	const struct manycast_pool *before;
};

static const struct manycast_pool *tier_of(const struct manycast_pool *pool,
					   u8 tier)
{
	while (pool && pool->tier != tier)
		pool = pool->next;
	return pool;
}

/* For selectors: candidates hash, and whoever hunts. */
static int fill_rank(struct manycast_pool *pool, const struct plan *plan,
		     const struct manycast_backend *backend)
{
	const struct manycast_settings *settings = plan->settings;

	pool->key = settings->key;
	pool->ranks = min(pool->all, max_t(u32, settings->fanout,
					   MANYCAST_PATH_MAX));
	pool->rank = kvmalloc_array(MANYCAST_RANK_ROWS * pool->ranks,
				    sizeof(*pool->rank), GFP_KERNEL);
	if (!pool->rank)
		return -ENOMEM;
	return manycast_pool_rank(pool, backend,
				  tier_of(plan->before, pool->tier));
}

/* For hashers. */
static int fill_front(struct manycast_pool *pool, const struct plan *plan,
		      const struct manycast_backend *backend)
{
	pool->slots = plan->settings->slots;
	pool->front = kvmalloc_array(pool->slots, sizeof(*pool->front),
				     GFP_KERNEL);
	if (!pool->front)
		return -ENOMEM;
	return manycast_maglev_fill(pool->front, pool->slots, backend, pool->n);
}

/* The tables that are of use. */
static int fill_tables(struct manycast_pool *pool, const struct plan *plan,
		       const struct manycast_backend *backend)
{
	int err = 0;

	if (plan->settings->candidates == SEG6_MANYCAST_CANDIDATES_HASH)
		err = fill_rank(pool, plan, backend);
	if (!err && plan->front && pool->n)
		err = fill_front(pool, plan, backend);
	return err;
}

static void add(struct manycast_pool *pool, const struct ranked *ranked)
{
	pool->instance[pool->all++] = ranked->instance;
	pool->n += ranked->rank == RANK_ASKED;
	pool->suspects += ranked->rank == RANK_SUSPECT;
	pool->remote |= ranked->instance->remote;
}

static int pool_fill(struct manycast_pool *pool, const struct plan *plan,
		     const struct ranked *ranked, unsigned int n)
{
	struct manycast_backend *backend;
	unsigned int i;
	u32 sum = 0;
	int err;

	pool->cumulated = kvmalloc_array(n, sizeof(*pool->cumulated),
					 GFP_KERNEL);
	backend = kvmalloc_array(n, sizeof(*backend), GFP_KERNEL);
	if (!pool->cumulated || !backend) {
		kvfree(backend);
		return -ENOMEM;
	}
	for (i = 0; i < n; i++) {
		sum += ranked[i].backend.weight;
		pool->cumulated[i] = sum;
		backend[i] = ranked[i].backend;
		add(pool, &ranked[i]);
	}
	err = fill_tables(pool, plan, backend);
	kvfree(backend);
	return err;
}

/* Of the @n instances of a tier. */
static struct manycast_pool *pool_alloc(const struct plan *plan,
					const struct ranked *ranked,
					unsigned int n)
{
	struct manycast_pool *pool;

	pool = kvzalloc(struct_size(pool, instance, n), GFP_KERNEL);
	if (!pool)
		return NULL;
	pool->tier = ranked->tier;
	/* Long ago, so that it is summed up when it is asked for. */
	pool->load_time = jiffies - HZ;
	if (!pool_fill(pool, plan, ranked, n))
		return pool;
	pool_free(pool);
	return NULL;
}

/* Of all tiers, from the last to the first. */
static int pools_alloc(const struct plan *plan, const struct ranked *ranked,
		       unsigned int n, struct manycast_pool **first)
{
	struct manycast_pool *next = NULL, *pool;
	unsigned int from;

	for (; n; n = from) {
		for (from = n - 1; from; from--)
			if (ranked[from - 1].tier != ranked[from].tier)
				break;
		pool = pool_alloc(plan, &ranked[from], n - from);
		if (!pool) {
			pools_free(next);
			return -ENOMEM;
		}
		pool->next = next;
		next = pool;
	}
	*first = next;
	return 0;
}

/* Where the next pools will look for what they have in common with this. */
static void note_places(const struct manycast_pool *pool)
{
	unsigned int i;

	for (; pool; pool = pool->next)
		for (i = 0; i < pool->all; i++)
			pool->instance[i]->place = i;
}

static void publish(struct manycast_service *svc, struct manycast_pool *pool)
{
	struct manycast_pool *old =
		rcu_replace_pointer(svc->pool, pool,
				    lockdep_is_held(&svc->mnet->lock));

	note_places(pool);
	if (old)
		call_rcu(&old->rcu, pools_free_rcu);
}

/**
 * manycast_pool_clear() - let nobody be asked any more
 * @svc:	the service
 *
 * Context: process, manycast_net.lock held.
 */
void manycast_pool_clear(struct manycast_service *svc)
{
	publish(svc, NULL);
}
EXPORT_SYMBOL_IF_KUNIT(manycast_pool_clear);

/**
 * manycast_pool_update() - build what readers choose from, and publish it
 * @svc:	the service, its list of instances already as it will be
 * @settings:	its settings as they will be
 * @extack:	receives the reason of a refusal
 *
 * Context: process, manycast_net.lock held.
 * Return: 0 or -ENOMEM; nothing has changed then.
 */
int manycast_pool_update(struct manycast_service *svc,
			 const struct manycast_settings *settings,
			 struct netlink_ext_ack *extack)
{
	struct plan plan = {
		.settings = settings,
		.front = svc->front,
		.before = rcu_dereference_protected(svc->pool,
				lockdep_is_held(&svc->mnet->lock)),
	};
	struct manycast_pool *first;
	struct ranked *ranked;
	int err = -ENOMEM;
	unsigned int n;

	ranked = kvmalloc_array(svc->instance_count + 1, sizeof(*ranked),
				GFP_KERNEL);
	if (ranked) {
		n = collect(svc, settings, ranked);
		err = pools_alloc(&plan, ranked, n, &first);
		kvfree(ranked);
	}
	if (err) {
		NL_SET_ERR_MSG(extack, "no memory for the table of instances");
		return err;
	}
	publish(svc, first);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_pool_update);
