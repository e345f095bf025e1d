// SPDX-License-Identifier: GPL-2.0
/* What an ICMPv6 error quotes of an encapsulated packet: bytes in, a packet of
 * ours out. Anybody may send an error, so nothing in it is believed that does
 * not fit together.
 */

#include <kunit/visibility.h>
#include <linux/errno.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/string.h>
#include <net/ipv6.h>

#include "addr.h"
#include "quote.h"
#include "tcp.h"

/* Of a TCP header all up to the flags. */
#define TCP_LEN		offsetof(struct tcphdr, window)

/**
 * struct reader - where reading stands
 * @data:	the quoted packet, from its outer IPv6 header on
 * @len:	octets that may be read
 * @at:		offset of the header that comes next
 * @proto:	what that header is
 */
struct reader {
	const u8 *data;
	unsigned int len;
	unsigned int at;
	u8 proto;
};

static const void *take(struct reader *r, unsigned int size)
{
	const void *hdr = r->data + r->at;

	if (size > r->len - r->at)
		return NULL;
	r->at += size;
	return hdr;
}

/* Octets of a whole packet. A jumbogram's header does not tell. */
static unsigned int packet_len(const struct ipv6hdr *ip)
{
	return ip->payload_len ? sizeof(*ip) + ntohs(ip->payload_len) :
				 UINT_MAX;
}

static int read_outer(struct reader *r, struct manycast_quote *quote)
{
	const struct ipv6hdr *ip = take(r, sizeof(*ip));

	if (!ip || ip->version != 6)
		return -EBADMSG;
	quote->saddr = ip->saddr;
	quote->daddr = ip->daddr;
	quote->flowlabel = ip6_flowlabel(ip);
	quote->len = packet_len(ip);
	quote->proto = ip->nexthdr;
	quote->path.n = 1;
	quote->path.seg[0] = ip->daddr;
	r->proto = ip->nexthdr;
	return 0;
}

static int read_srh(const void *hdr, unsigned int len,
		    struct manycast_quote *quote)
{
	struct manycast_path *path = &quote->path;

	if (quote->srh || manycast_srh_check(hdr, len) ||
	    manycast_srh_read(hdr, path))
		return -EBADMSG;
	if (path->left >= path->n ||
	    !ipv6_addr_equal(&path->seg[path->left], &quote->daddr))
		return -EBADMSG;
	quote->srh = true;
	return 0;
}

/* All of a fragmented packet but its first fragment is without the inner
 * header. Whether a packet is fragmented shows after it was routed.
 */
static int read_fragment(const struct frag_hdr *frag,
			 struct manycast_quote *quote)
{
	if (frag->frag_off & htons(IP6_OFFSET))
		return -ENOENT;
	if (quote->proto == NEXTHDR_FRAGMENT)
		quote->proto = frag->nexthdr;
	return 0;
}

static int read_extension(struct reader *r, struct manycast_quote *quote)
{
	const struct ipv6_opt_hdr *hdr = (const void *)(r->data + r->at);
	u8 proto = r->proto;
	unsigned int len;

	if (r->len - r->at < sizeof(*hdr))
		return -EBADMSG;
	len = proto == NEXTHDR_FRAGMENT ? sizeof(struct frag_hdr) :
					  ipv6_optlen(hdr);
	if (!take(r, len))
		return -EBADMSG;
	r->proto = hdr->nexthdr;
	if (proto == NEXTHDR_ROUTING)
		return read_srh(hdr, len, quote);
	if (proto == NEXTHDR_FRAGMENT)
		return read_fragment((const struct frag_hdr *)hdr, quote);
	return 0;
}

static int read_extensions(struct reader *r, struct manycast_quote *quote)
{
	int err;

	while (r->proto != NEXTHDR_IPV6 && r->proto != NEXTHDR_IPV4) {
		if (r->proto != NEXTHDR_HOP && r->proto != NEXTHDR_ROUTING &&
		    r->proto != NEXTHDR_FRAGMENT)
			return -ENOENT;
		err = read_extension(r, quote);
		if (err)
			return err;
	}
	return 0;
}

static int read_tcp(struct reader *r, struct manycast_quote *quote)
{
	const struct tcphdr *th = take(r, TCP_LEN);

	if (!th)
		return -EBADMSG;
	quote->tuple.flow.isn = ntohl(th->seq);
	quote->flags = tcp_flag_byte(th);
	return 0;
}

/* Its sender is told when the MTU is known and a packet does not fit. */
static int read_inner4(struct reader *r, struct manycast_quote *quote)
{
	const struct iphdr *ip;

	quote->inner = r->at;
	quote->silent = true;
	ip = take(r, sizeof(*ip));
	if (!ip || ip->version != 4)
		return -EBADMSG;
	quote->inner_len = ntohs(ip->tot_len);
	return 0;
}

static int read_inner(struct reader *r, struct manycast_quote *quote)
{
	const struct ipv6hdr *ip;
	const u8 *type;

	quote->inner = r->at;
	manycast_tuple_read(r->data + r->at, r->len - r->at, &quote->tuple);
	ip = take(r, sizeof(*ip));
	if (!ip || ip->version != 6 || !manycast_unicast(&ip->saddr))
		return -EBADMSG;
	quote->inner_len = packet_len(ip);
	if (ip->nexthdr == NEXTHDR_TCP)
		return read_tcp(r, quote);
	if (ip->nexthdr == NEXTHDR_ICMP) {
		type = take(r, 1);
		quote->silent = !type || !(*type & ICMPV6_INFOMSG_MASK);
	}
	return 0;
}

/**
 * manycast_quote_read() - read a quoted packet
 * @data:	what an ICMPv6 error quotes
 * @len:	octets that may be read
 * @quote:	result
 *
 * Return: 0; -EBADMSG when it is cut short before it tells what it was, or
 * contradicts itself; -ENOENT when it is none that we could have encapsulated.
 */
int manycast_quote_read(const void *data, unsigned int len,
			struct manycast_quote *quote)
{
	struct reader r = { .data = data, .len = len };
	int err;

	memset(quote, 0, sizeof(*quote));
	err = read_outer(&r, quote);
	if (!err)
		err = read_extensions(&r, quote);
	if (err)
		return err;
	return r.proto == NEXTHDR_IPV4 ? read_inner4(&r, quote) :
					 read_inner(&r, quote);
}
EXPORT_SYMBOL_IF_KUNIT(manycast_quote_read);

/**
 * manycast_quote_took() - was a quoted packet sent along a path?
 * @quote:	the packet
 * @path:	segment list
 *
 * One without an SRH has a single segment, or the last waypoint took it off.
 *
 * Return: whether it was.
 */
bool manycast_quote_took(const struct manycast_quote *quote,
			 const struct manycast_path *path)
{
	if (!quote->srh)
		return ipv6_addr_equal(&quote->daddr, &path->seg[0]);
	return quote->path.n == path->n &&
	       !memcmp(quote->path.seg, path->seg,
		       path->n * sizeof(path->seg[0]));
}
EXPORT_SYMBOL_IF_KUNIT(manycast_quote_took);
