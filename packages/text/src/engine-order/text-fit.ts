// Which engines can do a text at all: languages compared as they are meant. Pure.
import type { TextEngineInfo, TextKind } from '@parley/protocol'

export interface TextNeed {
  readonly kind: TextKind
  /** BCP 47 tags, in any case; `to` with a translation only. */
  readonly from: string
  readonly to?: string | undefined
}

export const bareLanguage = (tag: string): string => (tag.split('-')[0] as string).toLowerCase()

/** Regions and scripts are honoured where an engine has them and ignored where not: es-MX is served by es, and es by es-ES. */
export const isSameLanguage = (one: string, other: string): boolean => bareLanguage(one) === bareLanguage(other)

/** 2: the very tag; 1: the same language; 0: another. */
function likeness(wanted: string, known: string): number {
  if (wanted.toLowerCase() === known.toLowerCase()) return 2
  return isSameLanguage(wanted, known) ? 1 : 0
}

/** What an engine that is ready would do about a need: the languages in between, none for a direct way. Undefined: it cannot. */
export function fitOf(engine: TextEngineInfo, need: TextNeed): { readonly via: readonly string[] } | undefined {
  if (engine.kind !== need.kind) return undefined
  if (need.kind === 'polish') {
    const speaks = engine.languages === undefined || engine.languages.some((known) => isSameLanguage(need.from, known))
    return speaks ? { via: [] } : undefined
  }
  if (need.to === undefined || isSameLanguage(need.from, need.to)) return undefined
  if (engine.pairs === undefined) return { via: [] }
  let best: { readonly via: readonly string[] } | undefined
  let bestRank = 0
  for (const { from, to, via = [] } of engine.pairs) {
    const [fromRank, toRank] = [likeness(need.from, from), likeness(need.to, to)]
    // The language in which it comes out counts for more than the one it went in; a direct way for more than either.
    const rank = fromRank === 0 || toRank === 0 ? 0 : 10 + 2 * toRank + fromRank - Math.min(via.length, 2) * 4
    if (rank <= bestRank) continue
    best = { via }
    bestRank = rank
  }
  return best
}
