/*
 * What `show` reads of the rib: walks of each kind, in slices, while the table changes; counts;
 * names.
 */
#include "tests/unit/rib_fixture.h"

#include <stdio.h>

#define SEEN_MAX 64

struct seen {
	struct prefix prefix;
	uint32_t path_id, bgp_id, originator, local_pref;
	enum role role;
	bool best, has_next_hop_attribute, has_local_pref;
	uint8_t next_hop_last;
	unsigned clusters;
	char as_path[32];
};

struct view {
	size_t n;
	struct seen seen[SEEN_MAX];
};

static struct fixture f;

static uint32_t number_in(struct span attributes, uint8_t type)
{
	struct attribute_view view;
	uint32_t number = 0;
	struct reader r;

	if (!attribute_find(attributes, type, &view))
		return 0;
	r = reader_of_span(view.value);
	assert_true(read_u32(&r, &number));
	return number;
}

static void visit(void *context, const struct rib_path_view *path)
{
	struct view *view = context;
	struct seen *seen = &view->seen[view->n++];
	struct attribute_view attribute;

	assert_true(view->n < SEEN_MAX);
	*seen = (struct seen){ .prefix = path->prefix,
		.path_id = path->path_id,
		.bgp_id = path->peer_bgp_id,
		.originator = number_in(path->attributes, ATTRIBUTE_ORIGINATOR_ID),
		.local_pref = number_in(path->attributes, ATTRIBUTE_LOCAL_PREF),
		.role = path->peer_role,
		.best = path->best,
		.next_hop_last = path->keys->next_hop[path->keys->next_hop_len - 1] };
	seen->has_next_hop_attribute = attribute_find(
		path->attributes, ATTRIBUTE_NEXT_HOP, &attribute);
	if (attribute_find(path->attributes, ATTRIBUTE_CLUSTER_LIST, &attribute))
		seen->clusters = (unsigned)attribute.value.len / 4;
	if (attribute_find(path->attributes, ATTRIBUTE_AS_PATH, &attribute))
		attribute_format(&attribute, seen->as_path, sizeof(seen->as_path));
	assert_int_equal(path->peer_as,
		path->peer_role == ROLE_EXTERNAL ? 65000 + (path->peer_bgp_id & 0xff) : OUR_AS);
	assert_int_equal(path->peer_address.bytes[3], (path->peer_bgp_id & 0xff) + 1);
}

/* In slices of `most`, to the end. */
static void walk_all(struct rib_walk walk, const char *match, unsigned most, struct view *view)
{
	view->n = 0;
	if (match != NULL) {
		assert_true(prefix_parse(match, false, &walk.match_prefix));
		walk.family = walk.match_prefix.family;
	}
	for (unsigned slices = 0; !walk.finished; slices++) {
		size_t before = view->n;

		assert_true(slices < 200);
		rib_walk(f.rib, &walk, most, visit, view);
		assert_true(view->n - before <= most + SPEAKERS); /* a prefix is never split */
	}
	rib_walk(f.rib, &walk, most, visit, view); /* finished: nothing more */
	for (size_t i = 1; i < view->n; i++)
		assert_true(prefix_compare(&view->seen[i - 1].prefix, &view->seen[i].prefix) <= 0);
}

static void expect(const struct view *view, const char *const *texts, size_t n)
{
	assert_int_equal(view->n, n);
	for (size_t i = 0; i < n; i++) {
		char text[PREFIX_TEXT_MAX];

		assert_string_equal(prefix_format(&view->seen[i].prefix, text), texts[i]);
	}
}

#define EXPECT(view, ...)                                            \
	do {                                                         \
		static const char *const texts_[] = { __VA_ARGS__ }; \
		expect((view), texts_, ARRAY_LEN(texts_));           \
	} while (0)

