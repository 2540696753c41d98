/*
 * Protocol errors and the names of their codes and subcodes, as the RFCs and the IANA registry
 * spell them.
 */
#include "bgp/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A code without a name still has a constant text, so that no buffer is shared between callers. */
#define UNKNOWN(n) "unknown code " #n
#define UNKNOWN_TEN(t)                                                                            \
	UNKNOWN(t##0), UNKNOWN(t##1), UNKNOWN(t##2), UNKNOWN(t##3), UNKNOWN(t##4), UNKNOWN(t##5), \
		UNKNOWN(t##6), UNKNOWN(t##7), UNKNOWN(t##8), UNKNOWN(t##9)

static const char *const unknown_codes[256] = { UNKNOWN_TEN(), UNKNOWN_TEN(1), UNKNOWN_TEN(2),
	UNKNOWN_TEN(3), UNKNOWN_TEN(4), UNKNOWN_TEN(5), UNKNOWN_TEN(6), UNKNOWN_TEN(7),
	UNKNOWN_TEN(8), UNKNOWN_TEN(9), UNKNOWN_TEN(10), UNKNOWN_TEN(11), UNKNOWN_TEN(12),
	UNKNOWN_TEN(13), UNKNOWN_TEN(14), UNKNOWN_TEN(15), UNKNOWN_TEN(16), UNKNOWN_TEN(17),
	UNKNOWN_TEN(18), UNKNOWN_TEN(19), UNKNOWN_TEN(20), UNKNOWN_TEN(21), UNKNOWN_TEN(22),
	UNKNOWN_TEN(23), UNKNOWN_TEN(24), UNKNOWN(250), UNKNOWN(251), UNKNOWN(252), UNKNOWN(253),
	UNKNOWN(254), UNKNOWN(255) };

#define SUBCODES 12 /* one more than the highest that has a name */

/* Indexed by code, then by subcode; includes what we only receive. */
static const struct {
	const char *name;
	const char *subcodes[SUBCODES];
} codes[] = {
	[ERROR_MESSAGE_HEADER] = { "Message Header Error", /* RFC 4271 section 6.1 */
		{
			[HEADER_NOT_SYNCHRONIZED] = "Connection Not Synchronized",
			[HEADER_BAD_LENGTH] = "Bad Message Length",
			[HEADER_BAD_TYPE] = "Bad Message Type",
		} },
	[ERROR_OPEN] = { "OPEN Message Error", /* RFC 4271 section 6.2, RFC 5492, RFC 9234 */
		{
			[OPEN_BAD_VERSION] = "Unsupported Version Number",
			[OPEN_BAD_PEER_AS] = "Bad Peer AS",
			[OPEN_BAD_BGP_IDENTIFIER] = "Bad BGP Identifier",
			[OPEN_BAD_OPTIONAL_PARAMETER] = "Unsupported Optional Parameter",
			[5] = "Authentication Failure",
			[OPEN_BAD_HOLD_TIME] = "Unacceptable Hold Time",
			[OPEN_UNSUPPORTED_CAPABILITY] = "Unsupported Capability",
			[11] = "Role Mismatch",
		} },
	[ERROR_UPDATE] = { "UPDATE Message Error", /* RFC 4271 section 6.3 */
		{
			[UPDATE_MALFORMED_ATTRIBUTE_LIST] = "Malformed Attribute List",
			[UPDATE_UNRECOGNIZED_WELL_KNOWN] = "Unrecognized Well-known Attribute",
			[UPDATE_MISSING_WELL_KNOWN] = "Missing Well-known Attribute",
			[UPDATE_ATTRIBUTE_FLAGS] = "Attribute Flags Error",
			[UPDATE_ATTRIBUTE_LENGTH] = "Attribute Length Error",
			[UPDATE_INVALID_ORIGIN] = "Invalid ORIGIN Attribute",
			[7] = "AS Routing Loop",
			[UPDATE_INVALID_NEXT_HOP] = "Invalid NEXT_HOP Attribute",
			[UPDATE_OPTIONAL_ATTRIBUTE] = "Optional Attribute Error",
			[UPDATE_INVALID_NETWORK] = "Invalid Network Field",
			[UPDATE_MALFORMED_AS_PATH] = "Malformed AS_PATH",
		} },
	[ERROR_HOLD_TIMER] = { "Hold Timer Expired", { NULL } },
	[ERROR_FSM] = { "Finite State Machine Error", /* RFC 6608 */
		{
			[FSM_UNEXPECTED_IN_OPENSENT] =
				"Receive Unexpected Message in OpenSent State",
			[FSM_UNEXPECTED_IN_OPENCONFIRM] =
				"Receive Unexpected Message in OpenConfirm State",
			[FSM_UNEXPECTED_IN_ESTABLISHED] =
				"Receive Unexpected Message in Established State",
		} },
	[ERROR_CEASE] = { "Cease", /* RFC 4486, RFC 8538, RFC 9384 */
		{
			[CEASE_MAX_PREFIXES] = "Maximum Number of Prefixes Reached",
			[CEASE_ADMIN_SHUTDOWN] = "Administrative Shutdown",
			[CEASE_PEER_DECONFIGURED] = "Peer De-configured",
			[CEASE_ADMIN_RESET] = "Administrative Reset",
			[CEASE_CONNECTION_REJECTED] = "Connection Rejected",
			[CEASE_CONFIG_CHANGE] = "Other Configuration Change",
			[CEASE_COLLISION] = "Connection Collision Resolution",
			[CEASE_OUT_OF_RESOURCES] = "Out of Resources",
			[CEASE_HARD_RESET] = "Hard Reset",
			[10] = "BFD Down",
		} },
	[ERROR_ROUTE_REFRESH] = { "ROUTE-REFRESH Message Error", /* RFC 7313 section 5 */
		{
			[ROUTE_REFRESH_INVALID_LENGTH] = "Invalid Message Length",
		} },
	[ERROR_SEND_HOLD_TIMER] = { "Send Hold Timer Expired", { NULL } }, /* RFC 9687 */
};

#define CODES (sizeof codes / sizeof *codes)

void utf8_trim(char *text)
{
	size_t len = strlen(text), begin = len, needed;
	uint8_t first;

	while (begin > 0 && len - begin < 4 && ((uint8_t)text[begin - 1] & 0xC0) == 0x80)
		begin--;
	if (begin == 0)
		return;
	first = (uint8_t)text[--begin];
	needed = first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
	if (needed > len - begin)
		text[begin] = '\0';
}

bool bgp_error_set(struct bgp_error *error, uint8_t code, uint8_t subcode, const void *data,
	size_t data_len, const char *format, ...)
{
	va_list arguments;

	memset(error, 0, sizeof *error);
	error->code = code;
	error->subcode = subcode;
	error->data_len = (uint16_t)(data_len < BGP_ERROR_DATA_MAX ? data_len : BGP_ERROR_DATA_MAX);
	if (error->data_len > 0)
		memcpy(error->data, data, error->data_len);
	va_start(arguments, format);
	vsnprintf(error->reason, sizeof error->reason, format, arguments);
	va_end(arguments);
	utf8_trim(error->reason);
	return false;
}

const char *bgp_error_code_name(uint8_t code)
{
	return code < CODES && codes[code].name ? codes[code].name : unknown_codes[code];
}

const char *bgp_error_subcode_name(uint8_t code, uint8_t subcode)
{
	if (subcode == 0)
		return "";
	if (code < CODES && subcode < SUBCODES && codes[code].subcodes[subcode])
		return codes[code].subcodes[subcode];
	return "unspecified subcode";
}

char *bgp_error_format(uint8_t code, uint8_t subcode, char *text, size_t size)
{
	const char *name = bgp_error_subcode_name(code, subcode);

	if (subcode == 0)
		snprintf(text, size, "%s", bgp_error_code_name(code));
	else if (code < CODES && subcode < SUBCODES && codes[code].subcodes[subcode])
		snprintf(text, size, "%s/%s", bgp_error_code_name(code), name);
	else
		snprintf(text, size, "%s/%s %u", bgp_error_code_name(code), name, subcode);
	return text;
}
