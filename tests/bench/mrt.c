#include "tests/bench/mrt.h"

#include <bzlib.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bgp/attribute.h"
#include "bgp/message.h"

/* RFC 6396 section 4 and 5, RFC 8050 section 4 */
enum {
	MRT_TABLE_DUMP_V2 = 13,
	MRT_BGP4MP = 16,
	MRT_BGP4MP_ET = 17,
	TABLE_PEER_INDEX_TABLE = 1,
	TABLE_RIB_IPV4_UNICAST = 2,
	TABLE_RIB_IPV6_UNICAST = 4,
	TABLE_RIB_IPV4_UNICAST_ADDPATH = 8,
	TABLE_RIB_IPV6_UNICAST_ADDPATH = 10,
	BGP4MP_MESSAGE = 1,
	BGP4MP_MESSAGE_AS4 = 4,
};

#define MRT_RECORD_MAX (16u << 20)

struct mrt_file {
	FILE *file;
	BZFILE *bz; /* NULL: plain */
	bool at_end; /* of the last bzip2 stream */
	uint64_t offset;
	struct mrt_peer *peers;
	size_t n_peers;
	uint8_t *record;
	const struct mrt_visitor *visitor;
	bool stopped;
	char *error;
	size_t error_size;
};

static bool fail(struct mrt_file *mrt, const char *what)
{
	snprintf(mrt->error, mrt->error_size, "record at offset %llu: %s",
		(unsigned long long)mrt->offset, what);
	return false;
}

/* Reads up to `len` bytes; fewer only at the end of the file. -1 on an error. */
static ssize_t take(struct mrt_file *mrt, uint8_t *to, size_t len)
{
	size_t got = 0;

	while (got < len && !mrt->at_end) {
		if (mrt->bz == NULL) {
			size_t n = fread(to + got, 1, len - got, mrt->file);

			if (n == 0)
				return ferror(mrt->file) ? -1 : (ssize_t)got;
			got += n;
			continue;
		}
		int status;
		int n = BZ2_bzRead(&status, mrt->bz, to + got, (int)(len - got));

		if (status != BZ_OK && status != BZ_STREAM_END)
			return -1;
		got += (size_t)n;
		if (status == BZ_STREAM_END) {
			/* Several streams one behind the other, as pbzip2 writes them. */
			uint8_t rest[BZ_MAX_UNUSED];
			void *unused;
			int n_unused = 0;

			BZ2_bzReadGetUnused(&status, mrt->bz, &unused, &n_unused);
			memcpy(rest, unused, (size_t)n_unused);
			BZ2_bzReadClose(&status, mrt->bz);
			mrt->bz = BZ2_bzReadOpen(&status, mrt->file, 0, 0, rest, n_unused);
			if (mrt->bz == NULL)
				return -1;
			int next = n_unused > 0 ? 0 : fgetc(mrt->file);
			mrt->at_end = next == EOF;
			if (n_unused == 0 && next != EOF)
				ungetc(next, mrt->file);
		}
	}
	return (ssize_t)got;
}

static bool read_address(struct reader *r, uint8_t len, struct ip_address *address)
{
	*address = (struct ip_address){ .len = len };
	return read_bytes(r, address->bytes, len);
}

/* RFC 6396 section 4.3.1 */
static bool peer_index_table(struct mrt_file *mrt, struct reader *r)
{
	uint32_t collector;
	uint16_t name_len, count;
	struct span name;

	if (!read_u32(r, &collector) || !read_u16(r, &name_len) || !read_span(r, name_len, &name) ||
		!read_u16(r, &count))
		return fail(mrt, "PEER_INDEX_TABLE ends early");
	free(mrt->peers);
	mrt->n_peers = 0;
	mrt->peers = calloc(count ? count : 1, sizeof(*mrt->peers));
	if (mrt->peers == NULL)
		return fail(mrt, "no memory for the peers");
	for (; mrt->n_peers < count; mrt->n_peers++) {
		struct mrt_peer *peer = &mrt->peers[mrt->n_peers];
		uint16_t as;
		uint8_t type;

		if (!read_u8(r, &type) || !read_u32(r, &peer->bgp_id) ||
			!read_address(r, (type & 1) != 0 ? 16 : 4, &peer->address))
			return fail(mrt, "PEER_INDEX_TABLE ends early");
		if ((type & 2) != 0 ? !read_u32(r, &peer->as) : !read_u16(r, &as))
			return fail(mrt, "PEER_INDEX_TABLE ends early");
		if ((type & 2) == 0)
			peer->as = as;
	}
	return true;
}

/* RFC 6396 sections 4.3.2 and 4.3.4 */
static bool rib(struct mrt_file *mrt, struct reader *r, enum family family, bool add_path)
{
	struct mrt_route route = { .prefix = { .family = (uint8_t)family } };
	uint32_t sequence, originated;
	uint16_t count, len;

	if (mrt->visitor->route == NULL)
		return true;
	if (!read_u32(r, &sequence) || !read_u8(r, &route.prefix.length) ||
		route.prefix.length > 8 * family_address_len(family) ||
		!read_bytes(r, route.prefix.bytes, (route.prefix.length + 7u) / 8) ||
		!read_u16(r, &count))
		return fail(mrt, "RIB entry header ends early or has a wrong prefix length");
	prefix_mask(&route.prefix);
	for (unsigned i = 0; i < count && !mrt->stopped; i++) {
		if (!read_u16(r, &route.peer_index) || !read_u32(r, &originated) ||
			(add_path && !read_u32(r, &route.path_id)) || !read_u16(r, &len) ||
			!read_span(r, len, &route.attributes))
			return fail(mrt, "RIB entry ends early");
		if (route.peer_index >= mrt->n_peers)
			return fail(mrt, "RIB entry of a peer that PEER_INDEX_TABLE does not have");
		route.peer = &mrt->peers[route.peer_index];
		mrt->stopped = !mrt->visitor->route(mrt->visitor->context, &route);
	}
	return true;
}

