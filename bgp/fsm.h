/*
 * The finite state machine of RFC 4271 section 8, as one pure function of (state, event). The
 * session in rr/ owns the socket and the timers, feeds events in and carries out the actions that
 * come back; the FSM itself knows neither. One FSM stands for one TCP connection (section 8.2.1:
 * collisions are two FSMs of one peer).
 *
 * Of the optional session attributes (section 8.1.1) Heliostat uses AllowAutomaticStart,
 * PassiveTcpEstablishment and DampPeerOscillations; not DelayOpen, SendNOTIFICATIONwithoutOPEN,
 * TrackTcpState or CollisionDetectEstablishedState.
 */
#ifndef BGP_FSM_H
#define BGP_FSM_H

#include "bgp/error.h"

enum fsm_state {
	FSM_IDLE,
	FSM_CONNECT,
	FSM_ACTIVE,
	FSM_OPEN_SENT,
	FSM_OPEN_CONFIRM,
	FSM_ESTABLISHED,
	FSM_STATE_COUNT,
};

/*
 * Numbered as in RFC 4271 section 8.1; 29 is of RFC 9687, 30 is ours (RFC 2918 defines no event).
 */
enum fsm_event {
	FSM_EVENT_MANUAL_START = 1,
	FSM_EVENT_MANUAL_STOP = 2,
	FSM_EVENT_AUTOMATIC_START = 3,
	FSM_EVENT_MANUAL_START_PASSIVE = 4,
	FSM_EVENT_AUTOMATIC_START_PASSIVE = 5,
	FSM_EVENT_AUTOMATIC_START_DAMPED = 6,
	FSM_EVENT_AUTOMATIC_START_DAMPED_PASSIVE = 7,
	FSM_EVENT_AUTOMATIC_STOP = 8,
	FSM_EVENT_CONNECT_RETRY_EXPIRES = 9,
	FSM_EVENT_HOLD_EXPIRES = 10,
	FSM_EVENT_KEEPALIVE_EXPIRES = 11,
	FSM_EVENT_DELAY_OPEN_EXPIRES = 12,
	FSM_EVENT_IDLE_HOLD_EXPIRES = 13,
	FSM_EVENT_TCP_VALID = 14,
	FSM_EVENT_TCP_INVALID = 15,
	FSM_EVENT_TCP_ACKED = 16, /* the connection that we asked for is up */
	FSM_EVENT_TCP_CONFIRMED = 17, /* a connection that the peer asked for is up */
	FSM_EVENT_TCP_FAILS = 18,
	FSM_EVENT_OPEN = 19,
	FSM_EVENT_OPEN_DELAYED = 20,
	FSM_EVENT_HEADER_ERROR = 21,
	FSM_EVENT_OPEN_ERROR = 22,
	FSM_EVENT_COLLISION_DUMP = 23,
	FSM_EVENT_NOTIFICATION_VERSION = 24,
	FSM_EVENT_NOTIFICATION = 25,
	FSM_EVENT_KEEPALIVE = 26,
	FSM_EVENT_UPDATE = 27,
	FSM_EVENT_UPDATE_ERROR = 28, /* of ROUTE-REFRESH too (RFC 7313 section 5) */
	FSM_EVENT_SEND_HOLD_EXPIRES = 29,
	FSM_EVENT_ROUTE_REFRESH = 30,
	FSM_EVENT_COUNT,
};

/* What the session has to do, in the order of the bits. */
enum fsm_action {
	FSM_DO_SEND_NOTIFICATION =
		1 << 0, /* fsm_step's code and subcode; code 0: the error that made the event */
	FSM_DO_DELETE_ROUTES = 1 << 1, /* of this connection */
	FSM_DO_DROP = 1 << 2, /* the TCP connection */
	FSM_DO_RELEASE = 1 << 3, /* buffers, hold and keepalive timers */
	FSM_DO_COUNT_UP = 1 << 4, /* ConnectRetryCounter, which DampPeerOscillations goes by */
	FSM_DO_COUNT_ZERO = 1 << 5, /* ConnectRetryCounter */
	FSM_DO_STOP_CONNECT_RETRY = 1 << 6,
	FSM_DO_START_CONNECT_RETRY = 1 << 7,
	FSM_DO_CONNECT = 1 << 8, /* initiate a TCP connection */
	FSM_DO_SEND_OPEN = 1 << 9,
	FSM_DO_SEND_KEEPALIVE = 1 << 10,
	FSM_DO_START_KEEPALIVE = 1 << 11, /* the negotiated time; 0: it does not run */
	FSM_DO_HOLD_LARGE = 1 << 12, /* hold timer to the large value of section 8.2.2, 4 minutes */
	FSM_DO_HOLD_NEGOTIATED = 1
				 << 13, /* hold timer to the negotiated time; 0: it does not run */
	FSM_DO_ESTABLISH = 1
			   << 14, /* the session is up: routes may flow, the send-hold timer runs */
	FSM_DO_PROCESS = 1 << 15, /* what the message says is to be done */
	FSM_DO_TRACK_SECOND = 1 << 16, /* a second connection: section 6.8 */
	FSM_DO_REJECT = 1 << 17, /* the connection request */
	FSM_DO_START_IDLE_HOLD =
		1 << 18, /* wait as DampPeerOscillations asks, then IdleHoldTimer_Expires */
	FSM_DO_START = 1 << 19, /* feed in the start event that the configuration asks for */
};

struct fsm_step {
	uint8_t state; /* enum fsm_state: the new one */
	uint8_t code; /* of the NOTIFICATION; 0: the session knows */
	uint8_t subcode; /* 0 with a code of ERROR_CEASE: the session knows */
	uint32_t actions; /* FSM_DO_* */
};

/*
 * RFC 4271 section 8.2.2: what `event` does in `state`. Both must be valid. Events that the RFC
 * ignores come back with the same state and no action.
 */
struct fsm_step fsm_step(enum fsm_state state, enum fsm_event event);

const char *fsm_state_name(enum fsm_state state); /* "Idle", "OpenSent" ... */
const char *fsm_event_name(
	enum fsm_event event); /* "ManualStart", "NotifMsg" ...: the RFC's names */

#endif
