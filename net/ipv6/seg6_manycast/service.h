/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_SERVICE_H
#define _SEG6_MANYCAST_SERVICE_H

#include <linux/in6.h>
#include <linux/percpu-refcount.h>
#include <linux/rhashtable.h>
#include <linux/seg6_manycast.h>
#include <linux/siphash.h>
#include <linux/spinlock.h>

#include "contest.h"
#include "health.h"
#include "histogram.h"
#include "main.h"
#include "metric.h"
#include "period.h"
#include "srh.h"

struct manycast_backend;
struct manycast_calendar;
struct manycast_key;
struct netlink_ext_ack;

/**
 * struct manycast_settings - what an administrator sets of a service
 * @sid:	the selector's own SID
 * @policy:	by what SYN-ACKs are rated
 * @candidates:	how those who are asked are chosen
 * @fanout:	copies of a SYN
 * @quorum:	SYN-ACKs that decide; 0: of all that were asked
 * @hold:	milliseconds to wait for more after the first SYN-ACK
 * @timeout:	milliseconds until a handshake ends
 * @tombstone:	milliseconds for which a winner is remembered
 * @limit:	handshakes and tombstones at most
 * @rate:	replicated SYNs per second, 0: no limit
 * @ioam_ns:	IOAM namespace of the trace
 * @ioam_nodes:	nodes that the trace has room for, 0: no trace
 * @coef:	of policy weighted
 * @key:	secret of the hash
 * @slots:	entries of the hashers' table, a prime
 * @affinity:	how unaware clients' packets find their server
 * @pins:	connections that may be pinned
 * @fails:	races in a row without an answer that make a suspect, 0: none do
 * @probe:	one race in so many asks a suspect, too; 0: none does
 * @mark:	per cent of its capacity that a tier may use while there is
 *		another
 * @mode:	how candidates are asked
 * @rhythm:	how time is divided into periods; their length and the width of
 *		their numbers stay once there is a calendar
 * @damping:	periods that an instance keeps getting at least
 * @threshold:	by how much another metric has to be better
 * @metrics:	what the instance of a period is chosen by
 * @rcu:	frees
 *
 * Replaced as a whole, never changed.
 */
struct manycast_settings {
	struct in6_addr sid;
	enum seg6_manycast_policy policy;
	enum seg6_manycast_candidates candidates;
	u32 fanout;
	u32 quorum;
	u32 hold;
	u32 timeout;
	u32 tombstone;
	u32 limit;
	u32 rate;
	u16 ioam_ns;
	u8 ioam_nodes;
	struct manycast_coef coef;
	siphash_key_t key;
	u32 slots;
	enum seg6_manycast_affinity affinity;
	u32 pins;
	u32 fails;
	u32 probe;
	u32 mark;
	enum seg6_manycast_mode mode;
	struct manycast_rhythm rhythm;
	u32 damping;
	u32 threshold;
	enum seg6_manycast_metrics metrics;
	struct rcu_head rcu;
};

/**
 * struct manycast_role - what part an instance has in its service
 * @weight:	share of new handshakes, 0 when drained
 * @tier:	who is in a smaller one is asked first
 * @state:	what has been said of its health; races know more of those who
 *		are not down
 */
struct manycast_role {
	u32 weight;
	u8 tier;
	enum seg6_manycast_state state;
};

/**
 * struct manycast_instance - a server, known by its SID
 * @ref:	held by the service while configured, by handshakes, and by the
 *		periods that it has
 * @rcu:	frees
 * @service:	whose it is; outlives it
 * @list:	in manycast_service.instances, under manycast_net.lock
 * @source_node: in manycast_net.sources
 * @sid_node:	in manycast_net.sids
 * @source:	where its answers come from: the SID, or attribute ADDR
 * @path:	seg[0] is the SID, its waypoints follow, last one first; the
 *		active segment is where packets to it go first
 * @role:	under manycast_net.lock
 * @last_weight: what it was before it was drained, so that ranks stay
 * @place:	its index in its tier's published pool; under manycast_net.lock
 * @remote:	another site's selector: its answers name their server
 * @bid_id:	manycast_bid_id()
 * @metrics:	by which periods it gets
 * @health:	whether it answers
 * @told:	enum seg6_manycast_state as of the last event; under
 *		manycast_net.lock
 * @stats:	enum seg6_manycast_instance_stat
 * @rtt:	microseconds, smoothed; 0 until measured
 * @residence:	microseconds, smoothed; 0 until measured
 * @load:	per mille, last report, or MANYCAST_IOAM_UNAVAILABLE
 * @load_time:	jiffies of that report
 * @rtts:	all round-trip times, not smoothed
 */
