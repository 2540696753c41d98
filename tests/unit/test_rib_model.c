/*
 * The whole rib against a model: peers of all kinds come and go, announce, withdraw, ask for
 * refreshes, change their role, lose their session and have another, and read their output in odd
 * pieces, at random but repeatably.
 * Afterwards, with everything read, each peer's table must be what RFC 4456 says it is told. The
 * log limit is so small that peers are taken off the log all the time. What the journal is told
 * meanwhile, in odd pieces too, must be the table in the end.
 */
#include "tests/unit/rib_model.h"

#include <stdlib.h>

#include "tests/unit/rib_mirror.h"

#define OUR_AS	  64512
#define LOG_SMALL 3000

struct model {
	struct rib *rib;
	struct mirror mirrors[2];
	unsigned era; /* which of them: a reflector that is restarted has another */
	struct client clients[PEERS];
	uint64_t now;
	uint64_t random;
	uint32_t next_tag;
	unsigned holds; /* of End-of-RIB, so far ... */
	unsigned hold; /* ... which one it is now; 0: none */
	bool alike; /* nearly all peers are of one update group, and most are slow */
	uint8_t add_path_send; /* of peers that are alike */
	unsigned detached; /* times that a peer was seen catching up */
};

static uint32_t pick(struct model *m, uint32_t below)
{
	m->random = m->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(m->random >> 33) % below;
}

static void output_ready(void *context, struct rib_peer *peer)
{
	struct client *client = peer != NULL ? rib_peer_session(peer) : NULL;

	(void)context;
	if (client != NULL)
		client->ready = true;
}

static void client_up(struct model *m, unsigned i)
{
	struct client *c = &m->clients[i];
	struct rib_peer_parameters *p = &c->parameters;

	memset(c, 0, sizeof(*c));
	*p = (struct rib_peer_parameters){ .address = { .len = 4,
						   .bytes = { 192, 0, 2, (uint8_t)i } },
		.as = OUR_AS,
		.bgp_id = 0xc0000200u + i,
		.role = pick(m, 4) == 0	  ? ROLE_NON_CLIENT
			: pick(m, 5) == 0 ? ROLE_EXTERNAL
					  : ROLE_CLIENT,
		.families = pick(m, 4) ? FAMILIES_ALL : (uint8_t)(1 + pick(m, 2)),
		.as4 = pick(m, 4) != 0,
		.extended_message = pick(m, 2),
		.id = 1 + i,
		.long_lived = pick(m, 3),
		.session = c };
	if (m->alike) {
		p->role = pick(m, 8) ? ROLE_CLIENT : ROLE_NON_CLIENT;
		p->families = FAMILIES_ALL;
		p->as4 = true;
		p->extended_message = false;
		p->long_lived = LONG_LIVED_AS_IS;
	}
	if (p->role == ROLE_EXTERNAL)
		p->as = 65000 + i;
	p->add_path_receive = (uint8_t)pick(m, 4) & p->families;
	p->add_path_send = (uint8_t)(pick(m, 2) ? pick(m, 4) : 0) & p->families;
	if (m->alike)
		p->add_path_send = m->add_path_send;
	c->peer = rib_peer_up(m->rib, p);
	assert_non_null(c->peer);
	assert_ptr_equal(rib_peer_session(c->peer), c);
	c->ready = true;
	c->since = m->hold;
}

/* What the client did not announce again has gone; with `all` what it did too. */
static void forget(struct client *c, enum family family, bool all)
{
	for (unsigned n = 0; n < PREFIXES; n++) {
		for (unsigned id = 0; id < PATHS; id++) {
			if (!all && !c->stale[family][n][id])
				continue;
			c->announced[family][n][id] = 0;
			c->stale[family][n][id] = c->aged[family][n][id] = false;
		}
	}
}

