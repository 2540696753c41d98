/*
 * The OPEN message: RFC 4271 sections 4.2 and 6.2, capabilities after RFC 5492, extended optional
 * parameters after RFC 9072. One table row a capability that we know.
 */
#include "bgp/open.h"

#include <stdio.h>
#include <string.h>

#define BGP_VERSION 4

#define PARAMETER_CAPABILITIES	  2 /* RFC 5492 section 4 */
#define PARAMETER_EXTENDED_LENGTH 255 /* RFC 9072 section 2 */

#define GRACEFUL_RESTART_RESTARTING   0x8000 /* RFC 4724 section 3 */
#define GRACEFUL_RESTART_NOTIFICATION 0x4000 /* RFC 8538 section 2 */
#define GRACEFUL_RESTART_TIME_MASK    0x0FFF
#define GRACEFUL_RESTART_FORWARDING   0x80

#define LONG_LIVED_FORWARDING 0x80 /* RFC 9494 section 3 */
#define LONG_LIVED_TIME_MAX   0xFFFFFF

#define ADD_PATH_RECEIVE 1 /* RFC 7911 section 4 */
#define ADD_PATH_SEND	 2

/* Every capability that we write, with room to spare. */
#define CAPABILITIES_MAX 128

/* The <AFI, SAFI, octet> that three capabilities are made of; false at the end. */
static bool tuple_next(struct reader *r, uint16_t *afi, uint8_t *safi, uint8_t *octet)
{
	return read_u16(r, afi) && read_u8(r, safi) && read_u8(r, octet);
}

static bool has_family(uint8_t families, unsigned family)
{
	return (families & FAMILY_BIT(family)) != 0;
}

/* RFC 4760 section 8: AFI, a reserved octet, SAFI. */
static void read_multiprotocol(struct reader value, struct capabilities *capabilities)
{
	uint16_t afi;
	uint8_t reserved;
	uint8_t safi;
	enum family family;

	capabilities->multiprotocol = true;
	if (tuple_next(&value, &afi, &reserved, &safi) && family_from_afi_safi(afi, safi, &family))
		capabilities->families |= (uint8_t)FAMILY_BIT(family);
}

static void read_route_refresh(struct reader value, struct capabilities *capabilities)
{
	(void)value;
	capabilities->route_refresh = true;
}

static void read_enhanced_route_refresh(struct reader value, struct capabilities *capabilities)
{
	(void)value;
	capabilities->enhanced_route_refresh = true;
}

static void read_extended_message(struct reader value, struct capabilities *capabilities)
{
	(void)value;
	capabilities->extended_message = true;
}

static void read_as4(struct reader value, struct capabilities *capabilities)
{
	capabilities->as4 = read_u32(&value, &capabilities->as4_number);
}

/* RFC 4724 section 3: of several the last one counts. */
static void read_graceful_restart(struct reader value, struct capabilities *capabilities)
{
	uint16_t head;
	uint16_t afi;
	uint8_t safi;
	uint8_t flags;
	enum family family;

	memset(&capabilities->graceful_restart, 0, sizeof capabilities->graceful_restart);
	if (!read_u16(&value, &head))
		return;
	capabilities->graceful_restart.present = true;
	capabilities->graceful_restart.restarting = head & GRACEFUL_RESTART_RESTARTING;
	capabilities->graceful_restart.notification = head & GRACEFUL_RESTART_NOTIFICATION;
	capabilities->graceful_restart.time = head & GRACEFUL_RESTART_TIME_MASK;
	while (tuple_next(&value, &afi, &safi, &flags)) {
		if (!family_from_afi_safi(afi, safi, &family))
			continue;
		capabilities->graceful_restart.families |= (uint8_t)FAMILY_BIT(family);
		if (flags & GRACEFUL_RESTART_FORWARDING)
			capabilities->graceful_restart.forwarding |= (uint8_t)FAMILY_BIT(family);
	}
}

/*
 * RFC 7911 section 4: with any Send/Receive value but 1, 2 and 3 the whole capability is as if not
 * there.
 */
