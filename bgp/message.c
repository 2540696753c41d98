/*
 * Framing (RFC 4271 sections 4.1 and 6.1, RFC 8654) and the three messages without a file of their
 * own: KEEPALIVE, NOTIFICATION, ROUTE-REFRESH.
 */
#include "bgp/message.h"

#include <stdio.h>
#include <string.h>

#define MARKER_LEN 16

static const uint8_t marker[MARKER_LEN] = { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
	0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF };

/*
 * Whole lengths, by type. ROUTE-REFRESH has no limit of its own here: RFC 7313 section 5 wants a
 * wrong length answered with its own error code, which route_refresh_read does.
 */
static const struct {
	const char *name;
	uint16_t min;
	uint16_t max; /* with RFC 8654, which is not for OPEN and KEEPALIVE (its section 4) */
} types[] = {
	[MESSAGE_OPEN] = { "OPEN", 29, BGP_MESSAGE_MAX },
	[MESSAGE_UPDATE] = { "UPDATE", 23, BGP_MESSAGE_EXTENDED_MAX },
	[MESSAGE_NOTIFICATION] = { "NOTIFICATION", 21, BGP_MESSAGE_EXTENDED_MAX },
	[MESSAGE_KEEPALIVE] = { "KEEPALIVE", BGP_HEADER_LEN, BGP_HEADER_LEN },
	[MESSAGE_ROUTE_REFRESH] = { "ROUTE-REFRESH", BGP_HEADER_LEN, BGP_MESSAGE_EXTENDED_MAX },
};

#define TYPES (sizeof types / sizeof *types)

static bool header_check(uint16_t length, uint8_t type, bool extended, struct bgp_error *error)
{
	const uint8_t length_field[2] = { (uint8_t)(length >> 8), (uint8_t)length };
	unsigned max = extended ? BGP_MESSAGE_EXTENDED_MAX : BGP_MESSAGE_MAX;

	if (length < BGP_HEADER_LEN || length > max)
		return bgp_error_set(error, ERROR_MESSAGE_HEADER, HEADER_BAD_LENGTH, length_field,
			sizeof length_field, "message length %u, expected %d to %u", length,
			BGP_HEADER_LEN, max);
	if (type >= TYPES || !types[type].name)
		return bgp_error_set(error, ERROR_MESSAGE_HEADER, HEADER_BAD_TYPE, &type,
			sizeof type, "message type %u, expected %d to %d", type, MESSAGE_OPEN,
			MESSAGE_ROUTE_REFRESH);
	if (max > types[type].max)
		max = types[type].max;
	if (length < types[type].min || length > max)
		return bgp_error_set(error, ERROR_MESSAGE_HEADER, HEADER_BAD_LENGTH, length_field,
			sizeof length_field, "%s of length %u, expected %u to %u", types[type].name,
			length, types[type].min, max);
	return true;
}

enum frame_result message_frame(struct span input, bool extended, struct message *message,
	size_t *consumed, struct bgp_error *error)
{
	struct reader r = reader_of_span(input);
	struct span found;
	struct span body;
	uint16_t length;
	uint8_t type;

	if (!read_span(&r, MARKER_LEN, &found) || !read_u16(&r, &length) || !read_u8(&r, &type))
		return FRAME_INCOMPLETE;
	if (memcmp(found.bytes, marker, MARKER_LEN) != 0) {
		bgp_error_set(error, ERROR_MESSAGE_HEADER, HEADER_NOT_SYNCHRONIZED, NULL, 0,
			"message marker begins with %02x%02x%02x%02x, expected all ones",
			found.bytes[0], found.bytes[1], found.bytes[2], found.bytes[3]);
		return FRAME_BAD;
	}
	/* A bad header ends the session at once: the body is not waited for. */
	if (!header_check(length, type, extended, error))
		return FRAME_BAD;
	if (!read_span(&r, (size_t)length - BGP_HEADER_LEN, &body))
		return FRAME_INCOMPLETE;
	*message = (struct message){ .type = type, .body = body };
	*consumed = length;
	return FRAME_COMPLETE;
}

