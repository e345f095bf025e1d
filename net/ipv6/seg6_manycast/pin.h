/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SEG6_MANYCAST_PIN_H
#define _SEG6_MANYCAST_PIN_H

#include <linux/types.h>

struct manycast_instance;
struct manycast_key;
struct manycast_net;
struct manycast_path;
struct manycast_service;
struct manycast_tcp;

int manycast_pins_init(struct manycast_net *mnet);
void manycast_pins_exit(struct manycast_net *mnet);
void manycast_pins_sweep(struct manycast_net *mnet);
void manycast_pin(struct manycast_instance *inst,
		  const struct manycast_key *key,
		  const struct manycast_path *server, u32 limit);
bool manycast_pins_full(const struct manycast_service *svc, u32 limit);
bool manycast_pin_learnt(struct manycast_instance *inst,
			 const struct manycast_key *key, u32 limit);
const struct manycast_path *
manycast_pinned(struct manycast_service *svc, const struct manycast_key *key,
		const struct manycast_tcp *tcp);

#endif /* _SEG6_MANYCAST_PIN_H */
