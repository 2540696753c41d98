/*
 * bgp/open.h: golden OPENs in both parameter forms, every fault of RFC 4271 section 6.2 and its
 * updates, negotiation, collision.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "bgp/open.h"

#define V4 FAMILY_BIT(FAMILY_IPV4_UNICAST)
#define V6 FAMILY_BIT(FAMILY_IPV6_UNICAST)

/*
 * Version 4, AS 64512, hold time 90, BGP Identifier 10.0.0.1: what stands in front of the
 * parameters.
 */
#define FIXED "\x04\xfc\x00\x00\x5a\x0a\x00\x00\x01"

/* What a reflector offers, every capability that there is. */
static const struct open everything = {
	.version = 4,
	.as = 4200000000,
	.hold_time = 90,
	.bgp_id = 0x0A000001,
	.capabilities = {
		.multiprotocol = true,
		.families = V4 | V6,
		.route_refresh = true,
		.enhanced_route_refresh = true,
		.extended_message = true,
		.as4 = true,
		.as4_number = 4200000000,
		.add_path_receive = V4 | V6,
		.add_path_send = V6,
		.graceful_restart = {.present = true,
			.restarting = true,
			.notification = true,
			.time = 120,
			.families = V4 | V6,
			.forwarding = V4},
		.long_lived = {.present = true,
			.families = V4 | V6,
			.forwarding = V6,
			.time = {0x123456, 86400}},
	},
};

/* clang-format off */
static const uint8_t golden_everything[] = {
	/* RFC 4271 section 4.1: marker, length 93, type OPEN */
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x5d, 0x01,
	/* section 4.2: version, AS_TRANS (RFC 6793 section 4.2.1), hold time, BGP Identifier */
	0x04, 0x5b, 0xa0, 0x00, 0x5a, 0x0a, 0x00, 0x00, 0x01,
	/* 64 bytes of parameters, one of type 2 (RFC 5492 section 4) with 62 */
	0x40, 0x02, 0x3e,
	/* RFC 4760 section 8: AFI 1, reserved, SAFI 1; AFI 2, reserved, SAFI 1 */
	0x01, 0x04, 0x00, 0x01, 0x00, 0x01,
	0x01, 0x04, 0x00, 0x02, 0x00, 0x01,
	/* RFC 2918 section 2, RFC 8654 section 3 */
	0x02, 0x00,
	0x06, 0x00,
	/* RFC 4724 section 3, RFC 8538 section 2: R and N, 120 s; IPv4 with F, IPv6 without */
	0x40, 0x0a, 0xc0, 0x78, 0x00, 0x01, 0x01, 0x80, 0x00, 0x02, 0x01, 0x00,
	/* RFC 6793 section 3 */
	0x41, 0x04, 0xfa, 0x56, 0xea, 0x00,
	/* RFC 7911 section 4: IPv4 receive, IPv6 both */
	0x45, 0x08, 0x00, 0x01, 0x01, 0x01, 0x00, 0x02, 0x01, 0x03,
	/* RFC 7313 section 3.1 */
	0x46, 0x00,
	/* RFC 9494 section 3: IPv4 without F, 0x123456 s; IPv6 with it, a day */
	0x47, 0x0e, 0x00, 0x01, 0x01, 0x00, 0x12, 0x34, 0x56,
	0x00, 0x02, 0x01, 0x80, 0x01, 0x51, 0x80,
};
/* clang-format on */

static struct span written(const struct writer *w)
{
	return (struct span){ w->start, writer_len(w) };
}

