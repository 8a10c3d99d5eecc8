// What a stream of transcribed utterances hands on to the next: the level of the speaker's room, which decides what counts as speech (UT7).
import type { AdaptationState } from '@parley/protocol'
import { SILENT_DBFS } from '../../speech-activity.ts'

const ENGINE = 'endpointing'

export function packFloor(floorDbfs: number): AdaptationState {
  return { engine: ENGINE, data: String(floorDbfs) }
}

/** Undefined for the state of another engine and for one that is damaged: the stream then starts fresh. */
export function unpackFloor(adaptation: AdaptationState | undefined): number | undefined {
  if (adaptation?.engine !== ENGINE) return undefined
  const floorDbfs = Number(adaptation.data)
  return adaptation.data !== '' && floorDbfs >= SILENT_DBFS && floorDbfs <= 0 ? floorDbfs : undefined
}
