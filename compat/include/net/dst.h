/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _COMPAT_NET_DST_H
#define _COMPAT_NET_DST_H

#include_next <net/dst.h>

#include <linux/version.h>

/* Some point releases have them, 6.1.192 but not 6.1.170. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
static inline struct net_device *compat_dst_dev(const struct dst_entry *dst)
{
	return READ_ONCE(dst->dev);
}

static inline struct net_device *compat_skb_dst_dev(const struct sk_buff *skb)
{
	return compat_dst_dev(skb_dst(skb));
}

#undef dst_dev
#define dst_dev(dst) compat_dst_dev(dst)
#undef skb_dst_dev
#define skb_dst_dev(skb) compat_skb_dst_dev(skb)
#endif

#endif /* _COMPAT_NET_DST_H */
