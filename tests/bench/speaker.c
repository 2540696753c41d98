/*
 * heliostat-speaker: thousands of BGP speakers in one process, driven by a script. This file holds
 * main, the poll loop and the small functions of bench.h.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/activity.h"
#include "tests/bench/demo.h"
#include "tests/bench/probe.h"
#include "tests/bench/script.h"
#include "tests/bench/session.h"

#define POLL_EVENTS 8192
#define TICK	    (100 * MILLISECOND)
#define TICK_SHORT \
	(5 * MILLISECOND) /* while speakers wait for their turn to connect, or the script waits */

uint64_t bench_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

void bench_mark(struct bench *bench)
{
	bench->mark = table_sets(bench->table);
	bench->marked_at = bench_clock();
	for (struct speaker_group *group = bench->groups; group != NULL; group = group->next) {
		for (uint32_t i = 0; i < group->count; i++)
			group->speakers[i].fresh = 0;
	}
}

char *speaker_name(const struct speaker *speaker, char *text, size_t size)
{
	snprintf(text, size, "%s[%u]", speaker->group->name, speaker->index);
	return text;
}

void json_string(FILE *to, const char *value)
{
	fputc('"', to);
	for (; *value != '\0'; value++) {
		unsigned char c = (unsigned char)*value;

		if (c == '"' || c == '\\')
			fprintf(to, "\\%c", c);
		else if (c < 0x20)
			fprintf(to, "\\u%04x", c);
		else
			fputc(c, to);
	}
	fputc('"', to);
}

struct ip_address ip_address_plus(const struct ip_address *address, uint64_t offset)
{
	struct ip_address sum = *address;
	__uint128_t carry = offset;

	for (int i = sum.len - 1; i >= 0 && carry != 0; i--) {
		carry += sum.bytes[i];
		sum.bytes[i] = (uint8_t)carry;
		carry >>= 8;
	}
	return sum;
}

static void log_event(
	struct bench *bench, const struct speaker *speaker, const char *event, const char *detail)
{
	char name[128];

	if (!bench->events)
		return;
	printf("{\"event\":\"%s\",\"speaker\":", event);
	json_string(stdout, speaker_name(speaker, name, sizeof(name)));
	printf(",\"detail\":");
	json_string(stdout, detail);
	printf("}\n");
	fflush(stdout);
}

struct program {
	struct bench bench;
	struct script script;
	struct poll_target input_target;
	struct poll_target signal_target;
	bool stay; /* until a signal, after the script */
};

static struct program *program_of(struct bench *bench)
{
	return (struct program *)((char *)bench - offsetof(struct program, bench));
}

static void input_ready(struct bench *bench, struct poll_target *target, uint32_t events)
{
	struct program *program = program_of(bench);
	char text[65536];
	ssize_t n = read(STDIN_FILENO, text, sizeof(text));

	(void)target;
	(void)events;
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		program->script.ended = true;
		epoll_ctl(bench->epoll_fd, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
	} else if (!script_add(&program->script, text, (size_t)n)) {
		fprintf(stderr, "heliostat-speaker: no memory for the script\n");
		bench->failed = bench->quit = true;
	}
}

static void signal_ready(struct bench *bench, struct poll_target *target, uint32_t events)
{
	(void)target;
	(void)events;
	bench->quit = true;
}

static bool read_script(struct script *script, FILE *from)
{
	char text[65536];
	size_t n;

	while ((n = fread(text, 1, sizeof(text), from)) > 0) {
		if (!script_add(script, text, n))
			return false;
	}
	return !ferror(from) && script_add(script, "\n", 1);
}

/* The script goes on with standard input: through epoll, or at once where it is a file. */
static bool follow_input(struct program *program)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &program->input_target };

	program->input_target.ready = input_ready;
	if (epoll_ctl(program->bench.epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &event) == 0)
		return true;
	program->script.ended = true;
	return read_script(&program->script, stdin);
}

