/*
 * Fuzz target: the body of an OPEN. What is accepted obeys the RFCs and survives being written and
 * read again; what is refused carries a NOTIFICATION.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "bgp/open.h"

static const struct open ours = {
	.version = 4,
	.as = 64512,
	.hold_time = 90,
	.bgp_id = 0x0A000001,
	.capabilities = { .multiprotocol = true,
		.families = FAMILIES_ALL,
		.route_refresh = true,
		.extended_message = true,
		.as4 = true,
		.add_path_receive = FAMILIES_ALL,
		.add_path_send = FAMILIES_ALL },
};

static bool capabilities_equal(const struct capabilities *a, const struct capabilities *b)
{
	return a->multiprotocol == b->multiprotocol && a->families == b->families &&
	       a->route_refresh == b->route_refresh &&
	       a->enhanced_route_refresh == b->enhanced_route_refresh &&
	       a->extended_message == b->extended_message && a->as4 == b->as4 &&
	       a->as4_number == b->as4_number && a->add_path_receive == b->add_path_receive &&
	       a->add_path_send == b->add_path_send &&
	       a->graceful_restart.present == b->graceful_restart.present &&
	       a->graceful_restart.restarting == b->graceful_restart.restarting &&
	       a->graceful_restart.notification == b->graceful_restart.notification &&
	       a->graceful_restart.time == b->graceful_restart.time &&
	       a->graceful_restart.families == b->graceful_restart.families &&
	       a->graceful_restart.forwarding == b->graceful_restart.forwarding &&
	       a->long_lived.present == b->long_lived.present &&
	       a->long_lived.families == b->long_lived.families &&
	       a->long_lived.forwarding == b->long_lived.forwarding &&
	       memcmp(a->long_lived.time, b->long_lived.time, sizeof a->long_lived.time) == 0;
}

static void check_refusal(const struct bgp_error *error)
{
	FUZZ_CHECK(error->code == ERROR_OPEN || error->code == ERROR_MESSAGE_HEADER);
	FUZZ_CHECK(error->data_len <= BGP_ERROR_DATA_MAX);
	FUZZ_CHECK(error->reason[0] != '\0');
	FUZZ_CHECK(memchr(error->reason, '\0', sizeof error->reason));
}

/* Multiprotocol for foreign families alone leaves nothing to write, and is then read as none. */
static bool survives_writing(const struct capabilities *capabilities)
{
	return !capabilities->multiprotocol || capabilities->families != 0;
}

static void check_round_trip(const struct open *open)
{
	uint8_t buffer[BGP_MESSAGE_MAX];
	struct writer w = writer_of(buffer, sizeof buffer);
	struct message message;
	struct bgp_error error;
	struct open again;
	size_t consumed;

	open_write(&w, open);
	FUZZ_CHECK(!w.overflow);
	FUZZ_CHECK(message_frame((struct span){ buffer, writer_len(&w) }, false, &message,
			   &consumed, &error) == FRAME_COMPLETE);
	FUZZ_CHECK(consumed == writer_len(&w));
	FUZZ_CHECK(open_read(message.body, &again, &error));
	FUZZ_CHECK(again.version == open->version && again.hold_time == open->hold_time);
	FUZZ_CHECK(again.bgp_id == open->bgp_id && again.as == open->as);
	if (survives_writing(&open->capabilities))
		FUZZ_CHECK(capabilities_equal(&again.capabilities, &open->capabilities));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct open open;
	struct bgp_error error;
	struct negotiated negotiated;

	if (!open_read((struct span){ data, size }, &open, &error)) {
		check_refusal(&error);
		return 0;
	}
	FUZZ_CHECK(open.version == 4 && open.as != 0 && open.bgp_id != 0);
	FUZZ_CHECK(open.hold_time == 0 || open.hold_time >= 3);
	FUZZ_CHECK((open.capabilities.families & ~FAMILIES_ALL) == 0);
	FUZZ_CHECK((open.capabilities.graceful_restart.forwarding &
			   ~open.capabilities.graceful_restart.families) == 0);
	FUZZ_CHECK(open.capabilities.graceful_restart.time <= 4095);
	FUZZ_CHECK(open.capabilities.graceful_restart.present ||
		   !open.capabilities.long_lived.present);
	FUZZ_CHECK((open.capabilities.long_lived.forwarding &
			   ~open.capabilities.long_lived.families) == 0);
	for (unsigned i = 0; i < FAMILY_COUNT; i++)
		FUZZ_CHECK(open.capabilities.long_lived.time[i] <= 0xFFFFFF);
	check_round_trip(&open);
	if (open_negotiate(&ours, &open, 0, &negotiated, &error)) {
		FUZZ_CHECK(negotiated.families != 0);
		FUZZ_CHECK(((negotiated.add_path_receive | negotiated.add_path_send) &
				   ~negotiated.families) == 0);
		FUZZ_CHECK(negotiated.hold_time <= ours.hold_time);
		FUZZ_CHECK((negotiated.hold_time == 0) == (negotiated.keepalive_time == 0));
	} else {
		check_refusal(&error);
	}
	return 0;
}