/* All that the client announced is stale. */
static void make_stale(struct client *c, enum family family)
{
	for (unsigned n = 0; n < PREFIXES; n++) {
		for (unsigned id = 0; id < PATHS; id++)
			c->stale[family][n][id] = c->announced[family][n][id] != 0;
	}
}

static void announced(struct client *c, enum family family, unsigned n, unsigned id, uint32_t tag)
{
	c->announced[family][n][id] = tag;
	c->stale[family][n][id] = c->aged[family][n][id] = false;
}

/* Its session has ended: it knows nothing any more. */
static void client_deaf(struct client *c)
{
	memset(c->table, 0, sizeof(c->table));
	c->filled = 0;
	c->end_of_rib = 0;
	c->ready = false;
}

static void client_retain(struct model *m, unsigned i)
{
	struct client *c = &m->clients[i];
	uint8_t families = (uint8_t)(pick(m, 3) ? FAMILIES_ALL : pick(m, 4));

	rib_peer_retain(m->rib, c->peer, families);
	assert_null(rib_peer_session(c->peer));
	client_deaf(c);
	c->retained = true;
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		if (families & FAMILY_BIT(family))
			make_stale(c, family);
		else
			forget(c, family, true);
	}
}

/* It has a session again, and may not be quite the same. */
static void client_resume(struct model *m, unsigned i)
{
	struct client *c = &m->clients[i];
	struct rib_peer_parameters *p = &c->parameters;
	uint8_t families = (uint8_t)(pick(m, 3) ? FAMILIES_ALL : pick(m, 4));

	if (p->role != ROLE_EXTERNAL && pick(m, 3) == 0)
		p->role = p->role == ROLE_CLIENT ? ROLE_NON_CLIENT : ROLE_CLIENT;
	if (pick(m, 4) == 0)
		p->bgp_id ^= 0x1000;
	if (!m->alike) {
		if (pick(m, 4) == 0)
			p->families = (uint8_t)(1 + pick(m, 3));
		p->add_path_send = (uint8_t)(pick(m, 2) ? pick(m, 4) : 0) & p->families;
		p->extended_message = pick(m, 2);
		p->long_lived = pick(m, 3);
	}
	p->add_path_receive = (uint8_t)pick(m, 4) & p->families;
	assert_true(rib_peer_resume(m->rib, c->peer, p, families));
	assert_ptr_equal(rib_peer_session(c->peer), c);
	c->retained = false;
	c->ready = true;
	c->since = m->hold;
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		if (!(families & p->families & FAMILY_BIT(family)))
			forget(c, family, false);
	}
}

static void client_sweep(struct model *m, unsigned i)
{
	enum family family = pick(m, 2);

	rib_stale_sweep(m->rib, m->clients[i].peer, family);
	forget(&m->clients[i], family, false);
}

static bool has_no_llgr(uint32_t tag)
{
	return tag % 5 == 0;
}

static void client_long_lived(struct model *m, unsigned i)
{
	struct client *c = &m->clients[i];
	enum family family = pick(m, 2);

	rib_stale_long_lived(m->rib, c->peer, family);
	for (unsigned n = 0; n < PREFIXES; n++) {
		for (unsigned id = 0; id < PATHS; id++) {
			if (!c->stale[family][n][id])
				continue;
			if (has_no_llgr(c->announced[family][n][id]))
				announced(c, family, n, id, 0);
			else
				c->aged[family][n][id] = true;
		}
	}
}

static void end_of_rib(void *context, struct rib_peer *peer, enum family family)
{
	struct model *m = context;
	struct client *c = rib_peer_session(peer);

	rib_stale_sweep(m->rib, peer, family);
	forget(c, family, false);
}

static void client_end_of_rib(struct model *m, unsigned i)
{
	uint8_t buffer[BGP_MESSAGE_MAX];
	struct writer w = writer_of(buffer, sizeof(buffer));
	struct bgp_error error;

	end_of_rib_write(&w, pick(m, 2));
	assert_true(rib_update(m->rib, m->clients[i].peer,
		(struct span){ buffer + BGP_HEADER_LEN, writer_len(&w) - BGP_HEADER_LEN }, &error));
}

