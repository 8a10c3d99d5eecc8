// Every key of the fleet in Redis, in one place. All begin with the prefix; nothing else in the same Redis is read or written. The braces keep
// them together should that Redis ever be a cluster.
//
// key                    type    written by                      gone                                     holds
// meta                   hash    whoever comes first             with a new epoch                         schema, runId, epoch, counter, beganAt
// members                zset    join, report, leave             with the lease, at any later call        member id by end of its lease (ms)
// lost                   zset    any call after a lease          10 min after the loss                    member id by when it is forgotten (ms)
// member:<id>            hash    join, report, claim, drain ...  leave; 10 min after the loss             see `join.lua`
// held-by:<id>           set     claim, confirm, move, reclaim   with the member                          sessions it owns or that move to it
// session:<id>           hash    claim, confirm, move, reclaim   release; reservation or orphan over      see `prelude.lua`
// reservations           zset    claim, move                     confirm, release, at any later call      `S:<session>`, `M:<session>` by end (ms)
// orphans                zset    loss of a member                10 min after, reclaim, claim             session by when it is forgotten (ms)
// user:<key>             set     claim                           7 days after the user's last claim       its sessions; those that are over until the limit is reached
// changes                channel join, leave, loss, drain ...    -                                        `<kind> <member id>`
// journal:<session>      hash    append                          release; `keepMs` after the last append  epoch, counter, state (JSON)
// budget:<key>           hash    budget                          1 h after the last call                  holder -> lease, see `budget.lua`
// text:<hash>            string  text                            text.cacheMinutes after it was kept      an answer of the cache of texts, sealed
//
// Members that report keep their part alive; an abandoned fleet's keys stay until a fleet of that name begins anew.

/** Of the layout above. A member works with its own and with the next one (rolling restarts). */
export const SCHEMA_VERSION = 1

/** Of a fleet's keys. `fleet`: letters, digits, dashes. */
export function keyPrefix(fleet: string): string {
  if (!/^[A-Za-z0-9-]{1,64}$/.test(fleet)) {
    throw new TypeError(`fleet: ${JSON.stringify(fleet)} is no name; use up to 64 letters, digits and dashes`)
  }
  return `parley:{${fleet}}:`
}

export const META_KEY = 'meta'
export const CHANGES_CHANNEL = 'changes'
export const sessionKey = (sessionId: string): string => `session:${sessionId}`
export const journalKey = (sessionId: string): string => `journal:${sessionId}`
export const memberKey = (memberId: string): string => `member:${memberId}`
export const budgetKey = (key: string): string => `budget:${key}`
export const textKey = (key: string): string => `text:${key}`
