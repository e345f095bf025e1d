/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PACKET_BENCH_PROFILE_H
#define _PACKET_BENCH_PROFILE_H

struct dentry;

int profile_init(struct dentry *dir);
void profile_exit(void);
void profile_start(void);
void profile_stop(void);

#endif /* _PACKET_BENCH_PROFILE_H */
