#include "rib/siphash.h"

#include <string.h>

static uint64_t rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static void round_once(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

static void mix(struct siphash *hash, uint64_t word)
{
	hash->v[3] ^= word;
	round_once(hash->v);
	round_once(hash->v);
	hash->v[0] ^= word;
}

static uint64_t load(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return word; /* byte order does not matter: the result never leaves the process */
}

void siphash_begin(struct siphash *hash, const uint8_t key[16])
{
	uint64_t k0 = load(key), k1 = load(key + 8);

	hash->v[0] = k0 ^ 0x736f6d6570736575u;
	hash->v[1] = k1 ^ 0x646f72616e646f6du ^ 0xee; /* 0xee: the 128-bit variant */
	hash->v[2] = k0 ^ 0x6c7967656e657261u;
	hash->v[3] = k1 ^ 0x7465646279746573u;
	hash->word = 0;
	hash->fill = 0;
	hash->total = 0;
}

void siphash_add(struct siphash *hash, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	hash->total += len;
	while (hash->fill != 0 && len > 0) {
		hash->word |= (uint64_t)*at++ << (8 * hash->fill);
		len--;
		if (++hash->fill == 8) {
			mix(hash, hash->word);
			hash->fill = 0;
			hash->word = 0;
		}
	}
	for (; len >= 8; at += 8, len -= 8)
		mix(hash, load(at));
	for (; len > 0; len--)
		hash->word |= (uint64_t)*at++ << (8 * hash->fill++);
}

struct siphash_result siphash_end(struct siphash *hash)
{
	struct siphash_result result;
	uint64_t *v = hash->v;

	mix(hash, hash->total << 56 | hash->word);
	v[2] ^= 0xee;
	for (int i = 0; i < 4; i++)
		round_once(v);
	result.low = v[0] ^ v[1] ^ v[2] ^ v[3];
	v[1] ^= 0xdd;
	for (int i = 0; i < 4; i++)
		round_once(v);
	result.high = v[0] ^ v[1] ^ v[2] ^ v[3];
	return result;
}
