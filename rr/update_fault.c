#include "rr/update_fault.h"

#include <stdio.h>
#include <stdlib.h>

#define PREFIXES_MAX 16 /* that are named; the message has them all */

static void write_faults(FILE *to, const struct attribute_faults *faults)
{
	static const char *const actions[] = {
		[ATTRIBUTE_ACCEPT] = "accepted",
		[ATTRIBUTE_DISCARD] = "attribute discarded",
		[ATTRIBUTE_TREAT_AS_WITHDRAW] = "treated as withdraw",
		[ATTRIBUTE_RESET] = "session reset",
	};

	for (unsigned i = 0; i < faults->count; i++) {
		const struct attribute_fault *fault = &faults->fault[i];

		/* The reason names the attribute. */
		fprintf(to, "%s%s (%s)", i > 0 ? "; " : "", fault->reason, actions[fault->action]);
	}
}

/*
 * Writes the prefixes of a field behind the `count` already written; returns how many there are
 * now.
 */
static unsigned write_prefixes(FILE *to, struct span field, enum family family,
	const struct attribute_context *context, unsigned count)
{
	struct reader r = reader_of_span(field);
	char text[PREFIX_TEXT_MAX];
	struct nlri nlri;

	while (nlri_next(&r, family, context->add_path_receive & FAMILY_BIT(family), &nlri)) {
		if (count < PREFIXES_MAX)
			fprintf(to, "%s%s", count > 0 ? " " : "; prefixes: ",
				prefix_format(&nlri.prefix, text));
		count++;
	}
	return count;
}

static void write_message(FILE *to, struct span body)
{
	uint8_t header[BGP_HEADER_LEN];
	struct writer w = writer_of(header, sizeof(header));
	size_t start = message_begin(&w, MESSAGE_UPDATE);

	message_end(&w, start);
	write_u16_at(&w, BGP_HEADER_LEN - 3, (uint16_t)(BGP_HEADER_LEN + body.len));
	fprintf(to, "; message: ");
	for (size_t i = 0; i < sizeof(header); i++)
		fprintf(to, "%02x", header[i]);
	for (size_t i = 0; i < body.len; i++)
		fprintf(to, "%02x", body.bytes[i]);
}

char *update_fault_text(struct span body, const struct attribute_context *context,
	const struct attribute_faults *faults)
{
	struct attribute_faults again;
	struct bgp_error error;
	struct update update;
	unsigned count = 0;
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	if (to == NULL)
		return NULL;
	write_faults(to, faults);
	update_parse(body, context, &update, &again, &error);
	count = write_prefixes(to, update.withdrawn, FAMILY_IPV4_UNICAST, context, count);
	count = write_prefixes(to, update.nlri, FAMILY_IPV4_UNICAST, context, count);
	if (update.has_mp_reach)
		count = write_prefixes(to, update.reach_nlri, update.reach_family, context, count);
	if (update.has_mp_unreach)
		count = write_prefixes(
			to, update.unreach_nlri, update.unreach_family, context, count);
	if (count > PREFIXES_MAX)
		fprintf(to, " and %u more", count - PREFIXES_MAX);
	write_message(to, body);
	if (fclose(to) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
