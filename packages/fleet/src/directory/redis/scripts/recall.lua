-- recall: what was kept of a session last.
-- KEYS[1] meta, KEYS[2] journal:<id>
-- returns ok, epoch, counter, state; or ok alone when nothing is kept (any more)
local refused = enter()
if refused then return refused end
local f = redis.call('HMGET', KEYS[2], 'epoch', 'counter', 'state')
if not f[1] then return {'ok'} end
return {'ok', f[1], f[2], f[3]}
