// SPDX-License-Identifier: GPL-2.0
/* Frames of an input, and mutations that leave their borders where they are. */

#include <string.h>

#include "fuzz.h"

/* Returns how many there are; what is cut off at the end is left out. */
size_t fuzz_frames(const uint8_t *data, size_t size, struct frame *frame)
{
	size_t n = 0;

	while (size > 3 && n < FRAMES_MAX) {
		size_t len = data[1] << 8 | data[2];

		if (len > size - 3)
			len = size - 3;
		if (len > FRAME_LEN_MAX)
			len = FRAME_LEN_MAX;
		frame[n++] = (struct frame){ data[0], len, data + 3 };
		data += 3 + len;
		size -= 3 + len;
	}
	return n;
}

static size_t put(uint8_t *out, size_t max, const struct frame *frame)
{
	if (max < 3u + frame->len)
		return 0;
	out[0] = frame->kind;
	out[1] = frame->len >> 8;
	out[2] = frame->len & 0xff;
	memcpy(out + 3, frame->data, frame->len);
	return 3 + frame->len;
}

/* One of: a frame's octets, a frame's kind, a frame away, one twice, two
 * exchanged.
 */
size_t fuzz_mutate_frames(uint8_t *data, size_t size, size_t max,
			  unsigned int seed, fuzz_mutate_t *mutate)
{
	static uint8_t copy[FRAMES_MAX * (3 + FRAME_LEN_MAX)];
	static uint8_t one[FRAME_LEN_MAX];
	struct frame frame[FRAMES_MAX + 1], other;
	size_t i, n, at, used = 0;

	if (size > sizeof(copy))
		size = sizeof(copy);
	memcpy(copy, data, size);
	n = fuzz_frames(copy, size, frame);
	if (!n)
		return LLVMFuzzerMutate(data, size, max);
	at = seed % n;

	switch (seed / 16 % 16) {
	case 0:
		frame[at].kind = seed / 256;
		break;
	case 1:
		if (n > 1)
			memmove(&frame[at], &frame[at + 1],
				(--n - at) * sizeof(*frame));
		break;
	case 2:
		if (n < FRAMES_MAX)
			frame[n++] = frame[at];
		break;
	case 3:
		other = frame[at];
		frame[at] = frame[n - 1];
		frame[n - 1] = other;
		break;
	default:
		memcpy(one, frame[at].data, frame[at].len);
		frame[at].len = mutate(frame[at].kind, one, frame[at].len,
				       sizeof(one), seed / 256);
		frame[at].data = one;
	}
	for (i = 0; i < n; i++)
		used += put(data + used, max - used, &frame[i]);
	return used;
}
