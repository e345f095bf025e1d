/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _COMPAT_KUNIT_TEST_H
#define _COMPAT_KUNIT_TEST_H

#include_next <kunit/test.h>

/* Missing in 6.1. This one does not say what differs. */
#ifndef KUNIT_EXPECT_MEMEQ
#define KUNIT_EXPECT_MEMEQ(test, left, right, size) \
	KUNIT_EXPECT_EQ(test, memcmp(left, right, size), 0)
#endif

#endif /* _COMPAT_KUNIT_TEST_H */
