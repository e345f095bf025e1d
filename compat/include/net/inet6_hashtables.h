/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _COMPAT_NET_INET6_HASHTABLES_H
#define _COMPAT_NET_INET6_HASHTABLES_H

#include <linux/version.h>
#include_next <net/inet6_hashtables.h>

/* Until then the table was named by whoever looks something up. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#include <net/net_namespace.h>

static inline struct sock *
compat_inet6_lookup_established(struct net *net, const struct in6_addr *saddr,
				const __be16 sport,
				const struct in6_addr *daddr, const u16 hnum,
				const int dif, const int sdif)
{
	return __inet6_lookup_established(net,
					  net->ipv4.tcp_death_row.hashinfo,
					  saddr, sport, daddr, hnum, dif,
					  sdif);
}

#define __inet6_lookup_established compat_inet6_lookup_established

static inline struct sock *
compat_inet6_lookup_listener(struct net *net, struct sk_buff *skb, int doff,
			     const struct in6_addr *saddr, const __be16 sport,
			     const struct in6_addr *daddr, const u16 hnum,
			     const int dif, const int sdif)
{
	return inet6_lookup_listener(net, net->ipv4.tcp_death_row.hashinfo,
				     skb, doff, saddr, sport, daddr, hnum, dif,
				     sdif);
}

#define inet6_lookup_listener compat_inet6_lookup_listener
#endif

#endif /* _COMPAT_NET_INET6_HASHTABLES_H */
