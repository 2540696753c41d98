/*
 * What rib/ keeps things in: slabs of numbered records, sets of numbers, SipHash against its
 * published vectors, and the group log with many readers against a model that knows each message
 * and whom it is for.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "rib/bitmap.h"
#include "rib/change_set.h"
#include "rib/group_log.h"
#include "rib/pool.h"
#include "rib/siphash.h"
#include "rib/slab.h"

static uint32_t pick(uint64_t *random, uint32_t below)
{
	*random = *random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*random >> 33) % below;
}

/*
 * vectors_sip128 of the reference implementation: key 00 .. 0f, messages of 0 to 63 bytes 00 01 02
 * ...
 */
static const char *const sip128[64] = {
	"a3817f04ba25a8e66df67214c7550293",
	"da87c1d86b99af44347659119b22fc45",
	"8177228da4a45dc7fca38bdef60affe4",
	"9c70b60c5267a94e5f33b6b02985ed51",
	"f88164c12d9c8faf7d0f6e7c7bcd5579",
	"1368875980776f8854527a07690e9627",
	"14eeca338b208613485ea0308fd7a15e",
	"a1f1ebbed8dbc153c0b84aa61ff08239",
	"3b62a9ba6258f5610f83e264f31497b4",
	"264499060ad9baabc47f8b02bb6d71ed",
	"00110dc378146956c95447d3f3d0fbba",
	"0151c568386b6677a2b4dc6f81e5dc18",
	"d626b266905ef35882634df68532c125",
	"9869e247e9c08b10d029934fc4b952f7",
	"31fcefac66d7de9c7ec7485fe4494902",
	"5493e99933b0a8117e08ec0f97cfc3d9",
	"6ee2a4ca67b054bbfd3315bf85230577",
	"473d06e8738db89854c066c47ae47740",
	"a426e5e423bf4885294da481feaef723",
	"78017731cf65fab074d5208952512eb1",
	"9e25fc833f2290733e9344a5e83839eb",
	"568e495abe525a218a2214cd3e071d12",
	"4a29b54552d16b9a469c10528eff0aae",
	"c9d184ddd5a9f5e0cf8ce29a9abf691c",
	"2db479ae78bd50d8882a8a178a6132ad",
	"8ece5f042d5e447b5051b9eacb8d8f6f",
	"9c0b53b4b3c307e87eaee08678141f66",
	"abf248af69a6eae4bfd3eb2f129eeb94",
	"0664da1668574b88b935f3027358aef4",
	"aa4b9dc4bf337de90cd4fd3c467c6ab7",
	"ea5c7f471faf6bde2b1ad7d4686d2287",
	"2939b0183223fafc1723de4f52c43d35",
	"7c3956ca5eeafc3e363e9d556546eb68",
	"77c6077146f01c32b6b69d5f4ea9ffcf",
	"37a6986cb8847edf0925f0f1309b54de",
	"a705f0e69da9a8f907241a2e923c8cc8",
	"3dc47d1f29c448461e9e76ed904f6711",
	"0d62bf01e6fc0e1a0d3c4751c5d3692b",
	"8c03468bca7c669ee4fd5e084bbee7b5",
	"528a5bb93baf2c9c4473cce5d0d22bd9",
	"df6a301e95c95dad97ae0cc8c6913bd8",
	"801189902c857f39e73591285e70b6db",
	"e617346ac9c231bb3650ae34ccca0c5b",
	"27d93437efb721aa401821dcec5adf89",
	"89237d9ded9c5e78d8b1c9b166cc7342",
	"4a6d8091bf5e7d651189fa94a250b14c",
	"0e33f96055e7ae893ffc0e3dcf492902",
	"e61c432b720b19d18ec8d84bdc63151b",
	"f7e5aef549f782cf379055a608269b16",
	"438d030fd0b7a54fa837f2ad201a6403",
	"a590d3ee4fbf04e3247e0d27f286423f",
	"5fe2c1a172fe93c4b15cd37caef9f538",
	"2c97325cbd06b36eb2133dd08b3a017c",
	"92c814227a6bca949ff0659f002ad39e",
	"dce850110bd8328cfbd50841d6911d87",
	"67f14984c7da791248e32bb5922583da",
	"1938f2cf72d54ee97e94166fa91d2a36",
	"74481e9646ed49fe0f6224301604698e",
	"57fca5de98a9d6d8006438d0583d8a1d",
	"9fecde1cefdc1cbed4763674d9575359",
	"e3040c00eb28f15366ca73cbd872e740",
	"7697009a6a831dfecca91c5993670f7a",
	"5853542321f567a005d547a4f04759bd",
	"5150d1772f50834a503e069a973fbd7c",
};