static void hold(struct model *m)
{
	m->hold = m->hold == 0 ? ++m->holds : 0;
	rib_hold_end_of_rib(m->rib, m->hold != 0);
}

static void client_down(struct model *m, unsigned i)
{
	rib_peer_down(m->rib, m->clients[i].peer);
	memset(&m->clients[i], 0, sizeof(m->clients[i]));
}

static void client_move(struct model *m, unsigned i)
{
	struct client *c = &m->clients[i];

	if (c->parameters.role == ROLE_EXTERNAL)
		return;
	c->parameters.role = c->parameters.role == ROLE_CLIENT ? ROLE_NON_CLIENT : ROLE_CLIENT;
	assert_true(rib_peer_move(m->rib, c->peer, &c->parameters));
}

/* Attributes as a peer of this kind would send them, tagged by a community. */
static size_t attributes_write(
	struct writer *w, const struct client *c, uint32_t tag, bool next_hop)
{
	bool external = c->parameters.role == ROLE_EXTERNAL;
	size_t begin = writer_len(w);

	write_bytes(w, "\x40\x01\x01\x00", 4);
	write_u8(w, 0x40);
	write_u8(w, ATTRIBUTE_AS_PATH);
	write_u8(w, external ? (c->parameters.as4 ? 6 : 4) : 0);
	if (external) {
		write_u8(w, 2);
		write_u8(w, 1);
		if (c->parameters.as4)
			write_u32(w, c->parameters.as);
		else
			write_u16(w, (uint16_t)c->parameters.as);
	}
	if (next_hop)
		write_bytes(w, "\x40\x03\x04\xc0\x00\x02\xfe", 7);
	if (!external) {
		write_bytes(w, "\x40\x05\x04\x00\x00\x00", 6);
		write_u8(w, (uint8_t)(100 + tag % 3));
	}
	write_u8(w, 0xc0);
	write_u8(w, ATTRIBUTE_COMMUNITIES);
	write_u8(w, has_no_llgr(tag) ? 8 : 4);
	write_u32(w, tag);
	if (has_no_llgr(tag))
		write_u32(w, COMMUNITY_NO_LLGR);
	return writer_len(w) - begin;
}

static void client_update(struct model *m, unsigned i, bool announce)
{
	struct client *c = &m->clients[i];
	enum family family = pick(m, 2);
	bool add_path = c->parameters.add_path_receive & FAMILY_BIT(family);
	uint32_t tag = announce ? m->next_tag++ : 0;
	uint8_t buffer[4096], attributes[256];
	struct writer w = writer_of(buffer, sizeof(buffer));
	struct writer a = writer_of(attributes, sizeof(attributes));
	uint8_t next_hop[16] = { 0xfd, [15] = 1 };
	struct update_builder b;
	struct bgp_error error;
	unsigned first = pick(m, PREFIXES), n = 1 + pick(m, 10);

	if (!(c->parameters.families & FAMILY_BIT(family)))
		return;
	attributes_write(&a, c, tag, family == FAMILY_IPV4_UNICAST);
	if (announce)
		assert_true(update_begin_reach(&b, &w, 4096, family, add_path,
			(struct span){ next_hop, 16 },
			(struct span){ attributes, writer_len(&a) }));
	else
		assert_true(update_begin_unreach(&b, &w, 4096, family, add_path));
	for (unsigned k = first; k < first + n && k < PREFIXES; k++) {
		unsigned id = add_path ? pick(m, PATHS) : 0;
		struct prefix prefix = prefix_of(family, k);

		assert_true(update_add(&b, &prefix, id));
		announced(c, family, k, id, tag);
	}
	update_end(&b);
	assert_true(rib_update(m->rib, c->peer,
		(struct span){ buffer + BGP_HEADER_LEN, writer_len(&w) - BGP_HEADER_LEN }, &error));
}

