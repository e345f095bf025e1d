/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * M-Anycast: SRv6 behaviours that choose a server by its SYN-ACK.
 *
 * Routes:  encap seg6local action NUMBER, with the attributes of
 *          enum seg6_manycast_lwt_attr in the nest SEG6_LOCAL_EXT.
 * Objects: generic netlink family "seg6_manycast", described by
 *          Documentation/netlink/specs/seg6_manycast.yaml.
 */
#ifndef _UAPI_LINUX_SEG6_MANYCAST_H
#define _UAPI_LINUX_SEG6_MANYCAST_H

/* RFC 8986 section 10.2.1 sets 0x8000-0x87ff aside for private use; the
 * codepoint is also the value of SEG6_LOCAL_ACTION.
 */
#define SEG6_LOCAL_ACTION_END_MANYCAST		0x8001	/* End.MAnycast */
#define SEG6_LOCAL_ACTION_END_MANYCAST_S	0x8002	/* End.MAnycast.S */
#define SEG6_LOCAL_ACTION_H_MANYCAST		0x8003	/* H.MAnycast */
#define SEG6_LOCAL_ACTION_END_MANYCAST_C	0x8004	/* End.MAnycast.C */
#define SEG6_LOCAL_ACTION_H_MANYCAST_HASH	0x8005	/* H.MAnycast.Hash */
#define SEG6_LOCAL_ACTION_H_DYNCAST		0x8006	/* H.Dyncast */

#ifndef SEG6_LOCAL_EXT
#define SEG6_LOCAL_EXT		0x2001	/* nest: attributes of the behaviour */
#endif

struct seg6_manycast_prefix {
	__u8	addr[16];
	__u8	len;			/* bits, 0..128 */
};

enum seg6_manycast_lwt_attr {
	SEG6_MANYCAST_LWT_UNSPEC,
	/* string: End.MAnycast, H.MAnycast.Hash, H.Dyncast */
	SEG6_MANYCAST_LWT_SERVICE,
	/* u32: End.MAnycast.S, .C: where the inner packet is looked up */
	SEG6_MANYCAST_LWT_TABLE,
	/* in6_addr: H.MAnycast: the edge's SID that SYN-ACKs come to */
	SEG6_MANYCAST_LWT_SID,
	/* prefix: H.MAnycast: server SIDs that may be learnt */
	SEG6_MANYCAST_LWT_SERVERS,
	/* prefix: End.*: outer sources that are let in */
	SEG6_MANYCAST_LWT_ACL,
	/* u32: H.MAnycast: flows in this namespace at most */
	SEG6_MANYCAST_LWT_LIMIT,
	/* prefix: End.MAnycast.S: addresses that are under selection */
	SEG6_MANYCAST_LWT_SERVICES,
	/* u32, per mille of load: End.MAnycast.S: below it, a SYN is taken that
	 * others are offered, too
	 */
	SEG6_MANYCAST_LWT_MARK,
	/* u8, 1..127: H.Dyncast, IPv6: first bit of the period's number in the
	 * destination address
	 */
	SEG6_MANYCAST_LWT_POSITION,
	/* u16, host order: H.Dyncast, IPv4: destination port of number 0 */
	SEG6_MANYCAST_LWT_PORT,
	/* nest of SEG6_LOCAL_CNT_*, all u64: the route counts, as those do that
	 * have SEG6_LOCAL_COUNTERS. In a request it may be empty, and values in
	 * it do not matter.
	 */
	SEG6_MANYCAST_LWT_COUNTERS,
	__SEG6_MANYCAST_LWT_MAX
};

#define SEG6_MANYCAST_LWT_MAX (__SEG6_MANYCAST_LWT_MAX - 1)

#define SEG6_MANYCAST_GENL_NAME		"seg6_manycast"
#define SEG6_MANYCAST_GENL_VERSION	1
#define SEG6_MANYCAST_GENL_MCGRP	"events"
/* Apart, since they come as often as clients do */
#define SEG6_MANYCAST_GENL_MCGRP_SELECTIONS	"selections"

