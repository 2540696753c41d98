/*
 * Fuzz target: an UPDATE from any kind of peer. The first byte says who sent it (bit 0 external,
 * bit 1 4-octet AS numbers, bits 2 and 3 path IDs of IPv4 and IPv6); the rest is the body. What was
 * parsed lies in the body; canonical bytes are canonical, decode to themselves, and are what comes
 * back from a peer they are sent to; prefixes survive a rebuild.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "bgp/as_path.h"
#include "bgp/update.h"

/* Beyond the capacity of canonical bytes: NEXT_HOP and LOCAL_PREF may be added. */
#define SENT_MAX (CANONICAL_MAX + 64)

static uint8_t first[CANONICAL_MAX], sent[SENT_MAX], second[CANONICAL_MAX];

static void check_inside(struct span inner, struct span outer)
{
	FUZZ_CHECK(inner.len == 0 || (inner.bytes >= outer.bytes &&
					     inner.bytes + inner.len <= outer.bytes + outer.len));
}

/* A fault list as the log and the counters rely on it. */
static void check_faults(const struct attribute_faults *faults, const struct bgp_error *error)
{
	uint8_t strongest = 0;

	FUZZ_CHECK(faults->count <= ATTRIBUTE_FAULTS_MAX);
	for (unsigned i = 0; i < faults->count; i++) {
		FUZZ_CHECK(faults->fault[i].action > ATTRIBUTE_ACCEPT);
		FUZZ_CHECK(faults->fault[i].action <= ATTRIBUTE_RESET);
		FUZZ_CHECK(memchr(faults->fault[i].reason, 0, sizeof faults->fault[i].reason));
		FUZZ_CHECK(faults->fault[i].reason[0]);
		if (faults->fault[i].action > strongest)
			strongest = faults->fault[i].action;
	}
	FUZZ_CHECK(faults->action == strongest);
	FUZZ_CHECK((faults->action == ATTRIBUTE_ACCEPT) == (faults->count == 0));
	FUZZ_CHECK((faults->action == ATTRIBUTE_RESET) == (error->code == ERROR_UPDATE));
}

/*
 * Ascending, each type once, headers as short as can be, flags of their kind; and each value can be
 * printed.
 */
static void check_canonical(struct span canonical)
{
	struct reader r = reader_of_span(canonical);
	struct attribute_view view, found;
	int last = -1; /* type 0 is reserved, and unknown as others are */

	while (attribute_next(&r, &view)) {
		char text[40];

		FUZZ_CHECK(view.type > last);
		last = view.type;
		FUZZ_CHECK(!!(view.flags & ATTRIBUTE_FLAG_EXTENDED) == (view.value.len > 255));
		FUZZ_CHECK(view.type != ATTRIBUTE_NEXT_HOP && view.type != ATTRIBUTE_AS4_PATH &&
			   view.type != ATTRIBUTE_AS4_AGGREGATOR);
		FUZZ_CHECK(view.type != ATTRIBUTE_MP_REACH_NLRI &&
			   view.type != ATTRIBUTE_MP_UNREACH_NLRI);
		FUZZ_CHECK(attribute_find(canonical, view.type, &found));
		FUZZ_CHECK(found.value.bytes == view.value.bytes);
		FUZZ_CHECK(strlen(attribute_format(&view, text, sizeof text)) < sizeof text);
		if (view.type == ATTRIBUTE_AS_PATH)
			FUZZ_CHECK(
				as_path_valid(view.value, 4) && !as_path_contains(view.value, 0));
	}
	FUZZ_CHECK(r.left == 0);
}

static struct span encode(
	struct span canonical, const struct attribute_keys *keys, enum family family, bool as4)
{
	struct attribute_export how = { .family = family, .as4 = as4 };
	struct writer w = writer_of(sent, sizeof sent);

	attributes_encode(&w, canonical, (struct span){ keys->next_hop, keys->next_hop_len }, &how);
	FUZZ_CHECK(!w.overflow);
	return (struct span){ sent, writer_len(&w) };
}

/* Sends canonical attributes to a peer like ourselves and decodes what it gets. */
static void check_round(
	struct span canonical, const struct attribute_keys *keys, enum family family)
{
	static const struct attribute_context internal = { .as4 = true };
	struct span next_hop = { keys->next_hop, keys->next_hop_len };
	struct span on_wire = encode(canonical, keys, family, true);
	struct writer w = writer_of(second, sizeof second);
	struct attribute_faults faults = { 0 };
	struct bgp_error error = { 0 };
	struct attribute_keys again;