static void table_begin(void)
{
	struct speaker *a, *b, *c;

	fixture_begin(&f, 0);
	a = speaker_of(&f, 0, ROLE_CLIENT);
	a->parameters.add_path_receive = FAMILIES_ALL;
	speaker_connect(a);
	b = speaker_up(&f, 1, ROLE_NON_CLIENT);
	c = speaker_up(&f, 2, ROLE_EXTERNAL);
	announce(a, "10.0.0.0/8", .path_id = 0, .local_pref = IS(200));
	announce(a, "10.1.0.0/16", .path_id = 0, .local_pref = IS(50));
	announce(a, "10.1.0.0/16", .path_id = 9, .local_pref = IS(40));
	announce(b, "10.1.0.0/16", .as_path = "7");
	announce(b, "10.1.1.0/24");
	announce(b, "11.0.0.0/8");
	announce(c, "10.1.0.0/17", .as_path = "65002");
	announce(c, "0.0.0.0/0", .as_path = "65002");
	announce(c, "fd00::/16", .as_path = "65002");
	fixture_settle(&f);
}

static void test_table_and_best(void **state)
{
	static struct view view;

	(void)state;
	table_begin();
	for (unsigned most = 1; most < 12; most++) {
		walk_all((struct rib_walk){ .kind = RIB_WALK_TABLE }, NULL, most, &view);
		EXPECT(&view, "0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.0.0/16",
			"10.1.0.0/16", "10.1.0.0/17", "10.1.1.0/24", "11.0.0.0/8");
		assert_int_equal(view.seen[2].best + view.seen[3].best + view.seen[4].best, 1);
		walk_all((struct rib_walk){ .kind = RIB_WALK_BEST }, NULL, most, &view);
		EXPECT(&view, "0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.0.0/17",
			"10.1.1.0/24", "11.0.0.0/8");
		assert_int_equal(view.seen[2].bgp_id, 0x0a000101);
		assert_int_equal(view.seen[2].role, ROLE_NON_CLIENT);
		assert_string_equal(view.seen[2].as_path, "7");
		assert_int_equal(view.seen[2].next_hop_last, 254);
		for (size_t i = 0; i < view.n; i++)
			assert_true(view.seen[i].best);
	}
	walk_all((struct rib_walk){ .kind = RIB_WALK_TABLE, .family = FAMILY_IPV6_UNICAST }, NULL,
		5, &view);
	EXPECT(&view, "fd00::/16");
	fixture_end(&f);
}

static void test_received(void **state)
{
	static struct view view;

	(void)state;
	table_begin();
	walk_all((struct rib_walk){ .kind = RIB_WALK_RECEIVED, .peer = f.speaker[0].peer }, NULL, 2,
		&view);
	EXPECT(&view, "10.0.0.0/8", "10.1.0.0/16", "10.1.0.0/16");
	assert_int_equal(view.seen[1].path_id + view.seen[2].path_id, 9); /* as received */
	assert_int_equal(view.seen[0].clusters, 0);
	assert_int_equal(view.seen[0].originator, 0);
	assert_int_equal(view.seen[0].local_pref, 200);
	walk_all((struct rib_walk){ .kind = RIB_WALK_RECEIVED, .peer = f.speaker[2].peer },
		"fd00::/16", 2, &view);
	EXPECT(&view, "fd00::/16");
	fixture_end(&f);
}

