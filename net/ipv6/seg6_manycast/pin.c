// SPDX-License-Identifier: GPL-2.0
/* Pins: which server an unaware client's connection has. Only who acknowledges
 * a server's SYN-ACK gets one, so handshakes that never complete take no room
 * of those that do: they have the table of handshakes for themselves. Or else
 * the server itself tells that it has the connection, when it was hunted for.
 *
 * A pin may go at any time, for want of room or for silence. Then its packets
 * are hunted for, where the service's candidates can be computed again.
 */

#include <linux/slab.h>
#include <linux/tcp.h>

#include "age.h"
#include "packet.h"
#include "pin.h"
#include "service.h"

#define SWEEP_INTERVAL	(5 * HZ)

/* Seconds without a packet of the client's. The kernel's own load balancer has
 * the same.
 */
#define IDLE_OPEN	900
#define IDLE_OVER	120

/**
 * struct manycast_pin - an unaware client's connection
 * @node:	in manycast_net.pins
 * @rcu:	frees
 * @key:	its 4-tuple and ISN; when @learnt, nobody knows the ISN any more
 * @inst:	its server; holds a reference
 * @server:	where that is, if @inst is another site's selector; or NULL
 * @age:	in a list of the service's, under its pin_lock
 * @end:	TCPHDR_FIN, TCPHDR_RST: what the client has sent; under the same
 * @learnt:	its server has told of it
 */
struct manycast_pin {
	struct rhash_head node;
	struct rcu_head rcu;
	struct manycast_key key;
	struct manycast_instance *inst;
	struct manycast_path *server;
	struct manycast_age age;
	u8 end;
	bool learnt;
};

static const struct rhashtable_params pin_params = {
	.head_offset	= offsetof(struct manycast_pin, node),
	.key_offset	= offsetof(struct manycast_pin, key),
	.key_len	= MANYCAST_TUPLE_LEN,
	.hashfn		= manycast_tuple_hash,
	.obj_cmpfn	= manycast_tuple_differs,
	.automatic_shrinking = true,
};

static void pin_free(struct manycast_pin *pin)
{
	percpu_ref_put(&pin->inst->ref);
	kfree(pin->server);
	kfree(pin);
}

static void pin_free_rcu(struct rcu_head *rcu)
{
	pin_free(container_of(rcu, struct manycast_pin, rcu));
}

/* Who takes a pin off its list frees it. */
static void unlink(struct manycast_pin *pin)
{
	struct manycast_service *svc = pin->inst->service;

	lockdep_assert_held(&svc->pin_lock);
	if (list_empty(&pin->age.list))
		return;
	list_del_init(&pin->age.list);
	WRITE_ONCE(svc->pin_count, svc->pin_count - 1);
	WRITE_ONCE(svc->pin_over, svc->pin_over - !!pin->end);
	rhashtable_remove_fast(&svc->mnet->pins, &pin->node, pin_params);
	call_rcu(&pin->rcu, pin_free_rcu);
}

/* Of an instance that was deleted, or of a client that is silent. */
static bool stale(const struct manycast_pin *pin)
{
	return percpu_ref_is_dying(&pin->inst->ref) ||
	       manycast_age_over(&pin->age, READ_ONCE(pin->end) ? IDLE_OVER :
								  IDLE_OPEN);
}

static void unlink_stale(void *entry, void *arg)
{
	struct manycast_pin *pin = entry;
	struct manycast_service *svc = pin->inst->service;

	if (!stale(pin))
		return;
	spin_lock_bh(&svc->pin_lock);
	if (stale(pin))
		unlink(pin);
	spin_unlock_bh(&svc->pin_lock);
}

static void sweep(struct work_struct *work)
{
	struct manycast_net *mnet =
		container_of(to_delayed_work(work), struct manycast_net,
			     pin_work);

	manycast_sweep(&mnet->pins, unlink_stale, NULL);
	if (atomic_read(&mnet->pins.nelems))
		queue_delayed_work(manycast_wq, &mnet->pin_work,
				   SWEEP_INTERVAL);
}