static void check_siphash(struct siphash *hash, size_t n)
{
	struct siphash_result result = siphash_end(hash);
	char text[33] = "";

	for (unsigned i = 0; i < 16; i++) {
		uint64_t half = i < 8 ? result.low : result.high;
		unsigned byte = half >> 8 * (i % 8) & 0xff;

		text[2 * i] = "0123456789abcdef"[byte / 16];
		text[2 * i + 1] = "0123456789abcdef"[byte % 16];
	}
	assert_string_equal(text, sip128[n]);
}

static void test_siphash(void **state)
{
	uint8_t bytes[64];
	struct siphash hash;

	(void)state;
	for (uint8_t i = 0; i < 64; i++)
		bytes[i] = i;
	for (size_t n = 0; n < 64; n++) {
		siphash_begin(&hash, bytes);
		siphash_add(&hash, bytes, n);
		check_siphash(&hash, n);
		/* in two pieces, cut anywhere */
		for (size_t cut = 0; cut <= n; cut++) {
			siphash_begin(&hash, bytes);
			siphash_add(&hash, bytes, cut);
			siphash_add(&hash, bytes + cut, n - cut);
			check_siphash(&hash, n);
		}
		/* in pieces of one to three bytes */
		siphash_begin(&hash, bytes);
		for (size_t at = 0, len; at < n; at += len) {
			len = 1 + at % 3 < n - at ? 1 + at % 3 : n - at;
			siphash_add(&hash, bytes + at, len);
		}
		check_siphash(&hash, n);
	}
}

static void test_slab(void **state)
{
	enum { RECORDS = 3 * (1 << SLAB_CHUNK_BITS) + 5 };
	struct {
		uint32_t first, number, last;
	} * record;
	struct slab slab;
	uint8_t *where;

	(void)state;
	slab_init(&slab, sizeof(*record));
	assert_int_equal(slab_memory(&slab), 0);
	for (uint32_t n = 0; n < RECORDS; n++) {
		assert_int_equal(slab_alloc(&slab), n); /* dense */
		record = slab_at(&slab, n);
		assert_int_equal(record->first | record->number | record->last, 0);
		record->first = ~n;
		record->number = n;
		record->last = ~n;
	}
	assert_int_equal(slab.live, RECORDS);
	assert_int_equal(slab.used, RECORDS);
	assert_int_equal(slab_memory(&slab), 4 * (sizeof(*record) << SLAB_CHUNK_BITS));
	where = slab_at(&slab, 1);
	for (uint32_t n = 0; n < RECORDS; n++) {
		record = slab_at(&slab, n);
		assert_int_equal(record->first, ~n);
		assert_int_equal(record->number, n);
		assert_int_equal(record->last, ~n);
	}
	/* The last freed comes first, zeroed; what is free is zero behind its first four bytes. */
	slab_free(&slab, 7);
	slab_free(&slab, RECORDS - 1);
	slab_free(&slab, 4096);
	assert_int_equal(slab.live, RECORDS - 3);
	record = slab_at(&slab, 4096);
	assert_int_equal(record->number | record->last, 0);
	assert_int_equal(slab_alloc(&slab), 4096);
	assert_int_equal(record->first | record->number | record->last, 0);
	assert_int_equal(slab_alloc(&slab), RECORDS - 1);
	assert_int_equal(slab_alloc(&slab), 7);
	assert_int_equal(slab_alloc(&slab), RECORDS);
	assert_int_equal(slab.live, RECORDS + 1);
	assert_ptr_equal(slab_at(&slab, 1), where); /* records never move */
	slab_destroy(&slab);
	assert_int_equal(slab_memory(&slab), 0);
	assert_int_equal(slab.record_size, sizeof(*record));
}

#define NUMBERS 70000

static void check_set(const struct change_set *set, const bool *model, size_t count)
{
	uint32_t number = 0;

	assert_int_equal(set->count, count);
	for (uint32_t n = 0; n < NUMBERS; n++) {
		if (!model[n])
			continue;
		assert_int_equal(change_set_next(set, number), n);
		number = n + 1;
	}
	assert_int_equal(change_set_next(set, number), CHANGE_SET_END);
}

