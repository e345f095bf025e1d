// SPDX-License-Identifier: GPL-2.0
/* Loaded into User Mode Linux's process: its kernel's random numbers are the
 * same in every run.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

ssize_t getrandom(void *buf, size_t len, unsigned int flags)
{
	(void)flags;
	memset(buf, 4, len);
	return len;
}

/* User Mode Linux's driver of a random number generator opens the host's. */
int open64(const char *path, int flags, ...)
{
	mode_t mode;
	va_list ap;

	if (!strcmp(path, "/dev/random")) {
		errno = ENOENT;
		return -1;
	}
	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	return syscall(SYS_openat, AT_FDCWD, path, flags | O_LARGEFILE, mode);
}
