// SPDX-License-Identifier: GPL-2.0
/* Messages of rtnetlink about routes, and of our generic netlink family. A
 * frame's kind is the request: its octets follow the netlink header.
 */

#define _GNU_SOURCE
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"

/* Attributes within attributes: lwtunnel's, and ours in those. */
#define NEST_MAX	3

/* Inputs that share a namespace, which is then left to its end. */
#define INPUTS_PER_NETNS	100

enum kind { NEW_ROUTE, DEL_ROUTE, FAMILY, DUMP, KINDS };

static int route = -1, generic = -1;
static uint16_t family;

static int netlink(int protocol)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, protocol);

	fuzz_need(fd >= 0, "socket");
	return fd;
}

static void tell(int fd, uint16_t type, uint16_t flags, const void *data,
		 size_t len)
{
	static struct {
		struct nlmsghdr head;
		uint8_t data[FRAME_LEN_MAX];
	} message;
	static uint8_t answer[32 << 10];

	message.head = (struct nlmsghdr){
		.nlmsg_len = sizeof(message.head) + len,
		.nlmsg_type = type,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags,
	};
	memcpy(message.data, data, len);
	if (send(fd, &message, message.head.nlmsg_len, 0) < 0)
		return;
	while (recv(fd, answer, sizeof(answer), 0) > 0)
		;
}

/* Made first, so that it has the index that the seeds' routes name. */
static void add_device(void)
{
	struct ifreq ifr = { .ifr_name = "net", .ifr_flags = IFF_UP };
	struct {
		struct ifinfomsg head;
		struct nlattr name;
		char net[4];
		struct nlattr info, kind;
		char dummy[8];
	} dev = {
		.name = { sizeof(dev.name) + sizeof(dev.net), IFLA_IFNAME },
		.net = "net",
		.info = { 2 * sizeof(dev.info) + 6, IFLA_LINKINFO },
		.kind = { sizeof(dev.kind) + 6, IFLA_INFO_KIND },
		.dummy = "dummy",
	};

	tell(route, RTM_NEWLINK, NLM_F_CREATE, &dev, sizeof(dev));
	fuzz_need(!ioctl(generic, SIOCSIFFLAGS, &ifr), "the device net");
}

static void fresh_netns(void)
{
	close(route);
	close(generic);
	fuzz_need(!unshare(CLONE_NEWNET), "unshare");
	route = netlink(NETLINK_ROUTE);
	generic = netlink(NETLINK_GENERIC);
	add_device();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *number = getenv("FUZZ_FAMILY");

	(void)argc;
	(void)argv;
	fuzz_need(!!number, "FUZZ_FAMILY is not set");
	family = atoi(number);
	fresh_netns();
	fuzz_open();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned int inputs;
	struct frame frame[FRAMES_MAX];
	size_t i, n = fuzz_frames(data, size, frame);

	for (i = 0; i < n; i++) {
		const struct frame *f = &frame[i];

		switch (f->kind % KINDS) {
		case NEW_ROUTE:
			tell(route, RTM_NEWROUTE, NLM_F_CREATE |
			     (f->kind & 0x80 ? NLM_F_REPLACE : 0), f->data,
			     f->len);
			break;
		case DEL_ROUTE:
			tell(route, RTM_DELROUTE, 0, f->data, f->len);
			break;
		case FAMILY:
			tell(generic, family, 0, f->data, f->len);
			break;
		case DUMP:
			tell(generic, family, NLM_F_DUMP, f->data, f->len);
			tell(route, RTM_GETROUTE, NLM_F_DUMP, f->data, f->len);
			break;
		}
	}
	if (++inputs % INPUTS_PER_NETNS == 0)
		fresh_netns();
	fuzz_cover();
	fuzz_look(data, size);
	return 0;
}

static struct nlattr *attr_at(uint8_t *data, size_t at)
{
	return (struct nlattr *)(data + at);
}