	attributes_decode(&on_wire, 1, family, family == FAMILY_IPV4_UNICAST ? NULL : &next_hop,
		&internal, &w, &again, &faults, &error);
	FUZZ_CHECK(faults.count == 0);
	struct span back = { second, writer_len(&w) };
	check_canonical(back);
	if (keys->flags & ATTR_HAS_LOCAL_PREF) {
		FUZZ_CHECK(back.len == canonical.len);
		FUZZ_CHECK(memcmp(back.bytes, canonical.bytes, back.len) == 0);
		FUZZ_CHECK(memcmp(&again, keys, sizeof again) == 0);
		return;
	}
	/*
	 * Encoding put a LOCAL_PREF of 100 in; nothing else may differ, so the next round keeps all
	 * of it.
	 */
	FUZZ_CHECK(back.len == canonical.len + 7);
	FUZZ_CHECK(again.flags == (keys->flags | ATTR_HAS_LOCAL_PREF));
	again.flags = keys->flags;
	FUZZ_CHECK(memcmp(&again, keys, sizeof again) == 0);
	again.flags |= ATTR_HAS_LOCAL_PREF;
	memcpy(first, second, back.len);
	check_round((struct span){ first, back.len }, &again, family);
}

/* The other ways out: nothing that we send to anybody is malformed to it. */
static void check_exports(
	struct span canonical, const struct attribute_keys *keys, enum family family)
{
	struct span next_hop = { keys->next_hop, keys->next_hop_len };

	for (unsigned bits = 0; bits < 8; bits++) {
		struct attribute_export how = { .family = family,
			.as4 = bits & 1,
			.external = bits & 2,
			.keep_med = bits & 4,
			.local_as = 4200000000u,
			.reflect = !(bits & 2),
			.originator_id = 1,
			.cluster_id = 2 };
		struct attribute_context receiver = { .external = how.external, .as4 = how.as4 };
		struct writer w = writer_of(sent, sizeof sent);
		struct writer back = writer_of(second, sizeof second);
		struct attribute_faults faults = { 0 };
		struct bgp_error error = { 0 };
		struct attribute_keys again;

		attributes_encode(&w, canonical, next_hop, &how);
		if (w.overflow)
			continue; /* an attribute at its limit of 65,535 bytes cannot grow */
		struct span on_wire = { sent, writer_len(&w) };
		attributes_decode(&on_wire, 1, family,
			family == FAMILY_IPV4_UNICAST ? NULL : &next_hop, &receiver, &back, &again,
			&faults, &error);
		if (on_wire.len <= 16384)
			FUZZ_CHECK(faults.count == 0);
		if (how.external)
			FUZZ_CHECK(!attribute_cluster_list_contains(on_wire, 2));
		else if (faults.count == 0)
			FUZZ_CHECK(attribute_cluster_list_contains(
				(struct span){ second, writer_len(&back) }, 2));
	}
}

static void check_attributes(
	const struct update *update, const struct attribute_context *context, bool mp)
{
	enum family family = mp ? update->reach_family : FAMILY_IPV4_UNICAST;
	struct writer w = writer_of(first, sizeof first);
	struct attribute_faults faults = { 0 };
	struct bgp_error error = { 0 };
	struct attribute_keys keys;

	attributes_decode(update->pieces, update->n_pieces, family,
		mp ? &update->reach_next_hop : NULL, context, &w, &keys, &faults, &error);
	FUZZ_CHECK(!w.overflow);
	check_faults(&faults, &error);
	if (faults.action > ATTRIBUTE_DISCARD)
		return;
	struct span canonical = { first, writer_len(&w) };
	check_canonical(canonical);
	FUZZ_CHECK(keys.next_hop_len == 4 || keys.next_hop_len == 16 || keys.next_hop_len == 32);
	check_exports(canonical, &keys, family);
	check_round(canonical, &keys, family);
}

