/*
 * rr/config: what is accepted and with which defaults, the way back to YAML, and bytes of any kind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "rr/config_tree.h"
#include "tests/unit/config_fixture.h"

static void assert_address(const struct ip_address *address, const char *expected)
{
	char text[IP_ADDRESS_TEXT_MAX];
	assert_string_equal(ip_address_format(address, text), expected);
}

static void assert_prefix(const struct prefix *prefix, const char *expected)
{
	char text[PREFIX_TEXT_MAX];
	assert_string_equal(prefix_format(prefix, text), expected);
}

static const char full[] =
	"router:\n"
	"  as: 1.10\n"
	"  id: 10.0.0.1\n"
	"  cluster-id: 10.0.0.9\n"
	"  restart-time: 4m\n"
	"  on-terminate: shutdown\n"
	"listen:\n"
	"  - { address: \"::\", port: 1790 }\n"
	"  - address: 127.0.0.1\n"
	"groups:\n"
	"  nodes:\n"
	"    role: client\n"
	"    as: 65546\n"
	"    families: [ipv4-unicast]\n"
	"    dynamic: [10.1.0.0/16, \"fd00:1::/64\", 10.2.0.7]\n"
	"    hold-time: 0\n"
	"    connect-retry: 5\n"
	"    add-path: { receive: true, send: all }\n"
	"    next-hop: self\n"
	"    passive: true\n"
	"    long-lived-graceful-restart: { ipv4-unicast: 24h, ipv6-unicast: 0, send: all }\n"
	"  border: { role: external, as: 64513, add-path: { send: off } }\n"
	"  others: { role: non-client, graceful-restart: false }\n"
	"peers:\n"
	"  - { address: 192.0.2.1, group: border, description: \"tor-1 \\\"\\\\ ü\" }\n"
	"  - { address: \"2001:db8::1\", group: nodes, port: 1791, local-address: \"2001:db8::2\" "
	"}\n"
	"  - { address: 192.0.2.3, group: nodes, passive: false }\n"
	"management: { socket: { path: /tmp/h.sock, group: bgp } }\n"
	"log: { level: debug, format: json }\n"
	"journal: { path: /tmp/j.db, history: 36h, max-size: 512MiB, restore-max-age: 90 }\n";

static void every_key_is_read(void **state)
{
	struct config *config = valid(full);
	(void)state;
	assert_string_equal(config->file, "t");
	assert_string_equal(config->text, full);
	assert_int_equal(config->as, 65546);
	assert_int_equal(config->router_id, 0x0a000001);
	assert_int_equal(config->cluster_id, 0x0a000009);
	assert_int_equal(config->restart_time, 240);
	assert_int_equal(config->on_terminate, TERMINATE_SHUTDOWN);
	assert_int_equal(config->n_listen, 2);
	assert_address(&config->listen[0].address, "::");
	assert_int_equal(config->listen[0].port, 1790);
	assert_address(&config->listen[1].address, "127.0.0.1");
	assert_int_equal(config->listen[1].port, 179);

	assert_int_equal(config->n_groups, 3);
	const struct config_group *nodes = &config->groups[0];
	assert_string_equal(nodes->name, "nodes");
	assert_int_equal(nodes->role, ROLE_CLIENT);
	assert_int_equal(nodes->as, 65546);
	assert_int_equal(nodes->families, FAMILY_BIT(FAMILY_IPV4_UNICAST));
	assert_int_equal(nodes->n_dynamic, 3);
	assert_prefix(&nodes->dynamic[0], "10.1.0.0/16");
	assert_prefix(&nodes->dynamic[1], "fd00:1::/64");
	assert_prefix(&nodes->dynamic[2], "10.2.0.7/32");
	assert_int_equal(nodes->hold_time, 0);
	assert_int_equal(nodes->connect_retry, 5);
	assert_true(nodes->add_path_receive);
	assert_int_equal(nodes->add_path_send, ADD_PATH_ALL);
	assert_int_equal(nodes->next_hop, NEXT_HOP_SELF);
	assert_true(nodes->passive);
	assert_true(nodes->graceful_restart);
	assert_int_equal(nodes->long_lived_time[FAMILY_IPV4_UNICAST], 86400);
	assert_int_equal(nodes->long_lived_time[FAMILY_IPV6_UNICAST], 0);
	assert_true(nodes->long_lived_send_all);
	assert_int_equal(config->groups[1].role, ROLE_EXTERNAL);
	assert_int_equal(config->groups[1].as, 64513);
	assert_int_equal(config->groups[2].role, ROLE_NON_CLIENT);
	assert_false(config->groups[2].graceful_restart);

	assert_int_equal(config->n_peers, 3);
	const struct config_peer *peers = config->peers;
	assert_address(&peers[0].address, "192.0.2.1");
	assert_ptr_equal(peers[0].group, &config->groups[1]);
	assert_string_equal(peers[0].description, "tor-1 \"\\ ü");
	assert_int_equal(peers[0].port, 179);
	assert_false(peers[0].passive);
	assert_int_equal(peers[0].local.len, 0);
	assert_address(&peers[1].address, "2001:db8::1");
	assert_int_equal(peers[1].port, 1791);
	assert_address(&peers[1].local, "2001:db8::2");
	assert_null(peers[1].description);
	assert_true(peers[1].passive); /* from its group */
	assert_false(peers[2].passive);

	assert_string_equal(config->socket_path, "/tmp/h.sock");
	assert_string_equal(config->socket_group, "bgp");
	assert_int_equal(config->log_level, LOG_DEBUG);
	assert_int_equal(config->log_format, LOG_JSON);
	assert_string_equal(config->journal_path, "/tmp/j.db");
	assert_int_equal(config->journal_history, 36 * 3600);
	assert_int_equal(config->journal_max_size, 512 << 20);
	assert_int_equal(config->journal_restore_max_age, 90);
	config_free(config);
}

