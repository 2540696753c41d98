/* rr/config: every kind of fault, with its place, what was found and what was expected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rr/config_tree.h"
#include "rr/config_value.h"
#include "tests/unit/config_fixture.h"

struct fault_case {
	const char *text;
	size_t n; /* faults */
	const char *expected; /* must be among them, from the place on */
};

static void check_cases(const struct fault_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *faults;
		struct config *config = parse(cases[i].text, &faults);
		if (config)
			fail_msg("accepted:\n%s", cases[i].text);
		if (count_lines(faults) != cases[i].n || !strstr(faults, cases[i].expected))
			fail_msg("%s\nexpected %zu with: %s\ngot: %s", cases[i].text, cases[i].n,
				cases[i].expected, faults);
		free(faults);
	}
}

#define GROUP(keys) ROUTER "groups:\n  g:\n" keys
#define PEER(keys)  ROUTER "groups: { g: {}, p: { passive: true } }\npeers:\n  - { " keys " }\n"

static void shape_of_the_file(void **state)
{
	static const struct fault_case cases[] = {
		{ "", 1, "t:1:1: found an empty file, expected a configuration\n" },
		{ "# a comment\n", 1, "t:1:1: found an empty file" },
		{ "---\n", 1, "t:2:1: found nothing for the configuration, expected a mapping" },
		{ "- a\n", 1, "t:1:1: found a list for the configuration, expected a mapping" },
		{ "hello\n", 1, "t:1:1: found \"hello\" for the configuration" },
		{ "listen: []\n", 1,
			"t:1:1: found no key \"router\" in the configuration, expected the" },
		{ ROUTER "---\n" ROUTER, 1,
			"t:2:1: found a second YAML document, expected one a file\n" },
		{ ROUTER "groups:\n\tg: {}\n", 1, "t:3:1: found a tab, expected spaces" },
		{ ROUTER "listen: [\n", 1, "t:3:1: found broken YAML syntax (while parsing" },
		{ ROUTER "listen: \"ab\n", 1, "at line 2, column 9" },
		{ ROUTER "listen: [\"\xff\"]\n", 1, "t:2:11: found byte or character 0xff" },
		{ ROUTER "# \x01\n", 1, "t:2:3: found byte or character 0x01" },
		{ "\xff\xfe" ROUTER, 1, "t:1:1: found byte or character 0xff" },
		{ ROUTER "groups: { g: &a { hold-time: 9 } }\n", 1,
			"t:2:14: found the anchor \"a\", expected none: anchors and aliases" },
		{ ROUTER "listen: *a\n", 1, "t:2:9: found the alias \"a\", expected a value" },
		{ ROUTER "listen: !foo []\n", 1, "t:2:9: found the tag \"!foo\"" },
		{ ROUTER "listen: !!str 179\n", 2,
			"t:2:9: found the tag \"tag:yaml.org,2002:str\"" },
		{ ROUTER "? [a]\n: b\n", 1, "t:2:3: found a list as a key, expected the name" },
		{ ROUTER "? {a: b}\n: b\n", 1, "t:2:3: found a mapping as a key" },
		{ ROUTER "listen: [[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]\n", 1,
			"t:2:24: found nesting deeper than 16 levels, expected fewer\n" },
		{ ROUTER "log: { level: \"in\\0fo\" }\n", 1, "t:2:15: found a NUL character" },
		{ ROUTER ROUTER, 1,
			"t:2:1: found the key \"router\" again, expected it once (it is at line 1, "
			"column 1)" },
	};
	(void)state;
	check_cases(cases, N_ELEMENTS(cases));
}

static void an_alias_is_refused_once(void **state)
{
	static const struct fault_case cases[] = {
		{ ROUTER "groups:\n  a: &x { hold-time: 9 }\n  b: *x\npeers:\n"
			 "  - { address: 192.0.2.1, group: b }\n",
			2, "t:4:6: found the alias \"x\", expected a value: anchors and aliases" },
	};
	(void)state;
	check_cases(cases, N_ELEMENTS(cases));
}

