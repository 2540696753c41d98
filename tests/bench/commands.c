#include "tests/bench/commands.h"

#include <string.h>

static enum outcome run_events(struct script *script, char **words, size_t n_words, FILE *reply)
{
	(void)reply;
	if (n_words != 1 || (strcmp(words[0], "on") != 0 && strcmp(words[0], "off") != 0))
		return script_fail(script, "expected events on or events off");
	script->bench->events = strcmp(words[0], "on") == 0;
	return OUTCOME_DONE;
}

static enum outcome run_quit(struct script *script, char **words, size_t n_words, FILE *reply)
{
	(void)words;
	(void)reply;
	if (n_words > 0)
		return script_fail(script, "expected quit");
	script->bench->quit = true;
	return OUTCOME_DONE;
}

static enum outcome run_help(struct script *script, char **words, size_t n_words, FILE *reply)
{
	(void)script;
	(void)words;
	(void)n_words;
	fprintf(reply, ",\"commands\":[");
	for (const struct command *command = commands; command->name != NULL; command++) {
		char line[1024];

		snprintf(line, sizeof(line), "%s %s: %s", command->name, command->arguments,
			command->help);
		if (command != commands)
			fputc(',', reply);
		json_string(reply, line);
	}
	fputc(']', reply);
	return OUTCOME_DONE;
}

const struct command commands[] = {
	{ "target", "ADDRESS [PORT]", "whom connect connects to", run_target },
	{ "peers",
		"NAME COUNT from ADDRESS as AS [id-from ID] [families ipv4,ipv6] [add-path "
		"receive|send|both] [hold S] [remote-as AS] [local-port P] [no-as4] "
		"[no-extended-message] [ignore-own] [reconnect]",
		"makes speakers NAME[0] ..; addresses and BGP Identifiers count up", run_peers },
	{ "announce", "REF PREFIX [count N] [same] [path-id N] [ATTRIBUTE VALUE].. ",
		"the k-th speaker of the group announces N prefixes from the (k*N)-th on (with "
		"`same`, "
		"each the same N); attributes: origin, as-path, next-hop, med, local-pref, "
		"community, "
		"large-community, originator-id, cluster-id, atomic-aggregate, attribute "
		"TYPE:FLAGS:HEX",
		run_announce },
	{ "withdraw", "REF PREFIX [count N] [same] [path-id N] | REF all", "the reverse",
		run_withdraw },
	{ "synthesize", "REF [ipv4 N] [ipv6 N] [per-set N] [variant V] [med M]",
		"announces the made-up Internet table of so many prefixes, N of them an attribute "
		"set; each variant has the same prefixes with other paths. The mark is set before "
		"the first byte goes out",
		run_synthesize },
	{ "connect", "REF [rate N] [at-once N]",
		"connects, again until Established; N connections a second, at most N being set up "
		"at a time",
		run_connect },
	{ "listen", "REF PORT", "waits for the peer at the speaker's address instead", run_listen },
	{ "close", "REF [notification|reset|fin]", "ends sessions", run_close },
	{ "pause", "REF", "stops reading", run_pause },
	{ "resume", "REF", "reads again", run_resume },
	{ "refresh", "REF FAMILY", "sends ROUTE-REFRESH", run_refresh },
	{ "mrt", "REF FILE [peer-index N|peer-address A|all] [family F] [global-next-hops]",
		"announces a peer's table of an MRT file; `all`: the n-th speaker that of the n-th "
		"peer with routes; global-next-hops: without the link-local ones beside them",
		run_mrt },
	{ "mrt-updates", "REF FILE [peer-address A] [family F]",
		"announces and withdraws what the BGP4MP UPDATEs of an MRT file do",
		run_mrt_updates },
	{ "mrt-peers", "FILE", "lists the peers of an MRT file that have routes", run_mrt_peers },
	{ "churn", "REF PREFIX [count N] rate R seconds S [ATTRIBUTE VALUE]..",
		"R times a second, in the background, a prefix gets attributes it never had",
		run_churn },
	{ "flap", "REF rate R seconds S",
		"R times a second, in the background, one speaker leaves or joins; all have joined "
		"at "
		"the end",
		run_flap },
	{ "mark", "",
		"times count from here; paths received with attributes new from here on are fresh",
		run_mark },
	{ "probe", "REF PREFIX count N [gap MS] | report",
		"N times, each after the one before it reached all others: one changed route, "
		"timed "
		"to its last receiver; `report` tells the times",
		run_probe },
	{ "wait",
		"established|down|sent REF, prefixes|at-least REF N [family F], fresh REF N, "
		"end-of-rib REF [family F], quiet MS, activity, probe, seconds N; [timeout S]",
		"holds the script back", wait_begin },
	{ "check", "REF cluster-id ID|verbatim [best] [med-zero] [limit N]",
		"every client has the others' paths as RFC 4456 reflects them (verbatim: as they "
		"were sent), and nothing else; best: of several, that of the decision process; "
		"med-zero: a MED of 0 is added where there was none",
		run_check },
	{ "dump", "REF FILE|FOLDER",
		"prefix|path-id|next-hop|as-path|origin|local-pref|med|communities|originator-id|"
		"cluster-list|other, sorted",
		run_dump },
	{ "show", "REF", "state and counts of each speaker", run_show },
	{ "stats", "[REF] [reset]", "sums; seconds count from the first connect since the reset",
		run_stats },
	{ "events", "on|off", "session events as JSON lines; on at first", run_events },
	{ "help", "", "lists these", run_help },
	{ "quit", "", "ends all sessions with Cease and exits", run_quit },
	{ NULL, NULL, NULL, NULL },
};