static void assert_open_equal(const struct open *found, const struct open *expected)
{
	const struct capabilities *a = &found->capabilities;
	const struct capabilities *b = &expected->capabilities;

	assert_int_equal(found->version, expected->version);
	assert_int_equal(found->as, expected->as);
	assert_int_equal(found->hold_time, expected->hold_time);
	assert_int_equal(found->bgp_id, expected->bgp_id);
	assert_int_equal(a->multiprotocol, b->multiprotocol);
	assert_int_equal(a->families, b->families);
	assert_int_equal(a->route_refresh, b->route_refresh);
	assert_int_equal(a->enhanced_route_refresh, b->enhanced_route_refresh);
	assert_int_equal(a->extended_message, b->extended_message);
	assert_int_equal(a->as4, b->as4);
	assert_int_equal(a->as4_number, b->as4_number);
	assert_int_equal(a->add_path_receive, b->add_path_receive);
	assert_int_equal(a->add_path_send, b->add_path_send);
	assert_int_equal(a->graceful_restart.present, b->graceful_restart.present);
	assert_int_equal(a->graceful_restart.restarting, b->graceful_restart.restarting);
	assert_int_equal(a->graceful_restart.notification, b->graceful_restart.notification);
	assert_int_equal(a->graceful_restart.time, b->graceful_restart.time);
	assert_int_equal(a->graceful_restart.families, b->graceful_restart.families);
	assert_int_equal(a->graceful_restart.forwarding, b->graceful_restart.forwarding);
	assert_int_equal(a->long_lived.present, b->long_lived.present);
	assert_int_equal(a->long_lived.families, b->long_lived.families);
	assert_int_equal(a->long_lived.forwarding, b->long_lived.forwarding);
	for (unsigned i = 0; i < FAMILY_COUNT; i++)
		assert_int_equal(a->long_lived.time[i], b->long_lived.time[i]);
}

static void read_whole(struct span bytes, struct open *open)
{
	struct message message;
	struct bgp_error error;
	size_t consumed;

	if (message_frame(bytes, false, &message, &consumed, &error) != FRAME_COMPLETE ||
		!open_read(message.body, open, &error))
		fail_msg("%s", error.reason);
	assert_int_equal(message.type, MESSAGE_OPEN);
	assert_int_equal(consumed, bytes.len);
}

static void test_golden_everything(void **state)
{
	uint8_t buffer[BGP_MESSAGE_MAX];
	struct writer w = writer_of(buffer, sizeof buffer);
	struct open open;

	(void)state;
	open_write(&w, &everything);
	assert_false(w.overflow);
	assert_span_equal(written(&w), SPAN(golden_everything));
	read_whole(SPAN(golden_everything), &open);
	assert_open_equal(&open, &everything);
}

static void test_golden_bare(void **state)
{
	/* RFC 4271 section 4.2: no parameters, 29 bytes */
	static const uint8_t golden[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x1d, 0x01, 0x04, 0xfc, 0x00, 0x00,
		0xb4, 0xc0, 0x00, 0x02, 0x01, 0x00 };
	static const struct open bare = {
		.version = 4, .as = 64512, .hold_time = 180, .bgp_id = 0xC0000201
	};
	uint8_t buffer[64];
	struct writer w = writer_of(buffer, sizeof buffer);
	struct open open;

	(void)state;
	open_write(&w, &bare);
	assert_span_equal(written(&w), SPAN(golden));
	read_whole(SPAN(golden), &open);
	assert_open_equal(&open, &bare);

	w = writer_of(buffer, sizeof golden - 1);
	open_write(&w, &bare);
	assert_true(w.overflow);
}

/* RFC 9072 section 2: the extended form, which we write only above 255 bytes of parameters. */
static void test_golden_extended(void **state)
{
	static const struct open bare = {
		.version = 4, .as = 64512, .hold_time = 90, .bgp_id = 0x0A000001
	};
	static const uint8_t golden_head[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		/* 29 + 3 + 257 = 289 */
		0x01, 0x21, 0x01, 0x04, 0xfc, 0x00, 0x00, 0x5a, 0x0a, 0x00, 0x00, 0x01,
		/* Non-Ext OP Len. 255, Non-Ext OP Type 255, 257 bytes of parameters */
		0xff, 0xff, 0x01, 0x01,
		/* type 2 with 254 bytes: an unknown capability 200 with 250 bytes, Route Refresh */
		0x02, 0x00, 0xfe, 0xc8, 0xfa };
	uint8_t more[254] = { 0xc8, 0xfa };
	uint8_t buffer[BGP_MESSAGE_MAX + 100];
	struct writer w = writer_of(buffer, sizeof buffer);
	struct open open;

	(void)state;
	more[252] = CAPABILITY_ROUTE_REFRESH;
	open_write_more(&w, &bare, SPAN(more));
	assert_false(w.overflow);
	assert_int_equal(writer_len(&w), 289);
	assert_memory_equal(buffer, golden_head, sizeof golden_head);
	assert_memory_equal(buffer + 289 - sizeof more, more, sizeof more);
	read_whole(written(&w), &open);
	assert_int_equal(open.capabilities.route_refresh, true);
	assert_int_equal(open.as, 64512);

	/* One byte less and the parameters are 255 bytes, in the form of RFC 4271. */
	more[1] = 0xf9;
	more[251] = CAPABILITY_ROUTE_REFRESH;
	more[252] = 0;
	w = writer_of(buffer, sizeof buffer);
	open_write_more(&w, &bare, (struct span){ more, 253 });
	assert_int_equal(writer_len(&w), 29 + 255);
	assert_memory_equal(buffer + 28, "\xff\x02\xfd\xc8\xf9", 5);
	read_whole(written(&w), &open);
	assert_int_equal(open.capabilities.route_refresh, true);

	/* RFC 8654 section 4: 4096 bytes are the most an OPEN has. */
	static uint8_t huge[BGP_MESSAGE_MAX] = { 200, 1, 0 };
	for (size_t i = 3; i + 2 <= sizeof huge; i += 2)
		huge[i] = 200;
	w = writer_of(buffer, sizeof buffer);
	open_write_more(&w, &bare, (struct span){ huge, BGP_MESSAGE_MAX - 29 - 6 });
	assert_false(w.overflow);
	read_whole(written(&w), &open);
	w = writer_of(buffer, sizeof buffer);
	open_write_more(&w, &bare, (struct span){ huge, BGP_MESSAGE_MAX - 29 - 6 + 1 });
	assert_true(w.overflow);
}

