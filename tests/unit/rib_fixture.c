#include "tests/unit/rib_fixture.h"

#include <stdlib.h>

#include "bgp/as_path.h"

static void output_ready(void *context, struct rib_peer *peer)
{
	struct speaker *s = peer != NULL ? rib_peer_session(peer) : NULL;

	(void)context;
	if (s != NULL)
		s->ready = true;
}

static void update_fault(void *context, struct rib_peer *peer, struct span body,
	const struct attribute_context *attribute_context, const struct attribute_faults *faults)
{
	struct fixture *f = context;

	assert_non_null(peer);
	assert_true(faults->action > ATTRIBUTE_ACCEPT);
	(void)body;
	(void)attribute_context;
	f->update_faults++;
}

static void end_of_rib(void *context, struct rib_peer *peer, enum family family)
{
	struct fixture *f = context;
	struct speaker *s = rib_peer_session(peer);

	s->said_end_of_rib |= FAMILY_BIT(family);
	if (f->sweeps)
		rib_stale_sweep(f->rib, peer, family);
}

void fixture_begin(struct fixture *f, size_t log_limit)
{
	static const uint8_t key[16] = "0123456789abcde";
	const struct rib_parameters parameters = { .as = OUR_AS,
		.router_id = OUR_ID,
		.cluster_id = OUR_CLUSTER,
		.log_limit = log_limit,
		.callbacks = { .output_ready = output_ready,
			.update_fault = update_fault,
			.end_of_rib = end_of_rib,
			.context = f } };

	memset(f, 0, sizeof(*f));
	f->rib = rib_new(&parameters, key);
}

void fixture_end(struct fixture *f)
{
	struct rib_counts counts;

	for (unsigned i = 0; i < SPEAKERS; i++) {
		if (f->speaker[i].peer != NULL)
			speaker_down(&f->speaker[i]);
	}
	fixture_settle(f);
	counts = fixture_counts(f);
	assert_int_equal(counts.prefixes[0] + counts.prefixes[1], 0);
	assert_int_equal(counts.paths[0] + counts.paths[1], 0);
	assert_int_equal(counts.peers + counts.groups, 0);
	rib_free(f->rib);
}

struct speaker *speaker_of(struct fixture *f, unsigned n, enum role role)
{
	struct speaker *s = &f->speaker[n];

	memset(s, 0, sizeof(*s));
	s->fixture = f;
	s->parameters = (struct rib_peer_parameters){ .address = { 4,
							      { 192, 0, 2, (uint8_t)(n + 1) } },
		.as = role == ROLE_EXTERNAL ? 65000 + n : OUR_AS,
		.bgp_id = 0x0a000100u + n,
		.role = role,
		.families = FAMILIES_ALL,
		.as4 = true,
		.id = 100 + n,
		.session = s };
	return s;
}

void speaker_connect(struct speaker *s)
{
	s->peer = rib_peer_up(s->fixture->rib, &s->parameters);
	s->ready = true;
	if (!s->fixture->may_fail)
		assert_non_null(s->peer);
}

struct speaker *speaker_up(struct fixture *f, unsigned n, enum role role)
{
	struct speaker *s = speaker_of(f, n, role);

	speaker_connect(s);
	return s;
}

void speaker_retain(struct speaker *s, uint8_t families)
{
	rib_peer_retain(s->fixture->rib, s->peer, families);
	assert_null(rib_peer_session(s->peer));
	s->retained = true;
	s->filled = 0;
}

bool speaker_resume(struct speaker *s, uint8_t families)
{
	struct speaker fresh = {
		.fixture = s->fixture, .peer = s->peer, .parameters = s->parameters, .ready = true
	};

	if (!rib_peer_resume(s->fixture->rib, s->peer, &s->parameters, families)) {
		assert_true(s->fixture->may_fail);
		assert_null(rib_peer_session(s->peer));
		return false;
	}
	*s = fresh;
	return true;
}

void speaker_end_of_rib(struct speaker *s, enum family family)
{
	uint8_t buffer[BGP_MESSAGE_MAX];
	struct writer w = writer_of(buffer, sizeof(buffer));

	end_of_rib_write(&w, family);
	assert_true(speaker_send_bytes(
		s, (struct span){ buffer + BGP_HEADER_LEN, writer_len(&w) - BGP_HEADER_LEN }));
}

void speaker_down(struct speaker *s)
{
	rib_peer_down(s->fixture->rib, s->peer);
	s->peer = NULL;
	s->retained = false;
}

