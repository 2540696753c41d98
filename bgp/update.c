#include "bgp/update.h"

#include "bgp/attribute_table.h"

#define PATH_ID_LEN 4 /* RFC 7911 section 3 */
/* The longest NLRI: path ID, length, IPv6 address. */
#define NLRI_MAX (PATH_ID_LEN + 1 + 16)

bool nlri_next(struct reader *r, enum family family, bool add_path, struct nlri *nlri)
{
	struct reader ahead = *r;
	uint32_t path_id = 0;
	uint8_t length;
	if ((add_path && !read_u32(&ahead, &path_id)) || !read_u8(&ahead, &length) ||
		length > family_address_len(family) * 8)
		return false;
	struct prefix prefix = { .family = (uint8_t)family, .length = length };
	size_t bytes = (length + 7u) / 8;
	if (!read_bytes(&ahead, prefix.bytes, bytes))
		return false;
	/* RFC 4271 section 4.3: the value of trailing bits is irrelevant. */
	if (length % 8)
		prefix.bytes[bytes - 1] &= (uint8_t)(0xFF << (8 - length % 8));
	*nlri = (struct nlri){ path_id, prefix };
	*r = ahead;
	return true;
}

size_t nlri_size(const struct prefix *prefix, bool add_path)
{
	return (add_path ? PATH_ID_LEN : 0) + 1 + (prefix->length + 7u) / 8;
}

void nlri_write(struct writer *w, const struct prefix *prefix, bool add_path, uint32_t path_id)
{
	if (!writer_reserve(w, nlri_size(prefix, add_path)))
		return;
	if (add_path)
		write_u32(w, path_id);
	write_u8(w, prefix->length);
	write_bytes(w, prefix->bytes, (prefix->length + 7u) / 8);
}

/* RFC 7606 section 5.3, without taking the prefixes apart. */
static bool nlri_valid(struct span field, enum family family, bool add_path)
{
	unsigned longest = family_address_len(family) * 8u;
	struct reader r = reader_of_span(field);
	while (r.left > 0) {
		uint32_t path_id;
		uint8_t length;
		struct span bytes;
		if ((add_path && !read_u32(&r, &path_id)) || !read_u8(&r, &length) ||
			length > longest || !read_span(&r, (length + 7u) / 8, &bytes))
			return false;
	}
	return true;
}

/* What update_parse hands down. */
struct parser {
	const struct attribute_context *context;
	struct update *update;
	struct attribute_faults *faults;
	struct bgp_error *error;
	bool seen_mp_reach; /* of any family */
	bool seen_mp_unreach;
	bool foreign_reach;
};

/* Ends the parse with a session reset: records the fault and the NOTIFICATION. Always false. */
#define reset(p, type, subcode, raw, ...)                                        \
	(attribute_fault_add((p)->faults, (type), ATTRIBUTE_RESET, __VA_ARGS__), \
		bgp_error_set(                                                   \
			(p)->error, ERROR_UPDATE, (subcode), (raw).bytes, (raw).len, __VA_ARGS__))

static bool check_field(struct parser *p, struct span field, enum family family, const char *name)
{
	bool add_path = p->context->add_path_receive & FAMILY_BIT(family);
	if (nlri_valid(field, family, add_path))
		return true;
	/* RFC 4271 section 6.3, last but one paragraph; RFC 7606 sections 3 i, 3 j */
	return reset(p, 0, UPDATE_INVALID_NETWORK, ((struct span){ NULL, 0 }),
		"%s: %zu bytes are no list of %s prefixes%s", name, field.len, family_name(family),
		add_path ? " with path IDs" : "");
}

/* The prefixes of an MP attribute; a list that cannot be parsed is a reset. */
static bool mp_nlri_valid(struct parser *p, const struct attribute_view *view, struct span raw,
	enum family family, struct span field)
{
	bool add_path = p->context->add_path_receive & FAMILY_BIT(family);
	if (nlri_valid(field, family, add_path))
		return true;
	return reset(p, view->type, UPDATE_OPTIONAL_ATTRIBUTE, raw,
		"%s: %zu bytes are no list of %s prefixes%s", attribute_name(view->type), field.len,
		family_name(family), add_path ? " with path IDs" : "");
}

/*
 * MP_REACH_NLRI (RFC 4760 section 3). Faults in it leave the NLRI unlocated, so they end the
 * session (RFC 7606 sections 3 j, 5.3, 7.11) with the subcode of RFC 4760 section 7.
 */
