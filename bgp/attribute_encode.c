/*
 * From canonical bytes to what a peer is sent: the rows change the attributes that are there, the
 * insertions add those that are not, and both meet in ascending order of type (RFC 4271 section 5).
 */
#include "bgp/as_path.h"
#include "bgp/attribute_table.h"

#define LOCAL_PREF_DEFAULT 100

static struct as_path_form path_form(const struct attribute_export *how)
{
	/* RFC 4271 section 5.1.2; RFC 5065 section 4: confederation segments stay inside. */
	return (struct as_path_form){
		.as_size = how->as4 ? 4 : 2,
		.prepend = how->external,
		.as = how->local_as,
		.drop_confederation = how->external,
	};
}

static void write_as_path(struct encoder *e, struct span path)
{
	struct as_path_form form = path_form(e->how);
	size_t at = attribute_open(e->w, FLAGS_WELL_KNOWN, ATTRIBUTE_AS_PATH);
	e->as_path = path;
	e->has_as4_path = as_path_write(e->w, path, &form);
	attribute_close(e->w, at);
}

void encode_as_path(struct encoder *e, const struct attribute_view *view)
{
	if (!e->how->external && e->how->as4)
		attribute_write(e->w, view->flags, view->type, view->value.bytes, view->value.len);
	else
		write_as_path(e, view->value);
}

/* RFC 4271 section 5.1.4: the MED of another AS is not passed on to a third one. */
void encode_med(struct encoder *e, const struct attribute_view *view)
{
	if (!e->how->external || e->how->keep_med)
		attribute_write(e->w, view->flags, view->type, view->value.bytes, view->value.len);
}

static void write_number(struct encoder *e, uint8_t flags, uint8_t type, uint32_t value)
{
	size_t at = attribute_open(e->w, flags, type);
	write_u32(e->w, value);
	attribute_close(e->w, at);
}

/* RFC 4271 section 5.1.5: it stays in the AS. RFC 9494 section 4.6: the least there is. */
void encode_local_pref(struct encoder *e, const struct attribute_view *view)
{
	if (e->how->long_lived_least)
		write_number(e, view->flags, view->type, 0);
	else
		encode_internal_only(e, view);
}

/* RFC 9494 section 4.6 */
void encode_communities(struct encoder *e, const struct attribute_view *view)
{
	if (e->how->long_lived_least)
		communities_write_with(e->w, view, COMMUNITY_NO_EXPORT);
	else
		attribute_write(e->w, view->flags, view->type, view->value.bytes, view->value.len);
}

/* ORIGINATOR_ID (RFC 4456 section 8) stays in the AS, and LOCAL_PREF does. */
void encode_internal_only(struct encoder *e, const struct attribute_view *view)
{
	if (!e->how->external)
		attribute_write(e->w, view->flags, view->type, view->value.bytes, view->value.len);
}

/* RFC 6793 section 4.2.2 */
void encode_aggregator(struct encoder *e, const struct attribute_view *view)
{
	struct reader r = reader_of_span(view->value);
	uint32_t as, id;
	if (e->how->as4 || !read_u32(&r, &as) || !read_u32(&r, &id)) {
		attribute_write(e->w, view->flags, view->type, view->value.bytes, view->value.len);
		return;
	}
	size_t at = attribute_open(e->w, view->flags, view->type);
	write_u16(e->w, as > UINT16_MAX ? AS_TRANS : (uint16_t)as);
	write_u32(e->w, id);
	attribute_close(e->w, at);
	if (as > UINT16_MAX) {
		memcpy(e->as4_aggregator, view->value.bytes, sizeof e->as4_aggregator);
		e->has_as4_aggregator = true;
	}
}

/* RFC 4456 section 8: the reflector puts its CLUSTER_ID in front. */
void encode_cluster_list(struct encoder *e, const struct attribute_view *view)
{
	if (e->how->external)
		return;
	size_t at = attribute_open(e->w, FLAGS_OPTIONAL_NON_TRANSITIVE, ATTRIBUTE_CLUSTER_LIST);
	if (e->how->reflect)
		write_u32(e->w, e->how->cluster_id);
	write_bytes(e->w, view->value.bytes, view->value.len);
	attribute_close(e->w, at);
}

