// What can be wrong with a configuration, as values that name the place, the key, the value and what would be right.
import { closest, distance } from 'fastest-levenshtein'

export type OriginKind = 'default' | 'file' | 'environment' | 'flag'

/** Where a value came from. */
export interface Origin {
  readonly kind: OriginKind
  /** `parley.yaml:12`, `PARLEY_SERVER_PORT`, `--port`; `default` for defaults. */
  readonly where: string
}

export interface ConfigMistake {
  readonly origin: Origin
  /** The key as it was written; empty when the whole source is at fault. */
  readonly key: string
  /** The value as text, masked for secrets; undefined when the key itself is wrong. */
  readonly value: string | undefined
  /** One sentence: what is wrong and what would be right. */
  readonly message: string
}

/** The candidate nearest to `text`, if it is near enough to be what was meant. */
export function nearest(text: string, candidates: readonly string[]): string | undefined {
  if (candidates.length === 0) return undefined
  const lower = text.toLowerCase()
  const best = closest(
    lower,
    candidates.map((candidate) => candidate.toLowerCase()),
  )
  if (distance(lower, best) > Math.max(2, Math.floor(text.length / 3))) return undefined
  return candidates.find((candidate) => candidate.toLowerCase() === best)
}

/** `did you mean x?`, or what there is when nothing is near. */
export function suggestion(text: string, candidates: readonly string[], listed = candidates): string {
  const meant = nearest(text, candidates)
  return meant === undefined ? `known: ${listed.join(', ')}` : `did you mean ${meant}?`
}

/** One line for a person: `parley.yaml:12: server.port is 99999; it must be a whole number from 0 to 65535`. */
export function formatMistake({ origin, message }: ConfigMistake): string {
  return origin.kind === 'default' || message.startsWith(origin.where) ? message : `${origin.where}: ${message}`
}
