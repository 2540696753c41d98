#include "tests/unit/rib_model.h"

#include <string.h>

struct prefix prefix_of(enum family family, unsigned n)
{
	struct prefix prefix = { .family = (uint8_t)family };

	if (family == FAMILY_IPV4_UNICAST) {
		prefix.bytes[0] = 10;
		prefix.bytes[1] = (uint8_t)n;
		prefix.length = (uint8_t)(16 + n % 9);
	} else {
		prefix.bytes[0] = 0xfd;
		prefix.bytes[6] = (uint8_t)n;
		prefix.length = (uint8_t)(56 + n % 73);
	}
	return prefix;
}

int prefix_number(const struct prefix *prefix)
{
	for (unsigned n = 0; n < PREFIXES; n++) {
		struct prefix known = prefix_of(prefix->family, n);

		if (prefix_equal(&known, prefix))
			return (int)n;
	}
	return -1;
}

static void receive_nlri(struct client *c, const struct nlri *nlri, const struct received *what)
{
	int n = prefix_number(&nlri->prefix);
	struct received *table, *free_place = NULL;

	assert_true(n >= 0);
	table = c->table[nlri->prefix.family][n];
	for (unsigned i = 0; i < RECEIVED_MAX; i++) {
		if (table[i].tag != 0 && table[i].path_id == nlri->path_id) {
			table[i] = *what;
			table[i].path_id = nlri->path_id;
			return;
		}
		if (table[i].tag == 0 && free_place == NULL)
			free_place = &table[i];
	}
	if (what->tag == 0)
		return;
	assert_non_null(free_place);
	*free_place = *what;
	free_place->path_id = nlri->path_id;
}

static void receive_field(
	struct client *c, struct span field, enum family family, const struct received *what)
{
	struct reader r = reader_of_span(field);
	struct nlri nlri;

	while (nlri_next(&r, family, c->parameters.add_path_send & FAMILY_BIT(family), &nlri))
		receive_nlri(c, &nlri, what);
	assert_int_equal(r.left, 0);
}

static struct received describe(const struct update *update, enum family family,
	const struct span *next_hop, const struct attribute_context *context)
{
	static uint8_t buffer[CANONICAL_MAX];
	struct writer canonical = writer_of(buffer, sizeof(buffer));
	struct attribute_faults faults = { 0 };
	struct attribute_keys keys;
	struct attribute_view view;
	struct received what = { 0 };
	struct bgp_error error;
	struct reader r;

	attributes_decode(update->pieces, update->n_pieces, family, next_hop, context, &canonical,
		&keys, &faults, &error);
	assert_int_equal(faults.action, ATTRIBUTE_ACCEPT);
	assert_true(attribute_find(
		(struct span){ buffer, writer_len(&canonical) }, ATTRIBUTE_COMMUNITIES, &view));
	r = reader_of_span(view.value);
	assert_true(read_u32(&r, &what.tag));
	what.originator = keys.flags & ATTR_HAS_ORIGINATOR_ID ? keys.originator_id : 0;
	what.local_pref = keys.local_pref;
	what.flags = keys.flags;
	what.has_cluster_list = keys.cluster_list_length > 0;
	return what;
}

static void receive_message(struct client *c, const struct message *message)
{
	/* To the receiver we are external when it is external to us. */
	const struct attribute_context context = {
		.external = c->parameters.role == ROLE_EXTERNAL,
		.as4 = c->parameters.as4,
		.add_path_receive = c->parameters.add_path_send,
	};
	const struct received nothing = { 0 };
	struct attribute_faults faults = { 0 };
	struct bgp_error error;
	struct update update;
	struct received what;

	if (message->type == MESSAGE_ROUTE_REFRESH)
		return;
	assert_int_equal(message->type, MESSAGE_UPDATE);
	update_parse(message->body, &context, &update, &faults, &error);
	assert_int_equal(faults.action, ATTRIBUTE_ACCEPT);
	if (update.end_of_rib) {
		c->end_of_rib |= FAMILY_BIT(update.end_of_rib_family);
		return;
	}
	receive_field(c, update.withdrawn, FAMILY_IPV4_UNICAST, &nothing);
	if (update.has_mp_unreach)
		receive_field(c, update.unreach_nlri, update.unreach_family, &nothing);
	if (update.nlri.len > 0) {
		what = describe(&update, FAMILY_IPV4_UNICAST, NULL, &context);
		receive_field(c, update.nlri, FAMILY_IPV4_UNICAST, &what);
	}
	if (update.has_mp_reach) {
		what = describe(&update, update.reach_family, &update.reach_next_hop, &context);
		receive_field(c, update.reach_nlri, update.reach_family, &what);
	}
}

bool client_read(struct client *c, size_t most)
{
	struct iovec iov[3];
	struct message message;
	struct bgp_error error;
	size_t sent = 0, used = 0, consumed;
	int n = rib_peer_output(c->peer, iov, 3);

	for (int i = 0; i < n && sent < most; i++) {
		size_t len = iov[i].iov_len;

		if (len > most - sent)
			len = most - sent;
		assert_true(c->filled + len <= sizeof(c->input));
		memcpy(c->input + c->filled, iov[i].iov_base, len);
		c->filled += len;
		sent += len;
	}
	rib_peer_output_sent(c->peer, sent);
	while (message_frame((struct span){ c->input + used, c->filled - used },
		       c->parameters.extended_message, &message, &consumed,
		       &error) == FRAME_COMPLETE) {
		receive_message(c, &message);
		used += consumed;
	}
	memmove(c->input, c->input + used, c->filled - used);
	c->filled -= used;
	assert_int_equal(rib_peer_output_amid_message(c->peer), c->filled > 0);
	if (n == 0)
		c->ready = false;
	return n > 0;
}

const struct received *find_tag(
	const struct client *c, enum family family, unsigned n, uint32_t tag)
{
	for (unsigned i = 0; i < RECEIVED_MAX; i++) {
		if (c->table[family][n][i].tag == tag)
			return &c->table[family][n][i];
	}
	return NULL;
}

unsigned count_tags(const struct client *c, enum family family, unsigned n)
{
	unsigned count = 0;

	for (unsigned i = 0; i < RECEIVED_MAX; i++)
		count += c->table[family][n][i].tag != 0;
	return count;
}