static bool take_mp_reach(struct parser *p, const struct attribute_view *view, struct span raw)
{
	struct update *u = p->update;
	struct reader r = reader_of_span(view->value);
	uint16_t afi;
	uint8_t safi, next_hop_len, reserved;
	struct span next_hop;
	enum family family;
	if (view->value.len < 5 || !read_u16(&r, &afi) || !read_u8(&r, &safi) ||
		!read_u8(&r, &next_hop_len))
		return reset(p, view->type, UPDATE_OPTIONAL_ATTRIBUTE, raw,
			"MP_REACH_NLRI: length %zu, expected at least 5", view->value.len);
	if (!family_from_afi_safi(afi, safi, &family)) {
		u->foreign_families++;
		p->foreign_reach = true;
		return true;
	}
	bool fits = family == FAMILY_IPV4_UNICAST ? next_hop_len == 4
						  : next_hop_len == 16 || next_hop_len == 32;
	if (!fits || !read_span(&r, next_hop_len, &next_hop) || !read_u8(&r, &reserved))
		return reset(p, view->type, UPDATE_OPTIONAL_ATTRIBUTE, raw,
			"MP_REACH_NLRI: next hop of %u bytes in %zu, expected %s for %s",
			next_hop_len, view->value.len,
			family == FAMILY_IPV4_UNICAST ? "4" : "16 or 32", family_name(family));
	struct span field = { r.at, r.left };
	if (!mp_nlri_valid(p, view, raw, family, field))
		return false;
	u->has_mp_reach = true;
	u->reach_family = family;
	u->reach_next_hop = next_hop;
	u->reach_nlri = field;
	return true;
}

/* MP_UNREACH_NLRI (RFC 4760 section 4); faults as in MP_REACH_NLRI. */
static bool take_mp_unreach(struct parser *p, const struct attribute_view *view, struct span raw)
{
	struct update *u = p->update;
	struct reader r = reader_of_span(view->value);
	uint16_t afi;
	uint8_t safi;
	enum family family;
	if (!read_u16(&r, &afi) || !read_u8(&r, &safi))
		return reset(p, view->type, UPDATE_OPTIONAL_ATTRIBUTE, raw,
			"MP_UNREACH_NLRI: length %zu, expected at least 3", view->value.len);
	if (!family_from_afi_safi(afi, safi, &family)) {
		u->foreign_families++;
		return true;
	}
	struct span field = { r.at, r.left };
	if (!mp_nlri_valid(p, view, raw, family, field))
		return false;
	u->has_mp_unreach = true;
	u->unreach_family = family;
	u->unreach_nlri = field;
	return true;
}

static bool take_mp(struct parser *p, const struct attribute_view *view, struct span raw)
{
	bool reach = view->type == ATTRIBUTE_MP_REACH_NLRI;
	bool *seen = reach ? &p->seen_mp_reach : &p->seen_mp_unreach;
	/* RFC 7606 section 3 g */
	if (*seen)
		return reset(p, view->type, UPDATE_MALFORMED_ATTRIBUTE_LIST,
			((struct span){ NULL, 0 }), "%s: here twice, expected once",
			attribute_name(view->type));
	*seen = true;
	/* RFC 7606 section 5.3, third item */
	if ((view->flags & FLAGS_KIND) != FLAGS_OPTIONAL_NON_TRANSITIVE)
		return reset(p, view->type, UPDATE_ATTRIBUTE_FLAGS, raw,
			"%s: flags 0x%02x, expected Optional and Transitive bits 0x80",
			attribute_name(view->type), view->flags);
	return reach ? take_mp_reach(p, view, raw) : take_mp_unreach(p, view, raw);
}

static void add_piece(struct update *u, const uint8_t *from, const uint8_t *to)
{
	if (to > from)
		u->pieces[u->n_pieces++] = (struct span){ from, (size_t)(to - from) };
}

/*
 * RFC 7606 section 4: a list that cannot be taken apart to its end withdraws the routes; but where
 * it breaks in an MP attribute, routes of that attribute remain unlocated, and section 3 j leaves
 * the session reset only.
 */
static bool broken_list(struct parser *p, struct span rest)
{
	struct reader r = reader_of_span(rest);
	uint8_t flags, type;
	attribute_list_fault(rest, p->faults);
	if (read_u8(&r, &flags) && read_u8(&r, &type) &&
		(type == ATTRIBUTE_MP_REACH_NLRI || type == ATTRIBUTE_MP_UNREACH_NLRI))
		return reset(p, type, UPDATE_MALFORMED_ATTRIBUTE_LIST, ((struct span){ NULL, 0 }),
			"%s: overruns the attribute list, its prefixes cannot be located",
			attribute_name(type));
	return true;
}