/* OPENs that are good; what they say. */
static const struct {
	const char *name;
	struct span body;
	struct capabilities expected;
} good_opens[] = {
	{ "no parameters", SPAN_OF(FIXED "\x00"), { 0 } },
	{ "an empty Capabilities parameter", SPAN_OF(FIXED "\x02\x02\x00"), { 0 } },
	{ "capabilities in a parameter each", SPAN_OF(FIXED "\x08\x02\x02\x02\x00\x02\x02\x46\x00"),
		{ .route_refresh = true, .enhanced_route_refresh = true } },
	{ "several capabilities in one parameter", SPAN_OF(FIXED "\x06\x02\x04\x02\x00\x46\x00"),
		{ .route_refresh = true, .enhanced_route_refresh = true } },
	{ "duplicates",
		SPAN_OF(FIXED "\x18\x02\x16\x02\x00\x02\x00\x01\x04\x00\x01\x00\x01"
			      "\x01\x04\x00\x01\x00\x01\x06\x00\x02\x00\x06\x00"),
		{ .multiprotocol = true,
			.families = V4,
			.route_refresh = true,
			.extended_message = true } },
	{ "the reserved octet of Multiprotocol is ignored",
		SPAN_OF(FIXED "\x08\x02\x06\x01\x04\x00\x02\xff\x01"),
		{ .multiprotocol = true, .families = V6 } },
	{ "a family that is not ours", SPAN_OF(FIXED "\x08\x02\x06\x01\x04\x00\x01\x00\x80"),
		{ .multiprotocol = true } },
	{ "unknown capabilities",
		SPAN_OF(FIXED "\x0f\x02\x0d\x49\x03\x01h\x00\x80\x00\x05\x02\x00\x01\x02"
			      "\x00"),
		{ .route_refresh = true } },
	{ "RFC 9072 with any non-zero length in front",
		SPAN_OF(FIXED "\x01\xff\x00\x05\x02\x00\x02\x02\x00"), { .route_refresh = true } },
	{ "RFC 9072 without parameters", SPAN_OF(FIXED "\xff\xff\x00\x00"), { 0 } },
	{ "RFC 9072 with two parameters",
		SPAN_OF(FIXED "\xff\xff\x00\x0a\x02\x00\x02\x02\x00\x02\x00\x02\x06\x00"),
		{ .route_refresh = true, .extended_message = true } },
	{ "4-octet AS", SPAN_OF(FIXED "\x08\x02\x06\x41\x04\x00\x00\xfc\x00"),
		{ .as4 = true, .as4_number = 64512 } },
	{ "ADD-PATH of each value",
		SPAN_OF(FIXED "\x0c\x02\x0a\x45\x08\x00\x01\x01\x01\x00\x02\x01\x02"),
		{ .add_path_receive = V4, .add_path_send = V6 } },
	{ "ADD-PATH both, of a foreign family too",
		SPAN_OF(FIXED "\x0c\x02\x0a\x45\x08\x00\x01\x80\x03\x00\x02\x01\x03"),
		{ .add_path_receive = V6, .add_path_send = V6 } },
	{ "ADD-PATH in two capabilities",
		SPAN_OF(FIXED "\x0e\x02\x0c\x45\x04\x00\x01\x01\x03\x45\x04\x00\x02\x01\x01"),
		{ .add_path_receive = V4 | V6, .add_path_send = V4 } },
	{ "ADD-PATH 0: the capability is ignored (RFC 7911 section 4)",
		SPAN_OF(FIXED "\x0c\x02\x0a\x45\x08\x00\x01\x01\x03\x00\x02\x01\x00"), { 0 } },
	{ "ADD-PATH 4: the capability is ignored",
		SPAN_OF(FIXED "\x08\x02\x06\x45\x04\x00\x01\x01\x04"), { 0 } },
	{ "ADD-PATH 7: the capability is ignored",
		SPAN_OF(FIXED "\x0c\x02\x0a\x45\x08\x00\x01\x01\x03\x00\x02\x01\x07"), { 0 } },
	{ "Graceful Restart without families", SPAN_OF(FIXED "\x06\x02\x04\x40\x02\x00\x00"),
		{ .graceful_restart = { .present = true } } },
	{ "Graceful Restart, reserved bits, a foreign family",
		SPAN_OF(FIXED "\x0e\x02\x0c\x40\x0a\x3f\xff\x00\x02\x01\xff\x00\x19\x41"
			      "\x80"),
		{ .graceful_restart = { .present = true,
			  .time = 4095,
			  .families = V6,
			  .forwarding = V6 } } },
	{ "of several Graceful Restarts the last (RFC 4724 section 3)",
		SPAN_OF(FIXED "\x0e\x02\x0c\x40\x06\xc0\x78\x00\x01\x01\x80\x40\x02\x40"
			      "\x05"),
		{ .graceful_restart = { .present = true, .notification = true, .time = 5 } } },
	{ "Long-Lived Graceful Restart without families (RFC 9494 section 3)",
		SPAN_OF(FIXED "\x08\x02\x06\x47\x00\x40\x02\x00\x00"),
		{ .graceful_restart = { .present = true }, .long_lived = { .present = true } } },
	{ "Long-Lived Graceful Restart, reserved bits, a foreign family",
		SPAN_OF(FIXED "\x16\x02\x14\x40\x02\x00\x00\x47\x0e\x00\x02\x01\xff\xff\xff\xff"
			      "\x00\x19\x41\x80\x00\x00\x01"),
		{ .graceful_restart = { .present = true },
			.long_lived = { .present = true,
				.families = V6,
				.forwarding = V6,
				.time = { 0, 0xFFFFFF } } } },
	{ "of several Long-Lived Graceful Restarts the last",
		SPAN_OF(FIXED "\x18\x02\x16\x40\x02\x00\x00\x47\x07\x00\x02\x01\x80\x00\x00\x05"
			      "\x47\x07\x00\x01\x01\x00\x00\x01\x00"),
		{ .graceful_restart = { .present = true },
			.long_lived = { .present = true, .families = V4, .time = { 256, 0 } } } },
	{ "Long-Lived Graceful Restart alone is ignored",
		SPAN_OF(FIXED "\x0b\x02\x09\x47\x07\x00\x01\x01\x80\x00\x00\x05"), { 0 } },
};