static void run(struct model *m)
{
	m->now += pick(m, 4000);
	rib_run(m->rib, m->now, pick(m, 2), 1 + pick(m, 50));
}

static void client_send(
	struct model *m, unsigned i, enum family family, unsigned k, unsigned id, uint32_t tag)
{
	struct client *c = &m->clients[i];
	uint8_t buffer[4096], attributes[256];
	struct writer w = writer_of(buffer, sizeof(buffer));
	struct writer a = writer_of(attributes, sizeof(attributes));
	uint8_t next_hop[16] = { 0xfd, [15] = 1 };
	struct prefix prefix = prefix_of(family, k);
	struct update_builder b;
	struct bgp_error error;

	announced(c, family, k, id, tag);
	attributes_write(&a, c, tag, family == FAMILY_IPV4_UNICAST);
	assert_true(update_begin_reach(&b, &w, 4096, family,
		c->parameters.add_path_receive & FAMILY_BIT(family), (struct span){ next_hop, 16 },
		(struct span){ attributes, writer_len(&a) }));
	assert_true(update_add(&b, &prefix, id));
	update_end(&b);
	assert_true(rib_update(m->rib, c->peer,
		(struct span){ buffer + BGP_HEADER_LEN, writer_len(&w) - BGP_HEADER_LEN }, &error));
}

/* Without path IDs the client cannot name what it announced in a session with them. */
static bool can_send(const struct client *c, enum family family, unsigned id)
{
	return id == 0 || (c->parameters.add_path_receive & FAMILY_BIT(family));
}

/* The peer sends its routes of a family again between BoRR and EoRR, some of them not. */
static void client_resend(struct model *m, unsigned i)
{
	struct client *c = &m->clients[i];
	enum family family = pick(m, 2);

	if (!(c->parameters.families & FAMILY_BIT(family)))
		return;
	rib_refresh_begins(m->rib, c->peer, family);
	for (unsigned k = 0; k < PREFIXES; k++) {
		for (unsigned id = 0; id < PATHS; id++) {
			uint32_t tag = c->announced[family][k][id];

			if (tag == 0)
				continue;
			if (pick(m, 3) == 0 || !can_send(c, family, id))
				announced(c, family, k, id, 0);
			else
				client_send(m, i, family, k, id, tag);
		}
	}
	if (pick(m, 2))
		run(m);
	rib_refresh_ends(m->rib, c->peer, family);
}

/* What befalls a client without a session. */
static void step_retained(struct model *m, unsigned i)
{
	switch (pick(m, 16)) {
	case 0: client_down(m, i); break;
	case 1: client_sweep(m, i); break;
	case 2 ... 3: client_long_lived(m, i); break;
	case 4: client_move(m, i); break;
	case 5 ... 8: client_resume(m, i); break;
	default: run(m);
	}
}

static void step(struct model *m)
{
	unsigned i = pick(m, PEERS);
	struct client *c = &m->clients[i];
	struct rib_peer_counts counts;

	if (c->peer == NULL) {
		if (pick(m, 3) == 0)
			client_up(m, i);
		return;
	}
	if (c->retained) {
		step_retained(m, i);
		return;
	}
	rib_peer_counts(c->peer, &counts);
	m->detached += strcmp(counts.output_state, "detached") == 0;
	switch (pick(m, 38)) {
	case 0: client_down(m, i); break;
	case 1: assert_true(rib_refresh(m->rib, c->peer, pick(m, 2), pick(m, 2))); break;
	case 2:
		for (unsigned n = m->alike ? 1 + pick(m, 6) : 1; n > 0; n--, i = (i + 1) % PEERS) {
			if (m->clients[i].peer != NULL)
				client_move(m, i);
		}
		break;
	case 31: client_resend(m, i); break;
	case 32: client_retain(m, i); break;
	case 33: client_sweep(m, i); break;
	case 34: client_long_lived(m, i); break;
	case 35: client_end_of_rib(m, i); break;
	case 36: hold(m); break;
	case 3 ... 5: client_update(m, i, false); break;
	case 6 ... 18: client_update(m, i, true); break;
	case 19 ... 21: run(m); break;
	case 22: mirror_take(&m->mirrors[m->era], pick(m, 50)); break;
	default:
		/* every fourth peer is slow, or where all are alike every fourth is not */
		if ((i % 4 == 0) == m->alike || pick(m, 8) == 0)
			client_read(c, 1 + pick(m, 700));
	}
}

