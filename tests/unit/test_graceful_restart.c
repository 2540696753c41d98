/*
 * rr/graceful_restart.c: whose paths stay when a session is over, and until when. Sessions are made
 * by hand, without a connection; the clock is the argument of the ticks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

#include "rr/peer.h"
#include "rr/state.h"
#include "rr/stopping.h"

#define BOTH  (FAMILY_BIT(FAMILY_IPV4_UNICAST) | FAMILY_BIT(FAMILY_IPV6_UNICAST))
#define IPV4  FAMILY_BIT(FAMILY_IPV4_UNICAST)
#define PEERS 3

struct fixture {
	struct reflector reflector;
	struct peer *peer[PEERS];
	FILE *null;
};

/* A group with LLGR for IPv4, 100 s; our restart time is 50 s. */
static const char text[] =
	"router: { as: 64512, id: 10.0.0.1, restart-time: 50 }\n"
	"groups:\n"
	"  a: { dynamic: [192.0.2.0/24], long-lived-graceful-restart: { ipv4-unicast: 100 } }\n"
	"  b: { graceful-restart: false }\n"
	"  c: { families: [ipv4-unicast] }\n"
	"journal: { path: /nonexistent }\n";

static int begin(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	char name[] = "192.0.2.1";

	f->null = fopen("/dev/null", "w");
	f->reflector.config = config_parse("t", text, strlen(text), stderr);
	f->reflector.log = (struct log){ f->null, LOG_DEBUG, LOG_TEXT };
	f->reflector.started = monotonic_us();
	assert_non_null(f->reflector.config);
	TAILQ_INIT(&f->reflector.ready);
	TAILQ_INIT(&f->reflector.dead);
	f->reflector.rib = reflector_rib_new(&f->reflector, f->reflector.config);
	for (int i = 0; i < PEERS; i++, name[8]++) {
		struct ip_address address;

		assert_true(ip_address_parse(name, &address));
		f->peer[i] = peer_new(
			&f->reflector, &address, &f->reflector.config->groups[0], NULL);
		assert_true(peers_add(&f->reflector.peers, f->peer[i]));
	}
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	peers_free(&f->reflector.peers);
	rib_free(f->reflector.rib);
	config_free(f->reflector.config);
	fclose(f->null);
	free(f);
	return 0;
}

/* What a peer says of Graceful Restart; `time` of the long form is of IPv4 alone. */
struct says {
	uint8_t families, forwarding;
	uint16_t time;
	bool absent, restarting, notification;
	uint32_t long_time;
	bool long_forwarding;
};

static void offer_with_journal(struct peer *peer, struct capabilities *capabilities)
{
	/* That there is one is all that counts. */
	peer->reflector->journal = (struct journal *)peer;
	graceful_restart_offer(peer, capabilities);
	peer->reflector->journal = NULL;
}

static struct session *up(struct fixture *f, int n, struct says says)
{
	struct peer *peer = f->peer[n];
	struct session *session = session_new(peer, true);
	struct rib_peer_parameters parameters;
	struct bgp_error error;

	session->ours = (struct open){ .version = 4,
		.as = 64512,
		.bgp_id = 0x0a000001,
		.capabilities = { .multiprotocol = true, .families = peer->group->families } };
	offer_with_journal(peer, &session->ours.capabilities);
	session->theirs = (struct open){ .version = 4,
		.as = 64512,
		.bgp_id = 0x0a000100u + (unsigned)n,
		.capabilities = { .multiprotocol = true, .families = BOTH } };
	session->theirs.capabilities.graceful_restart.present = !says.absent;
	session->theirs.capabilities.graceful_restart.families = says.families;
	session->theirs.capabilities.graceful_restart.forwarding = says.forwarding;
	session->theirs.capabilities.graceful_restart.time = says.time;
	session->theirs.capabilities.graceful_restart.restarting = says.restarting;
	session->theirs.capabilities.graceful_restart.notification = says.notification;
	if (says.long_time > 0) {
		session->theirs.capabilities.long_lived.present = true;
		session->theirs.capabilities.long_lived.families = IPV4;
		session->theirs.capabilities.long_lived.forwarding = says.long_forwarding ? IPV4
											  : 0;
		session->theirs.capabilities.long_lived.time[FAMILY_IPV4_UNICAST] = says.long_time;
	}
	assert_true(open_negotiate(
		&session->ours, &session->theirs, 64512, &session->negotiated, &error));
	session->state = FSM_ESTABLISHED;
	peer->incoming = session;
	session_rib_parameters(session, &parameters);
	assert_true(graceful_restart_up(session, &parameters));
	peer->established_count++;
	return session;
}

