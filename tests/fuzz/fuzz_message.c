/*
 * Fuzz target: a stream as a session reads it. The first byte's low bit says whether RFC 8654 is
 * on; the rest is framed, and the messages other than UPDATE are read. Nothing is consumed that is
 * not there, nothing unprintable gets out, and every prefix of a whole message is incomplete or
 * bad, never another message.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "bgp/open.h"

static void check_notification(struct span body)
{
	struct notification notification;
	size_t len;

	notification_read(body, &notification);
	FUZZ_CHECK(notification.data.len + 2 == body.len);
	len = strnlen(notification.shutdown_text, sizeof notification.shutdown_text);
	FUZZ_CHECK(len <= SHUTDOWN_TEXT_MAX);
	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)notification.shutdown_text[i];
		FUZZ_CHECK(byte >= 0x20 && byte != 0x7F);
	}

	/* What was made printable is sent as it is. */
	struct bgp_error error;
	cease_set(&error, CEASE_ADMIN_RESET, notification.shutdown_text, NULL);
	FUZZ_CHECK(error.data_len == (len > 0 ? len + 1 : 0));
	if (len > 0) {
		FUZZ_CHECK(error.data[0] == len);
		FUZZ_CHECK(memcmp(error.data + 1, notification.shutdown_text, len) == 0);
	}
}

static void check_route_refresh(struct span body)
{
	struct route_refresh refresh;
	struct bgp_error error;

	if (route_refresh_read(body, &refresh, &error)) {
		FUZZ_CHECK(body.len == 4 || refresh.subtype > ROUTE_REFRESH_EORR);
		return;
	}
	FUZZ_CHECK(error.code == ERROR_ROUTE_REFRESH);
	FUZZ_CHECK(error.data_len >= BGP_HEADER_LEN && error.data_len <= BGP_ERROR_DATA_MAX);
}

/* An error that a decoder set is a NOTIFICATION that a peer can read. */
static void check_error(const struct bgp_error *error)
{
	uint8_t buffer[BGP_MESSAGE_MAX];
	struct writer w = writer_of(buffer, sizeof buffer);
	struct notification notification;
	struct message message;
	struct bgp_error again;
	size_t consumed;

	notification_write(&w, error);
	FUZZ_CHECK(!w.overflow);
	FUZZ_CHECK(message_frame((struct span){ buffer, writer_len(&w) }, false, &message,
			   &consumed, &again) == FRAME_COMPLETE);
	FUZZ_CHECK(message.type == MESSAGE_NOTIFICATION);
	notification_read(message.body, &notification);
	FUZZ_CHECK(notification.code == error->code && notification.subcode == error->subcode);
	FUZZ_CHECK(notification.data.len == error->data_len);
}

static void check_message(const struct message *message)
{
	struct open open;
	struct bgp_error error;

	FUZZ_CHECK(message->type >= MESSAGE_OPEN && message->type <= MESSAGE_ROUTE_REFRESH);
	if (message->type == MESSAGE_NOTIFICATION)
		check_notification(message->body);
	else if (message->type == MESSAGE_ROUTE_REFRESH)
		check_route_refresh(message->body);
	else if (message->type == MESSAGE_KEEPALIVE)
		FUZZ_CHECK(message->body.len == 0);
	else if (message->type == MESSAGE_OPEN && !open_read(message->body, &open, &error))
		check_error(&error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;

	bool extended = data[0] & 1;
	struct span input = { data + 1, size - 1 };
	for (;;) {
		struct message message;
		struct bgp_error error;
		size_t consumed = 0;
		enum frame_result result = message_frame(
			input, extended, &message, &consumed, &error);

		if (result == FRAME_BAD) {
			FUZZ_CHECK(error.code == ERROR_MESSAGE_HEADER);
			check_error(&error);
			return 0;
		}
		if (result == FRAME_INCOMPLETE)
			return 0;
		FUZZ_CHECK(consumed >= BGP_HEADER_LEN && consumed <= input.len);
		FUZZ_CHECK(message.body.len == consumed - BGP_HEADER_LEN);
		FUZZ_CHECK(message.body.bytes == input.bytes + BGP_HEADER_LEN);
		FUZZ_CHECK(message_frame((struct span){ input.bytes, consumed - 1 }, extended,
				   &message, &(size_t){ 0 }, &error) != FRAME_COMPLETE);
		check_message(&message);
		input.bytes += consumed;
		input.len -= consumed;
	}
}
