// SPDX-License-Identifier: GPL-2.0
/* TCP headers: reading what decides, writing a RST. Bytes in, bytes out. */

#include <kunit/visibility.h>
#include <linux/errno.h>
#include <linux/string.h>
#include <linux/tcp.h>
#include <linux/unaligned.h>
#include <net/ip6_checksum.h>
#include <net/mptcp.h>

#include "tcp.h"

#define TCPOPT_MD5		19
#define TCPOPT_AO		29
#define TCPOPT_MPTCP_KIND	30
#define MPTCP_SUBTYPE_MP_JOIN	1

/**
 * manycast_tcp_read() - read a TCP header
 * @hdr:	the header
 * @len:	octets that may be read at @hdr
 * @segment:	octets of header and payload, by the IP header
 * @tcp:	result
 *
 * Return: 0, or -EBADMSG when it is cut short or its data offset lies.
 */
int manycast_tcp_read(const void *hdr, size_t len, size_t segment,
		      struct manycast_tcp *tcp)
{
	const struct tcphdr *th = hdr;

	if (len < sizeof(*th))
		return -EBADMSG;
	tcp->doff = th->doff * 4;
	if (tcp->doff < sizeof(*th) || tcp->doff > len || tcp->doff > segment)
		return -EBADMSG;
	tcp->sport = th->source;
	tcp->dport = th->dest;
	tcp->seq = ntohl(th->seq);
	tcp->ack = ntohl(th->ack_seq);
	tcp->flags = tcp_flag_byte(th);
	tcp->payload = segment - tcp->doff;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_tcp_read);

/* The option at @off or behind it, its kind first, with @size octets; @off is
 * moved behind it. NULL at the end, and where a length lies.
 */
static inline u8 *next_option(void *hdr, unsigned int doff, unsigned int *off,
			      unsigned int *size)
{
	u8 *p = hdr;

	while (*off < doff && p[*off] == TCPOPT_NOP)
		++*off;
	if (*off >= doff || p[*off] == TCPOPT_EOL)
		return NULL;
	p += *off;
	if (doff - *off < 2 || p[1] < 2 || p[1] > doff - *off)
		return NULL;
	*size = p[1];
	*off += p[1];
	return p;
}

/* Does this option tie a SYN to one server? */
static bool binds(const u8 *opt, unsigned int size)
{
	switch (opt[0]) {
	case TCPOPT_FASTOPEN:
		return true;
	case TCPOPT_EXP:
		return size >= TCPOLEN_EXP_FASTOPEN_BASE &&
		       get_unaligned_be16(opt + 2) == TCPOPT_FASTOPEN_MAGIC;
	case TCPOPT_MPTCP_KIND:
		return size >= 3 && opt[2] >> 4 == MPTCP_SUBTYPE_MP_JOIN;
	default:
		return false;
	}
}

/**
 * manycast_tcp_replicable() - may several servers be shown this SYN?
 * @hdr:	the TCP header, @tcp->doff octets of it readable
 * @tcp:	what manycast_tcp_read() read of it
 *
 * Data in a SYN would be executed by every server that has the cookie (RFC 7413
 * section 6), and a request for a cookie gets one that is good at one server;
 * an MP_JOIN belongs to a connection that one server has (RFC 8684
 * section 3.2).
 *
 * Return: false when it must go to one server.
 */
bool manycast_tcp_replicable(const void *hdr, const struct manycast_tcp *tcp)
{
	unsigned int off = sizeof(struct tcphdr), size;
	u8 *opt;

	if (tcp->payload)
		return false;
	while ((opt = next_option((void *)hdr, tcp->doff, &off, &size)))
		if (binds(opt, size))
			return false;
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_tcp_replicable);

/**
 * manycast_tcp_mss() - find the value of the MSS option
 * @hdr:	the TCP header
 * @doff:	its length in octets, all readable
 *
 * Return: where its two octets are, unaligned, or NULL. NULL also for a segment
 * that is signed (RFC 2385, RFC 5925) and must stay as it is.
 */
void *manycast_tcp_mss(void *hdr, unsigned int doff)
{
	unsigned int off = sizeof(struct tcphdr), size;
	u8 *opt, *mss = NULL;

	while ((opt = next_option(hdr, doff, &off, &size))) {
		if (opt[0] == TCPOPT_MD5 || opt[0] == TCPOPT_AO)
			return NULL;
		if (opt[0] == TCPOPT_MSS && size == TCPOLEN_MSS && !mss)
			mss = opt + 2;
	}
	return mss;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_tcp_mss);

/**
 * manycast_tcp_strip() - make a segment one without data
 * @ip:		its IPv6 header, right before TCP's
 * @doff:	octets of TCP's header, of which nothing else changes
 */
void manycast_tcp_strip(struct ipv6hdr *ip, unsigned int doff)
{
	struct tcphdr *th = (struct tcphdr *)(ip + 1);

	ip->payload_len = htons(doff);
	th->check = 0;
	th->check = csum_ipv6_magic(&ip->saddr, &ip->daddr, doff, IPPROTO_TCP,
				    csum_partial(th, doff, 0));
}
EXPORT_SYMBOL_IF_KUNIT(manycast_tcp_strip);

/**
 * manycast_tcp_write_rst() - write the RST that ends a SYN-RECEIVED socket
 * @hdr:	room for a struct tcphdr
 * @saddr:	the client
 * @daddr:	the service
 * @sport:	the client's port
 * @dport:	the service's port
 * @seq:	the acknowledgment number of the server's SYN-ACK, exactly
 *		(RFC 9293 section 3.5.2, RFC 5961 section 3)
 *
 * No timestamp: Linux discards one that RFC 7323 section 5.2 would have.
 */
void manycast_tcp_write_rst(void *hdr, const struct in6_addr *saddr,
			    const struct in6_addr *daddr, __be16 sport,
			    __be16 dport, u32 seq)
{
	struct tcphdr *th = hdr;

	memset(th, 0, sizeof(*th));
	th->source = sport;
	th->dest = dport;
	th->seq = htonl(seq);
	th->doff = sizeof(*th) / 4;
	th->rst = 1;
	th->check = csum_ipv6_magic(saddr, daddr, sizeof(*th), IPPROTO_TCP,
				    csum_partial(th, sizeof(*th), 0));
}
EXPORT_SYMBOL_IF_KUNIT(manycast_tcp_write_rst);