struct manycast_instance {
	struct percpu_ref ref;
	struct rcu_head rcu;
	struct manycast_service *service;
	struct list_head list;
	struct rhlist_head source_node;
	struct rhlist_head sid_node;
	struct in6_addr source;
	struct manycast_path path;
	struct manycast_role role;
	u32 last_weight;
	u16 place;
	bool remote;
	u64 bid_id;
	struct manycast_metrics metrics;
	struct manycast_health health;
	u32 told;
	struct manycast_stats __percpu *stats;
	u32 rtt;
	u32 residence;
	u32 load;
	unsigned long load_time;
	struct manycast_histogram rtts;
};

static inline const struct in6_addr *
manycast_sid(const struct manycast_instance *inst)
{
	return &inst->path.seg[0];
}

/**
 * struct manycast_pool - the instances of a tier as packets see them
 * @rcu:	frees; used in the first tier's, for all of them
 * @next:	the next tier's, or NULL
 * @tier:	its number
 * @remote:	some of them are other sites' selectors
 * @rank:	MANYCAST_RANK_ROWS rows of @ranks indices, for candidates hash;
 *		else NULL
 * @ranks:	length of a row
 * @key:	of the hashes of SIDs that @rank is made of
 * @front:	@slots indices, where a hasher uses the service; else NULL
 * @slots:	entries of @front
 * @cumulated:	sums of weights, see manycast_pick_one()
 * @n:		instances to be asked
 * @suspects:	those who left races unanswered
 * @all:	both, and those without a weight, who may still be hunted for
 * @load:	per mille, of those to be asked
 * @load_time:	jiffies when it was summed up
 * @instance:	those to be asked, suspects, and those without a weight; each
 *		of these sorted by the hash of their SIDs
 *
 * Built anew for every change and published by RCU. Instances stay valid for
 * readers: they are freed a grace period after they left the pool.
 */
struct manycast_pool {
	struct rcu_head rcu;
	struct manycast_pool *next;
	u8 tier;
	bool remote;
	u16 *rank;
	unsigned int ranks;
	siphash_key_t key;
	u16 *front;
	unsigned int slots;
	u32 *cumulated;
	unsigned int n;
	unsigned int suspects;
	unsigned int all;
	u32 load;
	unsigned long load_time;
	struct manycast_instance *instance[];
};

/**
 * struct manycast_service - a service and its servers
 * @ref:	held by configuration, routes and handshakes
 * @rcu:	frees
 * @list:	in manycast_net.services, under manycast_net.lock
 * @mnet:	the namespace; holds a reference
 * @name:	unique in the namespace
 * @settings:	never NULL while reachable
 * @pool:	of the first tier; NULL while there is no instance
 * @unhealthy:	the health of some instance has changed since the pool was built
 * @instances:	all, in the order of configuration; under manycast_net.lock
 * @instance_count:	entries of @instances
 * @front:	some route has or had H.MAnycast.Hash with it: the pool needs
 *		the hashers' table; under manycast_net.lock
 * @calendar:	who has which period; NULL until somebody asks; under
 *		manycast_net.lock, but for routes, which have asked
 * @routes:	routes that refer to it
 * @open:	handshakes and tombstones
 * @pin_lock:	protects the pins' lists and their count
 * @pins_open:	pins, roughly by last use
 * @pins_over:	likewise, of connections that their clients have ended
 * @pin_count:	entries of both
 * @pin_over:	entries of the latter
 * @tat:	nanoseconds: when the next replication would be on time, for
 *		the rate limit
 * @full_tat:	nanoseconds: likewise for telling that there are too many
 *		handshakes
 * @asked:	fingerprints of flows whose server has been asked to tell of
 *		them
 * @stats:	enum seg6_manycast_service_stat
 */