/* SIGINT and SIGTERM come through the poll loop. */
static bool follow_signals(struct program *program)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &program->signal_target };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	program->signal_target.ready = signal_ready;
	int fd = sigprocmask(SIG_BLOCK, &set, NULL) == 0 ? signalfd(-1, &set, SFD_CLOEXEC) : -1;
	return fd >= 0 && epoll_ctl(program->bench.epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* Thousands of sockets need as many files. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int poll_pause(const struct program *program)
{
	int pause = program->bench.waiting > 0 || program->script.wait.kind != NULL
			    ? (int)(TICK_SHORT / MILLISECOND)
			    : (int)(TICK / MILLISECOND);
	int activity = activities_pause(&program->bench);

	if (activity >= 0 && activity < pause)
		pause = activity;
	return probe_under_way(&program->bench) ? 1 : pause;
}

static bool loop(struct program *program)
{
	struct bench *bench = &program->bench;
	struct epoll_event *events = calloc(POLL_EVENTS, sizeof(*events));
	uint64_t next_tick = 0;

	if (events == NULL)
		return false;
	while (!bench->quit && (program->stay || !script_finished(&program->script))) {
		int n = epoll_wait(bench->epoll_fd, events, POLL_EVENTS, poll_pause(program));

		bench->now = bench_clock();
		for (int i = 0; i < n && !bench->quit; i++) {
			struct poll_target *target = events[i].data.ptr;

			target->ready(bench, target, events[i].events);
		}
		bench->now = bench_clock();
		activities_run(bench);
		probe_run(bench);
		if (bench->now >= next_tick) {
			sessions_tick(bench);
			next_tick = bench->now + (bench->waiting > 0 ? TICK_SHORT : TICK);
		}
		script_run(&program->script);
	}
	free(events);
	return true;
}

static void groups_free(struct bench *bench)
{
	while (bench->groups != NULL) {
		struct speaker_group *group = bench->groups;

		for (uint32_t i = 0; i < group->count; i++) {
			speaker_close(bench, &group->speakers[i], CLOSE_NOTIFICATION);
			speaker_release(bench, &group->speakers[i]);
		}
		bench->groups = group->next;
		free(group->name);
		free(group->speakers);
		free(group);
	}
}

static bool program_begin(struct program *program)
{
	struct bench *bench = &program->bench;

	raise_file_limit();
	bench->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	bench->table = table_new();
	bench->input = malloc(INPUT_MAX);
	bench->log = log_event;
	bench->events = true;
	bench->next_bgp_id = 10u << 24 | 1;
	bench->now = bench_clock();
	program->script.bench = bench;
	program->script.replies = stdout;
	return bench->epoll_fd >= 0 && bench->table != NULL && bench->input != NULL &&
	       follow_signals(program);
}

static void program_end(struct program *program)
{
	struct bench *bench = &program->bench;

	activities_free(bench);
	probe_free(bench);
	groups_free(bench);
	table_free(bench->table);
	free(bench->input);
	script_free(&program->script);
	if (bench->epoll_fd >= 0)
		close(bench->epoll_fd);
}

static void help(FILE *to)
{
	fputs("Usage: heliostat-speaker [-e] [-f FILE [-]]\n", to);
	fputs("       ", to);
	demo_help(to);
	fputs("\n"
	      "Runs BGP speakers after a script from FILE, from standard input, or (with -) first "
	      "the one and then\n"
	      "the other. Each command is answered by one line of JSON with \"ok\"; session events "
	      "are lines with\n"
	      "\"event\". Exit status 1 when a command failed; -e stops at the first. REF is NAME, "
	      "NAME[3] or\n"
	      "NAME[3..7]. Commands:\n\n",
		to);
	for (const struct command *command = commands; command->name != NULL; command++)
		fprintf(to, "  %s %s\n      %s\n", command->name, command->arguments,
			command->help);
	fputs("\nWhat can be waited for:\n\n", to);
	wait_help(to);
}

/* The script of the command line. False after a line on stderr. */
static bool read_options(struct program *program, int argc, char **argv)
{
	const char *file = NULL;
	int option;

	if (argc > 1 && strcmp(argv[1], "demo") == 0) {
		program->stay = program->script.ended = true;
		return demo_prepare(&program->script, argc - 1, argv + 1);
	}
	while ((option = getopt(argc, argv, "ef:")) != -1) {
		if (option == 'e')
			program->script.stop_at_failure = true;
		else if (option == 'f')
			file = optarg;
		else
			return false;
	}
	bool input = optind < argc && strcmp(argv[optind], "-") == 0;

	if (optind + input != argc) {
		fprintf(stderr,
			"heliostat-speaker: found \"%s\", expected options that --help lists\n",
			argv[optind]);
		return false;
	}
	if (file != NULL) {
		FILE *from = fopen(file, "re");
		bool done = from != NULL && read_script(&program->script, from);

		if (!done)
			fprintf(stderr, "heliostat-speaker: %s: %s\n", file, strerror(errno));
		if (from != NULL)
			fclose(from);
		if (!done)
			return false;
	}
	if (file == NULL || input)
		return follow_input(program);
	program->script.ended = true;
	return true;
}

int main(int argc, char **argv)
{
	struct program *program = calloc(1, sizeof(*program));
	int status = 2;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0) {
			help(stdout);
			free(program);
			return 0;
		}
	}
	if (program == NULL || !program_begin(program))
		fprintf(stderr, "heliostat-speaker: cannot start: %s\n", strerror(errno));
	else if (read_options(program, argc, argv))
		status = loop(program) && !program->bench.failed ? 0 : 1;
	if (program != NULL)
		program_end(program);
	free(program);
	return status;
}
