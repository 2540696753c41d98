/*
 * The OPEN message and its capabilities: RFC 4271 sections 4.2 and 6.2, RFC 5492, RFC 9072
 * (extended optional parameters), RFC 4760, RFC 2918, RFC 7313, RFC 6793, RFC 8654, RFC 7911, RFC
 * 4724, RFC 9494, RFC 6286. Decodes, encodes and negotiates; it knows no configuration beyond what
 * it is handed.
 */
#ifndef BGP_OPEN_H
#define BGP_OPEN_H

#include "bgp/message.h"

enum capability_code {
	CAPABILITY_MULTIPROTOCOL = 1,
	CAPABILITY_ROUTE_REFRESH = 2,
	CAPABILITY_EXTENDED_NEXT_HOP = 5,
	CAPABILITY_EXTENDED_MESSAGE = 6,
	CAPABILITY_GRACEFUL_RESTART = 64,
	CAPABILITY_AS4 = 65,
	CAPABILITY_ADD_PATH = 69,
	CAPABILITY_ENHANCED_ROUTE_REFRESH = 70,
	CAPABILITY_LONG_LIVED_GRACEFUL_RESTART = 71,
};

struct capabilities {
	bool multiprotocol; /* any Multiprotocol capability was there */
	uint8_t families; /* FAMILY_BIT of each; without `multiprotocol` IPv4 unicast is implied */
	bool route_refresh;
	bool enhanced_route_refresh;
	bool extended_message;
	bool as4;
	uint32_t as4_number; /* valid when as4 */
	uint8_t add_path_receive; /* families in which the sender of the OPEN is able to receive
				     path IDs */
	uint8_t add_path_send; /* ... and is able to send them */
	struct {
		bool present;
		bool restarting; /* Restart State */
		bool notification; /* N bit, RFC 8538 */
		uint16_t time; /* seconds, 12 bits */
		uint8_t families;
		uint8_t forwarding; /* Forwarding State, by family */
	} graceful_restart;
	/* RFC 9494: nothing without graceful_restart.present, neither read nor written */
	struct {
		bool present;
		uint8_t families;
		uint8_t forwarding; /* F bit, by family */
		uint32_t time[FAMILY_COUNT]; /* Long-Lived Stale Time: seconds, 24 bits; of
						`families` */
	} long_lived;
};

struct open {
	uint8_t version; /* 4 after open_read; open_write always writes 4 */
	uint32_t as; /* the 4-octet AS where the capability has it, else My Autonomous System */
	uint16_t hold_time; /* seconds */
	uint32_t bgp_id; /* host byte order */
	struct capabilities capabilities;
};

/*
 * Decodes and checks everything that needs no configuration: version, hold time (1 and 2 are
 * refused), a BGP Identifier of 0 (RFC 6286), AS 0 (RFC 7607), the shape of parameters and
 * capabilities. Unknown capabilities are ignored, unknown optional parameters refused. False with
 * the NOTIFICATION in `error`.
 */
bool open_read(struct span body, struct open *open, struct bgp_error *error);

/* Writes the whole message; RFC 9072 form only when the parameters exceed 255 bytes. */
void open_write(struct writer *w, const struct open *open);
/*
 * The same with `more` behind our capabilities: capabilities in encoded form that this part does
 * not know. For the test speakers, and for what is offered but not acted upon.
 */
void open_write_more(struct writer *w, const struct open *open, struct span more);

/* What two OPENs agree on. */
struct negotiated {
	uint32_t as; /* the peer's */
	uint32_t bgp_id; /* the peer's, host byte order */
	uint16_t hold_time; /* seconds; 0: neither hold nor keepalive timer runs */
	uint16_t keepalive_time; /* seconds, a third of hold_time */
	uint8_t families; /* both sides have it */
	bool as4;
	/* We may send them. To receive them our own capability is enough (RFC 8654 section 6). */
	bool extended_message;
	bool route_refresh;
	bool enhanced_route_refresh;
	uint8_t add_path_receive; /* families in which the peer sends path IDs to us */
	uint8_t add_path_send; /* families in which we send path IDs to the peer */
	/*
	 * RFC 4724: families whose routes outlive the session, the peer's with us and ours with
	 * the peer; and the same of RFC 9494, for the time after.
	 */
	uint8_t graceful_restart_receive;
	uint8_t graceful_restart_send;
	uint8_t long_lived_receive;
	uint8_t long_lived_send;
	bool graceful_notification; /* both sides have the N bit (RFC 8538) */
};

/*
 * Checks the peer's OPEN against what is expected of it and computes the common ground.
 * `expected_as` 0 accepts any. Refuses the wrong AS, an internal peer with our own BGP Identifier
 * (RFC 6286 section 2.2), and a peer with which no family is common (OPEN_UNSUPPORTED_CAPABILITY,
 * data as in RFC 5492 section 3).
 */
bool open_negotiate(const struct open *ours, const struct open *theirs, uint32_t expected_as,
	struct negotiated *negotiated, struct bgp_error *error);

/*
 * RFC 4271 section 6.8 with RFC 6286 section 2.3: true when the connection that WE initiated is the
 * one to keep of two that collide.
 */
bool open_collision_keeps_ours(const struct open *ours, const struct open *theirs);

#endif