static void unknown_keys_name_the_nearest(void **state)
{
	static const struct fault_case cases[] = {
		{ ROUTER "lisen: []\n", 1,
			"t:2:1: found the unknown key \"lisen\" in the configuration, expected one "
			"of "
			"router, listen, groups, peers, management, log, journal; did you mean "
			"\"listen\"?\n" },
		{ "router: { as: 1, id: 1.1.1.1, clusterid: 1.1.1.1 }\n", 1,
			"t:1:31: found the unknown key \"clusterid\" in router, expected one of "
			"as, id, "
			"cluster-id, restart-time, on-terminate; did you mean \"cluster-id\"?\n" },
		{ GROUP("    hold_time: 9\n"), 1,
			"t:4:5: found the unknown key \"hold_time\" in group g, expected one of "
			"role," },
		{ GROUP("    hold_time: 9\n"), 1, "; did you mean \"hold-time\"?\n" },
		{ GROUP("    dynamci: []\n"), 1, "; did you mean \"dynamic\"?\n" },
		{ GROUP("    xyzzyxyzzy: 1\n"), 1,
			"add-path, next-hop, graceful-restart, long-lived-graceful-restart\n" },
		{ GROUP("    add-path: { recieve: true }\n"), 1,
			"t:4:17: found the unknown key \"recieve\" in add-path, expected one of "
			"receive, send; did you mean \"receive\"?\n" },
		{ PEER("adress: 192.0.2.1, group: g"), 2, "; did you mean \"address\"?\n" },
		{ ROUTER "listen: [ { address: \"::\", prt: 1 } ]\n", 1, "did you mean \"port\"?" },
		{ ROUTER "management: { sock: {} }\n", 1, "did you mean \"socket\"?" },
		{ ROUTER "management: { socket: { pth: /a } }\n", 1, "did you mean \"path\"?" },
		{ ROUTER "log: { levle: info }\n", 1, "did you mean \"level\"?" },
		{ ROUTER "\"\": 1\n", 1, "t:2:1: found the unknown key an empty text in" },
	};
	(void)state;
	check_cases(cases, N_ELEMENTS(cases));
}

static void later_keys_are_known(void **state)
{
	static const struct fault_case cases[] = {
		{ ROUTER "prefix-sets: {}\n", 1,
			"t:2:1: found the key \"prefix-sets\", which is not yet supported" },
		{ ROUTER "policies: {}\n", 1, "\"policies\", which is not yet supported" },
		{ ROUTER "management: { http: {} }\n", 1,
			"t:2:15: found the key \"http\", which is not yet supported" },
		{ GROUP("    password-file: /k\n"), 1,
			"t:4:5: found the key \"password-file\", wh" },
		{ GROUP("    ttl-security: 1\n"), 1,
			"\"ttl-security\", which is not yet supported" },
		{ GROUP("    import: a\n"), 1, "\"import\", which is not yet supported" },
		{ GROUP("    export: a\n"), 1, "\"export\", which is not yet supported" },
		{ GROUP("    max-prefixes: {}\n"), 1, "\"max-prefixes\", which is not yet supp" },
		{ GROUP("    add-path: { send: best }\n"), 1,
			"t:4:23: found \"best\" for send, which is not yet supported, expected "
			"off" },
		{ GROUP("    add-path: { send: 4 }\n"), 1,
			"found \"4\" for send, which is not yet" },
	};
	(void)state;
	check_cases(cases, N_ELEMENTS(cases));
}

