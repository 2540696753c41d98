/*
 * Path attributes: the faults of RFC 7606 one by one, canonical bytes, and what each kind of peer
 * is sent. Attribute bytes are written out by hand; none is made by the code under test.
 */
#include "tests/unit/unit.h"

#include "bgp/attribute.h"

#define BYTES(...)      \
	((struct span){ \
		(const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }) })

#define AS(n) (uint8_t)((n) >> 24), (uint8_t)((n) >> 16), (uint8_t)((n) >> 8), (uint8_t)(n)

/* Attributes in their shortest right form. */
#define ORIGIN_I     0x40, 1, 1, 0
#define PATH_5	     0x40, 2, 6, 2, 1, AS(5)
#define PATH2_5	     0x40, 2, 4, 2, 1, 0, 5
#define NEXT_HOP_1   0x40, 3, 4, 192, 0, 2, 1
#define MED_7	     0x80, 4, 4, 0, 0, 0, 7
#define LOCAL_PREF_9 0x40, 5, 4, 0, 0, 0, 9
#define BASE	     ORIGIN_I, PATH_5, NEXT_HOP_1
#define BASE2	     ORIGIN_I, PATH2_5, NEXT_HOP_1
#define CANONICAL    ORIGIN_I, PATH_5

struct decoded {
	uint8_t bytes[CANONICAL_MAX];
	struct span canonical;
	struct attribute_keys keys;
	struct attribute_faults faults;
	struct bgp_error error;
};

static struct decoded decoded;

static const struct attribute_context internal = { .as4 = true };
static const struct attribute_context external = { .as4 = true, .external = true };
static const struct attribute_context old_speaker = { .as4 = false };

static void decode_mp(struct span attributes, const struct attribute_context *context,
	enum family family, const struct span *mp_next_hop)
{
	struct writer w = writer_of(decoded.bytes, sizeof decoded.bytes);
	memset(&decoded.faults, 0, sizeof decoded.faults);
	memset(&decoded.error, 0, sizeof decoded.error);
	attributes_decode(&attributes, 1, family, mp_next_hop, context, &w, &decoded.keys,
		&decoded.faults, &decoded.error);
	assert_false(w.overflow);
	decoded.canonical = (struct span){ decoded.bytes, writer_len(&w) };
}

static void decode(struct span attributes, const struct attribute_context *context)
{
	decode_mp(attributes, context, FAMILY_IPV4_UNICAST, NULL);
}

#define ACCEPT	 ATTRIBUTE_ACCEPT
#define DISCARD	 ATTRIBUTE_DISCARD
#define WITHDRAW ATTRIBUTE_TREAT_AS_WITHDRAW
#define RESET	 ATTRIBUTE_RESET

enum sender { INTERNAL, EXTERNAL, OLD };

/*
 * `attributes`, from `sender`: the strongest action, the type of the first fault, a piece of its
 * reason.
 */
struct fault_case {
	const char *what;
	struct span attributes;
	enum sender sender;
	enum attribute_action action;
	uint8_t type;
	const char *reason;
};

#define CASE(what, sender, action, type, reason, ...)                       \
	{                                                                   \
		what,                                                       \
			{ (const uint8_t[]){ __VA_ARGS__ },                 \
				sizeof((const uint8_t[]){ __VA_ARGS__ }) }, \
			sender, action, type, reason                        \
	}

