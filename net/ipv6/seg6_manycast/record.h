/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_RECORD_H
#define _SEG6_MANYCAST_RECORD_H

#include <linux/hash.h>
#include <linux/rhashtable.h>

#include "main.h"
#include "packet.h"

/* A handshake that nobody completes lives for the SYN-ACK's repetitions, 63
 * seconds by default; so many may begin in that time before the oldest is
 * forgotten.
 */
#define MANYCAST_RECORDS_MAX	65536

/* Slots of manycast_net.record_isns: with 256 handshakes in the last minute, a
 * 16th of the segments has a closer look taken at it.
 */
#define MANYCAST_RECORD_ISN_BITS	12

/**
 * struct manycast_record - a SYN that came through End.MAnycast.S
 * @node:	in manycast_net.records
 * @list:	in manycast_net.record_fifo
 * @rcu:	frees
 * @key:	what it is about
 * @expiry:	jiffies; the end of the SYN-ACK's repetitions
 * @source:	our SID, the outer source of the answer
 * @back:	segment list of the answer
 * @synack_isn:	the server's initial sequence number; under record_lock
 * @answered:	@synack_isn is known; under record_lock
 * @acked:	the client has acknowledged it; written under record_lock
 * @hbh_len:	octets of @hbh, 0 without a trace
 * @hbh:	the SYN's Hop-by-Hop header, with our entry for its arrival
 */
struct manycast_record {
	struct rhash_head node;
	struct list_head list;
	struct rcu_head rcu;
	struct manycast_key key;
	unsigned long expiry;
	struct in6_addr source;
	struct manycast_path back;
	u32 synack_isn;
	bool answered;
	bool acked;
	u16 hbh_len;
	u8 hbh[];
};

/* How many records have such an ISN. */
static inline u32 *manycast_record_isn(struct manycast_net *mnet, u32 isn)
{
	return &mnet->record_isns[hash_32(isn, MANYCAST_RECORD_ISN_BITS)];
}

/* Can there be a record? Each segment of a client may be the one that follows
 * its SYN, and few are: this tells without a look into the table.
 */
static inline bool manycast_record_expected(struct manycast_net *mnet, u32 isn)
{
	return READ_ONCE(*manycast_record_isn(mnet, isn));
}

int manycast_records_init(struct manycast_net *mnet);
void manycast_records_exit(struct manycast_net *mnet);
int manycast_records_prepare(struct manycast_net *mnet);
struct manycast_record *manycast_record_find(struct manycast_net *mnet,
					     const struct manycast_key *key);
int manycast_record_add(struct manycast_net *mnet, struct manycast_record *rec);
void manycast_record_answered(struct manycast_net *mnet,
			      struct manycast_record *rec, u32 isn);
void manycast_record_acked(struct manycast_net *mnet,
			   struct manycast_record *rec, u32 ack);
void manycast_record_del(struct manycast_net *mnet,
			 struct manycast_record *rec);

#endif /* _SEG6_MANYCAST_RECORD_H */