static void absent_keys_have_their_defaults(void **state)
{
	struct config *config = valid(ROUTER "groups:\n  a: {}\n  b: { role: external, as: 1 }\n");
	(void)state;
	assert_int_equal(config->cluster_id, config->router_id);
	assert_int_equal(config->restart_time, 120);
	assert_int_equal(config->on_terminate, TERMINATE_RESTART);
	assert_int_equal(config->n_listen, 1);
	assert_address(&config->listen[0].address, "::");
	assert_int_equal(config->listen[0].port, 179);
	const struct config_group *group = &config->groups[0];
	assert_int_equal(group->role, ROLE_CLIENT);
	assert_int_equal(group->as, 64512);
	assert_int_equal(group->families, FAMILIES_ALL);
	assert_int_equal(group->n_dynamic, 0);
	assert_int_equal(group->hold_time, 90);
	assert_int_equal(group->connect_retry, 30);
	assert_false(group->add_path_receive);
	assert_int_equal(group->add_path_send, ADD_PATH_OFF);
	assert_int_equal(group->next_hop, NEXT_HOP_KEEP);
	assert_false(group->passive);
	assert_true(group->graceful_restart);
	for (int family = 0; family < FAMILY_COUNT; family++)
		assert_int_equal(group->long_lived_time[family], 0);
	assert_false(group->long_lived_send_all);
	assert_int_equal(config->groups[1].next_hop, NEXT_HOP_SELF);
	assert_string_equal(config->socket_path, "/run/heliostat/heliostat.sock");
	assert_null(config->socket_group);
	assert_int_equal(config->log_level, LOG_INFO);
	assert_int_equal(config->log_format, LOG_TEXT);
	assert_null(config->journal_path);
	config_free(config);
}

static void an_empty_section_asks_for_a_journal(void **state)
{
	static const char *const texts[] = { ROUTER "journal:\n", ROUTER "journal: {}\n" };
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
		struct config *config = valid(texts[i]);
		assert_string_equal(config->journal_path, "/var/lib/heliostat/journal.db");
		assert_int_equal(config->journal_history, 7 * 86400);
		assert_true(config->journal_max_size == 4ull << 30);
		assert_int_equal(config->journal_restore_max_age, 900);
		config_free(config);
	}
}

static void quantities_have_units(void **state)
{
	static const struct {
		const char *text;
		uint64_t expected;
	} history[] = { { "0", 0 }, { "90", 90 }, { "90s", 90 }, { "\"15m\"", 900 },
		{ "24h", 86400 }, { "7d", 604800 }, { "3650d", 315360000 } },
	  sizes[] = { { "16777216", 16 << 20 }, { "16384KiB", 16 << 20 }, { "4GiB", 4ull << 30 },
		  { "64TiB", 64ull << 40 } };
	char text[256];
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(history); i++) {
		snprintf(text, sizeof(text), ROUTER "journal: { history: %s }\n", history[i].text);
		struct config *config = valid(text);
		assert_true(config->journal_history == history[i].expected);
		config_free(config);
	}
	for (size_t i = 0; i < N_ELEMENTS(sizes); i++) {
		snprintf(text, sizeof(text), ROUTER "journal: { max-size: %s }\n", sizes[i].text);
		struct config *config = valid(text);
		assert_true(config->journal_max_size == sizes[i].expected);
		config_free(config);
	}
}

