/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_TESTS_IOAM_FIXTURE_H
#define _SEG6_MANYCAST_TESTS_IOAM_FIXTURE_H

/* Traces by the letter of the RFCs. */

#include <kunit/test.h>
#include <linux/unaligned.h>

#include "../ioam.h"
#include "buffer.h"

#define NONE		MANYCAST_IOAM_UNAVAILABLE
#define TRACE_AT	8	/* in the headers of these tests */
#define DATA_AT		16

/* By RFC 9486 section 3 and RFC 9197 section 4.4.1: namespace 123, two nodes of
 * four times four octets, none written, bits 0, 2, 3 and 5.
 */
static const u8 golden[] __maybe_unused = {
	0, 5, 1, 0,			/* 48 octets; PadN of two */
	0x31, 42, 0, 0,			/* option, its length, trace */
	0, 123,				/* namespace */
	0x20, 8,			/* node length 4, no flags, 8 left */
	0xb4, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
};

static const struct manycast_node some_node __maybe_unused = {
	.id = 0x010203,
	.sec = 0x11223344,
	.usec = 999999,
	.data = 500,
	.hop_limit = 64,
};

/* Octets of a node's data, by the list in RFC 9197 section 4.4.1. */
static inline unsigned int node_len(u32 type)
{
	unsigned int bit, len = 0;

	for (bit = 0; bit <= 21; bit++)
		if (type & (0x800000 >> bit))
			len += bit >= 8 && bit <= 10 ? 8 : 4;
	return len;
}

/* A header as others might send it, at the end of the buffer. The first two
 * octets of the trace header are the namespace and stay zero.
 */
static inline u8 *foreign(struct kunit *test, u32 type, unsigned int nodelen,
			  unsigned int data, unsigned int left)
{
	u8 *hbh = buffer_end(test, DATA_AT + data);

	memset(hbh, 0, DATA_AT + data);
	hbh[1] = (DATA_AT + data) / 8 - 1;
	hbh[2] = 1;
	hbh[4] = 0x31;
	hbh[5] = 10 + data;
	put_unaligned_be16(nodelen / 4 << 11 | left / 4, hbh + TRACE_AT + 2);
	put_unaligned_be32(type << 8, hbh + TRACE_AT + 4);
	return hbh;
}

#endif /* _SEG6_MANYCAST_TESTS_IOAM_FIXTURE_H */
