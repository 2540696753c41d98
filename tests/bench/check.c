#include "tests/bench/check.h"

#include <stdlib.h>
#include <string.h>

#include "bgp/as_path.h"

#define VALUE_TEXT_MAX 65536

/* One path that others must hold. */
struct expected {
	uint32_t base; /* slot of its prefix */
	uint32_t set;
	const struct speaker *announcer;
};

struct path {
	uint32_t base;
	uint32_t set;
};

struct checker {
	struct bench *bench;
	const struct check_rules *rules;
	struct expected *expected; /* in order of base */
	size_t n_expected, max_expected;
	struct path *paths; /* of one ADD-PATH client, in order of base and set */
	size_t n_paths, max_paths;
	struct path *wanted; /* of one prefix, from others, in order of set */
	size_t max_wanted;
	FILE *to;
	unsigned limit, written;
	struct check_result *result;
};

static void write_u32_attribute(struct writer *w, uint8_t flags, uint8_t type, uint32_t value)
{
	write_u8(w, flags);
	write_u8(w, type);
	write_u8(w, 4);
	write_u32(w, value);
}

static void copy_attribute(struct writer *w, const struct attribute_view *view)
{
	write_u8(w, view->flags);
	write_u8(w, view->type);
	if ((view->flags & ATTRIBUTE_FLAG_EXTENDED) != 0)
		write_u16(w, (uint16_t)view->value.len);
	else
		write_u8(w, (uint8_t)view->value.len);
	write_bytes(w, view->value.bytes, view->value.len);
}

/* CLUSTER_LIST with the reflector's cluster ID in front (RFC 4456 section 8). */
static void write_cluster_list(struct writer *w, struct span list, uint32_t cluster_id)
{
	size_t len = list.len + 4;

	write_u8(w, len > 255 ? ATTRIBUTE_FLAG_OPTIONAL | ATTRIBUTE_FLAG_EXTENDED
			      : ATTRIBUTE_FLAG_OPTIONAL);
	write_u8(w, ATTRIBUTE_CLUSTER_LIST);
	if (len > 255)
		write_u16(w, (uint16_t)len);
	else
		write_u8(w, (uint8_t)len);
	write_u32(w, cluster_id);
	write_bytes(w, list.bytes, list.len);
}

/* The set as a client is sent it: by whatever is between. */
static uint32_t reflected_set(
	struct bench *bench, uint32_t set, uint32_t originator_id, const struct check_rules *rules)
{
	static const uint8_t added[] = { ATTRIBUTE_MED, ATTRIBUTE_LOCAL_PREF,
		ATTRIBUTE_ORIGINATOR_ID, ATTRIBUTE_CLUSTER_LIST };
	const struct attribute_set *from = table_set_of(bench->table, set);
	uint8_t *bytes = malloc(from->canonical_len + 64);
	if (bytes == NULL)
		return 0;
	struct writer w = writer_of(bytes, from->canonical_len + 64);
	struct reader r = reader_of_span(attribute_set_canonical(from));
	struct attribute_view view;
	bool more = attribute_next(&r, &view);

	for (size_t i = 0; i < sizeof(added); i++) {
		for (; more && view.type < added[i]; more = attribute_next(&r, &view))
			copy_attribute(&w, &view);
		bool present = more && view.type == added[i];

		if (added[i] == ATTRIBUTE_CLUSTER_LIST && !rules->verbatim)
			write_cluster_list(&w, present ? view.value : (struct span){ NULL, 0 },
				rules->cluster_id);
		else if (present)
			copy_attribute(&w, &view);
		else if (added[i] == ATTRIBUTE_MED && rules->med_zero)
			write_u32_attribute(&w, ATTRIBUTE_FLAG_OPTIONAL, added[i], 0);
		else if (added[i] == ATTRIBUTE_LOCAL_PREF)
			write_u32_attribute(&w, ATTRIBUTE_FLAG_TRANSITIVE, added[i], 100);
		else if (added[i] == ATTRIBUTE_ORIGINATOR_ID && !rules->verbatim)
			write_u32_attribute(&w, ATTRIBUTE_FLAG_OPTIONAL, added[i], originator_id);
		if (present)
			more = attribute_next(&r, &view);
	}
	for (; more; more = attribute_next(&r, &view))
		copy_attribute(&w, &view);
	/* RFC 2545 section 3: a link-local address goes along only to a peer on the next hop's own
	 * subnet. */
	struct span next_hop = attribute_set_next_hop(from);
	if (next_hop.len == 32 && !rules->verbatim)
		next_hop.len = 16;
	uint32_t reflected = w.overflow ? 0
					: table_set(bench->table,
						  (struct span){ bytes, writer_len(&w) }, next_hop);
	free(bytes);
	return reflected;
}

