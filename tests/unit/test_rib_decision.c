/*
 * The decision process (RFC 4271 section 9.1.2.2, RFC 4456 section 9) through rib.h: each step as
 * rows of two paths whose later steps all speak for the one that must lose, and MED against a model
 * in all orders of arrival.
 */
#include "tests/unit/rib_fixture.h"

#include <stdio.h>

#define PREFIX "10.1.0.0/16"

struct candidate {
	struct attributes attributes;
	enum role role;
	uint32_t bgp_id; /* 0: 10.0.1.2 for the better one, 10.0.1.1 for the worse */
	const char *address; /* NULL: 192.0.2.2 and 192.0.2.1 */
};

struct row {
	const char *step;
	struct candidate better, worse;
};

/* Attributes of a candidate. */
#define A(...) .attributes = { __VA_ARGS__ }

static const struct row rows[] = {
	/* degree of preference */
	{ "higher LOCAL_PREF before AS_PATH", { A(.local_pref = IS(200), .as_path = "1 2 3") },
		{ A(.local_pref = IS(150)) } },
	{ "LOCAL_PREF is unsigned", { A(.local_pref = IS(0xffffffff), .as_path = "1") },
		{ A(.local_pref = IS(1)) } },
	{ "absent LOCAL_PREF is less than 101", { A(.local_pref = IS(101), .as_path = "1") },
		{ A(.as_path = "") } },
	{ "absent LOCAL_PREF is more than 99", { A(.as_path = "1") }, { A(.local_pref = IS(99)) } },
	{ "an external path has 100", { A(.local_pref = IS(101), .as_path = "1 2") },
		{ A(.as_path = "1"), ROLE_EXTERNAL } },
	/* a) */
	{ "shorter AS_PATH before ORIGIN", { A(.as_path = "1", .origin = ORIGIN_INCOMPLETE) },
		{ A(.as_path = "1 2", .origin = ORIGIN_IGP) } },
	{ "empty AS_PATH is the shortest", { A(.origin = ORIGIN_EGP) }, { A(.as_path = "1") } },
	{ "an AS_SET counts one, not more", { A(.as_path = "1 {2 3 4 5}", .origin = ORIGIN_EGP) },
		{ A(.as_path = "1 6 7") } },
	{ "an AS_SET counts one, not none", { A(.as_path = "1 2", .origin = ORIGIN_IGP) },
		{ A(.as_path = "1 {2 3}", .origin = ORIGIN_EGP) } },
	{ "an AS_SET counts one, as an AS does", { A(.as_path = "1 {2 3}", .origin = ORIGIN_IGP) },
		{ A(.as_path = "1 2", .origin = ORIGIN_EGP) } },
	{ "AS_CONFED_SEQUENCE counts nothing (RFC 5065)",
		{ A(.as_path = "(65001 65002) 1", .origin = ORIGIN_EGP) },
		{ A(.as_path = "1 2") } },
	{ "AS_CONFED_SET counts nothing (RFC 5065)",
		{ A(.as_path = "[65001 65002] 1", .origin = ORIGIN_EGP) },
		{ A(.as_path = "1 2") } },
	/* b) */
	{ "IGP before EGP", { A(.as_path = "1", .origin = ORIGIN_IGP, .med = IS(9)) },
		{ A(.as_path = "1", .origin = ORIGIN_EGP, .med = IS(1)) } },
	{ "EGP before INCOMPLETE", { A(.as_path = "1", .origin = ORIGIN_EGP, .med = IS(9)) },
		{ A(.as_path = "1", .origin = ORIGIN_INCOMPLETE, .med = IS(1)) } },
	/* c) */
	{ "lower MED of one neighboring AS before EBGP", { A(.as_path = "1 2", .med = IS(5)) },
		{ A(.as_path = "1 3", .med = IS(6)), ROLE_EXTERNAL } },
	{ "absent MED is 0", { A(.as_path = "1 2") },
		{ A(.as_path = "1 2", .med = IS(1)), ROLE_EXTERNAL } },
	{ "absent MED is no better than 0", { A(.as_path = "1", .med = IS(0)), ROLE_EXTERNAL },
		{ A(.as_path = "1") } },
	{ "MED is unsigned", { A(.as_path = "1", .med = IS(1)) },
		{ A(.as_path = "1", .med = IS(0xffffffff)) } },
	{ "MEDs of two neighboring ASes are not compared",
		{ A(.as_path = "1 9", .med = IS(7)), ROLE_EXTERNAL },
		{ A(.as_path = "2 9", .med = IS(1)) } },
	{ "the neighboring AS stands behind a confederation",
		{ A(.as_path = "(65001) 1 2", .med = IS(5)) },
		{ A(.as_path = "1 2", .med = IS(6)) } },
	{ "paths of our own AS have one neighboring AS", { A(.med = IS(5)) }, { A(.med = IS(6)) } },
	/* d) */
	{ "EBGP before IBGP", { A(.as_path = "1"), ROLE_EXTERNAL }, { A(.as_path = "1") } },
	{ "EBGP before IBGP of a non-client", { A(.as_path = "1"), ROLE_EXTERNAL },
		{ A(.as_path = "1"), ROLE_NON_CLIENT } },
	/* f) */
	{ "a client is no better than a non-client: lowest BGP Identifier",
		{ .role = ROLE_NON_CLIENT, .bgp_id = 1, A(.clusters = { 7 }) }, { .bgp_id = 2 } },
	{ "a non-client is no better than a client", { .bgp_id = 1, A(.clusters = { 7 }) },
		{ .role = ROLE_NON_CLIENT, .bgp_id = 2 } },
	{ "BGP Identifiers are unsigned", { .bgp_id = 0x7fffffff, A(.clusters = { 7 }) },
		{ .bgp_id = 0xe0000001 } },
	{ "ORIGINATOR_ID stands for the BGP Identifier: it is lower",
		{ .bgp_id = 9, A(.originator = IS(3), .clusters = { 7 }) }, { .bgp_id = 5 } },
	{ "ORIGINATOR_ID stands for the BGP Identifier: it is higher",
		{ .bgp_id = 5, A(.clusters = { 7 }) }, { .bgp_id = 1, A(.originator = IS(6)) } },
	{ "ORIGINATOR_IDs of both", { .bgp_id = 9, A(.originator = IS(3), .clusters = { 7 }) },
		{ .bgp_id = 1, A(.originator = IS(4)) } },
	/* RFC 4456 section 9 */
	{ "shorter CLUSTER_LIST before the address", { A(.originator = IS(3), .clusters = { 9 }) },
		{ A(.originator = IS(3), .clusters = { 7, 8 }) } },
	{ "no CLUSTER_LIST has length 0", { A(.originator = IS(3)) },
		{ A(.originator = IS(3), .clusters = { 7 }) } },
	{ "ORIGINATOR_ID of one equals the BGP Identifier of the other",
		{ .bgp_id = 9, A(.originator = IS(9)) }, { .bgp_id = 9, A(.clusters = { 7 }) } },
	/* g) */
	{ "lowest address of the peer", { .bgp_id = 9, .address = "192.0.2.1" },
		{ .bgp_id = 9, .address = "192.0.2.130" } },
	{ "lowest address behind an equal CLUSTER_LIST",
		{ .address = "192.0.2.1", A(.originator = IS(3), .clusters = { 8 }) },
		{ .address = "192.0.2.2", A(.originator = IS(3), .clusters = { 7 }) } },
	{ "lowest IPv6 address of the peer", { .bgp_id = 9, .address = "fd00::1:0" },
		{ .bgp_id = 9, .address = "fd00::2:0" } },
	{ "IPv4 transport before IPv6", { .bgp_id = 9, .address = "203.0.113.1" },
		{ .bgp_id = 9, .address = "::1" } },
};

