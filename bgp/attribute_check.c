/*
 * The checks of the attribute table: what makes the value of one attribute malformed, and what RFC
 * 7606 wants done then, said at the point of the fault. And the canonical forms that differ from
 * the received ones.
 */
#include "bgp/as_path.h"
#include "bgp/attribute_table.h"

/* Records the fault and hands its action back, so that a check can `return malformed(...)`. */
#define malformed(d, view, action, ...) \
	(attribute_fault_add((d)->faults, (view)->type, (action), __VA_ARGS__), (action))

static uint32_t value_u32(const struct attribute_view *view)
{
	struct reader r = reader_of_span(view->value);
	uint32_t value = 0;
	read_u32(&r, &value);
	return value;
}

/* RFC 7606 section 7.1; RFC 4271 section 6.3: a value that is not defined. */
enum attribute_action check_origin(struct decoder *d, const struct attribute_view *view)
{
	struct reader r = reader_of_span(view->value);
	uint8_t origin = 0;
	read_u8(&r, &origin);
	if (origin > ORIGIN_INCOMPLETE)
		return malformed(d, view, ATTRIBUTE_TREAT_AS_WITHDRAW,
			"ORIGIN: value %u, expected 0, 1 or 2", origin);
	d->keys->origin = origin;
	return ATTRIBUTE_ACCEPT;
}

static void as_path_keys(struct attribute_keys *keys, const struct as_path_facts *facts)
{
	keys->neighbor_as = facts->first;
	keys->as_path_length = facts->length > UINT16_MAX ? UINT16_MAX : (uint16_t)facts->length;
}

enum attribute_action check_as_path(struct decoder *d, const struct attribute_view *view)
{
	struct as_path_facts facts;
	/* RFC 7606 section 7.2 */
	if (!as_path_examine(view->value, d->context->as4 ? 4 : 2, &facts))
		return malformed(d, view, ATTRIBUTE_TREAT_AS_WITHDRAW,
			"AS_PATH: %zu bytes are no list of segments with %u-octet AS numbers",
			view->value.len, d->context->as4 ? 4u : 2u);
	/* RFC 7607 section 2 */
	if (facts.has_zero)
		return malformed(d, view, ATTRIBUTE_TREAT_AS_WITHDRAW, "AS_PATH: has AS 0");
	if (d->context->external) {
		/* RFC 5065 section 5: no external peer is in a confederation with us. */
		if (facts.has_confederation)
			return malformed(d, view, ATTRIBUTE_TREAT_AS_WITHDRAW,
				"AS_PATH: has confederation segments, from an external peer");
		/* RFC 4271 section 5.1.2 b: an external peer has put its own AS in front. */
		if (view->value.len == 0)
			return malformed(d, view, ATTRIBUTE_TREAT_AS_WITHDRAW,
				"AS_PATH: empty, expected the AS of the external peer in it");
	}
	as_path_keys(d->keys, &facts);
	d->as_path_received_len = view->value.len;
	return ATTRIBUTE_ACCEPT;
}

enum attribute_action next_hop_check(
	struct span next_hop, uint8_t type, struct attribute_faults *faults)
{
	static const uint8_t zero[16];
	static const uint8_t broadcast[4] = { 255, 255, 255, 255 };
	const uint8_t *bytes = next_hop.bytes;
	bool ipv4 = next_hop.len == 4;
	const char *what = NULL;
	/* RFC 4271 section 6.3: a syntactically correct next hop is the address of a host. */
	if (memcmp(bytes, zero, ipv4 ? 4 : 16) == 0)
		what = "the unspecified address";
	else if (ipv4 ? (bytes[0] & 0xF0) == 0xE0 : bytes[0] == 0xFF)
		what = "a multicast address";
	else if (ipv4 && memcmp(bytes, broadcast, 4) == 0)
		what = "the broadcast address";
	if (!what)
		return ATTRIBUTE_ACCEPT;
	attribute_fault_add(faults, type, ATTRIBUTE_TREAT_AS_WITHDRAW,
		"%s: next hop is %s, expected the address of a host", attribute_name(type), what);
	return ATTRIBUTE_TREAT_AS_WITHDRAW;
}

enum attribute_action check_next_hop(struct decoder *d, const struct attribute_view *view)
{
	enum attribute_action action = next_hop_check(view->value, view->type, d->faults);
	if (action == ATTRIBUTE_ACCEPT) {
		d->keys->next_hop_len = 4;
		memcpy(d->keys->next_hop, view->value.bytes, 4);
	}
	/* The next hop stands beside the canonical bytes: it is taken, and goes no further. */
	return action == ATTRIBUTE_ACCEPT ? ATTRIBUTE_DISCARD : action;
}

enum attribute_action check_med(struct decoder *d, const struct attribute_view *view)
{
	d->keys->med = value_u32(view);
	d->keys->flags |= ATTR_HAS_MED;
	return ATTRIBUTE_ACCEPT;
}

enum attribute_action check_local_pref(struct decoder *d, const struct attribute_view *view)
{
	d->keys->local_pref = value_u32(view);
	d->keys->flags |= ATTR_HAS_LOCAL_PREF;
	return ATTRIBUTE_ACCEPT;
}