static size_t first_attr(uint8_t kind)
{
	return kind % KINDS < FAMILY ? sizeof(struct rtmsg) :
				       sizeof(struct genlmsghdr);
}

/* Attributes begin at a multiple of four; the last one ends with the frame. */
static void mend(uint8_t kind, uint8_t *data, size_t len)
{
	size_t at = first_attr(kind);

	while (at + sizeof(struct nlattr) <= len) {
		struct nlattr *attr = attr_at(data, at);

		if (attr->nla_len < sizeof(*attr) || attr->nla_len > len - at)
			attr->nla_len = len - at;
		at += NLA_ALIGN(attr->nla_len);
	}
}

/* How many attributes lie there, and where the one with that number begins. */
static size_t attrs(uint8_t *data, size_t at, size_t end, size_t number,
		    size_t *found)
{
	size_t n = 0;

	while (at + sizeof(struct nlattr) <= end) {
		size_t len = attr_at(data, at)->nla_len;

		if (len < sizeof(struct nlattr) || len > end - at)
			break;
		if (n++ == number)
			*found = at;
		at += NLA_ALIGN(len);
	}
	return n;
}

/* An attribute, and those that it is in, the outermost first. */
struct place {
	size_t at[NEST_MAX];
	size_t depth;
};

static void find_place(uint8_t *data, size_t at, size_t end, unsigned int seed,
		       struct place *place)
{
	size_t n, found;

	place->depth = 0;
	while (place->depth < NEST_MAX) {
		n = attrs(data, at, end, SIZE_MAX, &found);
		if (!n)
			return;
		attrs(data, at, end, seed % n, &found);
		place->at[place->depth++] = found;
		at = found + sizeof(struct nlattr);
		end = found + attr_at(data, found)->nla_len;
		seed /= n;
	}
}

/* What is longer than it may be is what a missing check lets in. */
static size_t grow(uint8_t *data, size_t len, size_t max,
		   const struct place *place, size_t more)
{
	size_t last = place->at[place->depth - 1], i;
	size_t end = last + NLA_ALIGN(attr_at(data, last)->nla_len);

	if (end > len || len + more > max)
		return len;
	memmove(data + end + more, data + end, len - end);
	for (i = end; i < end + more; i++)
		data[i] = data[i - sizeof(struct nlattr)];
	for (i = 0; i < place->depth; i++)
		attr_at(data, place->at[i])->nla_len += more;
	return len + more;
}

static void poke(uint8_t *data, size_t at, unsigned int seed)
{
	static const uint8_t edge[] = { 0, 1, 127, 128, 129, 254, 255 };
	size_t len = attr_at(data, at)->nla_len - sizeof(struct nlattr);

	if (len)
		data[at + sizeof(struct nlattr) + seed / 8 % len] =
			seed % 8 < sizeof(edge) ? edge[seed % 8] : seed / 64;
}

/* One attribute becomes longer, or has one octet that is another. */
static size_t mutate_attr(uint8_t kind, uint8_t *data, size_t len, size_t max,
			  unsigned int seed)
{
	struct place place;

	find_place(data, first_attr(kind), len, seed / 2, &place);
	if (!place.depth)
		return LLVMFuzzerMutate(data, len, max);
	seed = rand_r(&seed);
	if (seed % 2)
		return grow(data, len, max, &place, 4 + seed / 2 % 16 * 4);
	poke(data, place.at[place.depth - 1], seed / 2);
	return len;
}

static size_t mutate(uint8_t kind, uint8_t *data, size_t len, size_t max,
		     unsigned int seed)
{
	if (seed % 2)
		return mutate_attr(kind, data, len, max, seed / 2);
	len = LLVMFuzzerMutate(data, len, max);
	if (seed / 2 % 4)
		mend(kind, data, len);
	return len;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned int seed)
{
	return fuzz_mutate_frames(data, size, max, seed, mutate);
}
