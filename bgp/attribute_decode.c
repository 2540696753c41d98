/*
 * From the attributes of an UPDATE to canonical bytes and keys: one pass over the list that checks
 * each attribute with its row, one that writes. What arrives in order, as nearly all does, is not
 * sorted.
 */
#include "bgp/as_path.h"
#include "bgp/attribute_table.h"

#define SLOTS_MAX 256 /* one for each type: a second of the same type is discarded */

static bool first_of_type(struct decoder *d, uint8_t type)
{
	uint64_t bit = UINT64_C(1) << (type & 63);
	uint64_t *word = &d->seen[type >> 6];
	bool first = !(*word & bit);
	*word |= bit;
	return first;
}

/*
 * RFC 4271 section 6.3, which RFC 7606 leaves as it is: a well-known attribute must be recognized.
 */
static enum attribute_action unknown_attribute(
	struct decoder *d, struct attribute_view *view, struct span raw)
{
	if (!(view->flags & ATTRIBUTE_FLAG_OPTIONAL)) {
		attribute_fault_add(d->faults, view->type, ATTRIBUTE_RESET,
			"well-known attribute %u is not recognized", view->type);
		bgp_error_set(d->error, ERROR_UPDATE, UPDATE_UNRECOGNIZED_WELL_KNOWN, raw.bytes,
			raw.len, "well-known attribute %u is not recognized", view->type);
		return ATTRIBUTE_RESET;
	}
	/*
	 * RFC 4271 section 5: non-transitive ones are quietly ignored, transitive ones go on as
	 * Partial.
	 */
	if (!(view->flags & ATTRIBUTE_FLAG_TRANSITIVE))
		return ATTRIBUTE_DISCARD;
	view->flags = FLAGS_OPTIONAL_TRANSITIVE | ATTRIBUTE_FLAG_PARTIAL;
	return ATTRIBUTE_ACCEPT;
}

static bool length_fits(const struct attribute_row *row, size_t len)
{
	switch ((enum length_rule)row->length_rule) {
	case LENGTH_EXACT: return len == row->length;
	case LENGTH_MULTIPLE: return len > 0 && len % row->length == 0;
	case LENGTH_ANY: break;
	}
	return true;
}

/* Where the attribute may not come from this sender; NULL: it may. */
static const char *unwelcome(
	const struct attribute_row *row, const struct attribute_context *context)
{
	if (row->source == SOURCE_INTERNAL && context->external)
		return "from an external peer";
	if (row->source == SOURCE_AS2 && context->as4)
		return "from a peer with 4-octet AS numbers";
	return NULL;
}

static enum attribute_action known_attribute(
	struct decoder *d, const struct attribute_row *row, struct attribute_view *view)
{
	/* RFC 4760 section 3: NEXT_HOP says nothing about the routes of MP_REACH_NLRI. */
	if (view->type == ATTRIBUTE_NEXT_HOP && d->mp_next_hop)
		return ATTRIBUTE_DISCARD;
	const char *from = unwelcome(row, d->context);
	if (from) {
		attribute_fault_add(
			d->faults, view->type, ATTRIBUTE_DISCARD, "%s: %s", row->name, from);
		return ATTRIBUTE_DISCARD;
	}
	/* RFC 7606 section 3 c */
	if ((view->flags & FLAGS_KIND) != row->flags) {
		attribute_fault_add(d->faults, view->type, ATTRIBUTE_TREAT_AS_WITHDRAW,
			"%s: flags 0x%02x, expected Optional and Transitive bits 0x%02x", row->name,
			view->flags, row->flags);
		return ATTRIBUTE_TREAT_AS_WITHDRAW;
	}
	if (!length_fits(row, view->value.len)) {
		attribute_fault_add(d->faults, view->type,
			(enum attribute_action)row->length_action, "%s: length %zu, expected %s%u",
			row->name, view->value.len,
			row->length_rule == LENGTH_MULTIPLE ? "a non-zero multiple of " : "",
			row->length);
		return (enum attribute_action)row->length_action;
	}
	/*
	 * The Partial bit means something on optional transitive attributes only (RFC 4271
	 * section 4.3).
	 */
	view->flags &= FLAGS_KIND |
		       (row->flags == FLAGS_OPTIONAL_TRANSITIVE ? ATTRIBUTE_FLAG_PARTIAL : 0);
	return row->check ? row->check(d, view) : ATTRIBUTE_ACCEPT;
}

