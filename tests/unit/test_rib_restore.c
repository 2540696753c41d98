/*
 * From rows of the journal back to a table: paths under their numbers, stale, decided without
 * history; and rows that this reflector would never have written, which must do no harm and be told
 * anew so that they go.
 */
#include "tests/unit/rib_fixture.h"

#include <stdio.h>

#include "rib/capture.h"
#include "rib/state.h"

/* Canonical: ORIGIN igp, AS_PATH of one AS, MED. */
#define BYTES_OF(as, med)                                                                  \
	{                                                                                  \
		0x40, 1, 1, 0, 0x40, 2, 6, 2, 1, 0, 0, 0, (as), 0x80, 4, 4, 0, 0, 0, (med) \
	}

static const uint8_t next_hop4[4] = { 192, 0, 2, 254 };
static const uint8_t next_hop6[16] = { 0xfd, [15] = 1 };

static struct fixture f;
static size_t gone, rows_told;
static struct path_change last_row;
static struct best_change last_best;
static size_t changes;

static void best_changed(void *context, const struct best_change *change)
{
	(void)context;
	last_best = *change;
	changes++;
}

static void attrs_gone(void *context, uint64_t id)
{
	(void)context;
	assert_true(id != 0);
	gone++;
}

static void paths_changed(void *context, const struct path_change *rows, unsigned n)
{
	(void)context;
	last_row = rows[n - 1];
	rows_told += n;
}

static void paths_gone(void *context, enum family family, uint32_t base, uint64_t bits)
{
	(void)context;
	last_row = (struct path_change){ .family = family,
		.number = base + 63 - (uint32_t)__builtin_clzll(bits) };
	rows_told += (size_t)__builtin_popcountll(bits);
}

static const struct path_visitor visitor = { paths_changed, paths_gone, NULL };

static void begin(void)
{
	static const struct rib_capture capture = { .best_changed = best_changed,
		.attrs_gone = attrs_gone };

	gone = rows_told = changes = 0;
	fixture_begin(&f, 0);
	assert_true(rib_capture_begin(f.rib, &capture, NULL));
}

/* Speaker n as one that was up before. */
static struct rib_peer *restored_peer(unsigned n)
{
	struct speaker *s = speaker_of(&f, n, ROLE_CLIENT);

	s->peer = rib_peer_restore(f.rib, &s->parameters);
	assert_non_null(s->peer);
	return s->peer;
}

static struct attr_set *restored_set(uint64_t id, uint8_t as, const uint8_t *next_hop, size_t len)
{
	const uint8_t bytes[] = BYTES_OF(as, 0);
	struct attr_set *set;
	bool malformed;

	set = rib_restore_attrs(f.rib, id, (struct span){ next_hop, len }, SPAN(bytes), &malformed);
	assert_false(malformed);
	assert_non_null(set);
	return set;
}

static struct prefix prefix_of(const char *text)
{
	struct prefix prefix;

	assert_true(prefix_parse(text, false, &prefix));
	return prefix;
}

static void restore(
	struct rib_peer *peer, uint32_t number, const char *text, struct attr_set *set, uint64_t id)
{
	struct prefix prefix = prefix_of(text);

	assert_true(rib_restore_path(f.rib, peer, number, &prefix, 0, set, id));
}

static const struct path *path_at(enum family family, uint32_t number)
{
	return table_path(&f.rib->tables[family], number);
}

/* The peers that never came back go. */
static void end(void)
{
	while (rib_capture_take(f.rib, 100, &visitor) > 0)
		;
	fixture_end(&f);
}