static void values_are_strict(void **state)
{
	static const struct fault_case cases[] = {
		{ "router: { as: 0, id: 1.1.1.1 }\n", 1,
			"t:1:15: found \"0\" for as, expected an AS number from 1 to 4294967295" },
		{ "router: { as: 4294967296, id: 1.1.1.1 }\n", 1, "t:1:15: found \"4294967296\"" },
		{ "router: { as: 18446744073709551617, id: 1.1.1.1 }\n", 1, "t:1:15: found \"184" },
		{ "router: { as: +1, id: 1.1.1.1 }\n", 1, "t:1:15: found \"+1\" for as" },
		{ "router: { as: 0x10, id: 1.1.1.1 }\n", 1, "found \"0x10\" for as" },
		{ "router: { as: 010, id: 1.1.1.1 }\n", 1, "found \"010\" for as" },
		{ "router: { as: 1.65536, id: 1.1.1.1 }\n", 1, "found \"1.65536\" for as" },
		{ "router: { as: 0.0, id: 1.1.1.1 }\n", 1, "found \"0.0\" for as" },
		{ "router: { as: 1., id: 1.1.1.1 }\n", 1, "found \"1.\" for as" },
		{ "router: { as: 1.1.1, id: 1.1.1.1 }\n", 1, "found \"1.1.1\" for as" },
		{ "router: { as: 23456, id: 1.1.1.1 }\n", 1, "reserved (AS_TRANS)" },
		{ "router: { as: [1], id: 1.1.1.1 }\n", 1, "t:1:15: found a list for as" },
		{ "router: { as: , id: 1.1.1.1 }\n", 1, "found nothing for as" },
		{ "router: { id: 1.1.1.1 }\n", 1, "t:1:9: found no key \"as\" in router" },
		{ "router: { as: 1 }\n", 1, "t:1:9: found no key \"id\" in router" },
		{ "router: { as: 1, id: 0.0.0.0 }\n", 1, "t:1:22: found \"0.0.0.0\" for id" },
		{ "router: { as: 1, id: 1.1.1 }\n", 1, "t:1:22: found \"1.1.1\" for id" },
		{ "router: { as: 1, id: 1.1.1.256 }\n", 1, "t:1:22: found \"1.1.1.256\" for id" },
		{ "router: { as: 1, id: 1.1.1.1, cluster-id: 0.0.0.0 }\n", 1, "t:1:43: found" },
		{ "router: 1\n", 1, "t:1:9: found \"1\" for router, expected a mapping" },
		{ ROUTER "listen: {}\n", 1, "t:2:9: found a mapping for listen, expected a list" },
		{ ROUTER "listen: [ { port: 1 } ]\n", 1,
			"t:2:11: found no key \"address\" in lis" },
		{ ROUTER "listen: [ { address: \"::\", port: 0 } ]\n", 1,
			"t:2:34: found \"0\" for port, expected an integer from 1 to 65535\n" },
		{ ROUTER "listen: [ { address: \"::\", port: 65536 } ]\n", 1,
			"found \"65536\" for" },
		{ ROUTER "listen: [ { address: \"::\", port: \"179\" } ]\n", 1,
			"found the text \"179\" for port" },
		{ ROUTER "listen: [ { address: 1.2.3 } ]\n", 1,
			"t:2:22: found \"1.2.3\" for address, expected an IPv4 or IPv6 address\n" },
		{ ROUTER "listen: [ { address: 224.0.0.1 } ]\n", 1, "expected a unicast address" },
		{ GROUP("    hold-time: 1\n"), 1,
			"t:4:16: found \"1\" for hold-time, expected 0 or" },
		{ GROUP("    hold-time: 2\n"), 1, "expected 0 or 3 to 65535 seconds" },
		{ GROUP("    hold-time: 65536\n"), 1, "found \"65536\" for hold-time" },
		{ GROUP("    hold-time: -3\n"), 1, "found \"-3\" for hold-time" },
		{ GROUP("    hold-time: 090\n"), 1, "found \"090\" for hold-time" },
		{ GROUP("    connect-retry: 0\n"), 1, "t:4:20: found \"0\" for connect-retry" },
		{ GROUP("    passive: yes\n"), 1,
			"found \"yes\" for passive, expected true or fal" },
		{ GROUP("    passive: True\n"), 1, "found \"True\" for passive" },
		{ GROUP("    passive: \"true\"\n"), 1, "found the text \"true\" for passive" },
		{ GROUP("    role: klient\n"), 1,
			"t:4:11: found \"klient\" for role, expected client, non-client or "
			"external; "
			"did you mean \"client\"?\n" },
		{ GROUP("    families: []\n"), 1, "t:4:15: found an empty list for families" },
		{ GROUP("    families: ipv4-unicast\n"), 1, "expected a list of address families" },
		{ GROUP("    families: [ipv4]\n"), 1, "did you mean \"ipv4-unicast\"?" },
		{ GROUP("    families: [ipv4-unicast, ipv4-unicast]\n"), 1,
			"t:4:30: found the fam" },
		{ GROUP("    next-hop: me\n"), 1,
			"found \"me\" for next-hop, expected keep or self" },
		{ GROUP("    add-path: true\n"), 1,
			"found \"true\" for add-path, expected a mapping" },
		{ GROUP("    add-path: { receive: on }\n"), 1, "found \"on\" for receive" },
		{ GROUP("    add-path: { send: some }\n"), 1,
			"found \"some\" for send, expected off" },
		{ GROUP("    dynamic: 10.0.0.0/8\n"), 1,
			"for dynamic, expected a list of prefixes" },
		{ GROUP("    dynamic: [10.0.0.1/8]\n"), 1,
			"t:4:15: found \"10.0.0.1/8\" for dynamic, which has bits set behind its "
			"length, "
			"expected 10.0.0.0/8\n" },
		{ GROUP("    dynamic: [\"fd00::1/64\"]\n"), 1, "expected fd00::/64\n" },
		{ GROUP("    dynamic: [10.0.0.0/33]\n"), 1,
			"t:4:15: found \"10.0.0.0/33\" for dyn" },
		{ GROUP("    dynamic: [10.0.0.0/]\n"), 1, "found \"10.0.0.0/\" for dynamic" },
		{ GROUP("    dynamic: [\"::ffff:10.0.0.0/104\"]\n"), 1, "expected an IPv4 prefix" },
		{ ROUTER "groups: { \"a b\": {} }\n", 1,
			"t:2:11: found \"a b\" as the name of a gr" },
		{ ROUTER "groups: { \"\": {} }\n", 1, "t:2:11: found an empty text as the name" },
		{ ROUTER "groups: { [a]: {} }\n", 1, "t:2:11: found a list as a key" },
		{ ROUTER "listen: [ { address: [a] } ]\n", 1, "t:2:22: found a list for address" },
		/* What is faulty is not compared. */
		{ ROUTER "listen: [ { address: \"::\", port: 0 }, { address: \"::\", port: 0 } ]\n",
			2, "t:2:62: found \"0\" for port" },
		{ ROUTER "groups: []\n", 1, "t:2:9: found a list for groups, expected a mapping" },
		{ ROUTER "groups: { a: }\n", 1, "found nothing for group a, expected a mapping" },
		{ ROUTER "log: { level: loud }\n", 1,
			"found \"loud\" for level, expected error, war" },
		{ ROUTER "log: { format: xml }\n", 1, "for format, expected text or json\n" },
		{ ROUTER "management: { socket: { path: run/h } }\n", 1,
			"t:2:31: found \"run/h\" for path, expected an absolute path" },
		{ ROUTER "management: { socket: { group: \"\" } }\n", 1,
			"found an empty text for gro" },
		{ "router: { as: 1, id: 1.1.1.1, restart-time: 0 }\n", 1,
			"t:1:45: found \"0\" for restart-time, expected a duration from 1s to "
			"4095s" },
		{ "router: { as: 1, id: 1.1.1.1, restart-time: 69m }\n", 1,
			"found \"69m\" for re" },
		{ "router: { as: 1, id: 1.1.1.1, on-terminate: stop }\n", 1,
			"found \"stop\" for on-terminate, expected restart or shutdown" },
		{ GROUP("    graceful-restart: 1\n"), 1, "found \"1\" for graceful-restart, exp" },
		{ GROUP("    long-lived-graceful-restart: 24h\n"), 1,
			"found \"24h\" for long-lived-graceful-restart, expected a mapping" },
		{ GROUP("    long-lived-graceful-restart: { ipv4-unicast: 195d }\n"), 1,
			"found \"195d\" for ipv4-unicast, expected a duration from 0s to "
			"16777215s" },
		{ GROUP("    long-lived-graceful-restart: { ipv4: 1 }\n"), 1,
			"expected one of ipv4-unicast, ipv6-unicast, send" },
		{ GROUP("    long-lived-graceful-restart: { send: none }\n"), 1,
			"found \"none\" for send, expected capable or all" },
		{ GROUP("    graceful-restart: false\n"
			"    long-lived-graceful-restart: { ipv6-unicast: 1 }\n"),
			1, "t:5:50: found long-lived-graceful-restart for group g, which has" },
		{ GROUP("    families: [ipv4-unicast]\n"
			"    long-lived-graceful-restart: { ipv4-unicast: 1, ipv6-unicast: 1 }\n"),
			1, "t:5:67: found a time for ipv6-unicast, which is not among the" },
		{ ROUTER "journal: true\n", 1,
			"t:2:10: found \"true\" for journal, expected a map" },
		{ ROUTER "journal: { path: j.db }\n", 1,
			"found \"j.db\" for path, expected an abs" },
		{ ROUTER "journal: { history: 7w }\n", 1,
			"t:2:21: found \"7w\" for history, expected a duration from 0s to 3650d, "
			"in "
			"seconds or with a unit (90s, 15m, 24h, 7d)\n" },
		{ ROUTER "journal: { history: d }\n", 1, "found \"d\" for history" },
		{ ROUTER "journal: { history: -1 }\n", 1, "found \"-1\" for history" },
		{ ROUTER "journal: { history: 1.5h }\n", 1, "found \"1.5h\" for history" },
		{ ROUTER "journal: { history: 07d }\n", 1, "found \"07d\" for history" },
		{ ROUTER "journal: { history: 3651d }\n", 1, "found \"3651d\" for history" },
		{ ROUTER "journal: { history: 99999999999999999999 }\n", 1, "for history, expect" },
		{ ROUTER "journal: { history: 9999999999999999999d }\n", 1, "for history, expect" },
		{ ROUTER "journal: { max-size: 15MiB }\n", 1,
			"t:2:22: found \"15MiB\" for max-size, expected a size from 16MiB to "
			"64TiB, "
			"in bytes or with a unit (512MiB, 4GiB)\n" },
		{ ROUTER "journal: { max-size: 4GB }\n", 1, "found \"4GB\" for max-size" },
		{ ROUTER "journal: { restore-max-age: [] }\n", 1, "found a list for restore-max" },
		{ ROUTER "journal: { patch: /j }\n", 1, "did you mean \"path\"?" },
	};
	(void)state;
	check_cases(cases, N_ELEMENTS(cases));
}