static void order_of_keys_is_free(void **state)
{
	struct config *config = valid("peers: [ { group: b, address: 192.0.2.1 } ]\n"
				      "groups: { b: { next-hop: keep, role: external, as: 7 } }\n"
				      "router: { cluster-id: 1.1.1.1, id: 10.0.0.1, as: 64512 }\n");
	(void)state;
	assert_ptr_equal(config->peers[0].group, &config->groups[0]);
	assert_int_equal(config->groups[0].next_hop, NEXT_HOP_KEEP);
	assert_int_equal(config->cluster_id, 0x01010101);
	config_free(config);
}

static void neighbors_are_no_overlaps(void **state)
{
	struct config *config = valid(
		ROUTER "listen: [ { address: 0.0.0.0 }, { address: \"::1\" }, { address: \"::\", "
		       "port: 1 } ]\n"
		       "groups:\n  a: { dynamic: [10.0.0.0/16, \"::/0\"] }\n"
		       "  b: { dynamic: [10.1.0.0/16, 0.0.0.0/8] }\n"
		       "peers: [ { address: 10.0.0.1, group: b },\n"
		       "  { address: \"fe80::1\", group: a, passive: true } ]\n");
	(void)state;
	assert_int_equal(config->n_listen, 3);
	config_free(config);
}

static void assert_same_group(const struct config_group *a, const struct config_group *b)
{
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->role, b->role);
	assert_int_equal(a->as, b->as);
	assert_int_equal(a->families, b->families);
	assert_int_equal(a->n_dynamic, b->n_dynamic);
	for (size_t i = 0; i < a->n_dynamic; i++)
		assert_true(prefix_equal(&a->dynamic[i], &b->dynamic[i]));
	assert_int_equal(a->hold_time, b->hold_time);
	assert_int_equal(a->connect_retry, b->connect_retry);
	assert_int_equal(a->add_path_receive, b->add_path_receive);
	assert_int_equal(a->add_path_send, b->add_path_send);
	assert_int_equal(a->next_hop, b->next_hop);
	assert_int_equal(a->passive, b->passive);
	assert_int_equal(a->graceful_restart, b->graceful_restart);
	for (int family = 0; family < FAMILY_COUNT; family++)
		assert_int_equal(a->long_lived_time[family], b->long_lived_time[family]);
	assert_int_equal(a->long_lived_send_all, b->long_lived_send_all);
}

static void assert_same_text(const char *a, const char *b)
{
	assert_int_equal(a == NULL, b == NULL);
	if (a)
		assert_string_equal(a, b);
}

static void assert_same_config(const struct config *a, const struct config *b)
{
	assert_int_equal(a->as, b->as);
	assert_int_equal(a->router_id, b->router_id);
	assert_int_equal(a->cluster_id, b->cluster_id);
	assert_int_equal(a->restart_time, b->restart_time);
	assert_int_equal(a->on_terminate, b->on_terminate);
	assert_int_equal(a->n_listen, b->n_listen);
	for (size_t i = 0; i < a->n_listen; i++) {
		assert_int_equal(
			ip_address_compare(&a->listen[i].address, &b->listen[i].address), 0);
		assert_int_equal(a->listen[i].port, b->listen[i].port);
	}
	assert_int_equal(a->n_groups, b->n_groups);
	for (size_t i = 0; i < a->n_groups; i++)
		assert_same_group(&a->groups[i], &b->groups[i]);
	assert_int_equal(a->n_peers, b->n_peers);
	for (size_t i = 0; i < a->n_peers; i++) {
		const struct config_peer *p = &a->peers[i], *q = &b->peers[i];
		assert_int_equal(ip_address_compare(&p->address, &q->address), 0);
		assert_string_equal(p->group->name, q->group->name);
		assert_same_text(p->description, q->description);
		assert_int_equal(p->port, q->port);
		assert_int_equal(p->passive, q->passive);
		assert_int_equal(p->local.len, q->local.len);
		assert_memory_equal(p->local.bytes, q->local.bytes, sizeof(p->local.bytes));
	}
	assert_string_equal(a->socket_path, b->socket_path);
	assert_same_text(a->socket_group, b->socket_group);
	assert_int_equal(a->log_level, b->log_level);
	assert_int_equal(a->log_format, b->log_format);
	assert_same_text(a->journal_path, b->journal_path);
	assert_int_equal(a->journal_history, b->journal_history);
	assert_true(a->journal_max_size == b->journal_max_size);
	assert_int_equal(a->journal_restore_max_age, b->journal_restore_max_age);
}

