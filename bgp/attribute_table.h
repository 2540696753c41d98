/*
 * The table of path attributes, private to bgp/attribute*.c and update.c: one row an attribute, and
 * the small functions over raw TLVs that decoding, encoding and printing share. A new attribute is
 * a new row in attribute.c. Nobody outside bgp/ includes this.
 */
#ifndef BGP_ATTRIBUTE_TABLE_H
#define BGP_ATTRIBUTE_TABLE_H

#include "bgp/attribute.h"
#include "bgp/text.h"

#define FLAGS_WELL_KNOWN	      ATTRIBUTE_FLAG_TRANSITIVE
#define FLAGS_OPTIONAL_NON_TRANSITIVE ATTRIBUTE_FLAG_OPTIONAL
#define FLAGS_OPTIONAL_TRANSITIVE     (ATTRIBUTE_FLAG_OPTIONAL | ATTRIBUTE_FLAG_TRANSITIVE)
/* The two bits that RFC 7606 section 3 c compares. */
#define FLAGS_KIND (ATTRIBUTE_FLAG_OPTIONAL | ATTRIBUTE_FLAG_TRANSITIVE)

/* What the type codes of the rows fit in; types behind it have no row. */
#define ATTRIBUTE_ROWS 33

enum length_rule {
	LENGTH_ANY,
	LENGTH_EXACT, /* `length` bytes */
	LENGTH_MULTIPLE, /* a non-zero multiple of `length` bytes */
};

/* From whom an attribute is taken; from anybody else it is discarded. */
enum attribute_source {
	SOURCE_ANY,
	SOURCE_INTERNAL, /* RFC 7606 sections 7.5, 7.9, 7.10 */
	SOURCE_AS2, /* RFC 6793 section 4.1: only a speaker without 4-octet AS numbers may send it
		     */
};

struct decoder;
struct encoder;

/* One row. A NULL function is the default that its comment names. */
struct attribute_row {
	const char *name; /* the RFC's; NULL: no such row */
	const char *key; /* of text and JSON output */
	uint8_t flags; /* FLAGS_* the attribute must have */
	uint8_t length_rule;
	uint8_t length;
	uint8_t length_action; /* enum attribute_action for a length against the rule */
	uint8_t source; /* enum attribute_source */
	/*
	 * Looks at a value whose length is right, adds faults, fills keys. Returns the action for
	 * this attribute: only one of ATTRIBUTE_ACCEPT goes on into the canonical bytes. NULL:
	 * accept.
	 */
	enum attribute_action (*check)(struct decoder *d, const struct attribute_view *view);
	/* Writes the canonical form where it is not the value as received (NULL). */
	void (*canonicalize)(
		struct writer *w, const struct decoder *d, const struct attribute_view *view);
	/* Writes what a peer is sent where it is not the canonical form (NULL). */
	void (*encode)(struct encoder *e, const struct attribute_view *view);
	/* Prints the value (NULL: in hexadecimal). */
	void (*format)(struct text *text, struct span value);
};

extern const struct attribute_row attribute_rows[ATTRIBUTE_ROWS];

/* NULL for a type without a row. */
static inline const struct attribute_row *attribute_row(uint8_t type)
{
	return type < ATTRIBUTE_ROWS && attribute_rows[type].name ? &attribute_rows[type] : NULL;
}

/* Takes one attribute off `r`; false, `r` untouched, when what is left does not hold one whole. */
static inline bool attribute_read(struct reader *r, struct attribute_view *view)
{
	struct reader ahead = *r;
	uint16_t length;
	if (!read_u8(&ahead, &view->flags) || !read_u8(&ahead, &view->type))
		return false;
	if (view->flags & ATTRIBUTE_FLAG_EXTENDED) {
		if (!read_u16(&ahead, &length))
			return false;
	} else {
		uint8_t short_length;
		if (!read_u8(&ahead, &short_length))
			return false;
		length = short_length;
	}
	if (!read_span(&ahead, length, &view->value))
		return false;
	*r = ahead;
	return true;
}

/*
 * Writes one attribute; the extended-length bit is set where the value asks for it, whatever
 * `flags` says.
 */
static inline void attribute_write(
	struct writer *w, uint8_t flags, uint8_t type, const void *value, size_t len)
{
	size_t header = len > UINT8_MAX ? 4 : 3;
	if (len > UINT16_MAX) {
		w->overflow = true;
		return;
	}
	if (!writer_reserve(w, header + len))
		return;
	uint8_t *at = w->at;
	at[1] = type;
	if (header == 3) {
		at[0] = flags & (uint8_t)~ATTRIBUTE_FLAG_EXTENDED;
		at[2] = (uint8_t)len;
	} else {
		at[0] = flags | ATTRIBUTE_FLAG_EXTENDED;
		at[2] = (uint8_t)(len >> 8);
		at[3] = (uint8_t)len;
	}
	if (len > 0)
		__builtin_memcpy(at + header, value, len);
	w->at = at + header + len;
}

