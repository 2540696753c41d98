/*
 * From the tree of a YAML text to a draft of the configuration: every key's name, type, range and
 * default (the tables in config_read.c), then what holds between keys (config_check.c). config.c
 * calls both, in this order. A draft remembers where each thing stood, so that the checks can name
 * places. Nothing here opens a file or writes a message out.
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

#endif
