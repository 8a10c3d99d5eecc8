-- open: the first call on every connection. A server with another run id has restarted or been replaced: what it has kept may be older than what
-- members know, so that everything begins anew and incumbents re-claim.
-- KEYS[1] meta
-- ARGV: common
-- returns ok, epoch, 'began' or 'same'; no SCHEMA stored
local stored = redis.call('HGET', META, 'schema')
if stored and tonumber(stored) > SCHEMA + 1 then return no('SCHEMA', stored) end
local known = redis.call('HGET', META, 'runId')
local is_same = known == RUN_ID
if not is_same then begin() end
-- Keys of a fleet are as new as its newest member writes them; members of the version before know how to live with that.
if is_same and tonumber(stored or '0') < SCHEMA then redis.call('HSET', META, 'schema', SCHEMA) end
return {'ok', redis.call('HGET', META, 'epoch'), is_same and 'same' or 'began'}
