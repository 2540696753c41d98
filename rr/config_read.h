/*
 * From the tree of a YAML text to a draft of the configuration: every key's name, type, range and
 * default (the tables in config_read.c and config_read_group.c), then what holds between keys
 * (config_check.c). config.c calls both, in this order. A draft remembers where each thing stood,
 * so that the checks can name places. Nothing here opens a file or writes a message out.
 */
#ifndef RR_CONFIG_READ_H
#define RR_CONFIG_READ_H

#include "rr/config.h"
#include "rr/config_tree.h"

/* Where the parts of a group stood; line 0: the key is absent, or its value was faulty. */
struct group_places {
	struct config_position name;
	struct config_position as;
	struct config_position next_hop;
	struct config_position long_lived[FAMILY_COUNT];
	struct config_position *dynamic; /* one for each range */
	bool faulty; /* the role cannot be trusted, so neither can what depends on it */
};

struct peer_places {
	struct config_position entry;
	struct config_position address; /* line 0: no valid address */
	struct config_position local;
	bool passive_given;
	char *group_name; /* NULL: absent or faulty */
	struct config_position group;
};

struct config_draft {
	struct config *config; /* complete but for what faults took away */
	struct config_faults *faults;
	bool as_valid; /* router.as */
	struct group_places *groups;
	struct peer_places *peers;
	struct config_position *listen;
};

/* Reads the tree into draft->config, with defaults; faults are added to draft->faults. */
void config_read(struct config_draft *draft, const struct config_node *root);
/*
 * Adds a fault for everything that no single value shows; resolves what peers inherit from their
 * groups.
 */
void config_check(struct config_draft *draft);
/* Frees what the draft holds beside draft->config (which must still be there) and draft->faults. */
void config_draft_free(struct config_draft *draft);

/* What the readers of the sections share. */

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/* One key of a mapping. `read` gets the target that its mapping was given. */
struct config_key {
	const char *name;
	void (*read)(struct config_draft *draft, const struct config_node *node, const char *key,
		void *target);
	bool required;
	const char *expected; /* for the fault when it is required and absent */
};

/* `read` of a key that the design has and this version has not. */
void config_read_later(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target);
/*
 * Reads a mapping by its table: in the table's order, so that a key may rely on those in rows above
 * it. Of a key that stands twice the first counts; the tree has complained of the other. False when
 * `node` is no mapping.
 */
bool config_read_mapping(struct config_draft *draft, const struct config_node *node,
	const char *where, const struct config_key keys[], size_t n, void *target);
/* For a list of `n` elements; one at least, so that NULL means no memory. */
void *config_read_allocate(struct config_draft *draft, size_t n, size_t size);
/* An absolute path of at most `max` bytes; what `*to` held is freed for it. */
void config_read_path(struct config_draft *draft, const struct config_node *node, const char *key,
	size_t max, char **to);

/* config_read_group.c: the reader of `groups`. */
void config_read_groups(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target);
/* config_read_journal.c: the reader of `journal`; the section alone asks for one, even empty. */
void config_read_journal(
	struct config_draft *draft, const struct config_node *node, const char *key, void *target);

#endif
