/*
 * The way in: an UPDATE is taken apart, its attributes are interned (parsed only when their bytes
 * are new), the import rules of RFC 4271 section 9.1.2 and RFC 4456 section 8 are applied, and the
 * table is changed. A path that the rules refuse counts as withdrawn: what the peer announced
 * before is no longer true either.
 */
#include <string.h>

#include "bgp/as_path.h"
#include "bgp/update.h"
#include "rib/state.h"

struct input {
	struct rib *rib;
	struct rib_peer *peer;
	struct attribute_context context;
	const struct update *update;
	struct attribute_faults *faults;
	struct bgp_error *error;
};

static bool out_of_memory(struct bgp_error *error)
{
	return bgp_error_set(error, ERROR_CEASE, CEASE_OUT_OF_RESOURCES, NULL, 0, "out of memory");
}

/* ADD-PATH groups hear of each path; the others of the entry's decision. */
static void settle(struct rib *rib, enum family family, const struct table_change *change)
{
	if (!change->changed)
		return;
	for (struct update_group *group = rib->groups; group != NULL; group = group->next) {
		if (family_is_add_path(group, family))
			update_group_mark(group, family, change->path);
	}
	table_settle(&rib->tables[family], change);
}

static void withdraw(
	struct rib *rib, struct rib_peer *peer, const struct nlri *nlri, enum best_cause cause)
{
	enum family family = nlri->prefix.family;
	struct table_change change;

	table_withdraw(&rib->tables[family], peer->number, &peer->paths[family], &nlri->prefix,
		nlri->path_id, &change);
	peer->n_best[family] -= change.changed && change.was_best;
	change.cause = cause;
	settle(rib, family, &change);
}

void adj_rib_in_withdraw(struct rib *rib, struct rib_peer *peer, enum family family, uint32_t path,
	enum best_cause cause)
{
	struct table_change change;

	table_withdraw_path(&rib->tables[family], &peer->paths[family], path, &change);
	peer->n_best[family] -= change.was_best;
	change.cause = cause;
	settle(rib, family, &change);
}

void adj_rib_in_replace(struct rib *rib, enum family family, uint32_t path, struct attr_set *attrs,
	enum best_cause cause)
{
	struct table_change change;

	table_replace(&rib->tables[family], path, attrs, &change);
	change.cause = cause;
	settle(rib, family, &change);
}

static bool announce(
	struct rib *rib, struct rib_peer *peer, const struct nlri *nlri, struct attr_set *attrs)
{
	enum family family = nlri->prefix.family;
	struct table *table = &rib->tables[family];
	struct table_change change;

	if ((table->entries.used >= rib->reserved_entries[family] ||
		    table->paths.used >= rib->reserved_paths[family]) &&
		!rib_reserve(rib, family))
		return false;
	if (!table_announce(table, peer->number, &peer->paths[family], &nlri->prefix, nlri->path_id,
		    attrs, &change))
		return false;
	settle(rib, family, &change);
	return true;
}

static void withdraw_all(
	struct input *in, struct span field, enum family family, enum best_cause cause)
{
	bool add_path = in->context.add_path_receive & FAMILY_BIT(family);
	struct reader r = reader_of_span(field);
	struct nlri nlri;

	while (nlri_next(&r, family, add_path, &nlri))
		withdraw(in->rib, in->peer, &nlri, cause);
}

uint8_t adj_rib_in_verdict(
	const struct rib *rib, const struct attribute_keys *keys, struct span canonical)
{
	struct attribute_view as_path;

	if ((keys->flags & ATTR_HAS_ORIGINATOR_ID) &&
		keys->originator_id == rib->parameters.router_id)
		return 1 + DROP_ORIGINATOR_LOOP;
	if (attribute_cluster_list_contains(canonical, rib->parameters.cluster_id))
		return 1 + DROP_CLUSTER_LOOP;
	if (attribute_find(canonical, ATTRIBUTE_AS_PATH, &as_path) &&
		as_path_contains(as_path.value, rib->parameters.as))
		return 1 + DROP_AS_LOOP;
	return 0;
}