static int expected_compare(const void *a, const void *b)
{
	const struct expected *x = a, *y = b;

	return (x->base > y->base) - (x->base < y->base);
}

static int path_compare(const void *a, const void *b)
{
	const struct path *x = a, *y = b;

	if (x->base != y->base)
		return x->base < y->base ? -1 : 1;
	return (x->set > y->set) - (x->set < y->set);
}

static bool expect_routes(
	struct checker *checker, const struct speaker *speaker, const struct check_rules *rules)
{
	uint32_t last = 0, last_reflected = 0;

	for (uint32_t i = 0; i < speaker->n_routes; i++) {
		const struct route *route = &speaker->routes[i];
		const struct slot *slot = table_slot_of(checker->bench->table, route->slot);

		if (route->set == 0 ||
			(speaker->negotiated.families & FAMILY_BIT(slot->prefix.family)) == 0)
			continue;
		if (route->set != last) {
			last_reflected = reflected_set(
				checker->bench, route->set, speaker->bgp_id, rules);
			last = route->set;
		}
		if (last_reflected == 0)
			return false;
		if (checker->n_expected == checker->max_expected) {
			size_t max = checker->max_expected ? checker->max_expected * 2 : 1024;
			struct expected *bigger = realloc(checker->expected, max * sizeof(*bigger));

			if (bigger == NULL)
				return false;
			checker->expected = bigger;
			checker->max_expected = max;
		}
		checker->expected[checker->n_expected++] = (struct expected){ slot->base,
			last_reflected, speaker };
	}
	return true;
}

static void format_set(const struct table *table, uint32_t set, char *text, size_t size)
{
	if (set == 0) {
		snprintf(text, size, "no path");
		return;
	}
	const struct attribute_set *attributes = table_set_of(table, set);
	struct ip_address next_hop = { .len = attributes->next_hop_len == 4 ? 4 : 16 };
	struct reader r = reader_of_span(attribute_set_canonical(attributes));
	struct attribute_view view;
	char address[IP_ADDRESS_TEXT_MAX], value[200];
	size_t at;

	memcpy(next_hop.bytes, attributes->next_hop, next_hop.len);
	at = (size_t)snprintf(text, size, "next-hop %s", ip_address_format(&next_hop, address));
	while (attribute_next(&r, &view) && at < size) {
		const char *key = attribute_key(view.type);

		at += (size_t)snprintf(text + at, size - at, " %s %s", key ? key : "unknown",
			attribute_format(&view, value, sizeof(value)));
	}
}

/* The bytes, where the text does not show the difference: flags, a link-local next hop, unknown
 * attributes. */
static void format_bytes(const struct table *table, uint32_t set, char *text, size_t size)
{
	const struct attribute_set *attributes = table_set_of(table, set);
	size_t at = (size_t)snprintf(text, size, "next hop ");

	for (size_t i = 0; i < attributes->next_hop_len && at < size; i++)
		at += (size_t)snprintf(text + at, size - at, "%02x", attributes->next_hop[i]);
	if (at < size)
		at += (size_t)snprintf(text + at, size - at, " attributes ");
	for (size_t i = 0; i < attributes->canonical_len && at < size; i++)
		at += (size_t)snprintf(text + at, size - at, "%02x", attributes->canonical[i]);
}

