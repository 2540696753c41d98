/*
 * The radix tree of one family: prefix to entry number. A node covers six bits: it holds the
 * prefixes that end within them and the children that go on behind them, found by counting bits in
 * bitmaps; runs of nodes that would have one child only are left out. An exact match among a
 * million prefixes visits four or five nodes. The table calls it; it knows nothing of routes. A
 * walk is resumed from a prefix, never from a pointer, so the tree may change between its slices.
 */
#ifndef RIB_TREE_H
#define RIB_TREE_H

#include "bgp/types.h"
#include "rib/pool.h"

#define TREE_NONE UINT32_MAX

struct tree_node;

struct tree {
	struct tree_node *root; /* depth 0; NULL while empty */
	uint32_t zero; /* entry of the prefix of length 0; TREE_NONE without one */
	struct pool pool; /* nodes and their lists */
};

void tree_init(struct tree *tree);
void tree_destroy(struct tree *tree);
/* Frees a part of it, of a tree that is not used any more. False when there was none. */
bool tree_free_part(struct tree *tree);
/* Bytes held: what prefixes that went had is kept for those that come. */
size_t tree_memory(const struct tree *tree);
/* TREE_NONE when the prefix is not there. */
uint32_t tree_find(const struct tree *tree, const struct prefix *prefix);
/*
 * The place of the prefix's entry number, made (holding TREE_NONE) if it was not there; NULL when
 * memory is short. The caller stores a number at once, or calls tree_remove. Valid until the tree
 * changes.
 */
uint32_t *tree_insert(struct tree *tree, const struct prefix *prefix);
/* No-op when the prefix is not there. */
void tree_remove(struct tree *tree, const struct prefix *prefix);
/*
 * Visits entries in the order of prefix_compare, those behind `after` only (NULL: all), until
 * `visit` returns false. Returns false when it was stopped. `visit` must not change the tree.
 * `after` may be a prefix that is not in the tree.
 */
bool tree_walk(const struct tree *tree, const struct prefix *after,
	bool (*visit)(void *context, uint32_t entry), void *context);

#endif
