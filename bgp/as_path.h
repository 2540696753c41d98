/*
 * AS_PATH as bytes (RFC 4271 section 4.3 b, RFC 6793, RFC 5065 segment types): checks, counts,
 * converts between 2- and 4-octet form, merges AS4_PATH, prepends, prints. Called by the attribute
 * table, the decision and the export. It never allocates: results go to writers.
 */
#ifndef BGP_AS_PATH_H
#define BGP_AS_PATH_H

#include "bgp/reader.h"
#include "bgp/writer.h"

enum as_path_segment {
	AS_SET = 1,
	AS_SEQUENCE = 2,
	AS_CONFED_SEQUENCE = 3,
	AS_CONFED_SET = 4,
};

/* What one pass over a path finds. */
struct as_path_facts {
	unsigned length; /* as_path_length */
	uint32_t first; /* as_path_first */
	bool has_zero; /* AS 0 is somewhere in it (RFC 7607 section 2) */
	bool has_confederation; /* an AS_CONFED_SEQUENCE or AS_CONFED_SET is in it (RFC 5065) */
};

/* as_path_valid and all facts in one pass; the facts are not to be used when it returns false. */
bool as_path_examine(struct span path, unsigned as_size, struct as_path_facts *facts);
/*
 * RFC 7606 section 7.2: known segment types, no empty segment, no overrun or trailing byte.
 * `as_size` is 2 or 4.
 */
bool as_path_valid(struct span path, unsigned as_size);
/* Any AS equal to `as` (4-octet path). */
bool as_path_contains(struct span path, uint32_t as);
/*
 * RFC 4271 section 9.1.2.2 a: an AS_SET counts one, confederation segments count nothing (RFC
 * 5065).
 */
unsigned as_path_length(struct span path);
/*
 * The leftmost AS of a leading AS_SEQUENCE: the neighbor AS for MED; 0 when the path is empty or
 * starts with a set. Confederation segments are passed over (RFC 5065 section 5.3).
 */
uint32_t as_path_first(struct span path);
/* 2-octet path to 4-octet form. */
void as_path_widen(struct writer *w, struct span path);
/*
 * 4-octet path to 2-octet form, AS_TRANS where an AS does not fit. True when any AS was replaced.
 */
bool as_path_narrow(struct writer *w, struct span path);
/*
 * RFC 6793 section 4.2.3: `as_path` is the AS_PATH an old speaker sent, in its 2-octet form,
 * `as4_path` its AS4_PATH. Writes the merged path in 4-octet form; when AS4_PATH is longer than
 * AS_PATH it is ignored, and confederation segments in it are passed over (section 6).
 */
void as_path_merge(struct writer *w, struct span as_path, struct span as4_path);

/* How a 4-octet path changes on the way out. */
struct as_path_form {
	unsigned as_size; /* 2 or 4 */
	bool prepend; /* put `as` in front, as as_path_prepend does */
	uint32_t as;
	bool drop_confederation; /* leave AS_CONFED_SEQUENCE and AS_CONFED_SET out */
};

/* Writes the 4-octet `path` in that form. True when an AS became AS_TRANS. */
bool as_path_write(struct writer *w, struct span path, const struct as_path_form *form);
/*
 * 4-octet `path` with `as` put in front (a new segment when the leading one is full or no
 * AS_SEQUENCE).
 */
void as_path_prepend(struct writer *w, struct span path, uint32_t as);
/*
 * "64512 64513 {1,2} (65001)": what bgpdump and BIRD print. Cut with "..." when it does not fit.
 * Returns `text`.
 */
char *as_path_format(struct span path, char *text, size_t size);

#endif
