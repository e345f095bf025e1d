// SPDX-License-Identifier: GPL-2.0
/* Flows of unaware clients at the selector: the tombstone of a flow's handshake
 * is found by its 4-tuple, too, since what the client sends after its SYN comes
 * here as long as there is one.
 */

#include <linux/rhashtable.h>

#include "handshake.h"
#include "main.h"
#include "opening.h"
#include "packet.h"

static const struct rhashtable_params opening_params = {
	.head_offset	= offsetof(struct manycast_handshake, opening_node),
	.key_offset	= offsetof(struct manycast_handshake, key),
	.key_len	= MANYCAST_TUPLE_LEN,
	.hashfn		= manycast_tuple_hash,
	.obj_cmpfn	= manycast_tuple_differs,
	.automatic_shrinking = true,
};

/**
 * manycast_opening_add() - from now on a 4-tuple belongs to this handshake
 * @mnet:	the namespace
 * @hs:		the handshake; its winner is set
 *
 * Context: RCU, the handshake's lock held.
 */
void manycast_opening_add(struct manycast_net *mnet,
			  struct manycast_handshake *hs)
{
	struct manycast_handshake *old;

	old = rhashtable_lookup_get_insert_fast(&mnet->openings,
						&hs->opening_node,
						opening_params);
	/* On an error, and when the old one leaves right now, the flow is not
	 * found: its packets are hunted for or dropped, and counted.
	 */
	if (!IS_ERR_OR_NULL(old))
		rhashtable_replace_fast(&mnet->openings, &old->opening_node,
					&hs->opening_node, opening_params);
}

/**
 * manycast_opening_del() - a handshake ends
 * @mnet:	the namespace
 * @hs:		the handshake; it need not be there
 *
 * Context: RCU.
 */
void manycast_opening_del(struct manycast_net *mnet,
			  struct manycast_handshake *hs)
{
	rhashtable_remove_fast(&mnet->openings, &hs->opening_node,
			       opening_params);
}

/**
 * manycast_opening_find() - look an unaware client's flow up
 * @mnet:	the namespace
 * @key:	the flow; its ISN does not matter
 *
 * Context: RCU.
 * Return: the flow's tombstone, its winner is set; or NULL.
 */
struct manycast_handshake *
manycast_opening_find(struct manycast_net *mnet,
		      const struct manycast_key *key)
{
	return rhashtable_lookup(&mnet->openings, key, opening_params);
}

/**
 * manycast_openings_init() - a namespace begins
 * @mnet:	our part of it
 *
 * Return: 0 or a negative error.
 */
int manycast_openings_init(struct manycast_net *mnet)
{
	return rhashtable_init(&mnet->openings, &opening_params);
}

/**
 * manycast_openings_exit() - the namespace is gone
 * @mnet:	our part of it, without any handshake
 */
void manycast_openings_exit(struct manycast_net *mnet)
{
	rhashtable_destroy(&mnet->openings);
}
