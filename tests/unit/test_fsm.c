/*
 * The FSM against RFC 4271 section 8.2.2, pair by pair: the expectations are written from the RFC's
 * text, not from the table of fsm.c, in a notation of their own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bgp/fsm.h"

/*
 * "Next:actions". Next is the first letter of Idle, Connect, Active, Sent (OpenSent), Opconfirm,
 * Established. n NOTIFICATION        d drop the connection     r release resources     x delete
 * routes
 * + count up            0 count to zero           s stop connect retry    t start connect retry
 * c connect             o send OPEN               k send KEEPALIVE        K start keepalive timer
 * L large hold timer    H negotiated hold timer   e establish             p process
 * 2 track the second    j reject                  i start idle hold       g start again
 */
static const struct {
	char letter;
	uint32_t action;
} letters[] = {
	{ 'n', FSM_DO_SEND_NOTIFICATION },
	{ 'd', FSM_DO_DROP },
	{ 'r', FSM_DO_RELEASE },
	{ 'x', FSM_DO_DELETE_ROUTES },
	{ '+', FSM_DO_COUNT_UP },
	{ '0', FSM_DO_COUNT_ZERO },
	{ 's', FSM_DO_STOP_CONNECT_RETRY },
	{ 't', FSM_DO_START_CONNECT_RETRY },
	{ 'c', FSM_DO_CONNECT },
	{ 'o', FSM_DO_SEND_OPEN },
	{ 'k', FSM_DO_SEND_KEEPALIVE },
	{ 'K', FSM_DO_START_KEEPALIVE },
	{ 'L', FSM_DO_HOLD_LARGE },
	{ 'H', FSM_DO_HOLD_NEGOTIATED },
	{ 'e', FSM_DO_ESTABLISH },
	{ 'p', FSM_DO_PROCESS },
	{ '2', FSM_DO_TRACK_SECOND },
	{ 'j', FSM_DO_REJECT },
	{ 'i', FSM_DO_START_IDLE_HOLD },
	{ 'g', FSM_DO_START },
};

static const char states[] = "ICASOE";

/* Row by row the events 1 to 30, column by column the states Idle to Established. */
static const char *const expected[FSM_EVENT_COUNT][FSM_STATE_COUNT] = {
	[1] = { "C:tc0", "C:", "A:", "S:", "O:", "E:" },
	[2] = { "I:", "I:drs0", "I:drs0", "I:ndrs0", "I:ndrs0", "I:nxdrs0" },
	[3] = { "C:tc", "C:", "A:", "S:", "O:", "E:" },
	[4] = { "A:t0", "C:", "A:", "S:", "O:", "E:" },
	[5] = { "A:t", "C:", "A:", "S:", "O:", "E:" },
	[6] = { "I:i", "C:", "A:", "S:", "O:", "E:" },
	[7] = { "I:i", "C:", "A:", "S:", "O:", "E:" },
	[8] = { "I:", "I:drs+", "I:drs+", "I:ndrs+", "I:ndrs+", "I:nxdrs+" },
	[9] = { "I:", "C:dtc", "C:tc", "I:ndrs+", "I:ndrs+", "I:nxdrs+" },
	[10] = { "I:", "I:drs+", "I:drs+", "I:ndrs+", "I:ndrs+", "I:nxdrs+" },
	[11] = { "I:", "I:drs+", "I:drs+", "I:ndrs+", "O:kK", "E:kK" },
	[12] = { "I:", "S:soL", "S:soL", "I:ndrs+", "I:ndrs+", "I:nxdrs+" },
	[13] = { "I:g", "I:drs+", "I:drs+", "I:ndrs+", "I:ndrs+", "I:nxdrs+" },
	[14] = { "I:", "C:", "A:", "S:2", "O:2", "E:2" },
	[15] = { "I:", "C:j", "A:j", "S:", "O:", "E:" },
	[16] = { "I:", "S:soL", "S:soL", "S:2", "O:2", "E:2" },
	[17] = { "I:", "S:soL", "S:soL", "S:2", "O:2", "E:2" },
	[18] = { "I:", "A:dt", "I:tdr+", "A:dt", "I:drs+", "I:xdrs+" },
	[19] = { "I:", "I:drs+", "I:drs+", "O:skKH", "I:ndrs+", "I:nxdrs+" },
	[20] = { "I:", "O:sokKH", "O:sokKH", "I:ndrs+", "I:ndrs+", "I:nxdrs+" },
	[21] = { "I:", "I:drs+", "I:drs+", "I:ndrs+", "I:ndrs+", "I:nxdrs+" },
	[22] = { "I:", "I:drs+", "I:drs+", "I:ndrs+", "I:ndrs+", "I:nxdrs+" },
	[23] = { "I:", "I:drs+", "I:drs+", "I:ndrs+", "I:ndrs+", "I:nxdrs+" },
	[24] = { "I:", "I:drs+", "I:drs+", "I:drs", "I:drs", "I:xdrs+" },
	[25] = { "I:", "I:drs+", "I:drs+", "I:drs+", "I:drs+", "I:xdrs+" },
	[26] = { "I:", "I:drs+", "I:drs+", "I:ndrs+", "E:He", "E:H" },
	[27] = { "I:", "I:drs+", "I:drs+", "I:ndrs+", "I:ndrs+", "E:pH" },
	[28] = { "I:", "I:drs+", "I:drs+", "I:ndrs+", "I:ndrs+", "I:nxdrs+" },
	[29] = { "I:", "I:drs+", "I:drs+", "I:ndrs+", "I:ndrs+", "I:nxdrs+" },
	[30] = { "I:", "I:drs+", "I:drs+", "I:ndrs+", "I:ndrs+", "E:pH" },
};