#define SEG6_MANYCAST_NAME_MAX		32	/* with the final NUL */
#define SEG6_MANYCAST_SEGS_MAX		4	/* waypoints of an instance */
#define SEG6_MANYCAST_FANOUT_MAX	16
#define SEG6_MANYCAST_WEIGHT_MAX	255
#define SEG6_MANYCAST_LOAD_MAX		1000	/* load is in per mille */
#define SEG6_MANYCAST_KEY_LEN		16
#define SEG6_MANYCAST_SLOTS_MIN		4099	/* primes */
#define SEG6_MANYCAST_SLOTS_MAX		655373
#define SEG6_MANYCAST_TIER_MAX		7
#define SEG6_MANYCAST_FAILS_MAX		1000
#define SEG6_MANYCAST_PROBE_MAX		1000000
#define SEG6_MANYCAST_MARK_MAX		100	/* per cent */
#define SEG6_MANYCAST_PERIOD_MS_MIN	100	/* ms */
#define SEG6_MANYCAST_PERIOD_MS_MAX	3600000	/* ms */
#define SEG6_MANYCAST_OFFSET_MAX	1000000000000LL	/* ms, either way */
#define SEG6_MANYCAST_BITS_MAX		8
#define SEG6_MANYCAST_STRETCH_MAX	255	/* periods */
#define SEG6_MANYCAST_THRESHOLD_MAX	255
#define SEG6_MANYCAST_PENDING_MAX	8	/* metrics to come */
#define SEG6_MANYCAST_RTT_BUCKETS	85	/* of a histogram */

/* A metric and the first period that it is for */
struct seg6_manycast_pending {
	__u64	from;
	__u8	metric;
	__u8	pad[7];
};

/* Where a bucket of round-trip times begins, in microseconds. The first one
 * begins at 0, the others are four to a power of two, from 5 us to 8.4 s. Each
 * ends where the next one begins, the last one does not end.
 */
static inline __u32 seg6_manycast_rtt_bound(__u32 bucket)
{
	return bucket ? (4 + bucket % 4) << (bucket / 4) : 0;
}

enum seg6_manycast_cmd {
	SEG6_MANYCAST_CMD_UNSPEC,
	/* NLM_F_EXCL semantics; also event */
	SEG6_MANYCAST_CMD_SERVICE_ADD,
	/* also event */
	SEG6_MANYCAST_CMD_SERVICE_SET,
	/* also event */
	SEG6_MANYCAST_CMD_SERVICE_DEL,
	/* one by name, or dump */
	SEG6_MANYCAST_CMD_SERVICE_GET,
	/* also event */
	SEG6_MANYCAST_CMD_INSTANCE_ADD,
	/* also event */
	SEG6_MANYCAST_CMD_INSTANCE_SET,
	/* also event */
	SEG6_MANYCAST_CMD_INSTANCE_DEL,
	/* dump, all or of one service */
	SEG6_MANYCAST_CMD_INSTANCE_GET,
	/* server: report this load */
	SEG6_MANYCAST_CMD_LISTENER_SET,
	/* server: forget the listener */
	SEG6_MANYCAST_CMD_LISTENER_DEL,
	/* dump */
	SEG6_MANYCAST_CMD_LISTENER_GET,
	/* counters of the namespace */
	SEG6_MANYCAST_CMD_STATS_GET,
	/* dump, all or of one service */
	SEG6_MANYCAST_CMD_PERIOD_GET,
	/* also event */
	SEG6_MANYCAST_CMD_PERIOD_SET,
	/* event, group "selections": a handshake was decided */
	SEG6_MANYCAST_CMD_SELECTED,
	/* event, group "selections": all who were asked have refused */
	SEG6_MANYCAST_CMD_REFUSED,
	/* event: a service's table of handshakes is full; one a second */
	SEG6_MANYCAST_CMD_FULL,
	__SEG6_MANYCAST_CMD_MAX
};

#define SEG6_MANYCAST_CMD_MAX (__SEG6_MANYCAST_CMD_MAX - 1)

