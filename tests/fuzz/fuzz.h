/*
 * What a fuzz target offers (libFuzzer's entry point) and how it says that an invariant is broken.
 * Belongs to the fuzz targets and to standalone.c.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * libFuzzer calls this with any bytes; it returns 0, or does not return when an invariant is
 * broken.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stays in release builds, unlike assert. */
#define FUZZ_CHECK(condition)                                                                   \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                \
		}                                                                               \
	} while (0)

#endif
