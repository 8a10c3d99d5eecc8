// What the level meter shows and when a microphone counts as silent. Pure; one value in, one value out.

/** Peaks below this are the noise of an idle converter: a muted microphone gives exact zeros or little more. */
const SILENT_PEAK_RATIO = 0.003
/** Silence of this length makes the page say so. */
export const QUIET_AFTER_MS = 6_000
/** Sound as loud as this fills the meter's left end; quieter shows nothing. */
const FLOOR_DB = -54
const FALL_PER_SECOND = 1.6

export interface Level {
  /** 0..1, on a decibel scale, falling slowly. */
  readonly shownRatio: number
  readonly atMs: number
  /** Last instant with sound, or the first sample. */
  readonly heardAtMs: number
}

export function nextLevel(previous: Level | undefined, peakRatio: number, nowMs: number): Level {
  const wanted = decibelRatio(peakRatio)
  if (previous === undefined) return { shownRatio: wanted, atMs: nowMs, heardAtMs: nowMs }
  const fallen = previous.shownRatio - (FALL_PER_SECOND * Math.max(0, nowMs - previous.atMs)) / 1000
  return {
    shownRatio: Math.max(wanted, fallen, 0),
    atMs: nowMs,
    heardAtMs: peakRatio >= SILENT_PEAK_RATIO ? nowMs : previous.heardAtMs,
  }
}

export function isQuiet(level: Level): boolean {
  return level.atMs - level.heardAtMs >= QUIET_AFTER_MS
}

/** Level in words for those who cannot see the meter. */
export function levelWords(shownRatio: number): string {
  if (shownRatio < 0.05) return 'silent'
  if (shownRatio < 0.4) return 'quiet'
  return shownRatio < 0.93 ? 'good' : 'very loud'
}

function decibelRatio(peakRatio: number): number {
  if (!(peakRatio > 0)) return 0
  const decibels = 20 * Math.log10(Math.min(1, peakRatio))
  return Math.max(0, 1 - decibels / FLOOR_DB)
}
