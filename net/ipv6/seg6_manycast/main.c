// SPDX-License-Identifier: GPL-2.0
/* Module, namespaces: what is there first and goes last. */

#include <linux/module.h>
#include <linux/slab.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "calendar.h"
#include "dst.h"
#include "flow.h"
#include "handshake.h"
#include "health.h"
#include "lwt.h"
#include "main.h"
#include "netlink.h"
#include "pin.h"
#include "server.h"
#include "service.h"

/* Drained at the very end, when nothing can queue anything any more. */
struct workqueue_struct *manycast_wq;

static unsigned int manycast_net_id __read_mostly;

/**
 * manycast_net() - our part of a namespace
 * @net:	the namespace
 *
 * Return: valid as long as @net; more with manycast_net_get().
 */
struct manycast_net *manycast_net(const struct net *net)
{
	return *(struct manycast_net **)net_generic(net, manycast_net_id);
}

/**
 * manycast_net_get() - hold our part of a namespace, even beyond its end
 * @mnet:	it
 *
 * Return: @mnet.
 */
struct manycast_net *manycast_net_get(struct manycast_net *mnet)
{
	refcount_inc(&mnet->refs);
	return mnet;
}

/**
 * manycast_net_put() - let it go
 * @mnet:	it
 *
 * Context: any.
 */
void manycast_net_put(struct manycast_net *mnet)
{
	if (!refcount_dec_and_test(&mnet->refs))
		return;
	free_percpu(mnet->stats);
	kfree_rcu(mnet, rcu);
}

static int init_tables(struct manycast_net *mnet)
{
	int err;

	err = manycast_instances_init(mnet);
	if (err)
		return err;
	err = manycast_handshakes_init(mnet);
	if (err)
		goto instances;
	err = manycast_pins_init(mnet);
	if (err)
		goto handshakes;
	err = manycast_server_init(mnet);
	if (err)
		goto pins;
	err = manycast_flows_init(mnet);
	if (err)
		goto server;
	return 0;
server:
	manycast_server_exit(mnet);
pins:
	manycast_pins_exit(mnet);
handshakes:
	manycast_handshakes_exit(mnet);
instances:
	manycast_instances_exit(mnet);
	return err;
}

static int __net_init manycast_net_init(struct net *net)
{
	struct manycast_net **slot = net_generic(net, manycast_net_id);
	struct manycast_net *mnet;
	int err;

	mnet = kzalloc(sizeof(*mnet), GFP_KERNEL);
	if (!mnet)
		return -ENOMEM;
	refcount_set(&mnet->refs, 1);
	INIT_LIST_HEAD(&mnet->services);
	mnet->generation = 1;
	mutex_init(&mnet->lock);
	mnet->net = net;
	manycast_health_init(mnet);
	manycast_calendars_init(mnet);
	mnet->stats = manycast_stats_alloc(SEG6_MANYCAST_STAT_MAX, GFP_KERNEL);
	err = mnet->stats ? init_tables(mnet) : -ENOMEM;
	if (err) {
		manycast_net_put(mnet);
		return err;
	}
	*slot = mnet;
	return 0;
}

static void __net_exit manycast_net_pre_exit(struct net *net)
{
	struct manycast_net *mnet = manycast_net(net);

	manycast_server_unhook(mnet);
	manycast_services_flush(mnet);
}

/* A grace period after pre_exit; devices are gone, and so are packets. */
static void __net_exit manycast_net_exit(struct net *net)
{
	struct manycast_net *mnet = manycast_net(net);

	manycast_flows_exit(mnet);
	manycast_server_exit(mnet);
	manycast_pins_exit(mnet);
	manycast_handshakes_exit(mnet);
	manycast_calendars_exit(mnet);
	manycast_health_exit(mnet);
	manycast_instances_exit(mnet);
	manycast_dsts_exit(mnet);
	manycast_net_put(mnet);
}

static struct pernet_operations manycast_net_ops = {
	.init		= manycast_net_init,
	.pre_exit	= manycast_net_pre_exit,
	.exit		= manycast_net_exit,
	.id		= &manycast_net_id,
	.size		= sizeof(struct manycast_net *),
};

static int __init manycast_init(void)
{
	int err;

	manycast_wq = alloc_workqueue("seg6_manycast", WQ_UNBOUND, 0);
	if (!manycast_wq)
		return -ENOMEM;
	err = register_pernet_subsys(&manycast_net_ops);
	if (err)
		goto workqueue;
	err = manycast_netlink_register();
	if (err)
		goto pernet;
	err = manycast_behaviors_register();
	if (err)
		goto netlink;
	return 0;
netlink:
	manycast_netlink_unregister();
pernet:
	unregister_pernet_subsys(&manycast_net_ops);
workqueue:
	destroy_workqueue(manycast_wq);
	return err;
}

static void __exit manycast_exit(void)
{
	manycast_behaviors_unregister();
	manycast_netlink_unregister();
	unregister_pernet_subsys(&manycast_net_ops);
	destroy_workqueue(manycast_wq);
	/* Callbacks that free what was just let go, and those that these
	 * queue: an instance lets its service go.
	 */
	rcu_barrier();
	rcu_barrier();
	rcu_barrier();
}

module_init(manycast_init);
module_exit(manycast_exit);

MODULE_DESCRIPTION("M-Anycast: SRv6 behaviours that choose a TCP server by its SYN-ACK");
MODULE_AUTHOR("M-Anycast for Linux contributors");
MODULE_LICENSE("GPL");
