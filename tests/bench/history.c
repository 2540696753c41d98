/*
 * heliostat-history: fills a journal with as many best-path changes as a busy week has, for the
 * benchmark of questions to it. Through the journal's own code (rr/journal_store.h), a batch of
 * 50,000 rows after the other, as the daemon's writer does; the loop and the thread alone are not
 * there.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bgp/writer.h"
#include "rib/capture.h"
#include "rr/journal_sql.h"
#include "rr/journal_store.h"

#define PEERS	200
#define SETS	150000u
#define SET_MAX 64
#define SECOND	UINT64_C(1000000)
#define SPAN_US (6 * 3600 * SECOND) /* that the changes are spread over, up to now */

struct filler {
	struct journal_file *file;
	struct journal_store store;
	uint32_t prefixes;
	uint64_t changes;
	uint64_t start; /* wall clock, microseconds */
	uint64_t random;
};

static void fail(const char *why)
{
	fprintf(stderr, "heliostat-history: %s\n", why);
	exit(1);
}

static uint32_t random_below(struct filler *filler, uint32_t below)
{
	filler->random = filler->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(((filler->random >> 32) * below) >> 32);
}

static struct attr_set *new_set(uint32_t id)
{
	struct attr_set *set = calloc(1, sizeof *set + SET_MAX);
	if (set == NULL)
		fail("out of memory");
	struct writer w = writer_of(set->bytes, SET_MAX);
	write_bytes(&w, (uint8_t[]){ 0x40, ATTRIBUTE_ORIGIN, 1, ORIGIN_IGP }, 4);
	write_bytes(&w, (uint8_t[]){ 0x40, ATTRIBUTE_AS_PATH, 14, 2, 3 }, 5);
	write_u32(&w, 65001);
	write_u32(&w, 65100 + id % 64);
	write_u32(&w, 4200000000u + id);
	write_bytes(&w, (uint8_t[]){ 0x80, ATTRIBUTE_MED, 4 }, 3);
	write_u32(&w, id % 1000);
	write_bytes(&w, (uint8_t[]){ 0x40, ATTRIBUTE_LOCAL_PREF, 4 }, 3);
	write_u32(&w, 100);
	write_bytes(&w, (uint8_t[]){ 0xc0, ATTRIBUTE_COMMUNITIES, 8 }, 3);
	write_u32(&w, 65001u << 16 | 1);
	write_u32(&w, 65001u << 16 | id % 65536);
	set->len = (uint32_t)writer_len(&w);
	set->keys.next_hop_len = 4;
	memcpy(set->keys.next_hop, (uint8_t[]){ 192, 0, 2, (uint8_t)(1 + id % PEERS) }, 4);
	return set;
}

static struct journal_batch *new_batch(uint64_t time)
{
	struct journal_batch *batch = journal_batch_new();
	if (batch == NULL)
		fail("out of memory");
	batch->time = time;
	return batch;
}

static void put(struct filler *filler, struct journal_batch *batch)
{
	static const atomic_bool abandon;
	int result = journal_store_batch(&filler->store, batch, &abandon);
	if (result != SQLITE_OK)
		fail(sqlite3_errstr(result));
	for (size_t i = 0; i < batch->attrs.count; i++)
		free(batch->attrs.rows[i].attrs);
	batch->attrs.count = 0; /* there is no RIB to give them back to */
	journal_batch_free(batch, NULL);
}

static void put_peers(struct filler *filler)
{
	struct journal_batch *batch = new_batch(filler->start);
	for (uint32_t id = 1; id <= PEERS; id++) {
		struct journal_peer_row *row = journal_batch_append(&batch->peers);
		if (row == NULL)
			fail("out of memory");
		*row = (struct journal_peer_row){ .id = id,
			.address = { 4, { 10, 80, 0, (uint8_t)id } },
			.as = 64512,
			.bgp_id = 0x0a500000 + id,
			.families = FAMILIES_ALL };
	}
	put(filler, batch);
}

static void put_sets(struct filler *filler)
{
	for (uint32_t id = 1; id <= SETS;) {
		struct journal_batch *batch = new_batch(filler->start);
		for (uint32_t n = 0; n < JOURNAL_BATCH_ROWS && id <= SETS; n++, id++) {
			struct journal_attrs_row *row = journal_batch_append(&batch->attrs);
			if (row == NULL)
				fail("out of memory");
			*row = (struct journal_attrs_row){ id, new_set(id) };
		}
		put(filler, batch);
	}
}

