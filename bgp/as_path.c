#include "bgp/as_path.h"

#include "bgp/text.h"

#define SEGMENT_MAX 255 /* ASes in a segment: its count is one octet */

struct segment {
	uint8_t type; /* enum as_path_segment, when the path is valid */
	uint8_t count;
	struct span ases;
};

static bool segment_next(struct reader *r, unsigned as_size, struct segment *segment)
{
	struct reader ahead = *r;
	if (!read_u8(&ahead, &segment->type) || !read_u8(&ahead, &segment->count) ||
		!read_span(&ahead, (size_t)segment->count * as_size, &segment->ases))
		return false;
	*r = ahead;
	return true;
}

static bool segment_is_confederation(const struct segment *segment)
{
	return segment->type == AS_CONFED_SEQUENCE || segment->type == AS_CONFED_SET;
}

static bool as_next(struct reader *r, unsigned as_size, uint32_t *as)
{
	if (as_size == 4)
		return read_u32(r, as);
	uint16_t narrow;
	if (!read_u16(r, &narrow))
		return false;
	*as = narrow;
	return true;
}

/* RFC 4271 section 9.1.2.2 a and RFC 5065 section 5.3. */
static unsigned segment_length(const struct segment *segment)
{
	if (segment_is_confederation(segment))
		return 0;
	return segment->type == AS_SET ? 1 : segment->count;
}

bool as_path_examine(struct span path, unsigned as_size, struct as_path_facts *facts)
{
	*facts = (struct as_path_facts){ 0 };
	bool first_known = false;
	struct reader r = reader_of_span(path);
	struct segment segment;
	while (r.left > 0) {
		if (!segment_next(&r, as_size, &segment) || segment.count == 0 ||
			segment.type < AS_SET || segment.type > AS_CONFED_SET)
			return false;
		struct reader ases = reader_of_span(segment.ases);
		uint32_t as;
		if (segment_is_confederation(&segment)) {
			facts->has_confederation = true;
		} else {
			facts->length += segment_length(&segment);
			if (!first_known && segment.type == AS_SEQUENCE) {
				as_next(&ases, as_size, &facts->first);
				facts->has_zero |= facts->first == 0;
			}
			first_known = true;
		}
		while (as_next(&ases, as_size, &as))
			facts->has_zero |= as == 0;
	}
	return true;
}

bool as_path_valid(struct span path, unsigned as_size)
{
	struct as_path_facts facts;
	return as_path_examine(path, as_size, &facts);
}

bool as_path_contains(struct span path, uint32_t as)
{
	struct reader r = reader_of_span(path);
	struct segment segment;
	while (segment_next(&r, 4, &segment)) {
		struct reader ases = reader_of_span(segment.ases);
		uint32_t here;
		while (read_u32(&ases, &here))
			if (here == as)
				return true;
	}
	return false;
}

static unsigned path_length(struct span path, unsigned as_size)
{
	struct reader r = reader_of_span(path);
	struct segment segment;
	unsigned length = 0;
	while (segment_next(&r, as_size, &segment))
		length += segment_length(&segment);
	return length;
}

unsigned as_path_length(struct span path)
{
	return path_length(path, 4);
}

uint32_t as_path_first(struct span path)
{
	struct reader r = reader_of_span(path);
	struct segment segment;
	while (segment_next(&r, 4, &segment)) {
		if (segment_is_confederation(&segment))
			continue;
		struct reader ases = reader_of_span(segment.ases);
		uint32_t as = 0;
		if (segment.type == AS_SEQUENCE)
			read_u32(&ases, &as);
		return as;
	}
	return 0;
}

/* True when `as` had to become AS_TRANS (RFC 6793 section 4.2.2). */
static bool as_write(struct writer *w, uint32_t as, unsigned as_size)
{
	if (as_size == 4) {
		write_u32(w, as);
		return false;
	}
	write_u16(w, as > UINT16_MAX ? AS_TRANS : (uint16_t)as);
	return as > UINT16_MAX;
}

static bool ases_write(struct writer *w, struct span ases, unsigned from_size, unsigned to_size)
{
	if (from_size == to_size) {
		write_bytes(w, ases.bytes, ases.len);
		return false;
	}
	struct reader r = reader_of_span(ases);
	bool replaced = false;
	uint32_t as;
	while (as_next(&r, from_size, &as))
		replaced |= as_write(w, as, to_size);
	return replaced;
}

static void segment_begin(struct writer *w, uint8_t type, unsigned count)
{
	write_u8(w, type);
	write_u8(w, (uint8_t)count);
}