static void difference(struct checker *checker, const struct speaker *client, uint32_t base,
	uint32_t found, uint32_t expected)
{
	char name[128], prefix[PREFIX_TEXT_MAX], text[2400], a[1024], b[1024];
	const struct table *table = checker->bench->table;

	checker->result->differences++;
	if (checker->written == checker->limit)
		return;
	format_set(table, found, a, sizeof(a));
	format_set(table, expected, b, sizeof(b));
	if (found != 0 && expected != 0 && strcmp(a, b) == 0) {
		format_bytes(table, found, a, sizeof(a));
		format_bytes(table, expected, b, sizeof(b));
	}
	snprintf(text, sizeof(text), "%s %s: found %s, expected %s",
		speaker_name(client, name, sizeof(name)),
		prefix_format(&table_slot_of(table, base)->prefix, prefix), a, b);
	if (checker->written++ > 0)
		fputc(',', checker->to);
	json_string(checker->to, text);
}

static uint32_t held(const struct speaker *client, uint32_t slot)
{
	return slot < client->adj_rib_in_len ? client->adj_rib_in[slot] : 0;
}

/* The paths of ADD-PATH families, whose path IDs are the reflector's choice. */
static bool collect_paths(struct checker *checker, const struct speaker *client)
{
	const struct table *table = checker->bench->table;
	size_t room = (size_t)client->received[0] + client->received[1];

	checker->n_paths = 0;
	if (room > checker->max_paths) {
		struct path *bigger = realloc(checker->paths, room * sizeof(*bigger));

		if (bigger == NULL)
			return false;
		checker->paths = bigger;
		checker->max_paths = room;
	}
	for (uint32_t i = 0; i < client->adj_rib_in_len; i++) {
		if (client->adj_rib_in[i] == 0)
			continue;
		const struct slot *slot = table_slot_of(table, i);

		if (client->negotiated.add_path_receive & FAMILY_BIT(slot->prefix.family))
			checker->paths[checker->n_paths++] = (struct path){ slot->base,
				client->adj_rib_in[i] };
	}
	qsort(checker->paths, checker->n_paths, sizeof(*checker->paths), path_compare);
	return true;
}

/* A number of a set's attributes: the MED, LOCAL_PREF or ORIGIN; `absent` without it. */
static uint32_t number_of(struct span canonical, uint8_t type, uint32_t absent)
{
	struct attribute_view view;
	uint32_t number = 0;

	if (!attribute_find(canonical, type, &view))
		return absent;
	for (size_t i = 0; i < view.value.len; i++)
		number = number << 8 | view.value.bytes[i];
	return number;
}

/* AS_PATH length and neighbor AS (RFC 4271 section 9.1.2.2 a and c): an AS_SET counts one and is no
 * neighbor AS. */
static unsigned path_length(struct span canonical, uint32_t *neighbor_as)
{
	struct attribute_view view = { 0 };
	uint8_t type, count;
	unsigned length = 0;

	*neighbor_as = 0;
	if (!attribute_find(canonical, ATTRIBUTE_AS_PATH, &view))
		return 0;
	struct reader r = reader_of_span(view.value);
	while (read_u8(&r, &type) && read_u8(&r, &count)) {
		for (unsigned i = 0; i < count; i++) {
			uint32_t as = 0;

			(void)!read_u32(&r, &as);
			if (length == 0 && i == 0 && type == AS_SEQUENCE)
				*neighbor_as = as;
		}
		length += type == AS_SEQUENCE ? count : type == AS_SET;
	}
	return length;
}

/* Is `a` better than `b`, both from internal peers at the same distance (RFC 4271 section 9.1.2.2,
 * RFC 4456 section 9)? */