/* Five of six are IPv4. */
static void set_prefix(struct best_row *row, enum family family, uint32_t n)
{
	static const uint8_t ipv6[6] = { 0x20, 0x01, 0x0d, 0xb8 };
	uint8_t low[3] = { (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };
	if (family == FAMILY_IPV4_UNICAST) {
		row->length = 24;
		memcpy(row->bytes, (uint8_t[]){ (uint8_t)(11 + low[0]), low[1], low[2], 0 }, 4);
	} else {
		row->length = 56;
		memset(row->bytes, 0, 16);
		memcpy(row->bytes, ipv6, sizeof ipv6);
		memcpy(row->bytes + 4, low, sizeof low);
	}
}

static enum family family_of(uint32_t n)
{
	return n % 6 == 5 ? FAMILY_IPV6_UNICAST : FAMILY_IPV4_UNICAST;
}

/*
 * The next change: every prefix is announced once first; then one in five changes is of one prefix
 * in a hundred, which flap.
 */
static uint32_t next_prefix(struct filler *filler, uint64_t change)
{
	if (change < filler->prefixes)
		return (uint32_t)change;
	if (filler->prefixes >= 100 && random_below(filler, 5) == 0)
		return random_below(filler, filler->prefixes / 100) * 100;
	return random_below(filler, filler->prefixes);
}

static struct best_row *append(struct journal_batch *batch, struct journal_history_chunk **last,
	const struct journal_history_run *head)
{
	struct best_row *row = NULL;

	if (*last != NULL)
		row = journal_history_continue(*last, head);
	if (row == NULL && *last != NULL)
		row = journal_history_begin(*last, head);
	if (row == NULL) {
		struct journal_history_chunk *chunk = journal_history_chunk_new(false);
		if (chunk == NULL)
			fail("out of memory");
		*(*last != NULL ? &(*last)->next : &batch->history) = chunk;
		*last = chunk;
		row = journal_history_begin(chunk, head);
	}
	batch->n_history++;
	return row;
}

static void put_changes(struct filler *filler)
{
	for (uint64_t change = 0; change < filler->changes;) {
		struct journal_batch *batch = new_batch(filler->start);
		struct journal_history_chunk *last = NULL;
		for (uint32_t n = 0; n < JOURNAL_BATCH_ROWS && change < filler->changes;
			n++, change++) {
			uint32_t prefix = next_prefix(filler, change);
			bool none = change >= filler->prefixes && random_below(filler, 8) == 0;
			const struct journal_history_run head = {
				.time = filler->start + 1 + change * (SPAN_US / filler->changes),
				.attrs = none ? 0 : 1 + random_below(filler, SETS),
				.peer = none ? 0 : 1 + random_below(filler, PEERS),
				.family = family_of(prefix),
				.cause = none ? BEST_WITHDRAWN : BEST_ANNOUNCED,
			};
			struct best_row *row = append(batch, &last, &head);
			set_prefix(row, family_of(prefix), prefix);
			batch->time = head.time;
		}
		put(filler, batch);
	}
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 10);
	if (*end != '\0' || value == 0 || value > UINT32_MAX)
		fail("found a number out of range, expected one from 1 on");
	return value;
}

int main(int argc, char **argv)
{
	char text[512] = "";
	if (argc < 2 || argc > 4 || argv[1][0] == '-') {
		fputs("usage: heliostat-history FILE [CHANGES [PREFIXES]]\n"
		      "Fills a new journal with 10,000,000 changes of 200,000 prefixes, or as many "
		      "as "
		      "are said.\n",
			stderr);
		return 2;
	}
	struct filler filler = { .changes = argc > 2 ? number(argv[2]) : 10000000,
		.prefixes = (uint32_t)(argc > 3 ? number(argv[3]) : 200000),
		.start = journal_wall_clock() - SPAN_US };
	if (filler.prefixes > UINT32_C(1) << 23)
		fail("found more than 8388608 prefixes");
	if (journal_file_open(argv[1], &filler.file, text, sizeof text) != JOURNAL_CREATED)
		fail(text[0] != '\0' ? text : "the file is there already, expected a new one");
	if (!journal_file_begin_run(filler.file, filler.start, false, NULL, 0, text, sizeof text))
		fail(text);
	if (journal_store_open(&filler.store, filler.file) != SQLITE_OK)
		fail("the new file cannot be written");
	uint64_t began = journal_monotonic();
	put_peers(&filler);
	put_sets(&filler);
	put_changes(&filler);
	journal_store_close(&filler.store);
	journal_file_close(filler.file);
	printf("{\"changes\":%" PRIu64 ",\"prefixes\":%" PRIu32 ",\"seconds\":%.3f}\n",
		filler.changes, filler.prefixes, (double)(journal_monotonic() - began) / 1e6);
	return 0;
}