static const struct fault_case fault_cases[] = {
	CASE("the least an UPDATE needs", INTERNAL, ACCEPT, 0, NULL, BASE),
	/* RFC 7606 section 3 c: flags */
	CASE("ORIGIN optional", INTERNAL, WITHDRAW, 1, "flags 0xc0", 0xC0, 1, 1, 0, PATH_5,
		NEXT_HOP_1),
	CASE("AS_PATH not transitive", INTERNAL, WITHDRAW, 2, "flags 0x00", ORIGIN_I, 0x00, 2, 6, 2,
		1, AS(5), NEXT_HOP_1),
	CASE("NEXT_HOP optional", INTERNAL, WITHDRAW, 3, "flags 0xc0", ORIGIN_I, PATH_5, 0xC0, 3, 4,
		192, 0, 2, 1),
	CASE("MED transitive", INTERNAL, WITHDRAW, 4, "flags 0xc0", BASE, 0xC0, 4, 4, 0, 0, 0, 7),
	CASE("LOCAL_PREF optional", INTERNAL, WITHDRAW, 5, "flags 0xc0", BASE, 0xC0, 5, 4, 0, 0, 0,
		7),
	CASE("ATOMIC_AGGREGATE optional", INTERNAL, WITHDRAW, 6, "flags 0xc0", BASE, 0xC0, 6, 0),
	CASE("AGGREGATOR well-known", INTERNAL, WITHDRAW, 7, "flags 0x40", BASE, 0x40, 7, 8, AS(5),
		10, 0, 0, 1),
	CASE("COMMUNITIES non-transitive", INTERNAL, WITHDRAW, 8, "flags 0x80", BASE, 0x80, 8, 4, 0,
		1, 0, 1),
	CASE("ORIGINATOR_ID transitive", INTERNAL, WITHDRAW, 9, "flags 0xc0", BASE, 0xC0, 9, 4, 10,
		0, 0, 1),
	CASE("CLUSTER_LIST transitive", INTERNAL, WITHDRAW, 10, "flags 0xc0", BASE, 0xC0, 10, 4, 10,
		0, 0, 1),
	CASE("EXTENDED_COMMUNITIES non-transitive", INTERNAL, WITHDRAW, 16, "flags 0x80", BASE,
		0x80, 16, 8, 0, 2, 0, 1, 0, 0, 0, 1),
	CASE("LARGE_COMMUNITIES well-known", INTERNAL, WITHDRAW, 32, "flags 0x40", BASE, 0x40, 32,
		12, AS(1), AS(2), AS(3)),
	CASE("AS4_PATH well-known", OLD, WITHDRAW, 17, "flags 0x40", BASE2, 0x40, 17, 6, 2, 1,
		AS(5)),
	CASE("Partial on a well-known attribute is no conflict", INTERNAL, ACCEPT, 0, NULL, 0x60, 1,
		1, 0, PATH_5, NEXT_HOP_1),
	CASE("extended length where it is not needed", INTERNAL, ACCEPT, 0, NULL, 0x50, 1, 0, 1, 0,
		PATH_5, NEXT_HOP_1),
	/* section 3 d: mandatory attributes */
	CASE("no ORIGIN", INTERNAL, WITHDRAW, 1, "missing", PATH_5, NEXT_HOP_1),
	CASE("no AS_PATH", INTERNAL, WITHDRAW, 2, "missing", ORIGIN_I, NEXT_HOP_1),
	CASE("no NEXT_HOP", INTERNAL, WITHDRAW, 3, "missing", ORIGIN_I, PATH_5),
	/* section 3 g: twice */
	CASE("ORIGIN twice", INTERNAL, DISCARD, 1, "more than once", BASE, 0x40, 1, 1, 2),
	CASE("unknown attribute twice", INTERNAL, DISCARD, 99, "more than once", BASE, 0xC0, 99, 1,
		1, 0xC0, 99, 1, 2),
	CASE("a second one that is malformed is not looked at", INTERNAL, DISCARD, 1,
		"more than once", BASE, 0xC0, 1, 0),
	/* section 3 h: the strongest action */
	CASE("discard, then withdraw", INTERNAL, WITHDRAW, 6, "length 1", BASE, 0x40, 6, 1, 0, 0xC0,
		8, 3, 0, 0, 0),
	CASE("withdraw, then discard", INTERNAL, WITHDRAW, 8, "length 3", BASE, 0xC0, 8, 3, 0, 0, 0,
		0x40, 6, 1, 0),
	CASE("withdraw, then reset", INTERNAL, RESET, 8, "length 3", BASE, 0xC0, 8, 3, 0, 0, 0,
		0x40, 99, 0),
	/* section 4: lengths of attributes */
	CASE("overrun", INTERNAL, WITHDRAW, 8, "overruns", BASE, 0xC0, 8, 4, 0, 0, 0),
	CASE("two bytes left", INTERNAL, WITHDRAW, 0, "ends with 2 bytes", BASE, 0xC0, 8),
	CASE("one byte left", INTERNAL, WITHDRAW, 0, "ends with 1 bytes", BASE, 0xC0),
	CASE("three bytes left with extended length", INTERNAL, WITHDRAW, 0, "ends with 3", BASE,
		0xD0, 8, 0),
	/* section 7.1 */
	CASE("ORIGIN of 2 bytes", INTERNAL, WITHDRAW, 1, "length 2, expected 1", 0x40, 1, 2, 0, 0,
		PATH_5, NEXT_HOP_1),
	CASE("ORIGIN empty", INTERNAL, WITHDRAW, 1, "length 0, expected 1", 0x40, 1, 0, PATH_5,
		NEXT_HOP_1),
	CASE("ORIGIN 3", INTERNAL, WITHDRAW, 1, "value 3", 0x40, 1, 1, 3, PATH_5, NEXT_HOP_1),
	/* section 7.2 */
	CASE("AS_PATH segment type 5", INTERNAL, WITHDRAW, 2, "AS_PATH", ORIGIN_I, 0x40, 2, 6, 5, 1,
		AS(5), NEXT_HOP_1),
	CASE("AS_PATH segment overrun", INTERNAL, WITHDRAW, 2, "AS_PATH", ORIGIN_I, 0x40, 2, 6, 2,
		2, AS(5), NEXT_HOP_1),
	CASE("AS_PATH one octet behind the last segment", INTERNAL, WITHDRAW, 2, "AS_PATH",
		ORIGIN_I, 0x40, 2, 7, 2, 1, AS(5), 2, NEXT_HOP_1),
	CASE("AS_PATH empty segment", INTERNAL, WITHDRAW, 2, "AS_PATH", ORIGIN_I, 0x40, 2, 2, 2, 0,
		NEXT_HOP_1),
	CASE("2-octet AS_PATH from a 4-octet speaker", INTERNAL, WITHDRAW, 2, "4-octet", BASE2),
	CASE("4-octet AS_PATH from an old speaker", OLD, WITHDRAW, 2, "2-octet", BASE),
	CASE("AS 0 in AS_PATH, RFC 7607", INTERNAL, WITHDRAW, 2, "AS 0", ORIGIN_I, 0x40, 2, 10, 2,
		2, AS(5), AS(0), NEXT_HOP_1),
	CASE("empty AS_PATH, internal", INTERNAL, ACCEPT, 0, NULL, ORIGIN_I, 0x40, 2, 0,
		NEXT_HOP_1),
	CASE("empty AS_PATH, external", EXTERNAL, WITHDRAW, 2, "empty", ORIGIN_I, 0x40, 2, 0,
		NEXT_HOP_1),
	CASE("confederation, internal", INTERNAL, ACCEPT, 0, NULL, ORIGIN_I, 0x40, 2, 6, 3, 1,
		AS(5), NEXT_HOP_1),
	CASE("confederation, external, RFC 5065", EXTERNAL, WITHDRAW, 2, "confederation", ORIGIN_I,
		0x40, 2, 12, 2, 1, AS(5), 4, 1, AS(6), NEXT_HOP_1),
	/* section 7.3 and RFC 4271 section 6.3 */
	CASE("NEXT_HOP of 16 bytes", INTERNAL, WITHDRAW, 3, "length 16", ORIGIN_I, PATH_5, 0x40, 3,
		16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16),
	CASE("NEXT_HOP 0.0.0.0", INTERNAL, WITHDRAW, 3, "unspecified", ORIGIN_I, PATH_5, 0x40, 3, 4,
		0, 0, 0, 0),
	CASE("NEXT_HOP 255.255.255.255", INTERNAL, WITHDRAW, 3, "broadcast", ORIGIN_I, PATH_5, 0x40,
		3, 4, 255, 255, 255, 255),
	CASE("NEXT_HOP 224.0.0.5", INTERNAL, WITHDRAW, 3, "multicast", ORIGIN_I, PATH_5, 0x40, 3, 4,
		224, 0, 0, 5),
	CASE("NEXT_HOP 239.255.255.255", INTERNAL, WITHDRAW, 3, "multicast", ORIGIN_I, PATH_5, 0x40,
		3, 4, 239, 255, 255, 255),
	/* sections 7.4 and 7.5 */
	CASE("MED of 3 bytes", INTERNAL, WITHDRAW, 4, "length 3, expected 4", BASE, 0x80, 4, 3, 0,
		0, 0),
	CASE("LOCAL_PREF of 5 bytes", INTERNAL, WITHDRAW, 5, "length 5", BASE, 0x40, 5, 5, 0, 0, 0,
		0, 1),
	CASE("LOCAL_PREF, external", EXTERNAL, DISCARD, 5, "external", BASE, LOCAL_PREF_9),
	CASE("malformed LOCAL_PREF, external", EXTERNAL, DISCARD, 5, "external", BASE, 0xC0, 5, 1,
		0),
	/* sections 7.6 and 7.7 */
	CASE("ATOMIC_AGGREGATE of 1 byte", INTERNAL, DISCARD, 6, "length 1, expected 0", BASE, 0x40,
		6, 1, 0),
	CASE("AGGREGATOR of 6 bytes, 4-octet", INTERNAL, DISCARD, 7, "length 6, expected 8", BASE,
		0xC0, 7, 6, 0, 5, 10, 0, 0, 1),
	CASE("AGGREGATOR of 8 bytes, 2-octet", OLD, DISCARD, 7, "length 8, expected 6", BASE2, 0xC0,
		7, 8, AS(5), 10, 0, 0, 1),
	CASE("AGGREGATOR empty", INTERNAL, DISCARD, 7, "length 0", BASE, 0xC0, 7, 0),
	CASE("AGGREGATOR AS 0, RFC 7607", INTERNAL, DISCARD, 7, "AS 0", BASE, 0xC0, 7, 8, AS(0), 10,
		0, 0, 1),
	CASE("AGGREGATOR AS 0 in 2 octets", OLD, DISCARD, 7, "AS 0", BASE2, 0xC0, 7, 6, 0, 0, 10, 0,
		0, 1),
	/* section 7.8 */
	CASE("COMMUNITIES of 5 bytes", INTERNAL, WITHDRAW, 8,
		"length 5, expected a non-zero multiple of 4", BASE, 0xC0, 8, 5, 0, 0, 0, 0, 0),
	CASE("COMMUNITIES empty", INTERNAL, WITHDRAW, 8, "length 0", BASE, 0xC0, 8, 0),
	/* sections 7.9 and 7.10 */
	CASE("ORIGINATOR_ID of 5 bytes", INTERNAL, WITHDRAW, 9, "length 5", BASE, 0x80, 9, 5, 1, 2,
		3, 4, 5),
	CASE("ORIGINATOR_ID, external", EXTERNAL, DISCARD, 9, "external", BASE, 0x80, 9, 4, 1, 2, 3,
		4),
	CASE("CLUSTER_LIST of 6 bytes", INTERNAL, WITHDRAW, 10, "length 6", BASE, 0x80, 10, 6, 1, 2,
		3, 4, 5, 6),
	CASE("CLUSTER_LIST empty", INTERNAL, WITHDRAW, 10, "length 0", BASE, 0x80, 10, 0),
	CASE("CLUSTER_LIST, external", EXTERNAL, DISCARD, 10, "external", BASE, 0x80, 10, 4, 1, 2,
		3, 4),
	/* sections 7.14 and 7.15, RFC 8092 section 6 */
	CASE("EXTENDED_COMMUNITIES of 4 bytes", INTERNAL, WITHDRAW, 16, "length 4", BASE, 0xC0, 16,
		4, 0, 2, 0, 1),
	CASE("EXTENDED_COMMUNITIES empty", INTERNAL, WITHDRAW, 16, "length 0", BASE, 0xC0, 16, 0),
	CASE("IPV6_EXTENDED_COMMUNITIES of 8 bytes", INTERNAL, WITHDRAW, 25, "multiple of 20", BASE,
		0xC0, 25, 8, 0, 2, 0, 1, 0, 0, 0, 1),
	CASE("IPV6_EXTENDED_COMMUNITIES empty", INTERNAL, WITHDRAW, 25, "length 0", BASE, 0xC0, 25,
		0),
	CASE("LARGE_COMMUNITIES of 8 bytes", INTERNAL, WITHDRAW, 32, "multiple of 12", BASE, 0xC0,
		32, 8, AS(1), AS(2)),
	CASE("LARGE_COMMUNITIES empty", INTERNAL, WITHDRAW, 32, "length 0", BASE, 0xC0, 32, 0),
	/* RFC 6793 sections 4.1 and 6 */
	CASE("AS4_PATH from a 4-octet speaker", INTERNAL, DISCARD, 17, "4-octet", BASE, 0xC0, 17, 6,
		2, 1, AS(5)),
	CASE("AS4_AGGREGATOR from a 4-octet speaker", INTERNAL, DISCARD, 18, "4-octet", BASE, 0xC0,
		18, 8, AS(5), 10, 0, 0, 1),
	CASE("AS4_PATH too short", OLD, DISCARD, 17, "AS4_PATH", BASE2, 0xC0, 17, 4, 2, 1, 0, 5),
	CASE("AS4_PATH empty", OLD, DISCARD, 17, "0 bytes", BASE2, 0xC0, 17, 0),
	CASE("AS4_PATH segment overrun", OLD, DISCARD, 17, "AS4_PATH", BASE2, 0xC0, 17, 6, 2, 2,
		AS(5)),
	CASE("AS4_PATH segment type 9", OLD, DISCARD, 17, "AS4_PATH", BASE2, 0xC0, 17, 6, 9, 1,
		AS(5)),
	CASE("AS4_PATH with AS 0", OLD, DISCARD, 17, "AS 0", BASE2, 0xC0, 17, 6, 2, 1, AS(0)),
	CASE("AS4_PATH with a confederation", OLD, DISCARD, 17, "confederation", BASE2, 0xC0, 17,
		12, 3, 1, AS(9), 2, 1, AS(5)),
	CASE("AS4_AGGREGATOR of 6 bytes", OLD, DISCARD, 18, "length 6, expected 8", BASE2, 0xC0, 18,
		6, 0, 5, 10, 0, 0, 1),
	CASE("AS4_AGGREGATOR with AS 0", OLD, DISCARD, 18, "AS 0", BASE2, 0xC0, 18, 8, AS(0), 10, 0,
		0, 1),
	/* RFC 4271 sections 5 and 6.3: attributes that have no row */
	CASE("unknown well-known", INTERNAL, RESET, 99, "not recognized", BASE, 0x40, 99, 1, 7),
	CASE("unknown non-transitive", INTERNAL, ACCEPT, 0, NULL, BASE, 0x80, 99, 1, 7),
	CASE("unknown transitive", INTERNAL, ACCEPT, 0, NULL, BASE, 0xC0, 99, 1, 7),
	CASE("unknown transitive and empty", INTERNAL, ACCEPT, 0, NULL, BASE, 0xC0, 99, 0),
};

