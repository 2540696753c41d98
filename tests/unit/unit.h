/*
 * What every unit test includes: cmocka with the headers it needs first, and comparisons that show
 * bytes as bytes. Belongs to the tests alone.
 */
#ifndef UNIT_UNIT_H
#define UNIT_UNIT_H

/* cmocka.h relies on these four. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "bgp/types.h"

#define ARRAY_LEN(array) (sizeof(array) / sizeof *(array))

/* A span over an array of bytes; not for pointers. */
#define SPAN(array) ((struct span){ (array), sizeof(array) })
/* A span over a string literal without its NUL: SPAN_OF("\x02\x00"). */
#define SPAN_OF(literal) ((struct span){ (const uint8_t *)(literal), sizeof(literal) - 1 })

#define assert_span_equal(found, expected)                                                 \
	do {                                                                               \
		struct span found_ = (found);                                              \
		struct span expected_ = (expected);                                        \
		assert_int_equal(found_.len, expected_.len);                               \
		if (expected_.len > 0)                                                     \
			assert_memory_equal(found_.bytes, expected_.bytes, expected_.len); \
	} while (0)

#endif
