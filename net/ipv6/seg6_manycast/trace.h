/* SPDX-License-Identifier: GPL-2.0 */
/* Tracepoints. All fields have a place and a length of their own, so that
 * bpftrace gets on with args->service and ntop(args->client). What has to be
 * computed is computed in here: where nobody traces, it costs a nop.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM seg6_manycast

#if !defined(_SEG6_MANYCAST_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _SEG6_MANYCAST_TRACE_H

#include <linux/tracepoint.h>
#include <net/net_namespace.h>

#include "encap.h"
#include "handshake.h"
#include "ioam.h"
#include "main.h"
#include "packet.h"
#include "service.h"
#include "tuple.h"

/* Whose flow it is: the namespace's inode number, the service's name ("" at an
 * edge, which knows none), addresses, and ports in host order.
 */
#define FLOW_ENTRY							\
	__field(u32, netns)						\
	__array(char, service, SEG6_MANYCAST_NAME_MAX)			\
	__array(u8, client, sizeof(struct in6_addr))			\
	__array(u8, addr, sizeof(struct in6_addr))			\
	__field(u16, client_port)					\
	__field(u16, port)
#define FLOW_ASSIGN(mnet, svc, key)					\
do {									\
	__entry->netns = (mnet)->net->ns.inum;				\
	strscpy(__entry->service, (svc) ? (svc)->name : "",		\
		sizeof(__entry->service));				\
	memcpy(__entry->client, &(key)->client, sizeof(__entry->client)); \
	memcpy(__entry->addr, &(key)->service, sizeof(__entry->addr));	\
	__entry->client_port = ntohs((key)->sport);			\
	__entry->port = ntohs((key)->dport);				\
} while (0)
#define FLOW_FORMAT	"netns=%u service=%s client=[%pI6c]:%u addr=[%pI6c]:%u"
#define FLOW_ARGS							\
	__entry->netns, __entry->service, __entry->client,		\
	__entry->client_port, __entry->addr, __entry->port

/* Which server */
#define SID_ENTRY	__array(u8, sid, sizeof(struct in6_addr))
#define SID_ASSIGN(addr) memcpy(__entry->sid, addr, sizeof(__entry->sid))
#define SID_FORMAT	" sid=%pI6c"

TRACE_EVENT(replicate,
	TP_PROTO(const struct manycast_service *svc,
		 const struct manycast_key *key, const struct in6_addr *sid,
		 unsigned int nth, unsigned int of),
	TP_ARGS(svc, key, sid, nth, of),

	TP_STRUCT__entry(
		FLOW_ENTRY
		SID_ENTRY
		__field(u8, nth)
		__field(u8, of)
	),

	TP_fast_assign(
		FLOW_ASSIGN(svc->mnet, svc, key);
		SID_ASSIGN(sid);
		__entry->nth = nth;
		__entry->of = of;
	),

	TP_printk(FLOW_FORMAT SID_FORMAT " nth=%u of=%u", FLOW_ARGS,
		  __entry->sid, __entry->nth, __entry->of)
);

/* Microseconds, and per mille: -1 where nobody has told; rtt is 0 when it does
 * not count any more.
 */
TRACE_EVENT(answer,
	TP_PROTO(const struct manycast_handshake *hs,
		 const struct manycast_instance *inst, u32 rtt,
		 const struct manycast_telemetry *tm, bool refused),
	TP_ARGS(hs, inst, rtt, tm, refused),

	TP_STRUCT__entry(
		FLOW_ENTRY
		SID_ENTRY
		__field(u32, rtt)
		__field(s32, residence)
		__field(s32, load)
		__field(bool, refused)
	),

	TP_fast_assign(
		FLOW_ASSIGN(hs->service->mnet, hs->service, &hs->key);
		SID_ASSIGN(manycast_sid(inst));
		__entry->rtt = rtt;
		__entry->residence = tm ? (s32)tm->residence : -1;
		__entry->load = tm ? (s32)tm->load : -1;
		__entry->refused = refused;
	),

	TP_printk(FLOW_FORMAT SID_FORMAT
		  " rtt=%u residence=%d load=%d refused=%d", FLOW_ARGS,
		  __entry->sid, __entry->rtt, __entry->residence,
		  __entry->load, __entry->refused)
);

