#include "rr/health.h"

#include <stdio.h>

#include "rr/journal.h"

static void judge_journal(const struct journal_status *journal, struct health *health)
{
	if (journal->degraded) {
		struct health_reason *reason = &health->reasons[health->n_reasons++];

		reason->part = "journal";
		reason->since = journal->degraded_since;
		snprintf(reason->text, sizeof reason->text, "the journal cannot be written: %s",
			journal->reason);
	}
	if (journal->moved_at != 0) {
		struct health_reason *notice = &health->notices[health->n_notices++];

		notice->part = "journal";
		notice->since = journal->moved_at;
		if (journal->moved_to[0] != '\0')
			snprintf(notice->text, sizeof notice->text,
				"what was found in the journal's place, damaged or none of "
				"ours, is now %s",
				journal->moved_to);
		else
			snprintf(notice->text, sizeof notice->text,
				"the journal's file had been deleted");
	}
}

void health_judge(const struct reflector *reflector, struct health *health)
{
	struct journal_view journal;

	health->n_reasons = health->n_notices = 0;
	if (reflector_journal(reflector, &journal))
		judge_journal(&journal.status, health);
}