/* What config_write says is accepted and means the same. */
static void assert_round_trip(const struct config *config)
{
	char *text;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	assert_non_null(stream);
	config_write(config, stream);
	fclose(stream);
	struct config *again = valid(text);
	assert_same_config(config, again);
	config_free(again);
	free(text);
}

static void what_is_written_reads_the_same(void **state)
{
	static const char *const texts[] = {
		full,
		ROUTER,
		ROUTER "listen: []\ngroups: {}\npeers: []\n",
		ROUTER
		"groups: { 179: {}, true: {}, \"null\": {}, \"-\": {}, \".\": {} }\n"
		"peers:\n  - { address: 1.2.3.4, group: 179 }\n"
		"  - { address: 1.2.3.5, group: true, description: \"# no: comment\" }\n"
		"  - { address: 1.2.3.6, group: null, description: \"%\\\\n'\" }\n"
		"  - { address: 1.2.3.7, group: \"-\" }\n  - { address: 1.2.3.8, group: . }\n",
	};
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
		struct config *config = valid(texts[i]);
		assert_round_trip(config);
		config_free(config);
	}
}

static const struct config_group *group_for(
	const struct config *config, const char *text, const struct prefix **range)
{
	struct ip_address address;
	assert_true(ip_address_parse(text, &address));
	return config_group_for_address(config, &address, range);
}

static void lookups_find_what_is_there(void **state)
{
	struct config *config = valid(full);
	const struct prefix *range = NULL;
	struct ip_address address;
	(void)state;
	assert_ptr_equal(config_group_find(config, "border"), &config->groups[1]);
	assert_null(config_group_find(config, "borde"));
	assert_true(ip_address_parse("2001:db8::1", &address));
	assert_ptr_equal(config_peer_find(config, &address), &config->peers[1]);
	assert_true(ip_address_parse("2001:db8::2", &address));
	assert_null(config_peer_find(config, &address));
	assert_ptr_equal(group_for(config, "10.1.255.255", &range), &config->groups[0]);
	assert_ptr_equal(range, &config->groups[0].dynamic[0]);
	assert_ptr_equal(group_for(config, "fd00:1::9", &range), &config->groups[0]);
	assert_ptr_equal(range, &config->groups[0].dynamic[1]);
	assert_ptr_equal(group_for(config, "10.2.0.7", NULL), &config->groups[0]);
	assert_null(group_for(config, "10.2.0.8", NULL));
	assert_null(group_for(config, "fd00:1:0:1::", NULL));
	address.len = 0;
	assert_null(config_group_for_address(config, &address, NULL));
	config_free(config);
}

/* The parser lets no overlap in, but the function promises the most specific. */
static void the_most_specific_range_wins(void **state)
{
	struct prefix wide[2], narrow[1];
	struct config_group groups[2] = {
		{ .name = (char *)"wide", .dynamic = wide, .n_dynamic = 2 },
		{ .name = (char *)"narrow", .dynamic = narrow, .n_dynamic = 1 }
	};
	struct config config = { .groups = groups, .n_groups = 2 };
	const struct prefix *range = NULL;
	(void)state;
	assert_true(prefix_parse("10.0.0.0/8", false, &wide[0]));
	assert_true(prefix_parse("0.0.0.0/0", false, &wide[1]));
	assert_true(prefix_parse("10.1.0.0/16", false, &narrow[0]));
	assert_ptr_equal(group_for(&config, "10.1.2.3", &range), &groups[1]);
	assert_ptr_equal(group_for(&config, "10.2.2.3", &range), &groups[0]);
	assert_ptr_equal(range, &wide[0]);
	assert_ptr_equal(group_for(&config, "11.0.0.1", &range), &groups[0]);
	assert_ptr_equal(range, &wide[1]);
	assert_null(group_for(&config, "::1", &range));
}

/* Accepted and sound, or refused with a reason; the sanitizers watch the rest. */
static void parse_anything(const char *text, size_t len)
{
	char *faults;
	struct config *config = parse_bytes(text, len, &faults);
	if (config) {
		assert_string_equal(faults, "");
		assert_round_trip(config);
	} else {
		assert_int_equal(strncmp(faults, "t:", 2), 0);
	}
	config_free(config);
	free(faults);
}