/* The segments of a path in words, with AS numbers of `size` octets. */
static void write_as_path(struct writer *w, const char *text, size_t size)
{
	static const char open[] = "{ ([", close[] = "} )]"; /* segment types 1 to 4 */

	while (text != NULL && *text != '\0') {
		const char *bracket = *text != ' ' ? strchr(open, *text) : NULL;
		uint8_t type = bracket != NULL ? (uint8_t)(bracket - open + 1) : AS_SEQUENCE;
		uint8_t *count;

		text += bracket != NULL;
		write_u8(w, type);
		count = w->at;
		write_u8(w, 0);
		while (*text != '\0' && strchr(open, *text) == NULL) {
			char *end;
			uint32_t as = (uint32_t)strtoul(text, &end, 10);

			if (size == 4)
				write_u32(w, as);
			else
				write_u16(w, (uint16_t)as);
			++*count;
			text = end + strspn(end, " ");
			if (*text != '\0' && strchr(close, *text) != NULL) {
				text++;
				break;
			}
		}
		text += strspn(text, " ");
	}
}

static void write_number(struct writer *w, uint8_t flags, uint8_t type, int64_t number)
{
	if (number == 0)
		return;
	write_u8(w, flags);
	write_u8(w, type);
	write_u8(w, 4);
	write_u32(w, (uint32_t)(number - 1));
}

static void write_list(
	struct writer *w, uint8_t flags, uint8_t type, const uint32_t *list, size_t most)
{
	size_t n = 0;

	while (n < most && list[n] != 0)
		n++;
	if (n == 0)
		return;
	write_u8(w, flags);
	write_u8(w, type);
	write_u8(w, (uint8_t)(4 * n));
	for (size_t i = 0; i < n; i++)
		write_u32(w, list[i]);
}

static void write_attributes(struct writer *w, const struct speaker *s, enum family family,
	const struct attributes *a, const struct ip_address *next_hop)
{
	uint8_t buffer[1024];
	struct writer path = writer_of(buffer, sizeof(buffer));

	write_bytes(w, "\x40\x01\x01", 3);
	write_u8(w, a->origin);
	write_as_path(&path, a->as_path, s->parameters.as4 ? 4 : 2);
	assert_false(path.overflow);
	write_bytes(w, "\x50\x02", 2);
	write_u16(w, (uint16_t)writer_len(&path));
	write_bytes(w, buffer, writer_len(&path));
	if (family == FAMILY_IPV4_UNICAST) {
		write_bytes(w, "\x40\x03\x04", 3);
		write_bytes(w, next_hop->bytes, 4);
	}
	write_number(w, 0x80, ATTRIBUTE_MED, a->med);
	write_number(w, 0x40, ATTRIBUTE_LOCAL_PREF, a->local_pref);
	write_list(w, 0xc0, ATTRIBUTE_COMMUNITIES, a->communities, ARRAY_LEN(a->communities));
	write_number(w, 0x80, ATTRIBUTE_ORIGINATOR_ID, a->originator);
	write_list(w, 0x80, ATTRIBUTE_CLUSTER_LIST, a->clusters, ARRAY_LEN(a->clusters));
	write_bytes(w, a->raw.bytes, a->raw.len);
}

bool speaker_send_bytes(struct speaker *s, struct span body)
{
	struct bgp_error error;
	bool ok = rib_update(s->fixture->rib, s->peer, body, &error);

	assert_int_equal(error.code != 0, !ok);
	if (!ok && s->fixture->may_fail) {
		assert_int_equal(error.code, ERROR_CEASE);
		assert_int_equal(error.subcode, CEASE_OUT_OF_RESOURCES);
	}
	return ok;
}

bool speaker_send(struct speaker *s, const char *text, const struct attributes *attributes)
{
	static uint8_t buffer[70000], list[66000];
	struct writer w = writer_of(buffer, sizeof(buffer)), a = writer_of(list, sizeof(list));
	struct ip_address next_hop;
	struct update_builder b;
	struct prefix prefix;
	enum family family;
	bool add_path;

	assert_true(prefix_parse(text, false, &prefix));
	family = prefix.family;
	add_path = s->parameters.add_path_receive & FAMILY_BIT(family);
	if (attributes->next_hop != NULL)
		assert_true(ip_address_parse(attributes->next_hop, &next_hop));
	else
		assert_true(ip_address_parse(
			family == FAMILY_IPV4_UNICAST ? "192.0.2.254" : "fd00::fe", &next_hop));
	write_attributes(&a, s, family, attributes, &next_hop);
	assert_true(update_begin_reach(&b, &w, BGP_MESSAGE_EXTENDED_MAX, family, add_path,
		(struct span){ next_hop.bytes, next_hop.len },
		(struct span){ list, writer_len(&a) }));
	assert_true(update_add(&b, &prefix, attributes->path_id));
	update_end(&b);
	return speaker_send_bytes(
		s, (struct span){ buffer + BGP_HEADER_LEN, writer_len(&w) - BGP_HEADER_LEN });
}

