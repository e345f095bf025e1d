/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_TESTS_CANDIDATES_FIXTURE_H
#define _SEG6_MANYCAST_TESTS_CANDIDATES_FIXTURE_H

/* Room for many instances, and what is by chance, the same each time. */

#include <kunit/test.h>
#include <linux/prandom.h>

#include "../candidates.h"

#define SIZE		4099
#define MANY		1000
#define K_MAX		16
#define DRAWS		20000

struct fixture {
	struct rnd_state rnd;
	u32 chance;
	u16 table[SIZE];
	u16 other[SIZE];
	struct manycast_backend backend[MANY];
	unsigned int slots[MANY];
	u32 number[MANY];
	u16 pick[K_MAX + 1];
};

static inline int fixture_init(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	if (!f)
		return -ENOMEM;
	prandom_seed_state(&f->rnd, 5);
	test->priv = f;
	return 0;
}

static inline bool distinct(const u16 *pick, unsigned int got, unsigned int n)
{
	unsigned int i, j;

	for (i = 0; i < got; i++) {
		if (pick[i] >= n)
			return false;
		for (j = 0; j < i; j++)
			if (pick[i] == pick[j])
				return false;
	}
	return true;
}

#endif /* _SEG6_MANYCAST_TESTS_CANDIDATES_FIXTURE_H */
