/*
 * Path attributes: one table row an attribute (flags, check, canonical form, encoding, printing),
 * after RFC 4271 section 4.3 and 5, 1997, 4360, 4456, 4760, 5701, 6793, 7606, 8092. Turns the
 * attribute bytes of an UPDATE into canonical bytes plus the keys of the decision, and canonical
 * bytes into what a peer is sent. It works in buffers the caller owns, keeps nothing, and knows no
 * peer: who the sender and the receiver are comes in as a context.
 *
 * Canonical bytes are attribute TLVs in ascending order of type, each type once, with normal flags
 * (the extended-length bit only where the value exceeds 255 bytes; Partial kept), AS numbers in 4
 * octets (AS4_PATH and AS4_AGGREGATOR merged away). NEXT_HOP, MP_REACH_NLRI and MP_UNREACH_NLRI are
 * not among them: the next hop stands beside them.
 */
#ifndef BGP_ATTRIBUTE_H
#define BGP_ATTRIBUTE_H

#include "bgp/error.h"
#include "bgp/reader.h"
#include "bgp/writer.h"

enum attribute_type {
	ATTRIBUTE_ORIGIN = 1,
	ATTRIBUTE_AS_PATH = 2,
	ATTRIBUTE_NEXT_HOP = 3,
	ATTRIBUTE_MED = 4,
	ATTRIBUTE_LOCAL_PREF = 5,
	ATTRIBUTE_ATOMIC_AGGREGATE = 6,
	ATTRIBUTE_AGGREGATOR = 7,
	ATTRIBUTE_COMMUNITIES = 8,
	ATTRIBUTE_ORIGINATOR_ID = 9,
	ATTRIBUTE_CLUSTER_LIST = 10,
	ATTRIBUTE_MP_REACH_NLRI = 14,
	ATTRIBUTE_MP_UNREACH_NLRI = 15,
	ATTRIBUTE_EXTENDED_COMMUNITIES = 16,
	ATTRIBUTE_AS4_PATH = 17,
	ATTRIBUTE_AS4_AGGREGATOR = 18,
	ATTRIBUTE_IPV6_EXTENDED_COMMUNITIES = 25,
	ATTRIBUTE_LARGE_COMMUNITIES = 32,
};

#define ATTRIBUTE_FLAG_OPTIONAL	  0x80
#define ATTRIBUTE_FLAG_TRANSITIVE 0x40
#define ATTRIBUTE_FLAG_PARTIAL	  0x20
#define ATTRIBUTE_FLAG_EXTENDED	  0x10

enum origin { ORIGIN_IGP = 0, ORIGIN_EGP = 1, ORIGIN_INCOMPLETE = 2 };

#define COMMUNITY_LLGR_STALE	      0xFFFF0006u /* RFC 9494 section 5 */
#define COMMUNITY_NO_LLGR	      0xFFFF0007u
#define COMMUNITY_NO_EXPORT	      0xFFFFFF01u /* RFC 1997 */
#define COMMUNITY_NO_ADVERTISE	      0xFFFFFF02u
#define COMMUNITY_NO_EXPORT_SUBCONFED 0xFFFFFF03u

/* What RFC 7606 section 2 wants done, mildest first. */
enum attribute_action {
	ATTRIBUTE_ACCEPT,
	ATTRIBUTE_DISCARD, /* the attribute is dropped, the route stands */
	ATTRIBUTE_TREAT_AS_WITHDRAW, /* every prefix of the UPDATE is withdrawn */
	ATTRIBUTE_RESET, /* NOTIFICATION, session ends */
};

/* One fault found; the most severe action of an UPDATE's faults is what is done. */
struct attribute_fault {
	uint8_t type; /* attribute type; 0: the attribute list or an NLRI field */
	uint8_t action; /* enum attribute_action */
	char reason[94];
};

#define ATTRIBUTE_FAULTS_MAX 8

struct attribute_faults {
	uint8_t action; /* enum attribute_action: the most severe so far, of all faults */
	uint8_t count; /* of `fault`; of further faults only one that is more severe is recorded, in
			  the last place */
	struct attribute_fault fault[ATTRIBUTE_FAULTS_MAX];
};

/* Who sent the UPDATE, as far as decoding depends on it. */
struct attribute_context {
	bool external; /* the peer is in another AS */
	bool as4; /* RFC 6793 was negotiated */
	uint8_t add_path_receive; /* families whose NLRI carry path IDs from this peer */
};

#define ATTR_HAS_MED	       0x01
#define ATTR_HAS_LOCAL_PREF    0x02
#define ATTR_HAS_ORIGINATOR_ID 0x04
#define ATTR_NO_EXPORT	       0x08 /* NO_EXPORT or NO_EXPORT_SUBCONFED among the communities */
#define ATTR_NO_ADVERTISE      0x10
#define ATTR_LLGR_STALE	       0x20
#define ATTR_NO_LLGR	       0x40

#define NEXT_HOP_MAX 32 /* global and link-local IPv6 */

