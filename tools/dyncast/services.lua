-- SPDX-License-Identifier: GPL-2.0
--
-- An example of what a site says: which names have a dyncast service. Names are
-- in lower case and end with a dot.

dofile("/usr/local/share/dyncast/dyncast.lua")

serve({
	name = "dyncast.example.",
	ttl = 3600,
	services = {
		-- The number begins at bit 58. What else there is: period (10
		-- seconds), bits (6), offset (0 seconds).
		["web.dyncast.example."] = {
			address = "2001:db8:d::80", position = 58,
		},
		-- IPv4: an address and the ports from this one on. Only an SRV
		-- record can tell a port.
		["_web._tcp.dyncast.example."] = {
			port = 8000, target = "legacy.dyncast.example.",
		},
	},
	records = {
		["dyncast.example."] = {
			SOA = { "ns.dyncast.example. root.dyncast.example. " ..
				"1 10800 3600 604800 60" },
			NS = { "ns.dyncast.example." },
		},
		["ns.dyncast.example."] = { AAAA = { "2001:db8:5::53" } },
		["legacy.dyncast.example."] = { A = { "192.0.2.80" } },
	},
})