static void peers_are_strict(void **state)
{
	static const struct fault_case cases[] = {
		{ ROUTER "peers: {}\n", 1, "t:2:8: found a mapping for peers, expected a list" },
		{ ROUTER "peers: [a]\n", 1, "t:2:9: found \"a\" for a peer, expected a mapping" },
		{ PEER("group: g"), 1, "t:4:5: found no key \"address\" in a peer" },
		{ PEER("address: 192.0.2.1"), 1, "t:4:5: found no key \"group\" in a peer" },
		{ PEER("address: 192.0.2.1, group: G2"), 1,
			"t:4:34: found the unknown group \"G2\", expected the name of a group" },
		{ PEER("address: 192.0.2.1, group: [g]"), 1, "t:4:34: found a list for group" },
		{ PEER("address: 0.0.0.0, group: g"), 1,
			"t:4:16: found \"0.0.0.0\" for address, e" },
		{ PEER("address: 255.255.255.255, group: g"), 1, "expected a unicast address" },
		{ PEER("address: 239.1.1.1, group: g"), 1, "expected a unicast address" },
		{ PEER("address: \"ff02::1\", group: g"), 1, "expected a unicast address" },
		{ PEER("address: \"::\", group: g"), 1, "expected a unicast address" },
		{ PEER("address: \"::ffff:192.0.2.1\", group: g"), 1,
			"t:4:16: found the IPv4-mapped address \"::ffff:192.0.2.1\" for address, "
			"expected 192.0.2.1\n" },
		{ PEER("address: \"fe80::1\", group: g"), 1,
			"t:4:16: found the link-local address" },
		{ PEER("address: tor-1.example, group: g"), 1, "expected an IPv4 or IPv6 address" },
		{ PEER("address: 192.0.2.1, group: g, local-address: \"2001:db8::1\""), 1,
			"t:4:52: found the local-address 2001:db8::1, expected an address of the "
			"peer's family, IPv4\n" },
		{ PEER("address: 192.0.2.1, group: g, port: 0"), 1, "found \"0\" for port" },
		{ PEER("address: 192.0.2.1, group: g, passive: 1"), 1, "expected true or false" },
		{ PEER("address: 192.0.2.1, group: g, description: \"a\\nb\""), 1,
			"found the text \"a\\x0ab\" for description" },
		{ PEER("address: 192.0.2.1, group: g, description: \"a\\x9bb\""), 1,
			"without con" },
		{ PEER("address: 192.0.2.1, group: g, description: []"), 1,
			"found a list for desc" },
		{ PEER("address: 192.0.2.1, group: g }\n  - { address: 192.0.2.1, group: p"), 1,
			"t:5:16: found the peer 192.0.2.1 again, expected it once (it is at line "
			"4, "
			"column 16)\n" },
	};
	(void)state;
	check_cases(cases, N_ELEMENTS(cases));
}