static void test_read_good(void **state)
{

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good_opens); i++) {
		struct open expected = { .version = 4,
			.as = 64512,
			.hold_time = 90,
			.bgp_id = 0x0A000001,
			.capabilities = good_opens[i].expected };
		struct open open;
		struct bgp_error error;

		memset(&open, 0xEE, sizeof open);
		if (!open_read(good_opens[i].body, &open, &error))
			fail_msg("%s: %s", good_opens[i].name, error.reason);
		assert_open_equal(&open, &expected);
	}
}

/* The AS is the capability's when there is one, whatever the 2-octet field says. */
static void test_read_as4(void **state)
{
	struct open open;
	struct bgp_error error;

	(void)state;
	assert_true(open_read(
		SPAN_OF("\x04\x5b\xa0\x00\x5a\x0a\x00\x00\x01\x08\x02\x06\x41\x04\xfa\x56\xea\x00"),
		&open, &error));
	assert_int_equal(open.as, 4200000000);
	assert_true(open_read(SPAN_OF("\x04\x5b\xa0\x00\x00\x0a\x00\x00\x01\x00"), &open, &error));
	assert_int_equal(open.as, AS_TRANS);
	assert_int_equal(open.hold_time, 0);
}

static const struct {
	const char *name;
	struct span body;
	uint8_t code;
	uint8_t subcode;
	struct span data;
} bad_opens[] = {
	/* RFC 4271 section 6.1; the data is the Length field, header and all */
	{ "empty", SPAN_OF(""), 1, 2, SPAN_OF("\x00\x13") },
	{ "cut in the fixed part", SPAN_OF("\x04\xfc\x00\x00\x5a"), 1, 2, SPAN_OF("\x00\x18") },
	{ "without Opt Parm Len", SPAN_OF(FIXED), 1, 2, SPAN_OF("\x00\x1c") },
	/* section 6.2: the data is the version that we support */
	{ "version 3", SPAN_OF("\x03\xfc\x00\x00\x5a\x0a\x00\x00\x01\x00"), 2, 1,
		SPAN_OF("\x00\x04") },
	{ "version 5", SPAN_OF("\x05\xfc\x00\x00\x5a\x0a\x00\x00\x01\x00"), 2, 1,
		SPAN_OF("\x00\x04") },
	{ "version 5 of another shape", SPAN_OF("\x05"), 2, 1, SPAN_OF("\x00\x04") },
	/* RFC 7607 section 2 */
	{ "AS 0", SPAN_OF("\x04\x00\x00\x00\x5a\x0a\x00\x00\x01\x00"), 2, 2, SPAN_OF("") },
	{ "AS 0 in the capability", SPAN_OF(FIXED "\x08\x02\x06\x41\x04\x00\x00\x00\x00"), 2, 2,
		SPAN_OF("") },
	{ "AS 0 in the field, another in the capability",
		SPAN_OF("\x04\x00\x00\x00\x5a\x0a\x00\x00\x01\x08\x02\x06\x41\x04\x00\x00"
			"\xfc\x00"),
		2, 2, SPAN_OF("") },
	/* RFC 6286 section 2.2 */
	{ "BGP Identifier 0", SPAN_OF("\x04\xfc\x00\x00\x5a\x00\x00\x00\x00\x00"), 2, 3,
		SPAN_OF("") },
	{ "hold time 1", SPAN_OF("\x04\xfc\x00\x00\x01\x0a\x00\x00\x01\x00"), 2, 6, SPAN_OF("") },
	{ "hold time 2", SPAN_OF("\x04\xfc\x00\x00\x02\x0a\x00\x00\x01\x00"), 2, 6, SPAN_OF("") },
	/* unrecognized parameters */
	{ "parameter 1 (Authentication)", SPAN_OF(FIXED "\x03\x01\x01\x00"), 2, 4, SPAN_OF("") },
	{ "parameter 0", SPAN_OF(FIXED "\x02\x00\x00"), 2, 4, SPAN_OF("") },
	{ "parameter 3 behind good ones", SPAN_OF(FIXED "\x06\x02\x02\x02\x00\x03\x00"), 2, 4,
		SPAN_OF("") },
	{ "parameter 255 not in front (RFC 9072 section 3)",
		SPAN_OF(FIXED "\x06\x02\x02\x02\x00\xff\x00"), 2, 4, SPAN_OF("") },
	{ "parameter 255 inside the extended form", SPAN_OF(FIXED "\xff\xff\x00\x03\xff\x00\x00"),
		2, 4, SPAN_OF("") },
	/* lengths that do not add up: subcode 0 */
	{ "trailing bytes, no parameters", SPAN_OF(FIXED "\x00\x02"), 2, 0, SPAN_OF("") },
	{ "trailing 255, no parameters", SPAN_OF(FIXED "\x00\xff\x00\x00"), 2, 0, SPAN_OF("") },
	{ "trailing bytes behind parameters", SPAN_OF(FIXED "\x04\x02\x02\x02\x00\x00"), 2, 0,
		SPAN_OF("") },
	{ "parameters cut off", SPAN_OF(FIXED "\x05\x02\x02\x02\x00"), 2, 0, SPAN_OF("") },
	{ "parameter without length", SPAN_OF(FIXED "\x01\x02"), 2, 0, SPAN_OF("") },
	{ "parameter overruns", SPAN_OF(FIXED "\x04\x02\x03\x02\x00"), 2, 0, SPAN_OF("") },
	{ "extended length cut off", SPAN_OF(FIXED "\xff\xff\x00"), 2, 0, SPAN_OF("") },
	{ "extended length too long", SPAN_OF(FIXED "\xff\xff\x00\x06\x02\x00\x02\x02\x00"), 2, 0,
		SPAN_OF("") },
	{ "extended length too short", SPAN_OF(FIXED "\xff\xff\x00\x04\x02\x00\x02\x02\x00"), 2, 0,
		SPAN_OF("") },
	{ "extended parameter with a short length",
		SPAN_OF(FIXED "\xff\xff\x00\x04\x02\x02\x02\x00"), 2, 0, SPAN_OF("") },
	{ "extended parameter header cut off", SPAN_OF(FIXED "\xff\xff\x00\x02\x02\x00"), 2, 0,
		SPAN_OF("") },
	/* capabilities: subcode 0 */
	{ "capability without length", SPAN_OF(FIXED "\x03\x02\x01\x02"), 2, 0, SPAN_OF("") },
	{ "capability overruns", SPAN_OF(FIXED "\x04\x02\x02\x02\x01"), 2, 0, SPAN_OF("") },
	{ "capability overruns into the next parameter",
		SPAN_OF(FIXED "\x08\x02\x02\xc8\x04\x02\x02\x02\x00"), 2, 0, SPAN_OF("") },
	{ "an unknown capability overruns too", SPAN_OF(FIXED "\x04\x02\x02\xc8\xff"), 2, 0,
		SPAN_OF("") },
	{ "Multiprotocol of 3", SPAN_OF(FIXED "\x07\x02\x05\x01\x03\x00\x01\x00"), 2, 0,
		SPAN_OF("") },
	{ "Multiprotocol of 5", SPAN_OF(FIXED "\x09\x02\x07\x01\x05\x00\x01\x00\x01\x00"), 2, 0,
		SPAN_OF("") },
	{ "Multiprotocol of 8",
		SPAN_OF(FIXED "\x0c\x02\x0a\x01\x08\x00\x01\x00\x01\x00\x02\x00\x01"), 2, 0,
		SPAN_OF("") },
	{ "Route Refresh of 1", SPAN_OF(FIXED "\x05\x02\x03\x02\x01\x00"), 2, 0, SPAN_OF("") },
	{ "Extended Message of 1", SPAN_OF(FIXED "\x05\x02\x03\x06\x01\x00"), 2, 0, SPAN_OF("") },
	{ "Enhanced Route Refresh of 1", SPAN_OF(FIXED "\x05\x02\x03\x46\x01\x00"), 2, 0,
		SPAN_OF("") },
	{ "4-octet AS of 2", SPAN_OF(FIXED "\x06\x02\x04\x41\x02\xfc\x00"), 2, 0, SPAN_OF("") },
	{ "4-octet AS of 5", SPAN_OF(FIXED "\x09\x02\x07\x41\x05\x00\x00\xfc\x00\x00"), 2, 0,
		SPAN_OF("") },
	{ "Graceful Restart of 0", SPAN_OF(FIXED "\x04\x02\x02\x40\x00"), 2, 0, SPAN_OF("") },
	{ "Graceful Restart of 1", SPAN_OF(FIXED "\x05\x02\x03\x40\x01\x00"), 2, 0, SPAN_OF("") },
	{ "Graceful Restart of 4", SPAN_OF(FIXED "\x08\x02\x06\x40\x04\x00\x78\x00\x01"), 2, 0,
		SPAN_OF("") },
	{ "Long-Lived Graceful Restart of 6",
		SPAN_OF(FIXED "\x0a\x02\x08\x47\x06\x00\x01\x01\x80\x00\x00"), 2, 0, SPAN_OF("") },
	{ "ADD-PATH of 0", SPAN_OF(FIXED "\x04\x02\x02\x45\x00"), 2, 0, SPAN_OF("") },
	{ "ADD-PATH of 3", SPAN_OF(FIXED "\x07\x02\x05\x45\x03\x00\x01\x01"), 2, 0, SPAN_OF("") },
	{ "ADD-PATH of 5", SPAN_OF(FIXED "\x09\x02\x07\x45\x05\x00\x01\x01\x01\x00"), 2, 0,
		SPAN_OF("") },
};