void withdraw(struct speaker *s, const char *text)
{
	uint8_t buffer[256];
	struct writer w = writer_of(buffer, sizeof(buffer));
	struct update_builder b;
	struct prefix prefix;

	assert_true(prefix_parse(text, false, &prefix));
	assert_true(update_begin_unreach(&b, &w, BGP_MESSAGE_MAX, prefix.family,
		s->parameters.add_path_receive & FAMILY_BIT(prefix.family)));
	assert_true(update_add(&b, &prefix, 0));
	update_end(&b);
	assert_true(speaker_send_bytes(
		s, (struct span){ buffer + BGP_HEADER_LEN, writer_len(&w) - BGP_HEADER_LEN }));
}

static void hear(struct speaker *s, const struct nlri *nlri, const struct heard *what)
{
	struct heard *place = NULL;

	for (size_t i = 0; i < s->n_heard; i++) {
		if (s->heard[i].path_id == nlri->path_id &&
			prefix_equal(&s->heard[i].prefix, &nlri->prefix))
			place = &s->heard[i];
	}
	if (what == NULL) {
		s->withdrawals++;
		if (place != NULL)
			place->there = false;
		return;
	}
	s->announcements++;
	if (place == NULL) {
		assert_true(s->n_heard < HEARD_MAX);
		place = &s->heard[s->n_heard++];
	}
	*place = *what;
	place->prefix = nlri->prefix;
	place->path_id = nlri->path_id;
	place->there = true;
}

static void hear_field(
	struct speaker *s, struct span field, enum family family, const struct heard *what)
{
	struct reader r = reader_of_span(field);
	struct nlri nlri;

	while (nlri_next(&r, family, s->parameters.add_path_send & FAMILY_BIT(family), &nlri))
		hear(s, &nlri, what);
	assert_int_equal(r.left, 0);
}

static void describe(const struct update *update, enum family family, const struct span *next_hop,
	const struct attribute_context *context, struct heard *what)
{
	static uint8_t buffer[CANONICAL_MAX];
	struct writer w = writer_of(buffer, sizeof(buffer));
	struct attribute_faults faults = { 0 };
	struct attribute_view view;
	struct bgp_error error;
	struct span canonical;
	struct reader r;

	memset(what, 0, sizeof(*what));
	attributes_decode(update->pieces, update->n_pieces, family, next_hop, context, &w,
		&what->keys, &faults, &error);
	assert_int_equal(faults.action, ATTRIBUTE_ACCEPT);
	canonical = (struct span){ buffer, writer_len(&w) };
	if (attribute_find(canonical, ATTRIBUTE_AS_PATH, &view))
		as_path_format(view.value, what->as_path, sizeof(what->as_path));
	if (attribute_find(canonical, ATTRIBUTE_COMMUNITIES, &view)) {
		r = reader_of_span(view.value);
		assert_true(read_u32(&r, &what->community));
	}
	if (attribute_find(canonical, ATTRIBUTE_CLUSTER_LIST, &view)) {
		r = reader_of_span(view.value);
		for (size_t i = 0; i < 4 && r.left > 0; i++)
			assert_true(read_u32(&r, &what->clusters[i]));
	}
}

static void hear_update(struct speaker *s, struct span body)
{
	/* To the receiver we are external when it is external to us. */
	const struct attribute_context context = {
		.external = s->parameters.role == ROLE_EXTERNAL,
		.as4 = s->parameters.as4,
		.add_path_receive = s->parameters.add_path_send,
	};
	struct attribute_faults faults = { 0 };
	struct bgp_error error;
	struct update update;
	struct heard what;

	update_parse(body, &context, &update, &faults, &error);
	assert_int_equal(faults.action, ATTRIBUTE_ACCEPT);
	if (update.end_of_rib) {
		s->end_of_rib |= FAMILY_BIT(update.end_of_rib_family);
		s->end_of_ribs++;
		s->at_end_of_rib = s->announcements;
		return;
	}
	assert_true(body.len <= sizeof(s->last));
	memcpy(s->last, body.bytes, body.len);
	s->last_len = body.len;
	hear_field(s, update.withdrawn, FAMILY_IPV4_UNICAST, NULL);
	if (update.has_mp_unreach)
		hear_field(s, update.unreach_nlri, update.unreach_family, NULL);
	if (update.nlri.len > 0) {
		describe(&update, FAMILY_IPV4_UNICAST, NULL, &context, &what);
		hear_field(s, update.nlri, FAMILY_IPV4_UNICAST, &what);
	}
	if (update.has_mp_reach) {
		describe(&update, update.reach_family, &update.reach_next_hop, &context, &what);
		hear_field(s, update.reach_nlri, update.reach_family, &what);
	}
}

