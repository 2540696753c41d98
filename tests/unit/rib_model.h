/*
 * The clients of the random model of the rib: what each has announced, what it knows by reading its
 * output in pieces of any size, message by message. Belongs to test_rib_model.c.
 */
#ifndef UNIT_RIB_MODEL_H
#define UNIT_RIB_MODEL_H

#include "tests/unit/unit.h"

#include "bgp/update.h"
#include "rib/rib.h"

#define PEERS	 14
#define PREFIXES 48 /* of each family */
#define PATHS	 3 /* received path IDs */

/* What a receiver knows of one path; tag 0: nothing. */
struct received {
	uint32_t path_id;
	uint32_t tag;
	uint32_t originator;
	uint32_t local_pref;
	uint8_t flags; /* ATTR_* */
	bool has_cluster_list;
};

#define RECEIVED_MAX (PEERS * PATHS)

struct client {
	struct rib_peer *peer; /* NULL: down */
	bool retained; /* it has no session, but its paths stay */
	struct rib_peer_parameters parameters;
	bool ready;
	uint32_t announced[FAMILY_COUNT][PREFIXES][PATHS]; /* tags */
	bool stale[FAMILY_COUNT][PREFIXES][PATHS]; /* not announced again yet ... */
	bool aged[FAMILY_COUNT][PREFIXES][PATHS]; /* ... and has LLGR_STALE for it */
	struct received table[FAMILY_COUNT][PREFIXES][RECEIVED_MAX];
	uint8_t input[1 << 18];
	size_t filled;
	uint8_t end_of_rib;
	unsigned since; /* its session began in this hold of End-of-RIB; 0: in none */
};

/* One of PREFIXES; which one it is, -1 when it is none. */
struct prefix prefix_of(enum family family, unsigned n);
int prefix_number(const struct prefix *prefix);

/* Reads up to `most` bytes of the client's output. True when there was any. */
bool client_read(struct client *c, size_t most);
const struct received *find_tag(
	const struct client *c, enum family family, unsigned n, uint32_t tag);
/* Paths that the client knows of a prefix. */
unsigned count_tags(const struct client *c, enum family family, unsigned n);

#endif
