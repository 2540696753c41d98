/*
 * The finite state machine of RFC 4271 section 8, as one pure function of (state, event). The session in rr/ owns
 * the socket and the timers, feeds events in and carries out the actions that come back; the FSM itself knows neither.
 * One FSM stands for one TCP connection (section 8.2.1: collisions are two FSMs of one peer).
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

const char *fsm_state_name(enum fsm_state state); /* "Idle", "OpenSent" ... */

#endif
