/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_ADDR_H
#define _SEG6_MANYCAST_ADDR_H

#include <linux/in6.h>
#include <linux/types.h>
#include <net/ipv6.h>

/* Is it a host's? Nobody is to be made to send to a group or to nobody. */
static inline bool manycast_unicast(const struct in6_addr *addr)
{
	return !ipv6_addr_any(addr) && !ipv6_addr_is_multicast(addr);
}

/**
 * struct manycast_prefix - addresses that are meant
 * @addr:	what they have in common, and then zeros
 * @len:	bits of it, 0..128
 *
 * Not struct seg6_manycast_prefix, which has 17 octets: an address in the
 * second of two is not aligned.
 */
struct manycast_prefix {
	struct in6_addr addr;
	u8 len;
};

/* Does an address lie in a prefix? Length 0 matches all. */
static inline bool manycast_prefix_match(const struct manycast_prefix *prefix,
					 const struct in6_addr *addr)
{
	return !prefix->len ||
	       ipv6_prefix_equal(&prefix->addr, addr, prefix->len);
}

static inline bool manycast_prefix_equal(const struct manycast_prefix *a,
					 const struct manycast_prefix *b)
{
	return a->len == b->len && ipv6_addr_equal(&a->addr, &b->addr);
}

#endif /* _SEG6_MANYCAST_ADDR_H */
