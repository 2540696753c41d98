/*
 * Runs a fuzz target without libFuzzer: every file that is named (or stands in a folder that is
 * named), whole, then cut short, then in a bounded number of mutations. The mutations depend on the
 * file's bytes alone, so a run can be repeated.
 *     fuzz_open [-n MUTATIONS] FILE|FOLDER...
 * Each input is a heap block of exactly its size, so that AddressSanitizer sees an overrun of one
 * byte. When a target aborts, the last line on stderr names the file and the mutation.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

#define INPUT_MAX	  (1u << 17)
#define MUTATIONS_DEFAULT 20000

struct run {
	unsigned mutations; /* for each file */
	unsigned files;
	unsigned long inputs;
};

/* Where the run is, for the signal handler alone. */
static char where[PATH_MAX + 64];

static void on_abort(int signal_number)
{
	ssize_t written = write(STDERR_FILENO, where, strlen(where));

	(void)written;
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

/* xorshift64*: the same numbers on every machine. */
static uint64_t random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(2685821657736338717);
}

static uint64_t seed_of(const uint8_t *bytes, size_t len)
{
	uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
	return hash | 1;
}

static void try_input(struct run *run, const uint8_t *bytes, size_t len)
{
	uint8_t *exact = malloc(len > 0 ? len : 1);

	if (!exact) {
		fputs("out of memory\n", stderr);
		exit(1);
	}
	memcpy(exact, bytes, len);
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
	run->inputs++;
}

/* One change of `buffer`, which has room for INPUT_MAX bytes; returns the new length. */
static size_t mutate(uint8_t *buffer, size_t len, uint64_t *state)
{
	static const uint8_t edges[] = { 0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF, 0x02, 0x04, 0x10,
		0x20 };
	uint64_t choice = random_next(state);
	size_t at = len > 0 ? random_next(state) % len : 0;
	uint8_t byte = (uint8_t)(random_next(state) >> 32);

	if (len == 0 || choice % 6 == 0) { /* insert */
		if (len >= INPUT_MAX)
			return len;
		memmove(buffer + at + 1, buffer + at, len - at);
		buffer[at] = byte;
		return len + 1;
	}
	if (choice % 6 == 1) { /* remove a run */
		size_t count = 1 + byte % 8;
		if (count > len - at)
			count = len - at;
		memmove(buffer + at, buffer + at + count, len - at - count);
		return len - count;
	}
	if (choice % 6 == 2) { /* double a run */
		size_t count = 1 + byte % 16;
		if (count > len - at)
			count = len - at;
		if (len + count > INPUT_MAX)
			return len;
		memmove(buffer + at + count, buffer + at, len - at);
		return len + count;
	}
	if (choice % 6 == 3)
		buffer[at] ^= (uint8_t)(1u << byte % 8);
	else if (choice % 6 == 4)
		buffer[at] = edges[byte % sizeof edges];
	else
		buffer[at] = (uint8_t)(buffer[at] + (byte & 1 ? 1 : -1));
	return len;
}

static void run_bytes(struct run *run, const char *path, const uint8_t *bytes, size_t len)
{
	uint64_t state = seed_of(bytes, len);
	uint8_t *buffer = malloc(INPUT_MAX);

	if (!buffer) {
		fputs("out of memory\n", stderr);
		exit(1);
	}
	snprintf(where, sizeof where, "in %s, unchanged\n", path);
	try_input(run, bytes, len);
	for (size_t cut = 0; cut < len && cut < 4096; cut++) {
		snprintf(where, sizeof where, "in %s, cut at %zu\n", path, cut);
		try_input(run, bytes, cut);
	}
	for (unsigned i = 0; i < run->mutations; i++) {
		size_t mutated = len;

		memcpy(buffer, bytes, len);
		snprintf(where, sizeof where, "in %s, mutation %u\n", path, i);
		for (unsigned changes = 1 + i % 4; changes > 0; changes--)
			mutated = mutate(buffer, mutated, &state);
		try_input(run, buffer, mutated);
	}
	free(buffer);
}

static bool run_file(struct run *run, const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes = malloc(INPUT_MAX);
	bool good = false;

	if (!file || !bytes) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	} else {
		size_t len = fread(bytes, 1, INPUT_MAX, file);
		good = !ferror(file);
		if (!good)
			fprintf(stderr, "%s: %s\n", path, strerror(errno));
		else
			run_bytes(run, path, bytes, len);
		run->files++;
	}
	free(bytes);
	if (file)
		fclose(file);
	return good;
}

static bool run_folder(struct run *run, const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort);
	bool good = count >= 0;

	if (!good)
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	for (int i = 0; i < count; i++) {
		char name[PATH_MAX];
		int len = snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);

		if (entries[i]->d_name[0] != '.') {
			if (len < 0 || (size_t)len >= sizeof name) {
				fprintf(stderr, "%s: the name is too long\n", path);
				good = false;
			} else {
				good = run_file(run, name) && good;
			}
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return good;
}

int main(int argc, char **argv)
{
	struct run run = { .mutations = MUTATIONS_DEFAULT };
	bool good = true;
	int option;

	while ((option = getopt(argc, argv, "n:")) != -1) {
		if (option != 'n') {
			fprintf(stderr, "usage: %s [-n MUTATIONS] FILE|FOLDER...\n", argv[0]);
			return 2;
		}
		run.mutations = (unsigned)strtoul(optarg, NULL, 10);
	}
	signal(SIGABRT, on_abort);
	signal(SIGSEGV, on_abort);
	for (int i = optind; i < argc; i++) {
		struct stat status;

		if (stat(argv[i], &status) != 0) {
			fprintf(stderr, "%s: %s\n", argv[i], strerror(errno));
			good = false;
		} else if (S_ISDIR(status.st_mode)) {
			good = run_folder(&run, argv[i]) && good;
		} else {
			good = run_file(&run, argv[i]) && good;
		}
	}
	/* A corpus that has gone missing is no success. */
	if (run.files == 0) {
		fputs("no file was run\n", stderr);
		good = false;
	}
	printf("%u files, %lu inputs\n", run.files, run.inputs);
	return good ? 0 : 1;
}