static void hear_message(struct speaker *s, const struct message *message)
{
	struct route_refresh refresh;
	struct bgp_error error;

	if (message->type == MESSAGE_ROUTE_REFRESH) {
		assert_true(route_refresh_read(message->body, &refresh, &error));
		assert_true(refresh.subtype < ARRAY_LEN(s->markers));
		s->early_borr |= refresh.subtype == ROUTE_REFRESH_BORR &&
				 !(s->end_of_rib & FAMILY_BIT(refresh.afi == 2));
		s->markers[refresh.subtype]++;
		s->at_marker[refresh.subtype] = s->announcements;
		return;
	}
	assert_int_equal(message->type, MESSAGE_UPDATE);
	hear_update(s, message->body);
}

bool speaker_read(struct speaker *s, size_t most)
{
	struct iovec iov[4];
	struct message message;
	struct bgp_error error;
	size_t sent = 0, used = 0, consumed;
	int n = rib_peer_output(s->peer, iov, (int)ARRAY_LEN(iov));

	assert_in_range(n, 0, ARRAY_LEN(iov));
	for (int i = 0; i < n && sent < most && s->filled < sizeof(s->input); i++) {
		size_t len = iov[i].iov_len;

		assert_true(len > 0);
		if (len > most - sent)
			len = most - sent;
		if (len > sizeof(s->input) - s->filled)
			len = sizeof(s->input) - s->filled;
		memcpy(s->input + s->filled, iov[i].iov_base, len);
		s->filled += len;
		sent += len;
	}
	rib_peer_output_sent(s->peer, sent);
	while (message_frame((struct span){ s->input + used, s->filled - used },
		       s->parameters.extended_message, &message, &consumed,
		       &error) == FRAME_COMPLETE) {
		hear_message(s, &message);
		used += consumed;
	}
	memmove(s->input, s->input + used, s->filled - used);
	s->filled -= used;
	assert_int_equal(rib_peer_output_amid_message(s->peer), s->filled > 0);
	s->ready = n > 0;
	return n > 0;
}

uint64_t fixture_run(struct fixture *f)
{
	f->now += 10000;
	return rib_run(f->rib, f->now, true, 1000);
}

void fixture_settle(struct fixture *f)
{
	bool busy = true;

	for (unsigned turns = 0; busy; turns++) {
		assert_true(turns < 10000);
		busy = fixture_run(f) != UINT64_MAX;
		for (unsigned i = 0; i < SPEAKERS; i++) {
			struct speaker *s = &f->speaker[i];

			/*
			 * Only who was told to: a wake-up that is missing shows as a missing route.
			 */
			while (s->peer != NULL && !s->retained && s->ready && !s->deaf)
				busy |= speaker_read(s, SIZE_MAX);
		}
	}
}

static bool heard_matches(const struct heard *h, const struct prefix *prefix)
{
	return h->there && (prefix == NULL || prefix_equal(&h->prefix, prefix));
}

size_t heard_count(const struct speaker *s, const char *text)
{
	struct prefix prefix;
	size_t n = 0;

	if (text != NULL)
		assert_true(prefix_parse(text, false, &prefix));
	for (size_t i = 0; i < s->n_heard; i++)
		n += heard_matches(&s->heard[i], text != NULL ? &prefix : NULL);
	return n;
}

const struct heard *heard(const struct speaker *s, const char *text)
{
	struct prefix prefix;

	assert_true(heard_count(s, text) <= 1);
	assert_true(prefix_parse(text, false, &prefix));
	for (size_t i = 0; i < s->n_heard; i++) {
		if (heard_matches(&s->heard[i], &prefix))
			return &s->heard[i];
	}
	return NULL;
}

struct rib_peer_counts speaker_counts(const struct speaker *s)
{
	struct rib_peer_counts counts;

	rib_peer_counts(s->peer, &counts);
	return counts;
}

uint64_t dropped(const struct speaker *s, enum drop_reason reason)
{
	return speaker_counts(s).dropped[reason];
}

struct rib_counts fixture_counts(const struct fixture *f)
{
	struct rib_counts counts;

	rib_counts(f->rib, &counts);
	return counts;
}
