// SPDX-License-Identifier: GPL-2.0
/* Print the current address of a service: dyncast(1). */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dyncast.h"

#define USAGE	2
#define UNSET	(-1)
/* So far away that nobody needs it, and still nothing overflows. */
#define MAX_MS	1000000000000000LL

static const char help[] =
	"usage: dyncast [OPTION]... PREFIX/LENGTH\n"
	"       dyncast [OPTION]... -p PORT IPV4-ADDRESS\n"
	"\n"
	"Print the current address of a dyncast service.\n"
	"\n"
	"  -b, --bits N       bits of the period's number (6)\n"
	"  -e, --expires      tell for how many seconds it is current, too\n"
	"  -h, --help         this\n"
	"  -n, --now MS       milliseconds since 1970, instead of the clock\n"
	"  -o, --offset MS    add this to the clock\n"
	"  -p, --port PORT    the first port of an IPv4 service\n"
	"  -P, --position N   where the number begins (LENGTH)\n"
	"  -t, --period MS    how long a period is (10000)\n";

static const struct option long_options[] = {
	{ "bits",	required_argument,	NULL, 'b' },
	{ "expires",	no_argument,		NULL, 'e' },
	{ "help",	no_argument,		NULL, 'h' },
	{ "now",	required_argument,	NULL, 'n' },
	{ "offset",	required_argument,	NULL, 'o' },
	{ "port",	required_argument,	NULL, 'p' },
	{ "position",	required_argument,	NULL, 'P' },
	{ "period",	required_argument,	NULL, 't' },
	{ }
};

struct request {
	struct dyncast dyncast;
	int64_t now;
	int position;
	int port;
	bool expires;
};

static long long integer(const char *what, const char *text, long long min,
			 long long max)
{
	long long value;
	char *end;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno || end == text || *end || value < min || value > max)
		errx(USAGE, "%s: '%s' is no number from %lld to %lld", what,
		     text, min, max);
	return value;
}

static void set_option(struct request *r, int option, const char *arg)
{
	switch (option) {
	case 'b':
		r->dyncast.bits = integer("bits", arg, 2, 16);
		break;
	case 'e':
		r->expires = true;
		break;
	case 'n':
		r->now = integer("now", arg, 0, MAX_MS);
		break;
	case 'o':
		r->dyncast.offset = integer("offset", arg, -MAX_MS, MAX_MS);
		break;
	case 'p':
		r->port = integer("port", arg, 1, 65535);
		break;
	case 'P':
		r->position = integer("position", arg, 0, 127);
		break;
	case 't':
		r->dyncast.period = integer("period", arg, 1, UINT32_MAX);
		break;
	case 'h':
		fputs(help, stdout);
		exit(EXIT_SUCCESS);
	default:
		fputs("Try 'dyncast --help'.\n", stderr);
		exit(USAGE);
	}
}

/* Clients need not know the stretch to take an address. */
static void check(struct request *r)
{
	const char *error;

	r->dyncast.stretch = 1;
	error = dyncast_error(&r->dyncast);
	if (error)
		errx(USAGE, "%s", error);
}

/* PREFIX/LENGTH; without /LENGTH the position has to be known. */
static int prefix_length(char *service)
{
	char *slash = strchr(service, '/');

	if (!slash)
		return UNSET;
	*slash = '\0';
	return integer("prefix length", slash + 1, 0, 128);
}

static void print_ipv6(struct request *r, char *service)
{
	int length = prefix_length(service);
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;

	if (r->port != UNSET)
		errx(USAGE, "a port is for IPv4: here the address tells");
	if (inet_pton(AF_INET6, service, &addr) != 1)
		errx(USAGE, "'%s' is no IPv6 address", service);
	if (r->position == UNSET)
		r->position = length;
	if (r->position == UNSET)
		errx(USAGE, "'%s' needs a /LENGTH, or a position", service);
	if (r->position < length)
		errx(USAGE, "position %d lies within the prefix", r->position);

	r->dyncast.position = r->position;
	check(r);
	dyncast_renew(&r->dyncast, &addr, r->now);
	fputs(inet_ntop(AF_INET6, &addr, text, sizeof(text)), stdout);
}

static void print_ipv4(struct request *r, const char *service)
{
	struct in_addr addr;
	int port;

	if (inet_pton(AF_INET, service, &addr) != 1)
		errx(USAGE, "'%s' is neither PREFIX/LENGTH nor an IPv4 address",
		     service);
	if (r->port == UNSET)
		errx(USAGE, "an IPv4 service needs its first port: -p PORT");
	if (r->position != UNSET)
		errx(USAGE, "a position is for IPv6: here the port tells");

	check(r);
	port = dyncast_port(&r->dyncast, r->port, r->now);
	if (port < 0)
		errx(USAGE, "there are less than %u ports from %d on",
		     1u << r->dyncast.bits, r->port);
	printf("%s:%d", service, port);
}

static void print_rest(const struct request *r)
{
	int64_t rest = dyncast_expires(&r->dyncast, r->now) - r->now;

	printf(" %lld.%03d", (long long)rest / 1000, (int)(rest % 1000));
}

int main(int argc, char **argv)
{
	struct request r = { .position = UNSET, .port = UNSET };
	int option;

	dyncast_init(&r.dyncast, 0);
	r.now = dyncast_now();
	while ((option = getopt_long(argc, argv, "b:ehn:o:p:P:t:",
				     long_options, NULL)) != -1)
		set_option(&r, option, optarg);
	if (argc - optind != 1)
		errx(USAGE, "one service, please; 'dyncast --help' tells more");

	if (strchr(argv[optind], ':'))
		print_ipv6(&r, argv[optind]);
	else
		print_ipv4(&r, argv[optind]);
	if (r.expires)
		print_rest(&r);
	putchar('\n');
	if (fflush(stdout)) {
		warn("stdout");
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
