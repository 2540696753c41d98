#include "rib/tree.h"

#include <endian.h>
#include <string.h>

#include "rib/bitmap.h"

#define STRIDE	      6
#define DEPTH_MAX     22 /* nodes from the root to a /128 */
#define FREED_AT_ONCE 128 /* chunks of the pool */

struct tree_node {
	uint64_t children; /* bit v: there is a child behind the six bits v */
	uint64_t entries[2]; /* bit slot_of(bits, value): a prefix ends here */
	struct tree_node **child; /* one for each bit of `children`, in order */
	uint32_t *entry; /* one for each bit of `entries`, in order */
	uint8_t key[16]; /* the first `depth` bits of all that lies here; zero behind them */
	uint8_t depth; /* bits in front of this node, a multiple of STRIDE */
	uint8_t child_room;
	uint8_t entry_room;
};

void tree_init(struct tree *tree)
{
	*tree = (struct tree){ .zero = TREE_NONE };
}

static void node_free(struct tree *tree, struct tree_node *node)
{
	pool_free(&tree->pool, node->child, node->child_room * sizeof(*node->child));
	pool_free(&tree->pool, node->entry, node->entry_room * sizeof(*node->entry));
	pool_free(&tree->pool, node, sizeof(*node));
}

static unsigned node_children(const struct tree_node *node)
{
	return count_bits(node->children);
}

static unsigned node_entries(const struct tree_node *node)
{
	return count_bits(node->entries[0]) + count_bits(node->entries[1]);
}

void tree_destroy(struct tree *tree)
{
	pool_destroy(&tree->pool);
	tree_init(tree);
}

bool tree_free_part(struct tree *tree)
{
	bool any = false;

	for (unsigned n = 0; n < FREED_AT_ONCE && pool_free_chunk(&tree->pool); n++)
		any = true;
	return any;
}

size_t tree_memory(const struct tree *tree)
{
	return tree->pool.memory;
}

static uint64_t load64(const uint8_t *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return be64toh(value);
}

/* The six bits behind `depth`; bits behind the 128th are zero. */
static unsigned six_bits(const uint8_t *bytes, unsigned depth)
{
	unsigned byte = depth / 8;
	unsigned pair = (unsigned)bytes[byte] << 8 | (byte < 15 ? bytes[byte + 1] : 0);

	return pair >> (16 - STRIDE - depth % 8) & 63;
}

/* How many leading bits two keys share. */
static unsigned common_bits(const uint8_t *a, const uint8_t *b)
{
	uint64_t difference = load64(a) ^ load64(b);

	if (difference != 0)
		return (unsigned)__builtin_clzll(difference);
	difference = load64(a + 8) ^ load64(b + 8);
	return difference != 0 ? 64 + (unsigned)__builtin_clzll(difference) : 128;
}

/* Depth of the node in which a prefix of `length` (at least 1) ends. */
static unsigned depth_of(unsigned length)
{
	return (length - 1) / STRIDE * STRIDE;
}

/* The bit of `entries` for a prefix that ends `bits` (1 to 6) behind the node's depth. */
static unsigned slot_of(unsigned bits, unsigned value)
{
	return (1u << bits) - 2 + value;
}

static unsigned slot_of_prefix(const struct prefix *prefix, unsigned depth)
{
	unsigned bits = prefix->length - depth;

	return slot_of(bits, six_bits(prefix->bytes, depth) >> (STRIDE - bits));
}

static bool node_has_entries(const struct tree_node *node)
{
	return (node->entries[0] | node->entries[1]) != 0;
}

static bool has_entry(const struct tree_node *node, unsigned slot)
{
	return node->entries[slot / 64] >> slot % 64 & 1;
}

/* How many entries stand in front of `slot`. */
static unsigned entry_rank(const struct tree_node *node, unsigned slot)
{
	uint64_t below = ((uint64_t)1 << slot % 64) - 1;

	if (slot < 64)
		return count_bits(node->entries[0] & below);
	return count_bits(node->entries[0]) + count_bits(node->entries[1] & below);
}

static bool has_child(const struct tree_node *node, unsigned value)
{
	return node->children >> value & 1;
}

static unsigned child_rank(const struct tree_node *node, unsigned value)
{
	return count_bits(node->children & (((uint64_t)1 << value) - 1));
}

uint32_t tree_find(const struct tree *tree, const struct prefix *prefix)
{
	const struct tree_node *node = tree->root;
	unsigned depth, slot;

	if (prefix->length == 0)
		return tree->zero;
	depth = depth_of(prefix->length);
	while (node != NULL && node->depth < depth) {
		unsigned value = six_bits(prefix->bytes, node->depth);

		node = has_child(node, value) ? node->child[child_rank(node, value)] : NULL;
	}
	/* Bits that were skipped on the way down are compared only here. */
	if (node == NULL || node->depth != depth || common_bits(node->key, prefix->bytes) < depth)
		return TREE_NONE;
	slot = slot_of_prefix(prefix, depth);
	return has_entry(node, slot) ? node->entry[entry_rank(node, slot)] : TREE_NONE;
}

