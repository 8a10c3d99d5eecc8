-- claim: chooses a member and reserves a seat there; an orphan is taken over.
-- KEYS[1] meta, KEYS[2] session:<id>
-- ARGV[5] session, [6] caller, [7] its epoch, [8] its counter, [9] isResume 0|1, [10] epoch and [11] counter of the last token
-- that was seen, or 0, [12] role, [13] policy, [14] salt, [15] only or '', [16] reserveMs, [17] ... excluded
-- returns ok, info (JSON), epoch, counter; no MEMBER_FENCED reason | SESSION_TAKEN owner epoch counter | DIRECTORY_SETTLING ms | FLEET_FULL reason ms
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
local id, reason = pick(ARGV[12], ARGV[13], tonumber(ARGV[14]), ARGV[15], excluded(17))
if not id then return full(reason) end
if s then end_session(s) end
outrun(tonumber(ARGV[10]), tonumber(ARGV[11]))
local epoch, counter = next_token()
redis.call('HSET', KEYS[2], 'state', 'reserved', 'owner', id, 'epoch', int(epoch), 'counter', int(counter))
reserve(id, sid, 'S:' .. sid, ARGV[16])
return placement(id, epoch, counter)