TRACE_EVENT(decide,
	TP_PROTO(const struct manycast_handshake *hs, u32 rtt),
	TP_ARGS(hs, rtt),

	TP_STRUCT__entry(
		FLOW_ENTRY
		SID_ENTRY
		__field(u32, rtt)
	),

	TP_fast_assign(
		FLOW_ASSIGN(hs->service->mnet, hs->service, &hs->key);
		SID_ASSIGN(manycast_sid(hs->winner));
		__entry->rtt = rtt;
	),

	TP_printk(FLOW_FORMAT SID_FORMAT " rtt=%u", FLOW_ARGS, __entry->sid,
		  __entry->rtt)
);

DECLARE_EVENT_CLASS(seg6_manycast_flow,
	TP_PROTO(const struct manycast_net *mnet,
		 const struct manycast_service *svc,
		 const struct manycast_key *key, const struct in6_addr *sid),
	TP_ARGS(mnet, svc, key, sid),

	TP_STRUCT__entry(
		FLOW_ENTRY
		SID_ENTRY
	),

	TP_fast_assign(
		FLOW_ASSIGN(mnet, svc, key);
		SID_ASSIGN(sid);
	),

	TP_printk(FLOW_FORMAT SID_FORMAT, FLOW_ARGS, __entry->sid)
);

DEFINE_EVENT(seg6_manycast_flow, reset,
	TP_PROTO(const struct manycast_net *mnet,
		 const struct manycast_service *svc,
		 const struct manycast_key *key, const struct in6_addr *sid),
	TP_ARGS(mnet, svc, key, sid)
);

DEFINE_EVENT(seg6_manycast_flow, learn,
	TP_PROTO(const struct manycast_net *mnet,
		 const struct manycast_service *svc,
		 const struct manycast_key *key, const struct in6_addr *sid),
	TP_ARGS(mnet, svc, key, sid)
);

/* In a hunt, sid is where it goes first. */
TRACE_EVENT(steer,
	TP_PROTO(const struct manycast_net *mnet,
		 const struct manycast_service *svc,
		 const struct manycast_key *key,
		 const struct manycast_path *path, bool hunt),
	TP_ARGS(mnet, svc, key, path, hunt),

	TP_STRUCT__entry(
		FLOW_ENTRY
		SID_ENTRY
		__field(bool, hunt)
	),

	TP_fast_assign(
		FLOW_ASSIGN(mnet, svc, key);
		SID_ASSIGN(&path->seg[hunt ? path->left : 0]);
		__entry->hunt = hunt;
	),

	TP_printk(FLOW_FORMAT SID_FORMAT " hunt=%d", FLOW_ARGS, __entry->sid,
		  __entry->hunt)
);

/* The innermost packet's flow, as far as it can be read, and the source of what
 * it is in. An answer's client is the server.
 */
TRACE_EVENT(drop,
	TP_PROTO(const struct manycast_net *mnet,
		 const struct manycast_service *svc, const struct sk_buff *skb,
		 unsigned int stat),
	TP_ARGS(mnet, svc, skb, stat),

	TP_STRUCT__entry(
		__field(const void *, skbaddr)
		FLOW_ENTRY
		__array(u8, source, sizeof(struct in6_addr))
		__array(char, cause, 16)
	),

	TP_fast_assign(
		struct manycast_tuple tuple;

		manycast_tuple_glance(skb, &tuple);
		__entry->skbaddr = skb;
		FLOW_ASSIGN(mnet, svc, &tuple.flow);
		memcpy(__entry->source, manycast_is_ipv4(skb) ?
		       &tuple.flow.client : &ipv6_hdr(skb)->saddr,
		       sizeof(__entry->source));
		strscpy(__entry->cause, manycast_drop_name(svc, stat),
			sizeof(__entry->cause));
	),

	TP_printk("skbaddr=%p " FLOW_FORMAT " source=%pI6c cause=%s",
		  __entry->skbaddr, FLOW_ARGS, __entry->source,
		  __entry->cause)
);

#endif /* _SEG6_MANYCAST_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
