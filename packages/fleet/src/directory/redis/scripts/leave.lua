-- leave: the member goes; its sessions are orphans.
-- KEYS[1] meta, KEYS[2] member:<id>
-- ARGV[5] id, [6] epoch, [7] counter
-- returns ok; no MEMBER_FENCED reason
local refused = enter()
if refused then return refused end
sweep()
refused = fence(ARGV[5], ARGV[6], ARGV[7])
if refused then return refused end
lose(ARGV[5], 'left')
redis.call('ZREM', key('lost'), ARGV[5])
redis.call('DEL', KEYS[2])
return {'ok'}