static void keys_are_held_against_each_other(void **state)
{
	static const struct fault_case cases[] = {
		{ GROUP("    role: external\n"), 1,
			"t:3:3: found the external group g without the key \"as\"" },
		{ GROUP("    role: external\n    as: 64512\n"), 1,
			"t:5:9: found as 64512, the AS of the router, for the external group g" },
		{ GROUP("    as: 64513\n"), 1,
			"t:4:9: found as 64513 for the client group g, expected 64512" },
		{ GROUP("    role: non-client\n    as: 64513\n"), 1, "for the non-client group g" },
		{ ROUTER "groups:\n  a: { dynamic: [10.1.0.0/16] }\n  b: { dynamic: [10.1.0.0/16] "
			 "}\n",
			1,
			"t:4:18: found the dynamic range 10.1.0.0/16 again, expected it once (it "
			"is at "
			"line 3, column 18, in group a)\n" },
		{ ROUTER "groups:\n  a: { dynamic: [10.1.0.0/16] }\n  b: { dynamic: [10.0.0.0/8] "
			 "}\n",
			1,
			"t:4:18: found the dynamic range 10.0.0.0/8, which overlaps 10.1.0.0/16 at "
			"line "
			"3, column 18, in group a, expected ranges apart\n" },
		{ ROUTER "groups:\n  a: { dynamic: [10.0.0.0/8, 11.0.0.0/8, 10.9.0.0/16] }\n", 1,
			"t:3:42: found the dynamic range 10.9.0.0/16, which overlaps 10.0.0.0/8" },
		/* A neighbor between outer and inner must not hide the overlap. */
		{ ROUTER "groups:\n  a: { dynamic: [0.0.0.0/0, 10.0.0.0/8, 12.0.0.0/8] }\n", 2,
			"12.0.0.0/8, which overlaps 0.0.0.0/0" },
		{ ROUTER "listen: [ { address: \"::\" }, { address: \"0::0\", port: 179 } ]\n", 1,
			"t:2:30: found :: port 179 again, expected it once (it is at line 2, "
			"column 11)" },
		{ ROUTER "listen: [ { address: 10.0.0.1 }, { address: \"::\" } ]\n", 1,
			"t:2:34: found :: port 179, which overlaps 10.0.0.1 port 179 at line 2" },
		{ ROUTER "listen: [ { address: 0.0.0.0 }, { address: 10.0.0.1 } ]\n", 1,
			"t:2:33: found 10.0.0.1 port 179, which overlaps 0.0.0.0 port 179" },
		/* One fault is not the reason of others. */
		{ "router: { as: x, id: 1.1.1.1 }\ngroups: { g: { as: 5 } }\n", 1,
			"t:1:15: found" },
		{ GROUP("    role: externl\n    as: 5\n"), 1,
			"t:4:11: found \"externl\" for role" },
		{ ROUTER "groups: { g: [] }\npeers: [ { address: 192.0.2.1, group: g } ]\n", 1,
			"t:2:14: found a list for group g" },
	};
	(void)state;
	check_cases(cases, N_ELEMENTS(cases));
}