static bool is_better(const struct table *table, const struct expected *a, const struct expected *b)
{
	struct span x = attribute_set_canonical(table_set_of(table, a->set));
	struct span y = attribute_set_canonical(table_set_of(table, b->set));
	uint32_t as_x, as_y;
	int64_t by = (int64_t)number_of(y, ATTRIBUTE_LOCAL_PREF, 100) -
		     number_of(x, ATTRIBUTE_LOCAL_PREF, 100);
	if (by == 0)
		by = (int64_t)path_length(x, &as_x) - path_length(y, &as_y);
	else
		return by < 0;
	if (by == 0)
		by = (int64_t)number_of(x, ATTRIBUTE_ORIGIN, 0) - number_of(y, ATTRIBUTE_ORIGIN, 0);
	if (by == 0 && as_x == as_y)
		by = (int64_t)number_of(x, ATTRIBUTE_MED, 0) - number_of(y, ATTRIBUTE_MED, 0);
	if (by == 0)
		by = (int64_t)number_of(x, ATTRIBUTE_ORIGINATOR_ID, a->announcer->bgp_id) -
		     number_of(y, ATTRIBUTE_ORIGINATOR_ID, b->announcer->bgp_id);
	return by < 0;
}

/* One prefix of which every client must have the best path of all; it is not sent back to its
 * announcer. */
static unsigned check_decided(
	struct checker *checker, const struct speaker *client, const struct expected *run, size_t n)
{
	const struct expected *best = &run[0];
	uint32_t found = held(client, run[0].base), expected;

	for (size_t i = 1; i < n; i++) {
		if (is_better(checker->bench->table, &run[i], best))
			best = &run[i];
	}
	expected = best->announcer != client ? best->set : 0;
	checker->result->compared += expected != 0;
	if (found != expected)
		difference(checker, client, run[0].base, found, expected);
	return found != 0;
}

/* One prefix at a client without ADD-PATH; returns how many paths it rightly holds of it. */
static unsigned check_best(
	struct checker *checker, const struct speaker *client, const struct expected *run, size_t n)
{
	uint32_t found = held(client, run[0].base), candidate = 0;
	bool own = false;

	for (size_t i = 0; i < n; i++) {
		if (run[i].announcer == client) {
			own = true;
		} else {
			candidate = run[i].set;
			if (found == candidate)
				break;
		}
	}
	if (candidate != 0)
		checker->result->compared++;
	/* Where the client announces the prefix too, its own path may be the best: it is not sent
	 * back. */
	if (found != candidate && !(found == 0 && own))
		difference(checker, client, run[0].base, found, candidate);
	return found != 0;
}

/* One prefix at an ADD-PATH client: exactly the paths of the others. `*at` runs through
 * checker->paths. */
static unsigned check_all(struct checker *checker, const struct speaker *client,
	const struct expected *run, size_t n, size_t *at)
{
	size_t n_wanted = 0, i = 0;
	unsigned held_paths = 0;
	uint32_t base = run[0].base;

	for (size_t k = 0; k < n; k++) {
		if (run[k].announcer != client)
			checker->wanted[n_wanted++] = (struct path){ base, run[k].set };
	}
	qsort(checker->wanted, n_wanted, sizeof(*checker->wanted), path_compare);
	checker->result->compared += n_wanted;
	/* Paths in between belong to prefixes that nobody announces; the count of extra paths finds
	 * them. */
	while (*at < checker->n_paths && checker->paths[*at].base < base)
		(*at)++;
	for (; *at < checker->n_paths && checker->paths[*at].base == base; (*at)++, held_paths++) {
		uint32_t set = checker->paths[*at].set;

		for (; i < n_wanted && checker->wanted[i].set < set; i++)
			difference(checker, client, base, 0, checker->wanted[i].set);
		if (i < n_wanted && checker->wanted[i].set == set)
			i++;
		else
			difference(checker, client, base, set, 0);
	}
	for (; i < n_wanted; i++)
		difference(checker, client, base, 0, checker->wanted[i].set);
	return held_paths;
}

static bool is_expected(const struct checker *checker, uint32_t base)
{
	const struct expected key = { .base = base };

	return bsearch(&key, checker->expected, checker->n_expected, sizeof(key),
		       expected_compare) != NULL;
}