/* As they are sent, but for the next hop, which stands beside the attributes. */
static void test_advertised(void **state)
{
	static struct view view;
	struct speaker *add_path, *self;

	(void)state;
	table_begin();
	add_path = speaker_of(&f, 3, ROLE_CLIENT);
	add_path->parameters.add_path_send = FAMILIES_ALL;
	speaker_connect(add_path);
	self = speaker_of(&f, 4, ROLE_EXTERNAL);
	self->parameters.next_hop = NEXT_HOP_SELF;
	self->parameters.as4 = false;
	assert_true(ip_address_parse("192.0.2.99", &self->parameters.local[FAMILY_IPV4_UNICAST]));
	speaker_connect(self);
	fixture_settle(&f);
	walk_all((struct rib_walk){ .kind = RIB_WALK_ADVERTISED, .peer = f.speaker[0].peer }, NULL,
		3, &view);
	EXPECT(&view, "0.0.0.0/0", "10.1.0.0/16", "10.1.0.0/17", "10.1.1.0/24", "11.0.0.0/8");
	assert_int_equal(view.seen[1].originator, 0x0a000101);
	assert_int_equal(view.seen[1].clusters, 1);
	assert_int_equal(view.seen[1].local_pref, 100);
	assert_int_equal(view.seen[1].path_id, 0);
	assert_int_equal(view.seen[0].originator, 0); /* of an external peer: not reflected */
	for (size_t i = 0; i < view.n; i++)
		assert_false(view.seen[i].has_next_hop_attribute);
	walk_all((struct rib_walk){ .kind = RIB_WALK_ADVERTISED, .peer = f.speaker[1].peer }, NULL,
		3, &view);
	EXPECT(&view, "0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/17");
	walk_all((struct rib_walk){ .kind = RIB_WALK_ADVERTISED, .peer = add_path->peer },
		"10.1.0.0/16", 1, &view);
	walk_all((struct rib_walk){ .kind = RIB_WALK_ADVERTISED,
			 .peer = add_path->peer,
			 .match = RIB_MATCH_EXACT },
		"10.1.0.0/16", 1, &view);
	assert_int_equal(view.n, 3);
	for (size_t i = 0; i < 3; i++) {
		bool found = false;

		for (size_t k = 0; k < add_path->n_heard; k++)
			found |= add_path->heard[k].path_id == view.seen[i].path_id &&
				 prefix_equal(&add_path->heard[k].prefix, &view.seen[i].prefix);
		assert_true(found); /* the path ID is the one sent */
	}
	walk_all(
		(struct rib_walk){
			.kind = RIB_WALK_ADVERTISED, .peer = self->peer, .match = RIB_MATCH_EXACT },
		"10.1.0.0/16", 1, &view);
	EXPECT(&view, "10.1.0.0/16");
	assert_string_equal(view.seen[0].as_path, "64512 7");
	assert_int_equal(view.seen[0].next_hop_last, 99);
	assert_int_equal(view.seen[0].clusters, 0);
	assert_int_equal(view.seen[0].local_pref, 0);
	fixture_end(&f);
}

static void test_matches(void **state)
{
	static struct view view;
	struct rib_walk longer = { .kind = RIB_WALK_BEST, .match = RIB_MATCH_LONGER };
	struct rib_walk covering = { .kind = RIB_WALK_BEST, .match = RIB_MATCH_COVERING };
	struct rib_walk exact = { .kind = RIB_WALK_TABLE, .match = RIB_MATCH_EXACT };

	(void)state;
	table_begin();
	for (unsigned most = 1; most < 8; most++) {
		walk_all(longer, "10.1.0.0/16", most, &view);
		EXPECT(&view, "10.1.0.0/16", "10.1.0.0/17", "10.1.1.0/24");
		walk_all(longer, "10.0.0.0/9", most, &view); /* not there itself */
		EXPECT(&view, "10.1.0.0/16", "10.1.0.0/17", "10.1.1.0/24");
		walk_all(longer, "0.0.0.0/0", most, &view);
		assert_int_equal(view.n, 6);
		walk_all(longer, "12.0.0.0/8", most, &view);
		assert_int_equal(view.n, 0);
	}
	walk_all(covering, "10.1.1.7/32", 1, &view);
	EXPECT(&view, "10.1.1.0/24");
	walk_all(covering, "10.1.200.7/32", 1, &view);
	EXPECT(&view, "10.1.0.0/16");
	walk_all(covering, "12.0.0.1/32", 1, &view);
	EXPECT(&view, "0.0.0.0/0");
	walk_all(covering, "fd01::1/128", 1, &view);
	assert_int_equal(view.n, 0);
	withdraw(
		&f.speaker[1], "10.1.1.0/24"); /* still in the table until it is told, not usable */
	walk_all(covering, "10.1.1.7/32", 1, &view);
	EXPECT(&view, "10.1.0.0/17");
	walk_all(exact, "10.1.0.0/16", 1, &view);
	assert_int_equal(view.n, 3);
	walk_all(exact, "10.1.0.0/18", 1, &view);
	assert_int_equal(view.n, 0);
	fixture_end(&f);
}

/* What goes between two slices is not visited, what comes behind the place is. */
static void test_changes_during_a_walk(void **state)
{
	static struct view view;
	struct rib_walk walk = { .kind = RIB_WALK_BEST };

	(void)state;
	table_begin();
	view.n = 0;
	rib_walk(f.rib, &walk, 2, visit, &view);
	assert_int_equal(view.n, 1); /* visiting costs, and so does passing by */
	rib_walk(f.rib, &walk, 2, visit, &view);
	EXPECT(&view, "0.0.0.0/0", "10.0.0.0/8");
	withdraw(&f.speaker[0], "10.0.0.0/8"); /* where it stands */
	withdraw(&f.speaker[1], "11.0.0.0/8");
	announce(&f.speaker[1], "9.0.0.0/8");
	announce(&f.speaker[1], "10.0.0.0/9");
	fixture_settle(&f);
	while (!walk.finished)
		rib_walk(f.rib, &walk, 2, visit, &view);
	EXPECT(&view, "0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/9", "10.1.0.0/16", "10.1.0.0/17",
		"10.1.1.0/24");
	fixture_end(&f);
}

