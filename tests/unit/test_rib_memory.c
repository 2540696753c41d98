/*
 * The rib with memory running out: a story of peers that come, speak, fall behind, ask for a
 * refresh and go is told again and again, and each time another allocation fails, once or from
 * there on. Nothing may crash or leak; once there is memory again, whoever is still up must know
 * what the others know, and the journal what the table holds. Linked with --wrap for the allocating
 * functions that rib/ uses.
 */
#include "tests/unit/rib_fixture.h"
#include "tests/unit/rib_mirror.h"

#include <stdio.h>

#include "rib/state.h"

/* Allocations that still succeed; negative: all of them. Then `failures` fail. */
static long left = -1;
static long failures;
static bool failed;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__real_pool_alloc(struct pool *pool, size_t size);
void *__wrap_pool_alloc(struct pool *pool, size_t size);

static bool fails(void)
{
	if (left < 0)
		return false;
	if (left > 0) {
		left--;
		return false;
	}
	if (failures == 0)
		return false;
	failures--;
	failed = true;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return fails() ? NULL : __real_realloc(memory, size);
}

/* Most blocks of a pool need no malloc: each may be the one that does. */
void *__wrap_pool_alloc(struct pool *pool, size_t size)
{
	return fails() ? NULL : __real_pool_alloc(pool, size);
}

static struct fixture f;
static struct mirror mirror;

/* Peers that are down, whether by the story or for want of memory, say nothing. */
static void say(unsigned n, const char *prefix, const struct attributes *attributes)
{
	struct speaker *s = &f.speaker[n];

	if (s->peer != NULL && !speaker_send(s, prefix, attributes))
		speaker_down(s); /* as the session would */
}

static void say_many(unsigned n, unsigned prefixes, const struct attributes *attributes)
{
	for (unsigned i = 0; i < prefixes; i++) {
		char text[PREFIX_TEXT_MAX];

		snprintf(text, sizeof(text), i % 2 ? "10.%u.%u.0/24" : "fd00:%u:%u::/48", n, i);
		say(n, text, attributes);
	}
}

static void turn(void)
{
	fixture_run(&f);
	for (unsigned i = 0; i < SPEAKERS; i++) {
		struct speaker *s = &f.speaker[i];

		for (unsigned times = 0; times < 20 && s->peer != NULL && !s->deaf; times++)
			if (!speaker_read(s, times < 10 ? 300 : 30000))
				break;
	}
}

static void up(unsigned n, enum role role, uint8_t add_path_send)
{
	struct speaker *s = speaker_of(&f, n, role);

	s->parameters.add_path_send = add_path_send;
	s->parameters.add_path_receive = n == 0 ? FAMILIES_ALL : 0;
	s->parameters.long_lived = n == 2 ? LONG_LIVED_AS_IS : LONG_LIVED_NEVER;
	speaker_connect(s);
}

static void long_attributes(unsigned n, unsigned rounds)
{
	static const uint8_t communities[200] = { 0xd0, 8, 0, 196 };

	for (unsigned i = 0; i < rounds; i++) {
		say_many(n, 12,
			&(const struct attributes){ .med = IS(i), .raw = SPAN(communities) });
		turn();
	}
}

/*
 * More than a chunk of the log holds, so that flushes and the walks of those who join need another
 * amid their work.
 */
static void fill_chunks(unsigned n)
{
	static const uint8_t unknown[3804] = { 0xd0, 99, 3800 >> 8, 3800 & 0xff };

	for (unsigned i = 0; i < 20; i++) {
		char text[PREFIX_TEXT_MAX];

		snprintf(text, sizeof(text), "10.%u.%u.0/24", 100 + n, i);
		say(n, text,
			&(const struct attributes){
				.as_path = "65003", .med = IS(i), .raw = SPAN(unknown) });
	}
}

/*
 * The session ends, and while there is none the paths become long-lived stale: those of one family
 * stay so.
 */
static void restarts(struct speaker *s)
{
	if (s->peer == NULL)
		return;
	speaker_retain(s, FAMILIES_ALL);
	rib_stale_long_lived(f.rib, s->peer, FAMILY_IPV4_UNICAST);
	rib_stale_long_lived(f.rib, s->peer, FAMILY_IPV6_UNICAST);
	turn();
	(void)speaker_resume(s, FAMILIES_ALL);
	rib_stale_sweep(f.rib, s->peer, FAMILY_IPV6_UNICAST);
	turn();
}

