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

/* Attributes begin at a multiple of four; the last one ends with the frame. */
static void mend(uint8_t kind, uint8_t *data, size_t len)
{
	size_t at = kind % KINDS < FAMILY ? sizeof(struct rtmsg) :
					    sizeof(struct genlmsghdr);

	while (at + sizeof(struct nlattr) <= len) {
		struct nlattr *attr = (struct nlattr *)(data + at);

		if (attr->nla_len < sizeof(*attr) || attr->nla_len > len - at)
			attr->nla_len = len - at;
		at += NLA_ALIGN(attr->nla_len);
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned int seed)
{
	return fuzz_mutate_frames(data, size, max, seed, mend);
}
