/* SPDX-License-Identifier: GPL-2.0 */
/* Instance affinity by the number of a period in the service's address, as
 * described in dyncast(3). Times are in milliseconds since 1970, as
 * dyncast_now() tells them.
 */
#ifndef _DYNCAST_H
#define _DYNCAST_H

#include <stdbool.h>
#include <stdint.h>
#include <netinet/in.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct dyncast - how a service numbers its periods
 * @offset: milliseconds that are added to the clock
 * @period: milliseconds that a period lasts
 * @stretch: periods that an invocation may last
 * @position: where the number begins in an address, counted from the left as
 *	prefix lengths are
 * @bits: how long it is, 1 to 16
 *
 * All but @offset have to be what the service's routers have.
 */
struct dyncast {
	int64_t offset;
	uint32_t period;
	uint32_t stretch;
	uint8_t position;
	uint8_t bits;
};

void dyncast_init(struct dyncast *d, unsigned int position);
const char *dyncast_error(const struct dyncast *d);

int64_t dyncast_now(void);
int64_t dyncast_index(const struct dyncast *d, int64_t now);
unsigned int dyncast_number(const struct dyncast *d, int64_t now);
int64_t dyncast_expires(const struct dyncast *d, int64_t now);
int64_t dyncast_deadline(const struct dyncast *d, int64_t begun);

void dyncast_address(const struct dyncast *d, const struct in6_addr *service,
		     int64_t now, struct in6_addr *addr);
bool dyncast_renew(const struct dyncast *d, struct in6_addr *addr,
		   int64_t now);
unsigned int dyncast_age(const struct dyncast *d, const struct in6_addr *addr,
			 int64_t now);
bool dyncast_same_service(const struct dyncast *d, const struct in6_addr *a,
			  const struct in6_addr *b);

int dyncast_port(const struct dyncast *d, uint16_t base, int64_t now);

#ifdef __cplusplus
}
#endif

#endif
