// SPDX-License-Identifier: GPL-2.0
/* Events about handshakes. They are told where packets are handled: nothing
 * sleeps, nothing is built that nobody wants, and no flood becomes another one.
 */

#include <linux/ktime.h>

#include "handshake.h"
#include "main.h"
#include "netlink.h"
#include "rate.h"

/* Of a namespace, a second. */
#define SELECTIONS_RATE	1000

#define SELECTION_SIZE							\
	(nla_total_size(SEG6_MANYCAST_NAME_MAX) +			\
	 3 * nla_total_size(sizeof(struct in6_addr)) +			\
	 2 * nla_total_size(sizeof(u16)) +				\
	 2 * nla_total_size(sizeof(u32)))

#define FULL_SIZE							\
	(nla_total_size(SEG6_MANYCAST_NAME_MAX) +			\
	 2 * nla_total_size(sizeof(u32)))

static bool wanted(const struct manycast_net *mnet, unsigned int group)
{
	return genl_has_listeners(&manycast_nl_family, mnet->net, group);
}

static struct sk_buff *begin(u8 cmd, size_t size, void **hdr)
{
	struct sk_buff *event = genlmsg_new(size, GFP_ATOMIC);

	if (event)
		*hdr = genlmsg_put(event, 0, 0, &manycast_nl_family, 0, cmd);
	return event;
}

static void tell(const struct manycast_net *mnet, struct sk_buff *event,
		 unsigned int group)
{
	genlmsg_multicast_netns(&manycast_nl_family, mnet->net, event, 0, group,
				GFP_ATOMIC);
}

static int put_key(struct sk_buff *event, const struct manycast_key *key)
{
	return nla_put_in6_addr(event, SEG6_MANYCAST_SELECTION_CLIENT,
				&key->client) ||
	       nla_put_u16(event, SEG6_MANYCAST_SELECTION_CLIENT_PORT,
			   ntohs(key->sport)) ||
	       nla_put_in6_addr(event, SEG6_MANYCAST_SELECTION_ADDR,
				&key->service) ||
	       nla_put_u16(event, SEG6_MANYCAST_SELECTION_PORT,
			   ntohs(key->dport)) ?
	       -EMSGSIZE : 0;
}

static int put_winner(struct sk_buff *event,
		      const struct manycast_outcome *out)
{
	return nla_put_in6_addr(event, SEG6_MANYCAST_SELECTION_SID,
				manycast_sid(out->from)) ||
	       nla_put_u32(event, SEG6_MANYCAST_SELECTION_RTT, out->rtt) ?
	       -EMSGSIZE : 0;
}

static struct sk_buff *selection(const struct manycast_handshake *hs,
				 const struct manycast_outcome *out, u32 missed)
{
	struct sk_buff *event;
	void *hdr;

	event = begin(out->event, SELECTION_SIZE, &hdr);
	if (!event)
		return NULL;
	return manycast_nl_event_end(event, hdr,
		nla_put_string(event, SEG6_MANYCAST_SELECTION_SERVICE,
			       hs->service->name) ||
		put_key(event, &hs->key) ||
		(out->event == SEG6_MANYCAST_CMD_SELECTED &&
		 put_winner(event, out)) ||
		(missed && nla_put_u32(event, SEG6_MANYCAST_SELECTION_MISSED,
				       missed)));
}

/**
 * manycast_nl_selection() - tell how a handshake has ended
 * @hs:		the handshake
 * @out:	with its event
 *
 * Context: RCU, bottom halves off.
 */
void manycast_nl_selection(const struct manycast_handshake *hs,
			   const struct manycast_outcome *out)
{
	struct manycast_net *mnet = hs->service->mnet;
	struct sk_buff *event = NULL;
	u32 missed = 0;

	if (!wanted(mnet, MANYCAST_NL_SELECTIONS))
		return;
	if (!manycast_rate_over(&mnet->selection_tat, ktime_get_ns(),
				SELECTIONS_RATE)) {
		missed = atomic_xchg(&mnet->selections_missed, 0);
		event = selection(hs, out, missed);
	}
	if (event)
		tell(mnet, event, MANYCAST_NL_SELECTIONS);
	else
		atomic_add(missed + 1, &mnet->selections_missed);
}

static int put_full(struct sk_buff *event, const struct manycast_service *svc,
		    const struct manycast_settings *settings)
{
	return nla_put_string(event, SEG6_MANYCAST_SERVICE_NAME, svc->name) ||
	       nla_put_u32(event, SEG6_MANYCAST_SERVICE_LIMIT,
			   settings->limit) ||
	       nla_put_u32(event, SEG6_MANYCAST_SERVICE_OPEN,
			   atomic_read(&svc->open)) ?
	       -EMSGSIZE : 0;
}

/**
 * manycast_nl_full() - tell that there is no room for a handshake
 * @svc:	the service
 * @settings:	its settings
 *
 * Context: RCU, bottom halves off.
 */
void manycast_nl_full(struct manycast_service *svc,
		      const struct manycast_settings *settings)
{
	struct sk_buff *event;
	void *hdr;

	if (!wanted(svc->mnet, MANYCAST_NL_EVENTS) ||
	    manycast_rate_over(&svc->full_tat, ktime_get_ns(), 1))
		return;
	event = begin(SEG6_MANYCAST_CMD_FULL, FULL_SIZE, &hdr);
	if (event)
		event = manycast_nl_event_end(event, hdr,
					      put_full(event, svc, settings));
	if (event)
		tell(svc->mnet, event, MANYCAST_NL_EVENTS);
}
