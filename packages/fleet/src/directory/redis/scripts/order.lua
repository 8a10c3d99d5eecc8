-- order: drain, undrain, rate.
-- KEYS[1] meta, KEYS[2] member:<id>
-- ARGV[5] id, [6] draining|serving|rated, [7] withinMs of a drain, or seats of a rating
-- returns ok; no MEMBER_UNKNOWN
local refused = enter()
if refused then return refused end
sweep()
if not redis.call('ZSCORE', key('members'), ARGV[5]) then return no('MEMBER_UNKNOWN') end
if ARGV[6] == 'rated' then
  redis.call('HSET', KEYS[2], 'rated', ARGV[7])
else
  redis.call('HSET', KEYS[2], 'drainUntil', ARGV[6] == 'draining' and int(NOW + tonumber(ARGV[7])) or '')
end
tell(ARGV[6], ARGV[5])
return {'ok'}
