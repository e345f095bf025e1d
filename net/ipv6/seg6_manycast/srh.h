/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_SRH_H
#define _SEG6_MANYCAST_SRH_H

#include <linux/bits.h>
#include <linux/in6.h>
#include <linux/seg6.h>
#include <linux/seg6_manycast.h>
#include <linux/types.h>

/* Instance, its waypoints, selector and edge. */
#define MANYCAST_PATH_MAX	(SEG6_MANYCAST_SEGS_MAX + 3)

/* The Tag of a segment list that names several candidates, of whom one is to
 * take the packet. RFC 8754 section 2 leaves it to such behaviours; elsewhere
 * it is zero. Bit i: segment i is a candidate, or the selector that has chosen
 * them. Others are waypoints, and the edge.
 */
#define MANYCAST_TAG_ENDS	(BIT(MANYCAST_PATH_MAX) - 1)

/* Whoever has the connection is to tell the outer source. */
#define MANYCAST_TAG_NOTICE	BIT(15)

/**
 * struct manycast_path - a segment list (RFC 8754 section 2)
 * @n:		segments in @seg, 0..MANYCAST_PATH_MAX
 * @left:	Segments Left: index of the active segment
 * @tag:	the Tag: MANYCAST_TAG_*
 * @seg:	the segments as an SRH holds them: seg[0] is the last one
 */
struct manycast_path {
	u8 n;
	u8 left;
	u16 tag;
	struct in6_addr seg[MANYCAST_PATH_MAX];
};

static inline size_t manycast_srh_len(unsigned int segments)
{
	return sizeof(struct ipv6_sr_hdr) + segments * sizeof(struct in6_addr);
}

/**
 * manycast_path_add() - append a segment that is travelled earlier
 * @path:	has room left
 * @seg:	the segment
 */
static inline void manycast_path_add(struct manycast_path *path,
				     const struct in6_addr *seg)
{
	path->seg[path->n++] = *seg;
}

int manycast_srh_check(const void *hdr, size_t len);
int manycast_srh_read(const void *hdr, struct manycast_path *path);
void manycast_srh_write(void *hdr, u8 nexthdr,
			const struct manycast_path *path);

void manycast_path_copy(struct manycast_path *to,
			const struct manycast_path *from);
bool manycast_path_narrow(struct manycast_path *path);
void manycast_path_reverse(const struct manycast_path *path,
			   struct manycast_path *back);

#endif /* _SEG6_MANYCAST_SRH_H */
