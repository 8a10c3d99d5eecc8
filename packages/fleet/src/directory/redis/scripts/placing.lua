-- Choosing a member and reserving a seat there, for claim.lua and move.lua: comes after the prelude. The same as packages/placement/src/seats.ts.
local TWO32 = 4294967296
local function mul32(a, b)
  return ((math.floor(a / 65536) * b) % 65536 * 65536 + (a % 65536) * b) % TWO32
end
local function xor32(a, b) return bit.bxor(a, b) % TWO32 end
-- The finaliser of MurmurHash3.
local function mix32(value)
  local state = mul32(xor32(value, bit.rshift(value, 16) % TWO32), 0x85ebca6b)
  state = mul32(xor32(state, bit.rshift(state, 13) % TWO32), 0xc2b2ae35)
  return xor32(state, bit.rshift(state, 16) % TWO32)
end

-- a before b among equals: the heavier
local function is_better(a, b)
  if a.score ~= b.score then return a.score > b.score end
  if a.free ~= b.free then return a.free > b.free end
  return a.weight > b.weight
end

local FIELDS = {'kind', 'roles', 'drainUntil', 'rated', 'held', 'reserved', 'unlisted', 'warming', 'claims', 'headroom', 'reportedAt', 'hash'}

-- Those that may be asked, as {id, f}.
local function candidates(role, only, exclude)
  local found = {}
  for _, id in ipairs(redis.call('ZRANGE', key('members'), 0, -1)) do
    if (only == '' or only == id) and not exclude[id] then
      local f = redis.call('HMGET', key('member:' .. id), unpack(FIELDS))
      if f[1] == 'pod' and string.find(f[2], '\n' .. role .. '\n', 1, true) then found[#found + 1] = {id = id, f = f} end
    end
  end
  return found
end

-- Of one that serves: nil and why not, or its rank. One that is asked for by name is bound by its seats alone.
local function rank(id, f, salt, is_named)
  local rated = tonumber(f[4])
  local free = rated - (tonumber(f[5]) + tonumber(f[6]) + tonumber(f[7]))
  if free <= 0 then return nil, 'seats' end
  local resource = tonumber(f[10]) - (tonumber(f[8]) + tonumber(f[9])) / rated
  if resource <= 0 and not is_named then return nil, 'overloaded' end
  local age = NOW - tonumber(f[11])
  local score = math.min(free / rated, resource)
  if age > FRESH_REPORT_MS then score = (score * FRESH_REPORT_MS) / age end
  return {id = id, score = score, free = free, weight = mix32(xor32(tonumber(f[12]), salt))}
end

local function choose(able, policy)
  if policy ~= 'mostHeadroom' then table.sort(able, function(a, b) return a.weight > b.weight end) end
  if policy == 'sticky' then return able[1] end
  local best = able[1]
  for at = 2, policy == 'twoChoices' and math.min(2, #able) or #able do
    if is_better(able[at], best) then best = able[at] end
  end
  return best
end

-- The id of the member, or nil and why there is none.
local function pick(role, policy, salt, only, exclude)
  local found = candidates(role, only, exclude)
  if #found == 0 then return nil, 'noMember' end
  local able, reasons = {}, {}
  for _, c in ipairs(found) do
    if c.f[3] == '' then
      local ranked, why = rank(c.id, c.f, salt, only ~= '')
      if ranked then able[#able + 1] = ranked else reasons[why] = true end
    end
  end
  if #able > 0 then return choose(able, policy).id end
  if reasons.overloaded then return nil, 'overloaded' end
  return nil, reasons.seats and 'seats' or 'draining'
end

local function full(reason)
  local first = redis.call('ZRANGE', key('reservations'), 0, 0, 'WITHSCORES')[2]
  local wait = first and math.min(MAX_RETRY_MS, tonumber(first) - NOW) or MAX_RETRY_MS
  return no('FLEET_FULL', reason, int(math.max(MIN_RETRY_MS, wait)))
end

-- Takes a seat at the member until `reserve_ms` from now, under `name` in the reservations.
local function reserve(id, sid, name, reserve_ms)
  count(id, 'reserved', 1)
  count(id, 'claims', 1)
  redis.call('SADD', key('held-by:' .. id), sid)
  redis.call('ZADD', key('reservations'), int(NOW + tonumber(reserve_ms)), name)
end

local function placement(id, epoch, counter)
  return {'ok', redis.call('HGET', key('member:' .. id), 'info'), int(epoch), int(counter)}
end

-- From ARGV[first] on: ids not to be picked.
local function excluded(first)
  local exclude = {}
  for at = first, #ARGV do exclude[ARGV[at]] = true end
  return exclude
end
