/*
 * Which RIBs the journal's batches refer to: batches hold references to attribute sets, so a RIB
 * whose place was taken lives on until the last of them is back.
 */
#include <stdlib.h>

#include "rr/journal_state.h"

static struct journal_rib **place(struct journal *journal, const struct rib *rib)
{
	struct journal_rib **at = &journal->ribs;

	while (*at != NULL && (*at)->rib != rib)
		at = &(*at)->next;
	return at;
}

bool journal_reserve_rib(struct journal *journal)
{
	if (journal->spare_rib == NULL)
		journal->spare_rib = calloc(1, sizeof *journal->spare_rib);
	return journal->spare_rib != NULL;
}

void journal_add_rib(struct journal *journal, struct rib *rib)
{
	struct journal_rib *of = journal->spare_rib;

	journal->spare_rib = NULL;
	of->rib = rib;
	of->next = journal->ribs;
	journal->ribs = of;
}

void journal_enter_rib(struct journal *journal, struct rib *rib)
{
	(*place(journal, rib))->batches++;
}

static void free_when_left(struct journal_rib **at)
{
	struct journal_rib *of = *at;

	if (of->batches > 0 || !of->retired)
		return;
	*at = of->next;
	rib_free(of->rib);
	free(of);
}

void journal_leave_rib(struct journal *journal, struct rib *rib)
{
	struct journal_rib **at = place(journal, rib);

	(*at)->batches--;
	free_when_left(at);
}

void journal_retire_rib(struct journal *journal, struct rib *rib)
{
	struct journal_rib **at = place(journal, rib);

	(*at)->retired = true;
	free_when_left(at);
}
