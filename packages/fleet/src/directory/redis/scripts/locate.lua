-- locate: whose the session is.
-- KEYS[1] meta, KEYS[2] session:<id>
-- ARGV[5] session
-- returns ok, or ok, state, owner, info (JSON; '' of a forgotten member), epoch, counter
local refused = enter()
if refused then return refused end
sweep()
local s = session(ARGV[5])
if not s then return {'ok'} end
return {'ok', s.state, s.owner, redis.call('HGET', key('member:' .. s.owner), 'info') or '', int(s.epoch), int(s.counter)}