/* Cuts the MP attributes out of the attribute field. */
static bool split_attributes(struct parser *p, struct span field)
{
	struct reader r = reader_of_span(field);
	const uint8_t *piece = field.bytes;
	while (r.left > 0) {
		const uint8_t *start = r.at;
		struct attribute_view view;
		if (!attribute_read(&r, &view)) {
			add_piece(p->update, piece, start);
			return broken_list(p, (struct span){ r.at, r.left });
		}
		if (view.type != ATTRIBUTE_MP_REACH_NLRI && view.type != ATTRIBUTE_MP_UNREACH_NLRI)
			continue;
		add_piece(p->update, piece, start);
		piece = r.at;
		if (!take_mp(p, &view, (struct span){ start, (size_t)(r.at - start) }))
			return false;
	}
	add_piece(p->update, piece, r.at);
	return true;
}

/*
 * RFC 7606 section 5.2: an UPDATE with attributes but without reachable NLRI may have lost its NLRI
 * to the fault that is found in it, so what would withdraw its routes ends the session. And section
 * 3 h: where the list is broken, the attributes before the break may ask for more than
 * treat-as-withdraw.
 */
static void check_without_nlri(struct parser *p)
{
	struct update *u = p->update;
	bool reachable = u->nlri.len > 0 || p->foreign_reach ||
			 (u->has_mp_reach && u->reach_nlri.len > 0);
	bool broken = p->faults->action >= ATTRIBUTE_TREAT_AS_WITHDRAW;
	if (!broken && (reachable || u->n_pieces == 0))
		return;
	attributes_check(u->pieces, u->n_pieces, p->context, p->faults, p->error);
	if (reachable || p->faults->action != ATTRIBUTE_TREAT_AS_WITHDRAW)
		return;
	const char *reason = "attributes are malformed";
	for (size_t i = 0; i < p->faults->count; i++)
		if (p->faults->fault[i].action == ATTRIBUTE_TREAT_AS_WITHDRAW)
			reason = p->faults->fault[i].reason;
	attribute_fault_add(p->faults, 0, ATTRIBUTE_RESET,
		"no reachable NLRI, so there may be routes to withdraw that were not found");
	bgp_error_set(p->error, ERROR_UPDATE, UPDATE_MALFORMED_ATTRIBUTE_LIST, NULL, 0,
		"no reachable NLRI, and %s", reason);
}

/* RFC 4724 section 2 */
static void find_end_of_rib(struct parser *p, size_t attributes_len)
{
	struct update *u = p->update;
	if (u->withdrawn.len > 0 || u->nlri.len > 0 || u->n_pieces > 0 || p->seen_mp_reach ||
		p->faults->action > ATTRIBUTE_ACCEPT)
		return;
	if (attributes_len == 0) {
		u->end_of_rib = true;
		u->end_of_rib_family = FAMILY_IPV4_UNICAST;
	} else if (u->has_mp_unreach && u->unreach_nlri.len == 0) {
		u->end_of_rib = true;
		u->end_of_rib_family = u->unreach_family;
	}
}

void update_parse(struct span body, const struct attribute_context *context, struct update *update,
	struct attribute_faults *faults, struct bgp_error *error)
{
	struct parser p = {
		.context = context, .update = update, .faults = faults, .error = error
	};
	*update = (struct update){ 0 };
	faults->action = ATTRIBUTE_ACCEPT;
	faults->count = 0;
	struct reader r = reader_of_span(body);
	uint16_t withdrawn_len = 0, attributes_len = 0;
	struct span attributes;
	/* RFC 7606 section 3 b */
	if (!read_u16(&r, &withdrawn_len) || !read_span(&r, withdrawn_len, &update->withdrawn) ||
		!read_u16(&r, &attributes_len) || !read_span(&r, attributes_len, &attributes)) {
		update->withdrawn = (struct span){ 0 };
		reset(&p, 0, UPDATE_MALFORMED_ATTRIBUTE_LIST, ((struct span){ NULL, 0 }),
			"withdrawn routes of %u and attributes of %u bytes in a body of %zu",
			withdrawn_len, attributes_len, body.len);
		return;
	}
	update->nlri = (struct span){ r.at, r.left };
	if (!check_field(&p, update->withdrawn, FAMILY_IPV4_UNICAST, "withdrawn routes") ||
		!check_field(&p, update->nlri, FAMILY_IPV4_UNICAST, "NLRI") ||
		!split_attributes(&p, attributes))
		return;
	check_without_nlri(&p);
	find_end_of_rib(&p, attributes.len);
}

/* Bytes that may still be written for a message of at most `max` bytes. */
static size_t message_room(const struct writer *w, size_t max)
{
	size_t room = writer_room(w);
	return room < max ? room : max;
}