enum seg6_manycast_policy {
	/* first SYN-ACK; holds nothing */
	SEG6_MANYCAST_POLICY_RTT,
	/* RTT less the server's residence */
	SEG6_MANYCAST_POLICY_NETWORK,
	/* between the server's two stamps */
	SEG6_MANYCAST_POLICY_RESIDENCE,
	/* what the server reports */
	SEG6_MANYCAST_POLICY_LOAD,
	/* sum of the three, by coefficient */
	SEG6_MANYCAST_POLICY_WEIGHTED,
	__SEG6_MANYCAST_POLICY_MAX
};

#define SEG6_MANYCAST_POLICY_MAX (__SEG6_MANYCAST_POLICY_MAX - 1)

enum seg6_manycast_candidates {
	SEG6_MANYCAST_CANDIDATES_ALL,
	SEG6_MANYCAST_CANDIDATES_HASH,
	SEG6_MANYCAST_CANDIDATES_RANDOM,
	SEG6_MANYCAST_CANDIDATES_LEAST,
	__SEG6_MANYCAST_CANDIDATES_MAX
};

#define SEG6_MANYCAST_CANDIDATES_MAX (__SEG6_MANYCAST_CANDIDATES_MAX - 1)

/* How a packet of an unaware client finds its server, once the handshake is
 * forgotten
 */
enum seg6_manycast_affinity {
	/* its connection is remembered; else as below */
	SEG6_MANYCAST_AFFINITY_PIN,
	/* its candidates are asked in turn; candidates hash only */
	SEG6_MANYCAST_AFFINITY_HUNT,
	__SEG6_MANYCAST_AFFINITY_MAX
};

#define SEG6_MANYCAST_AFFINITY_MAX (__SEG6_MANYCAST_AFFINITY_MAX - 1)

/* What is known of an instance's health */
enum seg6_manycast_state {
	/* asked */
	SEG6_MANYCAST_STATE_UP,
	/* dead, somebody says: not asked, and not hunted for either */
	SEG6_MANYCAST_STATE_DOWN,
	/* it left races unanswered, or is new: asked now and then until it
	 * answers
	 */
	SEG6_MANYCAST_STATE_SUSPECT,
	__SEG6_MANYCAST_STATE_MAX
};

#define SEG6_MANYCAST_STATE_MAX (__SEG6_MANYCAST_STATE_MAX - 1)
/* How candidates are asked */
enum seg6_manycast_mode {
	/* all at once, a copy of the SYN for each */
	SEG6_MANYCAST_MODE_RACE,
	/* one SYN for all, in turn, until one has room */
	SEG6_MANYCAST_MODE_HUNT,
	__SEG6_MANYCAST_MODE_MAX
};

#define SEG6_MANYCAST_MODE_MAX (__SEG6_MANYCAST_MODE_MAX - 1)

/* What the instance of a period is chosen by */
enum seg6_manycast_metrics {
	/* what was told with the instances */
	SEG6_MANYCAST_METRICS_NETLINK,
	/* load and round-trip time, as races have measured them */
	SEG6_MANYCAST_METRICS_TELEMETRY,
	__SEG6_MANYCAST_METRICS_MAX
};

#define SEG6_MANYCAST_METRICS_MAX (__SEG6_MANYCAST_METRICS_MAX - 1)