static void read_add_path(struct reader value, struct capabilities *capabilities)
{
	uint8_t receive = capabilities->add_path_receive;
	uint8_t send = capabilities->add_path_send;
	uint16_t afi;
	uint8_t safi;
	uint8_t mode;
	enum family family;

	while (tuple_next(&value, &afi, &safi, &mode)) {
		if (mode < ADD_PATH_RECEIVE || mode > (ADD_PATH_RECEIVE | ADD_PATH_SEND))
			return;
		if (!family_from_afi_safi(afi, safi, &family))
			continue;
		if (mode & ADD_PATH_RECEIVE)
			receive |= (uint8_t)FAMILY_BIT(family);
		if (mode & ADD_PATH_SEND)
			send |= (uint8_t)FAMILY_BIT(family);
	}
	capabilities->add_path_receive = receive;
	capabilities->add_path_send = send;
}

/*
 * RFC 9494 section 3: any number of families, each with flags and a time of 24 bits. Of several
 * capabilities the last one counts, as with the one it stands beside.
 */
static void read_long_lived(struct reader value, struct capabilities *capabilities)
{
	uint16_t afi, low;
	uint8_t safi, flags, high;
	enum family family;

	memset(&capabilities->long_lived, 0, sizeof capabilities->long_lived);
	capabilities->long_lived.present = true;
	while (tuple_next(&value, &afi, &safi, &flags) && read_u8(&value, &high) &&
		read_u16(&value, &low)) {
		if (!family_from_afi_safi(afi, safi, &family))
			continue;
		capabilities->long_lived.families |= (uint8_t)FAMILY_BIT(family);
		capabilities->long_lived.forwarding &= (uint8_t)~FAMILY_BIT(family);
		if (flags & LONG_LIVED_FORWARDING)
			capabilities->long_lived.forwarding |= (uint8_t)FAMILY_BIT(family);
		capabilities->long_lived.time[family] = (uint32_t)high << 16 | low;
	}
}

/*
 * A value is `fixed` bytes and then any number of `repeated` ones (0: none), at least `least` in
 * all.
 */
static const struct {
	uint8_t code;
	uint8_t fixed;
	uint8_t repeated;
	uint8_t least;
	const char *name;
	void (*read)(struct reader value, struct capabilities *capabilities);
} known_capabilities[] = {
	{ CAPABILITY_MULTIPROTOCOL, 4, 0, 4, "Multiprotocol Extensions", read_multiprotocol },
	{ CAPABILITY_ROUTE_REFRESH, 0, 0, 0, "Route Refresh", read_route_refresh },
	{ CAPABILITY_EXTENDED_MESSAGE, 0, 0, 0, "Extended Message", read_extended_message },
	{ CAPABILITY_GRACEFUL_RESTART, 2, 4, 2, "Graceful Restart", read_graceful_restart },
	{ CAPABILITY_AS4, 4, 0, 4, "4-octet AS Number", read_as4 },
	{ CAPABILITY_ADD_PATH, 0, 4, 4, "ADD-PATH", read_add_path },
	{ CAPABILITY_ENHANCED_ROUTE_REFRESH, 0, 0, 0, "Enhanced Route Refresh",
		read_enhanced_route_refresh },
	{ CAPABILITY_LONG_LIVED_GRACEFUL_RESTART, 0, 7, 0, "Long-Lived Graceful Restart",
		read_long_lived },
};

/*
 * RFC 4271 section 6.2: recognized but malformed is subcode 0, as is a field that does not add up.
 */
#define MALFORMED(error, ...) \
	bgp_error_set(error, ERROR_OPEN, 0, NULL, 0, "malformed OPEN: " __VA_ARGS__)

