// Events of a history that are seldom asked for, compressed together. What is kept, and how long, is not decided here.

import { deflateRawSync, inflateRawSync } from 'node:zlib'

export interface HistoryEvent {
  readonly seq: number
  /** `translation`: also one that failed. */
  readonly kind: 'final' | 'abandoned' | 'ended' | 'translation' | 'polished'
  readonly json: string
}

/** What a block costs beyond its content, nearly all of it the buffer's own: 270 on the heap, the rest beside it. */
const BLOCK_OVERHEAD_BYTES = 384
/** What nearly every event repeats: the first event of a block need not spell it out. It only helps to save, and may lag behind the protocol. */
const DICTIONARY = Buffer.from(
  '{"type":"audio.ended","lastSeq":,"seq":,"finals":,"abandoned":' +
    '{"type":"polished","utterance":{"epoch":1,"index":1},"revision":1,"seq":1,"of":1,"text":"' +
    '{"type":"translation","kind":"final","utterance":{"epoch":1,"index":1},"revision":1,"seq":1,"language":"es","text":"' +
    ' que los para una con las por como pero del no se la de el en y a ","of":1,"startMs":1,"endMs":1,"translateMs":' +
    '{"type":"abandoned","utterance":{"epoch":,"index":},"seq":,"reason":"silence"}' +
    '{"type":"caption","kind":"final","utterance":{"epoch":1,"index":1},"revision":1,"seq":1,"text":"' +
    ' that have with this will would there their what about because know think people could and the of to in ' +
    '","stable":1,"startMs":1,"endMs":1,"language":"en","marks":{',
)
/** A block is a few KiB: small tables and a small output do as well, and less is allocated and thrown away for each. */
const DEFLATE = { level: 3, windowBits: 13, memLevel: 5, chunkSize: 4_096, dictionary: DICTIONARY }
const INFLATE = { windowBits: 13, dictionary: DICTIONARY }

const LETTERS = { final: 'f', abandoned: 'a', ended: 'e', translation: 't', polished: 'p' } as const
const KINDS = { f: 'final', a: 'abandoned', e: 'ended', t: 'translation', p: 'polished' } as const

/** A run of events without a hole. */
export interface HistoryBlock {
  readonly firstSeq: number
  readonly lastSeq: number
  readonly deflated: Buffer
}

/** What it takes of the memory. */
export const blockBytes = (block: HistoryBlock): number => block.deflated.length + BLOCK_OVERHEAD_BYTES

/** `events`: one at least, their seqs rising by one; their JSON without line breaks, as JSON.stringify writes it. */
export function sealBlock(events: readonly HistoryEvent[]): HistoryBlock {
  const lines = events.map((event) => LETTERS[event.kind] + event.json)
  const deflated = deflateRawSync(lines.join('\n'), DEFLATE)
  // Of a size of its own: what zlib returns is cut from a larger buffer and would keep all of it.
  const exact = Buffer.allocUnsafeSlow(deflated.length)
  deflated.copy(exact)
  const firstSeq = events[0]?.seq ?? 0
  return { firstSeq, lastSeq: firstSeq + events.length - 1, deflated: exact }
}

/** The events as they were. For the moment only: each text keeps that of the whole block. */
export function openBlock(block: HistoryBlock): HistoryEvent[] {
  const lines = inflateRawSync(block.deflated, INFLATE).toString().split('\n')
  return lines.map((line, index) => ({
    seq: block.firstSeq + index,
    kind: KINDS[line.charAt(0) as keyof typeof KINDS],
    json: line.slice(1),
  }))
}
