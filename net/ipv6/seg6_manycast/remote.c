// SPDX-License-Identifier: GPL-2.0
/* Sites: a selector takes another site's selector for a server, which sends on
 * what it gets; and is the other one's edge, which learns from its SYN-ACK what
 * server that is.
 */

#include <linux/slab.h>
#include <net/ipv6.h>

#include "handshake.h"
#include "main.h"
#include "remote.h"
#include "selector.h"
#include "service.h"
#include "steer.h"

/**
 * manycast_server_path() - where the server of a SYN-ACK is
 * @inst:	whose SYN-ACK it is
 * @skb:	the SYN-ACK as it arrived
 * @pkt:	where things are in it
 * @room:	for what is not configured
 *
 * The path to an instance is configured. Another site's selector says it: what
 * comes is its packet 4, where the server stands behind the edge, and that is
 * us.
 *
 * Context: RCU.
 * Return: its SID and waypoints, or NULL if they are not known.
 */
const struct manycast_path *
manycast_server_path(const struct manycast_instance *inst,
		     const struct sk_buff *skb,
		     const struct manycast_packet *pkt,
		     struct manycast_path *room)
{
	const struct ipv6_sr_hdr *srh = manycast_srh(skb, pkt);

	if (!inst->remote)
		return &inst->path;
	if (!srh || srh->segments_left || manycast_srh_read(srh, room) ||
	    room->n < 2)
		return NULL;
	room->n--;
	room->left = room->n - 1;
	room->tag = 0;
	memmove(room->seg, room->seg + 1, room->n * sizeof(room->seg[0]));
	return room;
}

/**
 * manycast_remote_path() - a copy of it to keep, since few have one
 * @inst:	whose SYN-ACK it is: another site's selector
 * @skb:	the SYN-ACK as it arrived
 * @pkt:	where things are in it
 *
 * Context: any.
 * Return: where its server is, for kfree(); NULL if that is not known, and
 * without memory.
 */
struct manycast_path *manycast_remote_path(const struct manycast_instance *inst,
					   const struct sk_buff *skb,
					   const struct manycast_packet *pkt)
{
	const struct manycast_path *path;
	struct manycast_path room;

	path = manycast_server_path(inst, skb, pkt, &room);
	return path ? kmemdup(path, sizeof(*path), GFP_ATOMIC) : NULL;
}

/* Under RCU; NULL while or unless there is one. */
static struct manycast_instance *winner_of(struct manycast_handshake *hs)
{
	struct manycast_instance *winner;

	spin_lock_bh(&hs->lock);
	winner = hs->state == MANYCAST_DECIDED ? hs->winner : NULL;
	spin_unlock_bh(&hs->lock);
	return winner;
}

/**
 * manycast_peer_rst() - another site's selector has chosen somebody else
 * @svc:	the service
 * @skb:	an encapsulated RST; taken over if it is one of these
 * @pkt:	where things are in it
 *
 * Its number is what follows the SYN's: it is about a handshake.
 *
 * Context: softirq, RCU.
 * Return: whether it is from the edge of a handshake of ours.
 */
bool manycast_peer_rst(struct manycast_service *svc, struct sk_buff *skb,
		       const struct manycast_packet *pkt)
{
	struct manycast_instance *winner;
	struct manycast_handshake *hs;
	struct manycast_key key;

	manycast_key_of_client(skb, pkt, pkt->tcp.seq - 1, &key);
	hs = manycast_handshake_find(svc->mnet, &key);
	if (!hs || hs->service != svc ||
	    !ipv6_addr_equal(&hs->edge, &ipv6_hdr(skb)->saddr))
		return false;
	winner = winner_of(hs);
	if (winner)
		manycast_selector_reset(&key, winner);
	manycast_stats_inc(svc->stats, SEG6_MANYCAST_SERVICE_STAT_FROM_PEER);
	consume_skb(skb);
	return true;
}

/**
 * manycast_peer_input() - another site's selector hunts for a connection
 * @svc:	the service
 * @skb:	an encapsulated packet of a client, neither SYN nor RST; taken
 *		over
 * @pkt:	where things are in it
 *
 * Context: softirq, RCU.
 * Return: 0, or a negative error after a counted drop.
 */
int manycast_peer_input(struct manycast_service *svc, struct sk_buff *skb,
			const struct manycast_packet *pkt)
{
	struct manycast_key key;
	int err;

	/* Edges send nothing here but SYNs. */
	if (!pkt->srh)
		return manycast_drop_upper(svc->mnet, skb, pkt);
	manycast_key_of_client(skb, pkt, pkt->tcp.seq, &key);
	err = manycast_decap(skb, pkt);
	if (err)
		return manycast_drop_error(svc->mnet, skb, err);
	manycast_stats_inc(svc->stats, SEG6_MANYCAST_SERVICE_STAT_FROM_PEER);
	return manycast_steer(svc, skb, pkt, &key, true);
}
