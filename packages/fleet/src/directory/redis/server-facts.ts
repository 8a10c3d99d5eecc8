// What a Redis server says of itself and of why it refuses, in words. Pure.

export interface ServerFacts {
  /** New with each start of the server. */
  readonly runId: string
  readonly version: string
  readonly evictionPolicy: string
}

export interface RedisProblem {
  /** One sentence for a person; no secrets. */
  readonly problem: string
  /** Trying again does not help before somebody changes something. */
  readonly isMisconfigured: boolean
}

/** From the answer to INFO; undefined when that is not one of Redis. */
export function readInfo(info: string): ServerFacts | undefined {
  const field = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? ''
  const runId = field('run_id')
  if (runId === '') return undefined
  return { runId, version: field('redis_version'), evictionPolicy: field('maxmemory_policy') }
}

/** What the operator should know though it works; one sentence each. */
export function warningsOf({ version, evictionPolicy }: ServerFacts, where: string): readonly string[] {
  const warnings: string[] = []
  if (evictionPolicy !== 'noeviction') {
    warnings.push(
      `maxmemory-policy of Redis at ${where} is ${evictionPolicy || 'not told'}: under memory pressure it would throw away leases and whose each ` +
        'session is; set it to noeviction',
    )
  }
  const major = Number.parseInt(version, 10)
  if (!(major >= 7)) warnings.push(`Redis at ${where} is version ${version || 'unknown'}; use 7 or later`)
  return warnings
}

const REFUSALS: readonly { readonly of: RegExp; readonly says: (where: string) => string }[] = [
  {
    of: /^WRONGPASS|invalid (username-)?password/i,
    says: (where) => `Redis at ${where} refuses the credentials (WRONGPASS): correct user or password in the Redis URL`,
  },
  {
    of: /^NOAUTH|HELLO must be called with the client already authenticated/i,
    says: (where) =>
      `Redis at ${where} wants a password (NOAUTH): put it into the Redis URL, redis://:PASSWORD@HOST:PORT`,
  },
  {
    of: /^NOPERM/,
    says: (where) =>
      `the user of the Redis URL lacks a permission at ${where} (NOPERM): allow it INFO, SUBSCRIBE, EVAL, EVALSHA and all keys and channels of the prefix`,
  },
  {
    of: /self.signed|unable to (verify|get)|certificate/i,
    says: (where) => `the certificate of Redis at ${where} is not trusted: name the authority that signed it (CA file)`,
  },
]

/** Why Redis at `where` cannot be used now. */
export function problemOf(error: unknown, where: string): RedisProblem {
  const text = messageOf(error)
  const refusal = REFUSALS.find(({ of }) => of.test(text))
  if (refusal) return { problem: refusal.says(where), isMisconfigured: true }
  return { problem: `Redis at ${where}: ${text}`, isMisconfigured: false }
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0])
  const { message, code } = error as { message?: string; code?: string }
  return message || code || String(error)
}
