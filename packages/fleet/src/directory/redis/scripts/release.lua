-- release: the session, its reservation or its move is over. Of a session that was held nothing is kept any more.
-- KEYS[1] meta, KEYS[2] session:<id>
-- ARGV[5] session, [6] epoch and [7] counter of its token
-- returns ok; no SESSION_NOT_OWNED
local refused = enter()
if refused then return refused end
sweep()
local s = session(ARGV[5])
if not s then return {'ok'} end
local epoch, counter = tonumber(ARGV[6]), tonumber(ARGV[7])
if is_token(s, epoch, counter) then
  if s.state == 'held' then redis.call('DEL', key('journal:' .. s.sid)) end
  local user = redis.call('HGET', KEYS[2], 'user')
  if user then redis.call('SREM', key('user:' .. user), s.sid) end
  end_session(s)
elseif is_next(s, epoch, counter) then
  end_move(s)
else
  return no('SESSION_NOT_OWNED')
end
return {'ok'}
