// SPDX-License-Identifier: GPL-2.0
/* What the server remembers of a SYN for as long as its SYN-ACK is repeated. */

#include <kunit/visibility.h>
#include <linux/slab.h>
#include <net/net_namespace.h>
#include <net/tcp.h>

#include "main.h"
#include "record.h"

#define FORGET_MAX	256

static const struct rhashtable_params record_params = {
	.head_offset	= offsetof(struct manycast_record, node),
	.key_offset	= offsetof(struct manycast_record, key),
	.key_len	= sizeof(struct manycast_key),
	.hashfn		= manycast_key_hash,
	.obj_cmpfn	= manycast_key_differs,
	.automatic_shrinking = true,
};

/* The first wait is a second and each is twice as long as the one before. */
static unsigned long lifetime(const struct net *net)
{
	unsigned int retries = READ_ONCE(net->ipv4.sysctl_tcp_synack_retries);

	return ((2UL << min(retries, 7U)) - 1) * HZ;
}

static void count_isn(struct manycast_net *mnet, u32 isn, int more)
{
	u32 *count = manycast_record_isn(mnet, isn);

	lockdep_assert_held(&mnet->record_lock);
	WRITE_ONCE(*count, *count + more);
}

/* Who takes a record off the list frees it. */
static void unlink(struct manycast_net *mnet, struct manycast_record *rec)
{
	lockdep_assert_held(&mnet->record_lock);
	if (list_empty(&rec->list))
		return;
	list_del_init(&rec->list);
	mnet->record_count--;
	count_isn(mnet, rec->key.isn, -1);
	rhashtable_remove_fast(&mnet->records, &rec->node, record_params);
	kfree_rcu(rec, rcu);
}

/* A part of them, since SYNs wait for the lock. Returns whether there may be
 * more.
 */
static bool forget_some(struct manycast_net *mnet)
{
	struct manycast_record *rec;
	unsigned int i;

	lockdep_assert_held(&mnet->record_lock);
	for (i = 0; i < FORGET_MAX; i++) {
		rec = list_first_entry_or_null(&mnet->record_fifo,
					       struct manycast_record, list);
		if (!rec || time_before(jiffies, rec->expiry))
			return false;
		unlink(mnet, rec);
	}
	return true;
}

static void forget_expired(struct work_struct *work)
{
	struct manycast_net *mnet =
		container_of(to_delayed_work(work), struct manycast_net,
			     record_work);
	bool more;

	do {
		spin_lock_bh(&mnet->record_lock);
		more = forget_some(mnet);
		if (!more && !list_empty(&mnet->record_fifo))
			queue_delayed_work(manycast_wq, &mnet->record_work, HZ);
		spin_unlock_bh(&mnet->record_lock);
		cond_resched();
	} while (more);
}

/**
 * manycast_record_find() - look a record up
 * @mnet:	the namespace
 * @key:	what it is about
 *
 * Context: RCU.
 * Return: the record or NULL.
 */
struct manycast_record *manycast_record_find(struct manycast_net *mnet,
					     const struct manycast_key *key)
{
	return rhashtable_lookup(&mnet->records, key, record_params);
}
EXPORT_SYMBOL_IF_KUNIT(manycast_record_find);

static void append(struct manycast_net *mnet, struct manycast_record *rec)
{
	lockdep_assert_held(&mnet->record_lock);
	if (list_empty(&mnet->record_fifo))
		queue_delayed_work(manycast_wq, &mnet->record_work, HZ);
	list_add_tail(&rec->list, &mnet->record_fifo);
}

/* Without a moment in which there is neither. */
static void replace(struct manycast_net *mnet, struct manycast_record *old,
		    struct manycast_record *rec)
{
	lockdep_assert_held(&mnet->record_lock);
	rec->synack_isn = old->synack_isn;
	rec->answered = old->answered;
	rec->acked = old->acked;
	rhashtable_replace_fast(&mnet->records, &old->node, &rec->node,
				record_params);
	list_del_init(&old->list);
	kfree_rcu(old, rcu);
	append(mnet, rec);
}

static void evict(struct manycast_net *mnet)
{
	struct manycast_record *old =
		list_first_entry(&mnet->record_fifo, struct manycast_record,
				 list);

	if (!old->acked)
		manycast_stats_inc(mnet->stats,
				   SEG6_MANYCAST_STAT_RECORD_EVICTED);
	unlink(mnet, old);
}

/**
 * manycast_record_add() - remember a SYN
 * @mnet:	the namespace
 * @rec:	filled but for @rec->expiry; taken over
 *
 * A repeated SYN replaces what its forerunner left. When the table is full the
 * oldest record goes: a flood then costs the handshakes that it delays most,
 * and their clients repeat their SYNs.
 *
 * Context: RCU, bottom halves off.
 * Return: 0, or a negative error without memory.
 */
