-- What every script of the directory begins with: time, records, seats, loss. The same arithmetic as memory/fleet-book.ts and packages/placement.
-- KEYS[1] meta; KEYS[2] what the script is about, if one thing. Further keys begin with the prefix (ARGV[1]), see keys.ts.
-- ARGV[1] prefix, ARGV[2] schema version of the caller, ARGV[3] run id of the server it is connected to, ARGV[4] time in ms, for tests; else ''.
-- A script's own arguments begin at ARGV[5]. Answers are lists of strings: 'ok', ... or 'no', code, ...
local PREFIX, SCHEMA, RUN_ID = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local META = KEYS[1]
local ORPHAN_MS, SETTLE_MS = 600000, 10000
local MIN_RETRY_MS, MAX_RETRY_MS, FRESH_REPORT_MS = 250, 2000, 3000
local NOW
if ARGV[4] ~= '' then
  NOW = tonumber(ARGV[4])
else
  local time = redis.call('TIME')
  NOW = time[1] * 1000 + math.floor(time[2] / 1000)
end

local function int(number) return string.format('%.0f', number) end
local function no(code, ...) return {'no', code, ...} end
local function key(name) return PREFIX .. name end
local function tell(kind, id) redis.call('PUBLISH', key('changes'), kind .. ' ' .. id) end