static void test_faults(void **state)
{
	(void)state;
	static const struct attribute_context *const senders[] = {
		[INTERNAL] = &internal, [EXTERNAL] = &external, [OLD] = &old_speaker
	};
	for (size_t i = 0; i < ARRAY_LEN(fault_cases); i++) {
		const struct fault_case *c = &fault_cases[i];
		decode(c->attributes, senders[c->sender]);
		const struct attribute_faults *f = &decoded.faults;
		if (f->action != c->action)
			fail_msg("%s: action %u, expected %u", c->what, f->action, c->action);
		if (!c->reason && f->count > 0)
			fail_msg("%s: fault \"%s\"", c->what, f->fault[0].reason);
		if (c->reason && (f->count == 0 || f->fault[0].type != c->type ||
					 !strstr(f->fault[0].reason, c->reason)))
			fail_msg("%s: fault of type %u \"%s\", expected %u \"%s\"", c->what,
				f->fault[0].type, f->count ? f->fault[0].reason : "", c->type,
				c->reason);
		if ((decoded.error.code == ERROR_UPDATE) != (c->action == RESET))
			fail_msg("%s: error code %u", c->what, decoded.error.code);
	}
}

static void test_unrecognized_well_known_data(void **state)
{
	(void)state;
	decode(BYTES(BASE, 0x40, 99, 2, 7, 8), &internal);
	assert_int_equal(decoded.error.subcode, UPDATE_UNRECOGNIZED_WELL_KNOWN);
	assert_span_equal(((struct span){ decoded.error.data, decoded.error.data_len }),
		BYTES(0x40, 99, 2, 7, 8));
}