/* The actions as letters, in the order of the table above. */
static void describe(const struct fsm_step *step, char *text)
{
	*text++ = states[step->state];
	*text++ = ':';
	for (size_t i = 0; i < sizeof letters / sizeof *letters; i++) {
		if (step->actions & letters[i].action)
			*text++ = letters[i].letter;
	}
	*text = '\0';
}

static uint32_t actions_of(const char *text)
{
	uint32_t actions = 0;

	for (text += 2; *text != '\0'; text++) {
		size_t i = 0;

		while (i < sizeof letters / sizeof *letters && letters[i].letter != *text)
			i++;
		assert_true(i < sizeof letters / sizeof *letters);
		actions |= letters[i].action;
	}
	return actions;
}

static void every_pair_is_as_the_rfc_says(void **unused)
{
	(void)unused;
	for (unsigned event = 1; event < FSM_EVENT_COUNT; event++) {
		for (unsigned state = 0; state < FSM_STATE_COUNT; state++) {
			const char *want = expected[event][state];
			struct fsm_step step = fsm_step(state, event);
			char got[64];

			assert_non_null(want);
			describe(&step, got);
			if (states[step.state] != want[0] || step.actions != actions_of(want))
				fail_msg("%s in %s: got %s, expected %s", fsm_event_name(event),
					fsm_state_name(state), got, want);
		}
	}
}

/* What must hold in any row, whatever the RFC says there. */
static void steps_are_consistent(void **unused)
{
	(void)unused;
	for (unsigned event = 1; event < FSM_EVENT_COUNT; event++) {
		for (unsigned state = 0; state < FSM_STATE_COUNT; state++) {
			struct fsm_step step = fsm_step(state, event);
			bool notifies = step.actions & FSM_DO_SEND_NOTIFICATION;
			bool drops = step.actions & FSM_DO_DROP;
			bool connected = state >= FSM_OPEN_SENT;

			if (connected && step.state < FSM_OPEN_SENT)
				assert_true(drops);
			if (notifies) {
				assert_true(drops);
				assert_true(connected);
			} else {
				assert_int_equal(step.code, 0);
			}
			/* Routes go exactly when Established is left. */
			assert_int_equal(state == FSM_ESTABLISHED && step.state != FSM_ESTABLISHED,
				(step.actions & FSM_DO_DELETE_ROUTES) != 0);
			/* Established is entered by a KEEPALIVE alone. */
			if (step.state == FSM_ESTABLISHED && state != FSM_ESTABLISHED)
				assert_int_equal(event, FSM_EVENT_KEEPALIVE);
		}
	}
}

