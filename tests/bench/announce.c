#include "tests/bench/announce.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "bgp/as_path.h"

static bool parse_u32(const char *text, uint32_t *value)
{
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	unsigned long long number = strtoull(text, &end, 0);
	if (*end != '\0' || number > UINT32_MAX)
		return false;
	*value = (uint32_t)number;
	return true;
}

/* "65000 65001 {1,2} 3": runs of numbers are AS_SEQUENCEs, braces AS_SETs. */
static bool spec_as_path(struct attribute_spec *spec, const char *text)
{
	struct writer w = writer_of(spec->as_path, sizeof(spec->as_path));
	size_t count_at = 0;
	bool in_set = false, open = false;

	for (const char *at = text; *at != '\0';) {
		if (*at == ' ' || *at == ',') {
			at++;
		} else if (*at == '{' || *at == '}') {
			if ((*at == '{') == in_set)
				return false;
			in_set = *at == '{';
			open = false;
			at++;
		} else if (isdigit((unsigned char)*at)) {
			char *end;
			unsigned long long as = strtoull(at, &end, 10);

			if (as > UINT32_MAX)
				return false;
			if (!open || w.start[count_at] == 255) {
				write_u8(&w, in_set ? AS_SET : AS_SEQUENCE);
				count_at = writer_len(&w);
				write_u8(&w, 0);
				open = true;
			}
			write_u32(&w, (uint32_t)as);
			if (w.overflow)
				return false;
			w.start[count_at]++;
			at = end;
		} else {
			return false;
		}
	}
	spec->as_path_len = writer_len(&w);
	return !in_set && !w.overflow;
}

/* "65000:1" or a number. */
static bool spec_community(struct attribute_spec *spec, const char *text)
{
	unsigned high, low;
	int end = 0;
	uint32_t value;

	if (sscanf(text, "%u:%u%n", &high, &low, &end) == 2 && text[end] == '\0' && high <= 65535 &&
		low <= 65535)
		value = high << 16 | low;
	else if (!parse_u32(text, &value))
		return false;
	if (spec->n_communities == SPEC_VALUES_MAX)
		return false;
	spec->communities[spec->n_communities++] = value;
	return true;
}

static bool spec_large_community(struct attribute_spec *spec, const char *text)
{
	uint32_t *value = spec->large[spec->n_large];
	int end = 0;

	if (spec->n_large == SPEC_VALUES_MAX ||
		sscanf(text, "%u:%u:%u%n", &value[0], &value[1], &value[2], &end) != 3 ||
		text[end] != '\0')
		return false;
	spec->n_large++;
	return true;
}

static bool spec_next_hop(struct attribute_spec *spec, const char *text)
{
	char copy[IP_ADDRESS_TEXT_MAX + 2];
	size_t len = strlen(text);

	if (strcmp(text, "self") == 0) {
		spec->next_hop_kind = NEXT_HOP_OF_SELF;
		return true;
	}
	if (len == 0 || len >= sizeof(copy))
		return false;
	memcpy(copy, text, len + 1);
	spec->next_hop_kind = copy[len - 1] == '+' ? NEXT_HOP_COUNTED : NEXT_HOP_FIXED;
	if (copy[len - 1] == '+')
		copy[len - 1] = '\0';
	return ip_address_parse(copy, &spec->next_hop);
}

static bool spec_origin(struct attribute_spec *spec, const char *text)
{
	static const char *const names[] = { "igp", "egp", "incomplete" };

	for (uint8_t i = 0; i < 3; i++) {
		if (strcasecmp(text, names[i]) == 0) {
			spec->origin = i;
			return true;
		}
	}
	return false;
}

static bool spec_med(struct attribute_spec *spec, const char *text)
{
	spec->has_med = true;
	return parse_u32(text, &spec->med);
}

static bool spec_local_pref(struct attribute_spec *spec, const char *text)
{
	spec->has_local_pref = true;
	return parse_u32(text, &spec->local_pref);
}

static bool spec_originator_id(struct attribute_spec *spec, const char *text)
{
	spec->has_originator_id = true;
	return bgp_id_parse(text, &spec->originator_id);
}