/* RFC 6396 section 4.4.2 and 4.4.3 */
static bool bgp4mp(struct mrt_file *mrt, struct reader *r, bool as4)
{
	struct mrt_update update = { .as4 = as4 };
	struct ip_address local;
	uint32_t local_as;
	uint16_t as = 0, other = 0, interface, afi;
	struct bgp_error error;
	struct message message;
	size_t consumed;

	if (mrt->visitor->update == NULL)
		return true;
	bool head = as4 ? read_u32(r, &update.peer_as) && read_u32(r, &local_as)
			: read_u16(r, &as) && read_u16(r, &other);
	if (!head || !read_u16(r, &interface) || !read_u16(r, &afi) ||
		!read_address(r, afi == AFI_IPV6 ? 16 : 4, &update.peer_address) ||
		!read_address(r, afi == AFI_IPV6 ? 16 : 4, &local))
		return fail(mrt, "BGP4MP header ends early");
	if (!as4)
		update.peer_as = as;
	if (message_frame((struct span){ r->at, r->left }, true, &message, &consumed, &error) !=
		FRAME_COMPLETE)
		return fail(mrt, "BGP4MP holds no whole BGP message");
	if (message.type != MESSAGE_UPDATE)
		return true;
	update.body = message.body;
	mrt->stopped = !mrt->visitor->update(mrt->visitor->context, &update);
	return true;
}

static bool record(struct mrt_file *mrt, uint16_t type, uint16_t subtype, struct reader *r)
{
	uint32_t microseconds;

	if (type == MRT_BGP4MP_ET && !read_u32(r, &microseconds))
		return fail(mrt, "extended timestamp ends early");
	if (type == MRT_BGP4MP || type == MRT_BGP4MP_ET) {
		if (subtype == BGP4MP_MESSAGE || subtype == BGP4MP_MESSAGE_AS4)
			return bgp4mp(mrt, r, subtype == BGP4MP_MESSAGE_AS4);
		return true;
	}
	if (type != MRT_TABLE_DUMP_V2)
		return true;
	switch (subtype) {
	case TABLE_PEER_INDEX_TABLE: return peer_index_table(mrt, r);
	case TABLE_RIB_IPV4_UNICAST: return rib(mrt, r, FAMILY_IPV4_UNICAST, false);
	case TABLE_RIB_IPV6_UNICAST: return rib(mrt, r, FAMILY_IPV6_UNICAST, false);
	case TABLE_RIB_IPV4_UNICAST_ADDPATH: return rib(mrt, r, FAMILY_IPV4_UNICAST, true);
	case TABLE_RIB_IPV6_UNICAST_ADDPATH: return rib(mrt, r, FAMILY_IPV6_UNICAST, true);
	default: return true;
	}
}

static bool read_records(struct mrt_file *mrt)
{
	while (!mrt->stopped) {
		uint8_t header[12];
		ssize_t n = take(mrt, header, sizeof(header));
		struct reader r = reader_of(header, sizeof(header));
		uint32_t timestamp = 0, len = 0;
		uint16_t type = 0, subtype = 0;

		if (n == 0)
			return true;
		if (n != sizeof(header))
			return fail(
				mrt, n < 0 ? "cannot be read or unpacked" : "header ends early");
		read_u32(&r, &timestamp);
		read_u16(&r, &type);
		read_u16(&r, &subtype);
		read_u32(&r, &len);
		if (len > MRT_RECORD_MAX)
			return fail(mrt, "longer than 16 MiB: this is no MRT file");
		n = take(mrt, mrt->record, len);
		if (n != (ssize_t)len)
			return fail(mrt, n < 0 ? "cannot be read or unpacked" : "body ends early");
		r = reader_of(mrt->record, len);
		if (!record(mrt, type, subtype, &r))
			return false;
		mrt->offset += sizeof(header) + len;
	}
	return true;
}

bool mrt_read(const char *path, const struct mrt_visitor *visitor, char *error, size_t size)
{
	struct mrt_file mrt = { .visitor = visitor, .error = error, .error_size = size };
	char magic[3] = "";
	int status = BZ_OK;
	bool done = false;

	mrt.file = fopen(path, "re");
	if (mrt.file == NULL) {
		snprintf(error, size, "%s: %s", path, strerror(errno));
		return false;
	}
	if (fread(magic, 1, 3, mrt.file) == 3 && memcmp(magic, "BZh", 3) == 0) {
		rewind(mrt.file);
		mrt.bz = BZ2_bzReadOpen(&status, mrt.file, 0, 0, NULL, 0);
	} else {
		rewind(mrt.file);
	}
	mrt.record = malloc(MRT_RECORD_MAX);
	if (mrt.record == NULL || status != BZ_OK)
		snprintf(error, size, "%s: no memory to read it", path);
	else
		done = read_records(&mrt);
	if (mrt.bz != NULL)
		BZ2_bzReadClose(&status, mrt.bz);
	fclose(mrt.file);
	free(mrt.record);
	free(mrt.peers);
	return done;
}