/* Takes up to `most` of a word off the set and off the model. */
static size_t take_some(struct change_set *set, bool *model, uint32_t from, size_t most)
{
	uint32_t base = 0, number = from;
	uint64_t bits = 0, expected = 0;
	size_t n = change_set_take(set, from, most, &base, &bits), n_expected = 0;

	while (number < NUMBERS && !model[number])
		number++;
	if (number == NUMBERS || most == 0) {
		assert_int_equal(n, 0);
		return 0;
	}
	assert_int_equal(base, number / 64 * 64);
	for (; number < NUMBERS && number < base + 64 && n_expected < most; number++) {
		if (!model[number])
			continue;
		n_expected++;
		expected |= (uint64_t)1 << (number - base);
		model[number] = false;
	}
	assert_int_equal(bits, expected);
	assert_int_equal(n, n_expected);
	for (number = base; number < base + 64; number++)
		assert_false((bits >> number % 64 & 1) && change_set_contains(set, number));
	return n;
}

static void test_change_set(void **state)
{
	static bool model[NUMBERS];
	struct change_set set = { 0 };
	uint64_t random = 1;
	size_t count = 0;

	(void)state;
	assert_int_equal(change_set_next(&set, 0), CHANGE_SET_END);
	assert_false(change_set_contains(&set, 0));
	assert_false(change_set_remove(&set, 3));
	for (uint32_t room = 1; room < NUMBERS; room = room * 3 + 1) {
		size_t memory;

		assert_true(change_set_reserve(&set, room)); /* keeps what is in it */
		memory = change_set_memory(&set);
		assert_true(memory >= room / 8);
		assert_true(change_set_reserve(&set, room / 2)); /* never shrinks */
		assert_int_equal(change_set_memory(&set), memory);
		for (unsigned i = 0; i < 3000; i++) {
			/* few and far between at first, so that the summary has gaps */
			uint32_t n = pick(&random, room);
			bool add = pick(&random, 3) == 0;

			assert_int_equal(change_set_contains(&set, n), model[n]);
			if (add)
				assert_int_equal(change_set_add(&set, n), !model[n]);
			else
				assert_int_equal(change_set_remove(&set, n), model[n]);
			count += add && !model[n];
			count -= !add && model[n];
			model[n] = add;
			assert_int_equal(set.count, count);
		}
		check_set(&set, model, count);
		for (unsigned i = 0; i < 200; i++) {
			uint32_t from = pick(&random, NUMBERS), next = from;

			while (next < NUMBERS && !model[next])
				next++;
			assert_int_equal(change_set_next(&set, from),
				next < NUMBERS ? next : CHANGE_SET_END);
		}
		for (unsigned i = 0; i < 20; i++)
			count -= take_some(&set, model, pick(&random, NUMBERS), pick(&random, 100));
		check_set(&set, model, count);
	}
	assert_false(change_set_contains(&set, UINT32_MAX - 1));
	assert_int_equal(change_set_next(&set, UINT32_MAX - 1), CHANGE_SET_END);
	change_set_destroy(&set);
	assert_int_equal(set.count, 0);
}

/* Blocks of all sizes come and go, each filled to its last byte: none overlaps another. */
static void test_pool(void **state)
{
	enum { BLOCKS = 3000 };
	static struct {
		uint8_t *bytes;
		size_t size;
		uint8_t fill;
	} blocks[BLOCKS];
	struct pool pool = { 0 };
	uint64_t random = 7;
	size_t used = 0, most = 0;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		unsigned n = pick(&random, BLOCKS);

		if (blocks[n].bytes == NULL) {
			blocks[n].size = 1 + pick(&random, i % 3 ? 40 : POOL_MAX);
			blocks[n].fill = (uint8_t)i;
			blocks[n].bytes = pool_alloc(&pool, blocks[n].size);
			assert_non_null(blocks[n].bytes);
			assert_int_equal((uintptr_t)blocks[n].bytes % POOL_UNIT, 0);
			memset(blocks[n].bytes, blocks[n].fill, blocks[n].size);
			used += (blocks[n].size + POOL_UNIT - 1) / POOL_UNIT * POOL_UNIT;
		} else {
			for (size_t k = 0; k < blocks[n].size; k++)
				assert_int_equal(blocks[n].bytes[k], blocks[n].fill);
			pool_free(&pool, blocks[n].bytes, blocks[n].size);
			used -= (blocks[n].size + POOL_UNIT - 1) / POOL_UNIT * POOL_UNIT;
			blocks[n].bytes = NULL;
		}
		assert_int_equal(pool.used, used);
		if (used > most)
			most = used;
	}
	pool_free(&pool, NULL, 8);
	assert_int_equal(pool.used, used);
	/* What came back is handed out again: sizes do not change, so hardly more than was out. */
	assert_true(pool.memory < 2 * most);
	pool_destroy(&pool);
	assert_int_equal(pool.memory, 0);
}

