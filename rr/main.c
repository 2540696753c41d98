/*
 * heliostatd: the one file that knows every part. Reads the command line and the configuration,
 * puts the reflector and the management server on one event loop, turns signals into calls, and
 * gives everything back at the end.
 */
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mgmt/server.h"
#include "rr/descriptors.h"
#include "rr/reflector.h"

#define DEFAULT_CONFIG "/etc/heliostat/heliostat.yaml"

enum { EXIT_USAGE = 2, EXIT_RESTART = 3, N_SIGNALS = 3 };

static void usage(FILE *to)
{
	fputs("usage: heliostatd [-c FILE] [--check] [--version] [--help]\n"
	      "  -c, --config FILE  the configuration (default " DEFAULT_CONFIG ")\n"
	      "      --check        check the configuration and exit: 0 when it is valid, 1 when "
	      "not\n"
	      "      --version      print the version and exit\n"
	      "      --help         print this and exit\n"
	      "Stays in the foreground and logs to stderr. SIGHUP loads the configuration again,\n"
	      "SIGTERM and SIGINT end all sessions, as router.on-terminate says, and the daemon; "
	      "a\n"
	      "second one ends it at once.\n",
		to);
}

struct options {
	const char *config;
	bool check;
};

/* -1 to go on, else the exit status. */
static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option names[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, 'k' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "c:h", names, NULL)) != -1) {
		switch (option) {
		case 'c': options->config = optarg; break;
		case 'k': options->check = true; break;
		case 'v': puts("heliostatd " HELIOSTAT_VERSION); return EXIT_SUCCESS;
		case 'h': usage(stdout); return EXIT_SUCCESS;
		default: usage(stderr); return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "heliostatd: found an argument '%s', expected only options\n",
			argv[optind]);
		usage(stderr);
		return EXIT_USAGE;
	}
	return -1;
}

struct daemon {
	struct event_base *base;
	struct reflector *reflector;
	struct mgmt_server *mgmt;
	struct event *signals[N_SIGNALS];
	bool ending;
	bool restart; /* this program is to begin anew */
};

static void on_end_signal(evutil_socket_t number, short what, void *context)
{
	struct daemon *daemon = context;

	(void)number;
	(void)what;
	if (daemon->reflector == NULL) {
		daemon->restart = false;
		return;
	}
	if (daemon->ending) {
		reflector_abandon(daemon->reflector);
		return;
	}
	daemon->ending = true;
	reflector_terminate(daemon->reflector);
}

static void on_reload_signal(evutil_socket_t number, short what, void *context)
{
	struct daemon *daemon = context;

	(void)number;
	(void)what;
	if (daemon->reflector != NULL)
		(void)reflector_reload(daemon->reflector);
}

static const struct {
	int number;
	event_callback_fn callback;
} watched[N_SIGNALS] = {
	{ SIGTERM, on_end_signal },
	{ SIGINT, on_end_signal },
	{ SIGHUP, on_reload_signal },
};

/* `how` as of sigprocmask. A restart holds them back: they wait for the program begun anew. */
static void mask_signals(int how)
{
	sigset_t signals;

	sigemptyset(&signals);
	for (size_t i = 0; i < N_SIGNALS; i++)
		sigaddset(&signals, watched[i].number);
	(void)sigprocmask(how, &signals, NULL);
}

static bool watch_signals(struct daemon *daemon)
{
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return false;
	for (size_t i = 0; i < N_SIGNALS; i++) {
		daemon->signals[i] = evsignal_new(
			daemon->base, watched[i].number, watched[i].callback, daemon);
		if (daemon->signals[i] == NULL || event_add(daemon->signals[i], NULL) < 0)
			return false;
	}
	mask_signals(SIG_UNBLOCK);
	return true;
}

/*
 * Two priorities: what is set to 0 (the reflector's tick) goes before the sockets, and the loop
 * looks for it at least every 20 ms however many sockets are ready.
 */
static struct event_base *new_event_base(void)
{
	static const struct timeval interval = { .tv_usec = 20000 };
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config != NULL && event_config_set_max_dispatch_interval(config, &interval, -1, 1) == 0)
		base = event_base_new_with_config(config);
	if (config != NULL)
		event_config_free(config);
	if (base != NULL && event_base_priority_init(base, 2) < 0) {
		event_base_free(base);
		return NULL;
	}
	return base;
}

