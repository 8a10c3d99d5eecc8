// From language to language with the modes there are: directly, else through one language in between. Pure.
import type { TextPair } from '@parley/protocol'
import { canonicalTag, type Mode } from './mode-files.ts'

export interface Route {
  /** One mode, or two one after the other. */
  readonly hops: readonly Mode[]
  readonly via: readonly string[]
}

const baseOf = (tag: string): string => tag.split('-')[0] as string
const keyOf = (from: string, to: string): string => `${from}>${to}`

/** Every pair there is a way for, sorted; the way is the same whenever the modes are. */
export class Routes {
  readonly pairs: readonly TextPair[]
  readonly #routes = new Map<string, Route>()

  constructor(modes: readonly Mode[]) {
    const sorted = [...modes].sort((one, other) => compare(one.name, other.name))
    for (const mode of sorted) this.#add(mode.from, mode.to, { hops: [mode], via: [] })
    // Of several languages in between the first in the alphabet: which is best is not known.
    for (const first of sorted) {
      if (first.to !== baseOf(first.to)) continue
      for (const second of sorted) {
        const isWay = second.from === first.to && baseOf(second.to) !== baseOf(first.from)
        if (isWay) this.#add(first.from, second.to, { hops: [first, second], via: [first.to] })
      }
    }
    this.pairs = [...this.#routes.values()]
      .map(({ hops, via }) => ({
        from: (hops[0] as Mode).from,
        to: (hops.at(-1) as Mode).to,
        ...(via.length > 0 ? { via } : {}),
      }))
      .sort((one, other) => compare(one.from, other.from) || compare(one.to, other.to))
  }

  /** The way for two BCP 47 tags. A region is honoured where there is a mode for it, else it counts as the language. */
  find(from: string, to: string): Route | undefined {
    const source = canonicalTag(from)
    const target = canonicalTag(to)
    if (source === undefined || target === undefined) return undefined
    // The language as such rather than somewhere else's: pt-PT is pt, and never pt-BR.
    for (const wanted of [target, baseOf(target)]) {
      for (const given of [source, baseOf(source)]) {
        const route = this.#routes.get(keyOf(given, wanted))
        if (route) return route
      }
    }
    return undefined
  }

  /** What the language of `from` can be translated to, sorted. */
  targets(from: string): string[] {
    const source = canonicalTag(from)
    if (source === undefined) return []
    const known = this.pairs.filter((pair) => pair.from === source || pair.from === baseOf(source))
    return [...new Set(known.map((pair) => pair.to))]
  }

  #add(from: string, to: string, route: Route): void {
    const key = keyOf(from, to)
    const known = this.#routes.get(key)
    const isBetter =
      known === undefined ||
      route.hops.length < known.hops.length ||
      (route.hops.length === 2 && known.hops.length === 2 && compare(route.via[0] ?? '', known.via[0] ?? '') < 0)
    if (isBetter) this.#routes.set(key, route)
  }
}

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)
