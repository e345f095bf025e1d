// SPDX-License-Identifier: GPL-2.0
/* A SYN that is offered to several candidates in turn: does this one take it?
 * Who has room below its mark does (Desmouceaux et al., "6LB", IEEE/ACM ToN
 * 26(2), 2018), and the last one is not asked.
 */

#include "hunt.h"
#include "ioam.h"
#include "listener.h"
#include "lwt.h"
#include "main.h"
#include "offer.h"
#include "record.h"

/**
 * manycast_offered() - is this a SYN that somebody else could take?
 * @skb:	a packet with Segments Left at a server's SID
 * @pkt:	where things are in it
 *
 * Return: whether it is.
 */
bool manycast_offered(const struct sk_buff *skb,
		      const struct manycast_packet *pkt)
{
	struct manycast_path path;

	return pkt->inner && pkt->proto == IPPROTO_TCP &&
	       manycast_tcp_is_syn(&pkt->tcp) &&
	       !manycast_srh_read(manycast_srh(skb, pkt), &path) &&
	       manycast_path_narrow(&path);
}

/* Nobody listens, or the queue is full to the mark; an agent's word counts. */
static bool has_room(struct manycast_net *mnet, const struct sk_buff *skb,
		     const struct manycast_packet *pkt, u32 mark)
{
	struct manycast_endpoint at = {
		.addr = manycast_inner(skb, pkt)->daddr,
		.port = pkt->tcp.dport,
	};
	struct sock *sk = manycast_listening(mnet->net, skb, pkt);

	return sk && manycast_listener_load(manycast_listener_find(mnet, &at),
					    sk) < mark;
}

/**
 * manycast_offer_taken() - does this server take the SYN?
 * @route:	the route that it took
 * @skb:	the SYN, still encapsulated
 * @pkt:	where things are in it
 *
 * A SYN that was taken is taken again, however full the queue is by now: two
 * servers would have its handshake otherwise.
 *
 * Context: softirq, RCU.
 * Return: whether it does.
 */
bool manycast_offer_taken(const struct manycast_route *route,
			  const struct sk_buff *skb,
			  const struct manycast_packet *pkt)
{
	struct manycast_net *mnet = route->mnet;
	struct manycast_key key;

	manycast_key_of_client(skb, pkt, pkt->tcp.seq, &key);
	return manycast_record_find(mnet, &key) ||
	       has_room(mnet, skb, pkt, route->mark ?: MANYCAST_MARK_DEFAULT);
}