static void test_bitmap(void **state)
{
	static bool model[NUMBERS];
	struct bitmap bitmap = { 0 };
	uint64_t random = 3;

	(void)state;
	assert_int_equal(bitmap_word(&bitmap, 0), 0);
	for (uint32_t limit = 1; limit <= NUMBERS; limit = limit * 3 + 1) {
		assert_true(bitmap_reserve(&bitmap, limit));
		for (unsigned i = 0; i < 1000; i++) {
			uint32_t n = pick(&random, limit);

			model[n] = pick(&random, 2);
			if (model[n])
				bitmap_set(&bitmap, n);
			else
				bitmap_clear(&bitmap, n);
		}
		for (uint32_t n = 0; n < NUMBERS; n++)
			assert_int_equal(bitmap_word(&bitmap, n / 64 * 64) >> n % 64 & 1, model[n]);
	}
	assert_true(bitmap_memory(&bitmap) > 0);
	bitmap_destroy(&bitmap);
	assert_int_equal(bitmap_memory(&bitmap), 0);
}

/* One number in an otherwise empty set, at all edges of words and of summary words. */
static void test_change_set_edges(void **state)
{
	static const uint32_t edges[] = { 0, 1, 63, 64, 65, 127, 4095, 4096, 4097, 8191, 8192,
		65535, 65536 };
	struct change_set set = { 0 };

	(void)state;
	assert_true(change_set_reserve(&set, 65537));
	for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
		assert_true(change_set_add(&set, edges[i]));
		assert_false(change_set_add(&set, edges[i]));
		for (size_t k = 0; k < ARRAY_LEN(edges); k++)
			assert_int_equal(change_set_next(&set, edges[k]),
				edges[k] <= edges[i] ? edges[i] : CHANGE_SET_END);
		assert_true(change_set_remove(&set, edges[i]));
		assert_int_equal(change_set_next(&set, 0), CHANGE_SET_END);
	}
	change_set_destroy(&set);
}

/* The log's model: every message is `number` repeated, so that what arrives says what it is. */
#define READERS	     6
#define MESSAGES_MAX 6000

struct sent {
	uint16_t len, source, target;
	uint8_t fill;
};

struct reader_model {
	bool up;
	struct log_cursor cursor;
	size_t next; /* message */
	size_t amid; /* bytes of it taken */
	unsigned ended; /* messages, by the model */
	unsigned counted; /* messages, by log_cursor_advance */
};

struct log_model {
	struct group_log log;
	struct sent sent[MESSAGES_MAX];
	size_t n;
	struct reader_model reader[READERS + 1]; /* by peer number */
	uint64_t random;
};

static bool is_for(const struct sent *sent, uint16_t peer)
{
	return sent->target ? sent->target == peer : sent->source != peer;
}

static void log_write(struct log_model *m)
{
	struct sent *sent = &m->sent[m->n];
	size_t len = 1 + pick(&m->random, pick(&m->random, 8) ? 90 : 5000);
	size_t need = pick(&m->random, 2) ? len : 5000;
	uint8_t bytes[5000];
	struct writer w;

	if (m->n == MESSAGES_MAX)
		return;
	if (pick(&m->random, 200) == 0)
		need = LOG_CHUNK_BYTES;
	assert_true(group_log_begin(&m->log, need, &w));
	assert_true(writer_room(&w) >= need);
	*sent = (struct sent){ .len = (uint16_t)len, .fill = (uint8_t)(m->n % 251) };
	if (pick(&m->random, 4) == 0)
		sent->target = (uint16_t)(1 + pick(&m->random, READERS));
	else
		sent->source = (uint16_t)pick(&m->random, READERS + 1);
	memset(bytes, sent->fill, len);
	write_bytes(&w, bytes, len);
	assert_false(w.overflow);
	group_log_publish(&m->log, &w, sent->source, sent->target);
	m->n++;
	assert_int_equal(m->log.messages, m->n);
}

