// SPDX-License-Identifier: GPL-2.0
/* ICMPv6 errors about packets that we have encapsulated: they come to the SID
 * that is the outer source, and are told to the sender of the inner packet
 * (RFC 2473 section 8).
 */

#include <linux/icmpv6.h>
#include <net/dst.h>
#include <net/ip6_checksum.h>
#include <net/ipv6.h>

#include "dst.h"
#include "error.h"
#include "main.h"
#include "packet.h"

/* An error is not longer than the minimum MTU (RFC 4443 section 2.4 (c)). */
#define QUOTE_MAX	(IPV6_MIN_MTU - sizeof(struct ipv6hdr) - \
			 sizeof(struct icmp6hdr))

/**
 * manycast_icmp_is_error() - is a bare ICMPv6 packet an error for us?
 * @skb:	the packet; its ICMPv6 header becomes linear
 * @pkt:	where things are in it
 *
 * Return: whether it is.
 */
bool manycast_icmp_is_error(struct sk_buff *skb,
			    const struct manycast_packet *pkt)
{
	const struct ipv6_sr_hdr *srh;
	const struct icmp6hdr *icmp;

	if (!pskb_may_pull(skb, pkt->upper + sizeof(*icmp)))
		return false;
	srh = manycast_srh(skb, pkt);
	icmp = manycast_at(skb, pkt->upper);
	return !(srh && srh->segments_left) &&
	       !(icmp->icmp6_type & ICMPV6_INFOMSG_MASK);
}

/* The packet begins @len octets later, with another IPv6 header. */
static void begin_at(struct sk_buff *skb, unsigned int len)
{
	__skb_pull(skb, len);
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, sizeof(struct ipv6hdr));
}

/* Check the error and leave what it quotes of it. */
static int unwrap(struct sk_buff *skb, const struct manycast_packet *pkt,
		  struct icmp6hdr *icmp, struct manycast_quote *quote)
{
	const struct in6_addr sid = ipv6_hdr(skb)->daddr;
	int err;

	__skb_pull(skb, pkt->upper);
	skb_postpull_rcsum(skb, skb_network_header(skb), pkt->upper);
	skb_reset_transport_header(skb);
	if (skb_checksum_validate(skb, IPPROTO_ICMPV6, ip6_compute_pseudo))
		return -EBADMSG;
	*icmp = *icmp6_hdr(skb);
	skb->ip_summed = CHECKSUM_NONE;
	begin_at(skb, sizeof(*icmp));
	if (!pskb_may_pull(skb, min_t(unsigned int, skb->len, QUOTE_MAX)))
		return -ENOMEM;
	err = manycast_quote_read(skb->data, skb_headlen(skb), quote);
	if (!err && !ipv6_addr_equal(&quote->saddr, &sid))
		return -ENOENT;
	return err;
}

static unsigned int stat_of(int err)
{
	switch (err) {
	case -ENOENT:
		return SEG6_MANYCAST_STAT_DROP_ERROR_FOREIGN;
	case -ENOMEM:
		return SEG6_MANYCAST_STAT_DROP_NO_MEMORY;
	default:
		return SEG6_MANYCAST_STAT_DROP_MALFORMED;
	}
}

/* Who sent a SYN-ACK repeats it; and of a RST nobody waits to hear. */
static bool is_answer(const struct manycast_quote *quote)
{
	return quote->flags & TCPHDR_RST ||
	       (quote->flags & MANYCAST_TCP_KIND) == (TCPHDR_SYN | TCPHDR_ACK);
}

/* RFC 2473 section 8.1. A Parameter Problem is about headers that the sender
 * has not written; and it sends no packets that are reassembled on the way.
 */
static bool concerns_sender(const struct icmp6hdr *icmp)
{
	switch (icmp->icmp6_type) {
	case ICMPV6_DEST_UNREACH:
	case ICMPV6_PKT_TOOBIG:
		return true;
	case ICMPV6_TIME_EXCEED:
		return icmp->icmp6_code == ICMPV6_EXC_HOPLIMIT;
	default:
		return false;
	}
}

/* RFC 8201 section 4: an MTU below the minimum is no MTU. */
static bool mtu_ok(const struct icmp6hdr *icmp,
		   const struct manycast_quote *quote)
{
	u32 mtu = ntohl(icmp->icmp6_mtu);

	return mtu >= IPV6_MIN_MTU && mtu < quote->len;
}

