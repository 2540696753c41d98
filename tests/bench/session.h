/*
 * The sessions of the speakers: sockets, OPEN exchange, timers, receiving into the Adj-RIB-In and
 * sending what is due. A small state machine of its own rather than the reflector's, so that a
 * fault there does not hide behind the same fault here. Called by the script and by the poll loop;
 * it never blocks.
 */
#ifndef BENCH_SESSION_H
#define BENCH_SESSION_H

#include "tests/bench/bench.h"

enum close_how { CLOSE_NOTIFICATION, CLOSE_RESET, CLOSE_FIN };

/* Connects at `when` (or as soon as the poll loop comes to it), again and again until it is
 * Established. */
void speaker_connect(struct bench *bench, struct speaker *speaker, uint64_t when);
/* Waits for the peer to connect to the speaker's address. False with errno set. */
bool speaker_listen(struct bench *bench, struct speaker *speaker, uint16_t port);
/* Ends the session or the attempt, and forgets the Adj-RIB-In. */
void speaker_close(struct bench *bench, struct speaker *speaker, enum close_how how);
void speaker_pause(struct bench *bench, struct speaker *speaker, bool paused);
/* Sends a ROUTE-REFRESH (RFC 2918). False when the session is not Established. */
bool speaker_refresh(struct bench *bench, struct speaker *speaker, enum family family);
/* Sends what is pending as far as the socket takes it. */
void speaker_flush(struct bench *bench, struct speaker *speaker);
/* Connects those whose turn it is; sends KEEPALIVEs; ends sessions whose hold timer expired. */
void sessions_tick(struct bench *bench);
/* Frees what the speaker holds; the session is closed. */
void speaker_release(struct bench *bench, struct speaker *speaker);

const char *speaker_state_name(enum speaker_state state);

#endif
