/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _COMPAT_LINUX_TIMER_H
#define _COMPAT_LINUX_TIMER_H

#include_next <linux/timer.h>

/* from_timer() before 6.16 */
#ifndef timer_container_of
#define timer_container_of(var, callback_timer, timer_fieldname) \
	container_of(callback_timer, typeof(*(var)), timer_fieldname)
#endif

#endif /* _COMPAT_LINUX_TIMER_H */
