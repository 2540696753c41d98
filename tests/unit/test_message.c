/*
 * bgp/message.h: framing with every fault of RFC 4271 section 6.1, and the golden bytes of
 * KEEPALIVE, NOTIFICATION and ROUTE-REFRESH.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "bgp/message.h"

#define MARKER "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"

/* A header of any content and `length` zeros behind it, as a span in `buffer`. */
static struct span header(uint8_t *buffer, uint16_t length, uint8_t type)
{
	memset(buffer, 0, BGP_MESSAGE_EXTENDED_MAX);
	memset(buffer, 0xFF, 16);
	buffer[16] = (uint8_t)(length >> 8);
	buffer[17] = (uint8_t)length;
	buffer[18] = type;
	return (struct span){ buffer, length < BGP_HEADER_LEN ? BGP_HEADER_LEN : length };
}

static const struct {
	uint8_t type;
	uint16_t length;
	bool extended;
	uint8_t subcode; /* 0: a good frame */
} frame_lengths[] = {
	/* RFC 4271 section 6.1: less than 19, greater than 4096 */
	{ MESSAGE_KEEPALIVE, 0, false, HEADER_BAD_LENGTH },
	{ MESSAGE_KEEPALIVE, 18, false, HEADER_BAD_LENGTH },
	{ MESSAGE_UPDATE, 18, true, HEADER_BAD_LENGTH },
	{ MESSAGE_UPDATE, 4097, false, HEADER_BAD_LENGTH },
	{ MESSAGE_UPDATE, 65535, false, HEADER_BAD_LENGTH },
	/* the minimum and the maximum of each type */
	{ MESSAGE_OPEN, 28, false, HEADER_BAD_LENGTH },
	{ MESSAGE_OPEN, 29, false, 0 },
	{ MESSAGE_OPEN, 4096, false, 0 },
	{ MESSAGE_UPDATE, 22, false, HEADER_BAD_LENGTH },
	{ MESSAGE_UPDATE, 23, false, 0 },
	{ MESSAGE_UPDATE, 4096, false, 0 },
	{ MESSAGE_NOTIFICATION, 20, false, HEADER_BAD_LENGTH },
	{ MESSAGE_NOTIFICATION, 21, false, 0 },
	{ MESSAGE_NOTIFICATION, 4096, false, 0 },
	{ MESSAGE_NOTIFICATION, 4097, false, HEADER_BAD_LENGTH },
	{ MESSAGE_KEEPALIVE, 19, false, 0 },
	{ MESSAGE_KEEPALIVE, 20, false, HEADER_BAD_LENGTH },
	{ MESSAGE_ROUTE_REFRESH, 19, false, 0 },
	{ MESSAGE_ROUTE_REFRESH, 23, false, 0 },
	{ MESSAGE_ROUTE_REFRESH, 4097, false, HEADER_BAD_LENGTH },
	/* RFC 8654 section 4: not for OPEN and KEEPALIVE */
	{ MESSAGE_OPEN, 4096, true, 0 },
	{ MESSAGE_OPEN, 4097, true, HEADER_BAD_LENGTH },
	{ MESSAGE_KEEPALIVE, 20, true, HEADER_BAD_LENGTH },
	{ MESSAGE_KEEPALIVE, 4097, true, HEADER_BAD_LENGTH },
	{ MESSAGE_UPDATE, 4097, true, 0 },
	{ MESSAGE_UPDATE, 65535, true, 0 },
	{ MESSAGE_NOTIFICATION, 65535, true, 0 },
	{ MESSAGE_ROUTE_REFRESH, 65535, true, 0 },
	/* the type */
	{ 0, 19, false, HEADER_BAD_TYPE },
	{ 6, 19, false, HEADER_BAD_TYPE },
	{ 255, 4096, false, HEADER_BAD_TYPE },
	{ 255, 65535, true, HEADER_BAD_TYPE },
	{ 255, 4097, false, HEADER_BAD_LENGTH },
	{ 255, 18, false, HEADER_BAD_LENGTH },
};