static void every_prefix_of_a_file_is_survived(void **state)
{
	(void)state;
	for (size_t len = 0; len < sizeof(full); len++) {
		/* A copy of its own, so that reading past the end is seen. */
		char *text = malloc(len ? len : 1);
		assert_non_null(text);
		memcpy(text, full, len);
		parse_anything(text, len);
		free(text);
	}
}

static void every_changed_byte_is_survived(void **state)
{
	static const char small[] = "router: {as: 1, id: 1.1.1.1}\n"
				    "listen: [{address: \"::\"}]\n"
				    "groups:\n g: {dynamic: [10.0.0.0/8]}\n"
				    "peers:\n - {address: 1.1.1.1, group: g, description: \"x\"}\n";
	char text[sizeof(small)];
	(void)state;
	for (size_t i = 0; i + 1 < sizeof(small); i++) {
		for (unsigned byte = 0; byte < 256; byte++) {
			memcpy(text, small, sizeof(small));
			text[i] = (char)byte;
			parse_anything(text, sizeof(small) - 1);
		}
	}
}

/* What config_load says of a path, without parsing anything from it. */
static void assert_load_refused(const char *path, const char *expected)
{
	char *faults;
	size_t size;
	FILE *stream = open_memstream(&faults, &size);
	assert_non_null(stream);
	assert_null(config_load(path, stream));
	fclose(stream);
	if (!strstr(faults, expected) || count_lines(faults) != 1)
		fail_msg("%s: expected %s, got %s", path, expected, faults);
	free(faults);
}

static void files_are_read_or_refused(void **state)
{
	char folder[] = "/tmp/heliostat-test-config-XXXXXX", path[64];
	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/file", folder);
	assert_load_refused(path, "/file: cannot be opened: No such file or directory");
	assert_load_refused(folder, ": found a directory, expected a configuration file\n");

	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(full, file);
	fclose(file);
	struct config *config = config_load(path, stderr);
	assert_non_null(config);
	assert_string_equal(config->file, path);
	assert_string_equal(config->text, full);
	config_free(config);

	assert_int_equal(truncate(path, CONFIG_SIZE_MAX + 1), 0);
	assert_load_refused(path, "found more than 16777216 bytes, expected a smaller file\n");
	if (geteuid() != 0) {
		assert_int_equal(chmod(path, 0), 0);
		assert_load_refused(path, "cannot be opened: Permission denied");
	}
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

/* The examples that are installed must be ones that the daemon takes. */
static void the_examples_are_valid(void **state)
{
	const char *source = getenv("HELIOSTAT_SOURCE");
	char path[4096];
	(void)state;
	if (!source)
		skip();
	snprintf(path, sizeof(path), "%s/packaging/examples/kubernetes.yaml", source);
	struct config *config = config_load(path, stderr);
	assert_non_null(config);
	assert_round_trip(config);
	assert_int_equal(config->n_peers, 2); /* the border routers */
	config_free(config);
}

static void thousands_of_peers_are_read(void **state)
{
	char *text;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	(void)state;
	assert_non_null(stream);
	fputs(ROUTER "groups: { g: {} }\npeers:\n", stream);
	for (unsigned i = 0; i < 20000; i++)
		fprintf(stream, "  - { address: 10.0.%u.%u, group: g }\n", i / 256, i % 256);
	fclose(stream);
	struct config *config = valid(text);
	assert_int_equal(config->n_peers, 20000);
	assert_address(&config->peers[19999].address, "10.0.78.31");
	config_free(config);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_is_read),
		cmocka_unit_test(absent_keys_have_their_defaults),
		cmocka_unit_test(an_empty_section_asks_for_a_journal),
		cmocka_unit_test(quantities_have_units),
		cmocka_unit_test(order_of_keys_is_free),
		cmocka_unit_test(neighbors_are_no_overlaps),
		cmocka_unit_test(what_is_written_reads_the_same),
		cmocka_unit_test(lookups_find_what_is_there),
		cmocka_unit_test(the_most_specific_range_wins),
		cmocka_unit_test(every_prefix_of_a_file_is_survived),
		cmocka_unit_test(every_changed_byte_is_survived),
		cmocka_unit_test(files_are_read_or_refused),
		cmocka_unit_test(the_examples_are_valid),
		cmocka_unit_test(thousands_of_peers_are_read),
	};
	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