int manycast_record_add(struct manycast_net *mnet, struct manycast_record *rec)
{
	struct manycast_record *old;

	rec->expiry = jiffies + lifetime(mnet->net);
	spin_lock(&mnet->record_lock);
	old = rhashtable_lookup_get_insert_fast(&mnet->records, &rec->node,
						record_params);
	if (!old) {
		if (mnet->record_count >= MANYCAST_RECORDS_MAX)
			evict(mnet);
		append(mnet, rec);
		mnet->record_count++;
		count_isn(mnet, rec->key.isn, 1);
	} else if (!IS_ERR(old)) {
		replace(mnet, old, rec);
	}
	spin_unlock(&mnet->record_lock);
	if (!IS_ERR(old))
		return 0;
	kfree(rec);
	return PTR_ERR(old);
}
EXPORT_SYMBOL_IF_KUNIT(manycast_record_add);

/**
 * manycast_record_answered() - the server has accepted
 * @mnet:	the namespace
 * @rec:	found under RCU; a repeated SYN may have replaced it since
 * @isn:	the server's initial sequence number
 *
 * Context: RCU, bottom halves off.
 */
void manycast_record_answered(struct manycast_net *mnet,
			      struct manycast_record *rec, u32 isn)
{
	spin_lock(&mnet->record_lock);
	rec = manycast_record_find(mnet, &rec->key);
	if (rec) {
		rec->synack_isn = isn;
		rec->answered = true;
	}
	spin_unlock(&mnet->record_lock);
}
EXPORT_SYMBOL_IF_KUNIT(manycast_record_answered);

/**
 * manycast_record_acked() - the client acknowledges
 * @mnet:	the namespace
 * @rec:	found under RCU; a repeated SYN may have replaced it since
 * @ack:	what it acknowledges; it must be what we answered, or it is
 *		somebody's guess
 *
 * Context: RCU, bottom halves off.
 */
void manycast_record_acked(struct manycast_net *mnet,
			   struct manycast_record *rec, u32 ack)
{
	spin_lock(&mnet->record_lock);
	rec = manycast_record_find(mnet, &rec->key);
	if (rec && rec->answered && ack == rec->synack_isn + 1)
		WRITE_ONCE(rec->acked, true);
	spin_unlock(&mnet->record_lock);
}
EXPORT_SYMBOL_IF_KUNIT(manycast_record_acked);

/**
 * manycast_record_del() - forget a SYN
 * @mnet:	the namespace
 * @rec:	found under RCU; another CPU may be deleting it, too
 *
 * Context: RCU, bottom halves off.
 */
void manycast_record_del(struct manycast_net *mnet, struct manycast_record *rec)
{
	spin_lock(&mnet->record_lock);
	unlink(mnet, rec);
	spin_unlock(&mnet->record_lock);
}
EXPORT_SYMBOL_IF_KUNIT(manycast_record_del);

/**
 * manycast_records_prepare() - the first record may come from now on
 * @mnet:	the namespace
 *
 * Context: process, may sleep; manycast_net.lock held.
 * Return: 0 or -ENOMEM.
 */
int manycast_records_prepare(struct manycast_net *mnet)
{
	lockdep_assert_held(&mnet->lock);
	if (!mnet->record_isns)
		mnet->record_isns = kvcalloc(1 << MANYCAST_RECORD_ISN_BITS,
					     sizeof(*mnet->record_isns),
					     GFP_KERNEL);
	return mnet->record_isns ? 0 : -ENOMEM;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_records_prepare);

/**
 * manycast_records_init() - a namespace begins
 * @mnet:	our part of it
 *
 * Return: 0 or a negative error.
 */
int manycast_records_init(struct manycast_net *mnet)
{
	spin_lock_init(&mnet->record_lock);
	INIT_LIST_HEAD(&mnet->record_fifo);
	INIT_DELAYED_WORK(&mnet->record_work, forget_expired);
	return rhashtable_init(&mnet->records, &record_params);
}
EXPORT_SYMBOL_IF_KUNIT(manycast_records_init);

static void free_record(void *ptr, void *arg)
{
	kfree(ptr);
}

/**
 * manycast_records_exit() - the namespace is gone
 * @mnet:	our part of it; no packet comes any more
 */
void manycast_records_exit(struct manycast_net *mnet)
{
	cancel_delayed_work_sync(&mnet->record_work);
	rhashtable_free_and_destroy(&mnet->records, free_record, NULL);
	kvfree(mnet->record_isns);
}
EXPORT_SYMBOL_IF_KUNIT(manycast_records_exit);