static bool capability_read(
	uint8_t code, struct span value, struct capabilities *capabilities, struct bgp_error *error)
{
	for (size_t i = 0; i < sizeof known_capabilities / sizeof *known_capabilities; i++) {
		if (known_capabilities[i].code != code)
			continue;
		size_t fixed = known_capabilities[i].fixed;
		size_t repeated = known_capabilities[i].repeated;
		size_t least = known_capabilities[i].least;
		char more[32] = "";
		if (repeated)
			snprintf(more, sizeof more, " or a multiple of %zu more", repeated);
		if (value.len < least ||
			(repeated ? (value.len - fixed) % repeated != 0 : value.len != fixed))
			return MALFORMED(error, "capability %u (%s) of %zu bytes, expected %zu%s",
				code, known_capabilities[i].name, value.len, least, more);
		known_capabilities[i].read(reader_of_span(value), capabilities);
		return true;
	}
	return true; /* RFC 5492 section 3: an unknown capability is ignored */
}

static bool capabilities_read(
	struct span parameter, struct capabilities *capabilities, struct bgp_error *error)
{
	struct reader r = reader_of_span(parameter);
	uint8_t code;
	uint8_t length;
	struct span value;

	while (r.left > 0) {
		if (!read_u8(&r, &code) || !read_u8(&r, &length))
			return MALFORMED(error, "capability header of 1 byte, expected 2");
		if (!read_span(&r, length, &value))
			return MALFORMED(error, "capability %u of %u bytes, expected at most %zu",
				code, length, r.left);
		if (!capability_read(code, value, capabilities, error))
			return false;
	}
	return true;
}

static bool parameters_read(
	struct reader r, bool extended, struct capabilities *capabilities, struct bgp_error *error)
{
	uint8_t type;
	uint8_t short_length = 0;
	uint16_t length = 0;
	struct span value;

	while (r.left > 0) {
		if (!read_u8(&r, &type) ||
			!(extended ? read_u16(&r, &length) : read_u8(&r, &short_length)))
			return MALFORMED(error,
				"optional parameter header cut off, expected %d "
				"bytes",
				extended ? 3 : 2);
		if (!extended)
			length = short_length;
		if (type != PARAMETER_CAPABILITIES)
			return bgp_error_set(error, ERROR_OPEN, OPEN_BAD_OPTIONAL_PARAMETER, NULL,
				0, "optional parameter of type %u, expected %d (Capabilities)",
				type, PARAMETER_CAPABILITIES);
		if (!read_span(&r, length, &value))
			return MALFORMED(error,
				"optional parameter of %u bytes, expected at most %zu", length,
				r.left);
		if (!capabilities_read(value, capabilities, error))
			return false;
	}
	return true;
}

/* `r` stands at Opt Parm Len. */
static bool optional_parameters_read(
	struct reader r, struct capabilities *capabilities, struct bgp_error *error)
{
	struct reader ahead;
	uint8_t short_length = 0;
	uint8_t type;
	uint16_t length;
	bool extended = false;

	if (!read_u8(&r, &short_length))
		return MALFORMED(error, "no Optional Parameters Length, expected 1 byte");
	length = short_length;
	ahead = r;
	/*
	 * RFC 9072 section 2: any non-zero length, then type 255, says that the extended form is
	 * used.
	 */
	if (short_length != 0 && read_u8(&ahead, &type) && type == PARAMETER_EXTENDED_LENGTH) {
		extended = true;
		if (!read_u16(&ahead, &length))
			return MALFORMED(error,
				"Extended Optional Parameters Length cut off, expected 2 bytes");
		r = ahead;
	}
	if (r.left != length)
		return MALFORMED(error,
			"Optional Parameters Length %u, expected %zu (the rest of "
			"the message)",
			length, r.left);
	return parameters_read(r, extended, capabilities, error);
}

