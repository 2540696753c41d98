/*
 * End-of-RIB (RFC 4724 section 2) that a cohort cannot write itself: while rib_hold_end_of_rib says
 * so; while something waits for decision or flush; and where the group's log has said something
 * since the walk began. A receiver drops at the marker what it has not been sent before it, and all
 * of that comes behind the cohort's log. So the marker is written into the group's log, when what
 * had been received by then has been decided and flushed.
 *
 * A cohort that has not written its marker (cohort->end_of_rib) leaves it to the group: the members
 * of one that joins read the group's log from before the marker; those of one that catches up take
 * the debt along when they are through before it.
 */
#include "bgp/update.h"
#include "rib/state.h"

/* After so many rounds of a change set in slices all that was in it has had its turn. */
#define ROUNDS 2

uint8_t end_of_rib_waits(const struct update_group *group)
{
	const struct rib *rib = group->rib;
	uint8_t families = rib->hold_end_of_rib ? FAMILIES_ALL : group->owed;

	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		if (rib->tables[family].undecided.count > 0 ||
			group->family[family].dirty.count > 0)
			families |= FAMILY_BIT(family);
	}
	return families;
}

/* From now on what waits for decision or flush comes before the marker. */
static void owe_from_now(struct update_group *group, enum family family)
{
	struct group_family *out = &group->family[family];

	out->owed_decided = false;
	out->owed_round = group->rib->decide_round[family] + ROUNDS;
}

void end_of_rib_owe(struct update_group *group, uint8_t families)
{
	const struct rib_callbacks *callbacks = &group->rib->parameters.callbacks;

	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		if (families & FAMILY_BIT(family))
			owe_from_now(group, family);
	}
	group->owed |= families;
	/* Asked for by a peer's output perhaps, with nothing else to do for rib_run. */
	if (families != 0 && !group->rib->hold_end_of_rib)
		callbacks->output_ready(callbacks->context, NULL);
}

static bool is_over(uint32_t round, uint32_t now)
{
	return (int32_t)(now - round) >= 0;
}

/* Whether what came before the hold ended has gone into the group's log. */
static bool is_payable(struct update_group *group, enum family family)
{
	const struct rib *rib = group->rib;
	struct group_family *out = &group->family[family];

	if (!out->owed_decided) {
		if (rib->tables[family].undecided.count > 0 &&
			!is_over(out->owed_round, rib->decide_round[family]))
			return false;
		out->owed_decided = true;
		out->owed_round = out->flush_round + ROUNDS;
	}
	return out->dirty.count == 0 || is_over(out->owed_round, out->flush_round);
}

bool end_of_rib_is_due(struct update_group *group)
{
	if (group->rib->hold_end_of_rib)
		return false;
	for (enum family family = 0; family < FAMILY_COUNT; family++) {
		if ((group->owed & FAMILY_BIT(family)) && is_payable(group, family))
			return true;
	}
	return false;
}

/* True when the members of a cohort are still to be told of numbers before the group's log. */
static bool is_walking(const struct cohort *cohort)
{
	return cohort->started && !cohort->catching_up && !cohort->complete;
}

/*
 * Whether the member is owed the marker and reads the group's log, now or behind its cohort's. What
 * a walk that goes on has passed over may come behind the marker: its end owes one of its own.
 */
static bool is_owed(const struct rib_peer *peer, enum family family)
{
	const struct cohort *cohort = peer->cohort;

	if (cohort == NULL)
		return peer->owed & FAMILY_BIT(family);
	return cohort->complete && (cohort->end_of_rib & FAMILY_BIT(family));
}

/* For the member of that number; 0: for all. False: memory. */
static bool write_marker(struct update_group *group, enum family family, uint16_t target)
{
	struct writer w;

	if (!group_log_begin(&group->log, BGP_MESSAGE_MAX, &w))
		return false;
	end_of_rib_write(&w, family);
	group_log_publish(&group->log, &w, 0, target);
	return true;
}

/*
 * One marker for all members, or where it would come too early for some, or only a few are owed it,
 * one for each of those. False: memory; some may get it again then, which says nothing new.
 */
static bool write_markers(struct update_group *group, enum family family)
{
	bool walking = false;
	unsigned owed = 0;

	for (const struct cohort *c = group->cohorts; c != NULL; c = c->next)
		walking |= is_walking(c);
	for (const struct rib_peer *peer = group->members; peer != NULL; peer = peer->group_next)
		owed += is_owed(peer, family);
	if (!walking && owed > group->n_members / 2)
		return write_marker(group, family, 0);
	for (const struct rib_peer *peer = group->members; peer != NULL; peer = peer->group_next) {
		if (is_owed(peer, family) && !write_marker(group, family, peer->number))
			return false;
	}
	return true;
}

/* False: memory; it is owed still. */
static bool pay(struct update_group *group, enum family family)
{
	if (!write_markers(group, family))
		return false;
	group->owed &= (uint8_t)~FAMILY_BIT(family);
	for (struct rib_peer *peer = group->members; peer != NULL; peer = peer->group_next)
		peer->owed &= (uint8_t)~FAMILY_BIT(family);
	for (struct cohort *cohort = group->cohorts; cohort != NULL; cohort = cohort->next) {
		if (cohort->complete)
			cohort->end_of_rib &= (uint8_t)~FAMILY_BIT(family);
	}
	update_group_wake(group);
	cohort_wake_pending(group);
	return true;
}

bool end_of_rib_pay(struct rib *rib)
{
	for (struct update_group *group = rib->groups; group != NULL; group = group->next) {
		for (enum family family = 0; family < FAMILY_COUNT; family++) {
			if ((group->owed & FAMILY_BIT(family)) && !rib->hold_end_of_rib &&
				is_payable(group, family) && !pay(group, family))
				return false;
		}
	}
	return true;
}

void rib_hold_end_of_rib(struct rib *rib, bool hold)
{
	const struct rib_callbacks *callbacks = &rib->parameters.callbacks;

	if (hold == rib->hold_end_of_rib)
		return;
	rib->hold_end_of_rib = hold;
	if (hold)
		return;
	for (struct update_group *group = rib->groups; group != NULL; group = group->next) {
		for (enum family family = 0; family < FAMILY_COUNT; family++)
			owe_from_now(group, family);
		/* Those who catch up and are through but for the marker may write it now. */
		cohort_wake_pending(group);
	}
	callbacks->output_ready(callbacks->context, NULL);
}
