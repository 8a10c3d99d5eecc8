-- members: everybody, those that are lost included.
-- KEYS[1] meta
-- ARGV: common
-- returns ok, and of each member eleven: info (JSON), lost 0|1, isDraining 0|1, drainLeftMs or '', rated, held, reserved, unlisted, warming, ratios (JSON), age
local refused = enter()
if refused then return refused end
sweep()
local answer = {'ok'}
for _, list in ipairs({'members', 'lost'}) do
  for _, id in ipairs(redis.call('ZRANGE', key(list), 0, -1)) do
    local f = redis.call('HMGET', key('member:' .. id), 'info', 'lost', 'unlisted', 'warming', 'ratios', 'reportedAt')
    local is_draining, drain_left, rated, held, reserved = orders(id)
    for _, each in ipairs({f[1], f[2], is_draining, drain_left, rated, held, reserved, f[3], f[4], f[5], int(NOW - tonumber(f[6]))}) do
      answer[#answer + 1] = each
    end
  end
end
return answer