struct best {
	unsigned n;
	struct ip_address peer;
	uint32_t path_id;
};

static void visit(void *context, const struct rib_path_view *path)
{
	struct best *best = context;

	assert_true(path->best);
	best->n++;
	best->peer = path->peer_address;
	best->path_id = path->path_id;
}

static struct best best_of(struct fixture *f, const char *text)
{
	struct rib_walk walk = { .kind = RIB_WALK_BEST, .match = RIB_MATCH_EXACT };
	struct best best = { 0 };

	assert_true(prefix_parse(text, false, &walk.match_prefix));
	walk.family = walk.match_prefix.family;
	rib_walk(f->rib, &walk, 10, visit, &best);
	assert_true(best.n <= 1);
	return best;
}

static struct speaker *candidate_up(
	struct fixture *f, unsigned n, const struct candidate *candidate)
{
	struct speaker *s = speaker_of(f, n, candidate->role);

	if (candidate->bgp_id != 0)
		s->parameters.bgp_id = candidate->bgp_id;
	if (candidate->address != NULL)
		assert_true(ip_address_parse(candidate->address, &s->parameters.address));
	speaker_connect(s);
	return s;
}

static void expect_best(struct fixture *f, const struct speaker *expected, const char *step)
{
	struct best best = best_of(f, PREFIX);

	if (best.n != 1 || ip_address_compare(&best.peer, &expected->parameters.address) != 0)
		fail_msg("%s: %u best paths", step, best.n);
}

