/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PACKET_BENCH_H
#define _PACKET_BENCH_H

#include <linux/types.h>

#define BENCH_FIELDS	4
#define BENCH_BURSTS	65536
#define BENCH_LEN	2048

/**
 * enum bench_op - what happens to a packet once it is made
 * @BENCH_FREE:		it is freed at once: what the generator itself costs
 * @BENCH_RECEIVE:	the device has received it
 */
enum bench_op {
	BENCH_FREE,
	BENCH_RECEIVE,
};

/**
 * struct bench_field - what differs from packet to packet
 * @offset:	of a big-endian word of 32 bits, from the Ethernet header on, at
 *		an even distance from @check
 * @check:	of the Internet checksum that covers it; 0: none does
 * @div:	packets for which it stays the same
 * @mod:	values after which it begins anew, 0: never
 *
 * Packet i has i / @div % @mod more there than the template.
 */
struct bench_field {
	__u32 offset;
	__u32 check;
	__u32 div;
	__u32 mod;
};

/**
 * struct bench_request - written to the file; the template's octets follow
 * @op:		enum bench_op
 * @ifindex:	of a device in the writer's namespace
 * @first:	number of the first packet
 * @bursts:	how many are sent and timed
 * @burst:	packets in each, with bottom halves off
 * @len:	octets of the template, with its Ethernet header
 * @fields:	entries of @field
 * @field:	what differs
 */
struct bench_request {
	__u32 op;
	__u32 ifindex;
	__u32 first;
	__u32 bursts;
	__u32 burst;
	__u32 len;
	__u32 fields;
	struct bench_field field[BENCH_FIELDS];
};

/**
 * struct bench_burst - read from the file, one for each burst
 * @cycles:	of the processor; 0 where it does not tell
 * @ns:		nanoseconds
 */
struct bench_burst {
	__u64 cycles;
	__u64 ns;
};

#endif /* _PACKET_BENCH_H */