static void test_faults_beyond_the_record(void **state)
{
	(void)state;
	struct attribute_faults faults = { 0 };
	for (int i = 0; i < ATTRIBUTE_FAULTS_MAX; i++)
		attribute_fault_add(&faults, 6, ATTRIBUTE_DISCARD, "number %d", i);
	attribute_fault_add(&faults, 1, ATTRIBUTE_TREAT_AS_WITHDRAW, "one more");
	assert_int_equal(faults.count, ATTRIBUTE_FAULTS_MAX);
	assert_int_equal(faults.action, ATTRIBUTE_TREAT_AS_WITHDRAW);
	/* The fault that decides is always among those recorded: the log must name it. */
	assert_string_equal(faults.fault[6].reason, "number 6");
	assert_string_equal(faults.fault[7].reason, "one more");
	assert_int_equal(faults.fault[7].type, 1);
	assert_int_equal(faults.fault[7].action, ATTRIBUTE_TREAT_AS_WITHDRAW);
	attribute_fault_add(&faults, 1, ATTRIBUTE_DISCARD, "milder");
	assert_int_equal(faults.action, ATTRIBUTE_TREAT_AS_WITHDRAW);
	assert_string_equal(faults.fault[7].reason, "one more");
}

static void test_canonical_and_keys(void **state)
{
	(void)state;
	/* In no order, with superfluous extended lengths and Partial bits. */
	decode(BYTES(0xF0, 8, 0, 8, 0xFF, 0xFF, 0xFF, 0x01, 0xFD, 0xE8, 0, 1, LOCAL_PREF_9, 0x80,
		       10, 8, 10, 0, 0, 2, 10, 0, 0, 3, 0x80, 9, 4, 10, 0, 0, 9, NEXT_HOP_1, MED_7,
		       0x50, 2, 0, 20, 2, 3, AS(64512), AS(70000), AS(3), 1, 1, AS(9), 0x60, 1, 1,
		       2, 0xC0, 99, 2, 0xAB, 0xCD, 0x80, 98, 1, 1, 0xC0, 7, 8, AS(70000), 10, 0, 0,
		       1, 0x40, 6, 0),
		&internal);
	assert_int_equal(decoded.faults.count, 0);
	assert_span_equal(decoded.canonical,
		BYTES(0x40, 1, 1, 2, 0x40, 2, 20, 2, 3, AS(64512), AS(70000), AS(3), 1, 1, AS(9),
			MED_7, LOCAL_PREF_9, 0x40, 6, 0, 0xC0, 7, 8, AS(70000), 10, 0, 0, 1, 0xE0,
			8, 8, 0xFF, 0xFF, 0xFF, 0x01, 0xFD, 0xE8, 0, 1, 0x80, 9, 4, 10, 0, 0, 9,
			0x80, 10, 8, 10, 0, 0, 2, 10, 0, 0, 3, 0xE0, 99, 2, 0xAB, 0xCD));
	const struct attribute_keys *k = &decoded.keys;
	assert_int_equal(k->origin, ORIGIN_INCOMPLETE);
	assert_int_equal(k->med, 7);
	assert_int_equal(k->local_pref, 9);
	assert_int_equal(k->neighbor_as, 64512);
	assert_int_equal(k->as_path_length, 4);
	assert_int_equal(k->originator_id, 0x0A000009);
	assert_int_equal(k->cluster_list_length, 2);
	assert_int_equal(k->flags,
		ATTR_HAS_MED | ATTR_HAS_LOCAL_PREF | ATTR_HAS_ORIGINATOR_ID | ATTR_NO_EXPORT);
	assert_int_equal(k->next_hop_len, 4);
	assert_memory_equal(k->next_hop, "\xC0\x00\x02\x01", 4);
}

static void test_defaults(void **state)
{
	(void)state;
	decode(BYTES(BASE), &internal);
	assert_span_equal(decoded.canonical, BYTES(CANONICAL));
	assert_int_equal(decoded.keys.local_pref, 100);
	assert_int_equal(decoded.keys.med, 0);
	assert_int_equal(decoded.keys.flags, 0);
	decode(BYTES(BASE, 0xC0, 8, 8, 0xFF, 0xFF, 0xFF, 0x02, 0xFF, 0xFF, 0xFF, 0x03), &internal);
	assert_int_equal(decoded.keys.flags, ATTR_NO_EXPORT | ATTR_NO_ADVERTISE);
}

/* The first of two counts; what was discarded is not among the canonical bytes. */
static void test_discarded_attributes_are_gone(void **state)
{
	(void)state;
	decode(BYTES(BASE, 0x40, 1, 1, 2, 0x40, 6, 1, 0, 0xC0, 7, 6, 0, 5, 10, 0, 0, 1), &internal);
	assert_span_equal(decoded.canonical, BYTES(CANONICAL));
	assert_int_equal(decoded.keys.origin, ORIGIN_IGP);
	assert_int_equal(decoded.faults.count, 3);
	decode(BYTES(BASE, LOCAL_PREF_9, 0x80, 9, 4, 1, 2, 3, 4, 0x80, 10, 4, 1, 2, 3, 4),
		&external);
	assert_span_equal(decoded.canonical, BYTES(CANONICAL));
	assert_int_equal(decoded.keys.local_pref, 100);
	assert_int_equal(decoded.keys.flags, 0);
	assert_int_equal(decoded.keys.cluster_list_length, 0);
}