/* Why an error is not believed or not told, 0 if it is. */
static unsigned int refuse(struct manycast_net *mnet,
			   const struct icmp6hdr *icmp,
			   const struct manycast_quote *quote,
			   manycast_sent_t *sent, struct in6_addr *to)
{
	unsigned int stat;

	if (!concerns_sender(icmp))
		return SEG6_MANYCAST_STAT_DROP_ERROR_KIND;
	if (icmp->icmp6_type == ICMPV6_PKT_TOOBIG && !mtu_ok(icmp, quote))
		return SEG6_MANYCAST_STAT_DROP_ERROR_MTU;
	if (is_answer(quote))
		return SEG6_MANYCAST_STAT_DROP_ERROR_HANDSHAKE;
	stat = sent(mnet, quote, to);
	if (!stat && quote->silent && icmp->icmp6_type != ICMPV6_PKT_TOOBIG)
		return SEG6_MANYCAST_STAT_DROP_ERROR_KIND;
	return stat;
}

/* The kernel keeps path MTUs, and drops the routes that manycast_dst()
 * remembers when one changes. It reads the destination in the packet: there,
 * another segment of the list may be the active one by now.
 */
static void learn_mtu(struct manycast_net *mnet, struct sk_buff *skb,
		      const struct manycast_quote *quote,
		      const struct in6_addr *to, u32 mtu)
{
	struct flowi6 fl6 = {
		.daddr = *to,
		.saddr = quote->saddr,
		.flowlabel = quote->flowlabel,
		.flowi6_mark = skb->mark,
		.flowi6_proto = quote->proto,
	};
	struct dst_entry *dst = manycast_dst(mnet, &fl6);

	skb_dst_drop(skb);
	skb_dst_set(skb, dst);
	if (dst->error || skb_ensure_writable(skb, sizeof(struct ipv6hdr)))
		return;
	ipv6_hdr(skb)->daddr = *to;
	skb_dst_update_pmtu_no_confirm(skb, mtu);
	manycast_stats_inc(mnet->stats, SEG6_MANYCAST_STAT_ERROR_MTU);
}

/* icmpv6_send() has a limit of its own, and what it sends is shorter than what
 * came: by what it was encapsulated with.
 */
static void tell(struct manycast_net *mnet, struct sk_buff *skb,
		 const struct manycast_quote *quote, u8 type, u8 code, u32 info)
{
	int iif = IP6CB(skb)->iif;

	begin_at(skb, quote->inner);
	memset(IP6CB(skb), 0, sizeof(*IP6CB(skb)));
	IP6CB(skb)->iif = iif;
	manycast_stats_inc(mnet->stats, SEG6_MANYCAST_STAT_ERROR_RELAYED);
	icmpv6_send(skb, type, code, info);
}

/* What cannot be smaller will be fragmented once the MTU is known. */
static void too_big(struct manycast_net *mnet, struct sk_buff *skb,
		    const struct manycast_quote *quote,
		    const struct in6_addr *to, u32 mtu)
{
	u32 inner_mtu = max_t(u32, mtu - quote->inner, IPV6_MIN_MTU);

	learn_mtu(mnet, skb, quote, to, mtu);
	if (quote->inner_len > inner_mtu && !quote->silent)
		tell(mnet, skb, quote, ICMPV6_PKT_TOOBIG, 0, inner_mtu);
}

/**
 * manycast_error() - handle an ICMPv6 error that came to a SID
 * @mnet:	our namespace
 * @skb:	the error; taken over
 * @pkt:	where things are in it
 * @sent:	tells what the SID's behaviour sends
 *
 * Context: softirq, RCU.
 * Return: 0, or a negative error after a counted drop.
 */
int manycast_error(struct manycast_net *mnet, struct sk_buff *skb,
		   const struct manycast_packet *pkt, manycast_sent_t *sent)
{
	struct manycast_quote quote;
	struct icmp6hdr icmp;
	struct in6_addr to;
	unsigned int stat;
	int err;

	err = unwrap(skb, pkt, &icmp, &quote);
	stat = err ? stat_of(err) : refuse(mnet, &icmp, &quote, sent, &to);
	if (stat)
		return manycast_drop(mnet, skb, stat);
	if (icmp.icmp6_type == ICMPV6_PKT_TOOBIG)
		too_big(mnet, skb, &quote, &to, ntohl(icmp.icmp6_mtu));
	else
		tell(mnet, skb, &quote, ICMPV6_DEST_UNREACH,
		     ICMPV6_ADDR_UNREACH, 0);
	consume_skb(skb);
	return 0;
}
