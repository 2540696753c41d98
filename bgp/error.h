/*
 * What a protocol error is: the code, subcode and data of the NOTIFICATION it calls for (RFC 4271
 * sections 4.5 and 6, RFC 4486, RFC 6608, RFC 7313, RFC 9687) and a reason for the log. Decoders
 * fill one in; the session sends it. It never sends anything itself.
 */
#ifndef BGP_ERROR_H
#define BGP_ERROR_H

#include "bgp/types.h"

enum error_code {
	ERROR_MESSAGE_HEADER = 1,
	ERROR_OPEN = 2,
	ERROR_UPDATE = 3,
	ERROR_HOLD_TIMER = 4,
	ERROR_FSM = 5,
	ERROR_CEASE = 6,
	ERROR_ROUTE_REFRESH = 7, /* RFC 7313 */
	ERROR_SEND_HOLD_TIMER = 8, /* RFC 9687 */
};

enum header_subcode {
	HEADER_NOT_SYNCHRONIZED = 1,
	HEADER_BAD_LENGTH = 2,
	HEADER_BAD_TYPE = 3,
};

enum open_subcode {
	OPEN_BAD_VERSION = 1,
	OPEN_BAD_PEER_AS = 2,
	OPEN_BAD_BGP_IDENTIFIER = 3,
	OPEN_BAD_OPTIONAL_PARAMETER = 4,
	OPEN_BAD_HOLD_TIME = 6,
	OPEN_UNSUPPORTED_CAPABILITY = 7,
};

enum update_subcode {
	UPDATE_MALFORMED_ATTRIBUTE_LIST = 1,
	UPDATE_UNRECOGNIZED_WELL_KNOWN = 2,
	UPDATE_MISSING_WELL_KNOWN = 3,
	UPDATE_ATTRIBUTE_FLAGS = 4,
	UPDATE_ATTRIBUTE_LENGTH = 5,
	UPDATE_INVALID_ORIGIN = 6,
	UPDATE_INVALID_NEXT_HOP = 8,
	UPDATE_OPTIONAL_ATTRIBUTE = 9,
	UPDATE_INVALID_NETWORK = 10,
	UPDATE_MALFORMED_AS_PATH = 11,
};

enum fsm_subcode { /* RFC 6608 */
	FSM_UNEXPECTED_IN_OPENSENT = 1,
	FSM_UNEXPECTED_IN_OPENCONFIRM = 2,
	FSM_UNEXPECTED_IN_ESTABLISHED = 3,
};

enum cease_subcode { /* RFC 4486, RFC 8538 */
	CEASE_MAX_PREFIXES = 1,
	CEASE_ADMIN_SHUTDOWN = 2,
	CEASE_PEER_DECONFIGURED = 3,
	CEASE_ADMIN_RESET = 4,
	CEASE_CONNECTION_REJECTED = 5,
	CEASE_CONFIG_CHANGE = 6,
	CEASE_COLLISION = 7,
	CEASE_OUT_OF_RESOURCES = 8,
	CEASE_HARD_RESET = 9,
};

enum route_refresh_subcode { /* RFC 7313 section 5 */
	ROUTE_REFRESH_INVALID_LENGTH = 1,
};

#define BGP_ERROR_DATA_MAX   512
#define BGP_ERROR_REASON_MAX 192

struct bgp_error {
	uint8_t code; /* enum error_code; 0: no error */
	uint8_t subcode;
	uint16_t data_len;
	uint8_t data[BGP_ERROR_DATA_MAX]; /* longer data is cut */
	char reason[BGP_ERROR_REASON_MAX];
};

/*
 * Fills `error` whole; `data` may be NULL when `data_len` is 0. Always returns false, so that a
 * decoder can `return bgp_error_set(...)`.
 */
bool bgp_error_set(struct bgp_error *error, uint8_t code, uint8_t subcode, const void *data,
	size_t data_len, const char *format, ...) __attribute__((format(printf, 6, 7)));

/*
 * Of a text that was cut by its length: takes away what is left of a UTF-8 character at its end,
 * which would spoil the log, JSON, and the terminal.
 */
void utf8_trim(char *text);

/* "Cease", "UPDATE Message Error" ...; "unknown code 77" never NULL. */
const char *bgp_error_code_name(uint8_t code);
/* "Administrative Shutdown" ...; "" for subcode 0, "unspecified subcode" for one without a name. */
const char *bgp_error_subcode_name(uint8_t code, uint8_t subcode);
/* "Cease/Administrative Shutdown" into `text` (96 bytes are enough); returns `text`. */
char *bgp_error_format(uint8_t code, uint8_t subcode, char *text, size_t size);

#endif
