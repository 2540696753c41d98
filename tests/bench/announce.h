/*
 * What a speaker announces: attributes from words of the script, the routes of each speaker, and
 * the packing of what is pending into UPDATEs (one attribute set a message, as a router does). The
 * script and the MRT reader add and withdraw routes; the session asks for bytes when its socket
 * takes some. It knows no socket.
 */
#ifndef BENCH_ANNOUNCE_H
#define BENCH_ANNOUNCE_H

#include "tests/bench/bench.h"

#define SPEC_VALUES_MAX 64
#define SPEC_RAW_MAX	8
#define SPEC_BYTES_MAX	4096

enum next_hop_kind { NEXT_HOP_OF_SELF, NEXT_HOP_FIXED, NEXT_HOP_COUNTED };

/* Attributes as a script states them; zero is origin IGP, an empty AS_PATH, next hop self. */
struct attribute_spec {
	uint8_t origin;
	enum next_hop_kind next_hop_kind;
	struct ip_address next_hop;
	bool has_med, has_local_pref, has_originator_id, atomic_aggregate;
	uint32_t med, local_pref, originator_id;
	uint8_t as_path[SPEC_BYTES_MAX];
	size_t as_path_len;
	uint32_t communities[SPEC_VALUES_MAX];
	size_t n_communities;
	uint32_t large[SPEC_VALUES_MAX][3];
	size_t n_large;
	uint32_t cluster_list[SPEC_VALUES_MAX];
	size_t n_cluster_list;
	struct {
		uint8_t type, flags;
		uint16_t len;
		uint8_t value[256];
	} raw[SPEC_RAW_MAX];
	size_t n_raw;
};

/*
 * Reads "KEY VALUE" at words[*at] into `spec` and moves `*at` behind it. 1: done; 0: the word is no
 * attribute; -1: it is one, but `error` (of `size` bytes) says what is wrong with its value.
 */
int attribute_spec_word(struct attribute_spec *spec, char **words, size_t n_words, size_t *at,
	char *error, size_t size);
/* The attribute set of `spec` for a route of `family` from `speaker`; 0 when it does not fit or
 * memory is short. */
uint32_t attribute_spec_set(const struct attribute_spec *spec, struct table *table,
	const struct speaker *speaker, enum family family);

/* Announces (or with `set` 0 withdraws) one route; it is sent when the session is up. False when
 * memory is short. */
bool speaker_route(struct speaker *speaker, uint32_t slot, uint32_t set);
/* Routes of `families` are due (again): of a new session, with End-of-RIB after them, or after a
 * ROUTE-REFRESH. False: no memory. */
bool speaker_routes_due(
	struct speaker *speaker, const struct table *table, uint8_t families, bool new_session);
/* True while routes or End-of-RIB wait to be sent. */
bool speaker_has_pending(const struct speaker *speaker);
/* Writes messages of pending routes to `w` while there is room for a whole one; counts them. */
void speaker_write_pending(struct speaker *speaker, const struct table *table, struct writer *w);
/* Forgets everything announced. */
void speaker_routes_free(struct speaker *speaker);

#endif