static void settle(struct model *m)
{
	bool busy = true;

	while (busy) {
		m->now += 10000;
		busy = rib_run(m->rib, m->now, true, 1000) != UINT64_MAX;
		for (unsigned i = 0; i < PEERS; i++) {
			/*
			 * Only who was told to: a wake-up that is missing shows as a missing route.
			 */
			while (m->clients[i].peer != NULL && m->clients[i].ready) {
				if (client_read(&m->clients[i], 5000))
					busy = true;
			}
		}
	}
}

/* The best paths, as the rib says: the decision has tests of its own. */
struct best {
	uint32_t tag;
	uint32_t bgp_id;
	bool found;
};

struct best_walk {
	enum family family;
	struct best (*best)[PREFIXES];
	unsigned visited;
};

static void visit_best(void *context, const struct rib_path_view *path)
{
	struct best_walk *walk = context;
	struct attribute_view view;
	int n = prefix_number(&path->prefix);
	struct best *best;
	struct reader r;

	assert_true(n >= 0);
	assert_true(path->best);
	best = &walk->best[walk->family][n];
	assert_false(best->found);
	assert_true(attribute_find(path->attributes, ATTRIBUTE_COMMUNITIES, &view));
	r = reader_of_span(view.value);
	assert_true(read_u32(&r, &best->tag));
	best->bgp_id = path->peer_bgp_id;
	best->found = true;
	walk->visited++;
}

static bool told(const struct client *to, const struct client *from, bool aged)
{
	/* RFC 9494 sections 4.3 and 4.6 */
	if (aged && (to->parameters.long_lived == LONG_LIVED_NEVER ||
			    (to->parameters.long_lived == LONG_LIVED_LEAST &&
				    to->parameters.role == ROLE_EXTERNAL)))
		return false;
	return to != from && !(to->parameters.role == ROLE_NON_CLIENT &&
				     from->parameters.role == ROLE_NON_CLIENT);
}

static void check_received(
	const struct client *to, const struct client *from, const struct received *got, bool aged)
{
	bool internal = to->parameters.role != ROLE_EXTERNAL &&
			from->parameters.role != ROLE_EXTERNAL;

	assert_non_null(got);
	assert_int_equal(got->originator, internal ? from->parameters.bgp_id : 0);
	assert_int_equal(got->has_cluster_list, internal);
	assert_int_equal((got->flags & ATTR_LLGR_STALE) != 0, aged);
	if (aged && to->parameters.long_lived == LONG_LIVED_LEAST) {
		assert_true(got->flags & ATTR_NO_EXPORT);
		assert_int_equal(got->local_pref, 0);
	}
}

static void check_prefix(
	struct model *m, struct client *to, enum family family, unsigned n, const struct best *best)
{
	bool add_path = to->parameters.add_path_send & FAMILY_BIT(family);
	unsigned expected = 0;

