/*
 * Reads MRT files (RFC 6396), plain or bzip2: TABLE_DUMP_V2 (with the ADD-PATH subtypes of RFC
 * 8050) as routes of a peer, and the UPDATE messages of BGP4MP. Hands every route and every message
 * to a callback; keeps nothing, opens only the file.
 */
#ifndef BENCH_MRT_H
#define BENCH_MRT_H

#include "bgp/types.h"

struct mrt_peer {
	uint32_t bgp_id;
	uint32_t as;
	struct ip_address address;
};

/* One RIB entry. Everything is borrowed, valid during the visit. */
struct mrt_route {
	struct prefix prefix;
	uint32_t path_id;
	uint16_t peer_index;
	const struct mrt_peer *peer;
	struct span attributes; /* as they stand in the file: AS numbers in 4 octets, MP_REACH_NLRI
				   shortened */
};

/* The body of one UPDATE message. */
struct mrt_update {
	struct ip_address peer_address;
	uint32_t peer_as;
	bool as4;
	struct span body;
};

struct mrt_visitor {
	/* Return false to end the reading. Either may be NULL. */
	bool (*route)(void *context, const struct mrt_route *route);
	bool (*update)(void *context, const struct mrt_update *update);
	void *context;
};

/* False when the file cannot be read to its end; `error` (of `size` bytes) says why, with the
 * offset of the record. */
bool mrt_read(const char *path, const struct mrt_visitor *visitor, char *error, size_t size);

#endif