/* Names the paths of prefixes that nobody announces. */
static void check_extra(struct checker *checker, const struct speaker *client)
{
	for (uint32_t i = 0; i < client->adj_rib_in_len; i++) {
		if (client->adj_rib_in[i] == 0)
			continue;
		uint32_t base = table_slot_of(checker->bench->table, i)->base;
		uint8_t family = table_slot_of(checker->bench->table, i)->prefix.family;

		/* A path ID from a session without ADD-PATH, or a family that was not negotiated,
		 * is as wrong. */
		if (!is_expected(checker, base) ||
			(client->negotiated.families & FAMILY_BIT(family)) == 0 ||
			(i != base && !(client->negotiated.add_path_receive & FAMILY_BIT(family))))
			difference(checker, client, base, client->adj_rib_in[i], 0);
	}
}

static bool check_client(struct checker *checker, const struct speaker *client)
{
	const struct table *table = checker->bench->table;
	uint64_t rightly = 0, before = checker->result->differences;
	size_t at = 0;

	checker->result->clients++;
	checker->result->faults += client->counters.faults;
	if (client->state != SPEAKER_ESTABLISHED) {
		char name[128], text[256];

		checker->result->differences++;
		snprintf(text, sizeof(text), "%s: session not established",
			speaker_name(client, name, sizeof(name)));
		if (checker->written < checker->limit) {
			if (checker->written++ > 0)
				fputc(',', checker->to);
			json_string(checker->to, text);
		}
		return true;
	}
	if (client->negotiated.add_path_receive != 0 && !collect_paths(checker, client))
		return false;
	for (size_t first = 0, next; first < checker->n_expected; first = next) {
		const struct expected *run = &checker->expected[first];
		uint8_t family = table_slot_of(table, run->base)->prefix.family;

		for (next = first + 1;
			next < checker->n_expected && checker->expected[next].base == run->base;)
			next++;
		if ((client->negotiated.families & FAMILY_BIT(family)) == 0)
			continue;
		if ((client->negotiated.add_path_receive & FAMILY_BIT(family)) != 0)
			rightly += check_all(checker, client, run, next - first, &at);
		else if (checker->rules->best)
			rightly += check_decided(checker, client, run, next - first);
		else
			rightly += check_best(checker, client, run, next - first);
	}
	if (rightly != (uint64_t)client->received[0] + client->received[1])
		check_extra(checker, client);
	/* An oversight of this checker must not pass for a right table. */
	if (rightly != (uint64_t)client->received[0] + client->received[1] &&
		checker->result->differences == before)
		checker->result->differences++;
	return true;
}

/* Room for the longest run of paths of one prefix. */
static bool wanted_room(struct checker *checker)
{
	size_t run = 0;

	for (size_t i = 0; i < checker->n_expected; i++) {
		run = i > 0 && checker->expected[i].base == checker->expected[i - 1].base ? run + 1
											  : 1;
		if (run > checker->max_wanted)
			checker->max_wanted = run;
	}
	checker->wanted = malloc((checker->max_wanted + 1) * sizeof(*checker->wanted));
	return checker->wanted != NULL;
}

bool check_reflected(struct bench *bench, const struct selection *selection,
	const struct check_rules *rules, unsigned limit, FILE *differences,
	struct check_result *result)
{
	struct checker checker = {
		.bench = bench, .rules = rules, .to = differences, .limit = limit, .result = result
	};
	bool done = true;

	*result = (struct check_result){ 0 };
	for (struct speaker_group *group = bench->groups; group != NULL; group = group->next) {
		for (uint32_t i = 0; i < group->count && done; i++) {
			if (group->speakers[i].state == SPEAKER_ESTABLISHED)
				done = expect_routes(&checker, &group->speakers[i], rules);
		}
	}
	if (checker.n_expected > 0)
		qsort(checker.expected, checker.n_expected, sizeof(*checker.expected),
			expected_compare);
	done = done && wanted_room(&checker);
	for (uint32_t i = selection->first; done && i <= selection->last; i++)
		done = check_client(&checker, &selection->group->speakers[i]);
	free(checker.expected);
	free(checker.paths);
	free(checker.wanted);
	return done;
}

