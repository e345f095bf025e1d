/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_QUOTE_H
#define _SEG6_MANYCAST_QUOTE_H

#include <linux/in6.h>
#include <linux/types.h>

#include "srh.h"
#include "tuple.h"

/**
 * struct manycast_quote - an encapsulated packet, as an ICMPv6 error quotes it
 * @saddr:	outer source
 * @daddr:	outer destination where the error arose
 * @flowlabel:	of the outer header
 * @proto:	what followed the outer header when the packet was sent
 * @len:	octets of the packet
 * @srh:	it has an SRH
 * @path:	its segment list, or @daddr as the only segment
 * @inner:	offset of the inner IP header
 * @inner_len:	octets of the inner packet
 * @silent:	nobody may be told of it: an ICMPv6 error itself, or IPv4
 * @tuple:	the inner IPv6 packet's flow, with a TCP segment's number as its
 *		ISN
 * @flags:	TCPHDR_* of that segment; else 0
 */
struct manycast_quote {
	struct in6_addr saddr;
	struct in6_addr daddr;
	__be32 flowlabel;
	u8 proto;
	unsigned int len;
	bool srh;
	struct manycast_path path;
	unsigned int inner;
	unsigned int inner_len;
	bool silent;
	struct manycast_tuple tuple;
	u8 flags;
};

int manycast_quote_read(const void *data, unsigned int len,
			struct manycast_quote *quote);
bool manycast_quote_took(const struct manycast_quote *quote,
			 const struct manycast_path *path);

#endif /* _SEG6_MANYCAST_QUOTE_H */