/**
 * manycast_pins_sweep() - let go of instances that were deleted, soon
 * @mnet:	the namespace
 *
 * Context: any.
 */
void manycast_pins_sweep(struct manycast_net *mnet)
{
	if (atomic_read(&mnet->pins.nelems))
		mod_delayed_work(manycast_wq, &mnet->pin_work, 0);
}

/* Room for one more: who is over first, then who is silent for longest. */
static void evict(struct manycast_service *svc)
{
	struct manycast_age *age = manycast_age_oldest(&svc->pins_over) ?:
				   manycast_age_oldest(&svc->pins_open);

	if (!age)
		return;
	unlink(container_of(age, struct manycast_pin, age));
	manycast_stats_inc(svc->stats, SEG6_MANYCAST_SERVICE_STAT_PIN_EVICTED);
}

static struct manycast_pin *pin_alloc(struct manycast_instance *inst,
				      const struct manycast_key *key,
				      const struct manycast_path *server)
{
	struct manycast_pin *pin;

	if (!percpu_ref_tryget_live(&inst->ref))
		return NULL;
	pin = kzalloc(sizeof(*pin), GFP_ATOMIC);
	if (!pin)
		goto put;
	if (server)
		pin->server = kmemdup(server, sizeof(*server), GFP_ATOMIC);
	if (server && !pin->server)
		goto free;
	pin->key = *key;
	pin->inst = inst;
	return pin;
free:
	kfree(pin);
put:
	percpu_ref_put(&inst->ref);
	return NULL;
}

static bool same(const struct manycast_pin *pin,
		 const struct manycast_instance *inst,
		 const struct manycast_key *key)
{
	return pin && !pin->learnt && pin->inst == inst &&
	       pin->key.isn == key->isn;
}

/* A pin to somebody else, of a connection that was before, makes way. Another
 * CPU's of the same connection stays, and so does any when a server tells late
 * of what may have been before.
 */
static bool makes_way(const struct manycast_pin *old,
		      const struct manycast_pin *pin)
{
	return pin->learnt ? percpu_ref_is_dying(&old->inst->ref) :
			     !same(old, pin->inst, &pin->key);
}

/* Takes @pin over. Returns whether it is the flow's now. */
static bool insert(struct manycast_service *svc, struct manycast_pin *pin,
		   u32 limit)
{
	struct manycast_pin *old;
	unsigned int i;

	lockdep_assert_held(&svc->pin_lock);
	old = rhashtable_lookup_fast(&svc->mnet->pins, &pin->key, pin_params);
	if (old && !makes_way(old, pin))
		goto free;
	if (old && old->inst->service == svc)
		unlink(old);
	/* A lowered limit is reached step by step: nobody waits for long. */
	for (i = 0; i < 16 && svc->pin_count >= limit; i++)
		evict(svc);
	if (rhashtable_lookup_insert_fast(&svc->mnet->pins, &pin->node,
					  pin_params))
		goto free;
	manycast_age_add(&pin->age, &svc->pins_open);
	WRITE_ONCE(svc->pin_count, svc->pin_count + 1);
	manycast_stats_inc(svc->stats, SEG6_MANYCAST_SERVICE_STAT_PINNED);
	return true;
free:
	pin_free(pin);
	return false;
}

static bool add(struct manycast_instance *inst, const struct manycast_key *key,
		const struct manycast_path *server, u32 limit, bool learnt)
{
	struct manycast_pin *pin = pin_alloc(inst, key, server);
	struct manycast_service *svc = inst->service;
	bool added;

	if (!pin)
		return false;
	pin->learnt = learnt;
	spin_lock(&svc->pin_lock);
	added = insert(svc, pin, limit);
	spin_unlock(&svc->pin_lock);
	queue_delayed_work(manycast_wq, &svc->mnet->pin_work, SWEEP_INTERVAL);
	return added;
}