static void test_frame_lengths(void **state)
{
	uint8_t *buffer = malloc(BGP_MESSAGE_EXTENDED_MAX);

	(void)state;
	assert_non_null(buffer);
	for (size_t i = 0; i < ARRAY_LEN(frame_lengths); i++) {
		struct span input = header(buffer, frame_lengths[i].length, frame_lengths[i].type);
		struct message message = { 0 };
		struct bgp_error error = { 0 };
		size_t consumed = 7;
		enum frame_result result = message_frame(
			input, frame_lengths[i].extended, &message, &consumed, &error);

		if (frame_lengths[i].subcode == 0) {
			if (result != FRAME_COMPLETE)
				fail_msg("type %u length %u: %s", frame_lengths[i].type,
					frame_lengths[i].length, error.reason);
			assert_int_equal(message.type, frame_lengths[i].type);
			assert_ptr_equal(message.body.bytes, buffer + BGP_HEADER_LEN);
			assert_int_equal(
				message.body.len, frame_lengths[i].length - BGP_HEADER_LEN);
			assert_int_equal(consumed, frame_lengths[i].length);
			continue;
		}
		if (result != FRAME_BAD)
			fail_msg("type %u length %u is accepted", frame_lengths[i].type,
				frame_lengths[i].length);
		assert_int_equal(error.code, ERROR_MESSAGE_HEADER);
		assert_int_equal(error.subcode, frame_lengths[i].subcode);
		/* The Data field is the erroneous Length, or the erroneous Type. */
		struct span data = { buffer + 16, 2 };
		if (frame_lengths[i].subcode == HEADER_BAD_TYPE)
			data = (struct span){ buffer + 18, 1 };
		assert_span_equal(((struct span){ error.data, error.data_len }), data);
		assert_true(strstr(error.reason, "expected") != NULL);
		assert_int_equal(consumed, 7);
	}
	free(buffer);
}

static void test_frame_marker(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		uint8_t bytes[] = MARKER "\x00\x13\x04";
		struct message message;
		struct bgp_error error = { 0 };
		size_t consumed;

		bytes[i] ^= 0x01;
		assert_int_equal(message_frame((struct span){ bytes, BGP_HEADER_LEN }, false,
					 &message, &consumed, &error),
			FRAME_BAD);
		assert_int_equal(error.code, ERROR_MESSAGE_HEADER);
		assert_int_equal(error.subcode, HEADER_NOT_SYNCHRONIZED);
		assert_int_equal(error.data_len, 0);
	}
}

/*
 * Two messages in one buffer, offered byte by byte. Each try on a copy of its own, so that an
 * overrun is caught.
 */
static void test_frame_partial(void **state)
{
	static const uint8_t stream[] = MARKER "\x00\x17\x05\x00\x01\x00\x01" MARKER "\x00\x13\x04";

	(void)state;
	for (size_t len = 0; len < sizeof stream; len++) {
		struct message message = { 0 };
		struct bgp_error error = { 0 };
		size_t consumed = 7;
		uint8_t *copy = malloc(len > 0 ? len : 1);

		assert_non_null(copy);
		memcpy(copy, stream, len);
		enum frame_result result = message_frame(
			(struct span){ copy, len }, false, &message, &consumed, &error);
		if (len < 23) {
			assert_int_equal(result, FRAME_INCOMPLETE);
			assert_int_equal(consumed, 7);
		} else {
			assert_int_equal(result, FRAME_COMPLETE);
			assert_int_equal(message.type, MESSAGE_ROUTE_REFRESH);
			assert_int_equal(consumed, 23);
		}
		free(copy);
	}
	struct message message;
	struct bgp_error error;
	size_t consumed;
	assert_int_equal(
		message_frame((struct span){ stream + 23, 19 }, false, &message, &consumed, &error),
		FRAME_COMPLETE);
	assert_int_equal(message.type, MESSAGE_KEEPALIVE);
	assert_int_equal(message.body.len, 0);
}

/* A bad header is reported before the rest of the message has come. */
static void test_frame_bad_early(void **state)
{
	static const uint8_t bytes[] = MARKER "\x10\x01\x02";
	struct message message;
	struct bgp_error error;
	size_t consumed;

	(void)state;
	assert_int_equal(message_frame((struct span){ bytes, BGP_HEADER_LEN }, false, &message,
				 &consumed, &error),
		FRAME_BAD);
	assert_int_equal(error.subcode, HEADER_BAD_LENGTH);
}

