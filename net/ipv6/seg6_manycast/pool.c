// SPDX-License-Identifier: GPL-2.0
/* What the choice of candidates reads: a service's instances, ranked, with
 * their weights and their tables. Built anew for every change.
 */

#include <kunit/visibility.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "candidates.h"
#include "rank.h"
#include "service.h"

/* What a backend is called on every selector, and its place in the pool. */
struct ranked {
	struct manycast_backend backend;
	struct manycast_instance *instance;
};

static int by_id(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return x->backend.id < y->backend.id ? -1 :
	       x->backend.id > y->backend.id;
}

/* One side of the list of instances: those with a weight, or those without. */
static unsigned int rank(struct manycast_service *svc,
			 const struct manycast_settings *settings, bool drained,
			 struct ranked *ranked)
{
	struct manycast_instance *inst;
	unsigned int n = 0;

	list_for_each_entry(inst, &svc->instances, list) {
		if (drained == !!inst->weight)
			continue;
		ranked[n].backend.id = siphash(manycast_sid(inst),
					       sizeof(struct in6_addr),
					       &settings->key);
		ranked[n].backend.weight = inst->weight ?: inst->last_weight;
		ranked[n++].instance = inst;
	}
	sort(ranked, n, sizeof(*ranked), by_id, NULL);
	return n;
}

static void pool_free(struct manycast_pool *pool)
{
	if (!pool)
		return;
	kvfree(pool->front);
	kvfree(pool->rank);
	kvfree(pool->cumulated);
	kvfree(pool);
}

static void pool_free_rcu(struct rcu_head *rcu)
{
	pool_free(container_of(rcu, struct manycast_pool, rcu));
}

static void fill_ranks(struct manycast_pool *pool,
		       const struct manycast_backend *backend)
{
	u32 row;

	for (row = 0; row < MANYCAST_RANK_ROWS; row++) {
		manycast_rank_row(row, backend, pool->all,
				  &pool->rank[row * pool->ranks], pool->ranks);
		cond_resched();
	}
}

/* The tables that are of use: one each for selectors and for hashers. */
static int fill_tables(struct manycast_pool *pool,
		       const struct manycast_settings *settings,
		       const struct manycast_backend *backend, bool front)
{
	if (settings->candidates == SEG6_MANYCAST_CANDIDATES_HASH) {
		pool->ranks = min(pool->all, max_t(u32, settings->fanout,
						   MANYCAST_PATH_MAX));
		pool->rank = kvmalloc_array(MANYCAST_RANK_ROWS * pool->ranks,
					    sizeof(*pool->rank), GFP_KERNEL);
		if (!pool->rank)
			return -ENOMEM;
		fill_ranks(pool, backend);
	}
	if (!front || !pool->n)
		return 0;
	pool->slots = settings->slots;
	pool->front = kvmalloc_array(pool->slots, sizeof(*pool->front),
				     GFP_KERNEL);
	if (!pool->front)
		return -ENOMEM;
	return manycast_maglev_fill(pool->front, pool->slots, backend, pool->n);
}

static int pool_fill(struct manycast_pool *pool,
		     const struct manycast_settings *settings,
		     const struct ranked *ranked, bool front)
{
	struct manycast_backend *backend;
	unsigned int i;
	u32 sum = 0;
	int err;

	pool->cumulated = kvmalloc_array(pool->all, sizeof(*pool->cumulated),
					 GFP_KERNEL);
	backend = kvmalloc_array(pool->all, sizeof(*backend), GFP_KERNEL);
	if (!pool->cumulated || !backend) {
		kvfree(backend);
		return -ENOMEM;
	}
	for (i = 0; i < pool->all; i++) {
		sum += ranked[i].backend.weight;
		pool->cumulated[i] = sum;
		pool->instance[i] = ranked[i].instance;
		backend[i] = ranked[i].backend;
	}
	err = fill_tables(pool, settings, backend, front);
	kvfree(backend);
	return err;
}

/* Of @n instances with a weight, and then those without, @all together. */
static struct manycast_pool *
pool_alloc(const struct manycast_settings *settings,
	   const struct ranked *ranked, unsigned int n, unsigned int all,
	   bool front)
{
	struct manycast_pool *pool;

	pool = kvzalloc(struct_size(pool, instance, all), GFP_KERNEL);
	if (!pool)
		return NULL;
	pool->n = n;
	pool->all = all;
	if (!pool_fill(pool, settings, ranked, front))
		return pool;
	pool_free(pool);
	return NULL;
}

static void publish(struct manycast_service *svc, struct manycast_pool *pool)
{
	struct manycast_pool *old =
		rcu_replace_pointer(svc->pool, pool,
				    lockdep_is_held(&svc->mnet->lock));

	if (old)
		call_rcu(&old->rcu, pool_free_rcu);
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
	struct manycast_pool *pool = NULL;
	struct ranked *ranked;
	unsigned int n, all;

	ranked = kvmalloc_array(svc->instance_count + 1, sizeof(*ranked),
				GFP_KERNEL);
	if (!ranked)
		goto no_memory;
	n = rank(svc, settings, false, ranked);
	all = n + rank(svc, settings, true, ranked + n);
	if (all)
		pool = pool_alloc(settings, ranked, n, all, svc->front);
	kvfree(ranked);
	if (all && !pool)
		goto no_memory;

	publish(svc, pool);
	return 0;

no_memory:
	NL_SET_ERR_MSG(extack, "no memory for the table of instances");
	return -ENOMEM;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_pool_update);
