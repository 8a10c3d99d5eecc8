-- text: what was kept under a key, or keeps something there for a while.
-- KEYS[1] meta, KEYS[2] text:<key>
-- ARGV[5] value, or '' to read; [6] keepMs
-- returns ok, and the value that was read if there is one
local refused = enter()
if refused then return refused end
if ARGV[5] ~= '' then
  redis.call('SET', KEYS[2], ARGV[5], 'PX', ARGV[6])
  return {'ok'}
end
local value = redis.call('GET', KEYS[2])
if value then return {'ok', value} end
return {'ok'}