/* The keys of the decision and of the export rules, decoded. */
struct attribute_keys {
	uint32_t med; /* 0 when absent */
	uint32_t local_pref; /* 100 when absent */
	uint32_t neighbor_as; /* as_path_first */
	uint32_t originator_id; /* when ATTR_HAS_ORIGINATOR_ID */
	uint16_t as_path_length; /* as_path_length, capped */
	uint8_t cluster_list_length; /* in cluster IDs, capped at 255 */
	uint8_t origin;
	uint8_t flags; /* ATTR_* */
	uint8_t next_hop_len; /* 4, 16 or 32 */
	uint8_t next_hop[NEXT_HOP_MAX];
};

/*
 * Room that always suffices for the canonical bytes of one UPDATE: AS_PATH may double when widened.
 */
#define CANONICAL_MAX (2 * 65535 + 64)

/*
 * Decodes the attributes of an UPDATE. `pieces` are the attribute bytes without MP_REACH_NLRI and
 * MP_UNREACH_NLRI, in order (update.h cuts them out). For FAMILY_IPV4_UNICAST routes of the classic
 * NLRI field `mp_next_hop` is NULL and NEXT_HOP is mandatory; else it is the next hop field of
 * MP_REACH_NLRI and a NEXT_HOP attribute is ignored (RFC 4760 section 3). Writes canonical bytes to
 * `canonical` and fills `keys`. Adds every fault found to `faults`; when faults->action ends above
 * ATTRIBUTE_DISCARD the results are not to be used, and for ATTRIBUTE_RESET `error` holds the
 * NOTIFICATION.
 */
void attributes_decode(const struct span *pieces, size_t n_pieces, enum family family,
	const struct span *mp_next_hop, const struct attribute_context *context,
	struct writer *canonical, struct attribute_keys *keys, struct attribute_faults *faults,
	struct bgp_error *error);

/*
 * The keys of canonical bytes and a next hop that were stored: false unless attributes_decode could
 * have made both of an UPDATE. `scratch` is a writer with room for CANONICAL_MAX bytes.
 */
bool attributes_restore(struct span canonical, struct span next_hop, struct writer *scratch,
	struct attribute_keys *keys);

/* Records a fault (a reason in printf form) and raises faults->action. */
void attribute_fault_add(struct attribute_faults *faults, uint8_t type,
	enum attribute_action action, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* How the attributes change on the way out. One a update group and source. */
struct attribute_export {
	enum family family;
	bool as4; /* false: AS_PATH in 2 octets, AS4_PATH and AS4_AGGREGATOR added where needed */
	bool external; /* prepend local_as; drop LOCAL_PREF, ORIGINATOR_ID, CLUSTER_LIST, and MED of
			  others */
	bool keep_med; /* external: the MED stays (routes that we did not learn from another AS) */
	uint32_t local_as;
	bool reflect; /* RFC 4456 section 8: ORIGINATOR_ID if absent, cluster ID in front of
			 CLUSTER_LIST */
	uint32_t originator_id; /* BGP Identifier of the source peer */
	uint32_t cluster_id;
	bool long_lived_least; /* RFC 9494 section 4.6: LOCAL_PREF is 0, NO_EXPORT is added to the
				  communities, which have LLGR_STALE already */
};

/*
 * Writes canonical attributes as a peer is sent them, in ascending order of type. For IPv4 the
 * NEXT_HOP attribute is among them (`next_hop`, 4 bytes); for IPv6 the caller writes MP_REACH_NLRI
 * itself. LOCAL_PREF is added (100) towards internal peers where it is absent. w->overflow when it
 * does not fit.
 */
void attributes_encode(struct writer *w, struct span canonical, struct span next_hop,
	const struct attribute_export *export);

/* One attribute of canonical bytes. */
struct attribute_view {
	uint8_t flags;
	uint8_t type;
	struct span value;
};

/* Takes the next attribute; false at the end. */
bool attribute_next(struct reader *canonical, struct attribute_view *view);
/* Finds the attribute of `type`; false when it is absent. */
bool attribute_find(struct span canonical, uint8_t type, struct attribute_view *view);
/* "MULTI_EXIT_DISC"; "unknown" for a type without a row. The RFC's name, for logs. */
const char *attribute_name(uint8_t type);
/* "med": the name in text and JSON output, with hyphens; NULL for a type without a row. */
const char *attribute_key(uint8_t type);
/*
 * The value for people ("65000:1 no-export", "10.0.0.1 10.0.0.2", hex for unknown types), cut with
 * "...". Returns `text`.
 */
char *attribute_format(const struct attribute_view *view, char *text, size_t size);
/*
 * Writes canonical bytes with `community` added to COMMUNITIES, which is made where there is none;
 * unchanged when it is there. w->overflow when there is no room, in `w` or in the attribute. The
 * keys are the caller's to bring in line.
 */
void attributes_add_community(struct writer *w, struct span canonical, uint32_t community);
/* True when CLUSTER_LIST holds `cluster_id`. */
bool attribute_cluster_list_contains(struct span canonical, uint32_t cluster_id);

#endif
