#include "bgp/attribute_table.h"

const struct attribute_row attribute_rows[ATTRIBUTE_ROWS] = {
	/* RFC 4271 section 5.1.1, RFC 7606 section 7.1 */
	[ATTRIBUTE_ORIGIN] = {
		.name = "ORIGIN", .key = "origin", .flags = FLAGS_WELL_KNOWN,
		.length_rule = LENGTH_EXACT, .length = 1, .length_action = ATTRIBUTE_TREAT_AS_WITHDRAW,
		.check = check_origin, .format = format_origin,
	},
	/* RFC 4271 section 5.1.2, RFC 6793, RFC 5065, RFC 7607, RFC 7606 section 7.2; may be empty (section 4) */
	[ATTRIBUTE_AS_PATH] = {
		.name = "AS_PATH", .key = "as-path", .flags = FLAGS_WELL_KNOWN,
		.length_rule = LENGTH_ANY, .check = check_as_path,
		.canonicalize = canonicalize_as_path, .encode = encode_as_path,
		.format = format_as_path,
	},
	/* RFC 4271 section 5.1.3, RFC 7606 section 7.3 */
	[ATTRIBUTE_NEXT_HOP] = {
		.name = "NEXT_HOP", .key = "next-hop", .flags = FLAGS_WELL_KNOWN,
		.length_rule = LENGTH_EXACT, .length = 4, .length_action = ATTRIBUTE_TREAT_AS_WITHDRAW,
		.check = check_next_hop, .encode = encode_nothing, .format = format_next_hop,
	},
	/* RFC 4271 section 5.1.4, RFC 7606 section 7.4 */
	[ATTRIBUTE_MED] = {
		.name = "MULTI_EXIT_DISC", .key = "med", .flags = FLAGS_OPTIONAL_NON_TRANSITIVE,
		.length_rule = LENGTH_EXACT, .length = 4, .length_action = ATTRIBUTE_TREAT_AS_WITHDRAW,
		.check = check_med, .encode = encode_med, .format = format_number,
	},
	/* RFC 4271 section 5.1.5, RFC 7606 section 7.5 */
	[ATTRIBUTE_LOCAL_PREF] = {
		.name = "LOCAL_PREF", .key = "local-pref", .flags = FLAGS_WELL_KNOWN,
		.length_rule = LENGTH_EXACT, .length = 4, .length_action = ATTRIBUTE_TREAT_AS_WITHDRAW,
		.source = SOURCE_INTERNAL, .check = check_local_pref,
		.encode = encode_local_pref, .format = format_number,
	},
	/* RFC 4271 section 5.1.6, RFC 7606 section 7.6 */
	[ATTRIBUTE_ATOMIC_AGGREGATE] = {
		.name = "ATOMIC_AGGREGATE", .key = "atomic-aggregate", .flags = FLAGS_WELL_KNOWN,
		.length_rule = LENGTH_EXACT, .length = 0, .length_action = ATTRIBUTE_DISCARD,
		.format = format_atomic_aggregate,
	},
	/* RFC 4271 section 5.1.7, RFC 6793, RFC 7606 section 7.7; 6 or 8 bytes, as the check knows */
	[ATTRIBUTE_AGGREGATOR] = {
		.name = "AGGREGATOR", .key = "aggregator", .flags = FLAGS_OPTIONAL_TRANSITIVE,
		.length_rule = LENGTH_ANY, .check = check_aggregator,
		.canonicalize = canonicalize_aggregator, .encode = encode_aggregator,
		.format = format_aggregator,
	},
	/* RFC 1997, RFC 7606 section 7.8 */
	[ATTRIBUTE_COMMUNITIES] = {
		.name = "COMMUNITIES", .key = "communities", .flags = FLAGS_OPTIONAL_TRANSITIVE,
		.length_rule = LENGTH_MULTIPLE, .length = 4, .length_action = ATTRIBUTE_TREAT_AS_WITHDRAW,
		.check = check_communities, .encode = encode_communities,
		.format = format_communities,
	},
	/* RFC 4456 section 8, RFC 7606 section 7.9 */
	[ATTRIBUTE_ORIGINATOR_ID] = {
		.name = "ORIGINATOR_ID", .key = "originator-id", .flags = FLAGS_OPTIONAL_NON_TRANSITIVE,
		.length_rule = LENGTH_EXACT, .length = 4, .length_action = ATTRIBUTE_TREAT_AS_WITHDRAW,
		.source = SOURCE_INTERNAL, .check = check_originator_id,
		.encode = encode_internal_only, .format = format_bgp_ids,
	},
	/* RFC 4456 section 8, RFC 7606 section 7.10 */
	[ATTRIBUTE_CLUSTER_LIST] = {
		.name = "CLUSTER_LIST", .key = "cluster-list", .flags = FLAGS_OPTIONAL_NON_TRANSITIVE,
		.length_rule = LENGTH_MULTIPLE, .length = 4, .length_action = ATTRIBUTE_TREAT_AS_WITHDRAW,
		.source = SOURCE_INTERNAL, .check = check_cluster_list,
		.encode = encode_cluster_list, .format = format_bgp_ids,
	},
	/* RFC 4760 sections 3 and 4: update.c takes them apart, they never reach the list of attributes. */
	[ATTRIBUTE_MP_REACH_NLRI] = {
		.name = "MP_REACH_NLRI", .key = "mp-reach-nlri", .flags = FLAGS_OPTIONAL_NON_TRANSITIVE,
		.encode = encode_nothing,
	},
	[ATTRIBUTE_MP_UNREACH_NLRI] = {
		.name = "MP_UNREACH_NLRI", .key = "mp-unreach-nlri", .flags = FLAGS_OPTIONAL_NON_TRANSITIVE,
		.encode = encode_nothing,
	},
	/* RFC 4360, RFC 7606 section 7.14 */
	[ATTRIBUTE_EXTENDED_COMMUNITIES] = {
		.name = "EXTENDED_COMMUNITIES", .key = "extended-communities",
		.flags = FLAGS_OPTIONAL_TRANSITIVE, .length_rule = LENGTH_MULTIPLE, .length = 8,
		.length_action = ATTRIBUTE_TREAT_AS_WITHDRAW, .format = format_extended_communities,
	},
	/* RFC 6793 sections 3, 4.2 and 6 */
	[ATTRIBUTE_AS4_PATH] = {
		.name = "AS4_PATH", .key = "as4-path", .flags = FLAGS_OPTIONAL_TRANSITIVE,
		.length_rule = LENGTH_ANY, .source = SOURCE_AS2, .check = check_as4_path,
		.encode = encode_nothing, .format = format_as_path,
	},
	[ATTRIBUTE_AS4_AGGREGATOR] = {
		.name = "AS4_AGGREGATOR", .key = "as4-aggregator", .flags = FLAGS_OPTIONAL_TRANSITIVE,
		.length_rule = LENGTH_EXACT, .length = 8, .length_action = ATTRIBUTE_DISCARD,
		.source = SOURCE_AS2, .check = check_as4_aggregator, .encode = encode_nothing,
		.format = format_aggregator,
	},
	/* RFC 5701, RFC 7606 section 7.15 */
	[ATTRIBUTE_IPV6_EXTENDED_COMMUNITIES] = {
		.name = "IPV6_EXTENDED_COMMUNITIES", .key = "ipv6-extended-communities",
		.flags = FLAGS_OPTIONAL_TRANSITIVE, .length_rule = LENGTH_MULTIPLE, .length = 20,
		.length_action = ATTRIBUTE_TREAT_AS_WITHDRAW,
	},
	/* RFC 8092 section 6 */
	[ATTRIBUTE_LARGE_COMMUNITIES] = {
		.name = "LARGE_COMMUNITIES", .key = "large-communities",
		.flags = FLAGS_OPTIONAL_TRANSITIVE, .length_rule = LENGTH_MULTIPLE, .length = 12,
		.length_action = ATTRIBUTE_TREAT_AS_WITHDRAW, .format = format_large_communities,
	},
};

