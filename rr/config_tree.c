#include "rr/config_tree.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "rr/config_value.h"

struct config_fault {
	struct config_position at;
	size_t number; /* keeps the order of discovery at one position */
	char *text;
};

void config_fault(struct config_faults *faults, struct config_position at, const char *format, ...)
{
	if (faults->n == CONFIG_FAULTS_KEPT) {
		faults->dropped++;
		return;
	}
	if (faults->n == faults->capacity) {
		size_t capacity = faults->capacity ? faults->capacity * 2 : 8;
		struct config_fault *list = reallocarray(
			faults->list, capacity, sizeof(faults->list[0]));
		if (!list) {
			faults->no_memory = true;
			return;
		}
		faults->list = list;
		faults->capacity = capacity;
	}
	struct config_fault *fault = &faults->list[faults->n];
	va_list arguments;
	va_start(arguments, format);
	int len = vasprintf(&fault->text, format, arguments);
	va_end(arguments);
	if (len < 0) {
		faults->no_memory = true;
		return;
	}
	fault->at = at;
	fault->number = faults->n++;
}

bool config_faults_none(const struct config_faults *faults)
{
	return faults->n == 0 && !faults->no_memory;
}

static int compare_position(const struct config_position *a, const struct config_position *b)
{
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	if (a->column != b->column)
		return a->column < b->column ? -1 : 1;
	return 0;
}

static int compare_fault(const void *left, const void *right)
{
	const struct config_fault *a = left, *b = right;
	int order = compare_position(&a->at, &b->at);
	if (order)
		return order;
	return a->number < b->number ? -1 : a->number > b->number;
}

static void write_place(const struct config_faults *faults, struct config_position at, FILE *to)
{
	if (at.line)
		fprintf(to, "%s:%zu:%zu: ", faults->file, at.line, at.column);
	else
		fprintf(to, "%s: ", faults->file);
}

void config_faults_write(struct config_faults *faults, FILE *to)
{
	if (faults->n)
		qsort(faults->list, faults->n, sizeof(faults->list[0]), compare_fault);
	for (size_t i = 0; i < faults->n; i++) {
		write_place(faults, faults->list[i].at, to);
		if (i == CONFIG_FAULTS_MAX) {
			fprintf(to, "and %zu more faults from here on\n",
				faults->n - i + faults->dropped);
			break;
		}
		fprintf(to, "%s\n", faults->list[i].text);
	}
	if (faults->no_memory)
		fprintf(to, "%s: not read whole: out of memory\n", faults->file);
}

void config_faults_free(struct config_faults *faults)
{
	for (size_t i = 0; i < faults->n; i++)
		free(faults->list[i].text);
	free(faults->list);
	faults->list = NULL;
	faults->n = faults->capacity = 0;
}

void config_node_free(struct config_node *node)
{
	if (!node)
		return;
	for (size_t i = 0; i < node->n; i++) {
		config_node_free(node->entries[i].key);
		config_node_free(node->entries[i].value);
	}
	free(node->entries);
	free(node->text);
	free(node);
}

/* The parse under way. */
struct tree_parser {
	yaml_parser_t yaml;
	const char *text;
	size_t len;
	struct config_faults *faults;
};

static struct config_position mark_position(const yaml_mark_t *mark)
{
	return (struct config_position){ .line = mark->line + 1, .column = mark->column + 1 };
}

/* Line and column of the byte at `offset`. */
static struct config_position offset_position(const char *text, size_t len, size_t offset)
{
	struct config_position at = { .line = 1, .column = 1 };
	for (size_t i = 0; i < offset && i < len; i++) {
		if (text[i] == '\n') {
			at.line++;
			at.column = 1;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			at.column++;
		}
	}
	return at;
}

/*
 * The byte at a position, '\0' when there is none: to name a tab, the commonest of syntax errors.
 */
static char byte_at(const char *text, size_t len, struct config_position at)
{
	size_t i = 0;
	for (size_t line = 1; line < at.line; line++) {
		const char *end = i < len ? memchr(text + i, '\n', len - i) : NULL;
		if (!end)
			return '\0';
		i = (size_t)(end - text) + 1;
	}
	for (size_t column = 1; column < at.column && i < len; column++) {
		i++;
		while (i < len && ((unsigned char)text[i] & 0xc0) == 0x80)
			i++;
	}
	return i < len ? text[i] : '\0';
}