static bool spec_cluster_id(struct attribute_spec *spec, const char *text)
{
	return spec->n_cluster_list < SPEC_VALUES_MAX &&
	       bgp_id_parse(text, &spec->cluster_list[spec->n_cluster_list++]);
}

static bool spec_atomic_aggregate(struct attribute_spec *spec, const char *text)
{
	spec->atomic_aggregate = strcmp(text, "yes") == 0;
	return spec->atomic_aggregate || strcmp(text, "no") == 0;
}

/* "99:c0:00ff": type, flags and value of any attribute, flags and value in hexadecimal. */
static bool spec_raw(struct attribute_spec *spec, const char *text)
{
	unsigned type, flags, byte;
	int end = 0;

	if (spec->n_raw == SPEC_RAW_MAX || sscanf(text, "%u:%x:%n", &type, &flags, &end) != 2 ||
		end == 0 || type > 255 || flags > 255)
		return false;
	spec->raw[spec->n_raw].type = (uint8_t)type;
	spec->raw[spec->n_raw].flags = (uint8_t)(flags & ~(unsigned)ATTRIBUTE_FLAG_EXTENDED);
	spec->raw[spec->n_raw].len = 0;
	for (text += end; *text != '\0'; text += 2) {
		if (spec->raw[spec->n_raw].len == 255 || !isxdigit((unsigned char)text[0]) ||
			!isxdigit((unsigned char)text[1]) || sscanf(text, "%2x", &byte) != 1)
			return false;
		spec->raw[spec->n_raw].value[spec->raw[spec->n_raw].len++] = (uint8_t)byte;
	}
	spec->n_raw++;
	return true;
}

static const struct {
	const char *key;
	bool (*read)(struct attribute_spec *spec, const char *text);
	const char *expected;
} spec_keys[] = {
	{ "origin", spec_origin, "igp, egp or incomplete" },
	{ "as-path", spec_as_path, "AS numbers in quotes, AS_SETs in braces" },
	{ "next-hop", spec_next_hop, "self, an address, or an address followed by +" },
	{ "med", spec_med, "a number" },
	{ "local-pref", spec_local_pref, "a number" },
	{ "community", spec_community, "65000:1" },
	{ "large-community", spec_large_community, "65000:1:2" },
	{ "originator-id", spec_originator_id, "a BGP Identifier such as 10.0.0.1" },
	{ "cluster-id", spec_cluster_id, "a cluster ID such as 10.0.0.1" },
	{ "atomic-aggregate", spec_atomic_aggregate, "yes or no" },
	{ "attribute", spec_raw, "TYPE:FLAGS:VALUE such as 99:c0:00ff" },
};

int attribute_spec_word(struct attribute_spec *spec, char **words, size_t n_words, size_t *at,
	char *error, size_t size)
{
	for (size_t i = 0; i < sizeof(spec_keys) / sizeof(spec_keys[0]); i++) {
		if (strcmp(words[*at], spec_keys[i].key) != 0)
			continue;
		if (*at + 1 == n_words) {
			snprintf(error, size, "%s: nothing found, expected %s", words[*at],
				spec_keys[i].expected);
			return -1;
		}
		if (!spec_keys[i].read(spec, words[*at + 1])) {
			snprintf(error, size, "%s: found \"%s\", expected %s", words[*at],
				words[*at + 1], spec_keys[i].expected);
			return -1;
		}
		*at += 2;
		return 1;
	}
	return 0;
}

static void write_attribute(
	struct writer *w, uint8_t flags, uint8_t type, const void *value, size_t len)
{
	write_u8(w, len > 255 ? flags | ATTRIBUTE_FLAG_EXTENDED : flags);
	write_u8(w, type);
	if (len > 255)
		write_u16(w, (uint16_t)len);
	else
		write_u8(w, (uint8_t)len);
	write_bytes(w, value, len);
}

static void write_attribute_u32s(
	struct writer *w, uint8_t flags, uint8_t type, const uint32_t *values, size_t n)
{
	uint8_t bytes[SPEC_VALUES_MAX * 3 * 4];
	struct writer value = writer_of(bytes, sizeof(bytes));

