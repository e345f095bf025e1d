/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_TUPLE_H
#define _SEG6_MANYCAST_TUPLE_H

#include <linux/types.h>

#include "packet.h"

/**
 * struct manycast_tuple - what all packets of a flow have in common
 * @flow:	addresses and ports as the client sends them; ports are 0 where
 *		the addresses are all that counts, and the ISN always
 * @proto:	IPPROTO_TCP or IPPROTO_UDP, 0 without ports
 *
 * Without padding, so that it can be hashed as bytes.
 */
struct manycast_tuple {
	struct manycast_key flow;
	u32 proto;
};

unsigned int manycast_tuple_read(const void *data, unsigned int len,
				 struct manycast_tuple *tuple);

#endif /* _SEG6_MANYCAST_TUPLE_H */