void attribute_fault_add(struct attribute_faults *faults, uint8_t type,
	enum attribute_action action, const char *format, ...)
{
	if (action > faults->action)
		faults->action = (uint8_t)action;
	/*
	 * Once the record is full, a more severe fault takes the last place: what decides is to be
	 * named in the log.
	 */
	struct attribute_fault *fault = &faults->fault[ATTRIBUTE_FAULTS_MAX - 1];
	if (faults->count < ATTRIBUTE_FAULTS_MAX)
		fault = &faults->fault[faults->count++];
	else if (action <= fault->action)
		return;
	fault->type = type;
	fault->action = (uint8_t)action;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(fault->reason, sizeof fault->reason, format, arguments);
	va_end(arguments);
}

void attribute_list_fault(struct span rest, struct attribute_faults *faults)
{
	struct reader r = reader_of_span(rest);
	uint8_t flags = 0, type = 0, short_length = 0;
	uint16_t length = 0;
	bool whole = read_u8(&r, &flags) && read_u8(&r, &type);
	if (whole && flags & ATTRIBUTE_FLAG_EXTENDED) {
		whole = read_u16(&r, &length);
	} else if (whole) {
		whole = read_u8(&r, &short_length);
		length = short_length;
	}
	if (whole)
		attribute_fault_add(faults, type, ATTRIBUTE_TREAT_AS_WITHDRAW,
			"%s (%u): length %u overruns the attribute list, %zu bytes are left of it",
			attribute_name(type), type, length, r.left);
	else
		attribute_fault_add(faults, 0, ATTRIBUTE_TREAT_AS_WITHDRAW,
			"attribute list ends with %zu bytes that hold no attribute header",
			rest.len);
}

