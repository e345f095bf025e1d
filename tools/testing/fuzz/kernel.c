// SPDX-License-Identifier: GPL-2.0
/* The kernel under test: its coverage goes to libFuzzer, and its first
 * complaint ends the run with the input that was the last.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kcov.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

#define COVER_WORDS	(64 << 10)

/* libFuzzer takes what is in this section for counters of its own. */
__attribute__((section("__libfuzzer_extra_counters")))
static uint8_t counters[64 << 10];

static unsigned long *cover;
static int kmsg, last;

static void open_kcov(void)
{
	int fd = open("/sys/kernel/debug/kcov", O_RDWR);

	fuzz_need(fd >= 0, "kcov");
	fuzz_need(!ioctl(fd, KCOV_INIT_TRACE, COVER_WORDS), "KCOV_INIT_TRACE");
	cover = mmap(NULL, COVER_WORDS * sizeof(*cover), PROT_READ | PROT_WRITE,
		     MAP_SHARED, fd, 0);
	fuzz_need(cover != MAP_FAILED, "mmap of kcov");
	fuzz_need(!ioctl(fd, KCOV_ENABLE, KCOV_TRACE_PC), "KCOV_ENABLE");
}

void fuzz_open(void)
{
	const char *path = getenv("FUZZ_LAST");

	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	fuzz_need(kmsg >= 0, "/dev/kmsg");
	lseek(kmsg, 0, SEEK_END);
	last = path ? open(path, O_RDWR | O_CREAT | O_TRUNC, 0600) : -1;
	open_kcov();
}

/* Where the kernel has been since the last call. */
void fuzz_cover(void)
{
	unsigned long i, n = __atomic_load_n(&cover[0], __ATOMIC_RELAXED);

	for (i = 1; i <= n; i++) {
		uint64_t hash = cover[i] * 0x9e3779b97f4a7c15ull;
		uint8_t *counter = &counters[hash >> 48];

		*counter += *counter < 255;
	}
	__atomic_store_n(&cover[0], 0, __ATOMIC_RELAXED);
}

/* Keep the input, should the kernel die of it, and hear what it says. */
void fuzz_look(const uint8_t *data, size_t size)
{
	static const char *const trouble[] = {
		"WARNING:", "BUG:", "KASAN:", "UBSAN:", "Call Trace",
		"refcount_t:", "ODEBUG:", "possible circular", "list_add",
		"list_del", "suspicious RCU",
	};
	char line[8192];
	ssize_t n;
	size_t i;

	if (last >= 0 && (pwrite(last, data, size, 0) < 0 ||
			  ftruncate(last, size)))
		perror("FUZZ_LAST");
	while ((n = read(kmsg, line, sizeof(line) - 1)) > 0 ||
	       (n < 0 && errno == EPIPE)) {
		line[n > 0 ? n : 0] = 0;
		for (i = 0; i < sizeof(trouble) / sizeof(*trouble); i++) {
			if (!strstr(line, trouble[i]))
				continue;
			fprintf(stderr, "the kernel says: %s\n", line);
			abort();
		}
	}
}

/* Enter a network namespace; returns a descriptor to come back with. */
int fuzz_netns(const char *name)
{
	int home = open("/proc/self/ns/net", O_RDONLY);
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY);
	fuzz_need(fd >= 0, path);
	fuzz_need(!setns(fd, CLONE_NEWNET), "setns");
	close(fd);
	return home;
}
