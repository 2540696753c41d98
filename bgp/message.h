/*
 * BGP messages as they stand on the wire: framing (RFC 4271 section 4.1, RFC 8654), NOTIFICATION
 * (section 4.5, RFC 9003), KEEPALIVE (4.4) and ROUTE-REFRESH (RFC 2918, RFC 7313). OPEN is in
 * open.h, UPDATE in update.h. The session calls it with bytes; it owns none of them and knows no
 * socket.
 */
#ifndef BGP_MESSAGE_H
#define BGP_MESSAGE_H

#include "bgp/error.h"
#include "bgp/reader.h"
#include "bgp/writer.h"

#define BGP_HEADER_LEN		 19
#define BGP_MESSAGE_MAX		 4096
#define BGP_MESSAGE_EXTENDED_MAX 65535 /* RFC 8654 */

enum message_type {
	MESSAGE_OPEN = 1,
	MESSAGE_UPDATE = 2,
	MESSAGE_NOTIFICATION = 3,
	MESSAGE_KEEPALIVE = 4,
	MESSAGE_ROUTE_REFRESH = 5,
};

struct message {
	uint8_t type; /* enum message_type */
	struct span body; /* behind the header, borrowed from the input */
};

enum frame_result {
	FRAME_INCOMPLETE, /* more bytes are needed; nothing was consumed */
	FRAME_COMPLETE, /* `message` is valid, `consumed` bytes of input are used up */
	FRAME_BAD, /* `error` says which NOTIFICATION ends the session */
};

/*
 * Takes one message off the front of `input`. `extended` says whether we advertised RFC 8654 to the
 * peer (its sections 4 and 6: the receiver's capability raises the limit; OPEN and KEEPALIVE keep
 * theirs even then). Checks marker, length against the type's minimum and the maximum, and the type
 * (RFC 4271 section 6.1); a bad header is reported before the body has arrived.
 */
enum frame_result message_frame(struct span input, bool extended, struct message *message,
	size_t *consumed, struct bgp_error *error);

/* Writes the header with a length of 0; returns the offset to hand to message_end. */
size_t message_begin(struct writer *w, enum message_type type);
/* Fills in the length of the message begun at `start`. */
void message_end(struct writer *w, size_t start);

/* The whole messages. w->overflow when they do not fit. */
void keepalive_write(struct writer *w);
void notification_write(struct writer *w, const struct bgp_error *error);

#define SHUTDOWN_TEXT_MAX 255 /* RFC 9003 section 2, bytes of UTF-8 */

struct notification {
	uint8_t code;
	uint8_t subcode;
	struct span data;
	/*
	 * What ended the session: in a Hard Reset (RFC 8538 section 3.1) what the NOTIFICATION that
	 * it carries says (all 0 when it carries none), else the same as above.
	 */
	bool hard_reset;
	uint8_t reason_code;
	uint8_t reason_subcode;
	struct span reason_data;
	/*
	 * RFC 9003 Shutdown Communication, also of the NOTIFICATION inside a Hard Reset (RFC 8538),
	 * made printable (control characters and bad UTF-8 replaced by '?'); "" if none.
	 */
	char shutdown_text[SHUTDOWN_TEXT_MAX + 1];
};

/*
 * Never fails on a framed body: a NOTIFICATION is never answered with one (RFC 4271 section 6.4).
 */
void notification_read(struct span body, struct notification *notification);

/*
 * Cease with a Shutdown Communication for subcodes 2 and 4 (RFC 9003); `text` may be NULL, is not
 * used for other subcodes, and is cut at a character when longer than SHUTDOWN_TEXT_MAX. `reason`
 * is for the log; NULL: the subcode's name.
 */
void cease_set(
	struct bgp_error *error, enum cease_subcode subcode, const char *text, const char *reason);

/*
 * Makes a Hard Reset of `error`, the NOTIFICATION that gives the reason (RFC 8538 section 3.1): for
 * a peer with which the N bit was exchanged, when it is to keep no routes. The reason for the log
 * stays.
 */
void hard_reset_wrap(struct bgp_error *error);

enum route_refresh_subtype { /* RFC 7313 section 3.2 */
	ROUTE_REFRESH_NORMAL = 0,
	ROUTE_REFRESH_BORR = 1, /* beginning of the routes */
	ROUTE_REFRESH_EORR = 2, /* end of the routes */
};

struct route_refresh {
	uint16_t afi;
	uint8_t subtype; /* enum route_refresh_subtype, or one that is to be ignored (RFC 7313
			    section 5) */
	uint8_t safi;
};

/*
 * False with the NOTIFICATION of RFC 7313 section 5 in `error` when the length is wrong. A subtype
 * above EoRR is true whatever its length, with afi and safi as far as they are there: the caller
 * ignores (and logs) the message.
 */
bool route_refresh_read(struct span body, struct route_refresh *refresh, struct bgp_error *error);
void route_refresh_write(struct writer *w, enum family family, uint8_t subtype);

#endif
