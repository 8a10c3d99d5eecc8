// Plain numbers of one pod since its start; read at scrape time, written on the hot path.
import type { CloseReason, ErrorCode } from '@parley/protocol'

export type SpeechEnd = 'ended' | 'cancelled' | 'failed' | 'dropped'

export interface SessionCounters {
  createdTotal: number
  refusedTotal: Partial<Record<ErrorCode, number>>
  closedTotal: Partial<Record<CloseReason, number>>
  /** Owners that came back to a suspended session. */
  resumedTotal: number
  /** Connections that a newer one of the same owner replaced. */
  replacedTotal: number
  /** Resumes that had missed more than is sent again. */
  truncatedTotal: number
  audioFramesTotal: number
  /** Those of them that came over UDP. */
  audioFramesUdpTotal: number
  /** Not taken: their audio had been accepted before. */
  audioFramesDuplicateTotal: number
  /** Not taken: a newer seq had come before. */
  audioFramesLateTotal: number
  /** Not taken: beyond the pace. */
  audioFramesTooFastTotal: number
  audioBytesTotal: number
  controlMessagesInTotal: number
  messagesOutTotal: number
  bytesOutTotal: number
  partialsTotal: number
  partialsCoalescedTotal: number
  finalsTotal: number
  abandonedTotal: number
  /** Translations told, by what became of them; a partial that comes to nothing is not counted here. */
  translationsTotal: Partial<Record<'partial' | 'final' | 'failed', number>>
  /** Captions mended. */
  polishedTotal: Partial<Record<'partial' | 'final', number>>
  /** Speeches that are over, by how; `dropped`: with the connection they were for. */
  speechesTotal: Partial<Record<SpeechEnd, number>>
  /** Finals said in a language to whoever wants to hear it; `skipped`: too much was waiting. */
  voicesTotal: Partial<Record<SpeechEnd | 'skipped', number>>
  speechFramesTotal: number
  errorsTotal: Partial<Record<ErrorCode, number>>
}

export function newSessionCounters(): SessionCounters {
  return {
    createdTotal: 0,
    refusedTotal: {},
    closedTotal: {},
    resumedTotal: 0,
    replacedTotal: 0,
    truncatedTotal: 0,
    audioFramesTotal: 0,
    audioFramesUdpTotal: 0,
    audioFramesDuplicateTotal: 0,
    audioFramesLateTotal: 0,
    audioFramesTooFastTotal: 0,
    audioBytesTotal: 0,
    controlMessagesInTotal: 0,
    messagesOutTotal: 0,
    bytesOutTotal: 0,
    partialsTotal: 0,
    partialsCoalescedTotal: 0,
    finalsTotal: 0,
    abandonedTotal: 0,
    translationsTotal: {},
    polishedTotal: {},
    speechesTotal: {},
    voicesTotal: {},
    speechFramesTotal: 0,
    errorsTotal: {},
  }
}

/** Adds one to a row of a table of counters. */
export function countUp<Key extends string>(table: Partial<Record<Key, number>>, key: Key): void {
  table[key] = (table[key] ?? 0) + 1
}
