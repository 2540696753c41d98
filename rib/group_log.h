/*
 * The log of an update group (or of a cohort): whole BGP messages, encoded once for all peers, in
 * chunks that nobody changes once published, each message with the peer it came from (to whom it is
 * not sent) or the one peer it is for. Readers hold cursors; a chunk is freed behind the last
 * cursor. It knows neither prefixes nor sockets: adj_rib_out.c writes it, peer_output.c reads it.
 */
#ifndef RIB_GROUP_LOG_H
#define RIB_GROUP_LOG_H

#include <sys/uio.h>

#include "bgp/writer.h"

#define LOG_CHUNK_BYTES	  65536 /* holds the longest message (RFC 8654) */
#define LOG_CHUNK_RECORDS 1024
#define PEER_NUMBER_ANY	  UINT16_MAX /* reads of a log what any of its readers may have to */

struct log_record {
	uint32_t offset; /* in the chunk's bytes; the message ends where the next begins */
	uint16_t source; /* number of the peer that must not get it; 0: none */
	uint16_t target; /* number of the only peer that gets it; 0: all */
};

struct group_log;

struct log_chunk {
	struct group_log *log;
	struct log_chunk *next; /* holds a reference to it */
	uint32_t refs; /* cursors, the chunk before, the log for its tail */
	uint32_t used; /* bytes published */
	uint32_t n_records;
	uint64_t base; /* position in the log of its first byte */
	struct log_record records[LOG_CHUNK_RECORDS];
	uint8_t bytes[LOG_CHUNK_BYTES];
};

struct group_log {
	struct log_chunk *tail;
	uint64_t end; /* position behind the last byte */
	size_t held; /* bytes of messages in the chunks that live */
	uint64_t messages; /* published since it began */
};

/* A reader's place: amid a message when sent > 0. Holds a reference to its chunk. */
struct log_cursor {
	struct log_chunk *chunk; /* NULL: not reading */
	uint32_t record;
	uint32_t sent;
};

/* False when memory is short. */
bool group_log_init(struct group_log *log);
/* All cursors must be gone. A log that was never initialised (all zero) may be destroyed too. */
void group_log_destroy(struct group_log *log);

/*
 * Room for a message of `need` bytes (at most LOG_CHUNK_BYTES) behind what is published; `w` is all
 * the room there is. False: memory.
 */
bool group_log_begin(struct group_log *log, size_t need, struct writer *w);
/* Publishes what was written through `w`, one message. */
void group_log_publish(
	struct group_log *log, const struct writer *w, uint16_t source, uint16_t target);

/* A cursor behind all that is published. */
void log_cursor_at_end(struct log_cursor *cursor, const struct group_log *log);
void log_cursor_copy(struct log_cursor *cursor, const struct log_cursor *from);
void log_cursor_release(struct log_cursor *cursor);
/* Bytes of the log behind the cursor, whoever they are for. */
size_t log_cursor_backlog(const struct log_cursor *cursor);

/*
 * The bytes that `peer` is to be sent next, in at most `max` pieces; how many pieces. Adjacent
 * messages are one piece. Steps over messages that are not for it, so a cursor with nothing to send
 * ends up at the end.
 */
int log_cursor_gather(struct log_cursor *cursor, uint16_t peer, struct iovec *iov, int max);
/* `sent` of the bytes gathered were sent. Returns how many messages ended in them. */
unsigned log_cursor_advance(struct log_cursor *cursor, uint16_t peer, size_t sent);

/*
 * The next whole message for `peer` behind the cursor, for those who read the log themselves; false
 * at the end. Steps over it.
 */
bool log_cursor_next(struct log_cursor *cursor, uint16_t peer, struct span *message);

#endif
