/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_FLOW_H
#define _SEG6_MANYCAST_FLOW_H

#include <linux/rhashtable.h>
#include <linux/spinlock.h>

#include "addr.h"
#include "age.h"
#include "packet.h"
#include "srh.h"

struct manycast_net;

#define MANYCAST_FLOW_LIMIT	65536

/**
 * struct manycast_way - a server that accepted a flow
 * @rcu:	frees
 * @isn:	the attempt that it accepted
 * @synack_isn:	its initial sequence number
 * @acked:	the client has acknowledged it
 * @path:	segment list of packet 5: seg[0] is the server's SID, the
 *		active one where the client's packets go first
 */
struct manycast_way {
	struct rcu_head rcu;
	u32 isn;
	u32 synack_isn;
	bool acked;
	struct manycast_path path;
};

/**
 * enum manycast_flow_state - of a flow at the edge
 * @MANYCAST_FLOW_OPENING:	the client has not acknowledged a SYN-ACK
 * @MANYCAST_FLOW_OPEN:		it has
 * @MANYCAST_FLOW_CLOSING:	it has sent a FIN
 * @MANYCAST_FLOW_RESET:	a RST was seen
 */
enum manycast_flow_state {
	MANYCAST_FLOW_OPENING,
	MANYCAST_FLOW_OPEN,
	MANYCAST_FLOW_CLOSING,
	MANYCAST_FLOW_RESET,
};

#define MANYCAST_FLOW_STATES	(MANYCAST_FLOW_RESET + 1)

/**
 * enum manycast_flow_place - what a flow counts for when there is no room
 * @MANYCAST_PLACE_OPENING:	may never complete its handshake
 * @MANYCAST_PLACE_OPEN:	has
 * @MANYCAST_PLACE_OVER:	has been closed by its client, or reset
 */
enum manycast_flow_place {
	MANYCAST_PLACE_OPENING,
	MANYCAST_PLACE_OPEN,
	MANYCAST_PLACE_OVER,
};

#define MANYCAST_FLOW_PLACES	(MANYCAST_PLACE_OVER + 1)

/**
 * struct manycast_flow - one of our clients' connections
 * @node:	in manycast_net.flows
 * @age:	in manycast_net.flow_list, at @place, under its flow_lock
 * @place:	enum manycast_flow_place, under the same and under @lock
 * @rcu:	frees
 * @lock:	protects what follows, but for the 4-tuple, which stays
 * @state:	enum manycast_flow_state
 * @key:	4-tuple, and the ISN of the latest attempt
 * @given_up:	ISN of the attempt before it
 * @way:	its server, NULL until known
 * @rival:	another server that accepted before the client's ACK, or NULL
 * @servers:	SIDs that may become @way; length 0: any
 */
struct manycast_flow {
	struct rhash_head node;
	struct manycast_age age;
	struct rcu_head rcu;
	u8 place;
	spinlock_t lock; /* what follows, but for the 4-tuple */
	u8 state;
	struct manycast_key key;
	u32 given_up;
	struct manycast_way __rcu *way;
	struct manycast_way __rcu *rival;
	struct manycast_prefix servers;
};

/**
 * enum manycast_learnt - what a SYN-ACK means to a flow
 * @MANYCAST_LEARNT_NEW:	the first: deliver
 * @MANYCAST_LEARNT_AGAIN:	of the same server: deliver
 * @MANYCAST_LEARNT_RIVAL:	of another server, the client decides: deliver
 * @MANYCAST_LEARNT_LOSER:	the client has decided: reset that server
 * @MANYCAST_LEARNT_NOTHING:	no memory, another attempt, or of a server that
 *				the client has just reset: drop
 */
enum manycast_learnt {
	MANYCAST_LEARNT_NEW,
	MANYCAST_LEARNT_AGAIN,
	MANYCAST_LEARNT_RIVAL,
	MANYCAST_LEARNT_LOSER,
	MANYCAST_LEARNT_NOTHING,
};

int manycast_flows_init(struct manycast_net *mnet);
void manycast_flows_exit(struct manycast_net *mnet);
struct manycast_flow *manycast_flow_find(struct manycast_net *mnet,
					 const struct manycast_key *key);
struct manycast_flow *
manycast_flow_syn(struct manycast_net *mnet, const struct manycast_key *key,
		  const struct manycast_prefix *servers, u32 limit);
bool manycast_flow_allows(struct manycast_flow *flow,
			  const struct manycast_path *path);
bool manycast_flow_attempts(struct manycast_flow *flow, u32 isn);
struct manycast_way *manycast_flow_way(const struct manycast_flow *flow,
				       const struct in6_addr *sid);
enum manycast_learnt manycast_flow_learn(struct manycast_flow *flow, u32 isn,
					 const struct manycast_path *path,
					 u32 synack_isn);
struct manycast_way *manycast_flow_out(struct manycast_net *mnet,
				       struct manycast_flow *flow,
				       const struct manycast_tcp *tcp,
				       struct manycast_way **loser);
bool manycast_flow_refused(struct manycast_net *mnet,
			   struct manycast_flow *flow, u32 isn,
			   const struct in6_addr *sid);

#endif /* _SEG6_MANYCAST_FLOW_H */