static struct fixture f;

/* In both orders of arrival; and what is left when the better one goes. */
static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];

		for (int order = 0; order < 2; order++) {
			struct speaker *better, *worse;

			fixture_begin(&f, 0);
			worse = candidate_up(&f, 0, &row->worse);
			better = candidate_up(&f, 1, &row->better);
			for (int k = 0; k < 2; k++) {
				assert_true(k == order ? speaker_send(better, PREFIX,
								 &row->better.attributes)
						       : speaker_send(worse, PREFIX,
								 &row->worse.attributes));
				fixture_run(&f);
			}
			expect_best(&f, better, row->step);
			withdraw(better, PREFIX);
			fixture_run(&f);
			expect_best(&f, worse, row->step);
			fixture_end(&f);
		}
	}
}

/* The last resort is ours: RFC 7911 says nothing. */
static void test_path_id(void **state)
{
	struct speaker *s;

	(void)state;
	fixture_begin(&f, 0);
	s = speaker_of(&f, 0, ROLE_CLIENT);
	s->parameters.add_path_receive = FAMILIES_ALL;
	speaker_connect(s);
	announce(s, PREFIX, .path_id = 7);
	announce(s, PREFIX, .path_id = 0x80000001);
	announce(s, PREFIX, .path_id = 3);
	announce(s, PREFIX, .path_id = 5);
	fixture_run(&f);
	assert_int_equal(best_of(&f, PREFIX).path_id, 3);
	assert_int_equal(speaker_counts(s).paths[FAMILY_IPV4_UNICAST], 4);
	assert_int_equal(speaker_counts(s).best[FAMILY_IPV4_UNICAST], 1);
	fixture_end(&f);
}

#define PATHS 5

/* What MED is decided on, and by: the speaker's number is the BGP Identifier. */
struct med_path {
	unsigned neighbor; /* AS */
	unsigned med;
	bool external;
};

static unsigned model_best(const struct med_path *paths, unsigned present)
{
	unsigned best = PATHS;

	for (unsigned i = 0; i < PATHS; i++) {
		bool out = !(present >> i & 1);

		for (unsigned k = 0; k < PATHS; k++)
			out |= (present >> k & 1) && paths[k].neighbor == paths[i].neighbor &&
			       paths[k].med < paths[i].med;
		if (!out && (best == PATHS || (paths[i].external && !paths[best].external)))
			best = i;
	}
	return best;
}

static void check_med(const struct med_path *paths, unsigned present, const unsigned *order)
{
	struct best best = best_of(&f, PREFIX);
	unsigned expected = model_best(paths, present);

	assert_int_equal(best.n, expected != PATHS);
	if (best.n == 1 && best.peer.bytes[3] != expected + 1)
		fail_msg("paths %x in order %u%u%u%u%u: best %u, expected %u", present, order[0],
			order[1], order[2], order[3], order[4], best.peer.bytes[3] - 1u, expected);
}

