// SPDX-License-Identifier: GPL-2.0
/* IOAM pre-allocated trace in a Hop-by-Hop header (RFC 9197, RFC 9486): bytes
 * in, bytes out. Whatever came from the network is read as hostile input.
 */

#include <kunit/visibility.h>
#include <linux/bitops.h>
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/in6.h>
#include <linux/ioam6.h>
#include <linux/minmax.h>
#include <linux/seg6_manycast.h>
#include <linux/string.h>
#include <linux/time64.h>
#include <linux/unaligned.h>

#include "ioam.h"

#define TRACE_HDR_LEN	8	/* namespace, lengths and flags, type */
#define OPT_LEN		4	/* type, length, reserved, IOAM type */
/* In the 16 bits of lengths and flags. */
#define FLAGS		GENMASK(10, 7)
#define OVERFLOW	BIT(10)
#define TYPE_BIT(i)	BIT(23 - (i))

/* Fields of eight octets; all others have four. */
#define TYPE_WIDE	(TYPE_BIT(8) | TYPE_BIT(9) | TYPE_BIT(10))
/* The opaque state snapshot has a length of its own in every node. */
#define TYPE_OPAQUE	TYPE_BIT(22)

static unsigned int type_to_len(u32 type)
{
	return 4 * (hweight32(type) + hweight32(type & TYPE_WIDE));
}

static void write_lengths(u8 *hdr, unsigned int nodelen, u16 flags,
			  unsigned int free)
{
	put_unaligned_be16((nodelen / 4) << 11 | flags | free / 4, hdr + 2);
}

/**
 * manycast_hbh_write() - write a Hop-by-Hop header with an empty trace
 * @hbh:	room for MANYCAST_HBH_LEN(@nodes) octets
 * @ns:		IOAM namespace
 * @nodes:	room in the trace, 1..MANYCAST_IOAM_NODES_MAX
 *
 * The option starts at a multiple of four as RFC 9486 section 3 wants it. The
 * Next Header field is left to the caller.
 */
void manycast_hbh_write(u8 *hbh, u16 ns, unsigned int nodes)
{
	unsigned int data = nodes * MANYCAST_IOAM_NODE_LEN;
	u8 *trace = hbh + 4 + OPT_LEN;

	memset(hbh, 0, MANYCAST_HBH_LEN(nodes));
	hbh[1] = (MANYCAST_HBH_LEN(nodes) >> 3) - 1;
	hbh[2] = IPV6_TLV_PADN;
	hbh[4] = IPV6_TLV_IOAM;
	hbh[5] = OPT_LEN - 2 + TRACE_HDR_LEN + data;
	hbh[7] = IOAM6_TYPE_PREALLOC;
	put_unaligned_be16(ns, trace);
	write_lengths(trace, MANYCAST_IOAM_NODE_LEN, 0, data);
	put_unaligned_be32(MANYCAST_IOAM_TYPE << 8, trace + 4);
}
EXPORT_SYMBOL_IF_KUNIT(manycast_hbh_write);

static int trace_init(struct manycast_trace *trace, u8 *hdr, size_t len)
{
	u16 lengths;

	if (len < TRACE_HDR_LEN)
		return -EBADMSG;
	lengths = get_unaligned_be16(hdr + 2);
	trace->hdr = hdr;
	/* Bit 23 is to be ignored. */
	trace->type = get_unaligned_be32(hdr + 4) >> 8 & ~TYPE_BIT(23);
	trace->nodelen = 4 * (lengths >> 11);
	trace->room = len - TRACE_HDR_LEN;
	trace->free = 4 * (lengths & 0x7f);

	if (!trace->nodelen || trace->type & TYPE_OPAQUE ||
	    trace->nodelen != type_to_len(trace->type) ||
	    trace->free > trace->room ||
	    (trace->room - trace->free) % trace->nodelen)
		return -EBADMSG;
	return 0;
}

/**
 * manycast_trace_find() - find the pre-allocated trace of a Hop-by-Hop header
 * @hbh:	the header
 * @len:	its length in octets
 * @trace:	result
 *
 * Return: 0; -ENOENT when there is none; -EBADMSG when lengths lie, or the
 * trace is of a type whose nodes cannot be told apart.
 */
int manycast_trace_find(u8 *hbh, size_t len, struct manycast_trace *trace)
{
	size_t off = 2;

	while (off < len) {
		size_t size;

		if (hbh[off] == IPV6_TLV_PAD1) {
			off++;
			continue;
		}
		if (len - off < 2)
			return -EBADMSG;
		size = 2 + hbh[off + 1];
		if (size > len - off)
			return -EBADMSG;
		if (hbh[off] == IPV6_TLV_IOAM && size >= OPT_LEN &&
		    hbh[off + 3] == IOAM6_TYPE_PREALLOC)
			return trace_init(trace, hbh + off + OPT_LEN,
					  size - OPT_LEN);
		off += size;
	}
	return -ENOENT;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_trace_find);

/* Of our own selectors' type, as nearly every trace is. */
static void write_node(const struct manycast_node *node, u8 *p)
{
	put_unaligned_be32((u32)node->hop_limit << 24 | (node->id & 0xffffff),
			   p);
	put_unaligned_be32(node->sec, p + 4);
	put_unaligned_be32(node->usec, p + 8);
	put_unaligned_be32(node->data, p + 12);
}

static u32 node_field(const struct manycast_node *node, unsigned int bit)
{
	switch (bit) {
	case 0:
		return (u32)node->hop_limit << 24 | (node->id & 0xffffff);
	case 2:
		return node->sec;
	case 3:
		return node->usec;
	case 5:
		return node->data;
	default:
		return MANYCAST_IOAM_UNAVAILABLE;
	}
}

