#include "tests/bench/synthesize.h"

#include <stdlib.h>
#include <string.h>

#include "bgp/as_path.h"
#include "tests/bench/announce.h"

/* Where the addresses begin. What the test itself uses (10.0.0.0/8, fd00::/8) is left out. */
#define IPV4_FIRST    (11ull << 24)
#define IPV4_LOOPBACK (127ull << 24)
#define IPV4_END      (224ull << 24) /* multicast */
#define IPV6_FIRST    0x2400000000000000ull /* the upper half of an address */
#define IPV6_END      0x4000000000000000ull /* 2000::/3 ends */

/* Of 100 prefixes, how many have which length; from the tables of route collectors. */
struct share {
	uint8_t length, percent;
};

static const struct share ipv4_lengths[] = { { 24, 61 }, { 23, 10 }, { 22, 12 }, { 21, 5 },
	{ 20, 5 }, { 19, 4 }, { 18, 2 }, { 16, 1 } };
static const struct share ipv6_lengths[] = { { 48, 50 }, { 32, 20 }, { 44, 10 }, { 40, 10 },
	{ 36, 5 }, { 29, 5 } };

struct plan {
	enum family family;
	const struct share *lengths;
	uint8_t bits; /* of `address` */
	uint8_t nesting; /* a prefix up to this length has a more specific one at its beginning */
	uint8_t longest;
	uint64_t address, end;
};

/* splitmix64: one well-mixed number for each input. */
static uint64_t mix(uint64_t x)
{
	x += 0x9E3779B97F4A7C15u;
	x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
	x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
	return x ^ (x >> 31);
}

static uint8_t length_of(const struct plan *plan, uint64_t number)
{
	unsigned at = (unsigned)(mix(number) % 100);
	const struct share *share = plan->lengths;

	while (at >= share->percent) {
		at -= share->percent;
		share++;
	}
	return share->length;
}

/* The next prefix in order of addresses. False when the address space is used up. */
static bool next_prefix(struct plan *plan, uint64_t number, bool *nested, struct prefix *prefix)
{
	uint8_t length = *nested ? plan->longest : length_of(plan, number);
	uint64_t size = 1ull << (plan->bits - length);

	plan->address = (plan->address + size - 1) & ~(size - 1);
	if (plan->bits == 32 && plan->address >= IPV4_LOOPBACK &&
		plan->address < IPV4_LOOPBACK + (1u << 24))
		plan->address = IPV4_LOOPBACK + (1u << 24);
	if (plan->address + size > plan->end)
		return false;
	*prefix = (struct prefix){ .family = (uint8_t)plan->family, .length = length };
	for (unsigned i = 0; i < plan->bits / 8u; i++)
		prefix->bytes[i] = (uint8_t)(plan->address >> (plan->bits - 8 - 8 * i));
	*nested = length <= plan->nesting;
	if (!*nested)
		plan->address += size;
	return true;
}

static struct plan plan_of(enum family family)
{
	if (family == FAMILY_IPV4_UNICAST)
		return (struct plan){ family, ipv4_lengths, 32, 19, 24, IPV4_FIRST, IPV4_END };
	return (struct plan){ family, ipv6_lengths, 64, 36, 48, IPV6_FIRST, IPV6_END };
}

/* The attributes of set `number`: the origin AS belongs to the set, the way there to the variant.
 */
static void make_spec(struct attribute_spec *spec, const struct synthesis *synthesis,
	enum family family, uint64_t number)
{
	uint64_t random = mix(number * 2 + family) ^ mix(synthesis->variant + 0x48656c696full);
	struct writer w = writer_of(spec->as_path, sizeof(spec->as_path));

	random = mix(random);
	unsigned transit = 1 + (unsigned)(random % 4);

	write_u8(&w, AS_SEQUENCE);
	write_u8(&w, (uint8_t)(transit + 1));
	for (unsigned i = 0; i < transit; i++)
		write_u32(&w, 2000 + (uint32_t)(mix(random + i) % 60000));
	/* With its number as the origin AS, each set is one of its own. */
	write_u32(&w, 400000 + (uint32_t)number);
	spec->as_path_len = writer_len(&w);
	spec->origin = random >> 8 & 7 ? 0 : 2;
	spec->has_med = synthesis->has_med || (random >> 11 & 7) == 0;
	spec->med = synthesis->has_med ? synthesis->med : (uint32_t)(random >> 14 & 0xFF);
	spec->n_communities = random >> 22 & 3;
	for (size_t i = 0; i < spec->n_communities; i++)
		spec->communities[i] = ((uint32_t)(2000 + i) << 16) |
				       (uint32_t)(mix(random + i) >> 20 & 0xFFFF);
}

static bool announce_family(struct bench *bench, struct speaker *speaker,
	struct synthesis *synthesis, enum family family, struct attribute_spec *spec,
	uint32_t *slots)
{
	uint32_t count = synthesis->prefixes[family];
	uint32_t n_sets = (count + synthesis->per_set - 1) / synthesis->per_set;
	struct plan plan = plan_of(family);
	struct prefix prefix;
	bool nested = false;

	for (uint32_t i = 0; i < count; i++) {
		if (!next_prefix(&plan, i, &nested, &prefix)) {
			snprintf(synthesis->error, sizeof(synthesis->error),
				"the address space holds %u prefixes, expected %u", i, count);
			return false;
		}
		slots[i] = table_slot(bench->table, &prefix, 0);
		if (slots[i] == TABLE_NONE)
			return false;
	}
	/* Prefixes of one set lie far apart, as the networks of one origin do. */
	for (uint32_t s = 0; s < n_sets; s++) {
		make_spec(spec, synthesis, family, s);
		uint32_t set = attribute_spec_set(spec, bench->table, speaker, family);

		if (set == 0)
			return false;
		for (uint32_t i = s; i < count; i += n_sets) {
			if (!speaker_route(speaker, slots[i], set))
				return false;
		}
	}
	synthesis->routes += count;
	synthesis->sets += n_sets;
	return true;
}

bool synthesize(struct bench *bench, struct speaker *speaker, struct synthesis *synthesis)
{
	struct attribute_spec *spec = calloc(1, sizeof(*spec));
	uint32_t most = synthesis->prefixes[0] > synthesis->prefixes[1] ? synthesis->prefixes[0]
									: synthesis->prefixes[1];
	uint32_t *slots = malloc((most + 1) * sizeof(*slots));
	bool done = spec != NULL && slots != NULL;

	synthesis->error[0] = '\0';
	for (unsigned f = 0; f < FAMILY_COUNT && done; f++)
		done = announce_family(bench, speaker, synthesis, (enum family)f, spec, slots);
	if (!done && synthesis->error[0] == '\0')
		snprintf(synthesis->error, sizeof(synthesis->error), "no memory");
	free(slots);
	free(spec);
	return done;
}