static void test_read_faults(void **state)
{

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad_opens); i++) {
		struct open open = { .as = 77 };
		struct bgp_error error;
		/* on the heap and no larger than it is, so that an overrun is caught */
		uint8_t *copy = malloc(bad_opens[i].body.len + 1);

		assert_non_null(copy);
		memcpy(copy + 1, bad_opens[i].body.bytes, bad_opens[i].body.len);
		memset(&error, 0xEE, sizeof error);
		if (open_read((struct span){ copy + 1, bad_opens[i].body.len }, &open, &error))
			fail_msg("%s is accepted", bad_opens[i].name);
		free(copy);
		if (error.code != bad_opens[i].code || error.subcode != bad_opens[i].subcode)
			fail_msg("%s: %u/%u (%s), expected %u/%u", bad_opens[i].name, error.code,
				error.subcode, error.reason, bad_opens[i].code,
				bad_opens[i].subcode);
		assert_span_equal(((struct span){ error.data, error.data_len }), bad_opens[i].data);
		if (!strstr(error.reason, "expected"))
			fail_msg("%s: the reason \"%s\" does not say what was expected",
				bad_opens[i].name, error.reason);
		assert_int_equal(open.as, 77); /* untouched */
	}
}

/* Cut anywhere, an OPEN is refused, never misread. */
static void test_read_cut(void **state)
{
	struct span whole = { golden_everything + BGP_HEADER_LEN,
		sizeof golden_everything - BGP_HEADER_LEN };

	(void)state;
	for (size_t len = 0; len < whole.len; len++) {
		struct open open;
		struct bgp_error error;
		uint8_t *copy = malloc(len + 1);

		assert_non_null(copy);
		memcpy(copy + 1, whole.bytes, len);
		if (open_read((struct span){ copy + 1, len }, &open, &error))
			fail_msg("accepted when cut at %zu", len);
		free(copy);
	}
}

