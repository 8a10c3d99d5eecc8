// The voices espeak-ng lists, as voices of ours. Pure.
import type { EngineVoice } from '../../synthesis/piece.ts'

/** What espeak-ng's own voices speak at. */
export const ESPEAK_RATE_HZ = 22_050

/** Languages it names in its own way. */
const TAGS: Readonly<Record<string, string>> = { piqd: 'tlh' }

/**
 * Voices of the table that `espeak-ng --voices` prints (priority, language, age and gender, name, file), best priority first. Names
 * are the language after "espeak-"; of two for one language the second has the name of its file.
 */
export function parseEspeakVoices(table: string): EngineVoice[] {
  const rows = [...table.matchAll(/^\s*(\d+)\s+(\S+)\s+\S+\s+\S+\s+([\w/+.-]+)/gm)].map(
    ([, priority, language, file]) => ({ priority: Number(priority), language: language ?? '', file: file ?? '' }),
  )
  rows.sort((one, other) => one.priority - other.priority)
  const voices = new Map<string, EngineVoice>()
  for (const { language, file } of rows) {
    const tag = bcp47(language)
    if (tag === undefined || file.startsWith('-')) continue
    const short = `espeak-${language.toLowerCase()}`
    const name = voices.has(short) ? `espeak-${file.slice(file.lastIndexOf('/') + 1).toLowerCase()}` : short
    if (voices.has(name)) continue
    voices.set(name, { name, id: file, language: tag, engine: 'espeak', sampleRateHz: ESPEAK_RATE_HZ })
  }
  return [...voices.values()]
}

/** The tag in its ordinary form; what is not registered goes after "x". Undefined for what is no language at all. */
function bcp47(language: string): string | undefined {
  const known = TAGS[language] ?? language
  const [primary = '', ...rest] = known.split('-')
  for (const tag of [known, `${primary}-${rest[0]}-x-${rest.slice(1).join('-')}`, primary]) {
    try {
      return Intl.getCanonicalLocales(tag)[0]
    } catch {}
  }
  return undefined
}
