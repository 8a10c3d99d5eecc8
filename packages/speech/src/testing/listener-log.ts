// Writes down what a listener is told and checks the order that the port promises (UT1) as it goes.
import assert from 'node:assert/strict'
import type { AbandonReason } from '@parley/protocol'
import type { RecognisedFinal, RecognisedPartial, RecognitionListener } from '../recogniser.ts'

export type Told =
  | ({ readonly type: 'partial' } & RecognisedPartial)
  | ({ readonly type: 'final' } & RecognisedFinal)
  | { readonly type: 'abandoned'; readonly index: number; readonly reason: AbandonReason; readonly settledMs: number }
  | { readonly type: 'settled'; readonly settledMs: number }
  | { readonly type: 'flushed'; readonly flushId: number; readonly settledMs: number }
  | { readonly type: 'failed'; readonly message: string }

export class ListenerLog implements RecognitionListener {
  readonly told: Told[] = []

  onPartial(partial: RecognisedPartial): void {
    this.told.push({ type: 'partial', ...partial })
  }
  onFinal(final: RecognisedFinal): void {
    this.told.push({ type: 'final', ...final })
  }
  onAbandoned(abandoned: { readonly index: number; readonly reason: AbandonReason; readonly settledMs: number }): void {
    this.told.push({ type: 'abandoned', ...abandoned })
  }
  onSettled(settledMs: number): void {
    this.told.push({ type: 'settled', settledMs })
  }
  onFlushed(flushId: number, settledMs: number): void {
    this.told.push({ type: 'flushed', flushId, settledMs })
  }
  onFailed(message: string): void {
    this.told.push({ type: 'failed', message })
  }

  get partials(): Extract<Told, { type: 'partial' }>[] {
    return this.told.filter((entry) => entry.type === 'partial')
  }
  get finals(): Extract<Told, { type: 'final' }>[] {
    return this.told.filter((entry) => entry.type === 'final')
  }
  get abandoned(): Extract<Told, { type: 'abandoned' }>[] {
    return this.told.filter((entry) => entry.type === 'abandoned')
  }
  get flushes(): Extract<Told, { type: 'flushed' }>[] {
    return this.told.filter((entry) => entry.type === 'flushed')
  }
  /** Texts of the finals in order. */
  get transcript(): string[] {
    return this.finals.map(({ text }) => text)
  }
  isFlushed(flushId: number): boolean {
    return this.flushes.some((flush) => flush.flushId === flushId)
  }

  /** Throws unless every utterance has partials, then one outcome, with indices rising by one from `firstIndex`. */
  assertOrder(firstIndex: number): void {
    let next = firstIndex
    let stable = ''
    let settledMs = Number.NEGATIVE_INFINITY
    for (const entry of this.told) {
      if (entry.type === 'partial') {
        assert.equal(entry.index, next, `a partial of ${entry.index} while ${next} is the open one`)
        assert.ok(entry.text.startsWith(stable), `"${entry.text}" does not repeat the stable "${stable}"`)
        assert.ok(entry.stable <= entry.text.length && entry.endMs >= entry.startMs)
        stable = entry.text.slice(0, entry.stable)
      } else if (entry.type === 'final' || entry.type === 'abandoned') {
        assert.equal(entry.index, next, `${entry.type} of ${entry.index} while ${next} is the open one`)
        next++
        stable = ''
      }
      if (entry.type === 'final') assert.ok(entry.text !== '' && entry.endMs > entry.startMs && entry.decideMs >= 0)
      if ('settledMs' in entry) {
        assert.ok(entry.settledMs >= settledMs, `settled went back from ${settledMs} to ${entry.settledMs}`)
        settledMs = entry.settledMs
      }
    }
  }
}
