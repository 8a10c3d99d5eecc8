-- budget: the holder's slice of a shared budget until its lease is over or it asks again. The same arithmetic as share-out.ts and memory-budget-store.ts
-- of packages/text.
-- KEYS[1] meta, KEYS[2] budget:<key>: of each holder 'untilMs slice x4 demand x4'
-- ARGV[5] holder, [6] leaseMs, or '' to give everything back, [7]-[10] limits (inf: none), [11]-[14] demands: requests, tokens, partials, finals
-- returns ok, slice x4 (inf: no limit)
local KEEP_MS = 3600000
local refused = enter()
if refused then return refused end
local holder = ARGV[5]
if ARGV[6] == '' then
  redis.call('HDEL', KEYS[2], holder)
  return {'ok'}
end

local function number_of(text) return text == 'inf' and math.huge or tonumber(text) end
local function text_of(number) return number == math.huge and 'inf' or string.format('%.17g', number) end

-- Leases that are not over, by holder; `mine` is where the caller's is.
local ids, leases = {}, {}
local all = redis.call('HGETALL', KEYS[2])
for at = 1, #all, 2 do
  local lease = {}
  for field in string.gmatch(all[at + 1], '%S+') do lease[#lease + 1] = number_of(field) end
  if lease[1] <= NOW then
    redis.call('HDEL', KEYS[2], all[at])
  elseif all[at] ~= holder then
    ids[#ids + 1] = all[at]
  end
  leases[all[at]] = lease[1] > NOW and lease or nil
end
ids[#ids + 1] = holder
table.sort(ids)
local mine
for at, id in ipairs(ids) do if id == holder then mine = at end end
local own = leases[holder] or {0, 0, 0, 0, 0}
own[1] = NOW + tonumber(ARGV[6])
for field = 1, 4 do own[5 + field] = tonumber(ARGV[10 + field]) end
leases[holder] = own

local function share_out(total, demands)
  local shares, open = {}, {}
  for at = 1, #demands do shares[at], open[at] = total == math.huge and total or 0, at end
  if total == math.huge then return shares end
  local left = total
  while #open > 0 do
    local part, rest, modest = left / #open, {}, {}
    for _, at in ipairs(open) do
      if demands[at] <= part then modest[#modest + 1] = at else rest[#rest + 1] = at end
    end
    if #modest == 0 then
      for _, at in ipairs(open) do shares[at] = part end
      left = 0
      break
    end
    for _, at in ipairs(modest) do
      shares[at] = demands[at]
      left = left - demands[at]
    end
    open = rest
  end
  for at = 1, #demands do shares[at] = shares[at] + math.max(0, left) / #demands end
  return shares
end

local function share_out_whole(total, demands, held)
  local exact = share_out(total, demands)
  if total == math.huge then return exact end
  local shares, order, sum = {}, {}, 0
  for at = 1, #demands do
    shares[at] = math.floor(exact[at] + 1e-9)
    sum = sum + shares[at]
    order[at] = {at = at, wants = demands[at] > 0 and 1 or 0, held = held[at], cut = exact[at] - shares[at]}
  end
  table.sort(order, function(a, b)
    if a.wants ~= b.wants then return a.wants > b.wants end
    if a.held ~= b.held then return a.held < b.held end
    if a.cut ~= b.cut then return a.cut > b.cut end
    return a.at < b.at
  end)
  for n = 1, math.min(#order, math.floor(total - sum + 0.5)) do shares[order[n].at] = shares[order[n].at] + 1 end
  return shares
end

local slice = {}
for field = 1, 4 do
  local limit, demands, held, others = number_of(ARGV[6 + field]), {}, {}, 0
  for at, id in ipairs(ids) do
    demands[at], held[at] = leases[id][5 + field], leases[id][1 + field]
    if at ~= mine then others = others + held[at] end
  end
  local shares = field <= 2 and share_out(limit, demands) or share_out_whole(limit, demands, held)
  slice[field] = limit == math.huge and limit or math.max(0, math.min(shares[mine], limit - others))
end
for field = 1, 4 do own[1 + field] = slice[field] end
local words = {int(own[1])}
for at = 2, 9 do words[at] = text_of(own[at]) end
redis.call('HSET', KEYS[2], holder, table.concat(words, ' '))
redis.call('PEXPIRE', KEYS[2], KEEP_MS)
return {'ok', text_of(slice[1]), text_of(slice[2]), text_of(slice[3]), text_of(slice[4])}
