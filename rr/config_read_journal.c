#include "rr/config_read.h"

#include <stdlib.h>
#include <string.h>

#include "rr/config_value.h"

#define JOURNAL_AGE_MAX	 (3650u * 86400) /* seconds */
#define JOURNAL_SIZE_MIN (16ull << 20) /* bytes: room for a small state and its WAL */
#define JOURNAL_SIZE_MAX (64ull << 40)

static void read_journal_path(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	(void)target;
	/* With room for what SQLite appends ("-journal"), and the date of a file set aside. */
	config_read_path(draft, node, key, 4000, &draft->config->journal_path);
}

static void read_journal_history(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	(void)target;
	value_duration(
		draft->faults, node, key, 0, JOURNAL_AGE_MAX, &draft->config->journal_history);
}

static void read_journal_max_size(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	(void)target;
	value_size(draft->faults, node, key, JOURNAL_SIZE_MIN, JOURNAL_SIZE_MAX,
		&draft->config->journal_max_size);
}

static void read_journal_restore_max_age(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	(void)target;
	value_duration(draft->faults, node, key, 0, JOURNAL_AGE_MAX,
		&draft->config->journal_restore_max_age);
}

static const struct config_key journal_keys[] = {
	{ "path", read_journal_path, false, NULL },
	{ "history", read_journal_history, false, NULL },
	{ "max-size", read_journal_max_size, false, NULL },
	{ "restore-max-age", read_journal_restore_max_age, false, NULL },
};

void config_read_journal(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target)
{
	struct config *config = draft->config;
	config->journal_path = strdup(CONFIG_JOURNAL_PATH);
	if (!config->journal_path) {
		draft->faults->no_memory = true;
		return;
	}
	/* "journal:" with nothing behind it is a section without keys. */
	if (node->kind == CONFIG_SCALAR && node->plain && !node->text[0])
		return;
	config_read_mapping(draft, node, key, journal_keys, N_ELEMENTS(journal_keys), target);
}