	if (!(to->parameters.families & FAMILY_BIT(family))) {
		assert_int_equal(count_tags(to, family, n), 0);
		return;
	}
	for (unsigned k = 0; k < PEERS; k++) {
		struct client *from = &m->clients[k];

		if (from->peer == NULL)
			continue;
		for (unsigned id = 0; id < PATHS; id++) {
			uint32_t tag = from->announced[family][n][id];

			bool aged = from->aged[family][n][id];

			if (tag == 0 || !told(to, from, aged) ||
				(!add_path && !(best->found && best->tag == tag &&
						      best->bgp_id == from->parameters.bgp_id)))
				continue;
			check_received(to, from, find_tag(to, family, n, tag), aged);
			expected++;
		}
	}
	assert_int_equal(count_tags(to, family, n), expected);
}

/* What `show peers` says must be what the peers have. */
static void check_counts(struct model *m)
{
	uint64_t best[FAMILY_COUNT] = { 0 };
	struct rib_counts all;

	rib_counts(m->rib, &all);
	for (unsigned i = 0; i < PEERS; i++) {
		const struct client *c = &m->clients[i];
		struct rib_peer_counts counts;

		if (c->peer == NULL)
			continue;
		rib_peer_counts(c->peer, &counts);
		for (enum family family = 0; family < FAMILY_COUNT; family++) {
			unsigned has = 0, known = 0, stale = 0;

			for (unsigned n = 0; n < PREFIXES; n++) {
				has += count_tags(c, family, n);
				for (unsigned id = 0; id < PATHS; id++) {
					known += c->announced[family][n][id] != 0;
					stale += c->stale[family][n][id];
				}
			}
			assert_int_equal(counts.advertised[family], has);
			assert_int_equal(counts.paths[family], known);
			assert_int_equal(rib_stale_count(c->peer, family), stale);
			best[family] += counts.best[family];
		}
	}
	for (enum family family = 0; family < FAMILY_COUNT; family++)
		assert_int_equal(best[family], all.prefixes[family]);
}

static void check(struct model *m)
{
	struct best best[FAMILY_COUNT][PREFIXES] = { 0 };

	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		struct best_walk context = { family, best, 0 };
		struct rib_walk walk = { .kind = RIB_WALK_BEST, .family = family };
		struct rib_counts counts;

		while (!walk.finished)
			rib_walk(m->rib, &walk, 7, visit_best, &context);
		rib_counts(m->rib, &counts);
		assert_int_equal(counts.prefixes[family], context.visited);
		for (unsigned n = 0; n < PREFIXES; n++) {
			bool any = false;

			for (unsigned i = 0; i < PEERS; i++) {
				for (unsigned id = 0; id < PATHS; id++)
					any |= m->clients[i].announced[family][n][id] != 0;
			}
			assert_int_equal(best[family][n].found, any);
			for (unsigned i = 0; i < PEERS; i++) {
				if (m->clients[i].peer != NULL && !m->clients[i].retained)
					check_prefix(
						m, &m->clients[i], family, n, &best[family][n]);
			}
		}
	}
	check_counts(m);
	mirror_check(&m->mirrors[m->era]);
	for (unsigned i = 0; i < PEERS; i++) {
		const struct client *c = &m->clients[i];

		if (c->peer == NULL || c->retained)
			continue;
		if (m->hold == 0)
			assert_int_equal(c->end_of_rib, c->parameters.families);
		else if (c->since == m->hold)
			assert_int_equal(c->end_of_rib, 0);
	}
}

/* A client whose session ended with the old reflector is back: some of what it had it has still. */
static void client_back(struct model *m, unsigned i)
{
	struct client *c = &m->clients[i];

	c->peer = mirror_peer(m->rib, c->parameters.id);
	assert_non_null(c->peer);
	for (enum family family = 0; family < FAMILY_COUNT; family++)
		make_stale(c, family);
	if (c->retained)
		return;
	if (pick(m, 5) == 0) {
		client_down(m, i);
		return;
	}
	client_deaf(c);
	c->ready = true;
	c->since = 0;
	if (pick(m, 2))
		run(m);
	assert_true(rib_peer_resume(m->rib, c->peer, &c->parameters, c->parameters.families));
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		for (unsigned n = 0; n < PREFIXES * PATHS; n++) {
			uint32_t *tag = &c->announced[family][n / PATHS][n % PATHS];

			if (*tag == 0)
				continue;
			if (pick(m, 3) == 0)
				*tag = pick(m, 2) ? m->next_tag++ : 0;
			if (*tag != 0 && can_send(c, family, n % PATHS))
				client_send(m, i, family, n / PATHS, n % PATHS, *tag);
		}
		rib_stale_sweep(m->rib, c->peer, family);
		forget(c, family, false);
	}
}

