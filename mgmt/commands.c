#include "mgmt/show.h"

#include <assert.h>

#define TIME_DETAIL                                                                       \
	"T is 2026-11-22T03:12, with seconds and a zone (Z, +01:00) or without, 03:12,\n" \
	"yesterday 03:12, -15m, -2h, -3d or now; without a zone it is local time.\n"

#define SINCE                                                           \
	{                                                               \
		.kind = ARGUMENT_TIME, .keyword = "since", .name = "T", \
		.help = "no change before T"                            \
	}
#define UNTIL                                                           \
	{                                                               \
		.kind = ARGUMENT_TIME, .keyword = "until", .name = "T", \
		.help = "no change after T"                             \
	}
#define LIMIT                                                             \
	{                                                                 \
		.kind = ARGUMENT_NUMBER, .keyword = "limit", .name = "N", \
		.help = "only the last N"                                 \
	}

/* In the order in which `help` lists them. A new command is one row, and its handler. */
static const struct command rows[] = {
	{
		.words = "show summary",
		.help = "the router, its peers and its table at a glance",
		.run = show_summary,
	},
	{
		.words = "show peers",
		.help = "all peers, or one in full detail",
		.detail = "With ADDRESS: capabilities, what was negotiated, timers, message and drop\n"
			  "counters, why the last session ended, update group and output.\n",
		.arguments = {[SHOW_PEERS_ADDRESS] = {.kind = ARGUMENT_ADDRESS,
				      .name = "ADDRESS",
				      .help = "the peer to show in detail"}},
		.run = show_peers,
	},
	{
		.words = "show groups",
		.help = "update groups: peers that are sent the same bytes",
		.run = show_groups,
	},
	{
		.words = "show routes",
		.help = "paths: of the table, of one prefix, from or to one peer",
		.detail = "Without arguments every path of the table, * marking the best of each prefix.\n"
			  "PREFIX alone shows that prefix in detail, an address its longest match.\n"
			  "longer adds all more specific prefixes; exact turns longest match off.\n"
			  "peer ADDRESS shows what that peer sent (received) or is sent (advertised).\n"
			  "at T shows the best paths as they were at T, from the journal.\n" TIME_DETAIL,
		.arguments =
			{
				[SHOW_ROUTES_PREFIX] = {.kind = ARGUMENT_PREFIX,
					.name = "PREFIX",
					.help = "a prefix, or an address for its longest match"},
				[SHOW_ROUTES_MATCH] = {.kind = ARGUMENT_CHOICE,
					.name = "match",
					.choices = {"longer", "exact"},
					.choice_help = {"PREFIX and all more specific ones",
						"no other prefix than PREFIX"},
					.help = "with all more specific ones; or no longest match"},
				[SHOW_ROUTES_PEER] = {.kind = ARGUMENT_ADDRESS,
					.keyword = "peer",
					.name = "ADDRESS",
					.help = "only what one peer sent or is sent"},
				[SHOW_ROUTES_DIRECTION] = {.kind = ARGUMENT_CHOICE,
					.name = "direction",
					.choices = {"received", "advertised"},
					.choice_help = {"what the peer sent (default)",
						"what the peer is sent"},
					.help = "from the peer (default); or to the peer"},
				[SHOW_ROUTES_FAMILY] = {.kind = ARGUMENT_FAMILY,
					.keyword = "family",
					.name = "FAMILY",
					.help = "only ipv4-unicast or ipv6-unicast"},
				[SHOW_ROUTES_AT] = {.kind = ARGUMENT_TIME,
					.keyword = "at",
					.name = "T",
					.help = "the best paths as they were then"},
			},
		.run = show_routes,
	},
	{
		.words = "show history prefix",
		.help = "each change of the best path of a prefix, and its cause",
		.detail = "From the journal, oldest first: the old best path (-), the new one (+), and by\n"
			  "whose doing. An address is taken as the longest prefix with changes that\n"
			  "covers it. What happened within the last second may not be there yet.\n" TIME_DETAIL,
		.arguments = {[SHOW_HISTORY_PREFIX] = {.kind = ARGUMENT_PREFIX,
				      .required = true,
				      .name = "PREFIX",
				      .help = "a prefix, or an address"},
			[SHOW_HISTORY_SINCE] = SINCE,
			[SHOW_HISTORY_UNTIL] = UNTIL,
			[SHOW_HISTORY_LIMIT] = LIMIT},
		.run = show_history_prefix,
	},
	{
		.words = "show history peer",
		.help = "what happened to the sessions of a peer",
		.detail = "From the journal, oldest first: states, and NOTIFICATIONs with what they said.\n" TIME_DETAIL,
		.arguments = {[SHOW_HISTORY_PEER] = {.kind = ARGUMENT_ADDRESS,
				      .required = true,
				      .name = "ADDRESS",
				      .help = "the peer"},
			[SHOW_HISTORY_SINCE] = SINCE,
			[SHOW_HISTORY_UNTIL] = UNTIL,
			[SHOW_HISTORY_LIMIT] = LIMIT},
		.run = show_history_peer,
	},
	{
		.words = "show history gaps",
		.help = "where the history is incomplete, and starts of heliostatd",
		.detail = TIME_DETAIL,
		.arguments = {[SHOW_HISTORY_GAPS_SINCE] = SINCE, [SHOW_HISTORY_GAPS_UNTIL] = UNTIL},
		.run = show_history_gaps,
	},
	{
		.words = "show journal",
		.help = "the journal: what is written, what waits, what was restored",
		.run = show_journal,
	},
	{
		.words = "show health",
		.help = "healthy, or degraded and why; exit status 1 when degraded",
		.run = show_health,
	},
	{
		.words = "show version",
		.help = "the version of heliostatd",
		.run = show_version,
	},
	{
		.words = "show config",
		.help = "the configuration in force",
		.detail = "The file as it was read, comments and all; effective shows every key with its\n"
			  "value, defaults filled in.\n",
		.arguments = {[SHOW_CONFIG_EFFECTIVE] = {.kind = ARGUMENT_CHOICE,
				      .name = "form",
				      .choices = {"effective"},
				      .help = "with every default filled in"}},
		.run = show_config,
	},
	{
		.words = "clear peer",
		.help = "reset a peer's session, or refresh its routes",
		.detail = "hard (the default) ends the session with Cease/Administrative Reset; it is\n"
			  "set up again at once, and no route of before is kept. soft keeps the session:\n"
			  "the peer is asked for its routes again (ROUTE-REFRESH) and is sent ours again.\n",
		.arguments =
			{
				[CLEAR_PEER_ADDRESS] = {.kind = ARGUMENT_ADDRESS,
					.required = true,
					.name = "ADDRESS",
					.help = "the peer"},
				[CLEAR_PEER_KIND] = {.kind = ARGUMENT_CHOICE,
					.name = "kind",
					.choices = {"soft", "hard"},
					.choice_help = {"exchange all routes again, keep the session",
						"end the session and set it up again (default)"},
					.help = "keep the session; or reset it (default)"},
			},
		.run = clear_peer,
	},
	{
		.words = "journal compact",
		.help = "have the journal's file give its free room back",
		.detail = "Done beside everything else, in small steps. \"heliostat journal\" has more to do\n"
			  "with the file, also without heliostatd: verify, stats, export (heliostat(1)).\n",
		.run = compact_journal,
	},
	{
		.words = "shutdown",
		.help = "end heliostatd; TEXT is told to all peers (RFC 9003)",
		.detail = "Closes every session with Cease/Administrative Shutdown and ends the daemon.\n"
			  "TEXT, up to 255 bytes, goes along and shows up in the peers' logs.\n",
		.arguments = {[SHUTDOWN_TEXT] = {.kind = ARGUMENT_TEXT,
				      .name = "TEXT",
				      .help = "why, for the peers' operators"}},
		.run = shutdown_daemon,
	},
	{
		.words = "restart",
		.help = "restart heliostatd; peers with Graceful Restart keep our routes",
		.detail = "Brings the journal up to date, closes the sessions so that the peers keep our\n"
			  "routes (RFC 4724), and starts the program and its configuration anew in the\n"
			  "same process. Refused when the configuration file is faulty. Peers without\n"
			  "Graceful Restart are told Cease/Administrative Reset.\n",
		.run = restart_daemon,
	},
	{
		.words = "help",
		.help = "all commands, or one in detail",
		.arguments = {[HELP_COMMAND] = {.kind = ARGUMENT_COMMAND,
				      .name = "COMMAND",
				      .help = "the command to explain"}},
		.run = help,
	},
};

static_assert(sizeof rows / sizeof rows[0] <= COMMAND_ROWS_MAX, "the parser's limit");

const struct command_table *mgmt_commands(void)
{
	static const struct command_table table = { rows, sizeof rows / sizeof rows[0] };
	return &table;
}
