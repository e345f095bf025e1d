/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _COMPAT_LINUX_MODULE_H
#define _COMPAT_LINUX_MODULE_H

#include_next <linux/module.h>

#include <linux/version.h>

/* Before 6.13, the namespace was not a string. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#undef MODULE_IMPORT_NS
#define MODULE_IMPORT_NS(ns) MODULE_INFO(import_ns, ns)
#endif

#endif /* _COMPAT_LINUX_MODULE_H */
