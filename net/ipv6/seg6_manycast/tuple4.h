/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_TUPLE4_H
#define _SEG6_MANYCAST_TUPLE4_H

#include "tuple.h"

int manycast_tuple4_read(const void *data, unsigned int len,
			 struct manycast_tuple *tuple);

#endif /* _SEG6_MANYCAST_TUPLE4_H */
