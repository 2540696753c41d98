/*
 * heliostat: the shell of heliostatd. Reads the command line and hands over: a command in the
 * arguments, commands on standard input, or the interactive prompt.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mgmt/journal_tool.h"
#include "mgmt/output.h"
#include "mgmt/shell.h"
#include "rr/config.h"
#include "rr/reflector.h"

static const char usage[] =
	"usage: heliostat [-s SOCKET] [--json] [COMMAND...]\n"
	"       " JOURNAL_TOOL_USAGE "\n"
	"\n"
	"  -s, --socket SOCKET  the daemon's management socket (" MGMT_SOCKET_DEFAULT ")\n"
	"  -j, --json           answers as JSON\n"
	"  -V, --version        print the version\n"
	"  -h, --help           print this\n"
	"\n"
	"Without COMMAND: an interactive prompt, or commands from standard input, one a line.\n"
	"heliostat journal works on the file of the journal (-f, default " CONFIG_JOURNAL_PATH "), "
	"with\n"
	"a daemon or without.\n"
	"\"heliostat help\" lists the commands, \"heliostat help COMMAND\" explains one.\n"
	"Exit status: 0 done, 1 the command failed, 2 it was not understood, 3 no daemon "
	"answers.\n";

static const struct option options[] = {
	{ "socket", required_argument, NULL, 's' },
	{ "json", no_argument, NULL, 'j' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* The command that the arguments are; options may stand before, behind and among its words. */
struct arguments {
	struct output line;
	bool given; /* there was a word */
	bool ended; /* by "--": from here on every argument is a word */
	bool journal; /* what is left is for journal_tool, which has its own options */
};

static void take_word(struct arguments *arguments, const char *word)
{
	if (!arguments->given && strcmp(word, "journal") == 0)
		arguments->journal = true;
	else
		output_printf(&arguments->line, "%s%s", arguments->given ? " " : "", word);
	arguments->given = true;
}

/* One option. -1, or the status to end with. */
static int take_option(struct shell *shell, int option)
{
	switch (option) {
	case 's': shell->client.path = optarg; return -1;
	case 'j': shell->json = true; return -1;
	case 'V': puts("heliostat " HELIOSTAT_VERSION); return MGMT_OK;
	case 'h': fputs(usage, stdout); return MGMT_OK;
	default: fputs(usage, stderr); return MGMT_USAGE;
	}
}

/* "-15m" is no option. */
static bool is_time(const char *argument)
{
	return argument[0] == '-' && argument[1] >= '0' && argument[1] <= '9';
}

static int take_arguments(struct shell *shell, struct arguments *arguments, int argc, char **argv)
{
	int status = -1;
	while (status < 0 && optind < argc && !arguments->journal) {
		int at = optind;
		bool word = arguments->ended || is_time(argv[optind]);
		int option = word ? -1 : getopt_long(argc, argv, "+s:jVh", options, NULL);
		if (option != -1) {
			status = take_option(shell, option);
			continue;
		}
		if (optind > at)
			arguments->ended = true;
		if (optind < argc)
			take_word(arguments, argv[optind++]);
	}
	return status;
}

static int run_arguments(struct shell *shell, const struct arguments *arguments)
{
	if (!arguments->line.failed)
		return shell_line(shell, arguments->line.bytes);
	fputs("heliostat: out of memory\n", stderr);
	return MGMT_FAILED;
}

int main(int argc, char **argv)
{
	struct shell *shell = calloc(1, sizeof *shell);
	if (shell == NULL) {
		fputs("heliostat: out of memory\n", stderr);
		return MGMT_FAILED;
	}
	client_begin(&shell->client, MGMT_SOCKET_DEFAULT);
	struct arguments arguments = { 0 };
	int status = take_arguments(shell, &arguments, argc, argv);
	if (status < 0 && arguments.journal)
		status = journal_tool(&shell->client, shell->json, argv + optind, argc - optind);
	else if (status < 0 && arguments.given)
		status = run_arguments(shell, &arguments);
	else if (status < 0 && isatty(STDIN_FILENO))
		status = shell_interactive(shell);
	else if (status < 0)
		status = shell_script(shell, stdin);
	output_free(&arguments.line);
	client_close(&shell->client);
	free(shell);
	return status;
}
