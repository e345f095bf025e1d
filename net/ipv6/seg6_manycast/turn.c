// SPDX-License-Identifier: GPL-2.0
/* Candidates in turn: one packet's segment list leads to the first of them, and
 * whoever does not take it sends it on to the next.
 */

#include <kunit/visibility.h>

#include "turn.h"

/**
 * manycast_turns_fit() - how many candidates does a segment list hold?
 * @inst:	the candidates, in their order
 * @n:		how many there are
 * @room:	segments that are left for them; SIDs and waypoints count
 *
 * Return: how many have room, counted from the first.
 */
unsigned int manycast_turns_fit(struct manycast_instance *const *inst,
				unsigned int n, unsigned int room)
{
	unsigned int fit, segments = 0;

	for (fit = 0; fit < n; fit++) {
		segments += inst[fit]->path.n;
		if (segments > room)
			break;
	}
	return fit;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_turns_fit);

/**
 * manycast_turns_path() - the segment list that visits candidates in turn
 * @inst:	the candidates, in their order
 * @n:		how many; all of them fit
 * @path:	result; the last one stands first, as in an SRH
 */
void manycast_turns_path(struct manycast_instance *const *inst, unsigned int n,
			 struct manycast_path *path)
{
	const struct manycast_path *to;
	unsigned int i;

	path->n = 0;
	path->tag = 0;
	while (n--) {
		to = &inst[n]->path;
		path->tag |= BIT(path->n);
		for (i = 0; i < to->n; i++)
			manycast_path_add(path, &to->seg[i]);
	}
	path->left = path->n - 1;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_turns_path);
