/*
 * The protocol of the management socket, as heliostatd and heliostat speak it. Both sides of mgmt/
 * include this; it holds no code that touches a socket.
 *
 * A client connects to the Unix stream socket and sends requests, one line each, at most
 * MGMT_REQUEST_MAX bytes with the line feed:
 *
 *     FORMAT SP COMMAND LF          FORMAT is text, json or complete
 *
 * Each request is answered, in order, by frames. A frame is a header line and, for out and err,
 * that many bytes:
 *
 *     out LENGTH LF BYTES           what belongs on standard output; any number of times
 *     err LENGTH LF BYTES           one message for people, line feed included
 *     end STATUS LF                 the answer is complete: 0 done, 1 the command failed,
 *                                   2 the command was not understood
 *
 * LENGTH is decimal, 1 to MGMT_FRAME_MAX. An out frame may end anywhere, also within a character.
 * With FORMAT complete the answer is one line a word that may stand next: WORD TAB HELP; a WORD in
 * <brackets> stands for a value that is free. A client may send its next request before the answer
 * is complete, and may close its sending side: what it asked is answered still.
 */
#ifndef MGMT_PROTOCOL_H
#define MGMT_PROTOCOL_H

#define MGMT_REQUEST_MAX 4096
#define MGMT_FRAME_MAX	 (16 * 1024 * 1024)
#define MGMT_HEADER_MAX	 32 /* bytes of a frame's header line */

#define MGMT_FORMAT_TEXT     "text"
#define MGMT_FORMAT_JSON     "json"
#define MGMT_FORMAT_COMPLETE "complete"

#define MGMT_SOCKET_DEFAULT "/run/heliostat/heliostat.sock"

enum mgmt_status {
	MGMT_OK = 0,
	MGMT_FAILED = 1,
	MGMT_USAGE = 2,
	MGMT_UNREACHABLE = 3, /* the client's own: no daemon answers */
};

#endif