static void test_several_pieces(void **state)
{
	(void)state;
	struct span pieces[] = { BYTES(NEXT_HOP_1), BYTES(PATH_5), BYTES(ORIGIN_I) };
	struct writer w = writer_of(decoded.bytes, sizeof decoded.bytes);
	memset(&decoded.faults, 0, sizeof decoded.faults);
	attributes_decode(pieces, 3, FAMILY_IPV4_UNICAST, NULL, &internal, &w, &decoded.keys,
		&decoded.faults, &decoded.error);
	assert_int_equal(decoded.faults.count, 0);
	assert_span_equal(((struct span){ decoded.bytes, writer_len(&w) }), BYTES(CANONICAL));
}

static void test_extended_length(void **state)
{
	(void)state;
	static const uint8_t base[] = { BASE };
	uint8_t raw[sizeof base + 4 + 260] = { BASE, 0xD0, 8, 1, 4 };
	decode(SPAN(raw), &internal);
	assert_int_equal(decoded.faults.count, 0);
	assert_int_equal(decoded.canonical.len, 4 + 9 + 4 + 260);
	assert_memory_equal(decoded.canonical.bytes + 13, "\xD0\x08\x01\x04", 4);
}

#define GLOBAL_1 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1
#define LINK_1	 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1

static void test_mp_next_hop(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		enum family family;
		uint8_t next_hop[40], len;
		enum attribute_action action;
	} cases[] = {
		{ "global", FAMILY_IPV6_UNICAST, { GLOBAL_1 }, 16, ACCEPT },
		{ "global and link-local", FAMILY_IPV6_UNICAST, { GLOBAL_1, LINK_1 }, 32, ACCEPT },
		{ "24 bytes", FAMILY_IPV6_UNICAST, { GLOBAL_1 }, 24, RESET },
		{ "none", FAMILY_IPV6_UNICAST, { 0 }, 0, RESET },
		{ "IPv4 in IPv6", FAMILY_IPV6_UNICAST, { 192, 0, 2, 1 }, 4, RESET },
		{ "::", FAMILY_IPV6_UNICAST, { 0 }, 16, WITHDRAW },
		{ "ff02::1", FAMILY_IPV6_UNICAST, { 0xff, 2, [15] = 1 }, 16, WITHDRAW },
		{ "IPv4", FAMILY_IPV4_UNICAST, { 192, 0, 2, 1 }, 4, ACCEPT },
		{ "IPv4 0.0.0.0", FAMILY_IPV4_UNICAST, { 0 }, 4, WITHDRAW },
		{ "IPv6 in IPv4", FAMILY_IPV4_UNICAST, { GLOBAL_1 }, 16, RESET },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct span next_hop = { cases[i].next_hop, cases[i].len };
		decode_mp(BYTES(ORIGIN_I, PATH_5), &internal, cases[i].family, &next_hop);
		if (decoded.faults.action != cases[i].action)
			fail_msg("%s: action %u", cases[i].what, decoded.faults.action);
		if (cases[i].action == RESET)
			assert_int_equal(decoded.error.subcode, UPDATE_OPTIONAL_ATTRIBUTE);
		if (cases[i].action == ACCEPT)
			assert_span_equal(
				((struct span){ decoded.keys.next_hop, decoded.keys.next_hop_len }),
				next_hop);
	}
	/* RFC 4760 section 3: a NEXT_HOP attribute beside it is ignored, whatever it holds. */
	struct span global = BYTES(GLOBAL_1);
	decode_mp(BYTES(ORIGIN_I, PATH_5, 0x40, 3, 1, 0), &internal, FAMILY_IPV6_UNICAST, &global);
	assert_int_equal(decoded.faults.count, 0);
	assert_int_equal(decoded.keys.next_hop_len, 16);
	assert_span_equal(decoded.canonical, BYTES(CANONICAL));
}

/* RFC 6793 section 4.2.3 */
static void test_old_speaker(void **state)
{
	(void)state;
	decode(BYTES(ORIGIN_I, 0x40, 2, 6, 2, 2, 0xFC, 0, 0x5B, 0xA0, NEXT_HOP_1), &old_speaker);
	assert_span_equal(
		decoded.canonical, BYTES(ORIGIN_I, 0x40, 2, 10, 2, 2, AS(64512), AS(23456)));
	assert_int_equal(decoded.keys.neighbor_as, 64512);

	/* AS4_PATH in front of AS_PATH: the order does not matter. */
	decode(BYTES(0xC0, 17, 6, 2, 1, AS(70000), ORIGIN_I, 0x40, 2, 6, 2, 2, 0xFC, 0, 0x5B, 0xA0,
		       NEXT_HOP_1),
		&old_speaker);
	assert_span_equal(
		decoded.canonical, BYTES(ORIGIN_I, 0x40, 2, 10, 2, 2, AS(64512), AS(70000)));

	/* The merged path is the one that the keys speak of. */
	decode(BYTES(ORIGIN_I, 0x40, 2, 4, 2, 1, 0x5B, 0xA0, NEXT_HOP_1, 0xC0, 17, 6, 2, 1,
		       AS(70000)),
		&old_speaker);
	assert_int_equal(decoded.keys.neighbor_as, 70000);

	/* AGGREGATOR is AS_TRANS: AS4_AGGREGATOR is the aggregator. */
	decode(BYTES(ORIGIN_I, 0x40, 2, 4, 2, 1, 0x5B, 0xA0, NEXT_HOP_1, 0xC0, 7, 6, 0x5B, 0xA0, 10,
		       0, 0, 1, 0xC0, 17, 6, 2, 1, AS(70000), 0xC0, 18, 8, AS(70001), 10, 0, 0, 2),
		&old_speaker);
	assert_span_equal(decoded.canonical,
		BYTES(ORIGIN_I, 0x40, 2, 6, 2, 1, AS(70000), 0xC0, 7, 8, AS(70001), 10, 0, 0, 2));

	/* AGGREGATOR is another AS: both AS4 attributes are ignored. */
	decode(BYTES(ORIGIN_I, 0x40, 2, 4, 2, 1, 0x5B, 0xA0, NEXT_HOP_1, 0xC0, 7, 6, 0, 9, 10, 0, 0,
		       1, 0xC0, 17, 6, 2, 1, AS(70000), 0xC0, 18, 8, AS(70001), 10, 0, 0, 2),
		&old_speaker);
	assert_span_equal(decoded.canonical,
		BYTES(ORIGIN_I, 0x40, 2, 6, 2, 1, AS(23456), 0xC0, 7, 8, AS(9), 10, 0, 0, 1));

	/* ... which takes an AS4_AGGREGATOR: without one, AS4_PATH counts. */
	decode(BYTES(ORIGIN_I, 0x40, 2, 4, 2, 1, 0x5B, 0xA0, NEXT_HOP_1, 0xC0, 7, 6, 0, 9, 10, 0, 0,
		       1, 0xC0, 17, 6, 2, 1, AS(70000)),
		&old_speaker);
	assert_span_equal(decoded.canonical,
		BYTES(ORIGIN_I, 0x40, 2, 6, 2, 1, AS(70000), 0xC0, 7, 8, AS(9), 10, 0, 0, 1));
}

