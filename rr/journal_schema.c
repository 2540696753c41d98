#include "rr/journal_schema.h"

#include <string.h>

/*
 * Times are wall clock, microseconds since 1970. A table WITHOUT ROWID is stored in the order of
 * its primary key; `id INTEGER PRIMARY KEY` is SQLite's rowid.
 */
static const char schema_1[] =
	/*
	 * One value a name:
	 *   alive_at      the daemon lived: age of the state = now - alive_at
	 *   whole_at      the state in the file was all of the table then
	 *   behind        changes that had not been written to `history` when the state was, and
	 *   behind_from   the time of the first one: a gap if the daemon ended so
	 *   audit_count   rows of `audit`, and
	 *   audit_head    the hash of its last one: so a cut tail shows
	 *   history_from  history before it was pruned, and is not complete
	 */
	"CREATE TABLE meta ("
	"  key TEXT PRIMARY KEY,"
	"  value NOT NULL"
	") WITHOUT ROWID;"

	/* A peer's ID names its address for ever. */
	"CREATE TABLE peer ("
	"  id INTEGER PRIMARY KEY," /* from 1 */
	"  address BLOB NOT NULL UNIQUE," /* 4 or 16 bytes */
	"  asn INTEGER NOT NULL,"
	"  bgp_id INTEGER NOT NULL,"
	"  families INTEGER NOT NULL," /* bits (1 << enum family) */
	"  add_path_receive INTEGER NOT NULL," /* likewise */
	"  down_at INTEGER NOT NULL" /* 0: up, or it was when the daemon ended */
	");"

	/*
	 * Attribute sets. `bytes` is the canonical form of bgp/attribute.h without the next hop,
	 * `next_hop` 4, 16 or 32 bytes. A set that no path refers to any more is dead: it stays
	 * while history may name it. IDs are not used again.
	 */
	"CREATE TABLE attrs ("
	"  id INTEGER PRIMARY KEY," /* from 1 */
	"  next_hop BLOB NOT NULL,"
	"  bytes BLOB NOT NULL,"
	"  dead INTEGER" /* since; NULL: in use */
	");"
	"CREATE INDEX attrs_dead ON attrs (dead) WHERE dead IS NOT NULL;"

	/*
	 * The state: every path received, under its number in the RIB. Rows are replaced and
	 * deleted as the table changes.
	 */
	"CREATE TABLE path ("
	"  id INTEGER PRIMARY KEY," /* family << 32 | number */
	"  peer INTEGER NOT NULL,"
	"  prefix BLOB NOT NULL," /* journal_prefix_key */
	"  path_id INTEGER NOT NULL," /* RFC 7911, as received; 0 without */
	"  attrs INTEGER NOT NULL"
	");"

	/*
	 * Each change of a best path, says what is the best one from `time` on. The best path
	 * before is the row before of the same prefix. A row is not valid any more from the time
	 * of a row of `run` with restored = 0 on. `sequence` orders rows of one microsecond.
	 */
	"CREATE TABLE history ("
	"  prefix BLOB NOT NULL," /* journal_prefix_key */
	"  time INTEGER NOT NULL,"
	"  sequence INTEGER NOT NULL,"
	"  peer INTEGER NOT NULL," /* of the best path; 0: there is none */
	"  path_id INTEGER NOT NULL,"
	"  attrs INTEGER," /* NULL: the prefix has no best path */
	"  cause INTEGER NOT NULL," /* enum best_cause */
	"  PRIMARY KEY (prefix, time, sequence)"
	") WITHOUT ROWID;"

	/* Changes of best paths that were given up since the disk was too slow or stuck. */
	"CREATE TABLE gap ("
	"  id INTEGER PRIMARY KEY,"
	"  since INTEGER NOT NULL," /* time of the first change lost */
	"  until INTEGER NOT NULL," /* ... and of the last */
	"  lost INTEGER NOT NULL" /* how many */
	");"

	/*
	 * Each start of the daemon, and each table begun anew. Between `alive_at` and `time`
	 * nothing was recorded.
	 */
	"CREATE TABLE run ("
	"  id INTEGER PRIMARY KEY,"
	"  time INTEGER NOT NULL,"
	"  restored INTEGER NOT NULL," /* 0: the table was empty at that time */
	"  alive_at INTEGER" /* of the run before; NULL: there was none, or unknown */
	");"

	/* Of sessions. */
	"CREATE TABLE event ("
	"  id INTEGER PRIMARY KEY,"
	"  time INTEGER NOT NULL,"
	"  peer INTEGER NOT NULL,"
	"  kind INTEGER NOT NULL," /* enum journal_event_kind */
	"  state_before INTEGER NOT NULL," /* enum fsm_state */
	"  state INTEGER NOT NULL,"
	"  code INTEGER NOT NULL," /* of a NOTIFICATION */
	"  subcode INTEGER NOT NULL,"
	"  text TEXT"
	");"
	"CREATE INDEX event_peer ON event (peer, time);"

	/* Configurations that came into force. */
	"CREATE TABLE config ("
	"  id INTEGER PRIMARY KEY,"
	"  time INTEGER NOT NULL,"
	"  text TEXT NOT NULL,"
	"  who TEXT NOT NULL,"
	"  comment TEXT"
	");"

	/* The audit trail, never pruned; journal_audit.h says what `hash` is over. */
	"CREATE TABLE audit ("
	"  id INTEGER PRIMARY KEY," /* 1, 2, 3 ... */
	"  time INTEGER NOT NULL,"
	"  who TEXT NOT NULL,"
	"  action TEXT NOT NULL,"
	"  detail TEXT,"
	"  hash BLOB NOT NULL" /* 32 bytes */
	");";