/* What a reader's bytes are must be what the model says comes next for it. */
static void model_take(struct log_model *m, uint16_t peer, const uint8_t *bytes, size_t len)
{
	struct reader_model *r = &m->reader[peer];

	while (len > 0) {
		size_t part;

		while (r->next < m->n && !is_for(&m->sent[r->next], peer))
			r->next++;
		assert_true(r->next < m->n);
		part = m->sent[r->next].len - r->amid;
		if (part > len)
			part = len;
		for (size_t i = 0; i < part; i++)
			assert_int_equal(bytes[i], m->sent[r->next].fill);
		bytes += part;
		len -= part;
		r->amid += part;
		if (r->amid == m->sent[r->next].len) {
			r->next++;
			r->amid = 0;
			r->ended++;
		}
	}
}

static bool model_is_dry(const struct log_model *m, uint16_t peer)
{
	for (size_t i = m->reader[peer].next; i < m->n; i++) {
		if (is_for(&m->sent[i], peer))
			return false;
	}
	return true;
}

static void log_read(struct log_model *m, uint16_t peer)
{
	struct reader_model *r = &m->reader[peer];
	struct iovec iov[5];
	size_t total = 0, want;
	int n = log_cursor_gather(&r->cursor, peer, iov, 1 + (int)pick(&m->random, 5));

	assert_int_equal(n == 0, model_is_dry(m, peer));
	for (int i = 0; i < n; i++) {
		assert_true(iov[i].iov_len > 0);
		if (i > 0) /* adjacent messages are one piece */
			assert_ptr_not_equal((uint8_t *)iov[i - 1].iov_base + iov[i - 1].iov_len,
				iov[i].iov_base);
		total += iov[i].iov_len;
	}
	want = pick(&m->random, 3) ? total : pick(&m->random, (uint32_t)total + 1);
	for (size_t left = want, i = 0; left > 0; i++) {
		size_t part = iov[i].iov_len < left ? iov[i].iov_len : left;

		model_take(m, peer, iov[i].iov_base, part);
		left -= part;
	}
	r->counted += log_cursor_advance(&r->cursor, peer, want);
	assert_int_equal(r->counted, r->ended);
	assert_int_equal(r->cursor.sent, r->amid);
}

/* As catch_up.c reads: whole messages through a copy of the cursor, which stays where it is. */
static void log_look_ahead(struct log_model *m, uint16_t peer)
{
	struct log_cursor copy;
	struct span message;
	size_t next = m->reader[peer].next;

	log_cursor_copy(&copy, &m->reader[peer].cursor);
	while (log_cursor_next(&copy, peer, &message)) {
		while (!is_for(&m->sent[next], peer))
			next++;
		assert_int_equal(message.len, m->sent[next].len);
		assert_int_equal(message.bytes[0], m->sent[next].fill);
		assert_int_equal(message.bytes[message.len - 1], m->sent[next].fill);
		next++;
	}
	for (; next < m->n; next++)
		assert_false(is_for(&m->sent[next], peer));
	assert_int_equal(log_cursor_backlog(&copy), 0);
	log_cursor_release(&copy);
}

static void check_backlog(const struct log_model *m, uint16_t peer)
{
	const struct reader_model *r = &m->reader[peer];
	size_t most = 0, least = 0;

	/* It may or may not have stepped over what is not for it. */
	for (size_t i = r->next; i < m->n; i++) {
		most += m->sent[i].len;
		least = least > 0 || is_for(&m->sent[i], peer) ? least + m->sent[i].len : 0;
	}
	assert_in_range(log_cursor_backlog(&r->cursor), least - r->amid, most - r->amid);
}