/*
 * An attribute whose length is known only once its value is written: returns the offset for
 * attribute_close.
 */
size_t attribute_open(struct writer *w, uint8_t flags, uint8_t type);
void attribute_close(struct writer *w, size_t at);

/* Writes COMMUNITIES with `community` behind the others, unless it is among them. */
void communities_write_with(
	struct writer *w, const struct attribute_view *view, uint32_t community);

/* Records why the attributes that start at `rest` cannot be taken apart (RFC 7606 section 4). */
void attribute_list_fault(struct span rest, struct attribute_faults *faults);

/*
 * Decoding. What attributes_decode knows while it goes over the list; the check functions see it.
 */
struct decoder {
	const struct attribute_context *context;
	const struct span *mp_next_hop; /* NULL: NEXT_HOP is mandatory */
	struct attribute_keys *keys;
	struct attribute_faults *faults;
	struct bgp_error *error;
	uint64_t seen[4]; /* bitmap of types */
	struct span as4_path; /* from an old speaker; len 0: none */
	struct span as4_aggregator; /* the same */
	uint32_t aggregator_as; /* of AGGREGATOR, as received; 0: none */
	size_t as_path_received_len; /* bytes of AS_PATH as received */
};

/*
 * Checks the attributes of an UPDATE that announces nothing, or whose attribute list is broken:
 * adds the faults of the attributes that can be read, and asks for none to be there. For
 * update_parse.
 */
void attributes_check(const struct span *pieces, size_t n_pieces,
	const struct attribute_context *context, struct attribute_faults *faults,
	struct bgp_error *error);

/*
 * Checks a next hop (4, 16 or 32 bytes): RFC 4271 section 6.3. Adds faults as of attribute `type`.
 */
enum attribute_action next_hop_check(
	struct span next_hop, uint8_t type, struct attribute_faults *faults);

enum attribute_action check_origin(struct decoder *d, const struct attribute_view *view);
enum attribute_action check_as_path(struct decoder *d, const struct attribute_view *view);
enum attribute_action check_next_hop(struct decoder *d, const struct attribute_view *view);
enum attribute_action check_med(struct decoder *d, const struct attribute_view *view);
enum attribute_action check_local_pref(struct decoder *d, const struct attribute_view *view);
enum attribute_action check_aggregator(struct decoder *d, const struct attribute_view *view);
enum attribute_action check_communities(struct decoder *d, const struct attribute_view *view);
enum attribute_action check_originator_id(struct decoder *d, const struct attribute_view *view);
enum attribute_action check_cluster_list(struct decoder *d, const struct attribute_view *view);
enum attribute_action check_as4_path(struct decoder *d, const struct attribute_view *view);
enum attribute_action check_as4_aggregator(struct decoder *d, const struct attribute_view *view);

void canonicalize_as_path(
	struct writer *w, const struct decoder *d, const struct attribute_view *view);
void canonicalize_aggregator(
	struct writer *w, const struct decoder *d, const struct attribute_view *view);

/*
 * Encoding. What attributes_encode knows while it goes over the canonical bytes.
 */
struct encoder {
	struct writer *w;
	const struct attribute_export *how;
	struct span next_hop;
	struct span as_path; /* canonical: what AS4_PATH is made of */
	bool has_as4_path;
	uint8_t as4_aggregator[8];
	bool has_as4_aggregator;
};

void encode_as_path(struct encoder *e, const struct attribute_view *view);
void encode_med(struct encoder *e, const struct attribute_view *view);
void encode_local_pref(struct encoder *e, const struct attribute_view *view);
void encode_communities(struct encoder *e, const struct attribute_view *view);
void encode_internal_only(struct encoder *e, const struct attribute_view *view);
void encode_aggregator(struct encoder *e, const struct attribute_view *view);
void encode_cluster_list(struct encoder *e, const struct attribute_view *view);
/* Attributes that are never among canonical bytes. */
void encode_nothing(struct encoder *e, const struct attribute_view *view);

void format_origin(struct text *text, struct span value);
void format_as_path(struct text *text, struct span value);
void format_next_hop(struct text *text, struct span value);
void format_number(struct text *text, struct span value);
void format_aggregator(struct text *text, struct span value);
void format_communities(struct text *text, struct span value);
void format_bgp_ids(struct text *text, struct span value);
void format_extended_communities(struct text *text, struct span value);
void format_large_communities(struct text *text, struct span value);
void format_atomic_aggregate(struct text *text, struct span value);

#endif
