/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_LISTENER_H
#define _SEG6_MANYCAST_LISTENER_H

#include <linux/in6.h>
#include <linux/rhashtable.h>

#include "stats.h"

struct manycast_net;
struct sock;

#define MANYCAST_LISTENERS_MAX	1024

/* Nothing was told: the fill of the accept queue alone is the load. */
#define MANYCAST_LOAD_AUTO	U32_MAX

/**
 * struct manycast_endpoint - where a service listens
 * @addr:	its address
 * @port:	its port
 * @pad:	zero: this is hashed as bytes
 */
struct manycast_endpoint {
	struct in6_addr addr;
	__be16 port;
	__be16 pad;
};

/**
 * struct manycast_listener - a service under selection on this host
 * @node:	in manycast_net.listeners
 * @rcu:	frees
 * @at:		key
 * @load:	per mille, told by netlink, or MANYCAST_LOAD_AUTO
 * @stats:	enum seg6_manycast_listener_stat
 */
struct manycast_listener {
	struct rhash_head node;
	struct rcu_head rcu;
	struct manycast_endpoint at;
	u32 load;
	struct manycast_stats __percpu *stats;
};

int manycast_listeners_init(struct manycast_net *mnet);
void manycast_listeners_exit(struct manycast_net *mnet);
struct manycast_listener *
manycast_listener_find(struct manycast_net *mnet,
		       const struct manycast_endpoint *at);
struct manycast_listener *
manycast_listener_get(struct manycast_net *mnet,
		      const struct manycast_endpoint *at, gfp_t gfp);
bool manycast_listener_del(struct manycast_net *mnet,
			   const struct manycast_endpoint *at);
u32 manycast_listener_load(const struct manycast_listener *l,
			   const struct sock *sk);

#endif /* _SEG6_MANYCAST_LISTENER_H */
