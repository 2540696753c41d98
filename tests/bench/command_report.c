#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/bench/check.h"
#include "tests/bench/commands.h"
#include "tests/bench/session.h"

/* "cluster-id ID" or "verbatim", then what else holds. False with script->error. */
static bool check_words(struct script *script, char **words, size_t n_words,
	struct check_rules *rules, uint64_t *limit)
{
	size_t at = 0;

	for (; at < n_words; at++) {
		const char *value = at + 1 < n_words ? words[at + 1] : "";

		if (strcmp(words[at], "verbatim") == 0) {
			rules->verbatim = true;
		} else if (strcmp(words[at], "med-zero") == 0) {
			rules->med_zero = true;
		} else if (strcmp(words[at], "best") == 0) {
			rules->best = true;
		} else if (strcmp(words[at], "limit") == 0) {
			if (!script_number(script, value, "a limit", 0, 100000, limit))
				return false;
			at++;
		} else if (strcmp(words[at], "cluster-id") == 0) {
			if (!bgp_id_parse(value, &rules->cluster_id)) {
				script_fail(script, "found \"%s\", expected a cluster ID", value);
				return false;
			}
			at++;
		} else {
			break;
		}
	}
	if (at == n_words && rules->verbatim == (rules->cluster_id == 0))
		return true;
	script_fail(script, "expected check REF cluster-id ID|verbatim [best] [med-zero] "
			    "[limit N]");
	return false;
}

enum outcome run_check(struct script *script, char **words, size_t n_words, FILE *reply)
{
	struct selection selection;
	struct check_rules rules = { 0 };
	struct check_result result;
	uint64_t limit = 10;
	char *differences = NULL;
	size_t len = 0;

	if (n_words == 0)
		return script_fail(script, "expected check REF cluster-id ID|verbatim");
	if (!script_selection(script, words[0], &selection) ||
		!check_words(script, words + 1, n_words - 1, &rules, &limit))
		return OUTCOME_FAILED;
	FILE *to = open_memstream(&differences, &len);
	if (to == NULL)
		return script_fail(script, "no memory");
	bool done = check_reflected(
		script->bench, &selection, &rules, (unsigned)limit, to, &result);
	fclose(to);
	if (done)
		fprintf(reply,
			",\"clients\":%llu,\"compared\":%llu,\"differences\":%llu,\"faults\":%llu,"
			"\"list\":[%s]",
			(unsigned long long)result.clients, (unsigned long long)result.compared,
			(unsigned long long)result.differences, (unsigned long long)result.faults,
			differences);
	free(differences);
	if (!done)
		return script_fail(script, "no memory");
	if (result.differences > 0 || result.faults > 0)
		return script_fail(script,
			"found %llu differences and %llu faulty UPDATEs, expected "
			"none",
			(unsigned long long)result.differences, (unsigned long long)result.faults);
	return OUTCOME_DONE;
}

enum outcome run_dump(struct script *script, char **words, size_t n_words, FILE *reply)
{
	struct selection selection;
	struct stat status;

	(void)reply;
	if (n_words != 2)
		return script_fail(script, "expected dump REF FILE-OR-FOLDER");
	if (!script_selection(script, words[0], &selection))
		return OUTCOME_FAILED;
	bool folder = stat(words[1], &status) == 0 && S_ISDIR(status.st_mode);
	if (!folder && selection.first != selection.last)
		return script_fail(script, "%s: expected a folder for several speakers", words[1]);
	FOR_SELECTED(selection, i)
	{
		char path[4096];

		snprintf(path, sizeof(path), "%s", words[1]);
		if (folder)
			snprintf(
				path, sizeof(path), "%s/%s-%u", words[1], selection.group->name, i);
		FILE *to = fopen(path, "we");
		if (to == NULL)
			return script_fail(script, "%s: %s", path, strerror(errno));
		bool done = dump_adj_rib_in(script->bench, &selection.group->speakers[i], to);
		if (fclose(to) != 0)
			return script_fail(script, "%s: %s", path, strerror(errno));
		if (!done)
			return script_fail(script, "no memory");
	}
	return OUTCOME_DONE;
}

enum outcome run_show(struct script *script, char **words, size_t n_words, FILE *reply)
{
	struct selection selection;
	char name[128], address[IP_ADDRESS_TEXT_MAX], id[16];

