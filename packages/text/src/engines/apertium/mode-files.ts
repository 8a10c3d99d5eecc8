// What Apertium has installed, read from its mode files. A mode is one direction of a language pair, and its file the shell pipeline
// that translates. `apertium -z` does not work with these, so the pipeline is built here: every program is told to flush at NUL. Pure.

/** One program of a pipeline, with its arguments; files are absolute paths. */
export interface Stage {
  readonly program: string
  readonly args: readonly string[]
}

/** One direction that can be translated without going through another language. */
export interface Mode {
  /** Name of its file, such as "eng-spa". */
  readonly name: string
  /** BCP 47 tags; a region or variant that the mode is made for is part of them. */
  readonly from: string
  readonly to: string
  readonly stages: readonly Stage[]
}

/** "eng-cat_valencia": languages as Apertium calls them, each perhaps with a region or variant. Others are not for use ("eco-es-fr"). */
const MODE_NAME = /^([a-z]{2,3})(?:_([A-Za-z0-9]{2,8}))?-([a-z]{2,3})(?:_([A-Za-z0-9]{2,8}))?$/
const PROGRAM = /^[a-z][a-z0-9-]{0,40}$/
const ARGUMENT = /^[\w./@+:=-]{1,400}$/
/** Takes NUL flushing from programs that are text filters of the shell and cannot do it. */
const NO_NULL_FLUSH: readonly string[] = ['gawk', 'awk', 'sed', 'cat', 'bash', 'sh', 'perl', 'python3']

/** The tags of a mode by the name of its file; undefined for those that are not a language pair to be listed. */
export function tagsOfMode(name: string): { readonly from: string; readonly to: string } | undefined {
  const parts = MODE_NAME.exec(name)
  if (!parts) return undefined
  const from = tagOf(parts[1] as string, parts[2])
  const to = tagOf(parts[3] as string, parts[4])
  return from === undefined || to === undefined || from === to ? undefined : { from, to }
}

/** Three-letter codes become two-letter ones where there are any: "spa" -> "es", "eng" + "US" -> "en-US". */
function tagOf(code: string, variant: string | undefined): string | undefined {
  const subtag = variant === undefined ? '' : `-${variant}`
  // Spelling reforms ("iec2017") are no registered variants: such modes are not listed.
  if (variant !== undefined && !/^([A-Z]{2}|valencia)$/.test(variant)) return undefined
  return canonicalTag(`${code}${subtag}`)
}

/** The tag in its ordinary form; undefined for what is no tag. */
export function canonicalTag(tag: string): string | undefined {
  try {
    return Intl.getCanonicalLocales(tag)[0]
  } catch {
    return undefined
  }
}

/** The programs of a mode file; undefined when it does something that cannot be kept running. */
export function parseModeFile(text: string): readonly Stage[] | undefined {
  const stages: Stage[] = []
  for (const command of text.trim().split('|')) {
    const words = command.trim().match(/'[^']*'|\S+/g) ?? []
    const [program = '', ...rest] = words.map((word) => (word.startsWith("'") ? word.slice(1, -1) : word))
    // $1 is how unknown words are marked: not at all. $2 is for debugging.
    const args = rest.map((word) => (word === '$1' ? '-n' : word)).filter((word) => word !== '$2')
    if (!PROGRAM.test(program) || NO_NULL_FLUSH.includes(program)) return undefined
    if (!args.every((word) => ARGUMENT.test(word))) return undefined
    stages.push({ program, args: ['-z', ...args] })
  }
  return stages.length === 0 ? undefined : stages
}

/** Files a pipeline needs, apart from its programs. */
export const filesOf = (stages: readonly Stage[]): string[] =>
  stages.flatMap(({ args }) => args.filter((word) => word.startsWith('/')))

/** The stages as a script for sh. Everything in it has been checked letter by letter. */
export const pipelineScript = (stages: readonly Stage[]): string =>
  stages.map(({ program, args }) => [program, ...args.map((word) => `'${word}'`)].join(' ')).join(' | ')
