#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "mgmt/format.h"
#include "mgmt/protocol.h"
#include "mgmt/show.h"
#include "rr/health.h"
#include "rr/journal.h"

#define MICROSECONDS 1000000

/* Seconds since 1970 with their fraction; null for 0. */
static void key_time(struct json *json, const char *key, uint64_t time)
{
	if (time == 0)
		json_key_null(json, key);
	else
		json_key_microseconds(json, key, time);
}

static void journal_json(struct request *request, const struct journal_view *journal)
{
	const struct journal_status *status = &journal->status;
	struct json json = json_to(&request->out);
	json_object_begin(&json);
	json_key_string(&json, "path", journal->path);
	json_key_string(&json, "status", status->degraded ? "degraded" : "ok");
	json_key_string(&json, "reason", status->degraded ? status->reason : NULL);
	key_time(&json, "since", status->degraded ? status->degraded_since : 0);
	json_key_uint(&json, "failures", status->failures);
	json_key_uint(&json, "batches", status->batches);
	json_key_uint(&json, "rows", status->rows);
	json_key_uint(&json, "batches-waiting", journal->waiting_batches);
	json_key_uint(&json, "waiting-paths", journal->waiting_paths);
	json_key_uint(&json, "waiting-history", journal->waiting_history);
	json_key_uint(&json, "history-lost", journal->history_lost);
	json_key_uint(&json, "rows-lost", journal->rows_lost);
	key_time(&json, "written-at", status->written_at);
	key_time(&json, "whole-at", status->whole_at);
	json_key_uint(&json, "file-size", status->file_size);
	json_key_uint(&json, "memory", journal->memory);
	json_key_uint(&json, "pruned", status->pruned);
	json_key_string(&json, "moved-to", status->moved_to[0] ? status->moved_to : NULL);
	json_key_uint(&json, "restored-paths", journal->restored_paths);
	json_key_uint(&json, "restored-peers", journal->restored_peers);
	json_key_uint(&json, "longest-transaction-us", status->longest_us);
	json_key_uint(&json, "longest-turn-us", journal->longest_turn_us);
	json_key_uint(&json, "turns-us", journal->turns_us);
	json_object_end(&json);
	output_puts(&request->out, "\n");
}

/* "2 s ago", "never". */
static char *format_ago(uint64_t time, char *text)
{
	struct timespec now;
	char duration[FORMAT_MAX];
	clock_gettime(CLOCK_REALTIME, &now);
	uint64_t us = (uint64_t)now.tv_sec * MICROSECONDS + (uint64_t)now.tv_nsec / 1000;
	if (time == 0)
		snprintf(text, FORMAT_MAX, "never");
	else
		snprintf(text, FORMAT_MAX, "%.40s ago",
			format_duration(us > time ? (us - time) / MICROSECONDS : 0, duration));
	return text;
}

static void journal_text(struct output *out, const struct journal_view *journal)
{
	const struct journal_status *status = &journal->status;
	char ago[FORMAT_MAX], whole[FORMAT_MAX], size[FORMAT_MAX], memory[FORMAT_MAX];
	output_printf(
		out, "Journal: %s, %s\n", journal->path, format_bytes(status->file_size, size));
	if (status->degraded)
		output_printf(out, "Status: degraded since %s: %s (%" PRIu64 " failed attempts)\n",
			format_ago(status->degraded_since, ago), status->reason, status->failures);
	else
		output_puts(out, "Status: ok\n");
	output_printf(out,
		"Written: last %s, all that was known %s; %" PRIu64 " rows in %" PRIu64
		" batches\n",
		format_ago(status->written_at, ago), format_ago(status->whole_at, whole),
		status->rows, status->batches);
	output_printf(out,
		"Waiting: %zu paths, %zu changes, %u batches being written; %s of memory\n",
		journal->waiting_paths, journal->waiting_history, journal->waiting_batches,
		format_bytes(journal->memory, memory));
	output_printf(out,
		"History: %" PRIu64 " changes lost (see show history gaps), %" PRIu64 " pruned\n",
		journal->history_lost, status->pruned);
	if (journal->rows_lost > 0)
		output_printf(out, "Events, configurations and audit rows lost: %" PRIu64 "\n",
			journal->rows_lost);
	output_printf(out, "Restored at the start: %" PRIu64 " paths of %" PRIu64 " peers\n",
		journal->restored_paths, journal->restored_peers);
	if (status->moved_to[0] != '\0')
		output_printf(out, "A file that was damaged or no journal was moved aside to %s\n",
			status->moved_to);
	output_printf(out,
		"Longest: transaction %" PRIu64 ".%03" PRIu64 " ms, turn of the event "
		"loop %" PRIu64 ".%03" PRIu64 " ms\n",
		status->longest_us / 1000, status->longest_us % 1000,
		journal->longest_turn_us / 1000, journal->longest_turn_us % 1000);
}

bool show_journal(struct request *request)
{
	struct journal_view journal;
	if (!reflector_journal(request->reflector, &journal))
		return request_fail(
			request, "no journal is kept: the configuration has no journal section");
	if (request->json)
		journal_json(request, &journal);
	else
		journal_text(&request->out, &journal);
	return true;
}

static void reasons_text(struct output *out, const struct health_reason *reasons, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		output_printf(out, "%s: %s\n", reasons[i].part, reasons[i].text);
}

static void reasons_json(
	struct json *json, const char *key, const struct health_reason *reasons, unsigned n)
{
	json_key(json, key);
	json_array_begin(json);
	for (unsigned i = 0; i < n; i++) {
		json_object_begin(json);
		json_key_string(json, "part", reasons[i].part);
		json_key_string(json, "text", reasons[i].text);
		key_time(json, "since", reasons[i].since);
		json_object_end(json);
	}
	json_array_end(json);
}

bool show_health(struct request *request)
{
	struct health health;
	health_judge(request->reflector, &health);
	if (health.n_reasons > 0)
		request->status = MGMT_FAILED;
	const char *status = health.n_reasons > 0 ? "degraded" : "healthy";
	if (!request->json) {
		output_printf(&request->out, "%s\n", status);
		reasons_text(&request->out, health.reasons, health.n_reasons);
		reasons_text(&request->out, health.notices, health.n_notices);
		return true;
	}
	struct json json = json_to(&request->out);
	json_object_begin(&json);
	json_key_string(&json, "status", status);
	reasons_json(&json, "reasons", health.reasons, health.n_reasons);
	reasons_json(&json, "notices", health.notices, health.n_notices);
	json_object_end(&json);
	output_puts(&request->out, "\n");
	return true;
}