static int run(struct daemon *daemon, struct config *config)
{
	daemon->base = new_event_base();
	if (daemon->base == NULL) {
		fputs("heliostatd: cannot create an event loop\n", stderr);
		config_free(config);
		return EXIT_FAILURE;
	}
	if (!watch_signals(daemon)) {
		fprintf(stderr, "heliostatd: cannot watch signals: %s\n", strerror(errno));
		config_free(config);
		return EXIT_FAILURE;
	}
	daemon->reflector = reflector_new(config, daemon->base, stderr);
	if (daemon->reflector == NULL)
		return EXIT_FAILURE;
	daemon->mgmt = mgmt_server_new(daemon->reflector, stderr);
	if (daemon->mgmt == NULL || !reflector_start(daemon->reflector, stderr))
		return EXIT_FAILURE;
	if (event_base_dispatch(daemon->base) < 0) {
		fprintf(stderr, "heliostatd: the event loop failed: %s\n", strerror(errno));
		return EXIT_FAILURE;
	}
	daemon->restart = reflector_restarts(daemon->reflector);
	return EXIT_SUCCESS;
}

static void give_back(struct daemon *daemon)
{
	mgmt_server_free(daemon->mgmt);
	reflector_free(daemon->reflector);
	daemon->reflector = NULL;
	if (daemon->restart) {
		mask_signals(SIG_BLOCK);
		/* What came while all that was given back: an end is none that begins anew. */
		(void)event_base_loop(daemon->base, EVLOOP_NONBLOCK);
	}
	for (size_t i = 0; i < N_SIGNALS; i++) {
		if (daemon->signals[i] != NULL)
			event_free(daemon->signals[i]);
	}
	if (daemon->base != NULL)
		event_base_free(daemon->base);
	libevent_global_shutdown();
}

#define OWN_PROGRAM "/proc/self/exe"

/*
 * Where the program is, for a restart: the file may be another one by then, an upgrade. False when
 * that is not known.
 */
static bool find_program(char *path, size_t size)
{
	static const char deleted[] = " (deleted)"; /* after a restart without the file */
	const size_t deleted_len = sizeof deleted - 1;
	ssize_t len = readlink(OWN_PROGRAM, path, size);

	if (len <= 0 || (size_t)len >= size)
		return false;
	path[len] = '\0';
	if ((size_t)len > deleted_len && strcmp(path + len - deleted_len, deleted) == 0)
		path[(size_t)len - deleted_len] = '\0';
	return true;
}

/*
 * Becomes the program anew, with the same process ID: a restart needs nobody to start it again, in
 * a container or in the foreground. Comes back only when it cannot.
 */
static int begin_anew(const char *path, char **argv)
{
	execv(path, argv);
	fprintf(stderr,
		"heliostatd: cannot start %s again: %s; going on with the program as it was\n",
		path, strerror(errno));
	/* An upgrade that removed the file, or is half way through: what runs is still there. */
	execv(OWN_PROGRAM, argv);
	fprintf(stderr, "heliostatd: cannot start again: %s\n", strerror(errno));
	return EXIT_RESTART;
}

int main(int argc, char **argv)
{
	struct options options = { .config = DEFAULT_CONFIG };
	struct daemon daemon = { 0 };
	char program[PATH_MAX];
	int status = parse_options(argc, argv, &options);
	struct config *config;

	if (status >= 0)
		return status;
	/*
	 * A line of the log is one write: not one a character, and not mixed with what others
	 * write.
	 */
	setvbuf(stderr, NULL, _IOLBF, BUFSIZ);
	config = config_load(options.config, stderr);
	if (config == NULL)
		return EXIT_FAILURE;
	if (options.check) {
		printf("%s: configuration is valid\n", options.config);
		config_free(config);
		return EXIT_SUCCESS;
	}
	descriptors_raise();
	descriptors_reserve();
	if (!find_program(program, sizeof program))
		snprintf(program, sizeof program, "%s", argv[0]);
	status = run(&daemon, config);
	give_back(&daemon);
	return daemon.restart ? begin_anew(program, argv) : status;
}