bool as_path_write(struct writer *w, struct span path, const struct as_path_form *form)
{
	struct reader r = reader_of_span(path);
	struct segment segment;
	bool prepend = form->prepend;
	bool replaced = false;
	while (segment_next(&r, 4, &segment)) {
		if (form->drop_confederation && segment_is_confederation(&segment))
			continue;
		if (prepend && segment.type == AS_SEQUENCE && segment.count < SEGMENT_MAX) {
			segment_begin(w, AS_SEQUENCE, segment.count + 1u);
			replaced |= as_write(w, form->as, form->as_size);
		} else {
			if (prepend) {
				segment_begin(w, AS_SEQUENCE, 1);
				replaced |= as_write(w, form->as, form->as_size);
			}
			segment_begin(w, segment.type, segment.count);
		}
		prepend = false;
		replaced |= ases_write(w, segment.ases, 4, form->as_size);
	}
	if (prepend) {
		segment_begin(w, AS_SEQUENCE, 1);
		replaced |= as_write(w, form->as, form->as_size);
	}
	return replaced;
}

void as_path_widen(struct writer *w, struct span path)
{
	struct reader r = reader_of_span(path);
	struct segment segment;
	while (segment_next(&r, 2, &segment)) {
		segment_begin(w, segment.type, segment.count);
		ases_write(w, segment.ases, 2, 4);
	}
}

bool as_path_narrow(struct writer *w, struct span path)
{
	return as_path_write(w, path, &(struct as_path_form){ .as_size = 2 });
}

void as_path_prepend(struct writer *w, struct span path, uint32_t as)
{
	as_path_write(w, path, &(struct as_path_form){ .as_size = 4, .prepend = true, .as = as });
}

/* The AS_SEQUENCE that a merge wrote last, so that AS4_PATH can go on in it. */
struct open_sequence {
	bool open;
	unsigned count;
	size_t count_at; /* offset of its count in the writer */
};

static void merge_segment(
	struct writer *w, const struct segment *segment, unsigned count, struct open_sequence *last)
{
	segment_begin(w, segment->type, count);
	ases_write(w, (struct span){ segment->ases.bytes, (size_t)count * 2 }, 2, 4);
	last->open = segment->type == AS_SEQUENCE && !w->overflow;
	last->count = count;
	last->count_at = last->open ? writer_len(w) - (size_t)count * 4 - 1 : 0;
}

/* The leading `take` ASes of the 2-octet path, and the confederation segments that go with them. */
static void merge_leading(
	struct writer *w, struct span as_path, unsigned take, struct open_sequence *last)
{
	struct reader r = reader_of_span(as_path);
	struct segment segment;
	while (segment_next(&r, 2, &segment)) {
		if (segment_is_confederation(&segment)) {
			merge_segment(w, &segment, segment.count, last);
			continue;
		}
		if (take == 0)
			return;
		if (segment.type == AS_SEQUENCE && segment.count > take) {
			merge_segment(w, &segment, take, last);
			return;
		}
		take -= segment_length(&segment);
		merge_segment(w, &segment, segment.count, last);
	}
}

void as_path_merge(struct writer *w, struct span as_path, struct span as4_path)
{
	unsigned length = path_length(as_path, 2);
	unsigned length4 = path_length(as4_path, 4);
	if (length < length4) {
		as_path_widen(w, as_path);
		return;
	}
	struct open_sequence last = { 0 };
	merge_leading(w, as_path, length - length4, &last);
	struct reader r = reader_of_span(as4_path);
	struct segment segment;
	while (segment_next(&r, 4, &segment)) {
		if (segment_is_confederation(&segment))
			continue;
		/*
		 * One AS_SEQUENCE was cut in two only by the old speakers' encoding: join it again.
		 */
		if (last.open && segment.type == AS_SEQUENCE &&
			last.count + segment.count <= SEGMENT_MAX && !w->overflow)
			w->start[last.count_at] = (uint8_t)(last.count + segment.count);
		else
			segment_begin(w, segment.type, segment.count);
		last.open = false;
		write_bytes(w, segment.ases.bytes, segment.ases.len);
	}
}

/* How a segment is printed, by its type. */
static const struct {
	const char *open, *separator, *close;
} segment_print[] = {
	[AS_SET] = { "{", ",", "}" },
	[AS_SEQUENCE] = { "", " ", "" },
	[AS_CONFED_SEQUENCE] = { "(", " ", ")" },
	[AS_CONFED_SET] = { "[", ",", "]" },
};

char *as_path_format(struct span path, char *text, size_t size)
{
	struct text out = text_of(text, size);
	struct reader r = reader_of_span(path);
	struct segment segment;
	const char *gap = "";
	while (segment_next(&r, 4, &segment)) {
		if (segment.type < AS_SET || segment.type > AS_CONFED_SET)
			break;
		text_add(&out, "%s%s", gap, segment_print[segment.type].open);
		struct reader ases = reader_of_span(segment.ases);
		const char *separator = "";
		uint32_t as;
		while (read_u32(&ases, &as)) {
			text_add(&out, "%s%u", separator, as);
			separator = segment_print[segment.type].separator;
		}
		text_add(&out, "%s", segment_print[segment.type].close);
		gap = " ";
	}
	return text_end(&out);
}