static void test_counts(void **state)
{
	struct rib_counts counts;
	struct rib_peer_counts peer;
	size_t memory;

	(void)state;
	table_begin();
	counts = fixture_counts(&f);
	memory = counts.memory;
	assert_int_equal(counts.prefixes[FAMILY_IPV4_UNICAST], 6);
	assert_int_equal(counts.prefixes[FAMILY_IPV6_UNICAST], 1);
	assert_int_equal(counts.paths[FAMILY_IPV4_UNICAST], 8);
	assert_int_equal(counts.paths[FAMILY_IPV6_UNICAST], 1);
	assert_int_equal(counts.peers, 3);
	assert_int_equal(counts.groups, 3);
	assert_int_equal(counts.updates_received, 9);
	assert_true(counts.attribute_sets >= 7);
	peer = speaker_counts(&f.speaker[0]);
	assert_int_equal(peer.paths[FAMILY_IPV4_UNICAST], 3);
	assert_int_equal(peer.best[FAMILY_IPV4_UNICAST], 1);
	assert_int_equal(peer.advertised[FAMILY_IPV4_UNICAST], 5);
	assert_int_equal(peer.advertised[FAMILY_IPV6_UNICAST], 1);
	assert_int_equal(peer.updates_received, 3);
	assert_int_equal(peer.output_backlog, 0);
	peer = speaker_counts(&f.speaker[1]);
	assert_int_equal(peer.best[FAMILY_IPV4_UNICAST], 3);
	assert_int_equal(peer.advertised[FAMILY_IPV4_UNICAST], 3);
	/* The best path goes: the next one counts for its peer. */
	withdraw(&f.speaker[1], "10.1.0.0/16");
	assert_int_equal(speaker_counts(&f.speaker[1]).best[FAMILY_IPV4_UNICAST], 2);
	fixture_settle(&f);
	assert_int_equal(speaker_counts(&f.speaker[0]).best[FAMILY_IPV4_UNICAST], 2);
	assert_int_equal(speaker_counts(&f.speaker[0]).advertised[FAMILY_IPV4_UNICAST], 4);
	assert_int_equal(fixture_counts(&f).prefixes[FAMILY_IPV4_UNICAST], 6);
	f.speaker[1].deaf = true;
	announce(&f.speaker[0], "10.0.0.0/8", .local_pref = IS(201));
	fixture_settle(&f);
	assert_int_equal(speaker_counts(&f.speaker[1]).output_backlog, 60); /* that UPDATE */
	for (unsigned i = 0; i < 5000; i++) {
		char text[PREFIX_TEXT_MAX];

		snprintf(text, sizeof(text), "10.%u.%u.0/24", 2 + i / 256, i % 256);
		announce(&f.speaker[0], text);
	}
	assert_true(fixture_counts(&f).memory > memory + 5000 * 30);
	speaker_down(&f.speaker[1]);
	speaker_down(&f.speaker[2]); /* its table of what it heard is too small for them */
	fixture_end(&f);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(role_name(ROLE_CLIENT), "client");
	assert_string_equal(role_name(ROLE_NON_CLIENT), "non-client");
	assert_string_equal(role_name(ROLE_EXTERNAL), "external");
	assert_string_equal(drop_reason_name(DROP_ORIGINATOR_LOOP), "originator-loop");
	assert_string_equal(drop_reason_name(DROP_FOREIGN_FAMILY), "foreign-family");
	for (enum drop_reason reason = 0; reason < DROP_REASON_COUNT; reason++)
		assert_non_null(drop_reason_name(reason));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_and_best),
		cmocka_unit_test(test_received),
		cmocka_unit_test(test_advertised),
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_changes_during_a_walk),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("rib_walk", tests, NULL, NULL);
}
