// SPDX-License-Identifier: GPL-2.0
/* Nothing here keeps anything: what a function returns depends on its
 * arguments alone, but for dyncast_now().
 */
#include <string.h>
#include <time.h>

#include "dyncast.h"

#define ADDRESS_BITS	128
#define MAX_BITS	16
#define LAST_PORT	65535

static unsigned int mask(const struct dyncast *d)
{
	return (1u << d->bits) - 1;
}

/**
 * dyncast_init() - the values that a service has if nobody says otherwise
 * @d: what is to be filled in
 * @position: where the number begins; with IPv4 it does not matter
 */
void dyncast_init(struct dyncast *d, unsigned int position)
{
	memset(d, 0, sizeof(*d));
	d->period = 10000;
	d->stretch = 32;
	/* What does not fit shall not become something that does. */
	d->position = position < ADDRESS_BITS ? position : ADDRESS_BITS;
	d->bits = 6;
}

/**
 * dyncast_error() - what is wrong with a configuration
 * @d: the configuration
 *
 * An address must tell every period that a router may still accept from the
 * present one, and from the next one, for clients whose clock is ahead.
 *
 * Return: what is wrong, or NULL if the other functions can be used.
 */
const char *dyncast_error(const struct dyncast *d)
{
	if (!d->period)
		return "a period lasts a millisecond at least";
	if (!d->stretch)
		return "the stretch is a period at least";
	if (!d->bits || d->bits > MAX_BITS)
		return "the number has 1 to 16 bits";
	if (d->position + d->bits > ADDRESS_BITS)
		return "the number does not fit into an address there";
	if (d->stretch > mask(d) - 1)
		return "the number comes again within the stretch";
	return NULL;
}

/**
 * dyncast_now() - the time
 *
 * Return: the time by CLOCK_REALTIME, which clients and routers have in common.
 */
int64_t dyncast_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/**
 * dyncast_index() - which period it is
 * @d: the configuration
 * @now: the time
 *
 * Return: how many periods have gone by since 1970.
 */
int64_t dyncast_index(const struct dyncast *d, int64_t now)
{
	int64_t time = now + d->offset;

	/* Rounded down, before 1970 as well. */
	return time / d->period - (time % d->period < 0);
}

/**
 * dyncast_number() - the number that stands for a period
 * @d: the configuration
 * @now: the time
 *
 * Return: the number that an invocation takes which begins now.
 */
unsigned int dyncast_number(const struct dyncast *d, int64_t now)
{
	return dyncast_index(d, now) & mask(d);
}

/**
 * dyncast_expires() - when the next period begins
 * @d: the configuration
 * @now: the time
 *
 * Return: when an address that is current now is no longer for invocations
 * that begin.
 */
int64_t dyncast_expires(const struct dyncast *d, int64_t now)
{
	return (dyncast_index(d, now) + 1) * d->period - d->offset;
}

/**
 * dyncast_deadline() - when an invocation has to end
 * @d: the configuration
 * @begun: when it took its address
 *
 * Return: until when its address leads to the instance with which it began.
 */
int64_t dyncast_deadline(const struct dyncast *d, int64_t begun)
{
	return begun + (int64_t)d->stretch * d->period;
}

static unsigned int get_bit(const struct in6_addr *addr, unsigned int i)
{
	return addr->s6_addr[i / 8] >> (7 - i % 8) & 1;
}

static void set_bit(struct in6_addr *addr, unsigned int i, unsigned int value)
{
	uint8_t bit = 1 << (7 - i % 8);

	if (value)
		addr->s6_addr[i / 8] |= bit;
	else
		addr->s6_addr[i / 8] &= ~bit;
}

static unsigned int number_of(const struct dyncast *d,
			      const struct in6_addr *addr)
{
	unsigned int i, number = 0;

	for (i = 0; i < d->bits; i++)
		number = number << 1 | get_bit(addr, d->position + i);
	return number;
}

/**
 * dyncast_renew() - make an address current
 * @d: the configuration
 * @addr: an address of the service; all but the number stays
 * @now: the time
 *
 * For an invocation that begins. One that has begun keeps its address.
 *
 * Return: whether it had another number.
 */
bool dyncast_renew(const struct dyncast *d, struct in6_addr *addr, int64_t now)
{
	unsigned int i, number = dyncast_number(d, now);

	if (number_of(d, addr) == number)
		return false;
	for (i = 0; i < d->bits; i++)
		set_bit(addr, d->position + i, number >> (d->bits - 1 - i) & 1);
	return true;
}

/**
 * dyncast_address() - the current address
 * @d: the configuration
 * @service: the prefix, and what the application wants behind the number
 * @now: the time
 * @addr: the address for an invocation that begins now
 */
void dyncast_address(const struct dyncast *d, const struct in6_addr *service,
		     int64_t now, struct in6_addr *addr)
{
	*addr = *service;
	dyncast_renew(d, addr, now);
}

/**
 * dyncast_age() - for how long an address has been in use
 * @d: the configuration
 * @addr: an address of the service
 * @now: the time
 *
 * Return: how many periods ago it was current; one from a clock that is ahead
 * of ours looks as old as any can be.
 */
unsigned int dyncast_age(const struct dyncast *d, const struct in6_addr *addr,
			 int64_t now)
{
	return (dyncast_number(d, now) - number_of(d, addr)) & mask(d);
}

/**
 * dyncast_same_service() - whether two addresses are of the same service
 * @d: the configuration
 * @a: an address
 * @b: another one
 *
 * Return: whether they are the same up to the number.
 */
bool dyncast_same_service(const struct dyncast *d, const struct in6_addr *a,
			  const struct in6_addr *b)
{
	unsigned int i;

	for (i = 0; i < d->position; i++)
		if (get_bit(a, i) != get_bit(b, i))
			return false;
	return true;
}

/**
 * dyncast_port() - the current port of an IPv4 service
 * @d: the configuration
 * @base: its first port
 * @now: the time
 *
 * Return: the port for an invocation that begins now, or -1 if there are not
 * that many behind @base.
 */
int dyncast_port(const struct dyncast *d, uint16_t base, int64_t now)
{
	if (base + mask(d) > LAST_PORT)
		return -1;
	return base + dyncast_number(d, now);
}
