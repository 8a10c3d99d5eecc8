// Whether a follower hears an event of the history: what was missed is sent again as it would have been sent. Pure.
import type { PolishMode } from '@parley/protocol'
import type { HistoryEvent } from './event-history.ts'

/** What one follower hears. */
export interface Hearing {
  readonly partials: boolean
  readonly finals: boolean
  /** Languages of translations it reads. */
  readonly languages: readonly string[]
  /** In force, not wished for. */
  readonly polish: PolishMode
}

/** `isAsker`: audio.ended is an answer to it. */
export function hearsEvent(hearing: Hearing, event: HistoryEvent, isAsker: boolean): boolean {
  switch (event.kind) {
    case 'ended':
      return hearing.finals || isAsker
    case 'translation':
      return hearing.finals && hearing.languages.includes(languageOf(event))
    case 'polished':
      return hearing.finals && hearing.polish !== 'off'
    default:
      return hearing.finals
  }
}

/** Read from what was sent: it is asked for only when somebody comes back. */
function languageOf({ json }: HistoryEvent): string {
  return (JSON.parse(json) as { readonly language: string }).language
}
