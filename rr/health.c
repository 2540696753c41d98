#include "rr/health.h"

#include <stdio.h>

#include "rr/journal.h"

void health_judge(const struct reflector *reflector, struct health *health)
{
	struct journal_view journal;

	health->n_reasons = 0;
	if (reflector_journal(reflector, &journal) && journal.status.degraded) {
		struct health_reason *reason = &health->reasons[health->n_reasons++];

		reason->part = "journal";
		reason->since = journal.status.degraded_since;
		snprintf(reason->text, sizeof reason->text, "the journal cannot be written: %s",
			journal.status.reason);
	}
}