static void test_paths(void **state)
{
	struct attr_set *four, *six;
	struct rib_peer *a, *b;

	(void)state;
	begin();
	a = restored_peer(0);
	b = restored_peer(1);
	four = restored_set(7, 1, next_hop4, 4);
	six = restored_set(9, 1, next_hop6, 16);
	restore(a, 0, "10.0.0.0/8", four, 7);
	restore(b, 5, "10.0.0.0/8", four, 7);
	restore(b, 3, "fd00::/16", six, 9);
	assert_int_equal(rib_restore_end(f.rib), 0);
	rib_restore_attrs_done(f.rib, four);
	rib_restore_attrs_done(f.rib, six);
	assert_int_equal(changes, 0);
	assert_int_equal(rib_capture_waiting(f.rib), 0);
	assert_int_equal(fixture_counts(&f).prefixes[FAMILY_IPV4_UNICAST], 1);
	assert_int_equal(path_at(FAMILY_IPV4_UNICAST, 0)->source, a->number);
	assert_int_equal(path_at(FAMILY_IPV4_UNICAST, 5)->source, b->number);
	assert_int_equal(path_at(FAMILY_IPV6_UNICAST, 3)->source, b->number);
	assert_int_equal(rib_stale_count(a, FAMILY_IPV4_UNICAST), 1);
	assert_int_equal(rib_stale_count(b, FAMILY_IPV4_UNICAST), 1);
	/* IDs that were used are not used again. */
	assert_int_equal(f.rib->attr_sets.next_id, 10);
	/* What settles afterwards is history. */
	rib_stale_sweep(f.rib, a, FAMILY_IPV4_UNICAST);
	fixture_settle(&f);
	assert_int_equal(changes, 1);
	assert_int_equal(last_best.cause, BEST_STALE_EXPIRED);
	assert_int_equal(last_best.peer, 101);
	assert_int_equal(rib_capture_take(f.rib, 100, &visitor), 1);
	assert_int_equal(last_row.number, 0);
	assert_null(last_row.attrs);
	rib_stale_sweep(f.rib, b, FAMILY_IPV4_UNICAST);
	fixture_settle(&f);
	assert_int_equal(gone, 1);
	end();
	assert_int_equal(gone, 2);
}

/* Who announces the same again refreshes it: nothing is to be written. */
static void test_refreshed(void **state)
{
	static const struct attributes same = { .as_path = "1", .med = IS(0) };
	struct attr_set *set;
	struct speaker *s;

	(void)state;
	begin();
	restored_peer(0);
	s = &f.speaker[0];
	set = restored_set(7, 1, next_hop4, 4);
	restore(s->peer, 4, "10.0.0.0/8", set, 7);
	assert_int_equal(rib_restore_end(f.rib), 0);
	rib_restore_attrs_done(f.rib, set);
	assert_true(rib_peer_resume(f.rib, s->peer, &s->parameters, FAMILIES_ALL));
	assert_int_equal(rib_stale_count(s->peer, FAMILY_IPV4_UNICAST), 1);
	assert_true(speaker_send(s, "10.0.0.0/8", &same));
	assert_int_equal(rib_stale_count(s->peer, FAMILY_IPV4_UNICAST), 0);
	assert_int_equal(rib_capture_waiting(f.rib), 0);
	fixture_settle(&f);
	assert_int_equal(changes, 0);
	/* The numbers that the journal left out are the next ones. */
	announce(s, "11.0.0.0/8", .as_path = "1");
	announce(s, "12.0.0.0/8", .as_path = "1");
	assert_int_equal(path_at(FAMILY_IPV4_UNICAST, 0)->source, s->peer->number);
	assert_int_equal(path_at(FAMILY_IPV4_UNICAST, 1)->source, s->peer->number);
	end();
}

/* Peers that join after it find room for all numbers, with ADD-PATH too. */
static void test_many_and_joiners(void **state)
{
	struct speaker *plain, *add_path;
	struct attr_set *set;
	struct rib_peer *a;

	(void)state;
	begin();
	a = restored_peer(0);
	set = restored_set(7, 1, next_hop4, 4);
	for (unsigned i = 0; i < 1000; i++) {
		char text[PREFIX_TEXT_MAX];

		snprintf(text, sizeof(text), "10.%u.%u.0/24", i / 256, i % 256);
		restore(a, 20 * i, text, set, 7);
	}
	assert_int_equal(rib_restore_end(f.rib), 0);
	rib_restore_attrs_done(f.rib, set);
	plain = speaker_up(&f, 1, ROLE_CLIENT);
	add_path = speaker_of(&f, 2, ROLE_CLIENT);
	add_path->parameters.add_path_send = FAMILIES_ALL;
	speaker_connect(add_path);
	fixture_settle(&f);
	assert_int_equal(heard_count(plain, NULL), 1000);
	assert_int_equal(heard_count(add_path, NULL), 1000);
	rib_peer_down(f.rib, a);
	f.speaker[0].peer = NULL;
	fixture_settle(&f);
	assert_int_equal(heard_count(plain, NULL), 0);
	assert_int_equal(heard_count(add_path, NULL), 0);
	assert_int_equal(last_best.cause, BEST_PEER_DOWN);
	assert_int_equal(changes, 1000);
	assert_int_equal(rib_capture_waiting(f.rib), 1000);
	end();
}

/* One row is refused; its number is told anew, as nothing, and its prefix has no best path. */
static void expect_refused(
	struct rib_peer *peer, uint32_t number, const struct prefix *prefix, struct attr_set *set)
{
	size_t told = rows_told;

