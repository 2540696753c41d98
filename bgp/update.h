/*
 * The UPDATE message: takes one apart into its fields without looking into attributes that it need
 * not know (RFC 4271 sections 4.3 and 6.3, RFC 4760, RFC 7606 sections 3 to 5), iterates NLRI with
 * and without path IDs (RFC 7911), and builds UPDATE messages. Borrows the message; never
 * allocates.
 */
#ifndef BGP_UPDATE_H
#define BGP_UPDATE_H

#include "bgp/attribute.h"
#include "bgp/message.h"

#define UPDATE_PIECES_MAX 3

struct update {
	struct span withdrawn; /* IPv4, classic field */
	struct span nlri; /* IPv4, classic field */
	/* The attribute field without MP_REACH_NLRI and MP_UNREACH_NLRI. */
	struct span pieces[UPDATE_PIECES_MAX];
	size_t n_pieces;
	bool has_mp_reach; /* of a family that Heliostat reflects; others are skipped and counted
			      below */
	bool has_mp_unreach;
	enum family reach_family;
	enum family unreach_family;
	struct span reach_next_hop;
	struct span reach_nlri;
	struct span unreach_nlri;
	unsigned foreign_families; /* MP attributes of other families that were skipped */
	bool end_of_rib; /* RFC 4724 section 2 */
	enum family end_of_rib_family;
};

/*
 * Splits the body of an UPDATE. Field and attribute lengths that do not add up, a second
 * MP_REACH_NLRI or MP_UNREACH_NLRI, NLRI that cannot be parsed: as RFC 7606 says, in `faults` (and
 * `error` for ATTRIBUTE_RESET). When the action is ATTRIBUTE_TREAT_AS_WITHDRAW, all NLRI fields
 * that could be located are valid and are to be withdrawn. NLRI are checked here in full, so
 * nlri_next on the spans cannot fail. `update` and `faults` are set anew, `error` only for
 * ATTRIBUTE_RESET. An UPDATE without reachable NLRI has its attributes checked here too, because
 * what is wrong with them ends the session (RFC 7606 section 5.2); those of any other are checked
 * by attributes_decode.
 */
void update_parse(struct span body, const struct attribute_context *context, struct update *update,
	struct attribute_faults *faults, struct bgp_error *error);

struct nlri {
	uint32_t path_id; /* 0 without ADD-PATH */
	struct prefix prefix;
};

/*
 * Takes the next NLRI off `r`: false at the end (or where the bytes are malformed: r->left is then
 * not 0). Clears bits behind the length.
 */
bool nlri_next(struct reader *r, enum family family, bool add_path, struct nlri *nlri);
/* Bytes that nlri_write takes. */
size_t nlri_size(const struct prefix *prefix, bool add_path);
void nlri_write(struct writer *w, const struct prefix *prefix, bool add_path, uint32_t path_id);

/*
 * Building one message that announces or withdraws prefixes of one family with one attribute set:
 *     update_begin_reach(&b, w, max, family, add_path, next_hop, attributes);
 *     while (update_add(&b, &prefix, path_id)) ...;   false: no room, nothing written
 *     update_end(&b);
 * Every message is written completely or not at all. IPv4 uses the classic fields, IPv6
 * MP_REACH_NLRI as the first attribute (RFC 7606 section 5.1). `max` is 4096 or 65535.
 */
struct update_builder {
	struct writer *w;
	size_t start; /* offset of the message in w */
	size_t limit; /* most bytes of the message, minus what update_end still writes */
	size_t mp_length_at; /* offset of the MP attribute's length field; 0 for IPv4 */
	size_t field_length_at; /* offset of the withdrawn or path attribute length field */
	size_t nlri_at; /* offset of the first NLRI */
	struct span attributes; /* IPv6 reach: written behind the NLRI by update_end */
	enum family family;
	bool add_path;
	bool reach;
	unsigned count; /* prefixes so far */
};

/*
 * False (nothing written) when the longest prefix of the family does not fit behind the attributes:
 * after true, the first update_add is true. The room of `w` is a limit as `max` is. `attributes`
 * must live until update_end. `next_hop` is used for IPv6 only (16 or 32 bytes).
 */
bool update_begin_reach(struct update_builder *b, struct writer *w, size_t max, enum family family,
	bool add_path, struct span next_hop, struct span attributes);
bool update_begin_unreach(
	struct update_builder *b, struct writer *w, size_t max, enum family family, bool add_path);
bool update_add(struct update_builder *b, const struct prefix *prefix, uint32_t path_id);
/* Without a prefix added nothing remains written. */
void update_end(struct update_builder *b);

/* RFC 4724 section 2 End-of-RIB, whole message. */
void end_of_rib_write(struct writer *w, enum family family);

#endif
