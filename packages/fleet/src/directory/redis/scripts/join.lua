-- join: a member is there, with a new token. What its id held before is orphaned until it re-claims it.
-- KEYS[1] meta, KEYS[2] member:<id>
-- ARGV[5] id, [6] incarnation, [7] info (JSON), [8] kind, [9] roles, each between line ends, [10] hash, [11] rated, [12] unlisted, [13] leaseMs,
-- ARGV[14] epoch and [15] counter of the last token it has seen, or 0, [16] drainWithinMs or '', [17] incarnation that is known to have ended, or ''
-- returns ok, epoch, counter, isDraining, drainLeftMs or '', rated, held, reserved; no MEMBER_EXISTS retryAfterMs
local refused = enter()
if refused then return refused end
sweep()
local id, incarnation = ARGV[5], ARGV[6]
local before = redis.call('HMGET', KEYS[2], 'incarnation', 'drainUntil', 'rated')
-- Itself, or the process that is known to have ended.
local is_same = before[1] and (before[1] == incarnation or before[1] == ARGV[17])
local lease = redis.call('ZSCORE', key('members'), id)
if lease and not is_same then return no('MEMBER_EXISTS', int(tonumber(lease) - NOW)) end
if lease then lose(id, nil) end
redis.call('ZREM', key('lost'), id)
outrun(tonumber(ARGV[14]), tonumber(ARGV[15]))
local epoch, counter = next_token()
local drain = ARGV[16] ~= '' and int(NOW + tonumber(ARGV[16])) or ''
redis.call('HSET', KEYS[2], 'incarnation', incarnation, 'info', ARGV[7], 'kind', ARGV[8], 'roles', ARGV[9], 'hash', ARGV[10],
  'epoch', int(epoch), 'counter', int(counter), 'lost', 0, 'drainUntil', is_same and before[2] or drain,
  'rated', is_same and before[3] or ARGV[11], 'held', 0, 'reserved', 0, 'unlisted', ARGV[12], 'warming', 0, 'claims', 0,
  'headroom', 1000000, 'ratios', '{}', 'reportedAt', int(NOW))
redis.call('ZADD', key('members'), int(NOW + tonumber(ARGV[13])), id)
tell('joined', id)
return {'ok', int(epoch), int(counter), orders(id)}
