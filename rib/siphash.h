/*
 * SipHash-2-4 with a result of 128 bits (Aumasson and Bernstein, 2012), fed piece by piece.
 * Everything in rib/ that hashes what peers send uses it: without the key nobody can aim at a
 * collision. Pure; owns nothing.
 */
#ifndef RIB_SIPHASH_H
#define RIB_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash {
	uint64_t v[4];
	uint64_t word; /* bytes not yet mixed in, lowest first */
	unsigned fill; /* how many bytes `word` holds */
	uint64_t total; /* bytes so far */
};

struct siphash_result {
	uint64_t low;
	uint64_t high;
};

void siphash_begin(struct siphash *hash, const uint8_t key[16]);
void siphash_add(struct siphash *hash, const void *bytes, size_t len);
struct siphash_result siphash_end(struct siphash *hash);

#endif
