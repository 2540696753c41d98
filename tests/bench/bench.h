/*
 * The state of one process of test speakers: what it talks to, its groups of speakers, and the poll
 * loop's view of them. Everything of tests/bench works on it; speaker.c (main) owns it. It holds no
 * protocol rule and does no input or output.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdio.h>

#include "bgp/open.h"
#include "tests/bench/table.h"

#define SECOND	    1000000000ull /* times are monotonic, in nanoseconds */
#define MILLISECOND 1000000ull

struct bench;

/* What epoll hands back: the first member of whatever has a file descriptor. */
struct poll_target {
	void (*ready)(struct bench *bench, struct poll_target *target, uint32_t events);
};

enum speaker_state {
	SPEAKER_IDLE,
	SPEAKER_WAITING, /* for its turn to connect, or to try again */
	SPEAKER_LISTENING,
	SPEAKER_CONNECTING,
	SPEAKER_OPEN_SENT,
	SPEAKER_OPEN_CONFIRM,
	SPEAKER_ESTABLISHED,
	SPEAKER_STATE_COUNT,
};

#define ROUTE_PENDING 1 /* waits to be sent */
#define ROUTE_SENT    2 /* the peer has it: a withdraw must be sent */

/* One prefix that a speaker announces, or announced and withdrew (set 0). */
struct route {
	uint32_t slot;
	uint32_t set;
	uint8_t flags;
};

struct counters {
	uint64_t messages_received[8]; /* by enum message_type */
	uint64_t messages_sent[8];
	uint64_t bytes_received;
	uint64_t bytes_sent;
	uint64_t announced; /* NLRI received */
	uint64_t withdrawn;
	uint64_t same; /* announcements that changed nothing */
	uint64_t absent; /* withdraws of what was not there */
	uint64_t faults; /* UPDATEs that RFC 7606 finds fault with */
	uint64_t unsendable; /* routes whose attributes fit no UPDATE to this peer */
	uint64_t established; /* sessions */
	uint64_t down; /* sessions that ended without our doing */
};

struct speaker {
	struct poll_target target; /* the connection */
	struct poll_target listener;
	struct speaker_group *group;
	uint32_t index; /* in the group */
	struct ip_address local;
	uint32_t bgp_id;

	enum speaker_state state;
	int fd;
	int listen_fd;
	bool paused;
	bool want_write;
	struct open ours;
	struct negotiated negotiated;
	uint64_t connect_at;
	uint64_t last_received;
	uint64_t last_sent;
	unsigned attempts;

	/* received bytes that are not yet a whole message */
	uint8_t *partial;
	size_t partial_len;
	/* bytes to send */
	uint8_t *out;
	size_t out_len, out_at;

	/* Adj-RIB-In: attribute set by slot */
	uint32_t *adj_rib_in;
	uint32_t adj_rib_in_len;
	uint32_t received[FAMILY_COUNT]; /* paths in it */
	uint8_t end_of_rib; /* families whose End-of-RIB came */
	uint64_t last_change; /* of the Adj-RIB-In */
	uint32_t fresh; /* paths in it whose attributes are newer than the mark */

	/* what it announces */
	struct route *routes;
	uint32_t n_routes, max_routes;
	uint32_t announced; /* routes with a set */
	uint32_t *route_index; /* route + 1 by slot, open addressing */
	uint32_t route_index_size;
	uint32_t *pending; /* routes to send, in order */
	uint32_t pending_at, n_pending, max_pending;
	uint8_t end_of_rib_due; /* families whose End-of-RIB follows the pending routes */

	struct counters counters;
};

struct speaker_group {
	struct speaker_group *next;
	char *name;
	uint32_t count;
	struct speaker *speakers;
	struct ip_address target; /* as `target` said at the last connect */
	uint16_t target_port;
	uint32_t as;
	uint32_t remote_as; /* 0: any */
	uint16_t hold_time;
	uint8_t families;
	uint8_t add_path_receive, add_path_send;
	bool as4;
	bool extended_message;
	bool ignore_own; /* what comes back to its originator (RFC 4456 section 8) is not kept */
	bool reconnect; /* after a session that was Established ends */
	uint16_t local_port; /* 0: the kernel's choice */
	uint32_t at_once; /* sessions being set up at a time; 0: any number */
};

/* Speakers first..last of a group: what NAME, NAME[3] and NAME[3..7] mean. */
struct selection {
	struct speaker_group *group;
	uint32_t first, last;
};

struct activity; /* activity.h */
struct probe; /* probe.h */

#define INPUT_MAX (512u << 10)

struct bench {
	int epoll_fd;
	struct table *table;
	struct ip_address target;
	uint16_t target_port;
	struct speaker_group *groups; /* in order of definition */
	struct activity *activities;
	struct probe
		*probe; /* the latency measurement that is under way or was the last; NULL: none */
	uint32_t mark; /* attribute sets numbered above it are fresh */
	uint64_t marked_at; /* when the mark was set; 0: never */
	uint32_t next_bgp_id;
	uint64_t now;
	uint64_t first_connect; /* 0: none yet, or since `stats reset` */
	uint64_t last_established;
	uint64_t last_update; /* when the last UPDATE came or went */
	uint32_t waiting; /* speakers in SPEAKER_WAITING */
	bool events; /* print session events */
	bool quit;
	bool failed; /* a command failed */
	void (*log)(struct bench *bench, const struct speaker *speaker, const char *event,
		const char *detail);
	uint8_t *input; /* INPUT_MAX bytes, shared by all connections */
};

/* CLOCK_MONOTONIC, nanoseconds. */
uint64_t bench_clock(void);
/* From now on what clients receive with attributes never seen before counts as fresh. */
void bench_mark(struct bench *bench);
/* "nodes[3]" into `text`; returns `text`. */
char *speaker_name(const struct speaker *speaker, char *text, size_t size);
/* `value` as a JSON string, quotes included. */
void json_string(FILE *to, const char *value);
/* `address` plus `offset`, as one big-endian number; wraps. */
struct ip_address ip_address_plus(const struct ip_address *address, uint64_t offset);

#endif
