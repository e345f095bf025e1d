/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_IOAM_H
#define _SEG6_MANYCAST_IOAM_H

#include <linux/limits.h>
#include <linux/types.h>

#define MANYCAST_IOAM_UNAVAILABLE	U32_MAX	/* RFC 9197 section 4.4.2 */
#define MANYCAST_IOAM_NODES_MAX		15

/* Bits 0, 2, 3, 5: hop limit and node id, seconds, subseconds, namespace
 * data. Bit 0 is the most significant of 24.
 */
#define MANYCAST_IOAM_TYPE		0xb40000
#define MANYCAST_IOAM_NODE_LEN		16

/* Hop-by-Hop header, PadN, option, trace header; then the nodes. */
#define MANYCAST_HBH_LEN(nodes)	(16 + (nodes) * MANYCAST_IOAM_NODE_LEN)
#define MANYCAST_HBH_MAX	MANYCAST_HBH_LEN(MANYCAST_IOAM_NODES_MAX)

/**
 * struct manycast_trace - view of a pre-allocated trace (RFC 9197 section 4.4)
 * @hdr:	its header, within a packet or a copy of one
 * @type:	IOAM trace type, 24 bits
 * @nodelen:	octets of one node's data
 * @room:	octets of node data in all
 * @free:	octets not yet written; nodes fill from the end
 */
struct manycast_trace {
	u8 *hdr;
	u32 type;
	u16 nodelen;
	u16 room;
	u16 free;
};

/**
 * struct manycast_node - what one node wrote
 * @id:		node id, 24 bits
 * @sec:	POSIX seconds
 * @usec:	microseconds; as Linux writes bit 3
 * @data:	namespace data; a server's load in per mille
 * @hop_limit:	outer hop limit
 *
 * Every field but @hop_limit may be MANYCAST_IOAM_UNAVAILABLE, for @id the low
 * 24 bits of it.
 */
struct manycast_node {
	u32 id;
	u32 sec;
	u32 usec;
	u32 data;
	u8 hop_limit;
};

/**
 * struct manycast_telemetry - what a SYN-ACK tells of its server
 * @residence:	microseconds from the SYN's arrival to the SYN-ACK's departure
 * @load:	per mille, 0..1000
 *
 * Either is MANYCAST_IOAM_UNAVAILABLE when the trace does not tell.
 */
struct manycast_telemetry {
	u32 residence;
	u32 load;
};

void manycast_hbh_write(u8 *hbh, u16 ns, unsigned int nodes);
int manycast_trace_find(u8 *hbh, size_t len, struct manycast_trace *trace);
bool manycast_trace_add(struct manycast_trace *trace,
			const struct manycast_node *node);
unsigned int manycast_trace_count(const struct manycast_trace *trace);
bool manycast_trace_read(const struct manycast_trace *trace, unsigned int i,
			 struct manycast_node *node);
void manycast_trace_telemetry(const struct manycast_trace *trace,
			      struct manycast_telemetry *tm);

#endif /* _SEG6_MANYCAST_IOAM_H */