enum seg6_manycast_service_attr {
	SEG6_MANYCAST_SERVICE_UNSPEC,
	/* string */
	SEG6_MANYCAST_SERVICE_NAME,
	/* in6_addr: the selector's own, or the hasher's */
	SEG6_MANYCAST_SERVICE_SID,
	/* u32, enum */
	SEG6_MANYCAST_SERVICE_POLICY,
	/* u32, enum */
	SEG6_MANYCAST_SERVICE_CANDIDATES,
	/* u32: copies of a SYN, 1..16 */
	SEG6_MANYCAST_SERVICE_FANOUT,
	/* u32: answers that decide, 0 all */
	SEG6_MANYCAST_SERVICE_QUORUM,
	/* u32, ms after the first answer */
	SEG6_MANYCAST_SERVICE_HOLD,
	/* u32, ms: end of a handshake */
	SEG6_MANYCAST_SERVICE_TIMEOUT,
	/* u32, ms after the decision */
	SEG6_MANYCAST_SERVICE_TOMBSTONE,
	/* u32: handshakes + tombstones */
	SEG6_MANYCAST_SERVICE_LIMIT,
	/* u32: replicated SYNs per second, 0 unlimited */
	SEG6_MANYCAST_SERVICE_RATE,
	/* u16: trace namespace */
	SEG6_MANYCAST_SERVICE_IOAM_NS,
	/* u32: room in the trace, 0..15, 0: no trace */
	SEG6_MANYCAST_SERVICE_IOAM_NODES,
	/* u32: policy weighted, per us */
	SEG6_MANYCAST_SERVICE_COEF_NETWORK,
	/* u32: policy weighted, per us */
	SEG6_MANYCAST_SERVICE_COEF_RESIDENCE,
	/* u32: policy weighted, per mille */
	SEG6_MANYCAST_SERVICE_COEF_LOAD,
	/* 16 octets: secret of the hash; shown to CAP_NET_ADMIN only */
	SEG6_MANYCAST_SERVICE_KEY,
	/* nest, enum seg6_manycast_service_stat */
	SEG6_MANYCAST_SERVICE_STATS,
	/* u32: handshakes + tombstones */
	SEG6_MANYCAST_SERVICE_OPEN,
	/* u32: entries of a hasher's table, a prime */
	SEG6_MANYCAST_SERVICE_SLOTS,
	/* u32, enum */
	SEG6_MANYCAST_SERVICE_AFFINITY,
	/* u32: connections that may be remembered */
	SEG6_MANYCAST_SERVICE_PINS,
	/* u32: those that are */
	SEG6_MANYCAST_SERVICE_PINNED,
	/* u32: races in a row without an answer that make an instance suspect,
	 * 0: none do
	 */
	SEG6_MANYCAST_SERVICE_FAILS,
	/* u32: one race in so many asks a suspect, too; 0: none does */
	SEG6_MANYCAST_SERVICE_PROBE,
	/* u32, per cent: a tier that is fuller leaves handshakes to the next */
	SEG6_MANYCAST_SERVICE_MARK,
	/* u32, enum */
	SEG6_MANYCAST_SERVICE_MODE,
	/* u32, ms: length of a period; fixed once there are periods */
	SEG6_MANYCAST_SERVICE_PERIOD,
	/* u32, 1..8: width of a period's number; likewise */
	SEG6_MANYCAST_SERVICE_BITS,
	/* u32: periods that an invocation may last after its own */
	SEG6_MANYCAST_SERVICE_STRETCH,
	/* u32, ms: clients' clocks may be off by this, either way */
	SEG6_MANYCAST_SERVICE_GRACE,
	/* s64, ms: added to the clock */
	SEG6_MANYCAST_SERVICE_OFFSET,
	/* u32: periods that an instance keeps getting at least */
	SEG6_MANYCAST_SERVICE_DAMPING,
	/* u32: by how much another metric has to be better */
	SEG6_MANYCAST_SERVICE_THRESHOLD,
	/* u32, enum */
	SEG6_MANYCAST_SERVICE_METRICS,
	SEG6_MANYCAST_SERVICE_PAD,
	__SEG6_MANYCAST_SERVICE_MAX
};

#define SEG6_MANYCAST_SERVICE_MAX (__SEG6_MANYCAST_SERVICE_MAX - 1)

