/*
 * Speakers around one rib, for the tests of rib/: they send UPDATEs that are described as C
 * initializers, read what they are sent and remember it as a table, and keep the last UPDATE for
 * comparison byte by byte. Belongs to the tests alone; nothing in it allocates, so that a test may
 * take memory away from the rib at any time.
 */
#ifndef UNIT_RIB_FIXTURE_H
#define UNIT_RIB_FIXTURE_H

#include "tests/unit/unit.h"

#include "bgp/update.h"
#include "rib/rib.h"

#define OUR_AS	    64512
#define OUR_ID	    0x0a000001u /* router ID */
#define OUR_CLUSTER 0x0a0000ffu
#define HEARD_MAX   1100
#define SPEAKERS    8

/* For members of struct attributes that may be absent. */
#define IS(value) (1 + (int64_t)(value))

struct attributes {
	const char *as_path; /* "65001 {1 2} (65003) [1 2]": sequence, set, confederation sequence
				and set */
	uint8_t origin;
	const char *next_hop; /* NULL: 192.0.2.254 or fd00::fe */
	int64_t med, local_pref, originator; /* IS(n); 0: absent */
	uint32_t clusters[4]; /* ends with 0 */
	uint32_t communities[3];
	struct span raw; /* written behind the others as it is */
	uint32_t path_id;
};

/* One path in the eyes of a speaker. */
struct heard {
	struct prefix prefix;
	uint32_t path_id;
	bool there;
	struct attribute_keys keys;
	uint32_t clusters[4];
	uint32_t community; /* the first one */
	char as_path[64];
};

struct fixture;

struct speaker {
	struct fixture *fixture;
	struct rib_peer *peer; /* NULL: down */
	bool retained; /* it has no session */
	struct rib_peer_parameters parameters;
	bool ready; /* was told that there is output, or never read it to its end */
	bool deaf; /* does not read */
	uint8_t input[3 << 15]; /* of whole messages nothing stays here */
	size_t filled;
	struct heard heard[HEARD_MAX];
	size_t n_heard;
	unsigned announcements, withdrawals; /* prefixes in them */
	bool early_borr; /* a BoRR came before the End-of-RIB of its family */
	unsigned markers[3]; /* ROUTE-REFRESH by subtype: BoRR is 1, EoRR 2 ... */
	unsigned at_marker[3]; /* ... and `announcements` when the last came */
	uint8_t end_of_rib;
	unsigned end_of_ribs; /* received ... */
	unsigned at_end_of_rib; /* ... and `announcements` when the last came */
	uint8_t said_end_of_rib; /* as the callback said */
	uint8_t last[65535]; /* the last UPDATE that was no End-of-RIB */
	size_t last_len;
};

struct fixture {
	struct rib *rib;
	uint64_t now;
	struct speaker speaker[SPEAKERS];
	unsigned update_faults; /* calls of the callback */
	bool sweeps; /* a speaker's End-of-RIB sweeps what it did not announce */
	bool may_fail; /* memory is short: rib_update may end in Cease/Out of Resources */
};

void fixture_begin(struct fixture *f, size_t log_limit);
/* Takes the speakers down, checks that nothing stays in the rib, frees it. */
void fixture_end(struct fixture *f);

/*
 * The usual parameters of speaker `n`: 192.0.2.(n+1), BGP Identifier 10.0.1.n, both families,
 * 4-octet AS; the journal calls it 100 + n.
 */
struct speaker *speaker_of(struct fixture *f, unsigned n, enum role role);
/* speaker_of and rib_peer_up. */
struct speaker *speaker_up(struct fixture *f, unsigned n, enum role role);
void speaker_connect(struct speaker *s);
void speaker_down(struct speaker *s);
/*
 * Its session ends, its paths of `families` stay; and it has one again, and knows nothing. False
 * when memory is short.
 */
void speaker_retain(struct speaker *s, uint8_t families);
bool speaker_resume(struct speaker *s, uint8_t families);
void speaker_end_of_rib(struct speaker *s, enum family family);

/* The result of rib_update. */
bool speaker_send(struct speaker *s, const char *prefix, const struct attributes *attributes);
bool speaker_send_bytes(struct speaker *s, struct span body);
#define announce(s, prefix, ...) \
	assert_true(speaker_send((s), (prefix), &(const struct attributes){ __VA_ARGS__ }))
/* Withdraws: of path_id 0. */
void withdraw(struct speaker *s, const char *prefix);

/* One turn of the rib's wheel; what it returned. */
uint64_t fixture_run(struct fixture *f);
/* Reads up to `most` bytes; false when there were none. */
bool speaker_read(struct speaker *s, size_t most);
/* Runs and reads until all is quiet. */
void fixture_settle(struct fixture *f);

/* The only path that the speaker has of the prefix; NULL: none. Fails when there are several. */
const struct heard *heard(const struct speaker *s, const char *prefix);
size_t heard_count(const struct speaker *s, const char *prefix); /* NULL: all prefixes */
uint64_t dropped(const struct speaker *s, enum drop_reason reason);
struct rib_counts fixture_counts(const struct fixture *f);
struct rib_peer_counts speaker_counts(const struct speaker *s);

#endif