/* The part in which allocations fail. */
static void story(void)
{
	rib_hold_end_of_rib(f.rib, true);
	up(0, ROLE_CLIENT, 0);
	up(1, ROLE_CLIENT, 0);
	up(2, ROLE_NON_CLIENT, FAMILIES_ALL);
	up(3, ROLE_EXTERNAL, 0);
	say_many(0, 6, &(const struct attributes){ .as_path = "1" });
	turn();
	for (uint32_t id = 2; id < 45; id++) /* so many that they are indexed */
		say(0, "10.0.1.0/24", &(const struct attributes){ .path_id = id });
	say(1, "10.0.1.0/24", &(const struct attributes){ .as_path = "2", .local_pref = IS(200) });
	say(3, "10.0.1.0/24", &(const struct attributes){ .as_path = "65003" });
	turn();
	/* One does not read; its backlog goes over the limit. */
	f.speaker[1].deaf = true;
	long_attributes(0, 6);
	f.speaker[1].deaf = false;
	fill_chunks(3);
	turn();
	up(4, ROLE_CLIENT, FAMILY_BIT(FAMILY_IPV4_UNICAST));
	turn();
	if (f.speaker[2].peer != NULL)
		(void)rib_refresh(f.rib, f.speaker[2].peer, FAMILY_IPV4_UNICAST, true);
	if (f.speaker[1].peer != NULL) {
		struct rib_peer_parameters changed = f.speaker[1].parameters;

		changed.role = ROLE_NON_CLIENT;
		if (rib_peer_move(f.rib, f.speaker[1].peer, &changed))
			f.speaker[1].parameters = changed;
	}
	turn();
	restarts(&f.speaker[0]);
	if (f.speaker[3].peer != NULL)
		speaker_down(&f.speaker[3]);
	rib_hold_end_of_rib(f.rib, false);
	up(3, ROLE_EXTERNAL, 0);
	up(5, ROLE_CLIENT, 0);
	say_many(3, 4, &(const struct attributes){ .as_path = "65003 9" });
	turn();
}

static bool knows(const struct speaker *s, const struct heard *h)
{
	for (size_t i = 0; i < s->n_heard; i++) {
		const struct heard *own = &s->heard[i];

		if (own->there && own->path_id == h->path_id &&
			prefix_equal(&own->prefix, &h->prefix) &&
			memcmp(&own->keys, &h->keys, sizeof(h->keys)) == 0)
			return true;
	}
	return false;
}

/* The peer knows what the newcomer does, but for its own paths, and nothing more. */
static void check_same(const struct speaker *s, const struct speaker *fresh)
{
	size_t known = 0;

	for (size_t i = 0; i < fresh->n_heard; i++) {
		const struct heard *h = &fresh->heard[i];

		if (knows(s, h))
			known++;
		else if (s->parameters.role == ROLE_EXTERNAL)
			assert_non_null(strstr(h->as_path, "65003"));
		else
			assert_int_equal(h->keys.originator_id, s->parameters.bgp_id);
	}
	assert_int_equal(heard_count(s, NULL), known);
}

/*
 * What every peer should know is what a newcomer of its kind is told: another way to the same
 * place.
 */
static void check_converged(void)
{
	static const char *const own = "198.51.100.0/24";

	f.may_fail = false;
	for (unsigned i = 0; i < 6; i++) {
		if (f.speaker[i].peer == NULL && i != 0) {
			enum role role = i == 3 ? ROLE_EXTERNAL : ROLE_CLIENT;

			up(i, role, 0);
		}
	}
	say_many(5, 6, &(const struct attributes){ .as_path = "7" });
	announce(&f.speaker[4], own);
	fixture_settle(&f);
	for (unsigned i = 1; i < 6; i++) {
		struct speaker *s = &f.speaker[i], *fresh = &f.speaker[6];

		assert_int_equal(s->end_of_rib, FAMILIES_ALL);
		assert_int_equal(heard_count(s, own), i != 4);
		speaker_of(&f, 6, s->parameters.role);
		fresh->parameters.add_path_send = s->parameters.add_path_send;
		fresh->parameters.long_lived = s->parameters.long_lived;
		speaker_connect(fresh);
		fixture_settle(&f);
		check_same(s, fresh);
		speaker_down(fresh);
		fixture_settle(&f);
	}
}

/*
 * About how many allocations the story takes; `in_a_row` of them fail, from the first on, then from
 * `step` later ...
 */
