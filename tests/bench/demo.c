#include "tests/bench/demo.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void demo_help(FILE *to)
{
	fputs("heliostat-speaker demo --target ADDRESS [PORT] [--port PORT] [--as AS]\n"
	      "                       [--from ADDRESS] [--from ADDRESS]\n"
	      "\n"
	      "Two speakers (from 127.0.0.2 and 127.0.0.3, AS 64512 unless told otherwise) "
	      "announce three IPv4\n"
	      "and two IPv6 routes each to the reflector at ADDRESS (port 179) and stay until "
	      "Ctrl-C.\n",
		to);
}

void demo_log(
	struct bench *bench, const struct speaker *speaker, const char *event, const char *detail)
{
	char when[32], address[IP_ADDRESS_TEXT_MAX], target[IP_ADDRESS_TEXT_MAX], id[16];
	time_t now = time(NULL);
	struct tm local;

	localtime_r(&now, &local);
	strftime(when, sizeof(when), "%H:%M:%S", &local);
	fprintf(stderr, "%s demo speaker %s (BGP Identifier %s) to %s port %u: %s%s%s\n", when,
		ip_address_format(&speaker->local, address), bgp_id_format(speaker->bgp_id, id),
		ip_address_format(&bench->target, target), bench->target_port, event,
		detail[0] ? ": " : "", detail);
	if (strcmp(event, "established") == 0)
		fprintf(stderr, "%s demo speaker %s announces %u routes\n", when, address,
			speaker->announced);
}

struct demo_options {
	const char *target;
	const char *port;
	const char *as;
	const char *from[2];
	unsigned n_from;
};

static bool demo_read(int argc, char **argv, struct demo_options *options)
{
	static const struct option names[] = {
		{ "target", required_argument, NULL, 't' },
		{ "port", required_argument, NULL, 'p' },
		{ "as", required_argument, NULL, 'a' },
		{ "from", required_argument, NULL, 'f' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	optind = 1;
	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (option == 't') {
			options->target = optarg;
			/* "--target ADDRESS PORT" reads as people write it */
			if (optind < argc && argv[optind][0] != '-')
				options->port = argv[optind++];
		} else if (option == 'p') {
			options->port = optarg;
		} else if (option == 'a') {
			options->as = optarg;
		} else if (option == 'f' && options->n_from < 2) {
			options->from[options->n_from++] = optarg;
		} else {
			return false;
		}
	}
	return options->target != NULL && optind == argc;
}

bool demo_prepare(struct script *script, int argc, char **argv)
{
	struct demo_options options = {
		.port = "179", .as = "64512", .from = { "127.0.0.2", "127.0.0.3" }
	};
	char *text = NULL;
	size_t len = 0;

	if (!demo_read(argc, argv, &options)) {
		fprintf(stderr, "heliostat-speaker demo: expected options as follows\n\n");
		demo_help(stderr);
		return false;
	}
	FILE *to = open_memstream(&text, &len);
	if (to == NULL)
		return false;
	fprintf(to, "target %s %s\n", options.target, options.port);
	for (unsigned i = 0; i < 2; i++) {
		unsigned n = i + 1;

		fprintf(to, "peers demo-%u 1 from %s as %s id-from 192.0.2.%u hold 30 reconnect\n",
			n, options.from[i], options.as, n);
		fprintf(to, "announce demo-%u 10.244.%u.0/26 count 2 community 64512:%u\n", n, n,
			n);
		fprintf(to, "announce demo-%u 198.51.100.%u/32 med %u as-path \"6451%u\"\n", n, n,
			10 * n, 2 + n);
		fprintf(to, "announce demo-%u fd00:10:244:%u::/64 community 64512:%u\n", n, n, n);
		fprintf(to, "announce demo-%u 2001:db8:%u::/48 local-pref %u\n", n, n, 100 + n);
		fprintf(to, "connect demo-%u\n", n);
	}
	bool done = fclose(to) == 0 && script_add(script, text, len);
	free(text);
	script->replies = NULL;
	script->stop_at_failure = true;
	script->bench->log = demo_log;
	return done;
}