enum seg6_manycast_instance_attr {
	SEG6_MANYCAST_INSTANCE_UNSPEC,
	/* string */
	SEG6_MANYCAST_INSTANCE_SERVICE,
	/* in6_addr */
	SEG6_MANYCAST_INSTANCE_SID,
	/* in6_addr[1..4]: waypoints, in the order of travel */
	SEG6_MANYCAST_INSTANCE_SEGS,
	/* in6_addr: answers come from it, if not from the SID */
	SEG6_MANYCAST_INSTANCE_ADDR,
	/* u32, 0..255; 0 drains */
	SEG6_MANYCAST_INSTANCE_WEIGHT,
	/* nest, enum seg6_manycast_instance_stat */
	SEG6_MANYCAST_INSTANCE_STATS,
	/* u32, us: smoothed; absent until measured */
	SEG6_MANYCAST_INSTANCE_RTT,
	/* u32, us: smoothed */
	SEG6_MANYCAST_INSTANCE_RESIDENCE,
	/* u32, per mille: last report */
	SEG6_MANYCAST_INSTANCE_LOAD,
	/* u32, 0..7: asked when those of smaller tiers cannot be */
	SEG6_MANYCAST_INSTANCE_TIER,
	/* u32, enum */
	SEG6_MANYCAST_INSTANCE_STATE,
	/* flag: another site's selector, which asks servers of its own */
	SEG6_MANYCAST_INSTANCE_REMOTE,
	/* u8, more is better: for the next period that is due, unless
	 * METRIC_FROM is there
	 */
	SEG6_MANYCAST_INSTANCE_METRIC,
	/* u64: index of the first period that the metric is for */
	SEG6_MANYCAST_INSTANCE_METRIC_FROM,
	/* struct seg6_manycast_pending[0..8]: metrics of later periods */
	SEG6_MANYCAST_INSTANCE_PENDING,
	SEG6_MANYCAST_INSTANCE_PAD,
	/* u64[1..85]: round trips by bucket, of all SYN-ACKs that came before
	 * their handshake was decided. Ends with the last bucket that is not
	 * empty; absent until measured. Not in events.
	 */
	SEG6_MANYCAST_INSTANCE_RTT_HISTOGRAM,
	/* u64, us: sum of these round trips; likewise */
	SEG6_MANYCAST_INSTANCE_RTT_SUM,
	__SEG6_MANYCAST_INSTANCE_MAX
};

#define SEG6_MANYCAST_INSTANCE_MAX (__SEG6_MANYCAST_INSTANCE_MAX - 1)

/* A period of a service, and who has it. Indices count from the Epoch. */
enum seg6_manycast_period_attr {
	SEG6_MANYCAST_PERIOD_UNSPEC,
	/* string */
	SEG6_MANYCAST_PERIOD_SERVICE,
	/* u64 */
	SEG6_MANYCAST_PERIOD_INDEX,
	/* u32: what addresses have of the index */
	SEG6_MANYCAST_PERIOD_NUMBER,
	/* in6_addr: the instance; absent: nobody */
	SEG6_MANYCAST_PERIOD_SID,
	/* u64: sent there */
	SEG6_MANYCAST_PERIOD_PACKETS,
	SEG6_MANYCAST_PERIOD_PAD,
	__SEG6_MANYCAST_PERIOD_MAX
};

#define SEG6_MANYCAST_PERIOD_MAX (__SEG6_MANYCAST_PERIOD_MAX - 1)

/* How a handshake ended. Events of a namespace are limited in their rate. */
enum seg6_manycast_selection_attr {
	SEG6_MANYCAST_SELECTION_UNSPEC,
	/* string */
	SEG6_MANYCAST_SELECTION_SERVICE,
	/* in6_addr: the instance that was selected; absent: all have refused */
	SEG6_MANYCAST_SELECTION_SID,
	/* in6_addr */
	SEG6_MANYCAST_SELECTION_CLIENT,
	/* u16, host order */
	SEG6_MANYCAST_SELECTION_CLIENT_PORT,
	/* in6_addr: the service's, as the client has asked it */
	SEG6_MANYCAST_SELECTION_ADDR,
	/* u16, host order */
	SEG6_MANYCAST_SELECTION_PORT,
	/* u32, us: from the SYN that was sent to the SYN-ACK */
	SEG6_MANYCAST_SELECTION_RTT,
	/* u32: events that the limit has left out before this one */
	SEG6_MANYCAST_SELECTION_MISSED,
	__SEG6_MANYCAST_SELECTION_MAX
};

#define SEG6_MANYCAST_SELECTION_MAX (__SEG6_MANYCAST_SELECTION_MAX - 1)