struct manycast_service {
	struct percpu_ref ref;
	struct rcu_head rcu;
	struct list_head list;
	struct manycast_net *mnet;
	char name[SEG6_MANYCAST_NAME_MAX];
	struct manycast_settings __rcu *settings;
	struct manycast_pool __rcu *pool;
	unsigned long unhealthy;
	struct list_head instances;
	unsigned int instance_count;
	bool front;
	struct manycast_calendar *calendar;
	atomic_t routes;
	atomic_t open;
	spinlock_t pin_lock; /* both lists and their counts */
	struct list_head pins_open;
	struct list_head pins_over;
	unsigned int pin_count;
	unsigned int pin_over;
	atomic64_t tat;
	atomic64_t full_tat;
	u32 *asked;
	struct manycast_stats __percpu *stats;
};

/* Can it be known later who was asked? Of candidates hash alone. Under RCU. */
static inline bool manycast_pool_hunts(const struct manycast_pool *pool)
{
	return pool && pool->rank;
}

/* A writer's view of the settings: manycast_net.lock is held. */
static inline const struct manycast_settings *
manycast_settings(const struct manycast_service *svc)
{
	return rcu_dereference_protected(svc->settings,
					 lockdep_is_held(&svc->mnet->lock));
}

/* Indices of the pool are 16 bits, one value means "empty". */
#define MANYCAST_INSTANCES_MAX	4096

extern const struct manycast_settings manycast_settings_default;

void manycast_services_flush(struct manycast_net *mnet);

struct manycast_service *manycast_service_find(struct manycast_net *mnet,
					       const char *name);
struct manycast_service *
manycast_service_add(struct manycast_net *mnet, const char *name,
		     const struct manycast_settings *settings,
		     struct netlink_ext_ack *extack);
int manycast_service_set(struct manycast_service *svc,
			 const struct manycast_settings *settings,
			 struct netlink_ext_ack *extack);
int manycast_service_del(struct manycast_service *svc,
			 struct netlink_ext_ack *extack);
struct manycast_service *manycast_service_attach(struct manycast_net *mnet,
						 const char *name,
						 struct netlink_ext_ack *ea);
void manycast_service_detach(struct manycast_service *svc);

int manycast_pool_update(struct manycast_service *svc,
			 const struct manycast_settings *settings,
			 struct netlink_ext_ack *extack);
void manycast_pool_clear(struct manycast_service *svc);
int manycast_pool_rank(struct manycast_pool *pool,
		       const struct manycast_backend *backend,
		       const struct manycast_pool *old);

int manycast_instances_init(struct manycast_net *mnet);
void manycast_instances_exit(struct manycast_net *mnet);
void manycast_instance_unlink(struct manycast_instance *inst);
struct manycast_instance *
manycast_instance_find(const struct manycast_service *svc,
		       const struct in6_addr *sid);
struct manycast_instance *
manycast_instance_add(struct manycast_service *svc,
		      const struct manycast_path *path,
		      const struct in6_addr *source,
		      const struct manycast_role *role, bool remote,
		      struct netlink_ext_ack *extack);
int manycast_instance_set(struct manycast_instance *inst,
			  const struct manycast_role *role,
			  struct netlink_ext_ack *extack);
int manycast_instance_del(struct manycast_instance *inst,
			  struct netlink_ext_ack *extack);
struct manycast_instance *
manycast_instance_by_source(struct manycast_net *mnet,
			    const struct manycast_service *svc,
			    const struct in6_addr *source);
u32 manycast_instance_load(const struct manycast_instance *inst);
struct manycast_instance *
manycast_instance_by_sid(struct manycast_net *mnet, const struct in6_addr *sid,
			 bool (*meant)(const struct manycast_instance *inst,
				       const void *arg), const void *arg);
struct manycast_instance *
manycast_instance_where(struct manycast_net *mnet,
			const struct in6_addr *source,
			bool (*wanted)(const struct manycast_service *svc,
				       const struct manycast_key *key),
			const struct manycast_key *key);
void manycast_instance_told(struct manycast_instance *inst, u32 load);
void manycast_instance_measured(struct manycast_instance *inst, u32 rtt,
				const struct manycast_telemetry *tm);

#endif /* _SEG6_MANYCAST_SERVICE_H */
