/*
 * heliostat: the shell of heliostatd. Reads the command line and hands over: a command in the
 * arguments, commands on standard input, or the interactive prompt.
 */
#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#include "mgmt/output.h"
#include "mgmt/shell.h"
#include "rr/reflector.h"

static const char usage[] =
	"usage: heliostat [-s SOCKET] [--json] [COMMAND...]\n"
	"\n"
	"  -s, --socket SOCKET  the daemon's management socket (" MGMT_SOCKET_DEFAULT ")\n"
	"  -j, --json           answers as JSON\n"
	"  -V, --version        print the version\n"
	"  -h, --help           print this\n"
	"\n"
	"Without COMMAND: an interactive prompt, or commands from standard input, one a line.\n"
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

static int run_arguments(struct shell *shell, char **words, int n)
{
	struct output line = { 0 };
	for (int i = 0; i < n; i++)
		output_printf(&line, "%s%s", i > 0 ? " " : "", words[i]);
	if (line.failed) {
		fputs("heliostat: out of memory\n", stderr);
		output_free(&line);
		return MGMT_FAILED;
	}
	int status = shell_line(shell, line.bytes);
	output_free(&line);
	return status;
}

int main(int argc, char **argv)
{
	struct shell *shell = calloc(1, sizeof *shell);
	if (shell == NULL) {
		fputs("heliostat: out of memory\n", stderr);
		return MGMT_FAILED;
	}
	client_begin(&shell->client, MGMT_SOCKET_DEFAULT);
	int status = -1;
	int option;
	while (status < 0 && (option = getopt_long(argc, argv, "s:jVh", options, NULL)) != -1) {
		switch (option) {
		case 's': shell->client.path = optarg; break;
		case 'j': shell->json = true; break;
		case 'V':
			puts("heliostat " HELIOSTAT_VERSION);
			status = MGMT_OK;
			break;
		case 'h':
			fputs(usage, stdout);
			status = MGMT_OK;
			break;
		default:
			fputs(usage, stderr);
			status = MGMT_USAGE;
			break;
		}
	}
	if (status < 0 && optind < argc)
		status = run_arguments(shell, argv + optind, argc - optind);
	else if (status < 0 && isatty(STDIN_FILENO))
		status = shell_interactive(shell);
	else if (status < 0)
		status = shell_script(shell, stdin);
	client_close(&shell->client);
	free(shell);
	return status;
}
