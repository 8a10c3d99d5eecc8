// The journal in the Redis of the fleet: one command for all of a pod's sessions.
import { ok } from '@parley/kernel'
import type { Answer } from '../directory/directory.ts'
import { readToken } from '../directory/redis/answers.ts'
import { journalKey } from '../directory/redis/keys.ts'
import type { RedisLink } from '../directory/redis/redis-link.ts'
import { SCRIPTS } from '../directory/redis/scripts.ts'
import type { Journal, JournalEntry, KeptState } from './journal.ts'

export class RedisJournal implements Journal {
  readonly #link: RedisLink

  constructor(link: RedisLink) {
    this.#link = link
  }

  async append(entries: readonly JournalEntry[], keepMs: number): Answer<readonly string[]> {
    if (entries.length === 0) return ok([])
    const args = entries.flatMap(({ sessionId, token: { epoch, counter }, state }) => [
      sessionId,
      epoch,
      counter,
      state,
    ])
    const answer = await this.#link.run(SCRIPTS.append, undefined, [keepMs, ...args])
    return answer.ok ? ok(answer.value.slice(1)) : answer
  }

  async recall(sessionId: string): Answer<KeptState | undefined> {
    const answer = await this.#link.run(SCRIPTS.recall, journalKey(sessionId), [])
    if (!answer.ok) return answer
    const [, , , state] = answer.value
    return ok(state === undefined ? undefined : { token: readToken(answer.value, 1), state })
  }
}
