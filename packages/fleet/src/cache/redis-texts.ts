// Texts that pods of a fleet share, in Redis. Fits the port `SharedTextStore` of packages/text, which this package does not know: an app puts the two
// together. What a value means is not known here.
import { err, ok, type Result } from '@parley/kernel'
import { textKey } from '../directory/redis/keys.ts'
import type { RedisLink } from '../directory/redis/redis-link.ts'
import { SCRIPTS } from '../directory/redis/scripts.ts'

type Failure = { readonly message: string }

export class RedisTexts {
  readonly #link: RedisLink

  constructor(link: RedisLink) {
    this.#link = link
  }

  /** One command. Rejects never. */
  async get(key: string): Promise<Result<string | undefined, Failure>> {
    const answer = await this.#link.run(SCRIPTS.text, textKey(key), ['', 0])
    return answer.ok ? ok(answer.value[1]) : err({ message: answer.error.message })
  }

  /** One command; the value is gone after `keepMs`. Rejects never. */
  async set(key: string, value: string, keepMs: number): Promise<Result<void, Failure>> {
    const answer = await this.#link.run(SCRIPTS.text, textKey(key), [value, Math.max(1, Math.round(keepMs))])
    return answer.ok ? ok(undefined) : err({ message: answer.error.message })
  }
}
