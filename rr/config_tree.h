/*
 * A YAML text as a tree of nodes that remember where they stand, and the list of faults found on
 * the way. The configuration's reader (config_read.c) and its checks (config_check.c) walk the
 * tree; nobody outside rr/config*.c includes this. It knows YAML and no key of the configuration:
 * types and names are judged above it.
 *
 * What YAML can do and a configuration does not need is refused here, with its position: anchors
 * and aliases, tags, several documents, keys that are not plain text, keys twice, nesting deeper
 * than CONFIG_DEPTH_MAX.
 */
#ifndef RR_CONFIG_TREE_H
#define RR_CONFIG_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define CONFIG_DEPTH_MAX   16
#define CONFIG_SIZE_MAX	   (16u << 20) /* bytes of a file */
#define CONFIG_FAULTS_KEPT 10000 /* faults remembered; what comes behind them is only counted */
#define CONFIG_FAULTS_MAX  100 /* lines written; the others are counted */

/* Both from 1, as editors count; columns are characters. Line 0 stands for the file as a whole. */
struct config_position {
	size_t line;
	size_t column;
};

struct config_fault;

/* All faults of one parse. Zero-initialized with `file` set; `file` is borrowed. */
struct config_faults {
	const char *file;
	struct config_fault *list;
	size_t n;
	size_t capacity;
	size_t dropped; /* found but not kept */
	bool no_memory; /* an allocation failed: the result cannot be trusted */
};

/* Adds one line (no newline) at `at`: what was found, what was expected. */
__attribute__((format(printf, 3, 4))) void config_fault(
	struct config_faults *faults, struct config_position at, const char *format, ...);
/* True when nothing was found and no allocation failed. */
bool config_faults_none(const struct config_faults *faults);
/*
 * Writes the faults in order of position, at most CONFIG_FAULTS_MAX, each FILE:LINE:COLUMN: text.
 */
void config_faults_write(struct config_faults *faults, FILE *to);
void config_faults_free(struct config_faults *faults);

enum config_node_kind {
	CONFIG_SCALAR,
	CONFIG_LIST,
	CONFIG_MAPPING,
	CONFIG_FAULTY, /* already complained of: what reads it fails in silence */
};

struct config_node;

struct config_entry {
	struct config_node *key; /* CONFIG_SCALAR in a mapping, NULL in a list */
	struct config_node *value;
};

struct config_node {
	enum config_node_kind kind;
	struct config_position at;
	bool plain; /* a scalar without quotes */
	char *text; /* of a scalar: no NUL inside */
	struct config_entry *entries;
	size_t n;
	size_t capacity;
};

/*
 * The root of the only document in `text`. NULL when the syntax is broken or memory is short;
 * faults that leave a readable tree (a duplicate key, an anchor) are added and the tree is
 * returned, so that more can be found. The caller frees the tree.
 */
struct config_node *config_tree_parse(const char *text, size_t len, struct config_faults *faults);
void config_node_free(struct config_node *node);

#endif