	for (size_t i = 0; i < n; i++)
		write_u32(&value, values[i]);
	if (n > 0)
		write_attribute(w, flags, type, bytes, writer_len(&value));
}

static void write_raw(
	struct writer *w, const struct attribute_spec *spec, unsigned from, unsigned to)
{
	for (unsigned type = from; type <= to; type++) {
		for (size_t i = 0; i < spec->n_raw; i++) {
			if (spec->raw[i].type == type)
				write_attribute(w, spec->raw[i].flags, spec->raw[i].type,
					spec->raw[i].value, spec->raw[i].len);
		}
	}
}

/* Our own address as next hop; where the session is of the other family, an address made of it
 * (README.md says how). */
static struct ip_address next_hop_self(const struct speaker *speaker, enum family family)
{
	const struct ip_address *local = &speaker->local;
	struct ip_address address = { .len = family_address_len(family) };

	if (local->len == address.len)
		return *local;
	if (address.len == 16) {
		address.bytes[0] = 0xfd;
		memcpy(address.bytes + 12, local->bytes, 4);
	} else {
		address.bytes[0] = 10;
		memcpy(address.bytes + 1, local->bytes + 13, 3);
	}
	return address;
}

uint32_t attribute_spec_set(const struct attribute_spec *spec, struct table *table,
	const struct speaker *speaker, enum family family)
{
	const uint8_t well_known = ATTRIBUTE_FLAG_TRANSITIVE;
	const uint8_t transitive = ATTRIBUTE_FLAG_OPTIONAL | ATTRIBUTE_FLAG_TRANSITIVE;
	uint8_t bytes[2 * SPEC_BYTES_MAX + 4096];
	struct writer w = writer_of(bytes, sizeof(bytes));
	struct ip_address next_hop = spec->next_hop;

	if (spec->next_hop_kind == NEXT_HOP_OF_SELF || next_hop.len != family_address_len(family))
		next_hop = next_hop_self(speaker, family);
	else if (spec->next_hop_kind == NEXT_HOP_COUNTED)
		next_hop = ip_address_plus(&spec->next_hop, speaker->index);

	write_attribute(&w, well_known, ATTRIBUTE_ORIGIN, &spec->origin, 1);
	write_attribute(&w, well_known, ATTRIBUTE_AS_PATH, spec->as_path, spec->as_path_len);
	write_attribute_u32s(&w, ATTRIBUTE_FLAG_OPTIONAL, ATTRIBUTE_MED, &spec->med, spec->has_med);
	write_attribute_u32s(
		&w, well_known, ATTRIBUTE_LOCAL_PREF, &spec->local_pref, spec->has_local_pref);
	if (spec->atomic_aggregate)
		write_attribute(&w, well_known, ATTRIBUTE_ATOMIC_AGGREGATE, "", 0);
	write_raw(&w, spec, ATTRIBUTE_AGGREGATOR, ATTRIBUTE_AGGREGATOR);
	write_attribute_u32s(
		&w, transitive, ATTRIBUTE_COMMUNITIES, spec->communities, spec->n_communities);
	write_attribute_u32s(&w, ATTRIBUTE_FLAG_OPTIONAL, ATTRIBUTE_ORIGINATOR_ID,
		&spec->originator_id, spec->has_originator_id);
	write_attribute_u32s(&w, ATTRIBUTE_FLAG_OPTIONAL, ATTRIBUTE_CLUSTER_LIST,
		spec->cluster_list, spec->n_cluster_list);
	write_raw(&w, spec, ATTRIBUTE_CLUSTER_LIST + 1, ATTRIBUTE_LARGE_COMMUNITIES - 1);
	write_attribute_u32s(
		&w, transitive, ATTRIBUTE_LARGE_COMMUNITIES, &spec->large[0][0], 3 * spec->n_large);
	write_raw(&w, spec, ATTRIBUTE_LARGE_COMMUNITIES + 1, 255);
	if (w.overflow)
		return 0;
	return table_set(table, (struct span){ bytes, writer_len(&w) },
		(struct span){ next_hop.bytes, next_hop.len });
}

