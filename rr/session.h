/*
 * A session: one TCP connection to a peer (or the attempt at one), its FSM and its timers. It turns
 * bytes and deadlines into events, carries out what bgp/fsm.h answers, and moves UPDATEs between
 * the socket and the RIB. peer.c creates sessions and decides between two of them; reflector.c
 * calls session_tick and session_write. It never decides when a peer is tried again.
 */
#ifndef RR_SESSION_H
#define RR_SESSION_H

#include "rr/state.h"

/*
 * Bytes that wait: the tail of a partial message, or control messages that the socket did not take.
 * Freed when empty.
 */
struct session_buffer {
	uint8_t *bytes;
	size_t len;
	size_t room;
};

struct session {
	struct reflector *reflector;
	struct peer *peer; /* NULL once it is on the list of the dead */
	TAILQ_ENTRY(session) link; /* in reflector.ready or reflector.dead */
	bool incoming; /* the peer initiated the connection */
	bool ready; /* in reflector.ready */
	bool blocked; /* the socket takes no more: write_event is set */
	bool events_assigned;
	uint8_t state; /* enum fsm_state */
	int fd; /* -1 without a connection */
	struct event read_event;
	struct event write_event;
	struct ip_address local;
	uint16_t remote_port;

	/* Deadlines in monotonic microseconds; 0: not running. */
	uint64_t connect_retry_at;
	uint64_t idle_hold_at;
	uint64_t hold_at;
	uint64_t keepalive_at;
	uint64_t blocked_since; /* RFC 9687: nothing could be written since */
	uint64_t state_since;

	struct open ours;
	struct open theirs;
	struct negotiated negotiated;
	struct rib_peer *rib_peer; /* NULL unless Established */
	struct session_buffer tail;
	struct session_buffer control; /* its first message may be sent in part */
};

/* How a session is ended by us. */
enum session_ending {
	ENDING_GRACEFUL, /* where RFC 8538 has it so, the routes of both sides outlive the session
			  */
	ENDING_HARD, /* they go: a Hard Reset where the peer knows it (RFC 8538 section 3.1) */
	ENDING_RESTART, /* the reflector restarts: whoever has Graceful Restart keeps our routes */
};

/* What made an event, for the NOTIFICATION and the log. */
struct session_cause {
	const struct bgp_error *error; /* what a NOTIFICATION is to say; NULL: what the FSM says */
	uint8_t message_type; /* enum message_type of an unexpected message (RFC 6608) */
	const char *text; /* why, where there is no error; NULL: nothing to add */
	bool hard; /* a Hard Reset was received, or is to be sent where the peer knows it */
	bool silent; /* no NOTIFICATION: with one the peer would not keep our routes */
};

/* What became of a session whose FSM left OpenSent or a later state, or failed on the way there. */
struct session_end {
	uint8_t before; /* enum fsm_state */
	uint64_t state_us; /* how long it had been in it */
	uint32_t actions; /* FSM_DO_* of the step */
	uint8_t event; /* enum fsm_event */
	uint8_t code_sent; /* of the NOTIFICATION; 0: none */
	const char *reason; /* for people */
};

/* In Idle, or in Active when `incoming`. NULL when memory is short. */
struct session *session_new(struct peer *peer, bool incoming);
/* Closes without a word and frees. Only when none of its functions is on the stack. */
void session_free(struct session *session);

/* Takes over an accepted connection: TcpConnectionConfirmed. */
void session_accept(struct session *session, int fd, uint16_t remote_port);
/* Feeds `event` to the FSM and does what it says. `cause` may be NULL. */
void session_event(
	struct session *session, enum fsm_event event, const struct session_cause *cause);
/*
 * ManualStop with Cease/`subcode` (`text`: RFC 9003, or NULL). Nothing in Idle.
 */
void session_stop(struct session *session, enum cease_subcode subcode, const char *text,
	enum session_ending ending);
/* Fires the deadlines that are due. */
void session_tick(struct session *session, uint64_t now);

/* Asks for the routes of every negotiated family again (RFC 2918). False when the peer cannot. */
bool session_ask_refresh(struct session *session);
/* What the RIB must know of the session as the configuration stands now. */
void session_rib_parameters(const struct session *session, struct rib_peer_parameters *parameters);

/* session_message.c: takes one framed message. False when the session has ended by it. */
bool session_message(struct session *session, const struct message *message);
/* For the log: whom a line is about. */
struct log_subject session_subject(const struct session *session);

/* session_io.c */

/*
 * Takes `fd` over and starts to read; for one that is still `connecting`, waits until it is
 * writable. False: memory.
 */
bool session_attach(struct session *session, int fd, bool connecting);
/*
 * Lets go of the connection. Without `notification` at once; with one, which may be empty, sends
 * what control output there is, then the NOTIFICATION, at a message boundary if one can be had,
 * then closes gently. True when the NOTIFICATION was handed over.
 */
bool session_detach(struct session *session, const uint8_t *notification, size_t len);
/* Reads once and takes the messages. Returns how many bytes came. */
size_t session_read(struct session *session);
/* Writes as much as the socket takes, or a fair share of a turn. */
void session_write(struct session *session);
/* Queues a control message and writes what can be written. */
void session_send(
	struct session *session, enum message_type type, const uint8_t *bytes, size_t len);
/* Puts the session on the list of those written at the end of the turn. */
void session_set_ready(struct session *session);
void session_clear_ready(struct session *session);
void session_buffer_free(struct session_buffer *buffer);

#endif