/* Only an RFC 8654 message from an old speaker can hold it. */
static void test_path_too_long_to_widen(void **state)
{
	(void)state;
	static uint8_t raw[4 + 4 + 40880 + 7];
	static const uint8_t head[] = { ORIGIN_I, 0x50, 2, 40880 >> 8, 40880 & 0xFF };
	static const uint8_t tail[] = { NEXT_HOP_1 };
	memcpy(raw, head, sizeof head);
	for (size_t at = sizeof head; at < sizeof head + 40880; at += 2 + 2 * 254) {
		size_t left = sizeof head + 40880 - at;
		size_t count = left < 2 + 2 * 254 ? (left - 2) / 2 : 254;
		memset(raw + at, 1, 2 + 2 * count);
		raw[at] = 2;
		raw[at + 1] = (uint8_t)count;
	}
	memcpy(raw + sizeof raw - 7, tail, 7);
	decode((struct span){ raw, sizeof raw }, &old_speaker);
	assert_int_equal(decoded.faults.action, WITHDRAW);
	assert_non_null(strstr(decoded.faults.fault[0].reason, "4-octet form"));
}

/* What is sent: canonical attributes, and the bytes on the wire. */
static void assert_encoded(
	struct span canonical, const struct attribute_export *how, struct span expected)
{
	uint8_t bytes[1024];
	struct writer w = writer_of(bytes, sizeof bytes);
	attributes_encode(&w, canonical, BYTES(192, 0, 2, 1), how);
	assert_false(w.overflow);
	assert_span_equal(((struct span){ bytes, writer_len(&w) }), expected);
	/*
	 * One byte less overflows, and nothing is written behind the end (the sanitizer watches).
	 */
	w = writer_of(bytes, expected.len - 1);
	attributes_encode(&w, canonical, BYTES(192, 0, 2, 1), how);
	assert_true(w.overflow);
}

static void test_encode_internal(void **state)
{
	(void)state;
	struct attribute_export how = { .family = FAMILY_IPV4_UNICAST, .as4 = true };
	assert_encoded(BYTES(CANONICAL), &how,
		BYTES(ORIGIN_I, PATH_5, NEXT_HOP_1, 0x40, 5, 4, 0, 0, 0, 100));
	assert_encoded(BYTES(CANONICAL, MED_7, LOCAL_PREF_9, 0xE0, 99, 1, 1), &how,
		BYTES(BASE, MED_7, LOCAL_PREF_9, 0xE0, 99, 1, 1));
	how.family = FAMILY_IPV6_UNICAST;
	assert_encoded(BYTES(CANONICAL, LOCAL_PREF_9), &how, BYTES(CANONICAL, LOCAL_PREF_9));
}

/* RFC 4456 section 8 */
static void test_encode_reflect(void **state)
{
	(void)state;
	struct attribute_export how = { .family = FAMILY_IPV4_UNICAST,
		.as4 = true,
		.reflect = true,
		.originator_id = 0x0A000007,
		.cluster_id = 0x0A000001 };
	assert_encoded(BYTES(CANONICAL, LOCAL_PREF_9, 0xC0, 8, 4, 0, 1, 0, 2), &how,
		BYTES(BASE, LOCAL_PREF_9, 0xC0, 8, 4, 0, 1, 0, 2, 0x80, 9, 4, 10, 0, 0, 7, 0x80, 10,
			4, 10, 0, 0, 1));
	assert_encoded(BYTES(CANONICAL, LOCAL_PREF_9, 0x80, 9, 4, 10, 0, 0, 9, 0x80, 10, 4, 10, 0,
			       0, 2, 0xC0, 16, 8, 0, 2, 0, 1, 0, 0, 0, 1),
		&how,
		BYTES(BASE, LOCAL_PREF_9, 0x80, 9, 4, 10, 0, 0, 9, 0x80, 10, 8, 10, 0, 0, 1, 10, 0,
			0, 2, 0xC0, 16, 8, 0, 2, 0, 1, 0, 0, 0, 1));
}

static void test_encode_reflect_grows_cluster_list(void **state)
{
	(void)state;
	/* 63 cluster IDs are 252 bytes; the 64th makes it 256 and the length extended. */
	uint8_t canonical[13 + 7 + 3 + 252] = { CANONICAL, LOCAL_PREF_9, 0x80, 10, 252 };
	struct attribute_export how = { .family = FAMILY_IPV6_UNICAST,
		.as4 = true,
		.reflect = true,
		.originator_id = 1,
		.cluster_id = 0xAABBCCDD };
	uint8_t bytes[512];
	struct writer w = writer_of(bytes, sizeof bytes);
	attributes_encode(&w, SPAN(canonical), BYTES(0), &how);
	assert_int_equal(writer_len(&w), 13 + 7 + 7 + 4 + 256);
	assert_memory_equal(bytes + 13 + 7 + 7, "\x90\x0A\x01\x00\xAA\xBB\xCC\xDD\x00", 9);
}

static void test_encode_external(void **state)
{
	(void)state;
	struct attribute_export how = {
		.family = FAMILY_IPV4_UNICAST, .as4 = true, .external = true, .local_as = 64512
	};
	struct span canonical = BYTES(CANONICAL, MED_7, LOCAL_PREF_9, 0xC0, 8, 4, 0, 1, 0, 2, 0x80,
		9, 4, 10, 0, 0, 9, 0x80, 10, 4, 10, 0, 0, 2);
	assert_encoded(canonical, &how,
		BYTES(ORIGIN_I, 0x40, 2, 10, 2, 2, AS(64512), AS(5), NEXT_HOP_1, 0xC0, 8, 4, 0, 1,
			0, 2));
	how.keep_med = true;
	assert_encoded(canonical, &how,
		BYTES(ORIGIN_I, 0x40, 2, 10, 2, 2, AS(64512), AS(5), NEXT_HOP_1, MED_7, 0xC0, 8, 4,
			0, 1, 0, 2));
	/* RFC 5065: confederation segments end here. */
	assert_encoded(BYTES(ORIGIN_I, 0x40, 2, 12, 3, 1, AS(65001), 2, 1, AS(5)), &how,
		BYTES(ORIGIN_I, 0x40, 2, 10, 2, 2, AS(64512), AS(5), NEXT_HOP_1));
	/* A route of our own, with an empty path. */
	assert_encoded(BYTES(ORIGIN_I, 0x40, 2, 0), &how,
		BYTES(ORIGIN_I, 0x40, 2, 6, 2, 1, AS(64512), NEXT_HOP_1));
	/* ... and with none at all, from an AS that an old speaker cannot write. */
	how.as4 = false;
	how.local_as = 70000;
	assert_encoded(BYTES(ORIGIN_I), &how,
		BYTES(ORIGIN_I, 0x40, 2, 4, 2, 1, 0x5B, 0xA0, NEXT_HOP_1, 0xC0, 17, 6, 2, 1,
			AS(70000)));
}