static void test_negotiate_common(void **state)
{
	struct open theirs = everything;
	struct negotiated n;
	struct bgp_error error;

	(void)state;
	theirs.as = 64999;
	theirs.bgp_id = 0x0A000002;
	theirs.hold_time = 10;
	assert_true(open_negotiate(&everything, &theirs, 64999, &n, &error));
	assert_int_equal(n.as, 64999);
	assert_int_equal(n.bgp_id, 0x0A000002);
	assert_int_equal(n.hold_time, 10);
	assert_int_equal(n.keepalive_time, 3);
	assert_int_equal(n.families, V4 | V6);
	assert_true(n.as4 && n.extended_message && n.route_refresh && n.enhanced_route_refresh);
	/* each direction needs one side that sends and one that receives */
	assert_int_equal(n.add_path_receive, V6);
	assert_int_equal(n.add_path_send, V6);

	theirs.capabilities.add_path_receive = 0;
	theirs.capabilities.add_path_send = V4 | V6;
	assert_true(open_negotiate(&everything, &theirs, 0, &n, &error));
	assert_int_equal(n.add_path_receive, V4 | V6);
	assert_int_equal(n.add_path_send, 0);

	/* path IDs only in families that are common */
	theirs.capabilities.families = V4;
	assert_true(open_negotiate(&everything, &theirs, 0, &n, &error));
	assert_int_equal(n.families, V4);
	assert_int_equal(n.add_path_receive, V4);

	/* RFC 4760 section 8: who is silent speaks IPv4 unicast */
	theirs.capabilities = (struct capabilities){ 0 };
	assert_true(open_negotiate(&everything, &theirs, 0, &n, &error));
	assert_int_equal(n.families, V4);
	assert_false(n.as4 || n.extended_message || n.route_refresh || n.enhanced_route_refresh);
	assert_int_equal(n.add_path_receive | n.add_path_send, 0);

	/* a capability needs both sides */
	assert_true(open_negotiate(&theirs, &everything, 0, &n, &error));
	assert_false(n.as4 || n.extended_message || n.route_refresh || n.enhanced_route_refresh);
}

