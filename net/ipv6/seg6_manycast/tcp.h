/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_TCP_H
#define _SEG6_MANYCAST_TCP_H

#include <linux/in6.h>
#include <linux/ipv6.h>
#include <linux/types.h>
#include <net/tcp.h>

/**
 * struct manycast_tcp - what we read of a TCP header (RFC 9293 section 3.1)
 * @sport:	source port
 * @dport:	destination port
 * @seq:	sequence number
 * @ack:	acknowledgment number
 * @payload:	octets behind the header
 * @doff:	octets of the header
 * @flags:	TCPHDR_*
 */
struct manycast_tcp {
	__be16 sport;
	__be16 dport;
	u32 seq;
	u32 ack;
	u32 payload;
	u8 doff;
	u8 flags;
};

/* ECN and AccECN bits vary, so only these four tell what a segment is for. */
#define MANYCAST_TCP_KIND \
	(TCPHDR_FIN | TCPHDR_SYN | TCPHDR_RST | TCPHDR_ACK)

static inline bool manycast_tcp_is_syn(const struct manycast_tcp *tcp)
{
	return (tcp->flags & MANYCAST_TCP_KIND) == TCPHDR_SYN;
}

static inline bool manycast_tcp_is_synack(const struct manycast_tcp *tcp)
{
	return (tcp->flags & MANYCAST_TCP_KIND) == (TCPHDR_SYN | TCPHDR_ACK);
}

static inline bool manycast_tcp_is_rst(const struct manycast_tcp *tcp)
{
	return tcp->flags & TCPHDR_RST;
}

/* Is it of a client that has seen the SYN-ACK? Until something of it has come
 * by here, the server may have sent as much as the window in the SYN allows,
 * which is not scaled (RFC 7323 section 2.2), and a FIN.
 */
static inline bool manycast_tcp_acks_synack(const struct manycast_tcp *tcp,
					    u32 synack_isn)
{
	return (tcp->flags & (TCPHDR_ACK | TCPHDR_RST)) == TCPHDR_ACK &&
	       tcp->ack - (synack_isn + 1) <= U16_MAX + 1;
}

int manycast_tcp_read(const void *hdr, size_t len, size_t segment,
		      struct manycast_tcp *tcp);
bool manycast_tcp_replicable(const void *hdr, const struct manycast_tcp *tcp);
void *manycast_tcp_mss(void *hdr, unsigned int doff);
void manycast_tcp_strip(struct ipv6hdr *ip, unsigned int doff);
void manycast_tcp_write_rst(void *hdr, const struct in6_addr *saddr,
			    const struct in6_addr *daddr, __be16 sport,
			    __be16 dport, u32 seq);

#endif /* _SEG6_MANYCAST_TCP_H */