static void all_faults_come_at_once_in_order(void **state)
{
	char *faults, *at;
	struct config *config = parse("peers: [ { address: x, group: y } ]\n"
				      "log: { level: z }\nnonsense: 1\nrouter: { as: 0 }\n",
		&faults);
	static const char *const places[] = {
		"t:1:21: ", "t:1:31: ", "t:2:15: ", "t:3:1: ", "t:4:9: ", "t:4:15: "
	};
	(void)state;
	assert_null(config);
	assert_int_equal(count_lines(faults), N_ELEMENTS(places));
	at = faults;
	for (size_t i = 0; i < N_ELEMENTS(places); i++) {
		assert_int_equal(strncmp(at, places[i], strlen(places[i])), 0);
		at = strchr(at, '\n') + 1;
	}
	free(faults);
}

static void many_faults_are_counted(void **state)
{
	char *text, *faults;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	(void)state;
	fputs(ROUTER "peers:\n", stream);
	for (int i = 0; i < 250; i++)
		fputs("  - x\n", stream);
	fclose(stream);
	assert_null(parse(text, &faults));
	assert_int_equal(count_lines(faults), CONFIG_FAULTS_MAX + 1);
	assert_non_null(strstr(faults, "t:103:5: and 150 more faults from here on\n"));
	free(faults);
	free(text);
}