/* A listener is a service address and port that SYNs have reached through
 * End.MAnycast.S on this host, or for which a load was set.
 */
enum seg6_manycast_listener_attr {
	SEG6_MANYCAST_LISTENER_UNSPEC,
	/* in6_addr */
	SEG6_MANYCAST_LISTENER_ADDR,
	/* u16, host order */
	SEG6_MANYCAST_LISTENER_PORT,
	/* u32, per mille; absent: the accept queue's fill is sent */
	SEG6_MANYCAST_LISTENER_LOAD,
	/* nest, enum seg6_manycast_listener_stat */
	SEG6_MANYCAST_LISTENER_STATS,
	__SEG6_MANYCAST_LISTENER_MAX
};

#define SEG6_MANYCAST_LISTENER_MAX (__SEG6_MANYCAST_LISTENER_MAX - 1)

enum seg6_manycast_attr {
	SEG6_MANYCAST_A_UNSPEC,
	/* nest, enum seg6_manycast_stat */
	SEG6_MANYCAST_A_STATS,
	SEG6_MANYCAST_A_PAD,
	__SEG6_MANYCAST_A_MAX
};

#define SEG6_MANYCAST_A_MAX (__SEG6_MANYCAST_A_MAX - 1)

/* All statistics are u64 and only grow. Attribute 1 of every nest pads. */
enum seg6_manycast_service_stat {
	SEG6_MANYCAST_SERVICE_STAT_UNSPEC,
	SEG6_MANYCAST_SERVICE_STAT_PAD,
	/* handshakes begun */
	SEG6_MANYCAST_SERVICE_STAT_SYN,
	/* SYNs repeated by clients */
	SEG6_MANYCAST_SERVICE_STAT_SYN_AGAIN,
	/* not replicated: payload, TFO, MP_JOIN */
	SEG6_MANYCAST_SERVICE_STAT_SINGLE,
	/* not replicated: rate */
	SEG6_MANYCAST_SERVICE_STAT_LIMITED,
	/* not replicated: table full */
	SEG6_MANYCAST_SERVICE_STAT_STATELESS,
	/* SYNs sent to servers */
	SEG6_MANYCAST_SERVICE_STAT_COPY,
	/* expected SYN-ACKs */
	SEG6_MANYCAST_SERVICE_STAT_SYNACK,
	/* RSTs from servers */
	SEG6_MANYCAST_SERVICE_STAT_REFUSED,
	/* winners emitted */
	SEG6_MANYCAST_SERVICE_STAT_DECIDED,
	/* more SYN-ACKs and RSTs of winners, emitted */
	SEG6_MANYCAST_SERVICE_STAT_EMIT_AGAIN,
	/* RSTs sent to losers */
	SEG6_MANYCAST_SERVICE_STAT_RESET,
	/* RSTs relayed to clients */
	SEG6_MANYCAST_SERVICE_STAT_ALL_REFUSED,
	/* ended without an answer */
	SEG6_MANYCAST_SERVICE_STAT_TIMEOUT,
	/* unaware clients' packets sent to the server they have */
	SEG6_MANYCAST_SERVICE_STAT_STEERED,
	/* likewise, to the flow's candidates in turn */
	SEG6_MANYCAST_SERVICE_STAT_HUNTED,
	/* unaware clients' connections remembered */
	SEG6_MANYCAST_SERVICE_STAT_PINNED,
	/* forgotten again, table full */
	SEG6_MANYCAST_SERVICE_STAT_PIN_EVICTED,
	/* nobody to ask */
	SEG6_MANYCAST_SERVICE_STAT_DROP_NO_INSTANCE,
	/* table full, client unaware, and no hunt possible */
	SEG6_MANYCAST_SERVICE_STAT_DROP_FULL,
	/* not a SYN, flow unknown */
	SEG6_MANYCAST_SERVICE_STAT_DROP_NO_STATE,
	/* handshakes left to another than the first tier */
	SEG6_MANYCAST_SERVICE_STAT_SPILLED,
	/* races that asked a suspect, too */
	SEG6_MANYCAST_SERVICE_STAT_PROBED,
	/* instances that became suspect */
	SEG6_MANYCAST_SERVICE_STAT_SUSPECTED,
	/* packets of another site's selector sent to a server */
	SEG6_MANYCAST_SERVICE_STAT_FROM_PEER,
	/* hunted connections pinned where a server has told of them */
	SEG6_MANYCAST_SERVICE_STAT_LEARNT,
	/* periods that another instance got than the one before */
	SEG6_MANYCAST_SERVICE_STAT_PERIOD_CHANGED,
	/* periods taken over from dead instances */
	SEG6_MANYCAST_SERVICE_STAT_PERIOD_MOVED,
	/* H.Dyncast: period over; ICMP sent */
	SEG6_MANYCAST_SERVICE_STAT_DROP_TOO_OLD,
	/* H.Dyncast: period to come; ICMP sent */
	SEG6_MANYCAST_SERVICE_STAT_DROP_AHEAD,
	/* H.Dyncast, IPv4: port of no period; ICMP sent */
	SEG6_MANYCAST_SERVICE_STAT_DROP_PORT,
	__SEG6_MANYCAST_SERVICE_STAT_MAX
};

