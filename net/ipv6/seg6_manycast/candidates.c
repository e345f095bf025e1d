// SPDX-License-Identifier: GPL-2.0
/* Which of a service's instances are asked: indices in, indices out. */

#include <kunit/visibility.h>
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/seg6_manycast.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "candidates.h"

#define MAGLEV_EMPTY	U16_MAX

/**
 * manycast_maglev_size_ok() - can a Maglev table have so many slots?
 * @size:	slots, 3 or more
 *
 * Only in a prime number of them, every step leads through all.
 *
 * Return: whether it is a prime.
 */
bool manycast_maglev_size_ok(unsigned int size)
{
	unsigned int i;

	if (size % 2 == 0)
		return false;
	for (i = 3; i <= size / i; i += 2)
		if (size % i == 0)
			return false;
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_maglev_size_ok);

/* Where a backend's permutation of the table stands. */
struct maglev_cursor {
	u32 offset;
	u32 skip;
	u32 credit;
};

static u16 *next_free(u16 *table, unsigned int size, struct maglev_cursor *cur)
{
	u32 slot;

	do {
		slot = cur->offset;
		cur->offset = (cur->offset + cur->skip) % size;
	} while (table[slot] != MAGLEV_EMPTY);
	return &table[slot];
}

/**
 * manycast_maglev_fill() - build a weighted Maglev table
 * @table:	@size entries, each gets the index of a backend
 * @size:	a prime
 * @backend:	the backends, in any order; their @id alone places them
 * @n:		their number, 1..@size
 *
 * Backends take turns, each claiming the next free slot of its own permutation
 * (Eisenbud et al., "Maglev", NSDI 2016, section 3.4). The heaviest claims one
 * every turn, the others whenever their weights have added up to its weight.
 * For the same result on every selector the turns must not depend on the order
 * in which the backends were configured: the caller sorts them by @id.
 *
 * Context: process, may sleep.
 * Return: 0 or -ENOMEM.
 */
int manycast_maglev_fill(u16 *table, unsigned int size,
			 const struct manycast_backend *backend,
			 unsigned int n)
{
	struct maglev_cursor *cur;
	unsigned int i, filled = 0;
	u32 heaviest = 0;

	cur = kvcalloc(n, sizeof(*cur), GFP_KERNEL);
	if (!cur)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		heaviest = max(heaviest, backend[i].weight);
		cur[i].offset = (u32)(backend[i].id >> 32) % size;
		cur[i].skip = (u32)backend[i].id % (size - 1) + 1;
	}

	memset16(table, MAGLEV_EMPTY, size);
	for (i = 0; filled < size; i = (i + 1) % n) {
		/* Light backends wait many turns for a slot. */
		if (!i)
			cond_resched();
		cur[i].credit += backend[i].weight;
		if (cur[i].credit < heaviest)
			continue;
		cur[i].credit -= heaviest;
		*next_free(table, size, &cur[i]) = i;
		filled++;
	}
	kvfree(cur);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_maglev_fill);

static bool picked(const u16 *pick, unsigned int got, u16 i)
{
	while (got--)
		if (pick[got] == i)
			return true;
	return false;
}

/* Fill up with whoever follows, when chance has found too few. */
static unsigned int fill_up(unsigned int n, u16 from, u16 *pick,
			    unsigned int got, unsigned int k)
{
	unsigned int i;

	for (i = 0; got < k && i < n; i++) {
		u16 next = (from + i) % n;

		if (!picked(pick, got, next))
			pick[got++] = next;
	}
	return got;
}

/* A linear congruential generator (Knuth's and Lewis's "quick and dirty" one,
 * Numerical Recipes section 7.1). It begins anew for each SYN, from what nobody
 * can guess, and its upper bits are the good ones: those that decide.
 */
static u32 random(u32 *rnd)
{
	*rnd = *rnd * 1664525 + 1013904223;
	return *rnd;
}

static u32 random_below(u32 *rnd, u32 ceil)
{
	return reciprocal_scale(random(rnd), ceil);
}

/**
 * manycast_pick_all() - every instance
 * @n:		instances
 * @rnd:	decides who is left out when there are more than @k
 * @pick:	result
 * @k:		room in @pick
 *
 * Return: how many were picked.
 */
unsigned int manycast_pick_all(unsigned int n, u32 *rnd, u16 *pick,
			       unsigned int k)
{
	return fill_up(n, random_below(rnd, n), pick, 0, min(n, k));
}
EXPORT_SYMBOL_IF_KUNIT(manycast_pick_all);

/**
 * manycast_pick_one() - the instance that a number falls to, by weight
 * @cumulated:	cumulated[i] is the sum of the weights of instances 0..i
 * @n:		instances, at least one
 * @hash:	the number, equally distributed
 *
 * Return: its index.
 */
unsigned int manycast_pick_one(const u32 *cumulated, unsigned int n, u32 hash)
{
	u32 at = reciprocal_scale(hash, cumulated[n - 1]);
	unsigned int low = 0, high = n - 1;

	while (low < high) {
		unsigned int mid = (low + high) / 2;

		if (at < cumulated[mid])
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_pick_one);

/**
 * manycast_pick_random() - @k distinct instances, by weight and chance
 * @cumulated:	as for manycast_pick_one()
 * @n:		instances
 * @rnd:	chance; changed
 * @pick:	result
 * @k:		how many
 *
 * Return: how many were picked, min(@k, @n).
 */
unsigned int manycast_pick_random(const u32 *cumulated, unsigned int n,
				  u32 *rnd, u16 *pick, unsigned int k)
{
	unsigned int got = 0, tries;

	k = min(k, n);
	for (tries = 8 * k; got < k && tries; tries--) {
		u16 i = manycast_pick_one(cumulated, n, random(rnd));

		if (!picked(pick, got, i))
			pick[got++] = i;
	}
	return got < k ? fill_up(n, random_below(rnd, n), pick, got, k) : got;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_pick_random);

/**
 * manycast_pick_least() - the @k instances with the least load
 * @load:	of each instance
 * @n:		instances
 * @rnd:	so that equals share
 * @pick:	result, the least first
 * @k:		how many, SEG6_MANYCAST_FANOUT_MAX at most
 *
 * Return: how many were picked, min(@k, @n).
 */
unsigned int manycast_pick_least(const u32 *load, unsigned int n,
				 u32 *rnd, u16 *pick, unsigned int k)
{
	u64 rank[SEG6_MANYCAST_FANOUT_MAX];
	unsigned int got = 0, i, j;

	for (i = 0; i < n; i++) {
		u64 mine = (u64)load[i] << 32 | random(rnd);

		for (j = got; j && rank[j - 1] > mine; j--) {
			if (j == k)
				continue;
			rank[j] = rank[j - 1];
			pick[j] = pick[j - 1];
		}
		if (j == k)
			continue;
		rank[j] = mine;
		pick[j] = i;
		got = min(got + 1, k);
	}
	return got;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_pick_least);

/**
 * manycast_load_now() - what is left of a load that was told some time ago
 * @load:	the load
 * @then:	jiffies when it was told
 * @now:	jiffies; before @then if another CPU has heard of it since
 *
 * Halved for every second: who has not been asked for long is worth a try.
 *
 * Return: the load.
 */
u32 manycast_load_now(u32 load, unsigned long then, unsigned long now)
{
	unsigned long age = time_after(now, then) ? (now - then) / HZ : 0;

	return age > 31 ? 0 : load >> age;
}
EXPORT_SYMBOL_IF_KUNIT(manycast_load_now);
