/*
 * The set of peers: found by address, and dynamic ones that are down forgotten, the oldest first.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

#include "rr/peer.h"

#define PEERS 20000
#define MOST  8192 /* of dynamic peers that are down; DOWN_DYNAMIC_MAX */

static struct ip_address address_of(unsigned n)
{
	return (struct ip_address){ .len = 4,
		.bytes = { 10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n } };
}

/* Each number below PEERS once, far from in order. */
static unsigned shuffled(unsigned n)
{
	return n * 7919u % PEERS;
}

static void test_forget(void **state)
{
	static struct reflector reflector;
	struct peer_set *set = &reflector.peers;
	const uint64_t now = 1000 * SECOND_US, first = now - PEERS;
	const struct config_peer configured = { 0 };
	struct config_group group = { 0 };

	(void)state;
	memset(&reflector, 0, sizeof(reflector));
	for (unsigned n = 0; n < PEERS; n++) {
		struct ip_address address = address_of(shuffled(n));
		struct peer *peer = peer_new(&reflector, &address, &group, NULL);

		assert_non_null(peer);
		peer->down_since = first + n;
		peer->config = n % 4 == 0 ? &configured : NULL; /* stays */
		assert_true(peers_add(set, peer));
	}
	peers_tick(set, now);
	assert_int_equal(set->down_dynamic, MOST);
	assert_int_equal(set->count, MOST + PEERS / 4);
	for (unsigned n = 0, left = PEERS / 4 * 3; n < PEERS; n++) {
		struct ip_address address = address_of(shuffled(n));
		const struct peer *peer = peers_find(set, &address);

		if (n % 4 == 0 || left <= MOST)
			assert_non_null(peer);
		else
			assert_null(peer);
		left -= n % 4 != 0;
	}
	peers_tick(set, now);
	assert_int_equal(set->down_dynamic, MOST);
	peers_tick(set, now + 400 * SECOND_US); /* all were down for long enough */
	assert_int_equal(set->count, PEERS / 4);
	peers_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forget),
	};

	return cmocka_run_group_tests_name("peer_set", tests, NULL, NULL);
}
