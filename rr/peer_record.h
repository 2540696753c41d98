/*
 * What the journal is told of a peer's sessions: when one comes up and goes, through which states,
 * and the NOTIFICATIONs with their texts. Called by session*.c and peer.c at the moment it happens;
 * does nothing without a journal. It changes nothing of a session.
 */
#ifndef RR_PEER_RECORD_H
#define RR_PEER_RECORD_H

#include "rr/session.h"

/* `session` is Established, its rib_peer is there: from here on its paths are worth restoring. */
void peer_record_up(const struct session *session);
/* It is over, or what had been retained of it is given up: what may be restored is told anew. */
void peer_record_down(const struct peer *peer);
/*
 * The FSM took a step from end->before to session->state. Attempts that fail as the one before
 * did, and what leads up to them, are told once.
 */
void peer_record_step(struct session *session, const struct session_end *end);
void peer_record_sent(const struct session *session, const struct bgp_error *error);
void peer_record_received(const struct session *session, const struct notification *notification);

#endif