static struct tree_node *node_new(struct tree *tree, const struct prefix *prefix, unsigned depth)
{
	struct tree_node *node = pool_alloc(&tree->pool, sizeof(*node));
	struct prefix key = *prefix;

	if (node == NULL)
		return NULL;
	*node = (struct tree_node){ .depth = (uint8_t)depth };
	key.length = (uint8_t)depth;
	prefix_mask(&key);
	memcpy(node->key, key.bytes, sizeof(node->key));
	return node;
}

/* The list, whose block has `size` bytes, in one of `wanted` bytes; NULL when memory is short. */
static void *list_grow(struct tree *tree, void *list, size_t size, size_t wanted)
{
	void *grown = pool_alloc(&tree->pool, wanted);

	if (grown == NULL)
		return NULL;
	if (list != NULL)
		memcpy(grown, list, size);
	pool_free(&tree->pool, list, size);
	return grown;
}

/* Room for one more child, so that node_link cannot fail. */
static bool node_reserve_child(struct tree *tree, struct tree_node *node)
{
	unsigned room = node->child_room ? node->child_room * 2u : 1;
	struct tree_node **child;

	if (node_children(node) < node->child_room)
		return true;
	child = list_grow(
		tree, node->child, node->child_room * sizeof(*child), room * sizeof(*child));
	if (child == NULL)
		return false;
	node->child = child;
	node->child_room = (uint8_t)room;
	return true;
}

static void node_link(struct tree_node *node, struct tree_node *child)
{
	unsigned value = six_bits(child->key, node->depth);
	unsigned rank = child_rank(node, value);

	memmove(&node->child[rank + 1], &node->child[rank],
		(node_children(node) - rank) * sizeof(*node->child));
	node->child[rank] = child;
	node->children |= (uint64_t)1 << value;
}

static void node_unlink(struct tree_node *node, unsigned value)
{
	unsigned rank = child_rank(node, value);

	node->children &= ~((uint64_t)1 << value);
	memmove(&node->child[rank], &node->child[rank + 1],
		(node_children(node) - rank) * sizeof(*node->child));
}

/* The place of the entry in `slot`, made if it was not there. */
static uint32_t *node_entry_place(struct tree *tree, struct tree_node *node, unsigned slot)
{
	unsigned n = node_entries(node), rank = entry_rank(node, slot);

	if (has_entry(node, slot))
		return &node->entry[rank];
	if (n == node->entry_room) {
		/* A block of the pool has room for two. */
		unsigned room = n ? (n < 64 ? n * 2 : 126) : 2;
		uint32_t *entry = list_grow(
			tree, node->entry, n * sizeof(*entry), room * sizeof(*entry));

		if (entry == NULL)
			return NULL;
		node->entry = entry;
		node->entry_room = (uint8_t)room;
	}
	memmove(&node->entry[rank + 1], &node->entry[rank], (n - rank) * sizeof(*node->entry));
	node->entry[rank] = TREE_NONE;
	node->entries[slot / 64] |= (uint64_t)1 << slot % 64;
	return &node->entry[rank];
}

/*
 * Puts a node of `depth` for the prefix below `parent`, in front of its child of the same six bits,
 * if there is one and it diverges; the node where both meet may be another than the one wanted.
 * NULL when memory is short.
 */
static struct tree_node *node_attach(
	struct tree *tree, struct tree_node *parent, const struct prefix *prefix, unsigned depth)
{
	unsigned value = six_bits(prefix->bytes, parent->depth);
	struct tree_node *node = node_new(tree, prefix, depth);
	struct tree_node *old, *fork;
	unsigned meet, rank;

	if (node == NULL)
		return NULL;
	if (!has_child(parent, value)) {
		if (!node_reserve_child(tree, parent)) {
			node_free(tree, node);
			return NULL;
		}
		node_link(parent, node);
		return node;
	}
	rank = child_rank(parent, value);
	old = parent->child[rank];
	meet = common_bits(old->key, prefix->bytes) / STRIDE * STRIDE;
	if (meet >= depth) {
		/* The old child lies wholly below the new node. */
		if (!node_reserve_child(tree, node)) {
			node_free(tree, node);
			return NULL;
		}
		node_link(node, old);
		parent->child[rank] = node;
		return node;
	}
	fork = node_new(tree, prefix, meet);
	if (fork == NULL || !node_reserve_child(tree, fork)) {
		if (fork != NULL)
			node_free(tree, fork);
		node_free(tree, node);
		return NULL;
	}
	node_link(fork, old);
	if (!node_reserve_child(tree, fork)) {
		node_free(tree, fork);
		node_free(tree, node);
		return NULL;
	}
	node_link(fork, node);
	parent->child[rank] = fork;
	return node;
}