static void run_log(uint64_t seed)
{
	static struct log_model m;

	memset(&m, 0, sizeof(m));
	m.random = seed;
	assert_true(group_log_init(&m.log));
	for (unsigned step = 0; step < 12000; step++) {
		uint16_t peer = (uint16_t)(1 + pick(&m.random, READERS));
		struct reader_model *r = &m.reader[peer];
		uint32_t what = pick(&m.random, 40);

		if (what < 16) {
			log_write(&m);
		} else if (!r->up) {
			log_cursor_at_end(&r->cursor, &m.log);
			assert_int_equal(log_cursor_backlog(&r->cursor), 0);
			*r = (struct reader_model){ .up = true, .cursor = r->cursor, .next = m.n };
		} else if (what == 16 && pick(&m.random, 4) == 0) {
			log_cursor_release(&r->cursor);
			assert_null(r->cursor.chunk);
			assert_int_equal(log_cursor_backlog(&r->cursor), 0);
			r->up = false;
		} else if (what == 17) {
			log_look_ahead(&m, peer);
		} else if (peer > 1 || pick(&m.random, 20) == 0) { /* the first is slow */
			log_read(&m, peer);
			check_backlog(&m, peer);
		}
	}
	for (uint16_t peer = 1; peer <= READERS; peer++) {
		struct reader_model *r = &m.reader[peer];

		while (r->up && !model_is_dry(&m, peer))
			log_read(&m, peer);
		if (r->up)
			log_cursor_release(&r->cursor);
	}
	/* Behind the last cursor only the tail is left. */
	assert_int_equal(m.log.held, m.log.tail->used);
	assert_int_equal(m.log.tail->refs, 1);
	group_log_destroy(&m.log);
	assert_int_equal(m.log.held, 0);
}

static void test_log(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++)
		run_log(seed * 7919);
}

static void log_add(struct group_log *log, size_t len, uint16_t source)
{
	static const uint8_t zero[LOG_CHUNK_BYTES];
	struct writer w;

	assert_true(group_log_begin(log, len, &w));
	write_bytes(&w, zero, len);
	assert_false(w.overflow);
	group_log_publish(log, &w, source, 0);
}

/*
 * A chunk is full when its bytes are or when its records are; it lives as long as a cursor is in it
 * or in front of it.
 */
static void test_log_chunks(void **state)
{
	struct log_cursor slow, fast;
	struct group_log log;
	struct log_chunk *first;
	struct iovec iov[2];

	(void)state;
	assert_true(group_log_init(&log));
	first = log.tail;
	log_cursor_at_end(&slow, &log);
	log_cursor_copy(&fast, &slow);
	log_add(&log, 65535, 0);
	assert_ptr_equal(log.tail, first);
	log_add(&log, 1, 0);
	assert_ptr_equal(log.tail, first); /* filled to the last byte */
	log_add(&log, 1, 0);
	assert_ptr_not_equal(log.tail, first);
	for (unsigned i = 1; i < LOG_CHUNK_RECORDS; i++)
		log_add(&log, 2, 0);
	assert_ptr_equal(log.tail, first->next);
	log_add(&log, 2, 0);
	assert_ptr_not_equal(log.tail, first->next); /* no record left */
	assert_int_equal(log.end, 65536 + 1 + 2 * LOG_CHUNK_RECORDS);
	assert_int_equal(log.held, log.end);
	assert_int_equal(log_cursor_backlog(&slow), log.end);
	assert_int_equal(log_cursor_gather(&fast, 1, iov, 2), 2);
	assert_int_equal(iov[0].iov_len, 65536);
	assert_int_equal(iov[1].iov_len, 1 + 2 * (LOG_CHUNK_RECORDS - 1));
	assert_int_equal(log_cursor_advance(&fast, 1, log.end), 2 + LOG_CHUNK_RECORDS + 1);
	assert_int_equal(log_cursor_gather(&fast, 1, iov, 2), 0);
	assert_int_equal(log.held, log.end); /* the slow one still has it all to read */
	log_cursor_release(&slow);
	assert_int_equal(log.held, 2);
	log_cursor_release(&fast);
	group_log_destroy(&log);
}

/* A reader for whom nothing was does not keep what it cannot read. */
static void test_log_steps_over(void **state)
{
	struct log_cursor cursor;
	struct group_log log;
	struct iovec iov[1];

	(void)state;
	assert_true(group_log_init(&log));
	log_cursor_at_end(&cursor, &log);
	for (unsigned i = 0; i < 40; i++)
		log_add(&log, 4096, 3);
	assert_int_equal(log_cursor_backlog(&cursor), 40 * 4096);
	assert_int_equal(log_cursor_gather(&cursor, 3, iov, 1), 0);
	assert_int_equal(log_cursor_backlog(&cursor), 0);
	assert_int_equal(log.held, log.tail->used);
	log_cursor_release(&cursor);
	group_log_destroy(&log);
	group_log_destroy(&(struct group_log){ 0 });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_siphash),
		cmocka_unit_test(test_slab),
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_bitmap),
		cmocka_unit_test(test_change_set),
		cmocka_unit_test(test_change_set_edges),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_log_chunks),
		cmocka_unit_test(test_log_steps_over),
	};

	return cmocka_run_group_tests_name("rib_containers", tests, NULL, NULL);
}
