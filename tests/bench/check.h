/*
 * Holds what the clients received against what all speakers of the process announce, as RFC 4456
 * says it must look behind one reflector, and writes received tables out. It composes the expected
 * attributes itself, not with the reflector's encoder, so that a fault there is found. Called by
 * the script; changes nothing but the table's numbering.
 */
#ifndef BENCH_CHECK_H
#define BENCH_CHECK_H

#include "tests/bench/bench.h"

/* What is between the announcer and the client. */
struct check_rules {
	bool verbatim; /* no reflector: it hands on what it is sent, and no attribute but LOCAL_PREF
			  is added */
	bool med_zero; /* it writes a MED of 0 where there was none (which RFC 4271 section 9.1.2.2
			  c says it means) */
	bool best; /* of several paths of a prefix it chooses as RFC 4271 section 9.1.2.2 says; for
		      two announcers of a prefix */
	uint32_t cluster_id;
};

struct check_result {
	uint64_t clients;
	uint64_t compared; /* expected (client, path) pairs */
	uint64_t differences;
	uint64_t faults; /* UPDATEs that RFC 7606 finds fault with */
};

/*
 * Every client of `selection` must hold the routes of every other established speaker, of its own
 * families, with LOCAL_PREF (100 where the announcer set none), ORIGINATOR_ID of the announcer
 * where absent and the cluster ID in front of CLUSTER_LIST; none of its own; nothing else, but for
 * what `rules` say. Where several announce one prefix to a client without ADD-PATH, any one of
 * theirs will do. Up to `limit` differences are written to `differences`, each as a JSON string,
 * separated by commas. False when memory is short.
 */
bool check_reflected(struct bench *bench, const struct selection *selection,
	const struct check_rules *rules, unsigned limit, FILE *differences,
	struct check_result *result);

/*
 * The Adj-RIB-In of one client, sorted by prefix and path ID, one line a path:
 * prefix|path-id|next-hop|as-path|origin|local-pref|
 * med|communities|originator-id|cluster-list|other. Absent values are empty; "other" is name=value
 * of further attributes. False when memory is short.
 */
bool dump_adj_rib_in(const struct bench *bench, const struct speaker *speaker, FILE *to);

#endif