bool open_read(struct span body, struct open *open, struct bgp_error *error)
{
	static const uint8_t our_version[2] = { 0, BGP_VERSION };
	struct reader r = reader_of_span(body);
	struct open found = { 0 };
	uint16_t as;

	/* First of all: only version 4 says what the rest means. */
	if (read_u8(&r, &found.version) && found.version != BGP_VERSION)
		return bgp_error_set(error, ERROR_OPEN, OPEN_BAD_VERSION, our_version,
			sizeof our_version, "BGP version %u, expected %d", found.version,
			BGP_VERSION);
	if (!read_u16(&r, &as) || !read_u16(&r, &found.hold_time) || !read_u32(&r, &found.bgp_id) ||
		r.left == 0) {
		/* RFC 4271 section 6.1; message_frame has seen to it already. */
		uint16_t length = (uint16_t)(BGP_HEADER_LEN + body.len);
		uint8_t data[2] = { (uint8_t)(length >> 8), (uint8_t)length };
		return bgp_error_set(error, ERROR_MESSAGE_HEADER, HEADER_BAD_LENGTH, data,
			sizeof data, "OPEN of length %u, expected at least 29", length);
	}
	if (!optional_parameters_read(r, &found.capabilities, error))
		return false;
	/* RFC 9494 section 3: without the capability that it extends it is ignored. */
	if (!found.capabilities.graceful_restart.present)
		memset(&found.capabilities.long_lived, 0, sizeof found.capabilities.long_lived);

	/*
	 * RFC 6793 section 4.1: the capability carries the AS number, whatever stands in the field.
	 */
	found.as = found.capabilities.as4 ? found.capabilities.as4_number : as;
	if (as == 0 || found.as == 0) /* RFC 7607 section 2 */
		return bgp_error_set(error, ERROR_OPEN, OPEN_BAD_PEER_AS, NULL, 0,
			"AS 0 in the OPEN, expected 1 or more");
	if (found.hold_time == 1 || found.hold_time == 2)
		return bgp_error_set(error, ERROR_OPEN, OPEN_BAD_HOLD_TIME, NULL, 0,
			"hold time %u, expected 0 or at least 3", found.hold_time);
	if (found.bgp_id == 0) /* RFC 6286 section 2.2 */
		return bgp_error_set(error, ERROR_OPEN, OPEN_BAD_BGP_IDENTIFIER, NULL, 0,
			"BGP Identifier 0.0.0.0, expected another");
	*open = found;
	return true;
}

static void write_multiprotocol(struct writer *w, uint8_t families)
{
	for (unsigned i = 0; i < FAMILY_COUNT; i++) {
		if (!has_family(families, i))
			continue;
		write_u8(w, CAPABILITY_MULTIPROTOCOL);
		write_u8(w, 4);
		write_u16(w, family_afi((enum family)i));
		write_u8(w, 0);
		write_u8(w, SAFI_UNICAST);
	}
}

static void write_flag(struct writer *w, bool wanted, enum capability_code code)
{
	if (!wanted)
		return;
	write_u8(w, (uint8_t)code);
	write_u8(w, 0);
}

static void write_tuple(struct writer *w, unsigned family, uint8_t octet)
{
	write_u16(w, family_afi((enum family)family));
	write_u8(w, SAFI_UNICAST);
	write_u8(w, octet);
}

static void write_graceful_restart(struct writer *w, const struct capabilities *capabilities)
{
	uint8_t families = capabilities->graceful_restart.families & FAMILIES_ALL;
	uint16_t head = capabilities->graceful_restart.time & GRACEFUL_RESTART_TIME_MASK;

	if (!capabilities->graceful_restart.present)
		return;
	if (capabilities->graceful_restart.restarting)
		head |= GRACEFUL_RESTART_RESTARTING;
	if (capabilities->graceful_restart.notification)
		head |= GRACEFUL_RESTART_NOTIFICATION;
	write_u8(w, CAPABILITY_GRACEFUL_RESTART);
	write_u8(w, (uint8_t)(2 + 4 * __builtin_popcount(families)));
	write_u16(w, head);
	for (unsigned i = 0; i < FAMILY_COUNT; i++)
		if (has_family(families, i))
			write_tuple(w, i,
				has_family(capabilities->graceful_restart.forwarding, i)
					? GRACEFUL_RESTART_FORWARDING
					: 0);
}