static void lose(struct fixture *f, int n, struct session_loss loss)
{
	struct session *session = f->peer[n]->incoming;

	graceful_restart_lost(session, &loss);
	assert_null(session->rib_peer);
	session->state = FSM_IDLE;
	session_free(session);
	f->peer[n]->incoming = NULL;
}

static void settle(struct fixture *f)
{
	for (int i = 0; i < 1000; i++)
		rib_run(f->reflector.rib, monotonic_us(), true, 100000);
}

static void give(struct fixture *f, int n, const uint8_t *bytes, size_t len)
{
	struct session *session = f->peer[n]->incoming;
	struct bgp_error error;

	assert_true(rib_update(
		f->reflector.rib, session->rib_peer, (struct span){ bytes, len }, &error));
	f->peer[n]->messages_received[MESSAGE_UPDATE]++;
	settle(f);
}

/* 10.x.0.0/16, and its IPv6 fellow 2001:x::/32 where `ipv6`. */
static void announce(struct fixture *f, int n, uint8_t x, bool ipv6)
{
	const uint8_t ipv4_update[] = { 0, 0, 0, 21, 0x40, 1, 1, 0, 0x40, 2, 0, 0x40, 3, 4, 192, 0,
		2, 200, 0x40, 5, 4, 0, 0, 0, 100, 16, 10, x };
	const uint8_t ipv6_update[] = { 0, 0, 0, 14 + 29, 0x80, 14, 26, 0, 2, 1, 16, 0xfd, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 32, 0x20, 1, 0, x, 0x40, 1, 1, 0, 0x40, 2, 0,
		0x40, 5, 4, 0, 0, 0, 100 };

	if (ipv6)
		give(f, n, ipv6_update, sizeof ipv6_update);
	else
		give(f, n, ipv4_update + 0, sizeof ipv4_update);
}

static void end_of_rib(struct fixture *f, int n, enum family family)
{
	static const uint8_t ipv4_update[] = { 0, 0, 0, 0 };
	static const uint8_t ipv6_update[] = { 0, 0, 0, 6, 0x80, 15, 3, 0, 2, 1 };

	if (family == FAMILY_IPV4_UNICAST)
		give(f, n, ipv4_update, sizeof ipv4_update);
	else
		give(f, n, ipv6_update, sizeof ipv6_update);
}

/* The paths that the table has. */
static uint64_t paths(struct fixture *f, enum family family)
{
	struct rib_counts counts;

	settle(f);
	rib_counts(f->reflector.rib, &counts);
	return counts.paths[family];
}

#define assert_paths(f, ipv4, ipv6)                                    \
	do {                                                           \
		assert_int_equal(paths(f, FAMILY_IPV4_UNICAST), ipv4); \
		assert_int_equal(paths(f, FAMILY_IPV6_UNICAST), ipv6); \
	} while (0)

static void tick(struct fixture *f, int n, unsigned seconds)
{
	graceful_restart_tick(f->peer[n], monotonic_us() + seconds * SECOND_US);
}

static const struct says gracious = { .families = BOTH, .forwarding = BOTH, .time = 30 };

static struct session *up_with_paths(struct fixture *f, int n, struct says says)
{
	struct session *session = up(f, n, says);

	announce(f, n, 1, false);
	announce(f, n, 2, false);
	announce(f, n, 1, true);
	end_of_rib(f, n, FAMILY_IPV4_UNICAST);
	end_of_rib(f, n, FAMILY_IPV6_UNICAST);
	return session;
}