size_t message_begin(struct writer *w, enum message_type type)
{
	size_t start = writer_len(w);

	write_bytes(w, marker, MARKER_LEN);
	write_u16(w, 0);
	write_u8(w, (uint8_t)type);
	return start;
}

void message_end(struct writer *w, size_t start)
{
	write_u16_at(w, start + MARKER_LEN, (uint16_t)(writer_len(w) - start));
}

void keepalive_write(struct writer *w)
{
	message_end(w, message_begin(w, MESSAGE_KEEPALIVE));
}

void notification_write(struct writer *w, const struct bgp_error *error)
{
	size_t start = message_begin(w, MESSAGE_NOTIFICATION);

	write_u8(w, error->code);
	write_u8(w, error->subcode);
	write_bytes(w, error->data, error->data_len);
	message_end(w, start);
}

/*
 * The shortest-form UTF-8 sequence at the front of `r` (RFC 3629 section 4). Returns its length and
 * the code point; 0 when the first byte begins none.
 */
static size_t utf8_decode(struct reader r, uint32_t *code_point)
{
	/*
	 * By number of bytes: what the first byte looks like, and the least code point that needs
	 * so many.
	 */
	static const struct {
		uint8_t mask;
		uint8_t bits;
		uint32_t least;
	} forms[] = { { 0x80, 0x00, 0 }, { 0xE0, 0xC0, 0x80 }, { 0xF0, 0xE0, 0x800 },
		{ 0xF8, 0xF0, 0x10000 } };
	uint8_t byte;

	if (!read_u8(&r, &byte))
		return 0;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		if ((byte & forms[i].mask) != forms[i].bits)
			continue;
		uint32_t value = byte & (uint8_t)~forms[i].mask;
		for (size_t k = 0; k < i; k++) {
			if (!read_u8(&r, &byte) || (byte & 0xC0) != 0x80)
				return 0;
			value = value << 6 | (byte & 0x3F);
		}
		if (value < forms[i].least || value > 0x10FFFF ||
			(value >= 0xD800 && value <= 0xDFFF))
			return 0;
		*code_point = value;
		return i + 1;
	}
	return 0;
}

/*
 * What could break a log line apart or show it in another order: C0 and C1 controls, DEL, line and
 * paragraph separators, bidirectional overrides (RFC 9003 section 6).
 */
static bool unprintable(uint32_t code_point)
{
	static const struct {
		uint32_t first;
		uint32_t last;
	} ranges[] = { { 0, 0x1F }, { 0x7F, 0x9F }, { 0x200E, 0x200F }, { 0x2028, 0x202E },
		{ 0x2066, 0x2069 }, { 0xFEFF, 0xFEFF } };

	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
		if (code_point >= ranges[i].first && code_point <= ranges[i].last)
			return true;
	return false;
}

/*
 * Copies `from` to `to` with '?' for each unprintable character and each byte that is not UTF-8,
 * cut at a character so that it fits. Never longer than what it came from. Returns the length
 * without the NUL.
 */
static size_t text_clean(struct span from, char to[SHUTDOWN_TEXT_MAX + 1])
{
	struct reader r = reader_of_span(from);
	size_t used = 0;

	while (r.left > 0) {
		uint32_t code_point = 0;
		size_t len = utf8_decode(r, &code_point);
		bool keep = len > 0 && !unprintable(code_point);
		struct span character;

		if (used + (keep ? len : 1) > SHUTDOWN_TEXT_MAX)
			break;
		if (!read_span(&r, len > 0 ? len : 1, &character))
			break;
		if (keep) {
			memcpy(to + used, character.bytes, character.len);
			used += character.len;
		} else {
			to[used++] = '?';
		}
	}
	to[used] = '\0';
	return used;
}

static bool has_shutdown_text(uint8_t code, uint8_t subcode)
{
	return code == ERROR_CEASE &&
	       (subcode == CEASE_ADMIN_SHUTDOWN || subcode == CEASE_ADMIN_RESET);
}