static void test_golden_keepalive(void **state)
{
	/* RFC 4271 section 4.4: the header alone */
	static const uint8_t golden[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x13, 0x04 };
	uint8_t buffer[64];
	struct writer w = writer_of(buffer, sizeof buffer);

	(void)state;
	keepalive_write(&w);
	keepalive_write(&w); /* lengths are of the message, not of the buffer */
	assert_false(w.overflow);
	assert_int_equal(writer_len(&w), 2 * sizeof golden);
	assert_memory_equal(buffer, golden, sizeof golden);
	assert_memory_equal(buffer + sizeof golden, golden, sizeof golden);

	w = writer_of(buffer, sizeof golden - 1);
	keepalive_write(&w);
	assert_true(w.overflow);
}

static void test_golden_notification(void **state)
{
	/* RFC 4271 section 4.5, Bad Message Length with the Length field 0x1001 as data */
	static const uint8_t bad_length[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x17, 0x03, 0x01, 0x02, 0x10,
		0x01 };
	/* RFC 9003 section 2: Cease, Administrative Shutdown, length 12, "back at noon" */
	static const uint8_t shutdown[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x22, 0x03, 0x06, 0x02, 0x0c, 'b',
		'a', 'c', 'k', ' ', 'a', 't', ' ', 'n', 'o', 'o', 'n' };
	/* RFC 9687: Send Hold Timer Expired */
	static const uint8_t send_hold[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x15, 0x03, 0x08, 0x00 };
	uint8_t buffer[1024];
	struct bgp_error error;
	struct writer w;

	(void)state;
	w = writer_of(buffer, sizeof buffer);
	bgp_error_set(&error, 1, 2, "\x10\x01", 2, "too long");
	notification_write(&w, &error);
	assert_span_equal(((struct span){ buffer, writer_len(&w) }), SPAN(bad_length));

	w = writer_of(buffer, sizeof buffer);
	cease_set(&error, CEASE_ADMIN_SHUTDOWN, "back at noon", NULL);
	assert_string_equal(error.reason, "Administrative Shutdown");
	notification_write(&w, &error);
	assert_span_equal(((struct span){ buffer, writer_len(&w) }), SPAN(shutdown));

	w = writer_of(buffer, sizeof buffer);
	bgp_error_set(&error, ERROR_SEND_HOLD_TIMER, 0, NULL, 0, "nothing written for 480 s");
	notification_write(&w, &error);
	assert_span_equal(((struct span){ buffer, writer_len(&w) }), SPAN(send_hold));
}

static void test_golden_route_refresh(void **state)
{
	/* RFC 2918 section 3 for IPv6 unicast; RFC 7313 section 3.2 BoRR for IPv4 unicast */
	static const uint8_t golden[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x17, 0x05, 0x00, 0x02, 0x00, 0x01,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0x00, 0x17, 0x05, 0x00, 0x01, 0x01, 0x01 };
	uint8_t buffer[64];
	struct writer w = writer_of(buffer, sizeof buffer);

	(void)state;
	route_refresh_write(&w, FAMILY_IPV6_UNICAST, ROUTE_REFRESH_NORMAL);
	route_refresh_write(&w, FAMILY_IPV4_UNICAST, ROUTE_REFRESH_BORR);
	assert_span_equal(((struct span){ buffer, writer_len(&w) }), SPAN(golden));
}