	assert_true(rib_restore_path(f.rib, peer, number, prefix, 0, set, 7));
	assert_int_equal(rib_capture_waiting(f.rib), 1);
	assert_int_equal(rib_capture_take(f.rib, 10, &visitor), 1);
	assert_int_equal(rows_told, told + 1);
	assert_int_equal(last_row.number, number);
}

static void expect_refused_text(
	struct rib_peer *peer, uint32_t number, const char *text, struct attr_set *set)
{
	struct prefix prefix = prefix_of(text);

	expect_refused(peer, number, &prefix, set);
	assert_int_equal(last_row.family, prefix.family);
}

static void test_refused_rows(void **state)
{
	static const uint8_t loop[] = { 0x40, 1, 1, 0, 0x40, 2, 0, 0x80, 9, 4, 10, 0, 0, 1 };
	struct prefix host_bits = prefix_of("10.0.0.0/8"), long_one = host_bits, odd = host_bits;
	struct attr_set *set, *six, *looped;
	struct rib_peer *a;
	bool malformed;

	(void)state;
	begin();
	a = restored_peer(0);
	set = restored_set(7, 1, next_hop4, 4);
	six = restored_set(8, 1, next_hop6, 16);
	/* Our own ID, which may be another than when it was written. */
	looped = rib_restore_attrs(f.rib, 9, SPAN(next_hop4), SPAN(loop), &malformed);
	assert_non_null(looped);
	restore(a, 10, "10.0.0.0/8", set, 7);
	host_bits.bytes[1] = 1;
	long_one.length = 33;
	odd.family = FAMILY_COUNT;
	expect_refused_text(NULL, 11, "11.0.0.0/8", set);
	expect_refused_text(a, 12, "12.0.0.0/8", NULL);
	expect_refused_text(a, 13, "13.0.0.0/8", looped);
	expect_refused_text(a, 14, "14.0.0.0/8", six); /* a next hop of the other family */
	expect_refused_text(a, 0, "fd00::/16", set);
	expect_refused(a, 15, &host_bits, set);
	expect_refused(a, 16, &long_one, set);
	expect_refused_text(a, 17, "10.0.0.0/8", set); /* there already, under 10 */
	expect_refused_text(a, 9, "15.0.0.0/8", set); /* descending */
	expect_refused_text(a, 10, "16.0.0.0/8", set); /* used: what lives there is told */
	assert_ptr_equal(last_row.attrs, set);
	assert_true(rib_restore_path(f.rib, a, 18, &odd, 0, set, 7));
	assert_int_equal(rib_capture_waiting(f.rib), 0);
	/* No bitmap holds it: nothing to be told of. */
	restore(a, UINT32_MAX, "17.0.0.0/8", set, 7);
	assert_int_equal(rib_capture_waiting(f.rib), 0);
	assert_int_equal(rib_restore_end(f.rib), 12);
	/* The prefixes of these: 11 to 14, fd00::, 10 again, 15 to 17. */
	assert_int_equal(changes, 9);
	assert_int_equal(fixture_counts(&f).paths[FAMILY_IPV4_UNICAST], 1);
	assert_int_equal(gone, 0);
	rib_restore_attrs_done(f.rib, set);
	rib_restore_attrs_done(f.rib, six);
	rib_restore_attrs_done(f.rib, looped);
	assert_int_equal(gone, 2);
	end();
}

/* A family that the peer does not speak any more. */
static void test_refused_family(void **state)
{
	struct attr_set *set;
	struct speaker *s;

	(void)state;
	begin();
	s = speaker_of(&f, 0, ROLE_CLIENT);
	s->parameters.families = FAMILY_BIT(FAMILY_IPV6_UNICAST);
	s->peer = rib_peer_restore(f.rib, &s->parameters);
	set = restored_set(7, 1, next_hop4, 4);
	expect_refused_text(s->peer, 0, "10.0.0.0/8", set);
	assert_int_equal(rib_restore_end(f.rib), 1);
	rib_restore_attrs_done(f.rib, set);
	end();
}

/* The best path of before was of a peer that is not restored. */
static void test_other_best(void **state)
{
	struct attr_set *set;
	struct rib_peer *a;

	(void)state;
	begin();
	a = restored_peer(0);
	set = restored_set(7, 1, next_hop4, 4);
	restore(NULL, 0, "10.0.0.0/8", set, 7);
	restore(a, 1, "10.0.0.0/8", set, 7);
	assert_int_equal(changes, 0);
	assert_int_equal(rib_restore_end(f.rib), 1);
	assert_int_equal(changes, 1);
	assert_int_equal(last_best.cause, BEST_PEER_DOWN);
	assert_ptr_equal(last_best.attrs, set);
	assert_int_equal(last_best.peer, 100);
	rib_restore_attrs_done(f.rib, set);
	end();
}