bool update_begin_reach(struct update_builder *b, struct writer *w, size_t max, enum family family,
	bool add_path, struct span next_hop, struct span attributes)
{
	bool ipv4 = family == FAMILY_IPV4_UNICAST;
	/* Header, both field lengths, and MP_REACH_NLRI up to its NLRI. */
	size_t fixed = BGP_HEADER_LEN + 4 + (ipv4 ? 0 : 4 + 2 + 1 + 1 + next_hop.len + 1);
	size_t nlri_max = (add_path ? PATH_ID_LEN : 0) + 1u + family_address_len(family);
	size_t room = message_room(w, max);
	if (room < fixed + nlri_max || room - fixed - nlri_max < attributes.len)
		return false;
	*b = (struct update_builder){ .w = w,
		.start = writer_len(w),
		.family = family,
		.add_path = add_path,
		.reach = true };
	message_begin(w, MESSAGE_UPDATE);
	write_u16(w, 0);
	b->field_length_at = writer_len(w);
	write_u16(w, 0);
	if (ipv4) {
		write_u16_at(w, b->field_length_at, (uint16_t)attributes.len);
		write_bytes(w, attributes.bytes, attributes.len);
		b->limit = room;
	} else {
		write_u8(w, ATTRIBUTE_FLAG_OPTIONAL | ATTRIBUTE_FLAG_EXTENDED);
		write_u8(w, ATTRIBUTE_MP_REACH_NLRI);
		b->mp_length_at = writer_len(w);
		write_u16(w, 0);
		write_u16(w, family_afi(family));
		write_u8(w, SAFI_UNICAST);
		write_u8(w, (uint8_t)next_hop.len);
		write_bytes(w, next_hop.bytes, next_hop.len);
		write_u8(w, 0);
		b->attributes = attributes;
		b->limit = room - attributes.len;
	}
	b->nlri_at = writer_len(w);
	return true;
}

bool update_begin_unreach(
	struct update_builder *b, struct writer *w, size_t max, enum family family, bool add_path)
{
	bool ipv4 = family == FAMILY_IPV4_UNICAST;
	size_t fixed = BGP_HEADER_LEN + 4 + (ipv4 ? 0 : 4 + 2 + 1);
	size_t nlri_max = (add_path ? PATH_ID_LEN : 0) + 1u + family_address_len(family);
	size_t room = message_room(w, max);
	if (room < fixed + nlri_max)
		return false;
	*b = (struct update_builder){
		.w = w, .start = writer_len(w), .family = family, .add_path = add_path
	};
	message_begin(w, MESSAGE_UPDATE);
	b->field_length_at = writer_len(w);
	write_u16(w, 0);
	if (ipv4) {
		b->limit = room - 2; /* Total Path Attribute Length follows the routes */
	} else {
		b->field_length_at = writer_len(w);
		write_u16(w, 0);
		write_u8(w, ATTRIBUTE_FLAG_OPTIONAL | ATTRIBUTE_FLAG_EXTENDED);
		write_u8(w, ATTRIBUTE_MP_UNREACH_NLRI);
		b->mp_length_at = writer_len(w);
		write_u16(w, 0);
		write_u16(w, family_afi(family));
		write_u8(w, SAFI_UNICAST);
		b->limit = room;
	}
	b->nlri_at = writer_len(w);
	return true;
}

bool update_add(struct update_builder *b, const struct prefix *prefix, uint32_t path_id)
{
	size_t used = writer_len(b->w) - b->start;
	if (b->w->overflow || used + nlri_size(prefix, b->add_path) > b->limit)
		return false;
	nlri_write(b->w, prefix, b->add_path, path_id);
	b->count++;
	return true;
}

void update_end(struct update_builder *b)
{
	struct writer *w = b->w;
	/* Without a prefix it would say something else: an End-of-RIB, or attributes of nothing. */
	if (b->count == 0) {
		w->at = w->start + b->start;
		return;
	}
	if (b->mp_length_at > 0) {
		write_u16_at(w, b->mp_length_at, (uint16_t)(writer_len(w) - b->mp_length_at - 2));
		write_bytes(w, b->attributes.bytes, b->attributes.len);
		write_u16_at(
			w, b->field_length_at, (uint16_t)(writer_len(w) - b->field_length_at - 2));
	} else if (!b->reach) {
		write_u16_at(w, b->field_length_at, (uint16_t)(writer_len(w) - b->nlri_at));
		write_u16(w, 0);
	}
	message_end(w, b->start);
}

void end_of_rib_write(struct writer *w, enum family family)
{
	size_t start = message_begin(w, MESSAGE_UPDATE);
	write_u16(w, 0);
	if (family == FAMILY_IPV4_UNICAST) {
		write_u16(w, 0);
	} else {
		write_u16(w, 6);
		write_u8(w, ATTRIBUTE_FLAG_OPTIONAL);
		write_u8(w, ATTRIBUTE_MP_UNREACH_NLRI);
		write_u8(w, 3);
		write_u16(w, family_afi(family));
		write_u8(w, SAFI_UNICAST);
	}
	message_end(w, start);
}