static void test_which_loss(void **state)
{
	static const struct {
		struct says says;
		struct session_loss loss;
		unsigned ipv4, ipv6;
	} rows[] = {
		{ { .families = BOTH, .time = 30 }, { 0 }, 2, 1 },
		{ { .families = IPV4, .time = 30 }, { 0 }, 2, 0 },
		{ { .families = 0, .time = 30 }, { 0 }, 0, 0 },
		{ { .families = BOTH, .time = 0 }, { 0 }, 0, 0 },
		{ { .absent = true }, { 0 }, 0, 0 },
		/* RFC 4724 section 4, RFC 8538 section 4 */
		{ { .families = BOTH, .time = 30 }, { .notification = true }, 0, 0 },
		{ { .families = BOTH, .time = 30, .notification = true }, { .notification = true },
			2, 1 },
		{ { .families = BOTH, .time = 30, .notification = true },
			{ .notification = true, .hard = true }, 0, 0 },
		{ { .families = BOTH, .time = 30 }, { .hard = true }, 0, 0 },
		/* RFC 9494: without a restart time, or without the family in the short form */
		{ { .families = BOTH, .time = 0, .long_time = 9 }, { 0 }, 2, 0 },
		{ { .families = 0, .time = 30, .long_time = 9 }, { 0 }, 2, 0 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct fixture *f;

		begin((void **)&f);
		up_with_paths(f, 0, rows[i].says);
		lose(f, 0, rows[i].loss);
		assert_paths(f, rows[i].ipv4, rows[i].ipv6);
		assert_int_equal(f->peer[0]->graceful_restart.retained != NULL, rows[i].ipv4 != 0);
		assert_int_equal(peer_forgettable(f->peer[0], monotonic_us() + 1000 * SECOND_US),
			rows[i].ipv4 == 0);
		end((void **)&f);
	}
	(void)state;
}

static void test_restart_time(void **state)
{
	struct fixture *f = *state;
	struct stale_view view;

	up_with_paths(f, 0, gracious);
	lose(f, 0, (struct session_loss){ 0 });
	graceful_restart_view(f->peer[0], monotonic_us(), &view);
	assert_int_equal(view.paths[FAMILY_IPV4_UNICAST], 2);
	assert_int_equal(view.seconds, 30);
	tick(f, 0, 29);
	assert_paths(f, 2, 1);
	tick(f, 0, 30);
	assert_paths(f, 0, 0);
	assert_null(f->peer[0]->graceful_restart.retained);
	graceful_restart_view(f->peer[0], monotonic_us(), &view);
	assert_int_equal(view.families, 0);
}

static void test_back(void **state)
{
	struct fixture *f = *state;

	up_with_paths(f, 0, gracious);
	lose(f, 0, (struct session_loss){ 0 });
	up(f, 0, gracious);
	announce(f, 0, 1, false);
	announce(f, 0, 3, false);
	tick(f, 0, 49);
	assert_paths(f, 3, 1);
	end_of_rib(f, 0, FAMILY_IPV4_UNICAST);
	assert_paths(f, 2, 1);
	tick(f, 0, 50); /* our restart-time bounds the wait for the other family */
	assert_paths(f, 2, 0);
	tick(f, 0, 500);
	assert_paths(f, 2, 0);
}

static void refresh_marker(struct fixture *f, int n, uint8_t subtype)
{
	const uint8_t body[] = { 0, 1, subtype, 1 };
	struct message message = { .type = MESSAGE_ROUTE_REFRESH, .body = SPAN(body) };

	f->peer[n]->incoming->negotiated.enhanced_route_refresh = true;
	session_message(f->peer[n]->incoming, &message);
}

/* RFC 7313 section 4: a BoRR counts behind the End-of-RIB that the peer promises. */
static void test_early_refresh(void **state)
{
	struct fixture *f = *state;

	up_with_paths(f, 0, gracious);
	lose(f, 0, (struct session_loss){ 0 });
	up(f, 0, gracious);
	announce(f, 0, 1, false);
	refresh_marker(f, 0, ROUTE_REFRESH_BORR);
	refresh_marker(f, 0, ROUTE_REFRESH_EORR);
	assert_paths(f, 2, 1);
	announce(f, 0, 2, false);
	end_of_rib(f, 0, FAMILY_IPV4_UNICAST);
	assert_paths(f, 2, 1);
	refresh_marker(f, 0, ROUTE_REFRESH_BORR);
	announce(f, 0, 2, false);
	refresh_marker(f, 0, ROUTE_REFRESH_EORR);
	assert_paths(f, 1, 1);
	/* Who promises none is not waited for. */
	up(f, 1, (struct says){ .absent = true });
	announce(f, 1, 7, false);
	refresh_marker(f, 1, ROUTE_REFRESH_BORR);
	refresh_marker(f, 1, ROUTE_REFRESH_EORR);
	assert_paths(f, 1, 1);
}

static void test_not_preserved(void **state)
{
	struct fixture *f = *state;
	struct says says = gracious;

	up_with_paths(f, 0, gracious);
	lose(f, 0, (struct session_loss){ 0 });
	says.forwarding = IPV4;
	up(f, 0, says);
	assert_paths(f, 2, 0);
	end_of_rib(f, 0, FAMILY_IPV4_UNICAST);
	up_with_paths(f, 1, gracious);
	lose(f, 1, (struct session_loss){ 0 });
	says.forwarding = BOTH;
	says.families = 0;
	up(f, 1, says);
	assert_paths(f, 0, 0);
	up_with_paths(f, 2, gracious);
	lose(f, 2, (struct session_loss){ 0 });
	up(f, 2, (struct says){ .absent = true });
	assert_paths(f, 0, 0);
}

static void test_consecutive(void **state)
{
	struct fixture *f = *state;
	struct says says = gracious;

	up_with_paths(f, 0, gracious);
	lose(f, 0, (struct session_loss){ 0 });
	up(f, 0, gracious);
	announce(f, 0, 1, false);
	assert_paths(f, 2, 1);
	lose(f, 0, (struct session_loss){ 0 });
	assert_paths(f, 1, 0); /* what was stale before is deleted */
	graceful_restart_drop(f->peer[0]);

	says.notification = true;
	up_with_paths(f, 1, says);
	lose(f, 1, (struct session_loss){ 0 });
	up(f, 1, says);
	announce(f, 1, 1, false);
	lose(f, 1, (struct session_loss){ .notification = true });
	assert_paths(f, 2, 1); /* RFC 8538 section 4.1: it is not */
	/* But not without end. */
	f->peer[1]->graceful_restart.bound = monotonic_us() + 20 * SECOND_US;
	up(f, 1, says);
	tick(f, 1, 19);
	assert_paths(f, 2, 1);
	lose(f, 1, (struct session_loss){ .notification = true });
	tick(f, 1, 19);
	assert_paths(f, 2, 1);
	tick(f, 1, 20);
	assert_paths(f, 0, 0);
	up_with_paths(f, 2, says);
	lose(f, 2, (struct session_loss){ .notification = true });
	f->peer[2]->graceful_restart.bound = monotonic_us() + 20 * SECOND_US;
	up(f, 2, says);
	tick(f, 2, 20);
	assert_paths(f, 0, 0);
}

static const struct says patient = {
	.families = BOTH, .forwarding = BOTH, .time = 30, .long_time = 1000, .long_forwarding = true
};

static void test_long_lived(void **state)
{
	struct fixture *f = *state;
	struct graceful_restart *restart = &f->peer[0]->graceful_restart;

	up_with_paths(f, 0, patient);
	lose(f, 0, (struct session_loss){ 0 });
	assert_int_equal(restart->long_lived_until[FAMILY_IPV4_UNICAST], 0);
	tick(f, 0, 30);
	assert_true(restart->long_lived_until[FAMILY_IPV4_UNICAST] <=
		    monotonic_us() + 130 * SECOND_US); /* 100 s are the most that we grant */
	assert_paths(f, 2, 0);
	tick(f, 0, 99);
	assert_paths(f, 2, 0);
	/* Back: what it announces is as ever, the rest waits for End-of-RIB. */
	up(f, 0, patient);
	announce(f, 0, 1, false);
	assert_paths(f, 2, 0);
	tick(f, 0, 50);
	assert_paths(f, 1, 0);
}

static void test_long_lived_again(void **state)
{
	struct fixture *f = *state;
	struct graceful_restart *restart = &f->peer[0]->graceful_restart;
	uint64_t until;

	up_with_paths(f, 0, patient);
	lose(f, 0, (struct session_loss){ 0 });
	tick(f, 0, 30);
	until = restart->long_lived_until[FAMILY_IPV4_UNICAST];
	up(f, 0, patient);
	announce(f, 0, 1, false);
	lose(f, 0, (struct session_loss){ 0 });
	assert_paths(f, 2, 0);
	assert_int_equal(restart->long_lived_until[FAMILY_IPV4_UNICAST], until);
	tick(f, 0, 31); /* its restart time again */
	assert_int_equal(restart->long_lived_until[FAMILY_IPV4_UNICAST], until);
	assert_paths(f, 2, 0);
	graceful_restart_tick(f->peer[0], until);
	assert_paths(f, 0, 0);

	/* Back without the F bit of the long form, or without the form: nothing stays. */
	for (int n = 1; n < 3; n++) {
		struct says says = patient;

		up_with_paths(f, n, patient);
		lose(f, n, (struct session_loss){ 0 });
		tick(f, n, 30);
		assert_paths(f, 2, 0);
		says.long_forwarding = false;
		says.long_time = n == 1 ? 1000 : 0;
		up(f, n, says);
		assert_paths(f, 0, 0);
	}
}

static void test_drop_and_regroup(void **state)
{
	struct fixture *f = *state;

	up_with_paths(f, 0, gracious);
	lose(f, 0, (struct session_loss){ 0 });
	f->peer[0]->group = &f->reflector.config->groups[2];
	graceful_restart_regroup(f->peer[0]);
	assert_paths(f, 2, 0);
	peer_stop(f->peer[0], CEASE_CONFIG_CHANGE, NULL, ENDING_GRACEFUL, false);
	assert_paths(f, 2, 0);
	peer_stop(f->peer[0], CEASE_ADMIN_RESET, NULL, ENDING_HARD, false);
	assert_paths(f, 0, 0);
}

static void test_stopping(void **state)
{
	struct fixture *f = *state;

	up_with_paths(f, 0, (struct says){ .absent = true });
	f->reflector.stopping = STOPPING_CLOSE;
	lose(f, 0, (struct session_loss){ .notification = true, .hard = true });
	tick(f, 0, 1000);
	assert_paths(f, 2, 1); /* for the journal */
}

/* Whoever ends a reflector that is about to begin anew has it end. */
static void test_end_of_a_restart(void **state)
{
	struct fixture *f = *state;

	stopping_begin(&f->reflector, STOPPING_TO_RESTART, NULL);
	assert_int_equal(f->reflector.stopping, STOPPING_CLOSE);
	assert_true(reflector_restarts(&f->reflector));
	stopping_begin(&f->reflector, STOPPING_TO_TERMINATE, NULL);
	assert_false(reflector_restarts(&f->reflector));
	assert_int_equal(f->reflector.stopping, STOPPING_CLOSE);
	stopping_begin(&f->reflector, STOPPING_TO_RESTART, NULL);
	assert_false(reflector_restarts(&f->reflector));
}

static void test_offer(void **state)
{
	struct fixture *f = *state;
	struct capabilities c = { 0 };

	offer_with_journal(f->peer[0], &c);
	assert_true(c.graceful_restart.present && c.graceful_restart.notification);
	assert_false(c.graceful_restart.restarting);
	assert_int_equal(c.graceful_restart.time, 50);
	assert_int_equal(c.graceful_restart.families, BOTH);
	assert_int_equal(c.graceful_restart.forwarding, 0); /* a cold start */
	assert_int_equal(c.long_lived.families, IPV4);
	assert_int_equal(c.long_lived.time[FAMILY_IPV4_UNICAST], 100);
	assert_int_equal(c.long_lived.forwarding, 0);
	f->peer[0]->established_count = 1;
	c = (struct capabilities){ 0 };
	offer_with_journal(f->peer[0], &c);
	assert_int_equal(c.graceful_restart.forwarding, BOTH);
	assert_int_equal(c.long_lived.forwarding, IPV4);
	/* Without a journal we only help others. */
	c = (struct capabilities){ 0 };
	graceful_restart_offer(f->peer[0], &c);
	assert_true(c.graceful_restart.present && c.long_lived.present);
	assert_int_equal(c.graceful_restart.families | c.long_lived.families, 0);
	f->peer[0]->group = &f->reflector.config->groups[1];
	c = (struct capabilities){ 0 };
	graceful_restart_offer(f->peer[0], &c);
	assert_false(c.graceful_restart.present || c.long_lived.present);
	f->peer[0]->established_count = 0;
}

/* As if the journal had given the peer what it announces. */
static void restore(struct fixture *f, int n)
{
	struct graceful_restart before;
	struct rib_peer_parameters parameters;
	struct rib_peer *rib_peer;

	up_with_paths(f, n, gracious);
	lose(f, n, (struct session_loss){ 0 });
	before = f->peer[n]->graceful_restart;
	rib_peer = before.retained;
	parameters = before.parameters;
	f->peer[n]->established_count = 0;
	graceful_restart_restored(f->peer[n], rib_peer, &parameters);
}

static void test_period(void **state)
{
	struct fixture *f = *state;
	struct restart_period *period = &f->reflector.restart;
	uint64_t now = f->reflector.started;
	struct capabilities c = { 0 };

	for (int n = 0; n < PEERS; n++)
		restore(f, n);
	assert_paths(f, 6, 3);
	assert_true(period->holding && period->restored);
	offer_with_journal(f->peer[0], &c);
	assert_true(c.graceful_restart.restarting);
	assert_int_equal(c.graceful_restart.forwarding, BOTH);
	/* One promises no End-of-RIB, one sends it, one does not come back. */
	up(f, 0, (struct says){ .absent = true });
	assert_paths(f, 6, 3);
	announce(f, 0, 1, false);
	c = (struct capabilities){ 0 };
	offer_with_journal(f->peer[0], &c);
	assert_false(c.graceful_restart.restarting); /* it knows by now */
	up(f, 1, (struct says){ .families = BOTH, .time = 30 }); /* its F bit is not asked for */
	announce(f, 1, 1, false);
	end_of_rib(f, 1, FAMILY_IPV4_UNICAST);
	assert_paths(f, 5, 3);
	assert_true(f->peer[1]->graceful_restart.awaited);
	end_of_rib(f, 1, FAMILY_IPV6_UNICAST);
	assert_false(f->peer[1]->graceful_restart.awaited);
	assert_paths(f, 5, 2);
	graceful_restart_period_tick(&f->reflector, now + 1 * SECOND_US);
	assert_true(f->peer[0]->graceful_restart.awaited);
	/* Not yet 5 s since its UPDATE was seen. */
	graceful_restart_period_tick(&f->reflector, now + 11 * SECOND_US / 2);
	assert_true(f->peer[0]->graceful_restart.awaited);
	graceful_restart_period_tick(&f->reflector, now + 9 * SECOND_US);
	assert_false(f->peer[0]->graceful_restart.awaited);
	assert_true(period->holding && f->peer[2]->graceful_restart.awaited);
	graceful_restart_period_tick(&f->reflector, now + 49 * SECOND_US);
	tick(f, 2, 49);
	assert_true(period->holding);
	assert_paths(f, 5, 2);
	graceful_restart_period_tick(&f->reflector, now + 50 * SECOND_US);
	assert_false(period->holding);
	assert_int_equal(period->until, 0);
	assert_paths(f, 2, 0); /* what was announced again */
}

static void test_period_all_back(void **state)
{
	struct fixture *f = *state;
	struct restart_period *period = &f->reflector.restart;
	uint64_t now = f->reflector.started;

	restore(f, 0);
	restore(f, 1);
	/* One says that it restarts too: it promises nothing about what it had, and loses nothing.
	 */
	up(f, 0, (struct says){ .families = BOTH, .time = 30, .restarting = true });
	assert_paths(f, 4, 2);
	graceful_restart_drop(f->peer[1]); /* taken out of the configuration */
	assert_paths(f, 2, 1);
	graceful_restart_period_tick(&f->reflector, now + 1 * SECOND_US);
	assert_true(period->holding);
	/* Somebody may come yet whom the journal did not know. */
	graceful_restart_period_tick(&f->reflector, now + 14 * SECOND_US);
	assert_true(period->holding);
	graceful_restart_period_tick(&f->reflector, now + 15 * SECOND_US);
	assert_false(period->holding);
	assert_int_not_equal(period->until, 0);
	end_of_rib(f, 0, FAMILY_IPV4_UNICAST);
	end_of_rib(f, 0, FAMILY_IPV6_UNICAST);
	assert_paths(f, 0, 0);
	graceful_restart_period_tick(&f->reflector, now + 16 * SECOND_US);
	assert_int_equal(period->until, 0); /* nothing is left of it */
}

static void test_period_newcomer(void **state)
{
	struct fixture *f = *state;
	struct restart_period *period = &f->reflector.restart;
	uint64_t now = f->reflector.started;

	restore(f, 0);
	up(f, 0, (struct says){ .families = BOTH, .time = 30 });
	up(f, 1, (struct says){ .families = BOTH, .time = 30 });
	end_of_rib(f, 0, FAMILY_IPV4_UNICAST);
	end_of_rib(f, 0, FAMILY_IPV6_UNICAST);
	end_of_rib(f, 1, FAMILY_IPV4_UNICAST);
	graceful_restart_period_tick(&f->reflector, now + 20 * SECOND_US);
	assert_true(period->holding);
	end_of_rib(f, 1, FAMILY_IPV6_UNICAST);
	graceful_restart_period_tick(&f->reflector, now + 20 * SECOND_US);
	assert_false(period->holding);
}

/* A newcomer that goes again, for longer than its restart time, is no longer awaited. */
static void test_period_newcomer_gone(void **state)
{
	struct fixture *f = *state;
	struct restart_period *period = &f->reflector.restart;

	restore(f, 0);
	up(f, 0, (struct says){ .families = BOTH, .time = 30 });
	up(f, 1, (struct says){ .families = BOTH, .time = 5 });
	announce(f, 1, 3, false);
	end_of_rib(f, 0, FAMILY_IPV4_UNICAST);
	end_of_rib(f, 0, FAMILY_IPV6_UNICAST);
	lose(f, 1, (struct session_loss){ 0 });
	assert_true(f->peer[1]->graceful_restart.awaited);
	tick(f, 1, 6);
	assert_null(f->peer[1]->graceful_restart.retained);
	graceful_restart_period_tick(&f->reflector, f->reflector.started + 20 * SECOND_US);
	assert_false(period->holding);
}

/* Back after our restart and gone again: RFC 9494 section 4.2 holds, not the end of our restart. */
static void test_period_long_lived(void **state)
{
	struct fixture *f = *state;
	uint64_t end_of_period;

	restore(f, 0);
	end_of_period = f->reflector.restart.until;
	up(f, 0, patient);
	announce(f, 0, 1, false);
	lose(f, 0, (struct session_loss){ 0 });
	graceful_restart_period_tick(&f->reflector, end_of_period);
	graceful_restart_tick(f->peer[0], end_of_period);
	assert_int_equal(f->reflector.restart.until, 0);
	assert_paths(f, 1, 0);
	graceful_restart_tick(f->peer[0], end_of_period + 101 * SECOND_US);
	assert_paths(f, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_loss),
		cmocka_unit_test_setup_teardown(test_restart_time, begin, end),
		cmocka_unit_test_setup_teardown(test_back, begin, end),
		cmocka_unit_test_setup_teardown(test_early_refresh, begin, end),
		cmocka_unit_test_setup_teardown(test_not_preserved, begin, end),
		cmocka_unit_test_setup_teardown(test_consecutive, begin, end),
		cmocka_unit_test_setup_teardown(test_long_lived, begin, end),
		cmocka_unit_test_setup_teardown(test_long_lived_again, begin, end),
		cmocka_unit_test_setup_teardown(test_drop_and_regroup, begin, end),
		cmocka_unit_test_setup_teardown(test_stopping, begin, end),
		cmocka_unit_test_setup_teardown(test_end_of_a_restart, begin, end),
		cmocka_unit_test_setup_teardown(test_offer, begin, end),
		cmocka_unit_test_setup_teardown(test_period, begin, end),
		cmocka_unit_test_setup_teardown(test_period_all_back, begin, end),
		cmocka_unit_test_setup_teardown(test_period_newcomer, begin, end),
		cmocka_unit_test_setup_teardown(test_period_newcomer_gone, begin, end),
		cmocka_unit_test_setup_teardown(test_period_long_lived, begin, end),
	};

	return cmocka_run_group_tests_name("graceful_restart", tests, NULL, NULL);
}