static void write_add_path(struct writer *w, const struct capabilities *capabilities)
{
	uint8_t families = (capabilities->add_path_receive | capabilities->add_path_send) &
			   FAMILIES_ALL;

	if (families == 0)
		return;
	write_u8(w, CAPABILITY_ADD_PATH);
	write_u8(w, (uint8_t)(4 * __builtin_popcount(families)));
	for (unsigned i = 0; i < FAMILY_COUNT; i++) {
		uint8_t mode = 0;

		if (has_family(capabilities->add_path_receive, i))
			mode |= ADD_PATH_RECEIVE;
		if (has_family(capabilities->add_path_send, i))
			mode |= ADD_PATH_SEND;
		if (mode != 0)
			write_tuple(w, i, mode);
	}
}

static void write_long_lived(struct writer *w, const struct capabilities *capabilities)
{
	uint8_t families = capabilities->long_lived.families & FAMILIES_ALL;

	if (!capabilities->long_lived.present || !capabilities->graceful_restart.present)
		return;
	write_u8(w, CAPABILITY_LONG_LIVED_GRACEFUL_RESTART);
	write_u8(w, (uint8_t)(7 * __builtin_popcount(families)));
	for (unsigned i = 0; i < FAMILY_COUNT; i++) {
		uint32_t time = capabilities->long_lived.time[i];

		if (!has_family(families, i))
			continue;
		if (time > LONG_LIVED_TIME_MAX)
			time = LONG_LIVED_TIME_MAX;
		write_tuple(w, i,
			has_family(capabilities->long_lived.forwarding, i) ? LONG_LIVED_FORWARDING
									   : 0);
		write_u8(w, (uint8_t)(time >> 16));
		write_u16(w, (uint16_t)time);
	}
}

/* In ascending order of code. */
static void capabilities_write(struct writer *w, const struct open *open)
{
	const struct capabilities *capabilities = &open->capabilities;

	if (capabilities->multiprotocol)
		write_multiprotocol(w, capabilities->families);
	write_flag(w, capabilities->route_refresh, CAPABILITY_ROUTE_REFRESH);
	write_flag(w, capabilities->extended_message, CAPABILITY_EXTENDED_MESSAGE);
	write_graceful_restart(w, capabilities);
	if (capabilities->as4) {
		write_u8(w, CAPABILITY_AS4);
		write_u8(w, 4);
		write_u32(w, open->as);
	}
	write_add_path(w, capabilities);
	write_flag(w, capabilities->enhanced_route_refresh, CAPABILITY_ENHANCED_ROUTE_REFRESH);
	write_long_lived(w, capabilities);
}

void open_write_more(struct writer *w, const struct open *open, struct span more)
{
	uint8_t buffer[CAPABILITIES_MAX];
	struct writer ours = writer_of(buffer, sizeof buffer);
	size_t start = message_begin(w, MESSAGE_OPEN);

	capabilities_write(&ours, open);
	size_t length = writer_len(&ours) + more.len;
	write_u8(w, BGP_VERSION);
	/* RFC 6793 section 4.2.1 */
	write_u16(w, open->as > UINT16_MAX ? AS_TRANS : (uint16_t)open->as);
	write_u16(w, open->hold_time);
	write_u32(w, open->bgp_id);
	if (length == 0) {
		write_u8(w, 0);
	} else if (2 + length <= UINT8_MAX) {
		write_u8(w, (uint8_t)(2 + length));
		write_u8(w, PARAMETER_CAPABILITIES);
		write_u8(w, (uint8_t)length);
	} else {
		write_u8(w, UINT8_MAX);
		write_u8(w, PARAMETER_EXTENDED_LENGTH);
		write_u16(w, (uint16_t)(3 + length));
		write_u8(w, PARAMETER_CAPABILITIES);
		write_u16(w, (uint16_t)length);
	}
	write_bytes(w, buffer, writer_len(&ours));
	write_bytes(w, more.bytes, more.len);
	/* RFC 8654 section 4: an OPEN stays within 4096 bytes. */
	if (writer_len(w) - start > BGP_MESSAGE_MAX)
		w->overflow = true;
	message_end(w, start);
}

