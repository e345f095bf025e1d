/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _COMPAT_NET_GENETLINK_H
#define _COMPAT_NET_GENETLINK_H

#include_next <net/genetlink.h>

#include <linux/version.h>

/* Another structure, but it has attrs, too. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#undef genl_info_dump
#define genl_info_dump(cb) genl_dumpit_info(cb)
#endif

#endif /* _COMPAT_NET_GENETLINK_H */