size_t attribute_open(struct writer *w, uint8_t flags, uint8_t type)
{
	size_t at = writer_len(w);
	write_u8(w, flags & (uint8_t)~ATTRIBUTE_FLAG_EXTENDED);
	write_u8(w, type);
	write_u8(w, 0);
	return at;
}

void attribute_close(struct writer *w, size_t at)
{
	if (w->overflow)
		return;
	uint8_t *header = w->start + at;
	size_t len = writer_len(w) - at - 3;
	if (len <= UINT8_MAX) {
		header[2] = (uint8_t)len;
		return;
	}
	if (len > UINT16_MAX)
		w->overflow = true;
	if (!writer_reserve(w, 1))
		return;
	memmove(header + 4, header + 3, len);
	w->at++;
	header[0] |= ATTRIBUTE_FLAG_EXTENDED;
	header[2] = (uint8_t)(len >> 8);
	header[3] = (uint8_t)len;
}

bool attribute_next(struct reader *canonical, struct attribute_view *view)
{
	return attribute_read(canonical, view);
}

bool attribute_find(struct span canonical, uint8_t type, struct attribute_view *view)
{
	struct reader r = reader_of_span(canonical);
	struct attribute_view here;
	while (attribute_read(&r, &here) && here.type <= type)
		if (here.type == type) {
			*view = here;
			return true;
		}
	return false;
}

const char *attribute_name(uint8_t type)
{
	const struct attribute_row *row = attribute_row(type);
	return row ? row->name : "unknown";
}

const char *attribute_key(uint8_t type)
{
	const struct attribute_row *row = attribute_row(type);
	return row ? row->key : NULL;
}

void communities_write_with(struct writer *w, const struct attribute_view *view, uint32_t community)
{
	struct reader r = reader_of_span(view->value);
	bool there = false;
	uint32_t other;
	while (read_u32(&r, &other))
		there |= other == community;
	size_t at = attribute_open(w, view->flags, view->type);
	write_bytes(w, view->value.bytes, view->value.len);
	if (!there)
		write_u32(w, community);
	attribute_close(w, at);
}

void attributes_add_community(struct writer *w, struct span canonical, uint32_t community)
{
	const struct attribute_view none = { FLAGS_OPTIONAL_TRANSITIVE, ATTRIBUTE_COMMUNITIES,
		{ NULL, 0 } };
	struct reader r = reader_of_span(canonical);
	struct attribute_view view;
	bool done = false;
	while (attribute_read(&r, &view)) {
		if (!done && view.type >= ATTRIBUTE_COMMUNITIES) {
			bool here = view.type == ATTRIBUTE_COMMUNITIES;
			communities_write_with(w, here ? &view : &none, community);
			done = true;
			if (here)
				continue;
		}
		attribute_write(w, view.flags, view.type, view.value.bytes, view.value.len);
	}
	if (!done)
		communities_write_with(w, &none, community);
}

bool attribute_cluster_list_contains(struct span canonical, uint32_t cluster_id)
{
	struct attribute_view view;
	if (!attribute_find(canonical, ATTRIBUTE_CLUSTER_LIST, &view))
		return false;
	struct reader r = reader_of_span(view.value);
	uint32_t id;
	while (read_u32(&r, &id))
		if (id == cluster_id)
			return true;
	return false;
}
