/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _COMPAT_NET_TCP_H
#define _COMPAT_NET_TCP_H

#include <linux/version.h>
#include_next <net/tcp.h>

/* Until then the cookie was given beside the header that it stands in, as
 * headers that are read after this one still do.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0) && \
	IS_ENABLED(CONFIG_SYN_COOKIES)
static inline int compat_cookie_v6_check(const struct ipv6hdr *iph,
					 const struct tcphdr *th)
{
	return __cookie_v6_check(iph, th, ntohl(th->ack_seq) - 1);
}

#define __cookie_v6_check(iph, th, ...) compat_cookie_v6_check(iph, th)
#endif

#endif /* _COMPAT_NET_TCP_H */
