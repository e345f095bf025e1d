/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_HANDSHAKE_H
#define _SEG6_MANYCAST_HANDSHAKE_H

#include <linux/rhashtable.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

#include "race.h"

/**
 * enum manycast_state - what is known of an attempt
 * @MANYCAST_COLLECTING:	a race runs
 * @MANYCAST_DECIDED:		tombstone of a race: the winner's SYN-ACK went
 *				out, the others' are reset
 * @MANYCAST_ADOPTED:		tombstone without a race: a SYN-ACK was passed
 *				on, others' are too; a repeated SYN goes to its
 *				sender only
 * @MANYCAST_DEAD:		about to be freed
 */
enum manycast_state {
	MANYCAST_COLLECTING,
	MANYCAST_DECIDED,
	MANYCAST_ADOPTED,
	MANYCAST_DEAD,
};

/**
 * struct manycast_handshake - an attempt to connect, and its tombstone
 * @node:	in manycast_net.handshakes until dead
 * @opening_node: in manycast_net.openings, for an unaware client, once decided
 * @key:	what it is about
 * @lock:	protects @state, @race and its contents, @winner, @server
 * @state:	enum manycast_state
 * @edge:	the client's edge; :: for an unaware client
 * @race:	NULL once decided
 * @winner:	holds a reference; NULL while a race runs
 * @server:	where its server is, if it is another site's selector and
 *		there was memory for it; else NULL
 * @synack_isn:	its initial sequence number
 * @service:	holds a reference
 * @expiry:	ends the race after `timeout`, then the tombstone; both are so
 *		long that a jiffy does not matter
 * @rcu:	frees
 */
struct manycast_handshake {
	struct rhash_head node;
	struct rhash_head opening_node;
	struct manycast_key key;
	spinlock_t lock; /* @state, @race, @winner */
	u8 state;
	struct in6_addr edge;
	struct manycast_race *race;
	struct manycast_instance *winner;
	struct manycast_path *server;
	u32 synack_isn;
	struct manycast_service *service;
	struct timer_list expiry;
	struct rcu_head rcu;
};

/**
 * struct manycast_outcome - packets that a transition of a handshake calls for
 * @relay:	SYN-ACK or RST for the client, as it arrived, or NULL
 * @relay_pkt:	where things are in it
 * @from:	who sent @relay
 * @loser:	each is due a RST
 * @losers:	how many
 * @event:	enum seg6_manycast_cmd: what there is to tell, or 0
 * @rtt:	microseconds to the SYN-ACK that has won; of SELECTED
 *
 * Collected under the handshake's lock, sent after it. Instances are valid
 * under RCU.
 */
struct manycast_outcome {
	struct sk_buff *relay;
	struct manycast_packet relay_pkt;
	struct manycast_instance *from;
	struct manycast_instance *loser[SEG6_MANYCAST_FANOUT_MAX];
	unsigned int losers;
	u8 event;
	u32 rtt;
};

int manycast_handshakes_init(struct manycast_net *mnet);
void manycast_handshakes_exit(struct manycast_net *mnet);

struct manycast_handshake *
manycast_handshake_find(struct manycast_net *mnet,
			const struct manycast_key *key);
struct manycast_handshake *
manycast_handshake_begin(struct manycast_service *svc,
			 const struct manycast_settings *settings,
			 const struct manycast_key *key,
			 const struct in6_addr *edge,
			 struct manycast_instance **cand, unsigned int *n,
			 struct manycast_handshake **found);
void manycast_handshake_passed_on(struct manycast_handshake *hs,
				  struct manycast_instance *inst,
				  const struct manycast_key *key,
				  const struct in6_addr *edge);
unsigned int manycast_handshake_ask_again(struct manycast_handshake *hs,
					  struct manycast_instance **ask);

/* The state of a handshake that was not raced for does not change but to DEAD.
 */
static inline bool
manycast_handshake_adopted(const struct manycast_handshake *hs)
{
	return READ_ONCE(hs->state) == MANYCAST_ADOPTED;
}

/* Where packets of a decided handshake's connection go. */
static inline const struct manycast_path *
manycast_handshake_path(const struct manycast_handshake *hs)
{
	return hs->server ?: &hs->winner->path;
}

bool manycast_handshake_synack(struct manycast_handshake *hs,
			       struct sk_buff *skb,
			       const struct manycast_packet *pkt,
			       struct manycast_outcome *out);
bool manycast_handshake_rst(struct manycast_handshake *hs, struct sk_buff *skb,
			    const struct manycast_packet *pkt,
			    struct manycast_outcome *out);

#endif /* _SEG6_MANYCAST_HANDSHAKE_H */
