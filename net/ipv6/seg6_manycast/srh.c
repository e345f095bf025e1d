// SPDX-License-Identifier: GPL-2.0
/* Segment Routing Header (RFC 8754): bytes in, bytes out. */

#include <kunit/visibility.h>
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/ipv6.h>
#include <linux/string.h>
#include <net/ipv6.h>

#include "addr.h"
#include "srh.h"

/* RFC 8754 section 2.1.1.1; include/uapi/linux/seg6.h has no name for it. */
#define SRH_TLV_PAD1	0

/* The TLVs fill what the segment list leaves of the header, without a gap and
 * without running over its end (RFC 8754 section 2.1).
 */
static bool tlvs_ok(const u8 *tlv, size_t len)
{
	while (len) {
		size_t size;

		if (tlv[0] == SRH_TLV_PAD1) {
			size = 1;
		} else {
			if (len < 2)
				return false;
			size = 2 + tlv[1];
		}
		if (size > len)
			return false;
		tlv += size;
		len -= size;
	}
	return true;
}

static bool segments_ok(const struct ipv6_sr_hdr *srh)
{
	unsigned int i;

	for (i = 0; i <= srh->first_segment; i++)
		if (!manycast_unicast(&srh->segments[i]))
			return false;
	return true;
}

/**
 * manycast_srh_check() - validate a received SRH
 * @hdr:	the routing header
 * @len:	octets that may be read at @hdr
 *
 * The checks are those of RFC 8754 section 4.3.1.1, in its order.
 *
 * Return: 0; -EBADMSG when the header is cut short, is no SRH, has a segment
 * that is no host's, or TLVs that lie about their lengths; -ERANGE when Last
 * Entry or Segments Left point outside the segment list, which asks for an
 * ICMPv6 Parameter Problem.
 */
int manycast_srh_check(const void *hdr, size_t len)
{
	const struct ipv6_sr_hdr *srh = hdr;
	size_t size, list;

	if (len < sizeof(*srh))
		return -EBADMSG;
	size = (srh->hdrlen + 1) << 3;
	if (size > len || srh->type != IPV6_SRCRT_TYPE_4)
		return -EBADMSG;

	list = manycast_srh_len(srh->first_segment + 1);
	if (list > size || srh->segments_left > srh->first_segment + 1)
		return -ERANGE;

	if (!segments_ok(srh))
		return -EBADMSG;
	return tlvs_ok((const u8 *)hdr + list, size - list) ? 0 : -EBADMSG;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_srh_check);

/**
 * manycast_srh_read() - copy the segment list out of a checked SRH
 * @hdr:	an SRH that manycast_srh_check() found good
 * @path:	result
 *
 * Return: 0, or -E2BIG for a list longer than any of ours.
 */
int manycast_srh_read(const void *hdr, struct manycast_path *path)
{
	const struct ipv6_sr_hdr *srh = hdr;
	unsigned int n = srh->first_segment + 1;

	if (n > MANYCAST_PATH_MAX)
		return -E2BIG;
	path->n = n;
	path->left = srh->segments_left;
	path->tag = ntohs((__force __be16)srh->tag);
	memcpy(path->seg, srh->segments, n * sizeof(path->seg[0]));
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_srh_read);

/**
 * manycast_srh_write() - write an SRH without TLVs
 * @hdr:	room for manycast_srh_len(@path->n) octets
 * @nexthdr:	protocol behind it
 * @path:	segment list, not empty
 */
void manycast_srh_write(void *hdr, u8 nexthdr, const struct manycast_path *path)
{
	struct ipv6_sr_hdr *srh = hdr;

	memset(srh, 0, sizeof(*srh));
	srh->nexthdr = nexthdr;
	srh->hdrlen = (manycast_srh_len(path->n) >> 3) - 1;
	srh->type = IPV6_SRCRT_TYPE_4;
	srh->segments_left = path->left;
	srh->first_segment = path->n - 1;
	srh->tag = (__force __u16)htons(path->tag);
	memcpy(srh->segments, path->seg, path->n * sizeof(path->seg[0]));
}
EXPORT_SYMBOL_IF_KUNIT(manycast_srh_write);

/**
 * manycast_path_copy() - copy a segment list, but not the room behind it
 * @to:		the copy
 * @from:	the list
 */
void manycast_path_copy(struct manycast_path *to,
			const struct manycast_path *from)
{
	to->n = from->n;
	to->left = from->left;
	to->tag = from->tag;
	memcpy(to->seg, from->seg, from->n * sizeof(to->seg[0]));
}

/**
 * manycast_path_narrow() - leave the other candidates out
 * @path:	a segment list, unchanged unless its active segment is one of
 *		several candidates; afterwards as if it had named this one only:
 *		its waypoints, the selector and the edge behind it
 *
 * Return: whether it was such a list.
 */
bool manycast_path_narrow(struct manycast_path *path)
{
	unsigned int ends = path->tag & MANYCAST_TAG_ENDS;
	unsigned int i, n = 0, before, selector;

	if (path->left >= path->n || !(ends & BIT(path->left)) ||
	    ends >> path->n || !(ends >> (path->left + 1)))
		return false;
	/* Who comes before this one in the order of travel stands behind it. */
	before = path->left + 1 + __ffs(ends >> (path->left + 1));
	selector = __fls(ends);
	for (i = path->left; i < path->n; i++)
		if (i < before || i >= selector)
			path->seg[n++] = path->seg[i];
	path->n = n;
	path->left = 0;
	path->tag = 0;
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_path_narrow);

/**
 * manycast_path_reverse() - the way back from the last segment
 * @path:	the list as it arrived at seg[0], two segments or more
 * @back:	result; its active segment is the neighbour of where we stand
 *
 * Segments that were already visited when the packet was sent, the selector
 * and the edge, become the end of the way back.
 */
void manycast_path_reverse(const struct manycast_path *path,
			   struct manycast_path *back)
{
	unsigned int i;

	for (i = 0; i < path->n; i++)
		back->seg[i] = path->seg[path->n - 1 - i];
	back->n = path->n;
	back->left = path->n - 2;
	back->tag = 0;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_path_reverse);