/* Numbers beyond all measure cost no memory: the path gets another, and the row goes. */
static void test_far_number(void **state)
{
	struct attr_set *set;
	struct rib_peer *a;

	(void)state;
	begin();
	a = restored_peer(0);
	set = restored_set(7, 1, next_hop4, 4);
	restore(a, 3, "10.0.0.0/8", set, 7);
	restore(a, 200000000, "11.0.0.0/8", set, 7);
	restore(a, 200000001, "12.0.0.0/8", set, 7);
	assert_int_equal(rib_restore_end(f.rib), 0);
	rib_restore_attrs_done(f.rib, set);
	assert_int_equal(f.rib->tables[FAMILY_IPV4_UNICAST].paths.used, 6);
	assert_int_equal(rib_capture_waiting(f.rib), 4);
	assert_int_equal(rib_capture_take(f.rib, 2, &visitor), 2);
	assert_int_equal(last_row.number, 5);
	assert_non_null(last_row.attrs);
	assert_int_equal(rib_capture_take(f.rib, 2, &visitor), 2);
	assert_int_equal(last_row.number, 200000001);
	assert_null(last_row.attrs);
	end();
}

/* Gap upon gap costs no more memory than one. */
static void test_far_numbers(void **state)
{
	const uint32_t gap = 1000000;
	struct attr_set *set;
	struct rib_peer *a;

	(void)state;
	begin();
	a = restored_peer(0);
	set = restored_set(7, 1, next_hop4, 4);
	for (uint32_t i = 1; i <= 20; i++) {
		char text[PREFIX_TEXT_MAX];

		snprintf(text, sizeof(text), "10.%u.0.0/16", i);
		restore(a, i * gap, text, set, 7);
	}
	assert_int_equal(rib_restore_end(f.rib), 0);
	rib_restore_attrs_done(f.rib, set);
	assert_int_equal(fixture_counts(&f).paths[FAMILY_IPV4_UNICAST], 20);
	assert_in_range(f.rib->tables[FAMILY_IPV4_UNICAST].paths.used, 20, 2 * gap);
	/* The others have another number: the rows are written anew, and go. */
	assert_int_equal(rib_capture_waiting(f.rib), 2 * 19);
	end();
}

/* The same content under two IDs: the first stays, rows with the second are written anew. */
static void test_set_twice(void **state)
{
	struct attr_set *set, *again;
	struct rib_peer *a;
	bool fresh;

	(void)state;
	begin();
	a = restored_peer(0);
	set = restored_set(7, 1, next_hop4, 4);
	again = restored_set(8, 1, next_hop4, 4);
	assert_ptr_equal(set, again);
	assert_int_equal(gone, 1);
	restore(a, 0, "10.0.0.0/8", set, 7);
	restore(a, 1, "11.0.0.0/8", again, 8);
	assert_int_equal(rib_restore_end(f.rib), 0);
	rib_restore_attrs_done(f.rib, set);
	rib_restore_attrs_done(f.rib, again);
	assert_int_equal(rib_capture_take(f.rib, 10, &visitor), 1);
	assert_int_equal(last_row.number, 1);
	assert_int_equal(rib_capture_attrs_id(f.rib, last_row.attrs, &fresh), 7);
	assert_false(fresh);
	end();
}

static void expect_malformed(uint64_t id, struct span next_hop, struct span bytes)
{
	bool malformed = false;

	assert_null(rib_restore_attrs(f.rib, id, next_hop, bytes, &malformed));
	assert_true(malformed);
	assert_int_equal(f.rib->attr_sets.count, 0);
}