static void test_route_refresh_read(void **state)
{
	static const struct {
		struct span body;
		bool good;
		struct route_refresh refresh;
	} rows[] = {
		{ SPAN_OF("\x00\x01\x00\x01"), true, { 1, 0, 1 } },
		{ SPAN_OF("\x00\x02\x01\x01"), true, { 2, 1, 1 } },
		{ SPAN_OF("\x00\x19\x02\x46"), true, { 25, 2, 70 } },
		{ SPAN_OF(""), false, { 0 } },
		{ SPAN_OF("\x00\x01"), false, { 0 } },
		{ SPAN_OF("\x00\x01\x00"), false, { 0 } },
		{ SPAN_OF("\x00\x01\x01"), false, { 0 } },
		{ SPAN_OF("\x00\x01\x00\x01\x00"), false, { 0 } },
		{ SPAN_OF("\x00\x01\x02\x01\x00\x00\x00"), false, { 0 } },
		/* RFC 7313 section 5: to be ignored, whatever follows */
		{ SPAN_OF("\x00\x01\x03\x01"), true, { 1, 3, 1 } },
		{ SPAN_OF("\x00\x01\xff\x01\x00\x00"), true, { 1, 255, 1 } },
		{ SPAN_OF("\x00\x01\x80"), true, { 1, 128, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct route_refresh refresh = { 77, 77, 77 };
		struct bgp_error error = { 0 };
		assert_int_equal(route_refresh_read(rows[i].body, &refresh, &error), rows[i].good);
		if (rows[i].good) {
			assert_int_equal(refresh.afi, rows[i].refresh.afi);
			assert_int_equal(refresh.subtype, rows[i].refresh.subtype);
			assert_int_equal(refresh.safi, rows[i].refresh.safi);
			continue;
		}
		/* RFC 7313 section 5: the complete message as data */
		assert_int_equal(error.code, ERROR_ROUTE_REFRESH);
		assert_int_equal(error.subcode, ROUTE_REFRESH_INVALID_LENGTH);
		assert_int_equal(error.data_len, BGP_HEADER_LEN + rows[i].body.len);
		assert_memory_equal(error.data, MARKER "\x00", 17);
		assert_int_equal(error.data[17], BGP_HEADER_LEN + rows[i].body.len);
		assert_int_equal(error.data[18], MESSAGE_ROUTE_REFRESH);
		if (rows[i].body.len > 0)
			assert_memory_equal(
				error.data + BGP_HEADER_LEN, rows[i].body.bytes, rows[i].body.len);
		assert_int_equal(refresh.afi, 77);
	}

	/* Longer than the data field holds: cut, its length field still the message's. */
	static const uint8_t body[1000] = { 0, 1, 0, 1 };
	struct route_refresh refresh;
	struct bgp_error error;
	assert_false(route_refresh_read(SPAN(body), &refresh, &error));
	assert_int_equal(error.data_len, BGP_ERROR_DATA_MAX);
	assert_int_equal(error.data[16] << 8 | error.data[17], BGP_HEADER_LEN + sizeof body);
}

static const struct {
	struct span body;
	uint8_t code;
	uint8_t subcode;
	struct span data;
	const char *text;
} notifications[] = {
	{ SPAN_OF(""), 0, 0, SPAN_OF(""), "" },
	{ SPAN_OF("\x06"), 6, 0, SPAN_OF(""), "" },
	{ SPAN_OF("\x04\x00"), 4, 0, SPAN_OF(""), "" },
	{ SPAN_OF("\x02\x01\x00\x04"), 2, 1, SPAN_OF("\x00\x04"), "" },
	{ SPAN_OF("\x06\x02"), 6, 2, SPAN_OF(""), "" },
	{ SPAN_OF("\x06\x02\x00"), 6, 2, SPAN_OF("\x00"), "" },
	{ SPAN_OF("\x06\x02\x03"
		  "abc"),
		6, 2,
		SPAN_OF("\x03"
			"abc"),
		"abc" },
	{ SPAN_OF("\x06\x04\x02"
		  "hi"),
		6, 4,
		SPAN_OF("\x02"
			"hi"),
		"hi" },
	/* bytes behind the text are not part of it; a text that overruns is none */
	{ SPAN_OF("\x06\x04\x01"
		  "hi"),
		6, 4,
		SPAN_OF("\x01"
			"hi"),
		"h" },
	{ SPAN_OF("\x06\x02\x04"
		  "abc"),
		6, 2,
		SPAN_OF("\x04"
			"abc"),
		"" },
	/* only Administrative Shutdown and Reset have a text */
	{ SPAN_OF("\x06\x03\x02"
		  "hi"),
		6, 3,
		SPAN_OF("\x02"
			"hi"),
		"" },
	{ SPAN_OF("\x05\x02\x02"
		  "hi"),
		5, 2,
		SPAN_OF("\x02"
			"hi"),
		"" },
	/* RFC 8538 section 3.1: Hard Reset wraps another NOTIFICATION */
	{ SPAN_OF("\x06\x09\x06\x02\x02"
		  "hi"),
		6, 9,
		SPAN_OF("\x06\x02\x02"
			"hi"),
		"hi" },
	{ SPAN_OF("\x06\x09\x06\x03\x02"
		  "hi"),
		6, 9,
		SPAN_OF("\x06\x03\x02"
			"hi"),
		"" },
	{ SPAN_OF("\x06\x09\x06"), 6, 9, SPAN_OF("\x06"), "" },
};

static void test_notification_read(void **state)
{

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(notifications); i++) {
		struct notification notification;
		memset(&notification, 0xEE, sizeof notification);
		notification_read(notifications[i].body, &notification);
		assert_int_equal(notification.code, notifications[i].code);
		assert_int_equal(notification.subcode, notifications[i].subcode);
		assert_span_equal(notification.data, notifications[i].data);
		assert_string_equal(notification.shutdown_text, notifications[i].text);
	}
}

/* RFC 8538 section 3.1: what a Hard Reset carries is the reason; of any other it is itself. */
static void test_hard_reset(void **state)
{
	struct notification notification;
	uint8_t buffer[BGP_MESSAGE_MAX], large[BGP_ERROR_DATA_MAX] = { 1, 2, 3 };
	struct writer w = writer_of(buffer, sizeof buffer);
	struct bgp_error error;

	(void)state;
	cease_set(&error, CEASE_ADMIN_SHUTDOWN, "bye", NULL);
	hard_reset_wrap(&error);
	assert_string_equal(error.reason, "Administrative Shutdown");
	notification_write(&w, &error);
	assert_span_equal(
		((struct span){ buffer + BGP_HEADER_LEN, writer_len(&w) - BGP_HEADER_LEN }),
		SPAN_OF("\x06\x09\x06\x02\x03"
			"bye"));
	notification_read((struct span){ buffer + BGP_HEADER_LEN, writer_len(&w) - BGP_HEADER_LEN },
		&notification);
	assert_true(notification.hard_reset);
	assert_int_equal(notification.reason_code, ERROR_CEASE);
	assert_int_equal(notification.reason_subcode, CEASE_ADMIN_SHUTDOWN);
	assert_span_equal(notification.reason_data, SPAN_OF("\x03"
							    "bye"));
	assert_string_equal(notification.shutdown_text, "bye");

	/* data that fills the room is cut, never overrun */
	bgp_error_set(&error, ERROR_UPDATE, 1, large, sizeof large, "large");
	hard_reset_wrap(&error);
	assert_int_equal(error.data_len, BGP_ERROR_DATA_MAX);
	assert_memory_equal(error.data, "\x03\x01\x01\x02\x03", 5);

	/* without the NOTIFICATION that belongs inside it is a Hard Reset nevertheless */
	notification_read(SPAN_OF("\x06\x09\x06"), &notification);
	assert_true(notification.hard_reset);
	assert_int_equal(notification.reason_code, 0);
	assert_int_equal(notification.reason_data.len, 0);

	notification_read(SPAN_OF("\x03\x09\x06\x02"), &notification);
	assert_false(notification.hard_reset);
	assert_int_equal(notification.reason_code, ERROR_UPDATE);
	assert_int_equal(notification.reason_subcode, 9);
	assert_span_equal(notification.reason_data, SPAN_OF("\x06\x02"));
}

/*
 * RFC 9003 section 2: invalid UTF-8 is not interpreted, shortest form is required; section 6: logs
 * stay logs.
 */
static void test_shutdown_text_clean(void **state)
{
	static const struct {
		const char *found;
		const char *expected;
	} rows[] = {
		{ "plain text", "plain text" },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
		{ "\xe2\x82\xac \xf0\x9f\x98\x80", "\xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "a\nb\rc\td\x1b[2J\x7f", "a?b?c?d?[2J?" },
		{ "\xc2\x85next", "?next" }, /* a C1 control */
		{ "\xe2\x80\xa8x\xe2\x80\xae", "?x?" }, /* line separator, right-to-left override */
		{ "\xe2\x81\xa9x\xef\xbb\xbf", "?x?" }, /* end of an isolate, byte order mark */
		{ "\xc0\x80", "??" }, /* NUL, not in shortest form */
		{ "\xe0\x80\xaf", "???" }, /* '/', not in shortest form */
		{ "\xed\xa0\x80", "???" }, /* a surrogate */
		{ "\xf4\x90\x80\x80", "????" }, /* above U+10FFFF */
		{ "\xf8\x88\x80\x80\x80", "?????" },
		{ "\x80", "?" },
		{ "\xe2\x82", "??" },
		{ "\xe2\x82z", "??z" },
		{ "\xff\xfe", "??" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t body[64] = { ERROR_CEASE, CEASE_ADMIN_RESET };
		size_t len = strlen(rows[i].found);
		struct notification notification;
		struct bgp_error error;

		body[2] = (uint8_t)len;
		memcpy(body + 3, rows[i].found, len);
		notification_read((struct span){ body, 3 + len }, &notification);
		assert_string_equal(notification.shutdown_text, rows[i].expected);
		/* and what we send obeys the same */
		cease_set(&error, CEASE_ADMIN_RESET, rows[i].found, "test");
		assert_int_equal(error.data_len, 1 + strlen(rows[i].expected));
		assert_int_equal(error.data[0], strlen(rows[i].expected));
		assert_memory_equal(error.data + 1, rows[i].expected, error.data[0]);
	}
}

static void test_cease_set(void **state)
{
	char text[400];
	struct bgp_error error;

	(void)state;
	cease_set(&error, CEASE_ADMIN_SHUTDOWN, NULL, "SIGTERM");
	assert_int_equal(error.code, ERROR_CEASE);
	assert_int_equal(error.subcode, CEASE_ADMIN_SHUTDOWN);
	assert_int_equal(error.data_len, 0);
	assert_string_equal(error.reason, "SIGTERM");
	cease_set(&error, CEASE_ADMIN_SHUTDOWN, "", "SIGTERM");
	assert_int_equal(error.data_len, 0);
	cease_set(&error, CEASE_COLLISION, "text", "collision");
	assert_int_equal(error.subcode, CEASE_COLLISION);
	assert_int_equal(error.data_len, 0);
	/* a '%' in a reason is no format */
	cease_set(&error, CEASE_ADMIN_RESET, NULL, "100%s");
	assert_string_equal(error.reason, "100%s");

	/* 255 bytes fit */
	memset(text, 'x', sizeof text);
	text[255] = '\0';
	cease_set(&error, CEASE_ADMIN_SHUTDOWN, text, "test");
	assert_int_equal(error.data_len, 256);
	assert_int_equal(error.data[0], 255);
	/* 254 and a character of two bytes: cut before it, not in it */
	memcpy(text + 254, "\xc3\xbcyyy", 6);
	cease_set(&error, CEASE_ADMIN_SHUTDOWN, text, "test");
	assert_int_equal(error.data_len, 255);
	assert_int_equal(error.data[0], 254);
	assert_int_equal(error.data[254], 'x');
	/* 253 and the same character: it fits */
	memcpy(text + 253, "\xc3\xbcyyy", 6);
	cease_set(&error, CEASE_ADMIN_SHUTDOWN, text, "test");
	assert_int_equal(error.data_len, 256);
	assert_int_equal(error.data[255], 0xbc);
}

static void test_trim(void **state)
{
	static const struct {
		const char *text, *trimmed;
	} rows[] = {
		{ "", "" },
		{ "a", "a" },
		{ "a\xc3", "a" },
		{ "a\xc3\xa9", "a\xc3\xa9" },
		{ "\xe2\x82", "" },
		{ "a\xe2\x82\xac", "a\xe2\x82\xac" },
		{ "a\xf0\x9f\x98", "a" },
		{ "a\xf0\x9f\x98\x80", "a\xf0\x9f\x98\x80" },
		{ "\xc3\xa9\xc3\xa9z", "\xc3\xa9\xc3\xa9z" },
	};
	struct bgp_error error;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[16];

		strcpy(text, rows[i].text);
		utf8_trim(text);
		assert_string_equal(text, rows[i].trimmed);
	}
	/* What is cut for being long is cut at a character. */
	bgp_error_set(&error, ERROR_CEASE, CEASE_ADMIN_SHUTDOWN, NULL, 0, "%190s\xc3\xa9", "x");
	assert_int_equal(strlen(error.reason), BGP_ERROR_REASON_MAX - 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frame_lengths),
		cmocka_unit_test(test_frame_marker),
		cmocka_unit_test(test_frame_partial),
		cmocka_unit_test(test_frame_bad_early),
		cmocka_unit_test(test_golden_keepalive),
		cmocka_unit_test(test_golden_notification),
		cmocka_unit_test(test_golden_route_refresh),
		cmocka_unit_test(test_route_refresh_read),
		cmocka_unit_test(test_notification_read),
		cmocka_unit_test(test_hard_reset),
		cmocka_unit_test(test_shutdown_text_clean),
		cmocka_unit_test(test_cease_set),
		cmocka_unit_test(test_trim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
