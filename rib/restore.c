/*
 * The way back from the journal: attribute sets and paths of a file that anybody may have written
 * to become those of an empty table again, each checked as if a peer had sent it.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "rib/state.h"

/*
 * Numbers that a journal may leave out, all together: each costs a record. Above, a path gets
 * another number.
 */
#define GAP_MAX (1u << 20)
/* Numbers that a journal can be told of: as many as the bitmap may take 32 MiB. */
#define NUMBER_MAX (1u << 28)

static void attrs_gone(struct rib *rib, uint64_t id)
{
	if (rib->attr_sets.gone != NULL)
		rib->attr_sets.gone(rib->attr_sets.gone_context, id);
}

struct attr_set *rib_restore_attrs(
	struct rib *rib, uint64_t id, struct span next_hop, struct span canonical, bool *malformed)
{
	struct writer scratch = writer_of(rib->canonical, CANONICAL_MAX);
	struct attribute_keys keys;
	struct attr_set *set;
	bool fresh;

	*malformed = true;
	if (id == 0 || id > RIB_ATTRS_ID_MAX)
		return NULL;
	rib_capture_ids_above(rib, id);
	if (!attributes_restore(canonical, next_hop, &scratch, &keys)) {
		attrs_gone(rib, id);
		return NULL;
	}
	*malformed = false;
	set = attr_set_intern(&rib->attr_sets, &keys, canonical, &fresh);
	if (set == NULL)
		return NULL;
	if (fresh)
		set->verdict = adj_rib_in_verdict(rib, &keys, canonical);
	if (set->journal_id < rib->attr_sets.first_id)
		set->journal_id = id;
	else if (set->journal_id != id)
		attrs_gone(rib, id); /* the same twice: the first ID stays */
	return set;
}

void rib_restore_attrs_done(struct rib *rib, struct attr_set *attrs)
{
	attr_set_unref(&rib->attr_sets, attrs);
}

/* The journal is to be told what lives under a number of its own. False: memory. */
static bool tell_anew(struct table *table, uint32_t number)
{
	if (number >= NUMBER_MAX)
		return true;
	if (!change_set_reserve(&table->captured, number + 1))
		return false;
	change_set_add(&table->captured, number);
	return true;
}

/*
 * `clean` becomes the prefix with nothing in the bytes that its family does not use. False where it
 * has bits behind its length, or is too long.
 */
static bool clean_prefix(const struct prefix *prefix, struct prefix *clean)
{
	uint8_t size = family_address_len(prefix->family);

	if (prefix->length > size * 8)
		return false;
	*clean = (struct prefix){ .family = prefix->family, .length = prefix->length };
	memcpy(clean->bytes, prefix->bytes, size);
	prefix_mask(clean);
	return memcmp(clean->bytes, prefix->bytes, size) == 0;
}

/* Whether this rib could have told such a row. */
static bool is_welcome(const struct table *table, const struct rib_peer *peer, uint32_t number,
	const struct attr_set *attrs)
{
	if (peer == NULL || attrs == NULL || attrs->verdict != 0)
		return false;
	/* RFC 4760 section 3: the next hop is of the family, but for RFC 8950, not spoken here. */
	if ((table->family == FAMILY_IPV4_UNICAST) != (attrs->keys.next_hop_len == 4))
		return false;
	return (peer->parameters.families & FAMILY_BIT(table->family)) != 0 &&
	       number >= table->paths.used && number < NUMBER_MAX;
}

/*
 * The row is not restored: it is told anew, and so is the best path of its prefix, which it may
 * have been. False: memory.
 */
static bool refuse(
	struct rib *rib, const struct prefix *prefix, uint32_t number, enum best_cause cause)
{
	struct capture *c = &rib->capture;

	if (c->refused == c->refused_room) {
		size_t room = c->refused_room ? c->refused_room * 2 : 256;
		struct refused_row *rows = realloc(c->refused_rows, room * sizeof(*rows));

		if (rows == NULL)
			return false;
		c->refused_rows = rows;
		c->refused_room = room;
	}
	c->refused_rows[c->refused++] = (struct refused_row){ *prefix, (uint8_t)cause };
	return tell_anew(&rib->tables[prefix->family], number);
}

bool rib_restore_path(struct rib *rib, struct rib_peer *peer, uint32_t number,
	const struct prefix *prefix, uint32_t path_id, struct attr_set *attrs, uint64_t attrs_id)
{
	enum family family = prefix->family;
	struct table_change change;
	struct table *table;
	struct prefix clean;
	uint32_t wanted;

	rib->capture.restoring = true;
	if (family >= FAMILY_COUNT) {
		rib->capture.nonsense++; /* nor is there a number that could be told */
		return true;
	}
	table = &rib->tables[family];
	if (!clean_prefix(prefix, &clean)) {
		rib->capture.nonsense++;
		return tell_anew(table, number);
	}
	if (!is_welcome(table, peer, number, attrs))
		return refuse(rib, &clean, number, peer == NULL ? BEST_PEER_DOWN : BEST_REFUSED);
	wanted = number - table->paths.live > GAP_MAX ? table->paths.used : number;
	if (!table_announce_at(table, peer->number, &peer->paths[family], &clean, path_id, attrs,
		    wanted, &change))
		return false;
	if (!change.changed)
		return refuse(rib, &clean, number, BEST_REFUSED);
	table_settle(table, &change);
	if (wanted != number)
		return tell_anew(table, number);
	if (attrs->journal_id == attrs_id)
		change_set_remove(&table->captured, number); /* the journal has it from itself */
	return true;
}

/* The journal has another best path of the prefix, or may have. */
static void tell_best(struct rib *rib, const struct refused_row *row)
{
	const struct table *table = &rib->tables[row->prefix.family];
	uint32_t entry = table_find(table, &row->prefix);

	capture_tell(rib, table, row->prefix.length, row->prefix.bytes,
		entry == SLAB_NONE ? PATH_NONE : table_entry(table, entry)->best, row->cause);
}

uint64_t rib_restore_end(struct rib *rib)
{
	struct capture *c = &rib->capture;
	uint64_t refused = c->refused + c->nonsense;
	unsigned items = UINT_MAX;

	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		/* There are no groups yet: what comes later finds room for all numbers. */
		(void)rib_reserve(rib, family);
	}
	/* Where memory is short, the rest is decided later and is history after all. */
	(void)rib_decide(rib, &items);
	c->restoring = false;
	for (size_t i = 0; i < c->refused && c->hooks.best_changed != NULL; i++)
		tell_best(rib, &c->refused_rows[i]);
	free(c->refused_rows);
	c->refused_rows = NULL;
	c->refused = c->refused_room = 0;
	return refused;
}
