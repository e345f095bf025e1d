/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_TESTS_BUFFER_H
#define _SEG6_MANYCAST_TESTS_BUFFER_H

#include <kunit/test.h>
#include <linux/slab.h>

/* No power of two, so that the allocation ends within its slab object: KASAN
 * then reports what is read or written behind the end.
 */
#define BUFFER_SIZE	3000

static inline int buffer_init(struct kunit *test)
{
	test->priv = kunit_kzalloc(test, BUFFER_SIZE, GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

/* The last @len octets. */
static inline void *buffer_end(const struct kunit *test, size_t len)
{
	return test->priv + BUFFER_SIZE - len;
}

/* A copy of @data at the end. */
static inline void *buffer_put(const struct kunit *test, const void *data,
			       size_t len)
{
	return memcpy(buffer_end(test, len), data, len);
}

#endif /* _SEG6_MANYCAST_TESTS_BUFFER_H */