static void med_speakers_up(const struct med_path *paths)
{
	fixture_begin(&f, 0);
	for (unsigned i = 0; i < PATHS; i++)
		speaker_up(&f, i, paths[i].external ? ROLE_EXTERNAL : ROLE_CLIENT);
}

/* Paths come in `order` and go in `order`; after each step the best is the model's. */
static void arrive(const struct med_path *paths, const unsigned *order)
{
	unsigned present = 0;

	for (unsigned i = 0; i < 2 * PATHS; i++) {
		unsigned n = order[i % PATHS];
		char as_path[16];

		if (i < PATHS) {
			snprintf(as_path, sizeof(as_path), "%u 9", paths[n].neighbor);
			announce(
				&f.speaker[n], PREFIX, .as_path = as_path, .med = IS(paths[n].med));
		} else {
			withdraw(&f.speaker[n], PREFIX);
		}
		present ^= 1u << n;
		fixture_run(&f);
		check_med(paths, present, order);
	}
}

static void permute(const struct med_path *paths, unsigned *order, unsigned from)
{
	if (from == PATHS) {
		arrive(paths, order);
		return;
	}
	for (unsigned i = from; i < PATHS; i++) {
		unsigned swap = order[from];

		order[from] = order[i];
		order[i] = swap;
		permute(paths, order, from + 1);
		order[i] = order[from];
		order[from] = swap;
	}
}

static void test_med_permutations(void **state)
{
	/* Compared pair by pair these run in a circle: the best would be who came last. */
	static const struct med_path circle[PATHS] = { { 1, 10, false }, { 2, 1, false },
		{ 1, 5, false }, { 2, 3, true }, { 3, 0, false } };
	static const struct med_path several[PATHS] = { { 1, 3, false }, { 1, 2, true },
		{ 1, 2, false }, { 2, 2, true }, { 2, 1, false } };
	unsigned order[PATHS] = { 0, 1, 2, 3, 4 };

	(void)state;
	med_speakers_up(circle);
	permute(circle, order, 0);
	fixture_end(&f);
	med_speakers_up(several);
	permute(several, order, 0);
	fixture_end(&f);
}

static void test_med_random(void **state)
{
	uint64_t random = 4271;

	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		struct med_path paths[PATHS];
		unsigned order[PATHS] = { 0, 1, 2, 3, 4 };

		for (unsigned i = 0; i < PATHS; i++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			paths[i] = (struct med_path){ 1 + (random >> 40) % 3, (random >> 44) % 4,
				(random >> 50) % 3 == 0 };
		}
		for (unsigned i = 0; i < PATHS; i++) {
			unsigned k = (unsigned)(random >> (33 + i)) % PATHS, swap = order[i];

			order[i] = order[k];
			order[k] = swap;
		}
		med_speakers_up(paths);
		arrive(paths, order);
		fixture_end(&f);
	}
}

/* More paths than the scratch array of the decision holds at first. */
static void test_many_paths(void **state)
{
	struct speaker *s;

	(void)state;
	fixture_begin(&f, 0);
	s = speaker_of(&f, 0, ROLE_CLIENT);
	s->parameters.add_path_receive = FAMILIES_ALL;
	speaker_connect(s);
	for (unsigned i = 0; i < 300; i++)
		announce(s, "fd00::/64", .path_id = 1000 - i, .as_path = i % 2 ? "1" : "2",
			.med = IS(i % 7 + (i % 2 == 0)));
	fixture_run(&f);
	/* AS 1: MED 0, odd multiples of 7, the last is 287 + 7; AS 2: MED 1, even ones: 294. */
	assert_int_equal(best_of(&f, "fd00::/64").path_id, 1000 - 294);
	fixture_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_path_id),
		cmocka_unit_test(test_med_permutations),
		cmocka_unit_test(test_med_random),
		cmocka_unit_test(test_many_paths),
	};

	return cmocka_run_group_tests_name("rib_decision", tests, NULL, NULL);
}
