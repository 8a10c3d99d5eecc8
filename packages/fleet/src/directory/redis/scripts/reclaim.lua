-- reclaim: sessions that the member holds are its own again, unless somebody else has them.
-- KEYS[1] meta, KEYS[2] member:<id>
-- ARGV[5] id, [6] epoch, [7] counter, then of each session: id, epoch, counter of the token it is held with
-- returns ok, and of each session four: 'ok', epoch, counter, '' | SESSION_TAKEN, epoch, counter, owner | SESSION_NOT_OWNED, '', '', '';
-- no MEMBER_FENCED reason
local refused = enter()
if refused then return refused end
sweep()
refused = fence(ARGV[5], ARGV[6], ARGV[7])
if refused then return refused end
local id = ARGV[5]
local incarnation = redis.call('HGET', KEYS[2], 'incarnation')
-- It may not have heard of the last token it was given.
local function was_its_own(s)
  return s.owner == id and redis.call('HGET', key('session:' .. s.sid), 'incarnation') == incarnation
end
local answer = {'ok'}
local function put(...) for _, each in ipairs({...}) do answer[#answer + 1] = each end end
for at = 8, #ARGV, 3 do
  local sid = ARGV[at]
  local s = session(sid)
  local is_live = s and s.state ~= 'orphan'
  if is_live and s.owner == id and s.state == 'held' then
    put('ok', int(s.epoch), int(s.counter), '')
  elseif is_live then
    put('SESSION_TAKEN', int(s.epoch), int(s.counter), s.owner)
  elseif s and not was_its_own(s) and compare(tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), s.epoch, s.counter) < 0 then
    put('SESSION_NOT_OWNED', '', '', '')
  else
    if s then end_session(s) end
    local epoch, counter = next_token()
    hold(sid, id, epoch, counter)
    if tonumber(redis.call('HGET', KEYS[2], 'unlisted')) > 0 then count(id, 'unlisted', -1) end
    put('ok', int(epoch), int(counter), '')
  end
end
return answer
