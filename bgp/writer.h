/*
 * The bounded writer: every message is built through it. It borrows its buffer and never writes
 * behind its end: a write that does not fit sets `overflow`, writes nothing, and makes every later
 * write a no-op, so a caller may check once at the end.
 */
#ifndef BGP_WRITER_H
#define BGP_WRITER_H

#include "bgp/types.h"

struct writer {
	uint8_t *start;
	uint8_t *at;
	uint8_t *end;
	bool overflow;
};

static inline struct writer writer_of(uint8_t *buffer, size_t size)
{
	return (struct writer){ buffer, buffer, buffer + size, false };
}

static inline size_t writer_len(const struct writer *w)
{
	return (size_t)(w->at - w->start);
}

static inline size_t writer_room(const struct writer *w)
{
	return w->overflow ? 0 : (size_t)(w->end - w->at);
}

static inline bool writer_reserve(struct writer *w, size_t len)
{
	if (w->overflow || (size_t)(w->end - w->at) < len) {
		w->overflow = true;
		return false;
	}
	return true;
}

static inline void write_u8(struct writer *w, uint8_t value)
{
	if (writer_reserve(w, 1))
		*w->at++ = value;
}

/* Network byte order. */
static inline void write_u16(struct writer *w, uint16_t value)
{
	if (!writer_reserve(w, 2))
		return;
	*w->at++ = (uint8_t)(value >> 8);
	*w->at++ = (uint8_t)value;
}

static inline void write_u32(struct writer *w, uint32_t value)
{
	if (!writer_reserve(w, 4))
		return;
	*w->at++ = (uint8_t)(value >> 24);
	*w->at++ = (uint8_t)(value >> 16);
	*w->at++ = (uint8_t)(value >> 8);
	*w->at++ = (uint8_t)value;
}

static inline void write_bytes(struct writer *w, const void *bytes, size_t len)
{
	if (!writer_reserve(w, len))
		return;
	if (len > 0)
		__builtin_memcpy(w->at, bytes, len);
	w->at += len;
}

/* Sets the two bytes at `offset` (already written) to `value`: lengths known only afterwards. */
static inline void write_u16_at(struct writer *w, size_t offset, uint16_t value)
{
	if (w->overflow || writer_len(w) < offset + 2)
		return;
	w->start[offset] = (uint8_t)(value >> 8);
	w->start[offset + 1] = (uint8_t)value;
}

#endif