/* RFC 6793 section 4.2.2 */
static void test_encode_old_speaker(void **state)
{
	(void)state;
	struct attribute_export how = {
		.family = FAMILY_IPV4_UNICAST, .external = true, .local_as = 64512
	};
	assert_encoded(BYTES(CANONICAL, 0xC0, 7, 8, AS(9), 10, 0, 0, 1), &how,
		BYTES(ORIGIN_I, 0x40, 2, 6, 2, 2, 0xFC, 0, 0, 5, NEXT_HOP_1, 0xC0, 7, 6, 0, 9, 10,
			0, 0, 1));
	assert_encoded(BYTES(ORIGIN_I, 0x40, 2, 6, 2, 1, AS(70000), 0xE0, 7, 8, AS(70001), 10, 0, 0,
			       1, 0xC0, 32, 12, AS(1), AS(2), AS(3)),
		&how,
		BYTES(ORIGIN_I, 0x40, 2, 6, 2, 2, 0xFC, 0, 0x5B, 0xA0, NEXT_HOP_1, 0xE0, 7, 6, 0x5B,
			0xA0, 10, 0, 0, 1, 0xC0, 17, 10, 2, 2, AS(64512), AS(70000), 0xC0, 18, 8,
			AS(70001), 10, 0, 0, 1, 0xC0, 32, 12, AS(1), AS(2), AS(3)));
	/* Internal: confederation segments stay in AS_PATH and out of AS4_PATH. */
	how.external = false;
	assert_encoded(BYTES(ORIGIN_I, 0x40, 2, 12, 3, 1, AS(65001), 2, 1, AS(70000), LOCAL_PREF_9),
		&how,
		BYTES(ORIGIN_I, 0x40, 2, 8, 3, 1, 0xFD, 0xE9, 2, 1, 0x5B, 0xA0, NEXT_HOP_1,
			LOCAL_PREF_9, 0xC0, 17, 6, 2, 1, AS(70000)));
	assert_encoded(BYTES(ORIGIN_I, 0x40, 2, 6, 3, 1, AS(70000), LOCAL_PREF_9), &how,
		BYTES(ORIGIN_I, 0x40, 2, 4, 3, 1, 0x5B, 0xA0, NEXT_HOP_1, LOCAL_PREF_9));
}

/* RFC 9494 section 4.6: to a peer without the capability it is a path of last resort, of the AS. */
static void test_encode_long_lived_least(void **state)
{
	(void)state;
	struct attribute_export how = {
		.family = FAMILY_IPV4_UNICAST, .as4 = true, .long_lived_least = true
	};
	assert_encoded(BYTES(CANONICAL, LOCAL_PREF_9, 0xC0, 8, 4, AS(COMMUNITY_LLGR_STALE)), &how,
		BYTES(BASE, 0x40, 5, 4, 0, 0, 0, 0, 0xC0, 8, 8, AS(COMMUNITY_LLGR_STALE),
			AS(COMMUNITY_NO_EXPORT)));
	/* LOCAL_PREF where there was none; NO_EXPORT once */
	assert_encoded(
		BYTES(CANONICAL, 0xE0, 8, 8, AS(COMMUNITY_NO_EXPORT), AS(COMMUNITY_LLGR_STALE)),
		&how,
		BYTES(BASE, 0x40, 5, 4, 0, 0, 0, 0, 0xE0, 8, 8, AS(COMMUNITY_NO_EXPORT),
			AS(COMMUNITY_LLGR_STALE)));
}

static void expect_added(struct span canonical, struct span expected)
{
	struct writer w = writer_of(decoded.bytes, sizeof decoded.bytes);
	attributes_add_community(&w, canonical, 0xFFFF0006);
	assert_false(w.overflow);
	assert_span_equal(((struct span){ decoded.bytes, writer_len(&w) }), expected);
	w = writer_of(decoded.bytes, expected.len - 1);
	attributes_add_community(&w, canonical, 0xFFFF0006);
	assert_true(w.overflow);
}

static void test_add_community(void **state)
{
	(void)state;
	/* where there is none: at its place in the order, at the end, alone */
	expect_added(BYTES(CANONICAL, MED_7, 0x80, 9, 4, AS(1)),
		BYTES(CANONICAL, MED_7, 0xC0, 8, 4, 0xFF, 0xFF, 0, 6, 0x80, 9, 4, AS(1)));
	expect_added(BYTES(CANONICAL), BYTES(CANONICAL, 0xC0, 8, 4, 0xFF, 0xFF, 0, 6));
	expect_added(BYTES(0xC0, 32, 0), BYTES(0xC0, 8, 4, 0xFF, 0xFF, 0, 6, 0xC0, 32, 0));
	/* behind others, with the flags that are there; once */
	expect_added(BYTES(CANONICAL, 0xE0, 8, 4, AS(9), 0x80, 9, 4, AS(1)),
		BYTES(CANONICAL, 0xE0, 8, 8, AS(9), 0xFF, 0xFF, 0, 6, 0x80, 9, 4, AS(1)));
	expect_added(BYTES(0xC0, 8, 8, 0xFF, 0xFF, 0, 6, AS(9)),
		BYTES(0xC0, 8, 8, 0xFF, 0xFF, 0, 6, AS(9)));
	/* 63 communities become 64: the length takes two bytes */
	uint8_t many[3 + 252] = { 0xC0, 8, 252 }, more[4 + 256] = { 0xD0, 8, 1, 0 };
	memcpy(more + 256, "\xFF\xFF\x00\x06", 4);
	expect_added(SPAN(many), SPAN(more));
	/* no room in an attribute of 65532 bytes */
	static uint8_t full[4 + 65532] = { 0xD0, 8, 0xFF, 0xFC };
	struct writer w = writer_of(decoded.bytes, sizeof decoded.bytes);
	attributes_add_community(&w, SPAN(full), 0xFFFF0006);
	assert_true(w.overflow);
}

