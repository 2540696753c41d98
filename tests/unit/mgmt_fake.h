/*
 * A reflector that is none: answers the calls of mgmt/ from values that a test has set, so that the
 * management server is tested alone, with tables of any size and peers that vanish when the test
 * wants it. Linked in place of rr/reflector.c and the RIB.
 */
#ifndef UNIT_MGMT_FAKE_H
#define UNIT_MGMT_FAKE_H

#include "rr/reflector.h"

#define FAKE_PEERS_MAX 8

struct fake_peer {
	struct ip_address address;
	bool established;
	unsigned established_count;
	enum clear_result clear[3]; /* by enum clear_kind */
	unsigned cleared[3];
};

struct reflector {
	struct event_base *base;
	struct config config;
	struct config_group group;
	struct fake_peer peers[FAKE_PEERS_MAX];
	size_t n_peers;
	uint32_t routes; /* IPv4 host prefixes of a walk, one path each */
	struct span attributes; /* of each path; len 0: a few of every kind */
	uint64_t walks; /* calls of rib_walk */
	uint64_t visited; /* paths that walks have visited */
	const struct journal_view *journal_view; /* NULL: none is kept */
	char audit[256]; /* the last row: who, action and detail, with commas between */
	unsigned restarts;
	unsigned compactions; /* of the journal: all but the first are refused */
	const char *journal; /* the file that questions are put to; NULL: no journal is kept */
	struct journal_readers *journal_readers; /* the test's */
	unsigned shutdowns;
	char shutdown_text[256];
};

#endif
