-- append: keeps what pods need to go on with sessions of this one, should it be lost; what somebody newer owns is left alone and named.
-- KEYS[1] meta
-- ARGV[5] ms to keep it, then of each session: id, epoch, counter of the token it is held with, state (JSON)
-- returns ok, then the ids of sessions that have a newer owner
local refused = enter()
if refused then return refused end
local function is_newer(name, epoch, counter)
  local f = redis.call('HMGET', key(name), 'epoch', 'counter')
  return f[1] and compare(tonumber(f[1]), tonumber(f[2]), epoch, counter) > 0
end
local answer = {'ok'}
for at = 6, #ARGV, 4 do
  local sid, epoch, counter, state = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), ARGV[at + 3]
  local name = 'journal:' .. sid
  if is_newer('session:' .. sid, epoch, counter) or is_newer(name, epoch, counter) then
    answer[#answer + 1] = sid
  else
    redis.call('HSET', key(name), 'epoch', int(epoch), 'counter', int(counter), 'state', state)
    redis.call('PEXPIRE', key(name), ARGV[5])
  end
end
return answer