/*
 * The reflector is killed and started again: what is restored from the journal is the same table,
 * and with `stay` all goes on from there.
 */
static void restart(struct model *m, const struct rib_parameters *parameters, bool stay)
{
	struct mirror *old = &m->mirrors[m->era], *restored = &m->mirrors[!m->era];
	struct rib *rib = mirror_restore(old, parameters, restored);

	mirror_same(m->rib, rib);
	if (!stay) {
		mirror_free_restored(restored);
		return;
	}
	for (unsigned i = 0; i < PEERS; i++) {
		if (m->clients[i].peer != NULL)
			rib_peer_down(m->rib, m->clients[i].peer);
	}
	mirror_end(old);
	rib_free(m->rib);
	m->rib = rib;
	m->era = !m->era;
	m->hold = 0;
	for (unsigned i = 0; i < PEERS; i++) {
		if (m->clients[i].peer != NULL)
			client_back(m, i);
	}
	settle(m);
	check(m);
}

static void run_model(
	uint64_t seed, size_t log_limit, unsigned rounds, bool alike, unsigned *detached)
{
	static const uint8_t key[16] = "a key for a test";
	static struct model m;
	struct rib_parameters parameters = { .as = OUR_AS,
		.router_id = 0x0a000001,
		.cluster_id = 0x0a000001,
		.log_limit = log_limit,
		.callbacks = {
			.output_ready = output_ready, .end_of_rib = end_of_rib, .context = &m } };
	struct rib_counts counts;

	memset(&m, 0, sizeof(m));
	m.random = seed;
	m.alike = alike;
	m.add_path_send = seed % 3 == 0 ? FAMILIES_ALL : 0;
	m.next_tag = 1;
	m.rib = rib_new(&parameters, key);
	assert_non_null(m.rib);
	mirror_begin(&m.mirrors[m.era], m.rib, NULL);
	for (unsigned round = 0; round < rounds; round++) {
		for (unsigned i = 0; i < 300; i++)
			step(&m);
		settle(&m);
		check(&m);
		restart(&m, &parameters, round % 3 == 1);
	}
	for (unsigned i = 0; i < PEERS; i++) {
		if (m.clients[i].peer != NULL)
			client_down(&m, i);
	}
	settle(&m);
	rib_counts(m.rib, &counts);
	assert_int_equal(counts.prefixes[0] + counts.prefixes[1], 0);
	assert_int_equal(counts.paths[0] + counts.paths[1], 0);
	assert_int_equal(counts.groups, 0);
	mirror_check(&m.mirrors[m.era]);
	mirror_end(&m.mirrors[m.era]);
	rib_free(m.rib);
	*detached += m.detached;
}

static void test_random_small_log(void **state)
{
	unsigned detached = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++)
		run_model(seed * 7919, LOG_SMALL, 8, false, &detached);
	assert_true(detached > 100);
}

/* Slow peers of one group, which catch up together. */
static void test_random_alike(void **state)
{
	unsigned detached = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++)
		run_model(seed * 15485863, LOG_SMALL, 8, true, &detached);
	assert_true(detached > 100);
}

static void test_random_default_log(void **state)
{
	unsigned detached = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++)
		run_model(seed * 104729, 0, 8, false, &detached);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_small_log),
		cmocka_unit_test(test_random_alike),
		cmocka_unit_test(test_random_default_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
