/*
 * The journal's schema: the SQL that makes it, the steps from older versions, and how a prefix is
 * written as a key. journal_file.c applies it; those who read or write the file (journal_store.c,
 * journal_load.c, journal_query.c) code against it. It opens nothing.
 */
#ifndef RR_JOURNAL_SCHEMA_H
#define RR_JOURNAL_SCHEMA_H

#include <sqlite3.h>

#include "bgp/types.h"

#define JOURNAL_SCHEMA	       1 /* PRAGMA user_version */
#define JOURNAL_APPLICATION_ID 0x48656c6a /* "Helj": PRAGMA application_id */

/*
 * Brings the schema from version `from` (0: an empty file) to JOURNAL_SCHEMA, within the caller's
 * transaction. Returns an SQLite result code.
 */
int journal_schema_apply(sqlite3 *db, int from);

/* SQLITE_ERROR when a table or a column of JOURNAL_SCHEMA is missing, or another result code. */
int journal_schema_check(sqlite3 *db);

/*
 * The key of a prefix in the tables `path` and `history`: a byte of the family (enum family), the
 * address (4 or 16 bytes), a byte of the length in bits. memcmp, which is SQLite's order of BLOBs,
 * then is the order of a table walk, and all prefixes that P covers, P included, are those from
 * P's key up to, and with, the key made of P's family, P's last address and length 255
 * (journal_prefix_last_key).
 */
#define JOURNAL_PREFIX_KEY_MAX 18

/* Returns the length of what it wrote to `key`. */
size_t journal_prefix_key(enum family family, uint8_t length, const uint8_t *bytes,
	uint8_t key[JOURNAL_PREFIX_KEY_MAX]);
size_t journal_prefix_last_key(const struct prefix *prefix, uint8_t key[JOURNAL_PREFIX_KEY_MAX]);
/* False when it is not one: wrong size, unknown family, length too long, bits behind it. */
bool journal_prefix_from_key(struct span key, struct prefix *prefix);

#endif
