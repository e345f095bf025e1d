// SPDX-License-Identifier: GPL-2.0
/* Which flow of which client an IPv4 packet to a service belongs to: bytes in,
 * a tuple out. There, the port is a part of the service's name, so that packets
 * without a port belong nowhere.
 */

#include <kunit/visibility.h>
#include <linux/errno.h>
#include <linux/icmp.h>
#include <linux/ip.h>
#include <linux/string.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "tuple4.h"

/* All of these begin with two ports. */
static bool has_ports(u8 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP ||
	       proto == IPPROTO_SCTP || proto == IPPROTO_DCCP ||
	       proto == IPPROTO_UDPLITE;
}

/* Errors about what a server has sent; echoes and the like are for hosts. */
static bool is_error(u8 type)
{
	return type == ICMP_DEST_UNREACH || type == ICMP_TIME_EXCEEDED ||
	       type == ICMP_PARAMETERPROB;
}

/* At @at, what follows an IPv4 header of this protocol. */
static int read_ports(const u8 *data, unsigned int len, unsigned int at,
		      const struct iphdr *ip, bool quoted,
		      struct manycast_tuple *tuple)
{
	const __be16 *port = (const __be16 *)(data + at);

	if (!has_ports(ip->protocol))
		return -EPROTONOSUPPORT;
	if (at + 2 * sizeof(*port) > len)
		return at + 2 * sizeof(*port);
	ipv6_addr_set_v4mapped(quoted ? ip->daddr : ip->saddr,
			       &tuple->flow.client);
	ipv6_addr_set_v4mapped(quoted ? ip->saddr : ip->daddr,
			       &tuple->flow.service);
	tuple->flow.sport = port[quoted];
	tuple->flow.dport = port[!quoted];
	tuple->proto = ip->protocol;
	return 0;
}

/**
 * manycast_tuple4_read() - what tells a packet's flow
 * @data:	a packet from a client or about one, from the IPv4 header on
 * @len:	octets that may be read
 * @tuple:	result, with IPv4-mapped addresses; an ICMP error belongs to the
 *		flow of the packet that it quotes
 *
 * Return: 0; how many octets are needed; -EBADMSG for what is none;
 * -EOPNOTSUPP for a fragment, all but the first of which have no ports;
 * -EPROTONOSUPPORT for other packets without ports.
 */
int manycast_tuple4_read(const void *data, unsigned int len,
			 struct manycast_tuple *tuple)
{
	const struct iphdr *ip = data;
	const struct icmphdr *icmp;
	unsigned int at;
	bool quoted;

	memset(tuple, 0, sizeof(*tuple));
	for (at = 0, quoted = false; ; quoted = true) {
		if (at + sizeof(*ip) > len)
			return at + sizeof(*ip);
		ip = data + at;
		if (ip->version != 4 || ip->ihl < 5)
			return -EBADMSG;
		/* A quote travels alone, whatever was its fate. */
		if (ip->frag_off & htons(IP_OFFSET) ||
		    (ip->frag_off & htons(IP_MF) && !quoted))
			return -EOPNOTSUPP;
		at += ip->ihl * 4;
		if (quoted || ip->protocol != IPPROTO_ICMP)
			return read_ports(data, len, at, ip, quoted, tuple);
		if (at + sizeof(*icmp) > len)
			return at + sizeof(*icmp);
		icmp = data + at;
		if (!is_error(icmp->type))
			return -EPROTONOSUPPORT;
		at += sizeof(*icmp);
	}
}
EXPORT_SYMBOL_IF_KUNIT(manycast_tuple4_read);