/* Memory for faults has an end, their count has none. */
static void countless_faults_are_counted(void **state)
{
	char *text, *faults;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	(void)state;
	assert_non_null(stream);
	fputs(ROUTER "peers:\n", stream);
	for (int i = 0; i < CONFIG_FAULTS_KEPT + 500; i++)
		fputs("  - x\n", stream);
	fclose(stream);
	assert_null(parse(text, &faults));
	assert_int_equal(count_lines(faults), CONFIG_FAULTS_MAX + 1);
	assert_non_null(strstr(faults, "t:103:5: and 10400 more faults from here on\n"));
	free(faults);
	free(text);
}

static void too_many_sockets_are_refused(void **state)
{
	char *text, *faults;
	size_t size;
	(void)state;
	for (int n = 256; n <= 257; n++) {
		FILE *stream = open_memstream(&text, &size);
		assert_non_null(stream);
		fputs(ROUTER "listen:\n", stream);
		for (int i = 0; i < n; i++)
			fprintf(stream, "  - { address: 127.0.0.1, port: %d }\n", i + 1);
		fclose(stream);
		struct config *config = parse(text, &faults);
		if (n == 256)
			assert_non_null(config);
		else
			assert_string_equal(faults,
				"t:3:3: found 257 entries in listen, expected at most 256\n");
		config_free(config);
		free(faults);
		free(text);
	}
}

static void long_names_are_cut(void **state)
{
	char *faults, text[600];
	char name[301];
	(void)state;
	memset(name, 'a', 300);
	name[300] = '\0';
	snprintf(text, sizeof(text), ROUTER "%s: 1\n", name);
	assert_null(parse(text, &faults));
	assert_non_null(strstr(faults, "aaa...\" in the configuration"));
	free(faults);
	/* The names of groups and descriptions have a bound, the bound itself is allowed. */
	snprintf(text, sizeof(text), ROUTER "groups: { %.65s: {} }\n", name);
	assert_null(parse(text, &faults));
	free(faults);
	snprintf(text, sizeof(text), ROUTER "groups: { %.64s: {} }\n", name);
	config_free(valid(text));
	snprintf(text, sizeof(text), ROUTER "management: { socket: { path: /%.106s } }\n", name);
	config_free(valid(text));
	snprintf(text, sizeof(text), ROUTER "management: { socket: { path: /%.107s } }\n", name);
	assert_null(parse(text, &faults));
	free(faults);
}

static void edit_distances(void **state)
{
	static const struct {
		const char *a, *b;
		size_t distance;
	} cases[] = {
		{ "", "", 0 },
		{ "", "abc", 3 },
		{ "abc", "", 3 },
		{ "kitten", "sitting", 3 },
		{ "level", "levle", 1 },
		{ "recieve", "receive", 1 },
		{ "as", "as", 0 },
		{ "hold_time", "hold-time", 1 },
	};
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++)
		assert_int_equal(config_edit_distance(cases[i].a, cases[i].b), cases[i].distance);
	char longest[66];
	memset(longest, 'x', 65);
	longest[65] = '\0';
	assert_true(config_edit_distance(longest, "x") == SIZE_MAX);
	assert_true(config_edit_distance("x", longest) == SIZE_MAX);
	longest[64] = '\0';
	assert_int_equal(config_edit_distance("x", longest), 63);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shape_of_the_file),
		cmocka_unit_test(an_alias_is_refused_once),
		cmocka_unit_test(unknown_keys_name_the_nearest),
		cmocka_unit_test(later_keys_are_known),
		cmocka_unit_test(values_are_strict),
		cmocka_unit_test(peers_are_strict),
		cmocka_unit_test(keys_are_held_against_each_other),
		cmocka_unit_test(all_faults_come_at_once_in_order),
		cmocka_unit_test(many_faults_are_counted),
		cmocka_unit_test(countless_faults_are_counted),
		cmocka_unit_test(too_many_sockets_are_refused),
		cmocka_unit_test(long_names_are_cut),
		cmocka_unit_test(edit_distances),
	};
	return cmocka_run_group_tests_name("config_faults", tests, NULL, NULL);
}
