-- confirm: the session has come, or has moved here.
-- KEYS[1] meta, KEYS[2] session:<id>
-- ARGV[5] session, [6] caller, [7] its epoch, [8] its counter, [9] epoch and [10] counter of the session's token
-- returns ok; no MEMBER_FENCED reason | RESERVATION_OVER | SESSION_NOT_OWNED
local refused = enter()
if refused then return refused end
sweep()
refused = fence(ARGV[6], ARGV[7], ARGV[8])
if refused then return refused end
local sid, id, epoch, counter = ARGV[5], ARGV[6], tonumber(ARGV[9]), tonumber(ARGV[10])
local s = session(sid)
if not s then return no('RESERVATION_OVER') end
if s.owner == id and is_token(s, epoch, counter) then
  if s.state == 'held' then return {'ok'} end
  if s.state == 'orphan' then return no('RESERVATION_OVER') end
elseif not (s.next == id and is_next(s, epoch, counter)) then
  return no('SESSION_NOT_OWNED')
end
end_session(s)
hold(sid, id, epoch, counter)
return {'ok'}
