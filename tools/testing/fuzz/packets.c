// SPDX-License-Identifier: GPL-2.0
/* Packets into every SID and every service address, through a TUN device in
 * each of three hosts. A packet's whole way is done when write() returns, so
 * that coverage belongs to the packet.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fuzz.h"

static const char *const host[] = { "fuzz-sel", "fuzz-srv", "fuzz-edge" };
#define HOSTS (sizeof(host) / sizeof(*host))

static int tun[HOSTS];

static int open_tun(const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int home = fuzz_netns(name);
	int fd = open("/run/tun", O_RDWR | O_NONBLOCK);

	fuzz_need(fd >= 0, "/run/tun");
	strcpy(ifr.ifr_name, "net");
	fuzz_need(!ioctl(fd, TUNSETIFF, &ifr), "TUNSETIFF");
	fuzz_need(!setns(home, CLONE_NEWNET), "setns");
	close(home);
	return fd;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	size_t i;

	(void)argc;
	(void)argv;
	for (i = 0; i < HOSTS; i++)
		tun[i] = open_tun(host[i]);
	fuzz_open();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame frame[FRAMES_MAX];
	size_t i, n = fuzz_frames(data, size, frame);
	char answer[4096];

	for (i = 0; i < n; i++) {
		int fd = tun[frame[i].kind % HOSTS];
		uint8_t packet[FRAME_LEN_MAX];

		memcpy(packet, frame[i].data, frame[i].len);
		packet[0] = 0x60 | (packet[0] & 0x0f);
		if (write(fd, packet, frame[i].len) < 0)
			continue;
		while (read(fd, answer, sizeof(answer)) > 0)
			;
	}
	fuzz_cover();
	fuzz_look(data, size);
	return 0;
}

static uint32_t sum(const uint8_t *data, size_t len, uint32_t sum)
{
	for (; len > 1; len -= 2, data += 2)
		sum += data[0] << 8 | data[1];
	return len ? sum + (data[0] << 8) : sum;
}

static void mend_tcp(const struct ip6_hdr *ip, uint8_t *segment, size_t len)
{
	struct tcphdr *tcp = (struct tcphdr *)segment;
	uint32_t s;

	tcp->th_sum = 0;
	s = sum((const uint8_t *)&ip->ip6_src, 32, len + IPPROTO_TCP);
	s = sum(segment, len, s);
	s = (s & 0xffff) + (s >> 16);
	tcp->th_sum = htons(~((s & 0xffff) + (s >> 16)));
}

/* Payload lengths of both IPv6 headers, and the TCP checksum. */
static void mend(uint8_t *data, size_t len)
{
	struct ip6_hdr *ip = NULL;
	uint8_t next = IPPROTO_IPV6;

	for (;;) {
		if (next == IPPROTO_IPV6 && len >= sizeof(*ip)) {
			ip = (struct ip6_hdr *)data;
			next = ip->ip6_nxt;
			data += sizeof(*ip);
			len -= sizeof(*ip);
			ip->ip6_plen = htons(len);
		} else if ((next == IPPROTO_HOPOPTS ||
			    next == IPPROTO_ROUTING ||
			    next == IPPROTO_DSTOPTS) && len >= 8 &&
			   len >= 8u * (data[1] + 1u)) {
			size_t skip = 8 * (data[1] + 1);

			next = data[0];
			data += skip;
			len -= skip;
		} else {
			break;
		}
	}
	if (next == IPPROTO_TCP && len >= sizeof(struct tcphdr))
		mend_tcp(ip, data, len);
}

/* Most of the time a packet has a checksum that fits. */
static size_t mutate(uint8_t kind, uint8_t *data, size_t len, size_t max,
		     unsigned int seed)
{
	(void)kind;
	len = LLVMFuzzerMutate(data, len, max);
	if (seed % 4)
		mend(data, len);
	return len;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned int seed)
{
	return fuzz_mutate_frames(data, size, max, seed, mutate);
}
