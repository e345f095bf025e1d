# SPDX-License-Identifier: GPL-2.0
"""Which metric each counter of the module is, by the key that `ip -j` gives it.

Each has a name, to which the prefix, and _total for counters, are added; what
it counts; and labels where several keys are one metric. What begins with drop_
is not here: it is the metric "drops", and what follows is the cause. A key that
a newer module has and that is not here becomes a metric of its own name.
"""

PREFIX = "seg6_manycast_"

NOT_COPIED = "Handshakes of which one server only was asked, by reason."
FINISHED = "Handshakes that have come to an end, by outcome."

SERVICE = {
    "syn": ("handshakes", "Handshakes begun."),
    "syn_again": ("repeated_syns", "SYNs repeated by clients."),
    "single": ("uncopied_handshakes", NOT_COPIED, {"reason": "content"}),
    "limited": ("uncopied_handshakes", NOT_COPIED, {"reason": "rate"}),
    "stateless": ("uncopied_handshakes", NOT_COPIED, {"reason": "full"}),
    "copy": ("copied_syns", "SYNs sent to servers."),
    "synack": ("synacks", "SYN-ACKs from servers that counted."),
    "refused": ("refusals", "RSTs from servers that counted."),
    "decided": ("finished_handshakes", FINISHED, {"outcome": "decided"}),
    "all_refused": ("finished_handshakes", FINISHED, {"outcome": "refused"}),
    "timeout": ("finished_handshakes", FINISHED, {"outcome": "timeout"}),
    "emit_again": ("repeated_answers",
                   "SYN-ACKs and RSTs of winners after the first."),
    "reset": ("resets", "RSTs sent to losers."),
    "steered": ("steered_packets",
                "Later packets sent to the server that they are for."),
    "hunted": ("hunted_packets",
               "Later packets sent to the candidates in turn."),
    "from_peer": ("peer_packets",
                  "Later packets of another site's selector."),
    "pinned": ("pins", "Connections of clients without an edge remembered."),
    "pin_evicted": ("evicted_pins",
                    "Connections forgotten since the table was full."),
    "learnt": ("learnt_pins",
               "Connections remembered since a server has told."),
    "spilled": ("spilled_handshakes",
                "Handshakes left to another tier than the first."),
    "probed": ("probes", "Races that asked a suspect, too."),
    "suspected": ("suspicions", "Instances that became suspect."),
    "period_changed": ("changed_periods",
                       "Periods of another instance than the one before."),
    "period_moved": ("moved_periods",
                     "Periods taken over from dead instances."),
}

INSTANCE = {
    "asked": ("instance_syns", "SYNs sent to the instance."),
    "answered": ("instance_synacks", "Its SYN-ACKs that counted."),
    "refused": ("instance_refusals", "Its RSTs that counted."),
    "won": ("instance_wins", "Handshakes that it has won."),
    "reset": ("instance_resets", "RSTs sent to it."),
    "no_telemetry": ("instance_synacks_without_telemetry",
                     "Its SYN-ACKs without a trace that could be read."),
    "hashed": ("instance_hashed_packets", "Packets that a hasher sent to it."),
    "dyncast": ("instance_dyncast_packets", "Packets of its periods."),
}

LISTENER = {
    "syn": ("listener_syns", "SYNs recorded for the listener."),
    "synack": ("listener_synacks",
               "Its SYN-ACKs sent back the way of the SYN."),
    "refused": ("listener_refusals", "Its RSTs sent back that way."),
}

HOST = {
    "passed_on": ("passed_synacks",
                  "Selector: SYN-ACKs without state sent on."),
    "delivered": ("delivered_packets", "Server: packets decapsulated."),
    "record_evicted": ("evicted_records",
                       "Server: SYNs forgotten since the table was full."),
    "hunt_on": ("passed_hunted_packets",
                "Server: packets of others' connections passed on."),
    "syn_on": ("passed_syns", "Server: SYNs passed to the next candidate."),
    "notice_sent": ("notices",
                    "Server: selectors told who has a hunted connection."),
    "edge_syn": ("edge_syns", "Edge: SYNs sent to the selector."),
    "edge_learned": ("edge_flows", "Edge: flows whose server became known."),
    "edge_again": ("edge_repeated_synacks",
                   "Edge: SYN-ACKs repeated by the same server."),
    "edge_rival": ("edge_rival_synacks",
                   "Edge: SYN-ACKs of a second server before the client's "
                   "ACK."),
    "edge_reset": ("edge_resets",
                   "Edge: RSTs sent to servers that the client did not take."),
    "edge_steered": ("edge_steered_packets",
                     "Edge: packets sent to a known server."),
    "edge_unknown": ("edge_unknown_packets", "Edge: packets sent on bare."),
    "edge_evicted": ("edge_evicted_flows",
                     "Edge: flows pushed out since the table was full."),
    "error_mtu": ("learnt_path_mtus",
                  "Path MTUs that ICMPv6 errors have told."),
    "error_relayed": ("relayed_errors",
                      "ICMPv6 errors told to the inner packet's sender."),
    "reassembled": ("reassembled_packets",
                    "Encapsulated packets that came in fragments."),
}

# What is so now. The last word is what a value is divided by to have it in a
# base unit; without one it is a whole number.
SERVICE_GAUGES = {
    "open": ("open_handshakes", "Handshakes and tombstones at the moment.",
             None),
    "limit": ("open_handshakes_limit", "So many there may be.", None),
    "pinned_now": ("pinned_connections",
                   "Connections that are remembered at the moment.", None),
    "pins": ("pinned_connections_limit", "So many may be.", None),
}

INSTANCE_GAUGES = {
    "weight": ("instance_weight", "Share of new handshakes.", None),
    "tier": ("instance_tier", "Tier that it belongs to.", None),
    "rtt": ("instance_round_trip_seconds",
            "Smoothed time from a SYN to its SYN-ACK.", 1000000),
    "residence": ("instance_residence_seconds",
                  "Smoothed part of this that was spent in the server.",
                  1000000),
    "load": ("instance_load_ratio", "Load that it last told, 1 is full.",
             1000),
    "metric": ("instance_metric", "Its metric for periods, more is better.",
               None),
}

LISTENER_GAUGES = {
    "load": ("listener_load_ratio", "Load that was set for the listener.",
             1000),
}

STATES = "up", "suspect", "down"

# Where buckets of round-trip times end, in microseconds. The module's own are
# four to a power of two, and none of them goes beyond one of these.
BOUNDS = [2 ** power for power in range(3, 24)]