/* Every prefix of a checked field can be taken, and builds a message that says the same. */
static void check_field(struct span field, enum family family, bool add_path, bool reach)
{
	static uint8_t message[BGP_MESSAGE_EXTENDED_MAX];
	static const uint8_t next_hop[16] = { 0x20, 1 };
	struct attribute_context context = { .as4 = true,
		.add_path_receive = add_path ? FAMILIES_ALL : 0 };
	struct reader r = reader_of_span(field);
	struct writer w = writer_of(message, sizeof message);
	struct update_builder b;
	struct nlri nlri;
	unsigned count = 0;

	FUZZ_CHECK(reach ? update_begin_reach(&b, &w, sizeof message, family, add_path,
				   (struct span){ next_hop, 16 }, (struct span){ next_hop, 0 })
			 : update_begin_unreach(&b, &w, sizeof message, family, add_path));
	while (nlri_next(&r, family, add_path, &nlri)) {
		struct prefix masked = nlri.prefix;

		prefix_mask(&masked);
		FUZZ_CHECK(prefix_equal(&masked, &nlri.prefix));
		if (update_add(&b, &nlri.prefix, nlri.path_id))
			count++;
	}
	FUZZ_CHECK(r.left == 0);
	update_end(&b);
	FUZZ_CHECK(!w.overflow && b.count == count);
	if (count == 0) {
		FUZZ_CHECK(writer_len(&w) == 0);
		return;
	}

	struct update again;
	struct attribute_faults faults;
	struct bgp_error error = { 0 };
	update_parse((struct span){ message + BGP_HEADER_LEN, writer_len(&w) - BGP_HEADER_LEN },
		&context, &again, &faults, &error);
	FUZZ_CHECK(faults.count == 0 && !again.end_of_rib);
	bool ipv4 = family == FAMILY_IPV4_UNICAST;
	struct span rebuilt = reach ? (ipv4 ? again.nlri : again.reach_nlri)
				    : (ipv4 ? again.withdrawn : again.unreach_nlri);
	struct reader old = reader_of_span(field), new = reader_of_span(rebuilt);
	while (count-- > 0) {
		struct nlri other;

		FUZZ_CHECK(nlri_next(&old, family, add_path, &nlri));
		FUZZ_CHECK(nlri_next(&new, family, add_path, &other));
		FUZZ_CHECK(nlri.path_id == other.path_id);
		FUZZ_CHECK(prefix_equal(&nlri.prefix, &other.prefix));
	}
	FUZZ_CHECK(new.left == 0);
}

static void check_update(struct span body, const struct attribute_context *context)
{
	struct update update;
	struct attribute_faults faults;
	struct bgp_error error = { 0 };
	unsigned ids = context->add_path_receive;

	update_parse(body, context, &update, &faults, &error);
	check_faults(&faults, &error);
	if (faults.action == ATTRIBUTE_RESET)
		return;
	check_inside(update.withdrawn, body);
	check_inside(update.nlri, body);
	check_inside(update.reach_next_hop, body);
	FUZZ_CHECK(update.n_pieces <= UPDATE_PIECES_MAX);
	for (size_t i = 0; i < update.n_pieces; i++)
		check_inside(update.pieces[i], body);
	check_field(update.withdrawn, FAMILY_IPV4_UNICAST, ids & 1, false);
	check_field(update.nlri, FAMILY_IPV4_UNICAST, ids & 1, true);
	if (update.has_mp_reach) {
		check_inside(update.reach_nlri, body);
		check_field(update.reach_nlri, update.reach_family,
			ids & FAMILY_BIT(update.reach_family), true);
		check_attributes(&update, context, true);
	}
	if (update.has_mp_unreach) {
		check_inside(update.unreach_nlri, body);
		check_field(update.unreach_nlri, update.unreach_family,
			ids & FAMILY_BIT(update.unreach_family), false);
	}
	if (update.nlri.len > 0)
		check_attributes(&update, context, false);
	if (update.end_of_rib)
		FUZZ_CHECK(update.n_pieces == 0 && update.nlri.len == 0 &&
			   update.withdrawn.len == 0 && !update.has_mp_reach);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > BGP_MESSAGE_EXTENDED_MAX - BGP_HEADER_LEN + 1)
		return 0;
	struct attribute_context context = { .external = data[0] & 1,
		.as4 = data[0] & 2,
		.add_path_receive = data[0] >> 2 & FAMILIES_ALL };
	check_update((struct span){ data + 1, size - 1 }, &context);
	return 0;
}