/*
 * Checks the attributes of one piece and puts those that stay into `slots`, in ascending order of
 * type.
 */
static size_t collect(
	struct decoder *d, struct span piece, struct attribute_view *slots, size_t n_slots)
{
	struct reader r = reader_of_span(piece);
	while (r.left > 0) {
		const uint8_t *start = r.at;
		struct attribute_view view;
		if (!attribute_read(&r, &view)) {
			attribute_list_fault((struct span){ r.at, r.left }, d->faults);
			break;
		}
		/* RFC 7606 section 3 g */
		if (!first_of_type(d, view.type)) {
			attribute_fault_add(d->faults, view.type, ATTRIBUTE_DISCARD,
				"%s: attribute %u is here more than once, the first one counts",
				attribute_name(view.type), view.type);
			continue;
		}
		const struct attribute_row *row = attribute_row(view.type);
		struct span raw = { start, (size_t)(r.at - start) };
		enum attribute_action action = row ? known_attribute(d, row, &view)
						   : unknown_attribute(d, &view, raw);
		if (action == ATTRIBUTE_RESET)
			break;
		if (action != ATTRIBUTE_ACCEPT)
			continue;
		size_t at = n_slots++;
		for (; at > 0 && slots[at - 1].type > view.type; at--)
			slots[at] = slots[at - 1];
		slots[at] = view;
	}
	return n_slots;
}

static bool seen(const struct decoder *d, uint8_t type)
{
	return d->seen[type >> 6] >> (type & 63) & 1;
}

/* RFC 4271 section 5 and RFC 7606 section 3 d. */
static void check_mandatory(struct decoder *d)
{
	static const uint8_t mandatory[] = { ATTRIBUTE_ORIGIN, ATTRIBUTE_AS_PATH,
		ATTRIBUTE_NEXT_HOP };
	for (size_t i = 0; i < sizeof mandatory; i++) {
		if (seen(d, mandatory[i]) || (mandatory[i] == ATTRIBUTE_NEXT_HOP && d->mp_next_hop))
			continue;
		attribute_fault_add(d->faults, mandatory[i], ATTRIBUTE_TREAT_AS_WITHDRAW,
			"%s: missing, expected with routes", attribute_name(mandatory[i]));
	}
}

/*
 * RFC 7606 section 7.11: the field was located by its length, so a wrong length ends the session.
 */
static void take_mp_next_hop(struct decoder *d, enum family family)
{
	struct span next_hop = *d->mp_next_hop;
	bool fits = family == FAMILY_IPV4_UNICAST ? next_hop.len == 4
						  : next_hop.len == 16 || next_hop.len == 32;
	if (!fits) {
		attribute_fault_add(d->faults, ATTRIBUTE_MP_REACH_NLRI, ATTRIBUTE_RESET,
			"MP_REACH_NLRI: next hop of %zu bytes, expected %s", next_hop.len,
			family == FAMILY_IPV4_UNICAST ? "4" : "16 or 32");
		bgp_error_set(d->error, ERROR_UPDATE, UPDATE_OPTIONAL_ATTRIBUTE, NULL, 0,
			"MP_REACH_NLRI: next hop of %zu bytes", next_hop.len);
		return;
	}
	if (next_hop_check(next_hop, ATTRIBUTE_MP_REACH_NLRI, d->faults) != ATTRIBUTE_ACCEPT)
		return;
	d->keys->next_hop_len = (uint8_t)next_hop.len;
	memcpy(d->keys->next_hop, next_hop.bytes, next_hop.len);
}

/*
 * A value in 4-octet form may outgrow the 16 bits of its length (RFC 8654 messages from an old
 * speaker only): there is no way to carry such a path on.
 */