void encode_nothing(struct encoder *e, const struct attribute_view *view)
{
	(void)e;
	(void)view;
}

/* Locally made attributes may have no AS_PATH yet: an empty one, or our AS alone. */
static void insert_as_path(struct encoder *e)
{
	write_as_path(e, (struct span){ NULL, 0 });
}

static void insert_next_hop(struct encoder *e)
{
	if (e->how->family == FAMILY_IPV4_UNICAST)
		attribute_write(e->w, FLAGS_WELL_KNOWN, ATTRIBUTE_NEXT_HOP, e->next_hop.bytes,
			e->next_hop.len);
}

/* RFC 4271 section 5.1.5: towards internal peers it is always there. */
static void insert_local_pref(struct encoder *e)
{
	if (!e->how->external)
		write_number(e, FLAGS_WELL_KNOWN, ATTRIBUTE_LOCAL_PREF,
			e->how->long_lived_least ? 0 : LOCAL_PREF_DEFAULT);
}

static void insert_originator_id(struct encoder *e)
{
	if (e->how->reflect && !e->how->external)
		write_number(e, FLAGS_OPTIONAL_NON_TRANSITIVE, ATTRIBUTE_ORIGINATOR_ID,
			e->how->originator_id);
}

static void insert_cluster_list(struct encoder *e)
{
	if (e->how->reflect && !e->how->external)
		write_number(e, FLAGS_OPTIONAL_NON_TRANSITIVE, ATTRIBUTE_CLUSTER_LIST,
			e->how->cluster_id);
}

/*
 * RFC 6793 section 4.2.2: only where AS_TRANS stands for an AS, and without confederation segments.
 */
static void insert_as4_path(struct encoder *e)
{
	if (!e->has_as4_path)
		return;
	struct as_path_form form = path_form(e->how);
	form.as_size = 4;
	form.drop_confederation = true;
	size_t at = attribute_open(e->w, FLAGS_OPTIONAL_TRANSITIVE, ATTRIBUTE_AS4_PATH);
	size_t path_at = writer_len(e->w);
	as_path_write(e->w, e->as_path, &form);
	if (!e->w->overflow && writer_len(e->w) == path_at)
		e->w->at = e->w->start + at; /* only confederation segments had such an AS */
	else
		attribute_close(e->w, at);
}

static void insert_as4_aggregator(struct encoder *e)
{
	if (e->has_as4_aggregator)
		attribute_write(e->w, FLAGS_OPTIONAL_TRANSITIVE, ATTRIBUTE_AS4_AGGREGATOR,
			e->as4_aggregator, sizeof e->as4_aggregator);
}

/* Attributes that we put in where the canonical bytes have none; ascending by type. */
static const struct insertion {
	uint8_t type;
	void (*insert)(struct encoder *e);
} insertions[] = {
	{ ATTRIBUTE_AS_PATH, insert_as_path },
	{ ATTRIBUTE_NEXT_HOP, insert_next_hop },
	{ ATTRIBUTE_LOCAL_PREF, insert_local_pref },
	{ ATTRIBUTE_ORIGINATOR_ID, insert_originator_id },
	{ ATTRIBUTE_CLUSTER_LIST, insert_cluster_list },
	{ ATTRIBUTE_AS4_PATH, insert_as4_path },
	{ ATTRIBUTE_AS4_AGGREGATOR, insert_as4_aggregator },
};

#define INSERTIONS (sizeof insertions / sizeof insertions[0])

void attributes_encode(struct writer *w, struct span canonical, struct span next_hop,
	const struct attribute_export *export)
{
	struct encoder e = { .w = w, .how = export, .next_hop = next_hop };
	struct reader r = reader_of_span(canonical);
	struct attribute_view view;
	size_t next = 0;
	while (attribute_read(&r, &view)) {
		for (; next < INSERTIONS && insertions[next].type < view.type; next++)
			insertions[next].insert(&e);
		if (next < INSERTIONS && insertions[next].type == view.type)
			next++;
		const struct attribute_row *row = attribute_row(view.type);
		if (row && row->encode)
			row->encode(&e, &view);
		else
			attribute_write(w, view.flags, view.type, view.value.bytes, view.value.len);
	}
	for (; next < INSERTIONS; next++)
		insertions[next].insert(&e);
}