/* A hash over the raw attribute bytes and all that their meaning depends on. */
static struct siphash_result raw_key(
	const struct input *in, enum family family, const struct span *mp_next_hop)
{
	const struct update *update = in->update;
	uint8_t context[4] = { in->context.external, in->context.as4, (uint8_t)family,
		mp_next_hop == NULL ? 0xff : (uint8_t)mp_next_hop->len };
	struct siphash hash;

	siphash_begin(&hash, in->rib->attr_sets.hash_key);
	siphash_add(&hash, context, sizeof(context));
	if (mp_next_hop != NULL)
		siphash_add(&hash, mp_next_hop->bytes, mp_next_hop->len);
	for (size_t i = 0; i < update->n_pieces; i++)
		siphash_add(&hash, update->pieces[i].bytes, update->pieces[i].len);
	return siphash_end(&hash);
}

/*
 * The interned attributes for the routes of one field, with a reference for the caller. NULL when
 * they are not to be used: a fault (in->faults says which) or no memory (in->error is set).
 */
static struct attr_set *intern(struct input *in, enum family family, const struct span *mp_next_hop)
{
	struct rib *rib = in->rib;
	struct siphash_result key = raw_key(in, family, mp_next_hop);
	struct attr_set *set = attr_cache_find(&rib->attr_sets, &key);
	struct writer canonical = writer_of(rib->canonical, CANONICAL_MAX);
	struct attribute_keys keys;
	struct span bytes;
	uint8_t faults_before = in->faults->count;
	bool fresh;

	if (set != NULL)
		return attr_set_ref(set);
	attributes_decode(in->update->pieces, in->update->n_pieces, family, mp_next_hop,
		&in->context, &canonical, &keys, in->faults, in->error);
	if (in->faults->action > ATTRIBUTE_DISCARD)
		return NULL;
	bytes = (struct span){ rib->canonical, writer_len(&canonical) };
	set = attr_set_intern(&rib->attr_sets, &keys, bytes, &fresh);
	if (set == NULL) {
		out_of_memory(in->error);
		return NULL;
	}
	if (fresh)
		set->verdict = adj_rib_in_verdict(rib, &keys, bytes);
	if (in->faults->count == faults_before) /* a fault is to be counted each time it comes */
		attr_cache_put(&rib->attr_sets, &key, set);
	return set;
}

/*
 * Whether the next hop is our own address on this session: following it would lead here (RFC 4271
 * section 5.1.3).
 */
static bool next_hop_is_ours(
	const struct rib_peer *peer, enum family family, const struct attribute_keys *keys)
{
	const struct ip_address *local = &peer->parameters.local[family];

	return local->len > 0 && memcmp(local->bytes, keys->next_hop, local->len) == 0;
}

/* The routes of one NLRI field, with the attributes that hold for them. */
struct reach {
	enum family family;
	struct span nlri;
	const struct span *mp_next_hop; /* NULL for the classic field */
	struct attr_set *attrs; /* interned, referenced; NULL: nothing to announce */
};

/*
 * Announces, or where the import rules refuse the attributes withdraws, the routes of one field.
 * False: memory.
 */
static bool announce_all(struct input *in, const struct reach *reach)
{
	bool add_path = in->context.add_path_receive & FAMILY_BIT(reach->family);
	struct reader r = reader_of_span(reach->nlri);
	enum drop_reason reason = DROP_REASON_COUNT;
	struct nlri nlri;

	if (reach->attrs->verdict != 0)
		reason = reach->attrs->verdict - 1;
	else if (next_hop_is_ours(in->peer, reach->family, &reach->attrs->keys))
		reason = DROP_BAD_NEXT_HOP;
	while (nlri_next(&r, reach->family, add_path, &nlri)) {
		if (reason != DROP_REASON_COUNT) {
			in->peer->dropped[reason]++;
			withdraw(in->rib, in->peer, &nlri, BEST_REFUSED);
		} else if (!announce(in->rib, in->peer, &nlri, reach->attrs)) {
			return out_of_memory(in->error);
		}
	}
	return true;
}