static void syntax_fault(struct tree_parser *parser)
{
	const yaml_parser_t *yaml = &parser->yaml;
	const char *problem = yaml->problem ? yaml->problem : "cannot be parsed";
	if (yaml->error == YAML_MEMORY_ERROR) {
		parser->faults->no_memory = true;
		return;
	}
	if (yaml->error == YAML_READER_ERROR) {
		struct config_position at = offset_position(
			parser->text, parser->len, yaml->problem_offset);
		if (yaml->problem_value >= 0)
			config_fault(parser->faults, at,
				"found byte or character 0x%02x (%s), expected printable UTF-8 "
				"text",
				(unsigned)yaml->problem_value, problem);
		else
			config_fault(parser->faults, at, "found %s, expected UTF-8 text", problem);
		return;
	}
	struct config_position at = mark_position(&yaml->problem_mark);
	if (byte_at(parser->text, parser->len, at) == '\t') {
		config_fault(parser->faults, at,
			"found a tab, expected spaces (YAML does not indent with tabs)");
		return;
	}
	if (yaml->context) {
		struct config_position from = mark_position(&yaml->context_mark);
		config_fault(parser->faults, at,
			"found broken YAML syntax (%s at line %zu, column %zu: %s), expected valid "
			"YAML",
			yaml->context, from.line, from.column, problem);
		return;
	}
	config_fault(
		parser->faults, at, "found broken YAML syntax (%s), expected valid YAML", problem);
}

static bool next_event(struct tree_parser *parser, yaml_event_t *event)
{
	if (yaml_parser_parse(&parser->yaml, event))
		return true;
	syntax_fault(parser);
	return false;
}

static struct config_node *new_node(
	struct tree_parser *parser, enum config_node_kind kind, const yaml_mark_t *mark)
{
	struct config_node *node = calloc(1, sizeof(*node));
	if (!node) {
		parser->faults->no_memory = true;
		return NULL;
	}
	node->kind = kind;
	node->at = mark_position(mark);
	return node;
}

static bool append(struct tree_parser *parser, struct config_node *node, struct config_node *key,
	struct config_node *value)
{
	if (node->n == node->capacity) {
		size_t capacity = node->capacity ? node->capacity * 2 : 4;
		struct config_entry *entries = reallocarray(
			node->entries, capacity, sizeof(node->entries[0]));
		if (!entries) {
			parser->faults->no_memory = true;
			return false;
		}
		node->entries = entries;
		node->capacity = capacity;
	}
	node->entries[node->n++] = (struct config_entry){ .key = key, .value = value };
	return true;
}

static void refuse_decoration(struct tree_parser *parser, const yaml_char_t *anchor,
	const yaml_char_t *tag, struct config_position at)
{
	char quoted[CONFIG_QUOTE_MAX];
	if (anchor)
		config_fault(parser->faults, at,
			"found the anchor %s, expected none: anchors and aliases are not supported",
			config_quote((const char *)anchor, quoted));
	if (tag)
		config_fault(parser->faults, at, "found the tag %s, expected a value without a tag",
			config_quote((const char *)tag, quoted));
}

static struct config_node *read_scalar(struct tree_parser *parser, const yaml_event_t *event)
{
	struct config_node *node = new_node(parser, CONFIG_SCALAR, &event->start_mark);
	if (!node)
		return NULL;
	const char *value = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;
	refuse_decoration(parser, event->data.scalar.anchor, event->data.scalar.tag, node->at);
	if (memchr(value, '\0', len)) {
		config_fault(parser->faults, node->at,
			"found a NUL character in a text, expected text without one");
		node->kind = CONFIG_FAULTY;
		return node;
	}
	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->text = strndup(value, len);
	if (!node->text) {
		parser->faults->no_memory = true;
		config_node_free(node);
		return NULL;
	}
	return node;
}

static struct config_node *read_node(
	struct tree_parser *parser, const yaml_event_t *event, unsigned depth);

/*
 * Reads the next node; `*ended` is set instead when the collection ends. NULL and not ended: give
 * up.
 */
static struct config_node *read_next(struct tree_parser *parser, unsigned depth, bool *ended)
{
	yaml_event_t event;
	*ended = false;
	if (!next_event(parser, &event))
		return NULL;
	struct config_node *node = NULL;
	if (event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT)
		*ended = true;
	else
		node = read_node(parser, &event, depth);
	yaml_event_delete(&event);
	return node;
}

static int compare_key(const void *left, const void *right)
{
	const struct config_node *const *a = left, *const *b = right;
	int order = strcmp((*a)->text, (*b)->text);
	return order ? order : compare_position(&(*a)->at, &(*b)->at);
}

/* Sorted rather than compared each with each: a mapping may hold thousands of groups. */
static void refuse_duplicates(struct tree_parser *parser, const struct config_node *mapping)
{
	const struct config_node **keys = calloc(mapping->n + 1, sizeof(*keys));
	if (!keys) {
		parser->faults->no_memory = true;
		return;
	}
	size_t n = 0;
	for (size_t i = 0; i < mapping->n; i++)
		if (mapping->entries[i].key->kind == CONFIG_SCALAR)
			keys[n++] = mapping->entries[i].key;
	qsort(keys, n, sizeof(*keys), compare_key);
	size_t first = 0;
	for (size_t i = 1; i < n; i++) {
		char quoted[CONFIG_QUOTE_MAX];
		if (strcmp(keys[first]->text, keys[i]->text) != 0) {
			first = i;
			continue;
		}
		config_fault(parser->faults, keys[i]->at,
			"found the key %s again, expected it once (it is at line %zu, column %zu)",
			config_quote(keys[i]->text, quoted), keys[first]->at.line,
			keys[first]->at.column);
	}
	free(keys);
}

