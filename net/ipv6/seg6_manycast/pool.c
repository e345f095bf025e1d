// SPDX-License-Identifier: GPL-2.0
/* What the choice of candidates reads: a service's instances, ranked, with
 * their weights and their Maglev table. Built anew for every change.
 */

#include <kunit/visibility.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "candidates.h"
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

static unsigned int rank(struct manycast_service *svc,
			 const struct manycast_settings *settings,
			 struct ranked *ranked)
{
	struct manycast_instance *inst;
	unsigned int n = 0;

	list_for_each_entry(inst, &svc->instances, list) {
		if (!inst->weight)
			continue;
		ranked[n].backend.id = siphash(manycast_sid(inst),
					       sizeof(struct in6_addr),
					       &settings->key);
		ranked[n].backend.weight = inst->weight;
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
	kvfree(pool->maglev);
	kvfree(pool->cumulated);
	kvfree(pool);
}

static void pool_free_rcu(struct rcu_head *rcu)
{
	pool_free(container_of(rcu, struct manycast_pool, rcu));
}

/* A table of @size slots, to be freed with kvfree(), or NULL. */
static u16 *maglev(const struct ranked *ranked, unsigned int n,
		   unsigned int size)
{
	struct manycast_backend *backend;
	u16 *table;
	unsigned int i;
	int err = -ENOMEM;

	table = kvmalloc_array(size, sizeof(*table), GFP_KERNEL);
	backend = kvmalloc_array(n, sizeof(*backend), GFP_KERNEL);
	if (table && backend) {
		for (i = 0; i < n; i++)
			backend[i] = ranked[i].backend;
		err = manycast_maglev_fill(table, size, backend, n);
	}
	kvfree(backend);
	if (!err)
		return table;
	kvfree(table);
	return NULL;
}

/* The tables that are of use: one each for selectors and for hashers. */
static int pool_fill_tables(struct manycast_pool *pool,
			    const struct manycast_settings *settings,
			    const struct ranked *ranked, bool front)
{
	if (settings->candidates == SEG6_MANYCAST_CANDIDATES_HASH) {
		pool->maglev = maglev(ranked, pool->n, MANYCAST_MAGLEV_SIZE);
		if (!pool->maglev)
			return -ENOMEM;
	}
	if (front) {
		pool->slots = settings->slots;
		pool->front = maglev(ranked, pool->n, pool->slots);
		if (!pool->front)
			return -ENOMEM;
	}
	return 0;
}

static struct manycast_pool *
pool_alloc(const struct manycast_settings *settings,
	   const struct ranked *ranked, unsigned int n, bool front)
{
	struct manycast_pool *pool;
	unsigned int i;
	u32 sum = 0;

	pool = kvzalloc(struct_size(pool, instance, n), GFP_KERNEL);
	if (!pool)
		return NULL;
	pool->n = n;
	pool->cumulated = kvmalloc_array(n, sizeof(*pool->cumulated),
					 GFP_KERNEL);
	if (!pool->cumulated)
		goto free;
	for (i = 0; i < n; i++) {
		sum += ranked[i].backend.weight;
		pool->cumulated[i] = sum;
		pool->instance[i] = ranked[i].instance;
	}
	if (pool_fill_tables(pool, settings, ranked, front))
		goto free;
	return pool;
free:
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
	unsigned int n;

	ranked = kvmalloc_array(svc->instance_count + 1, sizeof(*ranked),
				GFP_KERNEL);
	if (!ranked)
		goto no_memory;
	n = rank(svc, settings, ranked);
	if (n)
		pool = pool_alloc(settings, ranked, n, svc->front);
	kvfree(ranked);
	if (n && !pool)
		goto no_memory;

	publish(svc, pool);
	return 0;

no_memory:
	NL_SET_ERR_MSG(extack, "no memory for the table of instances");
	return -ENOMEM;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_pool_update);