static uint32_t route_hash(uint32_t slot)
{
	return slot * 2654435761u;
}

static bool route_index_grow(struct speaker *speaker)
{
	uint32_t size = speaker->route_index_size ? speaker->route_index_size * 2 : 64;
	uint32_t *index = calloc(size, sizeof(*index));

	if (index == NULL)
		return false;
	for (uint32_t i = 0; i < speaker->n_routes; i++) {
		uint32_t at = route_hash(speaker->routes[i].slot) >> 7;

		while (index[at & (size - 1)] != 0)
			at++;
		index[at & (size - 1)] = i + 1;
	}
	free(speaker->route_index);
	speaker->route_index = index;
	speaker->route_index_size = size;
	return true;
}

/* The place in the index of `slot`: where it is, or the empty place where it belongs. */
static uint32_t *route_place(struct speaker *speaker, uint32_t slot)
{
	uint32_t at = route_hash(slot) >> 7;

	for (;; at++) {
		uint32_t *place = &speaker->route_index[at & (speaker->route_index_size - 1)];

		if (*place == 0 || speaker->routes[*place - 1].slot == slot)
			return place;
	}
}

/* Room for one more in an array of uint32_t or routes. */
static bool more_room(void **array, uint32_t used, uint32_t *max, size_t size)
{
	if (used < *max)
		return true;
	uint32_t more = *max ? *max * 2 : 16;
	void *bigger = realloc(*array, more * size);

	if (bigger == NULL)
		return false;
	*array = bigger;
	*max = more;
	return true;
}

static bool pending_add(struct speaker *speaker, uint32_t route)
{
	if ((speaker->routes[route].flags & ROUTE_PENDING) != 0)
		return true;
	if (speaker->n_pending > 0 && (speaker->pending_at > speaker->max_pending / 2 ||
					      speaker->pending_at == speaker->n_pending)) {
		speaker->n_pending -= speaker->pending_at;
		memmove(speaker->pending, speaker->pending + speaker->pending_at,
			speaker->n_pending * sizeof(*speaker->pending));
		speaker->pending_at = 0;
	}
	if (!more_room((void **)&speaker->pending, speaker->n_pending, &speaker->max_pending,
		    sizeof(*speaker->pending)))
		return false;
	speaker->pending[speaker->n_pending++] = route;
	speaker->routes[route].flags |= ROUTE_PENDING;
	return true;
}

bool speaker_route(struct speaker *speaker, uint32_t slot, uint32_t set)
{
	if (speaker->n_routes >= speaker->route_index_size / 2 && !route_index_grow(speaker))
		return false;
	uint32_t *place = route_place(speaker, slot);

	if (*place == 0) {
		if (set == 0)
			return true;
		if (!more_room((void **)&speaker->routes, speaker->n_routes, &speaker->max_routes,
			    sizeof(*speaker->routes)))
			return false;
		speaker->routes[speaker->n_routes] = (struct route){ .slot = slot };
		*place = ++speaker->n_routes;
	}
	struct route *route = &speaker->routes[*place - 1];

	speaker->announced += (set != 0) - (uint32_t)(route->set != 0);
	route->set = set;
	if (speaker->state != SPEAKER_ESTABLISHED)
		return true;
	return pending_add(speaker, *place - 1);
}

bool speaker_routes_due(
	struct speaker *speaker, const struct table *table, uint8_t families, bool new_session)
{
	if (new_session) {
		speaker->pending_at = speaker->n_pending = 0;
		for (uint32_t i = 0; i < speaker->n_routes; i++)
			speaker->routes[i].flags = 0;
		speaker->end_of_rib_due = families;
	}
	for (uint32_t i = 0; i < speaker->n_routes; i++) {
		uint8_t family = table_slot_of(table, speaker->routes[i].slot)->prefix.family;

		if (speaker->routes[i].set != 0 && (families & FAMILY_BIT(family)) != 0 &&
			!pending_add(speaker, i))
			return false;
	}
	return true;
}