/* Fills a list or a mapping up to its end. */
static bool read_entries(struct tree_parser *parser, struct config_node *node, unsigned depth)
{
	for (;;) {
		bool ended;
		struct config_node *key = NULL, *value = read_next(parser, depth, &ended);
		if (ended)
			break;
		if (!value)
			return false;
		if (node->kind == CONFIG_MAPPING) {
			key = value;
			if (key->kind == CONFIG_LIST || key->kind == CONFIG_MAPPING) {
				config_fault(parser->faults, key->at,
					"found %s as a key, expected the name of a key",
					key->kind == CONFIG_LIST ? "a list" : "a mapping");
				key->kind = CONFIG_FAULTY;
			}
			value = read_next(parser, depth, &ended);
			if (!value) {
				config_node_free(key);
				return false;
			}
		}
		if (!append(parser, node, key, value)) {
			config_node_free(key);
			config_node_free(value);
			return false;
		}
	}
	if (node->kind == CONFIG_MAPPING)
		refuse_duplicates(parser, node);
	return true;
}

static struct config_node *read_collection(struct tree_parser *parser, const yaml_event_t *event,
	enum config_node_kind kind, unsigned depth)
{
	struct config_node *node = new_node(parser, kind, &event->start_mark);
	if (!node)
		return NULL;
	if (depth == CONFIG_DEPTH_MAX) {
		config_fault(parser->faults, node->at,
			"found nesting deeper than %d levels, expected fewer", CONFIG_DEPTH_MAX);
		config_node_free(node);
		return NULL;
	}
	if (kind == CONFIG_LIST)
		refuse_decoration(parser, event->data.sequence_start.anchor,
			event->data.sequence_start.tag, node->at);
	else
		refuse_decoration(parser, event->data.mapping_start.anchor,
			event->data.mapping_start.tag, node->at);
	if (!read_entries(parser, node, depth + 1)) {
		config_node_free(node);
		return NULL;
	}
	return node;
}

static struct config_node *read_node(
	struct tree_parser *parser, const yaml_event_t *event, unsigned depth)
{
	if (event->type == YAML_SEQUENCE_START_EVENT)
		return read_collection(parser, event, CONFIG_LIST, depth);
	if (event->type == YAML_MAPPING_START_EVENT)
		return read_collection(parser, event, CONFIG_MAPPING, depth);
	if (event->type == YAML_SCALAR_EVENT)
		return read_scalar(parser, event);
	/* Of the events that can stand for a node, YAML_ALIAS_EVENT is left. */
	struct config_node *node = new_node(parser, CONFIG_FAULTY, &event->start_mark);
	char quoted[CONFIG_QUOTE_MAX];
	if (node)
		config_fault(parser->faults, node->at,
			"found the alias %s, expected a value: anchors and aliases are not "
			"supported",
			config_quote((const char *)event->data.alias.anchor, quoted));
	return node;
}

/* The stream around the document: exactly one document, and something in it. */
static struct config_node *read_stream(struct tree_parser *parser)
{
	struct config_node *root = NULL;
	bool done = false, document = false;
	while (!done) {
		yaml_event_t event;
		if (!next_event(parser, &event)) {
			config_node_free(root);
			return NULL;
		}
		switch (event.type) {
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT: break;
		case YAML_STREAM_END_EVENT:
			done = true;
			if (!document)
				config_fault(parser->faults, (struct config_position){ 1, 1 },
					"found an empty file, expected a configuration");
			break;
		case YAML_DOCUMENT_START_EVENT:
			done = document;
			if (document)
				config_fault(parser->faults, mark_position(&event.start_mark),
					"found a second YAML document, expected one a file");
			document = true;
			break;
		default:
			root = read_node(parser, &event, 0);
			done = !root;
			break;
		}
		yaml_event_delete(&event);
	}
	return root;
}

struct config_node *config_tree_parse(const char *text, size_t len, struct config_faults *faults)
{
	struct tree_parser parser = { .text = text, .len = len, .faults = faults };
	if (len > CONFIG_SIZE_MAX) {
		config_fault(faults, (struct config_position){ 0, 0 },
			"found more than %u bytes, expected a smaller file", CONFIG_SIZE_MAX);
		return NULL;
	}
	if (!yaml_parser_initialize(&parser.yaml)) {
		faults->no_memory = true;
		return NULL;
	}
	/* Fixed, not detected: a stray UTF-16 mark is a fault, not another encoding. */
	yaml_parser_set_encoding(&parser.yaml, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser.yaml, (const unsigned char *)text, len);
	struct config_node *root = read_stream(&parser);
	yaml_parser_delete(&parser.yaml);
	return root;
}