/* RFC 7606 section 7.7; RFC 7607 section 2. */
enum attribute_action check_aggregator(struct decoder *d, const struct attribute_view *view)
{
	size_t expected = d->context->as4 ? 8 : 6;
	if (view->value.len != expected)
		return malformed(d, view, ATTRIBUTE_DISCARD, "AGGREGATOR: length %zu, expected %zu",
			view->value.len, expected);
	struct reader r = reader_of_span(view->value);
	uint32_t as = 0;
	uint16_t as2 = 0;
	if (d->context->as4)
		read_u32(&r, &as);
	else if (read_u16(&r, &as2))
		as = as2;
	if (as == 0)
		return malformed(d, view, ATTRIBUTE_DISCARD, "AGGREGATOR: AS 0");
	d->aggregator_as = as;
	return ATTRIBUTE_ACCEPT;
}

enum attribute_action check_communities(struct decoder *d, const struct attribute_view *view)
{
	struct reader r = reader_of_span(view->value);
	uint32_t community;
	while (read_u32(&r, &community)) {
		if (community == COMMUNITY_NO_EXPORT || community == COMMUNITY_NO_EXPORT_SUBCONFED)
			d->keys->flags |= ATTR_NO_EXPORT;
		else if (community == COMMUNITY_NO_ADVERTISE)
			d->keys->flags |= ATTR_NO_ADVERTISE;
		else if (community == COMMUNITY_LLGR_STALE)
			d->keys->flags |= ATTR_LLGR_STALE;
		else if (community == COMMUNITY_NO_LLGR)
			d->keys->flags |= ATTR_NO_LLGR;
	}
	return ATTRIBUTE_ACCEPT;
}

enum attribute_action check_originator_id(struct decoder *d, const struct attribute_view *view)
{
	d->keys->originator_id = value_u32(view);
	d->keys->flags |= ATTR_HAS_ORIGINATOR_ID;
	return ATTRIBUTE_ACCEPT;
}

enum attribute_action check_cluster_list(struct decoder *d, const struct attribute_view *view)
{
	size_t ids = view->value.len / 4;
	d->keys->cluster_list_length = ids > UINT8_MAX ? UINT8_MAX : (uint8_t)ids;
	return ATTRIBUTE_ACCEPT;
}

/*
 * RFC 6793 section 6, RFC 7607 section 2: every fault discards. What stays is merged into AS_PATH.
 */
enum attribute_action check_as4_path(struct decoder *d, const struct attribute_view *view)
{
	struct as_path_facts facts;
	if (view->value.len < 6 || !as_path_examine(view->value, 4, &facts))
		return malformed(d, view, ATTRIBUTE_DISCARD,
			"AS4_PATH: %zu bytes are no list of segments with 4-octet AS numbers",
			view->value.len);
	if (facts.has_zero)
		return malformed(d, view, ATTRIBUTE_DISCARD, "AS4_PATH: has AS 0");
	/*
	 * Only the segments go, as_path_merge passes over them; the fault is recorded for the log.
	 */
	if (facts.has_confederation)
		attribute_fault_add(d->faults, view->type, ATTRIBUTE_DISCARD,
			"AS4_PATH: confederation segments are discarded from it");
	d->as4_path = view->value;
	return ATTRIBUTE_DISCARD;
}

enum attribute_action check_as4_aggregator(struct decoder *d, const struct attribute_view *view)
{
	if (value_u32(view) == 0)
		return malformed(d, view, ATTRIBUTE_DISCARD, "AS4_AGGREGATOR: AS 0");
	d->as4_aggregator = view->value;
	return ATTRIBUTE_DISCARD;
}

/*
 * RFC 6793 section 4.2.3: an AGGREGATOR of another AS says that both AS4 attributes are out of
 * date.
 */
static bool as4_is_stale(const struct decoder *d)
{
	return d->as4_aggregator.len > 0 && d->aggregator_as != 0 && d->aggregator_as != AS_TRANS;
}

void canonicalize_as_path(
	struct writer *w, const struct decoder *d, const struct attribute_view *view)
{
	if (d->context->as4) {
		attribute_write(
			w, FLAGS_WELL_KNOWN, ATTRIBUTE_AS_PATH, view->value.bytes, view->value.len);
		return;
	}
	size_t at = attribute_open(w, FLAGS_WELL_KNOWN, ATTRIBUTE_AS_PATH);
	size_t path_at = writer_len(w);
	if (d->as4_path.len == 0 || as4_is_stale(d)) {
		as_path_widen(w, view->value);
	} else {
		as_path_merge(w, view->value, d->as4_path);
		struct as_path_facts facts;
		struct span merged = { w->start + path_at, writer_len(w) - path_at };
		if (!w->overflow && as_path_examine(merged, 4, &facts))
			as_path_keys(d->keys, &facts);
	}
	attribute_close(w, at);
}

void canonicalize_aggregator(
	struct writer *w, const struct decoder *d, const struct attribute_view *view)
{
	if (d->context->as4) {
		attribute_write(w, view->flags, view->type, view->value.bytes, view->value.len);
		return;
	}
	if (d->as4_aggregator.len > 0 && !as4_is_stale(d)) {
		attribute_write(
			w, view->flags, view->type, d->as4_aggregator.bytes, d->as4_aggregator.len);
		return;
	}
	struct reader r = reader_of_span(view->value);
	uint16_t as = 0;
	uint32_t id = 0;
	read_u16(&r, &as);
	read_u32(&r, &id);
	size_t at = attribute_open(w, view->flags, view->type);
	write_u32(w, as);
	write_u32(w, id);
	attribute_close(w, at);
}