bool speaker_has_pending(const struct speaker *speaker)
{
	return speaker->pending_at < speaker->n_pending || speaker->end_of_rib_due != 0;
}

void speaker_routes_free(struct speaker *speaker)
{
	free(speaker->routes);
	free(speaker->route_index);
	free(speaker->pending);
	speaker->routes = NULL;
	speaker->route_index = speaker->pending = NULL;
	speaker->n_routes = speaker->max_routes = speaker->route_index_size = 0;
	speaker->pending_at = speaker->n_pending = speaker->max_pending = 0;
	speaker->announced = 0;
}

/* Attributes of `set` as they stand in an UPDATE to this peer. */
static bool encode_set(const struct speaker *speaker, const struct attribute_set *set,
	enum family family, struct writer *w)
{
	const struct attribute_export export = {
		.family = family,
		.as4 = speaker->negotiated.as4,
		.external = speaker->negotiated.as != speaker->group->as,
		.keep_med = true,
		.local_as = speaker->group->as,
	};

	attributes_encode(w, attribute_set_canonical(set), attribute_set_next_hop(set), &export);
	return !w->overflow;
}

/* One UPDATE of as many routes from the front of `pending` as share family and set and fit. False:
 * no room in `w`. */
static bool write_one(struct speaker *speaker, const struct table *table, struct writer *w)
{
	const struct route *first = &speaker->routes[speaker->pending[speaker->pending_at]];
	enum family family = (enum family)table_slot_of(table, first->slot)->prefix.family;
	bool add_path = (speaker->negotiated.add_path_send & FAMILY_BIT(family)) != 0;
	size_t max = speaker->negotiated.extended_message ? BGP_MESSAGE_EXTENDED_MAX
							  : BGP_MESSAGE_MAX;
	uint32_t set = first->set;
	uint8_t bytes[2 * SPEC_BYTES_MAX + 65536];
	struct writer attributes = writer_of(bytes, sizeof(bytes));
	struct update_builder b;

	if (writer_room(w) < max)
		return false;
	bool carried = (speaker->negotiated.families & FAMILY_BIT(family)) != 0, send = carried;
	if (send && set == 0)
		send = update_begin_unreach(&b, w, max, family, add_path);
	else if (send)
		send = encode_set(speaker, table_set_of(table, set), family, &attributes) &&
		       update_begin_reach(&b, w, max, family, add_path,
			       attribute_set_next_hop(table_set_of(table, set)),
			       (struct span){ bytes, writer_len(&attributes) });
	while (speaker->pending_at < speaker->n_pending) {
		struct route *route = &speaker->routes[speaker->pending[speaker->pending_at]];
		const struct slot *slot = table_slot_of(table, route->slot);

		if (route->set != set || slot->prefix.family != family)
			break;
		if (send && (set != 0 || (route->flags & ROUTE_SENT) != 0) &&
			!update_add(&b, &slot->prefix, slot->path_id))
			break;
		if (!send && set != 0 && carried)
			speaker->counters.unsendable++;
		route->flags = send && set != 0 ? ROUTE_SENT : 0;
		speaker->pending_at++;
	}
	if (!send)
		return true;
	if (b.count == 0) { /* withdraws of what was never sent: no message at all */
		w->at = w->start + b.start;
		return true;
	}
	update_end(&b);
	speaker->counters.messages_sent[MESSAGE_UPDATE]++;
	return true;
}

void speaker_write_pending(struct speaker *speaker, const struct table *table, struct writer *w)
{
	while (speaker->pending_at < speaker->n_pending) {
		if (!write_one(speaker, table, w))
			return;
	}
	for (unsigned f = 0; f < FAMILY_COUNT; f++) {
		if ((speaker->end_of_rib_due & FAMILY_BIT(f)) == 0)
			continue;
		if (writer_room(w) < 64)
			return;
		end_of_rib_write(w, (enum family)f);
		speaker->counters.messages_sent[MESSAGE_UPDATE]++;
		speaker->end_of_rib_due &= (uint8_t)~FAMILY_BIT(f);
	}
}