void open_write(struct writer *w, const struct open *open)
{
	open_write_more(w, open, (struct span){ NULL, 0 });
}

/* RFC 4760 section 8: who does not say otherwise speaks IPv4 unicast. */
static uint8_t offered_families(const struct capabilities *capabilities)
{
	return capabilities->multiprotocol ? capabilities->families
					   : (uint8_t)FAMILY_BIT(FAMILY_IPV4_UNICAST);
}

/* RFC 4724 section 3: whoever sends the capability keeps the routes of the families that it reads.
 */
static void negotiate_graceful_restart(
	const struct capabilities *a, const struct capabilities *b, struct negotiated *negotiated)
{
	uint8_t families = negotiated->families;

	if (!a->graceful_restart.present || !b->graceful_restart.present)
		return;
	negotiated->graceful_restart_receive = b->graceful_restart.families & families;
	negotiated->graceful_restart_send = a->graceful_restart.families & families;
	negotiated->graceful_notification = a->graceful_restart.notification &&
					    b->graceful_restart.notification;
	if (!a->long_lived.present || !b->long_lived.present)
		return;
	negotiated->long_lived_receive = b->long_lived.families & families;
	negotiated->long_lived_send = a->long_lived.families & families;
}

bool open_negotiate(const struct open *ours, const struct open *theirs, uint32_t expected_as,
	struct negotiated *negotiated, struct bgp_error *error)
{
	const struct capabilities *a = &ours->capabilities;
	const struct capabilities *b = &theirs->capabilities;
	uint8_t families = offered_families(a) & offered_families(b);
	uint16_t hold_time = ours->hold_time < theirs->hold_time ? ours->hold_time
								 : theirs->hold_time;

	if (expected_as != 0 && theirs->as != expected_as)
		return bgp_error_set(error, ERROR_OPEN, OPEN_BAD_PEER_AS, NULL, 0,
			"AS %u in the OPEN, expected %u", theirs->as, expected_as);
	if (theirs->as == ours->as && theirs->bgp_id == ours->bgp_id) {
		char id[16];
		return bgp_error_set(error, ERROR_OPEN, OPEN_BAD_BGP_IDENTIFIER, NULL, 0,
			"BGP Identifier %s is our own, expected another from an internal peer",
			bgp_id_format(theirs->bgp_id, id));
	}
	if (families == 0) {
		uint8_t data[CAPABILITIES_MAX];
		struct writer w = writer_of(data, sizeof data);
		/*
		 * RFC 5492 section 5: the capabilities that we miss, as they would stand in the
		 * OPEN.
		 */
		write_multiprotocol(&w, offered_families(a));
		return bgp_error_set(error, ERROR_OPEN, OPEN_UNSUPPORTED_CAPABILITY, data,
			writer_len(&w), "the OPEN offers %s%s%s, expected a family of ours",
			has_family(offered_families(b), FAMILY_IPV4_UNICAST) ? "ipv4-unicast " : "",
			has_family(offered_families(b), FAMILY_IPV6_UNICAST) ? "ipv6-unicast " : "",
			offered_families(b) == 0 ? "no family that is known" : "only");
	}
	*negotiated = (struct negotiated){
		.as = theirs->as,
		.bgp_id = theirs->bgp_id,
		.hold_time = hold_time,
		.keepalive_time = hold_time / 3,
		.families = families,
		.as4 = a->as4 && b->as4,
		.extended_message = a->extended_message && b->extended_message,
		.route_refresh = a->route_refresh && b->route_refresh,
		.enhanced_route_refresh = a->enhanced_route_refresh && b->enhanced_route_refresh,
		.add_path_receive = a->add_path_receive & b->add_path_send & families,
		.add_path_send = a->add_path_send & b->add_path_receive & families,
	};
	negotiate_graceful_restart(a, b, negotiated);
	return true;
}

bool open_collision_keeps_ours(const struct open *ours, const struct open *theirs)
{
	if (ours->bgp_id != theirs->bgp_id)
		return ours->bgp_id > theirs->bgp_id;
	return ours->as > theirs->as;
}
