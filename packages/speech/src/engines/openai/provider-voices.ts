// The voices that a configuration names for a provider, as the platform offers them. Pure.
import { SPEECH_RATE_HZ } from '@parley/providers'
import type { EngineVoice } from '../../synthesis/piece.ts'

const DEFAULT_LANGUAGE = 'en'

/**
 * `alloy` becomes the voice `<id>-alloy` of English, `alloy:es` the voice `<id>-alloy-es` of Spanish: a voice of a provider speaks many
 * languages, one of ours has one. Named twice it is there once.
 */
export function providerVoices(providerId: string, configured: readonly string[]): EngineVoice[] {
  const voices = new Map<string, EngineVoice>()
  for (const text of configured) {
    const [id = '', language] = text.split(':').map((part) => part.trim())
    if (id === '') continue
    const name = [providerId, id, ...(language ? [language] : [])].join('-')
    if (voices.has(name)) continue
    voices.set(name, {
      name,
      id,
      language: language || DEFAULT_LANGUAGE,
      engine: providerId,
      sampleRateHz: SPEECH_RATE_HZ,
    })
  }
  return [...voices.values()]
}