/**
 * manycast_pin() - a client has acknowledged a server's SYN-ACK
 * @inst:	the server
 * @key:	the attempt
 * @server:	where its server is, if @inst is another site's selector; or
 *		NULL
 * @limit:	pins that its service may have
 *
 * Without memory nothing happens, and the next packet asks for it again.
 *
 * Context: RCU, bottom halves off.
 */
void manycast_pin(struct manycast_instance *inst,
		  const struct manycast_key *key,
		  const struct manycast_path *server, u32 limit)
{
	struct manycast_pin *pin =
		rhashtable_lookup(&inst->service->mnet->pins, key, pin_params);

	if (!same(pin, inst, key))
		add(inst, key, server, limit, false);
}

/**
 * manycast_pins_full() - has a service as many pins as it may have?
 * @svc:	the service
 * @limit:	how many it may have
 *
 * Context: any; a glance.
 * Return: whether it has.
 */
bool manycast_pins_full(const struct manycast_service *svc, u32 limit)
{
	return READ_ONCE(svc->pin_count) >= limit;
}

/**
 * manycast_pin_learnt() - a server has told that it has a connection
 * @inst:	the server
 * @key:	the flow; its ISN does not matter
 * @limit:	pins that its service may have
 *
 * Who is pinned already stays where it is, and nobody is forgotten for it:
 * where there are more connections than pins, they would push out one another
 * for ever.
 *
 * Context: RCU, bottom halves off.
 * Return: whether there is a new pin.
 */
bool manycast_pin_learnt(struct manycast_instance *inst,
			 const struct manycast_key *key, u32 limit)
{
	return !manycast_pins_full(inst->service, limit) &&
	       add(inst, key, NULL, limit, true);
}

/* What the client says about the end. A RST may be a stranger's: a client that
 * goes on had nothing to do with it.
 */
static void follow(struct manycast_service *svc, struct manycast_pin *pin,
		   u8 flags)
{
	u8 old = READ_ONCE(pin->end);
	u8 end = (old & TCPHDR_FIN) | (flags & (TCPHDR_FIN | TCPHDR_RST));

	if (end == old)
		return;
	spin_lock(&svc->pin_lock);
	if (!list_empty(&pin->age.list)) {
		WRITE_ONCE(svc->pin_over,
			   svc->pin_over + !!end - !!pin->end);
		WRITE_ONCE(pin->end, end);
		manycast_age_move(&pin->age, end ? &svc->pins_over :
						   &svc->pins_open);
	}
	spin_unlock(&svc->pin_lock);
}

/**
 * manycast_pinned() - the server of a flow
 * @svc:	the service
 * @key:	the flow; its ISN does not matter
 * @tcp:	what the client sends, or NULL when it is not the client
 *
 * Context: RCU, bottom halves off.
 * Return: the path to it, or NULL when it is not known.
 */
const struct manycast_path *
manycast_pinned(struct manycast_service *svc, const struct manycast_key *key,
		const struct manycast_tcp *tcp)
{
	struct manycast_pin *pin =
		rhashtable_lookup(&svc->mnet->pins, key, pin_params);

	if (!pin || pin->inst->service != svc ||
	    percpu_ref_is_dying(&pin->inst->ref))
		return NULL;
	if (tcp) {
		manycast_age_use(&pin->age);
		follow(svc, pin, tcp->flags);
	}
	return pin->server ?: &pin->inst->path;
}

/**
 * manycast_pins_init() - a namespace begins
 * @mnet:	our part of it
 *
 * Return: 0 or a negative error.
 */
int manycast_pins_init(struct manycast_net *mnet)
{
	INIT_DELAYED_WORK(&mnet->pin_work, sweep);
	return rhashtable_init(&mnet->pins, &pin_params);
}

static void free_pin(void *ptr, void *arg)
{
	pin_free(ptr);
}

/**
 * manycast_pins_exit() - the namespace is gone
 * @mnet:	our part of it; no packet comes any more
 */
void manycast_pins_exit(struct manycast_net *mnet)
{
	cancel_delayed_work_sync(&mnet->pin_work);
	rhashtable_free_and_destroy(&mnet->pins, free_pin, NULL);
}