static void test_malformed_sets(void **state)
{
	static const uint8_t good[] = BYTES_OF(1, 0), zero_as[] = BYTES_OF(0, 0);
	static const uint8_t multicast[4] = { 224, 0, 0, 1 };
	/* ORIGIN and AS_PATH in the wrong order, twice, and with what never is among them. */
	static const uint8_t order[] = { 0x40, 2, 0, 0x40, 1, 1, 0 };
	static const uint8_t twice[] = { 0x40, 1, 1, 0, 0x40, 1, 1, 0, 0x40, 2, 0 };
	static const uint8_t extended[] = { 0x50, 1, 0, 1, 0, 0x40, 2, 0 };
	static const uint8_t with_next_hop[] = { 0x40, 1, 1, 0, 0x40, 2, 0, 0x40, 3, 4, 192, 0, 2,
		254 };
	static const uint8_t reach[] = { 0x40, 1, 1, 0, 0x40, 2, 0, 0x80, 14, 1, 0 };
	static const uint8_t unreach[] = { 0x40, 1, 1, 0, 0x40, 2, 0, 0x80, 15, 1, 0 };
	static const uint8_t as4_path[] = { 0x40, 1, 1, 0, 0x40, 2, 0, 0xc0, 17, 6, 2, 1, 0, 0, 0,
		1 };
	static const uint8_t unknown[] = { 0x40, 1, 1, 0, 0x40, 2, 0, 0x80, 99, 1, 0 };
	static const struct span none;

	(void)state;
	begin();
	expect_malformed(0, SPAN(next_hop4), SPAN(good));
	expect_malformed(RIB_ATTRS_ID_MAX + 1, SPAN(next_hop4), SPAN(good));
	assert_int_equal(gone, 0);
	expect_malformed(1, none, SPAN(good));
	expect_malformed(2, (struct span){ next_hop6, 15 }, SPAN(good));
	expect_malformed(3, SPAN(multicast), SPAN(good));
	expect_malformed(4, SPAN(next_hop4), none);
	expect_malformed(5, SPAN(next_hop4), SPAN(zero_as));
	expect_malformed(6, SPAN(next_hop4), SPAN(order));
	expect_malformed(7, SPAN(next_hop4), SPAN(twice));
	expect_malformed(8, SPAN(next_hop4), SPAN(extended));
	expect_malformed(9, SPAN(next_hop4), SPAN(with_next_hop));
	expect_malformed(10, SPAN(next_hop4), SPAN(reach));
	expect_malformed(11, SPAN(next_hop4), SPAN(unreach));
	expect_malformed(12, SPAN(next_hop4), SPAN(as4_path));
	expect_malformed(13, SPAN(next_hop4), SPAN(unknown));
	expect_malformed(14, SPAN(next_hop4), (struct span){ good, sizeof(good) - 1 });
	assert_int_equal(gone, 14); /* so that they go from the file */
	assert_int_equal(f.rib->attr_sets.next_id, 15);
	end();
}

/* Whatever bits are flipped: refused, or a set that is what its bytes say. */
static void test_flipped_bits(void **state)
{
	static const uint8_t good[] = { 0x40, 1, 1, 0, 0x40, 2, 16, 2, 2, 0, 0, 0xfd, 0xe9, 0, 1, 0,
		0, 1, 1, 0, 0, 0, 5, 0x80, 4, 4, 0, 0, 0, 9, 0x40, 5, 4, 0, 0, 0, 100, 0xc0, 8, 8,
		0xff, 0xff, 0xff, 1, 0, 1, 0, 2, 0x80, 9, 4, 1, 2, 3, 4, 0x80, 10, 8, 1, 1, 1, 1, 2,
		2, 2, 2, 0xc0, 32, 12, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xe0, 99, 2, 1, 2 };
	static uint8_t scratch[CANONICAL_MAX];
	uint64_t random = 5;
	unsigned taken = 0;

	(void)state;
	begin();
	for (unsigned i = 0; i < 40000; i++) {
		uint8_t bytes[sizeof(good)];
		struct writer w = writer_of(scratch, sizeof(scratch));
		struct attribute_keys keys;
		struct attr_set *set;
		bool malformed;

		memcpy(bytes, good, sizeof(good));
		for (unsigned n = i % 3; i > 0 && n < 3; n++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			bytes[(random >> 33) % sizeof(bytes)] ^= (uint8_t)(1 << (random >> 60) % 8);
		}
		set = rib_restore_attrs(f.rib, i + 1, SPAN(next_hop4), SPAN(bytes), &malformed);
		assert_int_equal(set == NULL, malformed);
		assert_true(i > 0 || set != NULL);
		if (set == NULL)
			continue;
		taken++;
		assert_true(attributes_restore(SPAN(bytes), SPAN(next_hop4), &w, &keys));
		assert_int_equal(set->keys.med, keys.med);
		rib_restore_attrs_done(f.rib, set);
	}
	/* Values may be any, mostly: what holds them may not. */
	assert_in_range(taken, 1000, 39000);
	assert_int_equal(gone, 40000);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_refreshed),
		cmocka_unit_test(test_many_and_joiners),
		cmocka_unit_test(test_refused_rows),
		cmocka_unit_test(test_refused_family),
		cmocka_unit_test(test_other_best),
		cmocka_unit_test(test_far_number),
		cmocka_unit_test(test_far_numbers),
		cmocka_unit_test(test_set_twice),
		cmocka_unit_test(test_malformed_sets),
		cmocka_unit_test(test_flipped_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