#define SEG6_MANYCAST_SERVICE_STAT_MAX (__SEG6_MANYCAST_SERVICE_STAT_MAX - 1)

enum seg6_manycast_instance_stat {
	SEG6_MANYCAST_INSTANCE_STAT_UNSPEC,
	SEG6_MANYCAST_INSTANCE_STAT_PAD,
	/* SYNs sent */
	SEG6_MANYCAST_INSTANCE_STAT_ASKED,
	/* SYN-ACKs that counted */
	SEG6_MANYCAST_INSTANCE_STAT_ANSWERED,
	/* RSTs that counted */
	SEG6_MANYCAST_INSTANCE_STAT_REFUSED,
	SEG6_MANYCAST_INSTANCE_STAT_WON,
	/* RSTs sent to it */
	SEG6_MANYCAST_INSTANCE_STAT_RESET,
	/* SYN-ACKs without a trace that could be read */
	SEG6_MANYCAST_INSTANCE_STAT_NO_TELEMETRY,
	/* packets that a hasher sent to it */
	SEG6_MANYCAST_INSTANCE_STAT_HASHED,
	/* packets of its periods */
	SEG6_MANYCAST_INSTANCE_STAT_DYNCAST,
	__SEG6_MANYCAST_INSTANCE_STAT_MAX
};

#define SEG6_MANYCAST_INSTANCE_STAT_MAX (__SEG6_MANYCAST_INSTANCE_STAT_MAX - 1)

enum seg6_manycast_listener_stat {
	SEG6_MANYCAST_LISTENER_STAT_UNSPEC,
	SEG6_MANYCAST_LISTENER_STAT_PAD,
	/* recorded */
	SEG6_MANYCAST_LISTENER_STAT_SYN,
	/* sent back with telemetry */
	SEG6_MANYCAST_LISTENER_STAT_SYNACK,
	/* RSTs sent back */
	SEG6_MANYCAST_LISTENER_STAT_REFUSED,
	/* bare SYN-ACKs stopped */
	SEG6_MANYCAST_LISTENER_STAT_DROP_NO_RECORD,
	__SEG6_MANYCAST_LISTENER_STAT_MAX
};

#define SEG6_MANYCAST_LISTENER_STAT_MAX (__SEG6_MANYCAST_LISTENER_STAT_MAX - 1)

