-- move: reserves a seat elsewhere for a session that is held; the owner stays owner until the target confirms.
-- KEYS[1] meta, KEYS[2] session:<id>
-- ARGV[5] session, [6] caller, [7] its epoch, [8] its counter, [9] epoch and [10] counter of the session's token, [11] role, [12] policy, [13] salt,
-- ARGV[14] only or '', [15] reserveMs, [16] ... excluded
-- returns ok, info (JSON), epoch, counter; no MEMBER_FENCED reason | SESSION_NOT_OWNED | FLEET_FULL reason ms
local refused = enter()
if refused then return refused end
sweep()
refused = fence(ARGV[6], ARGV[7], ARGV[8])
if refused then return refused end
local sid, by = ARGV[5], ARGV[6]
local s = session(sid)
if not s or s.owner ~= by or s.state ~= 'held' or not is_token(s, tonumber(ARGV[9]), tonumber(ARGV[10])) then
  return no('SESSION_NOT_OWNED')
end
end_move(s)
local exclude = excluded(16)
exclude[by] = true
local id, reason = pick(ARGV[11], ARGV[12], tonumber(ARGV[13]), ARGV[14], exclude)
if not id then return full(reason) end
local epoch, counter = next_token()
redis.call('HSET', KEYS[2], 'next', id, 'nextEpoch', int(epoch), 'nextCounter', int(counter))
reserve(id, sid, 'M:' .. sid, ARGV[15])
return placement(id, epoch, counter)