/* steps[n] leads from version n to n + 1. */
static const char *const steps[JOURNAL_SCHEMA] = {
	schema_1,
};

int journal_schema_apply(sqlite3 *db, int from)
{
	int result = SQLITE_OK;
	char *pragmas;

	for (int version = from; version < JOURNAL_SCHEMA && result == SQLITE_OK; version++)
		result = sqlite3_exec(db, steps[version], NULL, NULL, NULL);
	if (result != SQLITE_OK)
		return result;
	pragmas = sqlite3_mprintf("PRAGMA application_id = %d; PRAGMA user_version = %d;",
		JOURNAL_APPLICATION_ID, JOURNAL_SCHEMA);
	if (pragmas == NULL)
		return SQLITE_NOMEM;
	result = sqlite3_exec(db, pragmas, NULL, NULL, NULL);
	sqlite3_free(pragmas);
	return result;
}

int journal_schema_check(sqlite3 *db)
{
	static const char *const all[] = {
		"SELECT key, value FROM meta",
		"SELECT id, address, asn, bgp_id, families, add_path_receive, down_at FROM peer",
		"SELECT id, next_hop, bytes, dead FROM attrs",
		"SELECT id, peer, prefix, path_id, attrs FROM path",
		"SELECT prefix, time, sequence, peer, path_id, attrs, cause FROM history",
		"SELECT id, since, until, lost FROM gap",
		"SELECT id, time, restored, alive_at FROM run",
		"SELECT id, time, peer, kind, state_before, state, code, subcode, text FROM event",
		"SELECT id, time, text, who, comment FROM config",
		"SELECT id, time, who, action, detail, hash FROM audit",
	};
	int result = SQLITE_OK;

	for (size_t i = 0; i < sizeof all / sizeof *all && result == SQLITE_OK; i++) {
		sqlite3_stmt *statement;

		result = sqlite3_prepare_v2(db, all[i], -1, &statement, NULL);
		sqlite3_finalize(statement);
	}
	return result;
}

size_t journal_prefix_key(enum family family, uint8_t length, const uint8_t *bytes,
	uint8_t key[JOURNAL_PREFIX_KEY_MAX])
{
	size_t address = family_address_len(family);

	key[0] = (uint8_t)family;
	memcpy(key + 1, bytes, address);
	key[1 + address] = length;
	return address + 2;
}

size_t journal_prefix_last_key(const struct prefix *prefix, uint8_t key[JOURNAL_PREFIX_KEY_MAX])
{
	size_t len = journal_prefix_key((enum family)prefix->family, UINT8_MAX, prefix->bytes, key);

	for (size_t bit = prefix->length; bit < (len - 2) * 8; bit++)
		key[1 + bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return len;
}

bool journal_prefix_from_key(struct span key, struct prefix *prefix)
{
	struct prefix masked;
	size_t address;

	if (key.len < 2 || key.bytes[0] >= FAMILY_COUNT)
		return false;
	address = family_address_len((enum family)key.bytes[0]);
	if (key.len != address + 2 || key.bytes[1 + address] > address * 8)
		return false;
	*prefix = (struct prefix){ .family = key.bytes[0], .length = key.bytes[1 + address] };
	memcpy(prefix->bytes, key.bytes + 1, address);
	masked = *prefix;
	prefix_mask(&masked);
	return prefix_equal(&masked, prefix);
}
