-- claim: chooses a member and reserves a seat there; an orphan is taken over.
-- KEYS[1] meta, KEYS[2] session:<id>
-- ARGV[5] session, [6] caller, [7] its epoch, [8] its counter, [9] isResume 0|1, [10] epoch and [11] counter of the last token
-- that was seen, or 0, [12] user or '', [13] its limit, [14] role, [15] policy, [16] salt, [17] only or '', [18] reserveMs, [19] ... excluded
-- returns ok, info (JSON), epoch, counter; no MEMBER_FENCED reason | SESSION_TAKEN owner epoch counter | USER_FULL limit | DIRECTORY_SETTLING ms | FLEET_FULL reason ms
local USER_MS = 7 * 86400000
local refused = enter()
if refused then return refused end
sweep()
refused = fence(ARGV[6], ARGV[7], ARGV[8])
if refused then return refused end
local sid = ARGV[5]
local s = session(sid)
if s and s.state ~= 'orphan' then return no('SESSION_TAKEN', s.owner, int(s.epoch), int(s.counter)) end
if ARGV[9] == '1' and not s then
  local settled_in = tonumber(redis.call('HGET', META, 'beganAt')) + SETTLE_MS - NOW
  if settled_in > 0 then return no('DIRECTORY_SETTLING', int(settled_in)) end
end
local user_key = ARGV[12] ~= '' and key('user:' .. ARGV[12]) or nil
if user_key and redis.call('SCARD', user_key) >= tonumber(ARGV[13]) then
  -- Whatever ended without being released, or had moved before, is only looked for here.
  for _, other in ipairs(redis.call('SMEMBERS', user_key)) do
    if other == sid or redis.call('EXISTS', key('session:' .. other)) == 0 then redis.call('SREM', user_key, other) end
  end
  if redis.call('SCARD', user_key) >= tonumber(ARGV[13]) then return no('USER_FULL', ARGV[13]) end
end
local id, reason = pick(ARGV[14], ARGV[15], tonumber(ARGV[16]), ARGV[17], excluded(19))
if not id then return full(reason) end
if s then end_session(s) end
outrun(tonumber(ARGV[10]), tonumber(ARGV[11]))
local epoch, counter = next_token()
redis.call('HSET', KEYS[2], 'state', 'reserved', 'owner', id, 'epoch', int(epoch), 'counter', int(counter))
reserve(id, sid, 'S:' .. sid, ARGV[18])
if user_key then
  redis.call('HSET', KEYS[2], 'user', ARGV[12])
  redis.call('SADD', user_key, sid)
  redis.call('PEXPIRE', user_key, USER_MS)
end
return placement(id, epoch, counter)