void notification_read(struct span body, struct notification *notification)
{
	struct reader r = reader_of_span(body);
	struct span text;
	uint8_t length;

	memset(notification, 0, sizeof *notification);
	if (!read_u8(&r, &notification->code) || !read_u8(&r, &notification->subcode))
		return;
	notification->data = (struct span){ r.at, r.left };

	uint8_t code = notification->code;
	uint8_t subcode = notification->subcode;
	/* RFC 8538 section 3.1: a Hard Reset wraps the NOTIFICATION that gives the reason. */
	notification->hard_reset = code == ERROR_CEASE && subcode == CEASE_HARD_RESET;
	if (notification->hard_reset && (!read_u8(&r, &code) || !read_u8(&r, &subcode)))
		return;
	notification->reason_code = code;
	notification->reason_subcode = subcode;
	notification->reason_data = (struct span){ r.at, r.left };
	/* RFC 9003 section 2; a length that overruns the data is no Shutdown Communication. */
	if (has_shutdown_text(code, subcode) && read_u8(&r, &length) &&
		read_span(&r, length, &text))
		text_clean(text, notification->shutdown_text);
}

void hard_reset_wrap(struct bgp_error *error)
{
	uint16_t len = error->data_len;

	if (len > BGP_ERROR_DATA_MAX - 2)
		len = BGP_ERROR_DATA_MAX - 2;
	memmove(error->data + 2, error->data, len);
	error->data[0] = error->code;
	error->data[1] = error->subcode;
	error->data_len = (uint16_t)(2 + len);
	error->code = ERROR_CEASE;
	error->subcode = CEASE_HARD_RESET;
}

void cease_set(
	struct bgp_error *error, enum cease_subcode subcode, const char *text, const char *reason)
{
	char clean[SHUTDOWN_TEXT_MAX + 1];
	uint8_t data[1 + SHUTDOWN_TEXT_MAX];
	size_t len = 0;

	if (text && has_shutdown_text(ERROR_CEASE, (uint8_t)subcode))
		len = text_clean((struct span){ (const uint8_t *)text, strlen(text) }, clean);
	data[0] = (uint8_t)len;
	if (len > 0)
		memcpy(data + 1, clean, len);
	bgp_error_set(error, ERROR_CEASE, (uint8_t)subcode, data, len > 0 ? 1 + len : 0, "%s",
		reason ? reason : bgp_error_subcode_name(ERROR_CEASE, (uint8_t)subcode));
}

bool route_refresh_read(struct span body, struct route_refresh *refresh, struct bgp_error *error)
{
	struct reader r = reader_of_span(body);
	struct route_refresh found = { 0 };
	bool complete = read_u16(&r, &found.afi) && read_u8(&r, &found.subtype);
	/*
	 * RFC 7313 section 5: other subtypes are ignored by the caller, so their length says
	 * nothing.
	 */
	bool ignored = complete && found.subtype > ROUTE_REFRESH_EORR;

	complete = complete && read_u8(&r, &found.safi) && r.left == 0;
	if (complete || ignored) {
		*refresh = found;
		return true;
	}

	/*
	 * The data is the complete message, header and all; the header can be told from the body.
	 */
	uint8_t message[BGP_ERROR_DATA_MAX];
	struct writer w = writer_of(message, sizeof message);
	size_t room = sizeof message - BGP_HEADER_LEN;
	size_t start = message_begin(&w, MESSAGE_ROUTE_REFRESH);
	write_bytes(&w, body.bytes, body.len < room ? body.len : room);
	write_u16_at(&w, start + MARKER_LEN, (uint16_t)(BGP_HEADER_LEN + body.len));
	return bgp_error_set(error, ERROR_ROUTE_REFRESH, ROUTE_REFRESH_INVALID_LENGTH, message,
		writer_len(&w), "ROUTE-REFRESH with a body of %zu bytes, expected 4", body.len);
}

void route_refresh_write(struct writer *w, enum family family, uint8_t subtype)
{
	size_t start = message_begin(w, MESSAGE_ROUTE_REFRESH);

	write_u16(w, family_afi(family));
	write_u8(w, subtype);
	write_u8(w, SAFI_UNICAST);
	message_end(w, start);
}