static long tell(long in_a_row, long step)
{
	for (long allowed = 0;; allowed += step) {
		assert_true(allowed < 10000);
		failed = false;
		fixture_begin(&f, 12000);
		assert_non_null(f.rib);
		mirror_begin(&mirror, f.rib, NULL);
		f.may_fail = true;
		left = allowed;
		failures = in_a_row;
		story();
		left = -1;
		check_converged();
		mirror_check(&mirror);
		mirror_end(&mirror);
		fixture_end(&f);
		if (!failed)
			return allowed;
	}
}

static void test_one_allocation_fails(void **state)
{
	(void)state;
	assert_in_range(tell(1, 1), 100, 5000);
}

static void test_some_allocations_fail(void **state)
{
	(void)state;
	assert_in_range(tell(7, 3), 100, 5000);
}

static void test_all_allocations_fail(void **state)
{
	(void)state;
	assert_in_range(tell(1000000, 3), 100, 5000);
}

static void test_no_rib_without_memory(void **state)
{
	long allowed = 0;

	(void)state;
	for (;; allowed++) {
		left = allowed;
		failures = 1;
		fixture_begin(&f, 0);
		left = -1;
		if (f.rib != NULL)
			break;
	}
	assert_in_range(allowed, 4, 20);
	rib_free(f.rib);
	rib_free(NULL);
}

/* Paths of a journal; one row in five is of no peer. False: memory. */
static bool restore_paths(struct rib_peer *peer, struct attr_set *set)
{
	for (uint32_t i = 0; i < 600; i++) {
		struct prefix prefix = { .family = FAMILY_IPV4_UNICAST,
			.length = 24,
			.bytes = { 10, (uint8_t)(i >> 8), (uint8_t)i } };

		if (!rib_restore_path(
			    f.rib, i % 5 ? peer : NULL, 20 * i, &prefix, 0, set, 1 + i % 2))
			return false;
	}
	return true;
}

static bool restore(void)
{
	static const struct rib_capture capture;
	static const uint8_t bytes[] = { 0x40, 1, 1, 0, 0x40, 2, 0 };
	static const uint8_t next_hop[] = { 192, 0, 2, 1 };
	struct speaker *s = speaker_of(&f, 0, ROLE_CLIENT);
	struct attr_set *set;
	bool malformed, ok;

	if (!rib_capture_begin(f.rib, &capture, NULL))
		return false;
	s->peer = rib_peer_restore(f.rib, &s->parameters);
	if (s->peer == NULL)
		return false;
	set = rib_restore_attrs(f.rib, 1, SPAN(next_hop), SPAN(bytes), &malformed);
	assert_false(malformed);
	if (set == NULL)
		return false;
	ok = restore_paths(s->peer, set);
	rib_restore_attrs_done(f.rib, set);
	assert_true(!ok || rib_restore_end(f.rib) == 120);
	return ok;
}

static void test_restore(void **state)
{
	long allowed = 0;
	bool ok;

	(void)state;
	for (failed = true; failed; allowed++) {
		fixture_begin(&f, 0);
		assert_non_null(f.rib);
		failed = false;
		left = allowed;
		failures = 1;
		ok = restore();
		left = -1;
		/* Decisions that there is no memory for are made later. */
		assert_true(ok || failed);
		assert_false(ok && f.rib->tables[FAMILY_IPV4_UNICAST].n_paths != 480);
		fixture_end(&f);
	}
	assert_in_range(allowed, 10, 5000);
}

/* Peers that cannot come up leave nothing behind: their numbers neither. */
static void test_peer_numbers_come_back(void **state)
{
	(void)state;
	fixture_begin(&f, 0);
	f.may_fail = true;
	for (unsigned i = 0; i < 80; i++) {
		left = i % 5; /* it takes five: the peer, its group, the cohort, and their logs */
		failures = 1000000;
		speaker_of(&f, 0, ROLE_CLIENT);
		speaker_connect(&f.speaker[0]);
		left = -1;
		assert_null(f.speaker[0].peer);
	}
	f.may_fail = false;
	speaker_up(&f, 0, ROLE_CLIENT);
	assert_int_equal(f.speaker[0].peer->number, 1);
	fixture_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_rib_without_memory),
		cmocka_unit_test(test_one_allocation_fails),
		cmocka_unit_test(test_some_allocations_fail),
		cmocka_unit_test(test_all_allocations_fail),
		cmocka_unit_test(test_peer_numbers_come_back),
		cmocka_unit_test(test_restore),
	};

	return cmocka_run_group_tests_name("rib_memory", tests, NULL, NULL);
}