	if (n_words != 1)
		return script_fail(script, "expected show REF");
	if (!script_selection(script, words[0], &selection))
		return OUTCOME_FAILED;
	fprintf(reply, ",\"speakers\":[");
	FOR_SELECTED(selection, i)
	{
		const struct speaker *speaker = &selection.group->speakers[i];

		fprintf(reply,
			"%s{\"name\":\"%s\",\"address\":\"%s\",\"bgp-id\":\"%s\",\"state\":\"%s\","
			"\"announced\":%u,\"ipv4-unicast\":%u,\"ipv6-unicast\":%u,"
			"\"updates-received\":%llu,\"updates-sent\":%llu,\"faults\":%llu,"
			"\"established-count\":%llu,\"down\":%llu}",
			i == selection.first ? "" : ",", speaker_name(speaker, name, sizeof(name)),
			ip_address_format(&speaker->local, address),
			bgp_id_format(speaker->bgp_id, id), speaker_state_name(speaker->state),
			speaker->announced, speaker->received[0], speaker->received[1],
			(unsigned long long)speaker->counters.messages_received[MESSAGE_UPDATE],
			(unsigned long long)speaker->counters.messages_sent[MESSAGE_UPDATE],
			(unsigned long long)speaker->counters.faults,
			(unsigned long long)speaker->counters.established,
			(unsigned long long)speaker->counters.down);
	}
	fputc(']', reply);
	return OUTCOME_DONE;
}

/* Sums over all speakers. */
struct totals {
	struct counters counters;
	uint64_t speakers, established, paths;
	uint64_t last_change;
};

static void totals_add(struct totals *totals, const struct speaker *speaker)
{
	const uint64_t *from = (const uint64_t *)&speaker->counters;
	uint64_t *to = (uint64_t *)&totals->counters;

	for (size_t i = 0; i < sizeof(struct counters) / sizeof(uint64_t); i++)
		to[i] += from[i];
	totals->speakers++;
	totals->established += speaker->state == SPEAKER_ESTABLISHED;
	totals->paths += (uint64_t)speaker->received[0] + speaker->received[1];
	if (speaker->last_change > totals->last_change)
		totals->last_change = speaker->last_change;
}

static double seconds_since_connect(const struct bench *bench, uint64_t time)
{
	return bench->first_connect != 0 && time > bench->first_connect
		       ? (double)(time - bench->first_connect) / (double)SECOND
		       : 0;
}

static void stats_write(const struct bench *bench, const struct totals *totals, FILE *reply)
{
	const struct counters *counters = &totals->counters;
	uint64_t decoded, found;
	struct rusage usage;
	double since_mark = bench->marked_at != 0 && totals->last_change > bench->marked_at
				    ? (double)(totals->last_change - bench->marked_at) / SECOND
				    : 0;
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{ "speakers", totals->speakers },
		{ "established", totals->established },
		{ "paths", totals->paths },
		{ "updates-received", counters->messages_received[MESSAGE_UPDATE] },
		{ "updates-sent", counters->messages_sent[MESSAGE_UPDATE] },
		{ "keepalives-received", counters->messages_received[MESSAGE_KEEPALIVE] },
		{ "keepalives-sent", counters->messages_sent[MESSAGE_KEEPALIVE] },
		{ "bytes-received", counters->bytes_received },
		{ "bytes-sent", counters->bytes_sent },
		{ "nlri-announced", counters->announced },
		{ "nlri-withdrawn", counters->withdrawn },
		{ "nlri-unchanged", counters->same },
		{ "nlri-absent", counters->absent },
		{ "faults", counters->faults },
		{ "unsendable", counters->unsendable },
		{ "sessions", counters->established },
		{ "down", counters->down },
		{ "prefixes-known", table_slots(bench->table) },
		{ "attribute-sets-known", table_sets(bench->table) },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		fprintf(reply, ",\"%s\":%llu", rows[i].name, (unsigned long long)rows[i].value);
	table_decode_counts(bench->table, &decoded, &found);
	getrusage(RUSAGE_SELF, &usage);
	fprintf(reply,
		",\"updates-decoded\":%llu,\"updates-found-again\":%llu,"
		"\"seconds-to-last-established\":%.4f,\"seconds-to-last-change\":%.4f,"
		"\"seconds-since-mark\":%.4f,"
		"\"cpu-seconds\":%.3f,\"memory-peak-kib\":%ld",
		(unsigned long long)decoded, (unsigned long long)found,
		seconds_since_connect(bench, bench->last_established),
		seconds_since_connect(bench, totals->last_change), since_mark,
		(double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
			(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6,
		usage.ru_maxrss);
}

enum outcome run_stats(struct script *script, char **words, size_t n_words, FILE *reply)
{
	struct bench *bench = script->bench;
	struct totals totals = { 0 };
	struct selection selection;
	bool reset = n_words > 0 && strcmp(words[n_words - 1], "reset") == 0;

	n_words -= reset;
	if (n_words > 1)
		return script_fail(script, "expected stats [REF] [reset]");
	if (n_words == 1 && !script_selection(script, words[0], &selection))
		return OUTCOME_FAILED;
	for (struct speaker_group *group = bench->groups; group != NULL; group = group->next) {
		for (uint32_t i = 0; i < group->count; i++) {
			if (n_words == 1 && (group != selection.group || i < selection.first ||
						    i > selection.last))
				continue;
			totals_add(&totals, &group->speakers[i]);
			if (reset)
				group->speakers[i].counters = (struct counters){ 0 };
		}
	}
	stats_write(bench, &totals, reply);
	if (reset)
		bench->first_connect = bench->last_established = 0;
	return OUTCOME_DONE;
}
