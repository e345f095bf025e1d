// SPDX-License-Identifier: GPL-2.0
/* Which flow of which client a packet to a service belongs to: bytes in, a
 * tuple out. As every packet has to go somewhere, there is no packet too broken
 * for an answer: it is read as far as it makes sense.
 */

#include <kunit/visibility.h>
#include <linux/icmpv6.h>
#include <linux/string.h>
#include <net/ipv6.h>

#include "tuple.h"

/* An ICMPv6 error about a packet in a tunnel has three IPv6 headers, and each
 * may have a few extension headers behind it.
 */
#define MAX_HEADERS	16

/**
 * struct cursor - where reading stands
 * @data:	the packet, from its first IPv6 header on
 * @len:	octets that may be read
 * @at:		offset of the header that comes next
 * @need:	octets that would have to be there to go on
 * @proto:	what that header is
 * @quoted:	within an ICMPv6 error: what a server has sent
 */
struct cursor {
	const u8 *data;
	unsigned int len;
	unsigned int at;
	unsigned int need;
	u8 proto;
	bool quoted;
};

static const void *header(struct cursor *cur, unsigned int size)
{
	cur->need = cur->at + size;
	return cur->need <= cur->len ? cur->data + cur->at : NULL;
}

/* Of several IPv6 headers the innermost one tells. */
static bool read_ip(struct cursor *cur, struct manycast_tuple *tuple)
{
	const struct ipv6hdr *ip = header(cur, sizeof(*ip));

	if (!ip || ip->version != 6)
		return false;
	tuple->flow.client = cur->quoted ? ip->daddr : ip->saddr;
	tuple->flow.service = cur->quoted ? ip->saddr : ip->daddr;
	cur->proto = ip->nexthdr;
	cur->at += sizeof(*ip);
	return true;
}

static bool skip_extension(struct cursor *cur)
{
	const struct ipv6_opt_hdr *hdr = header(cur, sizeof(*hdr));

	if (!hdr)
		return false;
	cur->at += cur->proto == NEXTHDR_AUTH ? ipv6_authlen(hdr) :
						ipv6_optlen(hdr);
	cur->proto = hdr->nexthdr;
	return true;
}

/* Only the first fragment has ports, and all of a packet must find each other,
 * so that they do without. One that is the whole packet is none (RFC 6946); and
 * an error travels alone, whatever it quotes.
 */
static bool skip_fragment(struct cursor *cur)
{
	const struct frag_hdr *hdr = header(cur, sizeof(*hdr));

	if (!hdr || hdr->frag_off & htons(IP6_OFFSET) ||
	    (hdr->frag_off & htons(IP6_MF) && !cur->quoted))
		return false;
	cur->at += sizeof(*hdr);
	cur->proto = hdr->nexthdr;
	return true;
}

/* What an error quotes is a packet on its way from a server to a client. No
 * error is sent about an error (RFC 4443 section 2.4).
 */
static bool enter_error(struct cursor *cur)
{
	const struct icmp6hdr *icmp = header(cur, sizeof(*icmp));

	if (!icmp || icmp->icmp6_type & ICMPV6_INFOMSG_MASK || cur->quoted)
		return false;
	cur->at += sizeof(*icmp);
	cur->proto = NEXTHDR_IPV6;
	cur->quoted = true;
	return true;
}

/* TCP and UDP begin alike. */
static void read_ports(struct cursor *cur, struct manycast_tuple *tuple)
{
	const __be16 *port = header(cur, 2 * sizeof(*port));

	if (!port)
		return;
	tuple->flow.sport = port[cur->quoted];
	tuple->flow.dport = port[!cur->quoted];
	tuple->proto = cur->proto;
}

/* One header. Returns whether another one is to be read. */
static bool step(struct cursor *cur, struct manycast_tuple *tuple)
{
	switch (cur->proto) {
	case NEXTHDR_IPV6:
		return read_ip(cur, tuple);
	case NEXTHDR_HOP:
	case NEXTHDR_ROUTING:
	case NEXTHDR_DEST:
	case NEXTHDR_AUTH:
		return skip_extension(cur);
	case NEXTHDR_FRAGMENT:
		return skip_fragment(cur);
	case NEXTHDR_ICMP:
		return enter_error(cur);
	case NEXTHDR_TCP:
	case NEXTHDR_UDP:
		read_ports(cur, tuple);
		return false;
	default:
		return false;
	}
}

/**
 * manycast_tuple_read() - what tells a packet's flow
 * @data:	a packet from a client or about one, from the IPv6 header on
 * @len:	octets that may be read
 * @tuple:	result, as good as @len allows
 *
 * An ICMPv6 error belongs to the flow of the packet that it quotes, a tunnelled
 * packet to that of the inner one.
 *
 * Return: 0, or how many octets would tell more.
 */
unsigned int manycast_tuple_read(const void *data, unsigned int len,
				 struct manycast_tuple *tuple)
{
	struct cursor cur = {
		.data = data,
		.len = len,
		.proto = NEXTHDR_IPV6,
	};
	unsigned int headers = 0;

	memset(tuple, 0, sizeof(*tuple));
	while (headers < MAX_HEADERS && step(&cur, tuple))
		headers++;
	return cur.need > len ? cur.need : 0;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_tuple_read);