static void test_negotiate_hold_time(void **state)
{
	static const struct {
		uint16_t ours;
		uint16_t theirs;
		uint16_t hold_time;
		uint16_t keepalive_time;
	} rows[] = { { 90, 90, 90, 30 }, { 90, 180, 90, 30 }, { 180, 90, 90, 30 }, { 90, 3, 3, 1 },
		{ 5, 90, 5, 1 }, { 90, 0, 0, 0 }, { 0, 90, 0, 0 }, { 0, 0, 0, 0 },
		{ 65535, 65535, 65535, 21845 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct open ours = everything;
		struct open theirs = everything;
		struct negotiated n;
		struct bgp_error error;

		theirs.bgp_id++;
		ours.hold_time = rows[i].ours;
		theirs.hold_time = rows[i].theirs;
		assert_true(open_negotiate(&ours, &theirs, 0, &n, &error));
		assert_int_equal(n.hold_time, rows[i].hold_time);
		assert_int_equal(n.keepalive_time, rows[i].keepalive_time);
	}
}

static void test_negotiate_faults(void **state)
{
	struct open ours = everything;
	struct open theirs = everything;
	struct negotiated n;
	struct bgp_error error;

	(void)state;
	theirs.bgp_id++;
	assert_false(open_negotiate(&ours, &theirs, 64512, &n, &error));
	assert_int_equal(error.code, ERROR_OPEN);
	assert_int_equal(error.subcode, OPEN_BAD_PEER_AS);
	assert_int_equal(error.data_len, 0);
	assert_string_equal(error.reason, "AS 4200000000 in the OPEN, expected 64512");

	/* RFC 6286 section 2.2: only an internal peer may not have our identifier */
	theirs.bgp_id = ours.bgp_id;
	assert_false(open_negotiate(&ours, &theirs, 0, &n, &error));
	assert_int_equal(error.code, ERROR_OPEN);
	assert_int_equal(error.subcode, OPEN_BAD_BGP_IDENTIFIER);
	assert_non_null(strstr(error.reason, "10.0.0.1"));
	theirs.as = 64999;
	assert_true(open_negotiate(&ours, &theirs, 0, &n, &error));

	/* RFC 5492 section 5: the capabilities that are missing, as in an OPEN */
	theirs.capabilities.families = 0;
	assert_false(open_negotiate(&ours, &theirs, 0, &n, &error));
	assert_int_equal(error.code, ERROR_OPEN);
	assert_int_equal(error.subcode, OPEN_UNSUPPORTED_CAPABILITY);
	assert_span_equal(((struct span){ error.data, error.data_len }),
		SPAN_OF("\x01\x04\x00\x01\x00\x01\x01\x04\x00\x02\x00\x01"));
	ours.capabilities.families = V6;
	theirs.capabilities.multiprotocol = false;
	assert_false(open_negotiate(&ours, &theirs, 0, &n, &error));
	assert_int_equal(error.subcode, OPEN_UNSUPPORTED_CAPABILITY);
	assert_span_equal(
		((struct span){ error.data, error.data_len }), SPAN_OF("\x01\x04\x00\x02\x00\x01"));
}

/* RFC 4271 section 6.8: the higher identifier; RFC 6286 section 2.3: then the larger AS. */
static void test_collision(void **state)
{
	static const struct {
		uint32_t our_id;
		uint32_t our_as;
		uint32_t their_id;
		uint32_t their_as;
		bool keeps_ours;
	} rows[] = {
		{ 0x0A000002, 1, 0x0A000001, 2, true },
		{ 0x0A000001, 2, 0x0A000002, 1, false },
		{ 0xC0000201, 1, 0x0A000001, 2, true }, /* unsigned, in host byte order */
		{ 0x01000000, 1, 0x00000002, 1, true },
		{ 0x0A000001, 4200000000, 0x0A000001, 64512, true },
		{ 0x0A000001, 64512, 0x0A000001, 4200000000, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct open ours = { .bgp_id = rows[i].our_id, .as = rows[i].our_as };
		struct open theirs = { .bgp_id = rows[i].their_id, .as = rows[i].their_as };
		assert_int_equal(open_collision_keeps_ours(&ours, &theirs), rows[i].keeps_ours);
		/* both ends keep the same connection */
		assert_int_equal(open_collision_keeps_ours(&theirs, &ours), !rows[i].keeps_ours);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_everything),
		cmocka_unit_test(test_golden_bare),
		cmocka_unit_test(test_golden_extended),
		cmocka_unit_test(test_read_good),
		cmocka_unit_test(test_read_as4),
		cmocka_unit_test(test_read_faults),
		cmocka_unit_test(test_read_cut),
		cmocka_unit_test(test_negotiate_common),
		cmocka_unit_test(test_negotiate_hold_time),
		cmocka_unit_test(test_negotiate_faults),
		cmocka_unit_test(test_collision),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
