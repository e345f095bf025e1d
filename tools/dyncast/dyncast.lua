-- SPDX-License-Identifier: GPL-2.0
--
-- Answers of PowerDNS for dyncast services, computed from the clock: a name has
-- the current address, and its TTL ends with the period. For its lua2 backend;
-- a file of the site's, like services.lua, says which zone and services.
--
-- Whole seconds: the clock that Lua has knows no smaller ones.

local TYPES = { "SOA", "NS", "AAAA", "A", "SRV" }

-- The eight groups of an IPv6 address as numbers.
local function groups(text)
	local head, tail = text:match("^(.*)::(.*)$")
	local found, rest = {}, {}

	for word in (head or text):gmatch("%x+") do
		table.insert(found, tonumber(word, 16))
	end
	for word in (tail or ""):gmatch("%x+") do
		table.insert(rest, tonumber(word, 16))
	end
	while #found + #rest < 8 do
		table.insert(found, 0)
	end
	for _, group in ipairs(rest) do
		table.insert(found, group)
	end
	return found
end

-- Bit i of them, counted from the left, becomes what bit is.
local function set_bit(found, i, bit)
	local group, weight = math.floor(i / 16) + 1, 2 ^ (15 - i % 16)
	local old = math.floor(found[group] / weight) % 2

	found[group] = found[group] + (bit - old) * weight
end

local function text(found)
	local words = {}

	for i, group in ipairs(found) do
		words[i] = string.format("%x", group)
	end
	return table.concat(words, ":")
end

local function index(service, now)
	return math.floor((now + service.offset) / service.period)
end

local function number(service, now)
	return index(service, now) % 2 ^ service.bits
end

local function address(service, now)
	local found, rest = groups(service.address), number(service, now)

	for i = service.position + service.bits - 1, service.position, -1 do
		set_bit(found, i, rest % 2)
		rest = math.floor(rest / 2)
	end
	return text(found)
end

-- What is left of the period, rounded down since a part of this second is
-- gone, but a second at least: resolvers ask too often for what has none.
local function ttl(service, now)
	local left = (index(service, now) + 1) * service.period -
		(now + service.offset)

	return math.max(left - 1, 1)
end

local function prepare(service)
	service.period = service.period or 10
	service.bits = service.bits or 6
	service.offset = service.offset or 0
	return service
end

-- What a service answers to a type, or nil.
local function computed(service, kind, now)
	if kind == "AAAA" and service.address then
		return address(service, now)
	elseif kind == "SRV" and service.port then
		return string.format("0 0 %d %s",
			service.port + number(service, now), service.target)
	end
end

-- Add the answers of a type to those found.
local function answer(zone, name, kind, now, found)
	local function add(content, seconds)
		table.insert(found, { name = name, type = kind, domain_id = 1,
				      ttl = seconds, content = content })
	end
	local service = zone.services[name]
	local content = service and computed(service, kind, now)

	if content then
		add(content, ttl(service, now))
	end
	for _, fixed in ipairs((zone.records[name] or {})[kind] or {}) do
		add(fixed, zone.ttl)
	end
end

-- Whether there are names below this one: then it exists, too.
local function has_names_below(zone, name)
	for _, names in ipairs({ zone.services, zone.records }) do
		for known in pairs(names) do
			if known:sub(-#name - 1) == "." .. name then
				return true
			end
		end
	end
end

-- Answer for a zone: its services and its other records, both by name. This
-- makes the functions that PowerDNS looks for.
function serve(zone)
	for _, service in pairs(zone.services) do
		prepare(service)
	end

	function dns_lookup(qtype, qname)
		local name, found = qname:toString():lower(), {}
		local any = qtype:getName() == "ANY"

		for _, kind in ipairs(TYPES) do
			if any or qtype:getName() == kind then
				answer(zone, name, kind, os.time(), found)
			end
		end
		if any and #found == 0 and has_names_below(zone, name) then
			table.insert(found, { name = name, type = "ENT",
					      domain_id = 1, ttl = zone.ttl,
					      content = "" })
		end
		return found
	end

	function dns_get_domaininfo(domain)
		if domain:toString():lower() ~= zone.name then
			return false
		end
		return { id = 1, kind = "native" }
	end
end
