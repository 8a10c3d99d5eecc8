// In which order engines are asked, from the configuration and from what there is. Pure.
import type { TextEngineInfo, TextKind } from '@parley/protocol'
import { isSameLanguage, type TextNeed } from './text-fit.ts'

/** A line of `text.engines`. */
export interface EngineLine {
  /** Other roles are none of this order's. */
  readonly role: TextKind | 'recognise' | 'synthesise'
  /** Of a translation: targets. Absent: all. */
  readonly languages?: readonly string[]
  readonly engines: readonly string[]
}

/** A row of `providers`, as far as it matters here. */
export interface ProviderLine {
  readonly id: string
  readonly roles: readonly string[]
}

export interface OrderInputs {
  readonly lines: readonly EngineLine[]
  readonly providers: readonly ProviderLine[]
  /** What workers have, ready or not. */
  readonly engines: readonly TextEngineInfo[]
}

/**
 * Names of engines for `need`, best first: of the first line that fits, or, when none does, providers in the order of the configuration, then
 * what is embedded, by name. Names may be of engines that are not there.
 */
export function engineOrder({ lines, providers, engines }: OrderInputs, need: TextNeed): readonly string[] {
  const language = need.to ?? need.from
  const line = lines.find(
    ({ role, languages }) =>
      role === need.kind && (languages === undefined || languages.some((each) => isMeant(each, language))),
  )
  if (line) return [...new Set(line.engines)]
  const paid = providers.filter(({ roles }) => roles.includes(need.kind)).map(({ id }) => id)
  const embedded = engines.filter(({ kind, provider }) => kind === need.kind && provider === undefined)
  return [...new Set([...paid, ...embedded.map(({ name }) => name).sort()])]
}

/** A line about pt-BR is about that alone; one about pt is about all of it. */
function isMeant(listed: string, language: string): boolean {
  return listed.includes('-') ? listed.toLowerCase() === language.toLowerCase() : isSameLanguage(listed, language)
}