/* The NOTIFICATION's code; 0: that of the error which the decoder found. */
static int code_of(enum fsm_state state, enum fsm_event event)
{
	switch ((int)event) {
	case FSM_EVENT_MANUAL_STOP:
	case FSM_EVENT_AUTOMATIC_STOP:
	case FSM_EVENT_COLLISION_DUMP: return ERROR_CEASE;
	case FSM_EVENT_HOLD_EXPIRES: return ERROR_HOLD_TIMER;
	case FSM_EVENT_HEADER_ERROR: return 0;
	case FSM_EVENT_OPEN_ERROR: return state == FSM_ESTABLISHED ? ERROR_FSM : 0;
	case FSM_EVENT_UPDATE_ERROR: return state == FSM_ESTABLISHED ? 0 : ERROR_FSM;
	case FSM_EVENT_SEND_HOLD_EXPIRES:
		return state == FSM_ESTABLISHED ? ERROR_SEND_HOLD_TIMER : ERROR_FSM;
	default: return ERROR_FSM;
	}
}

static void notifications_have_the_right_code(void **unused)
{
	static const uint8_t unexpected[FSM_STATE_COUNT] = {
		[FSM_OPEN_SENT] = FSM_UNEXPECTED_IN_OPENSENT,
		[FSM_OPEN_CONFIRM] = FSM_UNEXPECTED_IN_OPENCONFIRM,
		[FSM_ESTABLISHED] = FSM_UNEXPECTED_IN_ESTABLISHED,
	};
	(void)unused;
	for (unsigned event = 1; event < FSM_EVENT_COUNT; event++) {
		for (unsigned state = FSM_OPEN_SENT; state < FSM_STATE_COUNT; state++) {
			struct fsm_step step = fsm_step(state, event);
			int code = code_of(state, event);

			if (!(step.actions & FSM_DO_SEND_NOTIFICATION))
				continue;
			assert_int_equal(step.code, code);
			/* RFC 6608. */
			assert_int_equal(step.subcode, code == ERROR_FSM ? unexpected[state]
						       : event == FSM_EVENT_COLLISION_DUMP
							       ? CEASE_COLLISION
							       : 0);
		}
	}
}

static void names_are_the_rfcs(void **unused)
{
	(void)unused;
	assert_string_equal(fsm_state_name(FSM_IDLE), "Idle");
	assert_string_equal(fsm_state_name(FSM_CONNECT), "Connect");
	assert_string_equal(fsm_state_name(FSM_ACTIVE), "Active");
	assert_string_equal(fsm_state_name(FSM_OPEN_SENT), "OpenSent");
	assert_string_equal(fsm_state_name(FSM_OPEN_CONFIRM), "OpenConfirm");
	assert_string_equal(fsm_state_name(FSM_ESTABLISHED), "Established");
	assert_string_equal(fsm_state_name(FSM_STATE_COUNT), "unknown state");
	assert_string_equal(fsm_event_name(FSM_EVENT_NOTIFICATION_VERSION), "NotifMsgVerErr");
	assert_string_equal(fsm_event_name(FSM_EVENT_COUNT), "unknown event");
	for (unsigned event = 1; event < FSM_EVENT_COUNT; event++)
		assert_string_not_equal(fsm_event_name(event), "unknown event");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_is_as_the_rfc_says),
		cmocka_unit_test(steps_are_consistent),
		cmocka_unit_test(notifications_have_the_right_code),
		cmocka_unit_test(names_are_the_rfcs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