static void write_fields(const struct manycast_node *node, u32 type, u8 *p)
{
	unsigned int bit;

	for (bit = 0; bit < 24; bit++) {
		if (!(type & TYPE_BIT(bit)))
			continue;
		put_unaligned_be32(node_field(node, bit), p);
		p += 4;
		if (TYPE_BIT(bit) & TYPE_WIDE) {
			put_unaligned_be32(MANYCAST_IOAM_UNAVAILABLE, p);
			p += 4;
		}
	}
}

/**
 * manycast_trace_add() - write one node's data
 * @trace:	the trace
 * @node:	what to write; fields that it lacks become "unavailable"
 *
 * Return: false when there was no room: the overflow flag is set then and
 * nothing else written (RFC 9197 section 4.4.1).
 */
bool manycast_trace_add(struct manycast_trace *trace,
			const struct manycast_node *node)
{
	u16 flags = get_unaligned_be16(trace->hdr + 2) & FLAGS;
	u8 *p;

	if (trace->free < trace->nodelen) {
		write_lengths(trace->hdr, trace->nodelen, flags | OVERFLOW,
			      trace->free);
		return false;
	}
	trace->free -= trace->nodelen;
	p = trace->hdr + TRACE_HDR_LEN + trace->free;
	if (trace->type == MANYCAST_IOAM_TYPE)
		write_node(node, p);
	else
		write_fields(node, trace->type, p);
	write_lengths(trace->hdr, trace->nodelen, flags, trace->free);
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_trace_add);

/**
 * manycast_trace_count() - nodes that have written
 * @trace:	the trace
 *
 * Return: their number.
 */
unsigned int manycast_trace_count(const struct manycast_trace *trace)
{
	return (trace->room - trace->free) / trace->nodelen;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_trace_count);

static u32 read_field(const struct manycast_trace *trace, const u8 *node,
		      unsigned int bit)
{
	u32 before = trace->type & ~(TYPE_BIT(bit) | (TYPE_BIT(bit) - 1));

	if (!(trace->type & TYPE_BIT(bit)))
		return MANYCAST_IOAM_UNAVAILABLE;
	return get_unaligned_be32(node + type_to_len(before));
}

/* Of our own selectors' type. */
static void read_node(struct manycast_node *node, const u8 *p)
{
	node->hop_limit = p[0];
	node->id = get_unaligned_be32(p) & 0xffffff;
	node->sec = get_unaligned_be32(p + 4);
	node->usec = get_unaligned_be32(p + 8);
	node->data = get_unaligned_be32(p + 12);
}

static void read_fields(const struct manycast_trace *trace,
			struct manycast_node *node, const u8 *p)
{
	u32 first = read_field(trace, p, 0);

	node->hop_limit = first >> 24;
	node->id = first & 0xffffff;
	node->sec = read_field(trace, p, 2);
	node->usec = read_field(trace, p, 3);
	node->data = read_field(trace, p, 5);
}

/**
 * manycast_trace_read() - read one node's data
 * @trace:	the trace
 * @i:		0 for the node that wrote first
 * @node:	result
 *
 * Return: false when fewer nodes have written, or without hop limits.
 */
bool manycast_trace_read(const struct manycast_trace *trace, unsigned int i,
			 struct manycast_node *node)
{
	unsigned int count = manycast_trace_count(trace);
	const u8 *p;

	if (i >= count || !(trace->type & TYPE_BIT(0)))
		return false;
	p = trace->hdr + TRACE_HDR_LEN + trace->free +
	    (count - 1 - i) * trace->nodelen;
	if (trace->type == MANYCAST_IOAM_TYPE)
		read_node(node, p);
	else
		read_fields(trace, node, p);
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_trace_read);

static u32 residence(const struct manycast_node *in,
		     const struct manycast_node *out)
{
	s64 usec;

	if (in->sec == MANYCAST_IOAM_UNAVAILABLE || in->usec >= USEC_PER_SEC ||
	    out->sec == MANYCAST_IOAM_UNAVAILABLE || out->usec >= USEC_PER_SEC)
		return MANYCAST_IOAM_UNAVAILABLE;
	/* Serial arithmetic: the seconds wrap in 2106. */
	usec = (s64)(s32)(out->sec - in->sec) * USEC_PER_SEC +
	       out->usec - in->usec;
	if (usec < 0 || usec >= MANYCAST_IOAM_UNAVAILABLE)
		return MANYCAST_IOAM_UNAVAILABLE;
	return usec;
}

/**
 * manycast_trace_telemetry() - read the server's two entries
 * @trace:	a trace that went to the server and back
 * @tm:		result
 *
 * The hop limit falls along the way and starts anew at the server: its arrival
 * and departure are the neighbours between which the hop limit rises, and they
 * carry the same node id. The clock is the server's own in both, so that
 * nobody's clocks need to agree.
 */
void manycast_trace_telemetry(const struct manycast_trace *trace,
			      struct manycast_telemetry *tm)
{
	struct manycast_node in, out;
	unsigned int i;

	tm->residence = MANYCAST_IOAM_UNAVAILABLE;
	tm->load = MANYCAST_IOAM_UNAVAILABLE;

	if (!manycast_trace_read(trace, 0, &in))
		return;
	for (i = 1; manycast_trace_read(trace, i, &out); i++, in = out) {
		if (out.hop_limit <= in.hop_limit)
			continue;
		if (out.id == in.id) {
			tm->residence = residence(&in, &out);
			if (out.data != MANYCAST_IOAM_UNAVAILABLE)
				tm->load = min_t(u32, out.data,
						 SEG6_MANYCAST_LOAD_MAX);
		}
		return;
	}
}
EXPORT_SYMBOL_IF_KUNIT(manycast_trace_telemetry);
