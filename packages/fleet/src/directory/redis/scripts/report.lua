-- report: renews the member's lease and takes its load.
-- KEYS[1] meta, KEYS[2] member:<id>
-- ARGV[5] id, [6] epoch, [7] counter, [8] unlisted, [9] warming, [10] scarcest headroom, [11] headrooms (JSON), [12] leaseMs
-- returns ok, isDraining, drainLeftMs or '', rated, held, reserved; no MEMBER_FENCED reason
local refused = enter()
if refused then return refused end
sweep()
refused = fence(ARGV[5], ARGV[6], ARGV[7])
if refused then return refused end
redis.call('HSET', KEYS[2], 'unlisted', ARGV[8], 'warming', ARGV[9], 'headroom', ARGV[10], 'ratios', ARGV[11], 'claims', 0, 'reportedAt', int(NOW))
redis.call('ZADD', key('members'), int(NOW + tonumber(ARGV[12])), ARGV[5])
return {'ok', orders(ARGV[5])}
