/*
 * The bounded reader: the only way in which bytes that came from the network are looked at.
 * It borrows the bytes, never copies or frees them, and never reads behind their end. A read
 * that does not fit returns false and leaves both the reader and the result untouched.
 */
#ifndef BGP_READER_H
#define BGP_READER_H

#include "bgp/types.h"

struct reader {
	const uint8_t *at;
	size_t left;
};

static inline struct reader reader_of(const uint8_t *bytes, size_t len)
{
	return (struct reader){ bytes, len };
}

static inline struct reader reader_of_span(struct span span)
{
	return (struct reader){ span.bytes, span.len };
}

static inline bool read_u8(struct reader *r, uint8_t *value)
{
	if (r->left < 1)
		return false;
	*value = r->at[0];
	r->at += 1;
	r->left -= 1;
	return true;
}

/* Network byte order. */
static inline bool read_u16(struct reader *r, uint16_t *value)
{
	if (r->left < 2)
		return false;
	*value = (uint16_t)(r->at[0] << 8 | r->at[1]);
	r->at += 2;
	r->left -= 2;
	return true;
}

static inline bool read_u32(struct reader *r, uint32_t *value)
{
	if (r->left < 4)
		return false;
	*value = (uint32_t)r->at[0] << 24 | (uint32_t)r->at[1] << 16 | (uint32_t)r->at[2] << 8 |
		 r->at[3];
	r->at += 4;
	r->left -= 4;
	return true;
}

/* Borrows the next `len` bytes. */
static inline bool read_span(struct reader *r, size_t len, struct span *span)
{
	if (r->left < len)
		return false;
	*span = (struct span){ r->at, len };
	r->at += len;
	r->left -= len;
	return true;
}

/* Copies the next `len` bytes to `to`. */
static inline bool read_bytes(struct reader *r, void *to, size_t len)
{
	if (r->left < len)
		return false;
	if (len > 0)
		__builtin_memcpy(to, r->at, len);
	r->at += len;
	r->left -= len;
	return true;
}

#endif
