import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  appendLine,
  appendMark,
  clockText,
  drawnPart,
  EMPTY_TRANSCRIPT,
  type Line,
  MAX_LINES,
  type Transcript,
  transcriptText,
} from './transcript.ts'

const line = (index: number): Line => ({
  kind: 'line',
  key: `l${index}`,
  text: `Line ${index}.`,
  translations: [],
  startMs: index * 1_000,
})

/** A transcript of `count` lines without the cost of appending each. */
function filled(count: number): Transcript {
  return { entries: Array.from({ length: count }, (_, index) => line(index)), lineCount: count, droppedCount: 0 }
}

test('[PG6] beyond the bound the oldest line goes and is counted', () => {
  const full = appendLine(appendLine(filled(MAX_LINES), line(MAX_LINES)), line(MAX_LINES + 1))
  assert.equal(full.lineCount, MAX_LINES)
  assert.equal(full.entries.length, MAX_LINES)
  assert.equal(full.droppedCount, 2)
  assert.equal(full.entries[0]?.key, 'l2')
})

test('[PG6] a session mark whose lines are all gone goes with them', () => {
  const marked = appendMark(EMPTY_TRANSCRIPT, { kind: 'mark', key: 'm1', startedAtMs: 0 })
  const one = appendLine(marked, line(0))
  const second = appendMark(one, { kind: 'mark', key: 'm2', startedAtMs: 1 })
  let transcript: Transcript = { ...second, lineCount: MAX_LINES }
  transcript = appendLine(transcript, line(1))
  assert.deepEqual(
    transcript.entries.map((entry) => entry.key),
    ['m2', 'l1'],
  )
})

test('[PG6] only the newest part is drawn; the rest is a number', () => {
  const part = drawnPart(filled(250), 200)
  assert.equal(part.hiddenCount, 50)
  assert.equal(part.entries.length, 200)
  assert.equal(part.entries[0]?.key, 'l50')
  assert.equal(drawnPart(filled(10), 200).hiddenCount, 0)
})

test('[PG2] empty finals and repeated ones add no line', () => {
  const once = appendLine(EMPTY_TRANSCRIPT, line(1))
  assert.equal(appendLine(once, line(1)), once)
  assert.equal(appendLine(once, { ...line(2), text: '  ' }), once)
})

test('[PG6] a session in which nothing was said leaves no heading when the next begins', () => {
  const twice = appendMark(appendMark(EMPTY_TRANSCRIPT, { kind: 'mark', key: 'a', startedAtMs: 1 }), {
    kind: 'mark',
    key: 'b',
    startedAtMs: 2,
  })
  assert.deepEqual(
    twice.entries.map((entry) => entry.key),
    ['b'],
  )
})

test('[PG7] the text form has a heading per session, times, and says what was not kept', () => {
  const transcript: Transcript = {
    entries: [
      { kind: 'mark', key: 'm', startedAtMs: 7 },
      line(3),
      { kind: 'mark', key: 'n', startedAtMs: 8 },
      line(65),
    ],
    lineCount: 2,
    droppedCount: 4,
  }
  assert.equal(
    transcriptText(transcript, (wallMs) => `day ${wallMs}`),
    [
      '(The first 4 lines were not kept.)',
      '',
      '',
      'Captions of day 7',
      '',
      '[0:03] Line 3.',
      '',
      'Captions of day 8',
      '',
      '[1:05] Line 65.',
      '',
    ].join('\n'),
  )
  assert.equal(
    transcriptText(EMPTY_TRANSCRIPT, () => ''),
    '',
  )
})

test('[PG7] media time reads as a clock', () => {
  assert.deepEqual([0, 7_900, 765_000, 3_729_000, -5].map(clockText), ['0:00', '0:07', '12:45', '1:02:09', '0:00'])
})
