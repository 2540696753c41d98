/*
 * Attribute values for people, from canonical bytes: AS numbers have 4 octets.
 */
#include "bgp/as_path.h"
#include "bgp/attribute_table.h"

/* Communities that have a name: RFC 1997, 3765, 7999, 8326, 9494. */
static const struct {
	uint32_t value;
	const char *name;
} well_known_communities[] = {
	{ 0xFFFF0000, "graceful-shutdown" },
	{ 0xFFFF0006, "llgr-stale" },
	{ 0xFFFF0007, "no-llgr" },
	{ 0xFFFF029A, "blackhole" },
	{ COMMUNITY_NO_EXPORT, "no-export" },
	{ COMMUNITY_NO_ADVERTISE, "no-advertise" },
	{ COMMUNITY_NO_EXPORT_SUBCONFED, "no-export-subconfed" },
	{ 0xFFFFFF04, "no-peer" },
};

static void format_hex(struct text *text, struct span value)
{
	for (size_t i = 0; i < value.len && !text->cut; i++)
		text_add(text, "%02x", value.bytes[i]);
}

void format_origin(struct text *text, struct span value)
{
	static const char *const names[] = { "igp", "egp", "incomplete" };
	struct reader r = reader_of_span(value);
	uint8_t origin;
	if (read_u8(&r, &origin) && origin <= ORIGIN_INCOMPLETE)
		text_add(text, "%s", names[origin]);
}

void format_as_path(struct text *text, struct span value)
{
	if (text->cut)
		return;
	as_path_format(value, text->start + text->len, text->size - text->len);
	text->len += strlen(text->start + text->len);
}

void format_next_hop(struct text *text, struct span value)
{
	struct ip_address address = { .len = 4 };
	struct reader r = reader_of_span(value);
	char buffer[IP_ADDRESS_TEXT_MAX];
	if (read_bytes(&r, address.bytes, 4))
		text_add(text, "%s", ip_address_format(&address, buffer));
}

void format_number(struct text *text, struct span value)
{
	struct reader r = reader_of_span(value);
	uint32_t number;
	if (read_u32(&r, &number))
		text_add(text, "%u", number);
}

void format_aggregator(struct text *text, struct span value)
{
	struct reader r = reader_of_span(value);
	uint32_t as, id;
	char buffer[16];
	if (read_u32(&r, &as) && read_u32(&r, &id))
		text_add(text, "%u %s", as, bgp_id_format(id, buffer));
}

void format_communities(struct text *text, struct span value)
{
	struct reader r = reader_of_span(value);
	const char *gap = "";
	uint32_t community;
	for (; !text->cut && read_u32(&r, &community); gap = " ") {
		const char *name = NULL;
		for (size_t i = 0;
			i < sizeof well_known_communities / sizeof well_known_communities[0]; i++)
			if (well_known_communities[i].value == community)
				name = well_known_communities[i].name;
		if (name)
			text_add(text, "%s%s", gap, name);
		else
			text_add(text, "%s%u:%u", gap, community >> 16, community & 0xFFFF);
	}
}

void format_bgp_ids(struct text *text, struct span value)
{
	struct reader r = reader_of_span(value);
	const char *gap = "";
	uint32_t id;
	char buffer[16];
	for (; !text->cut && read_u32(&r, &id); gap = " ")
		text_add(text, "%s%s", gap, bgp_id_format(id, buffer));
}

/*
 * RFC 4360 sections 3 and 4, RFC 5668: route target and route origin in their three forms (the bits
 * of the type's high octet behind Transitive say which); everything else in hexadecimal.
 */
static void format_extended_community(struct text *text, uint32_t high, uint32_t low)
{
	uint8_t form = high >> 24 & 0xBF;
	uint8_t subtype = high >> 16 & 0xFF;
	const char *kind = subtype == 0x02 ? "rt" : subtype == 0x03 ? "ro" : NULL;
	char buffer[16];
	if (kind && form == 0x00)
		text_add(text, "%s:%u:%u", kind, high & 0xFFFF, low);
	else if (kind && form == 0x01)
		text_add(text, "%s:%s:%u", kind,
			bgp_id_format((high & 0xFFFF) << 16 | low >> 16, buffer), low & 0xFFFF);
	else if (kind && form == 0x02)
		text_add(text, "%s:%u:%u", kind, (high & 0xFFFF) << 16 | low >> 16, low & 0xFFFF);
	else
		text_add(text, "0x%08x%08x", high, low);
}

void format_extended_communities(struct text *text, struct span value)
{
	struct reader r = reader_of_span(value);
	const char *gap = "";
	uint32_t high, low;
	for (; !text->cut && read_u32(&r, &high) && read_u32(&r, &low); gap = " ") {
		text_add(text, "%s", gap);
		format_extended_community(text, high, low);
	}
}

void format_large_communities(struct text *text, struct span value)
{
	struct reader r = reader_of_span(value);
	const char *gap = "";
	uint32_t global, local1, local2;
	for (; !text->cut && read_u32(&r, &global) && read_u32(&r, &local1) &&
		read_u32(&r, &local2);
		gap = " ")
		text_add(text, "%s%u:%u:%u", gap, global, local1, local2);
}

void format_atomic_aggregate(struct text *text, struct span value)
{
	(void)value;
	text_add(text, "true");
}

char *attribute_format(const struct attribute_view *view, char *text, size_t size)
{
	struct text out = text_of(text, size);
	const struct attribute_row *row = attribute_row(view->type);
	if (row && row->format)
		row->format(&out, view->value);
	else
		format_hex(&out, view->value);
	return text_end(&out);
}