static void check_widened(struct decoder *d)
{
	if (!d->context->as4 && 2 * d->as_path_received_len + d->as4_path.len > UINT16_MAX)
		attribute_fault_add(d->faults, ATTRIBUTE_AS_PATH, ATTRIBUTE_TREAT_AS_WITHDRAW,
			"AS_PATH: %zu bytes do not fit an attribute in 4-octet form",
			d->as_path_received_len);
}

static void write_canonical(struct writer *w, const struct decoder *d,
	const struct attribute_view *slots, size_t n_slots)
{
	for (size_t i = 0; i < n_slots; i++) {
		const struct attribute_view *view = &slots[i];
		const struct attribute_row *row = attribute_row(view->type);
		if (row && row->canonicalize)
			row->canonicalize(w, d, view);
		else
			attribute_write(
				w, view->flags, view->type, view->value.bytes, view->value.len);
	}
}

void attributes_decode(const struct span *pieces, size_t n_pieces, enum family family,
	const struct span *mp_next_hop, const struct attribute_context *context,
	struct writer *canonical, struct attribute_keys *keys, struct attribute_faults *faults,
	struct bgp_error *error)
{
	*keys = (struct attribute_keys){ .local_pref = 100 };
	struct decoder d = {
		.context = context,
		.mp_next_hop = mp_next_hop,
		.keys = keys,
		.faults = faults,
		.error = error,
	};
	struct attribute_view
		slots[SLOTS_MAX]; /* not cleared: only n_slots of them are looked at */
	size_t n_slots = 0;
	if (mp_next_hop)
		take_mp_next_hop(&d, family);
	for (size_t i = 0; i < n_pieces && faults->action < ATTRIBUTE_RESET; i++)
		n_slots = collect(&d, pieces[i], slots, n_slots);
	check_mandatory(&d);
	check_widened(&d);
	if (faults->action <= ATTRIBUTE_DISCARD)
		write_canonical(canonical, &d, slots, n_slots);
}

void attributes_check(const struct span *pieces, size_t n_pieces,
	const struct attribute_context *context, struct attribute_faults *faults,
	struct bgp_error *error)
{
	/* RFC 4760 section 3: a NEXT_HOP that stands for no routes is ignored. */
	static const struct span no_next_hop = { NULL, 0 };
	struct attribute_keys keys = { 0 };
	struct decoder d = { .context = context,
		.mp_next_hop = &no_next_hop,
		.keys = &keys,
		.faults = faults,
		.error = error };
	struct attribute_view slots[SLOTS_MAX];
	size_t n_slots = 0;
	for (size_t i = 0; i < n_pieces && faults->action < ATTRIBUTE_RESET; i++)
		n_slots = collect(&d, pieces[i], slots, n_slots);
}

bool attributes_restore(struct span canonical, struct span next_hop, struct writer *scratch,
	struct attribute_keys *keys)
{
	/* What any peer may send, in the form of a peer with 4-octet AS numbers. */
	static const struct attribute_context context = { .as4 = true };
	struct attribute_faults faults = { 0 };
	struct attribute_view view;
	struct bgp_error error;
	size_t at = writer_len(scratch);

	if (canonical.len > CANONICAL_MAX)
		return false;
	attributes_decode(&canonical, 1,
		next_hop.len == 4 ? FAMILY_IPV4_UNICAST : FAMILY_IPV6_UNICAST, &next_hop, &context,
		scratch, keys, &faults, &error);
	/* Canonical bytes are what becomes of themselves, and update.c cuts these two out before.
	 */
	return faults.action == ATTRIBUTE_ACCEPT && !scratch->overflow &&
	       writer_len(scratch) - at == canonical.len &&
	       __builtin_memcmp(scratch->at - canonical.len, canonical.bytes, canonical.len) == 0 &&
	       !attribute_find(canonical, ATTRIBUTE_MP_REACH_NLRI, &view) &&
	       !attribute_find(canonical, ATTRIBUTE_MP_UNREACH_NLRI, &view);
}