static void test_find(void **state)
{
	(void)state;
	struct span canonical = BYTES(
		CANONICAL, MED_7, 0x80, 10, 8, 10, 0, 0, 1, 10, 0, 0, 2, 0xE0, 99, 1, 3);
	struct attribute_view view;
	assert_true(attribute_find(canonical, ATTRIBUTE_MED, &view));
	assert_span_equal(view.value, BYTES(0, 0, 0, 7));
	assert_int_equal(view.flags, 0x80);
	assert_true(attribute_find(canonical, 99, &view));
	assert_false(attribute_find(canonical, ATTRIBUTE_LOCAL_PREF, &view));
	assert_false(attribute_find(canonical, 200, &view));
	assert_true(attribute_cluster_list_contains(canonical, 0x0A000002));
	assert_false(attribute_cluster_list_contains(canonical, 0x0A000003));
	assert_false(attribute_cluster_list_contains(BYTES(CANONICAL), 0x0A000002));

	static const uint8_t types[] = { 1, 2, 4, 10, 99 };
	struct reader r = reader_of_span(canonical);
	for (size_t i = 0; i < sizeof types; i++) {
		assert_true(attribute_next(&r, &view));
		assert_int_equal(view.type, types[i]);
	}
	assert_false(attribute_next(&r, &view));
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(attribute_name(ATTRIBUTE_MED), "MULTI_EXIT_DISC");
	assert_string_equal(attribute_key(ATTRIBUTE_MED), "med");
	assert_string_equal(attribute_name(ATTRIBUTE_LARGE_COMMUNITIES), "LARGE_COMMUNITIES");
	assert_string_equal(attribute_name(0), "unknown");
	assert_string_equal(attribute_name(33), "unknown");
	assert_string_equal(attribute_name(255), "unknown");
	assert_null(attribute_key(11));
	assert_null(attribute_key(255));
}

static void test_format(void **state)
{
	(void)state;
	static const struct {
		uint8_t type, value[32], len;
		const char *text;
	} cases[] = {
		{ ATTRIBUTE_ORIGIN, { 2 }, 1, "incomplete" },
		{ ATTRIBUTE_AS_PATH, { 2, 2, AS(64512), AS(70000) }, 10, "64512 70000" },
		{ ATTRIBUTE_AS_PATH, { 0 }, 0, "" },
		{ ATTRIBUTE_NEXT_HOP, { 192, 0, 2, 1 }, 4, "192.0.2.1" },
		{ ATTRIBUTE_MED, { 0xFF, 0xFF, 0xFF, 0xFF }, 4, "4294967295" },
		{ ATTRIBUTE_LOCAL_PREF, { 0, 0, 0, 100 }, 4, "100" },
		{ ATTRIBUTE_ATOMIC_AGGREGATE, { 0 }, 0, "true" },
		{ ATTRIBUTE_AGGREGATOR, { AS(70000), 10, 0, 0, 1 }, 8, "70000 10.0.0.1" },
		{ ATTRIBUTE_COMMUNITIES,
			{ 0xFD, 0xE8, 0, 1, 0xFF, 0xFF, 0xFF, 0x01, 0xFF, 0xFF, 0x02, 0x9A }, 12,
			"65000:1 no-export blackhole" },
		{ ATTRIBUTE_ORIGINATOR_ID, { 10, 0, 0, 1 }, 4, "10.0.0.1" },
		{ ATTRIBUTE_CLUSTER_LIST, { 10, 0, 0, 1, 10, 0, 0, 2 }, 8, "10.0.0.1 10.0.0.2" },
		{ ATTRIBUTE_EXTENDED_COMMUNITIES,
			{ 0, 2, 0xFC, 0, 0, 0, 0, 100, 1, 3, 10, 0, 0, 1, 0, 7, 2, 2, 0, 1, 0x11,
				0x70, 0, 9, 0x43, 0, 0, 0, 0, 0, 0, 1 },
			32, "rt:64512:100 ro:10.0.0.1:7 rt:70000:9 0x4300000000000001" },
		{ ATTRIBUTE_LARGE_COMMUNITIES, { AS(1), AS(70000), AS(4200000000u) }, 12,
			"1:70000:4200000000" },
		{ 99, { 0xAB, 0x01 }, 2, "ab01" },
	};
	char text[128];
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct attribute_view view = { .type = cases[i].type,
			.value = { cases[i].value, cases[i].len } };
		assert_string_equal(attribute_format(&view, text, sizeof text), cases[i].text);
	}
	/* RFC 4360 section 2: a route target that is not transitive is one all the same. */
	struct attribute_view view = { .type = ATTRIBUTE_EXTENDED_COMMUNITIES,
		.value = BYTES(0x40, 2, 0xFC, 0, 0, 0, 0, 100) };
	assert_string_equal(attribute_format(&view, text, sizeof text), "rt:64512:100");
	view = (struct attribute_view){ .type = ATTRIBUTE_CLUSTER_LIST,
		.value = BYTES(10, 0, 0, 1, 10, 0, 0, 2) };
	assert_string_equal(attribute_format(&view, text, 16), "10.0.0.1 10....");
	view = (struct attribute_view){ .type = ATTRIBUTE_AS_PATH,
		.value = BYTES(2, 3, AS(64512), AS(64513), AS(64514)) };
	assert_string_equal(attribute_format(&view, text, 12), "64512 64...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_unrecognized_well_known_data),
		cmocka_unit_test(test_faults_beyond_the_record),
		cmocka_unit_test(test_canonical_and_keys),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_discarded_attributes_are_gone),
		cmocka_unit_test(test_several_pieces),
		cmocka_unit_test(test_extended_length),
		cmocka_unit_test(test_mp_next_hop),
		cmocka_unit_test(test_old_speaker),
		cmocka_unit_test(test_path_too_long_to_widen),
		cmocka_unit_test(test_encode_internal),
		cmocka_unit_test(test_encode_reflect),
		cmocka_unit_test(test_encode_reflect_grows_cluster_list),
		cmocka_unit_test(test_encode_external),
		cmocka_unit_test(test_encode_old_speaker),
		cmocka_unit_test(test_encode_long_lived_least),
		cmocka_unit_test(test_add_community),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_format),
	};
	return cmocka_run_group_tests_name("attribute", tests, NULL, NULL);
}