static bool has_family(const struct input *in, enum family family)
{
	return in->peer->parameters.families & FAMILY_BIT(family);
}

/*
 * Announces what an UPDATE holds. All its attributes are looked at before any route is announced:
 * RFC 7606 section 3 (h), the most severe action is that of the whole message. False when the
 * session must end.
 */
static bool apply_reach(struct input *in, struct reach *reach, size_t n)
{
	bool ok = true;

	for (size_t i = 0; ok && i < n; i++) {
		if (in->faults->action >= ATTRIBUTE_TREAT_AS_WITHDRAW)
			break;
		reach[i].attrs = intern(in, reach[i].family, reach[i].mp_next_hop);
		ok = reach[i].attrs != NULL || in->error->code == 0;
	}
	for (size_t i = 0; i < n; i++) {
		if (ok && in->faults->action >= ATTRIBUTE_TREAT_AS_WITHDRAW)
			withdraw_all(in, reach[i].nlri, reach[i].family, BEST_REFUSED);
		else if (ok)
			ok = announce_all(in, &reach[i]);
		if (reach[i].attrs != NULL)
			attr_set_unref(&in->rib->attr_sets, reach[i].attrs);
	}
	return ok;
}

/* Routes of families that were not negotiated are passed over: RFC 4760 section 6. */
static bool apply(struct input *in)
{
	const struct update *update = in->update;
	bool foreign = update->foreign_families > 0;
	struct reach reach[2];
	size_t n = 0;

	if (has_family(in, FAMILY_IPV4_UNICAST))
		withdraw_all(in, update->withdrawn, FAMILY_IPV4_UNICAST, BEST_WITHDRAWN);
	if (update->has_mp_unreach && has_family(in, update->unreach_family))
		withdraw_all(in, update->unreach_nlri, update->unreach_family, BEST_WITHDRAWN);
	if (update->nlri.len > 0 && has_family(in, FAMILY_IPV4_UNICAST))
		reach[n++] = (struct reach){ FAMILY_IPV4_UNICAST, update->nlri, NULL, NULL };
	else
		foreign |= update->nlri.len > 0;
	if (update->has_mp_reach && has_family(in, update->reach_family))
		reach[n++] = (struct reach){ update->reach_family, update->reach_nlri,
			&update->reach_next_hop, NULL };
	else
		foreign |= update->has_mp_reach;
	in->peer->dropped[DROP_FOREIGN_FAMILY] += foreign;
	return apply_reach(in, reach, n);
}

bool rib_update(struct rib *rib, struct rib_peer *peer, struct span body, struct bgp_error *error)
{
	const struct rib_callbacks *callbacks = &rib->parameters.callbacks;
	struct attribute_faults faults = { 0 };
	struct update update;
	struct input in = { .rib = rib,
		.peer = peer,
		.context = { .external = peer->parameters.role == ROLE_EXTERNAL,
			.as4 = peer->parameters.as4,
			.add_path_receive = peer->parameters.add_path_receive },
		.update = &update,
		.faults = &faults,
		.error = error };
	bool ok = true;

	error->code = 0;
	peer->updates_received++;
	rib->updates_received++;
	update_parse(body, &in.context, &update, &faults, error);
	if (faults.action < ATTRIBUTE_RESET)
		ok = apply(&in);
	if (faults.action == ATTRIBUTE_TREAT_AS_WITHDRAW)
		peer->dropped[DROP_TREAT_AS_WITHDRAW]++;
	else if (faults.action == ATTRIBUTE_DISCARD)
		peer->dropped[DROP_ATTRIBUTE_DISCARD]++;
	if (faults.action > ATTRIBUTE_ACCEPT && callbacks->update_fault != NULL)
		callbacks->update_fault(callbacks->context, peer, body, &in.context, &faults);
	/* Last of all: who is told may sweep what the peer did not announce. */
	if (update.end_of_rib && has_family(&in, update.end_of_rib_family) &&
		callbacks->end_of_rib != NULL)
		callbacks->end_of_rib(callbacks->context, peer, update.end_of_rib_family);
	return ok && faults.action < ATTRIBUTE_RESET;
}