enum seg6_manycast_stat {
	SEG6_MANYCAST_STAT_UNSPEC,
	SEG6_MANYCAST_STAT_PAD,
	/* selector */
	/* SYN-ACK without state, sent to the edge that its SRH names, or to
	 * the client that can be hunted for
	 */
	SEG6_MANYCAST_STAT_PASSED_ON,
	/* server */
	/* End.MAnycast.S: decapsulated */
	SEG6_MANYCAST_STAT_DELIVERED,
	/* server: oldest SYN forgotten, table full */
	SEG6_MANYCAST_STAT_RECORD_EVICTED,
	/* server: hunted packets passed on to the next candidate */
	SEG6_MANYCAST_STAT_HUNT_ON,
	/* edge */
	/* SYNs sent to the selector */
	SEG6_MANYCAST_STAT_EDGE_SYN,
	/* flows whose server is known */
	SEG6_MANYCAST_STAT_EDGE_LEARNED,
	/* SYN-ACK repeated */
	SEG6_MANYCAST_STAT_EDGE_AGAIN,
	/* SYN-ACK of another server before the client's ACK */
	SEG6_MANYCAST_STAT_EDGE_RIVAL,
	/* RSTs sent to such servers */
	SEG6_MANYCAST_STAT_EDGE_RESET,
	/* packets to the known server */
	SEG6_MANYCAST_STAT_EDGE_STEERED,
	/* packets sent on bare */
	SEG6_MANYCAST_STAT_EDGE_UNKNOWN,
	/* flows pushed out, table full */
	SEG6_MANYCAST_STAT_EDGE_EVICTED,
	/* drops */
	/* truncated, lying lengths */
	SEG6_MANYCAST_STAT_DROP_MALFORMED,
	SEG6_MANYCAST_STAT_DROP_FRAGMENT,
	/* SL, Last Entry: ICMPv6 sent */
	SEG6_MANYCAST_STAT_DROP_SRH,
	/* not allowed here: ICMPv6 sent */
	SEG6_MANYCAST_STAT_DROP_UPPER_LAYER,
	/* outer source outside the ACL */
	SEG6_MANYCAST_STAT_DROP_ACL,
	/* answer from no known instance */
	SEG6_MANYCAST_STAT_DROP_FOREIGN,
	/* answer, no handshake, no edge */
	SEG6_MANYCAST_STAT_DROP_NO_STATE,
	/* SYN at a SID without service */
	SEG6_MANYCAST_STAT_DROP_NO_SERVICE,
	/* ICMPv6 sent */
	SEG6_MANYCAST_STAT_DROP_HOP_LIMIT,
	/* ICMPv6 sent */
	SEG6_MANYCAST_STAT_DROP_TOO_BIG,
	SEG6_MANYCAST_STAT_DROP_NO_ROUTE,
	SEG6_MANYCAST_STAT_DROP_NO_MEMORY,
	/* answer already counted */
	SEG6_MANYCAST_STAT_DROP_DUPLICATE,
	/* edge: SYN-ACK nobody asked for */
	SEG6_MANYCAST_STAT_DROP_NOT_ASKED,
	/* edge: SID outside `servers` */
	SEG6_MANYCAST_STAT_DROP_SERVERS,
	/* ICMPv6 errors about packets that we have encapsulated */
	/* path MTUs that they taught us */
	SEG6_MANYCAST_STAT_ERROR_MTU,
	/* told to the sender of the inner packet */
	SEG6_MANYCAST_STAT_ERROR_RELAYED,
	/* quoting what was not sent from here */
	SEG6_MANYCAST_STAT_DROP_ERROR_FOREIGN,
	/* MTU below the minimum, or no obstacle to what is quoted */
	SEG6_MANYCAST_STAT_DROP_ERROR_MTU,
	/* about one copy of a SYN, a SYN-ACK or a RST */
	SEG6_MANYCAST_STAT_DROP_ERROR_HANDSHAKE,
	/* of a kind that is no concern of the sender's */
	SEG6_MANYCAST_STAT_DROP_ERROR_KIND,
	/* encapsulated packets that came in fragments */
	SEG6_MANYCAST_STAT_REASSEMBLED,
	/* server: SYNs passed on to the next candidate */
	SEG6_MANYCAST_STAT_SYN_ON,
	/* server: selectors told who has a hunted connection */
	SEG6_MANYCAST_STAT_NOTICE_SENT,
	__SEG6_MANYCAST_STAT_MAX
};

#define SEG6_MANYCAST_STAT_MAX (__SEG6_MANYCAST_STAT_MAX - 1)

#endif /* _UAPI_LINUX_SEG6_MANYCAST_H */
