/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_PACKET_H
#define _SEG6_MANYCAST_PACKET_H

#include <linux/ipv6.h>
#include <linux/jhash.h>
#include <linux/rhashtable-types.h>
#include <linux/skbuff.h>
#include <net/ipv6.h>

#include "srh.h"
#include "tcp.h"

struct manycast_net;
struct manycast_route;
struct manycast_service;
struct manycast_tuple;

/* RFC 8754 section 8.3: SR Upper-layer Header Error. */
#define MANYCAST_ICMPV6_SR_UPPER	4

/**
 * struct manycast_key - a client's attempt to connect
 * @client:	its address
 * @service:	the anycast address
 * @sport:	the client's port
 * @dport:	the service's port
 * @isn:	the client's initial sequence number
 *
 * Without padding, so that it can be hashed and compared as bytes.
 */
struct manycast_key {
	struct in6_addr client;
	struct in6_addr service;
	__be16 sport;
	__be16 dport;
	u32 isn;
};

/* The 4-tuple: what of the key comes before the ISN. */
#define MANYCAST_TUPLE_LEN	offsetof(struct manycast_key, isn)

/**
 * manycast_tuple_equal() - are two attempts of one flow?
 * @a:	the one
 * @b:	the other
 *
 * For hash tables, whose own functions do not know the length.
 *
 * Return: whether addresses and ports are the same; ISNs do not matter.
 */
static inline bool manycast_tuple_equal(const struct manycast_key *a,
					const struct manycast_key *b)
{
	return ipv6_addr_equal(&a->client, &b->client) &&
	       ipv6_addr_equal(&a->service, &b->service) &&
	       a->sport == b->sport && a->dport == b->dport;
}

/**
 * manycast_hash() - hash an attempt for a table
 * @key:	addresses and ports
 * @isn:	the ISN, or the same for all where it does not matter
 * @seed:	of the table
 *
 * The service address may be folded: it is not the client's to choose.
 *
 * Return: the hash.
 */
static inline u32 manycast_hash(const struct manycast_key *key, u32 isn,
				u32 seed)
{
	seed = jhash2((__force const u32 *)key->client.s6_addr32, 4, seed);
	return jhash_3words(ipv6_addr_hash(&key->service),
			    (__force u32)key->sport << 16 |
			    (__force u32)key->dport, isn, seed);
}

/* As rhashtable wants them: of a whole key, and without its ISN. */
static inline u32 manycast_key_hash(const void *key, u32 len, u32 seed)
{
	const struct manycast_key *k = key;

	return manycast_hash(k, k->isn, seed);
}

static inline u32 manycast_tuple_hash(const void *tuple, u32 len, u32 seed)
{
	return manycast_hash(tuple, 0, seed);
}

/* Likewise, whether a key and an object's differ. */
static inline int manycast_tuple_differs(struct rhashtable_compare_arg *arg,
					 const void *obj)
{
	return !manycast_tuple_equal(arg->key, obj + arg->ht->p.key_offset);
}

static inline int manycast_key_differs(struct rhashtable_compare_arg *arg,
				       const void *obj)
{
	const struct manycast_key *key = obj + arg->ht->p.key_offset;
	const struct manycast_key *wanted = arg->key;

	return wanted->isn != key->isn || !manycast_tuple_equal(wanted, key);
}

/**
 * struct manycast_packet - where things are in a received packet
 * @hbh:	offset of the outer Hop-by-Hop header, 0 for none
 * @hbh_len:	its length
 * @srh:	offset of the outer SRH, 0 for none
 * @bad:	offset of what an error about the routing header points at
 * @inner:	offset of the encapsulated IPv6 header, 0 for a bare packet
 * @nhoff:	offset of the Next Header field that tells @proto
 * @upper:	offset of the innermost header
 * @proto:	protocol of that header
 * @tcp:	read from it, when @proto is IPPROTO_TCP
 *
 * Offsets count from skb_network_header() and survive a reallocation. Headers
 * up to and with @tcp.doff octets of TCP lie in the linear part.
 */
struct manycast_packet {
	unsigned int hbh;
	unsigned int hbh_len;
	unsigned int srh;
	unsigned int bad;
	unsigned int inner;
	unsigned int nhoff;
	unsigned int upper;
	u8 proto;
	struct manycast_tcp tcp;
};

static inline void *manycast_at(const struct sk_buff *skb, unsigned int off)
{
	return skb_network_header(skb) + off;
}

static inline struct ipv6hdr *manycast_inner(const struct sk_buff *skb,
					     const struct manycast_packet *pkt)
{
	return manycast_at(skb, pkt->inner);
}

static inline struct ipv6_sr_hdr *
manycast_srh(const struct sk_buff *skb, const struct manycast_packet *pkt)
{
	return pkt->srh ? manycast_at(skb, pkt->srh) : NULL;
}

int manycast_packet_read(struct sk_buff *skb, struct manycast_packet *pkt);
int manycast_packet_receive(const struct manycast_route *route,
			    struct sk_buff *skb, struct manycast_packet *pkt);
void manycast_key_of_client(const struct sk_buff *skb,
			    const struct manycast_packet *pkt, u32 isn,
			    struct manycast_key *key);
void manycast_key_of_server(const struct sk_buff *skb,
			    const struct manycast_packet *pkt,
			    struct manycast_key *key);
int manycast_tuple_of(struct sk_buff *skb, unsigned int offset,
		      struct manycast_tuple *tuple);
void manycast_tuple_glance(const struct sk_buff *skb,
			   struct manycast_tuple *tuple);
u32 manycast_flow_hash(const struct manycast_key *key);
int manycast_decap(struct sk_buff *skb, const struct manycast_packet *pkt);
bool manycast_hop(struct manycast_net *mnet, struct sk_buff *skb);
int manycast_deliver(struct manycast_net *mnet, struct sk_buff *skb, u32 table);
int manycast_drop(struct manycast_net *mnet, struct sk_buff *skb,
		  unsigned int stat);
int manycast_drop_of(struct manycast_service *svc, struct sk_buff *skb,
		     unsigned int stat);
const char *manycast_drop_name(const struct manycast_service *svc,
			       unsigned int stat);
int manycast_drop_error(struct manycast_net *mnet, struct sk_buff *skb,
			int err);
int manycast_drop_srh(struct manycast_net *mnet, struct sk_buff *skb,
		      const struct manycast_packet *pkt);
int manycast_drop_upper(struct manycast_net *mnet, struct sk_buff *skb,
			const struct manycast_packet *pkt);

#endif /* _SEG6_MANYCAST_PACKET_H */