uint32_t *tree_insert(struct tree *tree, const struct prefix *prefix)
{
	struct tree_node *node;
	unsigned depth;
	uint32_t *place;

	if (prefix->length == 0)
		return &tree->zero;
	depth = depth_of(prefix->length);
	if (tree->root == NULL) {
		tree->root = node_new(tree, prefix, 0);
		if (tree->root == NULL)
			return NULL;
	}
	node = tree->root;
	while (node->depth < depth) {
		unsigned value = six_bits(prefix->bytes, node->depth);
		struct tree_node *child = has_child(node, value)
						  ? node->child[child_rank(node, value)]
						  : NULL;

		if (child == NULL || child->depth > depth ||
			common_bits(child->key, prefix->bytes) < child->depth)
			child = node_attach(tree, node, prefix, depth);
		if (child == NULL)
			return NULL;
		node = child;
	}
	place = node_entry_place(tree, node, slot_of_prefix(prefix, depth));
	if (place == NULL)
		tree_remove(tree, prefix); /* takes the node out again if it is empty */
	return place;
}

void tree_remove(struct tree *tree, const struct prefix *prefix)
{
	struct tree_node *path[DEPTH_MAX];
	struct tree_node *node = tree->root;
	unsigned level = 0, depth, slot;

	if (prefix->length == 0) {
		tree->zero = TREE_NONE;
		return;
	}
	depth = depth_of(prefix->length);
	while (node != NULL && node->depth < depth) {
		unsigned value = six_bits(prefix->bytes, node->depth);

		path[level++] = node;
		node = has_child(node, value) ? node->child[child_rank(node, value)] : NULL;
	}
	if (node == NULL || node->depth != depth || common_bits(node->key, prefix->bytes) < depth)
		return;
	slot = slot_of_prefix(prefix, depth);
	if (has_entry(node, slot)) {
		unsigned rank = entry_rank(node, slot);

		node->entries[slot / 64] &= ~((uint64_t)1 << slot % 64);
		memmove(&node->entry[rank], &node->entry[rank + 1],
			(node_entries(node) - rank) * sizeof(*node->entry));
	}
	/*
	 * A node without entries is left out: with no child it goes, with one the child takes its
	 * place.
	 */
	while (level > 0 && !node_has_entries(node) &&
		(node->children & (node->children - 1)) == 0) {
		struct tree_node *parent = path[--level];
		unsigned value = six_bits(node->key, parent->depth);

		if (node->children != 0)
			parent->child[child_rank(parent, value)] = node->child[0];
		else
			node_unlink(parent, value);
		node_free(tree, node);
		node = parent;
	}
	if (node == tree->root && node->children == 0 && !node_has_entries(node)) {
		node_free(tree, node);
		tree->root = NULL;
	}
}

struct walk {
	const struct prefix *after; /* NULL once the walk is behind it */
	bool (*visit)(void *context, uint32_t entry);
	void *context;
};

/*
 * Visits the entries of `node` whose first address is that of the six bits `value`, shortest first.
 */
static bool walk_entries(
	struct walk *walk, const struct tree_node *node, unsigned value, unsigned longer_than)
{
	for (unsigned bits = 1; bits <= STRIDE; bits++) {
		unsigned slot = slot_of(bits, value >> (STRIDE - bits));

		if (value &
			((1u << (STRIDE - bits)) - 1)) /* a prefix of these bits starts earlier */
			continue;
		if (node->depth + bits > longer_than && has_entry(node, slot) &&
			!walk->visit(walk->context, node->entry[entry_rank(node, slot)]))
			return false;
	}
	return true;
}

static bool walk_node(struct walk *walk, const struct tree_node *node)
{
	unsigned from = 0;
	bool inside = false;

	if (walk->after != NULL) {
		unsigned same = common_bits(node->key, walk->after->bytes);

		if (same >= node->depth) {
			inside = true;
			from = six_bits(walk->after->bytes, node->depth);
		} else if (memcmp(node->key, walk->after->bytes, sizeof(node->key)) < 0) {
			return true; /* all of it lies in front of `after` */
		} else {
			walk->after = NULL;
		}
	}
	for (unsigned value = from; value < 64; value++) {
		unsigned longer_than = 0;
		bool at_edge = inside && value == from;

		if (at_edge) {
			/*
			 * Entries that start at these six bits share them with `after`; when its
			 * later bits are all zero they have the same address and the longer ones
			 * follow it, otherwise they all lie in front of it.
			 */
			struct prefix edge = *walk->after;

			edge.length = (uint8_t)(node->depth + STRIDE > 128 ? 128
									   : node->depth + STRIDE);
			prefix_mask(&edge);
			longer_than = memcmp(edge.bytes, walk->after->bytes, 16) == 0
					      ? walk->after->length
					      : 255;
		}
		if (!walk_entries(walk, node, value, longer_than))
			return false;
		if (has_child(node, value) &&
			!walk_node(walk, node->child[child_rank(node, value)]))
			return false;
		if (at_edge)
			walk->after = NULL;
	}
	return true;
}

bool tree_walk(const struct tree *tree, const struct prefix *after,
	bool (*visit)(void *context, uint32_t entry), void *context)
{
	struct walk walk = { after, visit, context };

	if (after == NULL && tree->zero != TREE_NONE && !visit(context, tree->zero))
		return false;
	return tree->root == NULL || walk_node(&walk, tree->root);
}
