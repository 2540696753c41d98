/*
 * What struct reflector is made of, for the files of rr/ alone: the event loop's events, the
 * listeners, the peers, the connections that are closing, and the lists by which work is put off to
 * the end of a loop turn. reflector.c owns it all; nobody outside rr/ includes this.
 */
#ifndef RR_STATE_H
#define RR_STATE_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/queue.h>
#include <time.h>

#include "rr/graceful_restart.h"
#include "rr/log.h"
#include "rr/reflector.h"
#include "rr/socket.h"

#define SECOND_US UINT64_C(1000000)

/*
 * One for all peers: what a socket has is read into it, and only the tail of a partial message is
 * kept elsewhere.
 */
#define INPUT_READ_MAX	  (256 * 1024)
#define INPUT_BUFFER_SIZE (INPUT_READ_MAX + BGP_MESSAGE_EXTENDED_MAX)

struct peer;
struct session;
struct closing;
struct journal;
struct listener;

TAILQ_HEAD(session_list, session);
LIST_HEAD(closing_list, closing);
LIST_HEAD(listener_list, listener);

/* Peers in order of address. */
struct peer_set {
	struct peer **peers;
	size_t count;
	size_t room;
	size_t down_dynamic; /* dynamic peers without a connection, as of the last tick */
};

/* How far the end of the reflector is (stopping.h), and what comes after it. */
enum stopping { STOPPING_NOT, STOPPING_FLUSH, STOPPING_CLOSE };
enum stopping_reason {
	STOPPING_TO_SHUT_DOWN, /* nothing: peers give up our routes */
	STOPPING_TO_TERMINATE, /* whoever ended us starts us again: peers keep our routes */
	STOPPING_TO_RESTART, /* main.c starts us again: peers keep our routes */
};

struct reflector {
	struct event_base *base;
	struct config *config;
	struct log log;
	struct rib *rib;
	struct rib *retired; /* list: others took their places, they are freed a part a turn */
	uint8_t hash_key[16];
	uint64_t jitter; /* state of the generator behind jittered() */
	struct journal *journal; /* NULL: none is kept */
	struct peer_set peers;
	struct listener_list listeners;
	struct closing_list closings;
	size_t closing_bytes; /* that they still hold */
	struct session_list ready; /* sessions whose output waits for the end of the turn */
	size_t n_ready;
	struct session_list
		dead; /* ended sessions, freed when no function of theirs is on the stack */
	struct local_addresses local_addresses;
	uint8_t *input; /* INPUT_BUFFER_SIZE bytes */

	struct event tick_event;
	struct event run_event; /* made active by input: runs behind all sockets of the turn */
	struct event run_timer; /* when rib_run wants to be called again */
	bool events_added;
	bool run_queued;
	bool running;
	bool input_full; /* some socket had more than one read takes */
	enum stopping stopping;
	enum stopping_reason stopping_reason;
	char *stopping_text; /* for the peers; NULL without */
	uint64_t stopping_deadline;
	bool flush_failed; /* the journal had its time */
	bool abandoned; /* told to end a second time: nothing is waited for any more */
	struct restart_period restart; /* our own, after the journal restored the table */

	struct journal_readers *journal_readers; /* made at the first question */

	uint64_t started_wall; /* seconds since 1970 */
	uint64_t started; /* monotonic microseconds */
	uint64_t connections_accepted;
	uint64_t connections_refused;
	uint64_t reloads;
	struct log_rate refused_rate; /* no peer, no range */
	struct log_rate damped_rate; /* peers that fail again and again */
	struct log_rate accept_rate; /* out of descriptors */
};

/* Monotonic time in microseconds; never 0. */
static inline uint64_t monotonic_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_US + (uint64_t)now.tv_nsec / 1000 + 1;
}

/* 0 when `since` is the later: the `now` of a tick is older than what happens during the tick. */
static inline uint64_t elapsed_us(uint64_t since, uint64_t now)
{
	return now > since ? now - since : 0;
}

/* `us` less a random part of up to a quarter: the jitter of RFC 4271 section 10. */
uint64_t jittered(struct reflector *reflector, uint64_t us);

/* There is work for rib_run or output to write: both happen at the end of this turn of the loop. */
void reflector_schedule(struct reflector *reflector);
/* A new, empty RIB after `config`; NULL when memory is short. */
struct rib *reflector_rib_new(struct reflector *reflector, const struct config *config);

#endif
