// What is said at the end, for people and for programs.

export interface SaySummary {
  readonly outcome: 'ended' | 'cancelled' | 'failed'
  /** Written or played. */
  readonly samples: number
  /** These are absent when nothing was said. */
  readonly sampleRateHz?: number | undefined
  readonly durationMs?: number | undefined
  readonly voice?: string | undefined
  /** BCP 47 tag. */
  readonly language?: string | undefined
  /** From asking to the first samples. */
  readonly firstAudioMs?: number | undefined
}

/** One line for a person; `where` is the file it went to, if it did. */
export function summaryText(summary: SaySummary, where: string | undefined): string {
  const { outcome, durationMs = 0, voice, language, firstAudioMs } = summary
  const how = voice === undefined ? '' : ` by ${voice} (${language})`
  const first = firstAudioMs === undefined ? '' : `, first audio after ${firstAudioMs} ms`
  const until = outcome === 'ended' ? '' : `, ${outcome === 'cancelled' ? 'then stopped' : 'then it broke off'}`
  return `${(durationMs / 1000).toFixed(1)} s${how}${first}${until}${where === undefined ? '' : `: ${where}`}`
}