-- Begins an epoch with nothing known. Touches keys of this fleet alone.
local function begin()
  local old = tonumber(redis.call('HGET', META, 'epoch') or '0')
  local members = redis.call('ZRANGE', key('members'), 0, -1)
  for _, id in ipairs(redis.call('ZRANGE', key('lost'), 0, -1)) do members[#members + 1] = id end
  for _, id in ipairs(members) do
    for _, sid in ipairs(redis.call('SMEMBERS', key('held-by:' .. id))) do redis.call('DEL', key('session:' .. sid)) end
    redis.call('DEL', key('member:' .. id), key('held-by:' .. id))
  end
  for _, sid in ipairs(redis.call('ZRANGE', key('orphans'), 0, -1)) do redis.call('DEL', key('session:' .. sid)) end
  redis.call('DEL', META, key('members'), key('lost'), key('reservations'), key('orphans'))
  redis.call('HSET', META, 'schema', SCHEMA, 'runId', RUN_ID, 'epoch', int(math.max(NOW, old + 1)), 'counter', 0, 'beganAt', int(NOW))
end

-- Nil when the caller may go on. A server that has lost its keys begins anew; a restarted one does so when it is opened (open.lua).
local function enter()
  local meta = redis.call('HMGET', META, 'schema', 'runId')
  if not meta[1] then begin() return nil end
  if tonumber(meta[1]) > SCHEMA + 1 then return no('SCHEMA', meta[1]) end
  if meta[2] ~= RUN_ID then return no('OTHER_RUN') end
  return nil
end

local function next_token()
  local counter = redis.call('HINCRBY', META, 'counter', 1)
  return tonumber(redis.call('HGET', META, 'epoch')), counter
end
-- Negative when the first is older.
local function compare(epoch, counter, other_epoch, other_counter)
  if epoch ~= other_epoch then return epoch - other_epoch end
  return counter - other_counter
end

-- From now on every token is greater than this one.
local function outrun(epoch, counter)
  if epoch == 0 then return end
  local meta = redis.call('HMGET', META, 'epoch', 'counter')
  if compare(epoch, counter, tonumber(meta[1]), tonumber(meta[2])) > 0 then
    redis.call('HSET', META, 'epoch', int(epoch + 1), 'counter', 0)
  end
end

-- Sessions: state reserved|held|orphan, owner, epoch, counter; while a move is pending also next, nextEpoch, nextCounter; an orphan has the incarnation
-- of the process that had it.
local function session(sid)
  local f = redis.call('HMGET', key('session:' .. sid), 'state', 'owner', 'epoch', 'counter', 'next', 'nextEpoch', 'nextCounter')
  if not f[1] then return nil end
  return {sid = sid, state = f[1], owner = f[2], epoch = tonumber(f[3]), counter = tonumber(f[4]),
    next = f[5], next_epoch = tonumber(f[6] or '0'), next_counter = tonumber(f[7] or '0')}
end
local function is_token(s, epoch, counter) return s.epoch == epoch and s.counter == counter end
local function is_next(s, epoch, counter) return s.next and s.next_epoch == epoch and s.next_counter == counter end
local function count(id, field, by) redis.call('HINCRBY', key('member:' .. id), field, by) end

local function end_move(s)
  if not s.next then return end
  redis.call('HDEL', key('session:' .. s.sid), 'next', 'nextEpoch', 'nextCounter')
  redis.call('ZREM', key('reservations'), 'M:' .. s.sid)
  redis.call('SREM', key('held-by:' .. s.next), s.sid)
  count(s.next, 'reserved', -1)
  s.next = false
end
-- Forgets the session and frees what it has.
local function end_session(s)
  end_move(s)
  if s.state == 'orphan' then
    redis.call('ZREM', key('orphans'), s.sid)
  else
    redis.call('SREM', key('held-by:' .. s.owner), s.sid)
    count(s.owner, s.state, -1)
    if s.state == 'reserved' then redis.call('ZREM', key('reservations'), 'S:' .. s.sid) end
  end
  redis.call('DEL', key('session:' .. s.sid))
end
local function hold(sid, id, epoch, counter)
  redis.call('HSET', key('session:' .. sid), 'state', 'held', 'owner', id, 'epoch', int(epoch), 'counter', int(counter))
  redis.call('SADD', key('held-by:' .. id), sid)
  count(id, 'held', 1)
end

-- The member is gone: what it held is orphaned, what was reserved there is over. `kind`: what is told, or nil.
local function lose(id, kind)
  redis.call('ZREM', key('members'), id)
  redis.call('ZADD', key('lost'), int(NOW + ORPHAN_MS), id)
  local incarnation = redis.call('HGET', key('member:' .. id), 'incarnation')
  for _, sid in ipairs(redis.call('SMEMBERS', key('held-by:' .. id))) do
    local s = session(sid)
    if s.next == id then end_move(s) end
    if s.owner == id then
      if s.state == 'reserved' then
        end_session(s)
      else
        redis.call('HSET', key('session:' .. sid), 'state', 'orphan', 'incarnation', incarnation)
        redis.call('ZADD', key('orphans'), int(NOW + ORPHAN_MS), sid)
      end
    end
  end
  redis.call('DEL', key('held-by:' .. id))
  redis.call('HSET', key('member:' .. id), 'lost', 1, 'held', 0, 'reserved', 0)
  if kind then tell(kind, id) end
end

-- Ends what is over: leases, then reservations, moves and what is only remembered.
local function sweep()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', key('lost'), '-inf', int(NOW))) do
    redis.call('ZREM', key('lost'), id)
    redis.call('DEL', key('member:' .. id))
  end
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', key('members'), '-inf', int(NOW))) do lose(id, 'lost') end
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', key('reservations'), '-inf', int(NOW))) do
    local s = session(string.sub(name, 3))
    if string.sub(name, 1, 1) == 'M' then end_move(s) else end_session(s) end
  end
  for _, sid in ipairs(redis.call('ZRANGEBYSCORE', key('orphans'), '-inf', int(NOW))) do end_session(session(sid)) end
end

-- Nil when the member may act.
local function fence(id, epoch, counter)
  local f = redis.call('HMGET', key('member:' .. id), 'epoch', 'counter', 'lost')
  if not f[1] then return no('MEMBER_FENCED', 'unknown') end
  if tonumber(f[1]) ~= tonumber(epoch) or tonumber(f[2]) ~= tonumber(counter) then return no('MEMBER_FENCED', 'replaced') end
  if f[3] == '1' then return no('MEMBER_FENCED', 'lost') end
  return nil
end

-- isDraining, ms left of the drain or '', rated, held, reserved
local function orders(id)
  local f = redis.call('HMGET', key('member:' .. id), 'drainUntil', 'rated', 'held', 'reserved')
  local is_draining = f[1] ~= ''
  return is_draining and '1' or '0', is_draining and int(math.max(0, tonumber(f[1]) - NOW)) or '', f[2], f[3], f[4]
end