/* Communities as numbers, whatever names they have: "65535:65281". */
static void format_communities(struct span value, char *text, size_t size)
{
	struct reader r = reader_of_span(value);
	uint16_t high, low;
	size_t at = 0;

	text[0] = '\0';
	while (read_u16(&r, &high) && read_u16(&r, &low) && at < size)
		at += (size_t)snprintf(text + at, size - at, at ? " %u:%u" : "%u:%u", high, low);
}

static void dump_path(const struct attribute_set *set, FILE *to, char *text)
{
	static const uint8_t columns[] = { ATTRIBUTE_AS_PATH, ATTRIBUTE_ORIGIN,
		ATTRIBUTE_LOCAL_PREF, ATTRIBUTE_MED, ATTRIBUTE_COMMUNITIES, ATTRIBUTE_ORIGINATOR_ID,
		ATTRIBUTE_CLUSTER_LIST };
	struct ip_address next_hop = { .len = set->next_hop_len == 4 ? 4 : 16 };
	struct reader r = reader_of_span(attribute_set_canonical(set));
	struct attribute_view view;
	char address[IP_ADDRESS_TEXT_MAX];
	const char *separator = "";

	memcpy(next_hop.bytes, set->next_hop, next_hop.len);
	fprintf(to, "%s|", ip_address_format(&next_hop, address));
	for (size_t i = 0; i < sizeof(columns); i++) {
		if (!attribute_find(attribute_set_canonical(set), columns[i], &view))
			text[0] = '\0';
		else if (view.type == ATTRIBUTE_COMMUNITIES)
			format_communities(view.value, text, VALUE_TEXT_MAX);
		else if (view.type == ATTRIBUTE_AS_PATH)
			as_path_format(view.value, text, VALUE_TEXT_MAX);
		else
			attribute_format(&view, text, VALUE_TEXT_MAX);
		fprintf(to, "%s|", text);
	}
	while (attribute_next(&r, &view)) {
		if (memchr(columns, view.type, sizeof(columns)) != NULL)
			continue;
		fprintf(to, "%s%u=%s", separator, view.type,
			attribute_format(&view, text, VALUE_TEXT_MAX));
		separator = " ";
	}
	fputc('\n', to);
}

static int slot_compare(const void *a, const void *b, void *context)
{
	const struct table *table = context;
	const struct slot *x = table_slot_of(table, *(const uint32_t *)a);
	const struct slot *y = table_slot_of(table, *(const uint32_t *)b);
	int order = prefix_compare(&x->prefix, &y->prefix);

	return order != 0 ? order : (x->path_id > y->path_id) - (x->path_id < y->path_id);
}

bool dump_adj_rib_in(const struct bench *bench, const struct speaker *speaker, FILE *to)
{
	size_t count = (size_t)speaker->received[0] + speaker->received[1], n = 0;
	uint32_t *slots = malloc((count + 1) * sizeof(*slots));
	char *text = malloc(VALUE_TEXT_MAX);

	if (slots == NULL || text == NULL) {
		free(slots);
		free(text);
		return false;
	}
	for (uint32_t i = 0; i < speaker->adj_rib_in_len && n < count; i++) {
		if (speaker->adj_rib_in[i] != 0)
			slots[n++] = i;
	}
	qsort_r(slots, n, sizeof(*slots), slot_compare, bench->table);
	for (size_t i = 0; i < n; i++) {
		const struct slot *slot = table_slot_of(bench->table, slots[i]);
		char prefix[PREFIX_TEXT_MAX];

		fprintf(to, "%s|%u|", prefix_format(&slot->prefix, prefix), slot->path_id);
		dump_path(table_set_of(bench->table, speaker->adj_rib_in[slots[i]]), to, text);
	}
	free(slots);
	free(text);
	return true;
}
