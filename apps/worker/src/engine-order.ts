// Which engines may do what for a language, and in which order, as the configuration says. Pure.
import type { ResolvedConfig } from '@parley/config'
import type { WorkerRole } from '@parley/protocol'
import { languageFit } from '@parley/speech'

type Lines = ResolvedConfig['text']['engines']

/** The names of the first line of `role` that is about a language; undefined when none is: then whoever can may. */
export function engineOrder(lines: Lines, role: WorkerRole): (language: string) => readonly string[] | undefined {
  const own = lines.filter((line) => line.role === role)
  return (language) =>
    own.find(({ languages }) => languages === undefined || languages.some((each) => languageFit(each, language) > 0))
      ?.engines
}
