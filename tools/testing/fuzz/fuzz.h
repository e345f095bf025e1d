/* SPDX-License-Identifier: GPL-2.0 */
/* What both fuzz targets share. An input is a list of frames: one octet that
 * says what kind it is, two of length in network order, and the octets.
 */
#ifndef _FUZZ_H
#define _FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define FRAMES_MAX	16
#define FRAME_LEN_MAX	2048

struct frame {
	uint8_t kind;
	uint16_t len;
	const uint8_t *data;
};

/* Changes a frame's octets; returns how many there are then. */
typedef size_t fuzz_mutate_t(uint8_t kind, uint8_t *data, size_t len,
			     size_t max, unsigned int seed);

/* libFuzzer's own */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

/* kernel.c */
void fuzz_open(void);
void fuzz_cover(void);
void fuzz_look(const uint8_t *data, size_t size);
int fuzz_netns(const char *name);

/* frames.c */
size_t fuzz_frames(const uint8_t *data, size_t size, struct frame *frame);
size_t fuzz_mutate_frames(uint8_t *data, size_t size, size_t max,
			  unsigned int seed, fuzz_mutate_t *mutate);

static inline void fuzz_need(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	_Exit(1);
}

#endif /* _FUZZ_H */
