// A text desk on a clock that stands still, over workers that a test drives; and whoever asks it.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { ManualClock } from '@parley/kernel/testing'
import type { TextEngineInfo } from '@parley/protocol'
import { silentLogger } from '@parley/telemetry'
import { MemoryBudgetStore, type TextOutcome, type TextWish } from '@parley/text'
import { TextDesk, type TextDeskOptions } from '../../text/text-desk.ts'
import type { TextWorkers } from '../../text/text-workers.ts'
import { ManualTextWorkers } from './manual-text-workers.ts'

export const TEXT_CONFIG: TextDeskOptions['config']['text'] = {
  partialWaitMs: 2_000,
  finalDeadlineMs: 30_000,
  cacheBytes: 1_000_000,
  cacheMinutes: 240,
  engines: [],
}

export const APERTIUM: TextEngineInfo = {
  name: 'apertium',
  kind: 'translate',
  ready: true,
  pairs: [
    { from: 'en', to: 'es' },
    { from: 'en', to: 'ca', via: ['es'] },
  ],
}
export const OPENAI: TextEngineInfo = { name: 'openai', kind: 'translate', ready: true, provider: 'openai' }
export const HARPER: TextEngineInfo = { name: 'harper', kind: 'polish', ready: true, languages: ['en'] }
export const OPENAI_PROVIDER = { id: 'openai', roles: ['translate', 'polish'] }

export interface DeskSettings {
  readonly text?: Partial<TextDeskOptions['config']['text']>
  readonly providers?: TextDeskOptions['config']['providers']
  readonly clock?: ManualClock
  readonly onUsage?: TextDeskOptions['onUsage']
  readonly store?: TextDeskOptions['store']
  readonly sharers?: TextDeskOptions['sharers']
  readonly sharedTexts?: TextDeskOptions['sharedTexts']
}

/** One who asks; what it was told. */
export class Asked {
  readonly outcomes: TextOutcome[] = []
  readonly told: number[] = []
  handle: { cancel(): void } | undefined

  cancel(): void {
    this.handle?.cancel()
  }
  /** In one word: the text, or why there is none; - while there is nothing. */
  get word(): string {
    const [outcome] = this.outcomes
    if (!outcome) return '-'
    if (outcome.is === 'done') return outcome.text
    return `${outcome.is} ${outcome.reason}`
  }
}

export function askOf(desk: TextDesk, clock: ManualClock, wish: Partial<TextWish> = {}): Asked {
  const asked = new Asked()
  const { kind = 'translate' } = wish
  const target = kind === 'translate' ? { to: 'es' } : {}
  const whole = {
    tenant: 'acme',
    sessionId: 'ses_a',
    kind,
    isFinal: true,
    text: 'hello',
    from: 'en',
    ...target,
    ...wish,
  }
  asked.handle = desk.ask(whole, (outcome) => {
    assert.ok(asked.handle, 'never told before ask has returned')
    asked.outcomes.push(outcome)
    asked.told.push(clock.nowMs())
  })
  return asked
}

/** Closed, and checked, when the test ends. */
export function createDesk(
  context: TestContext,
  workers: TextWorkers,
  clock: ManualClock,
  settings: DeskSettings = {},
): TextDesk {
  const desk = new TextDesk({
    clock,
    logger: silentLogger,
    config: { text: { ...TEXT_CONFIG, ...settings.text }, providers: settings.providers ?? [] },
    workers,
    store: settings.store ?? new MemoryBudgetStore(clock),
    sharers: settings.sharers,
    sharedTexts: settings.sharedTexts,
    podId: 'pod_test',
    cacheSecret: new Uint8Array(32).fill(1),
    onUsage: settings.onUsage,
  })
  context.after(() => desk.close())
  return desk
}

export async function deskRig(context: TestContext, settings: DeskSettings, ...engines: TextEngineInfo[]) {
  const clock = settings.clock ?? new ManualClock()
  const workers = new ManualTextWorkers(...engines)
  const desk = createDesk(context, workers, clock, settings)
  context.after(async () => {
    await desk.close()
    assert.deepEqual([clock.pendingTimers, workers.listenerCount, workers.size], [0, 0, 0], 'nothing is left')
  })
  // The first slice of each budget comes a moment later.
  await clock.advanceAsync(0)
  return {
    clock,
    workers,
    desk,
    ask: (wish: Partial<TextWish> = {}) => askOf(desk, clock, wish),
    /** Lets `ms` pass, with time for what is told a moment later. */
    pass: (ms: number, stepMs = ms) => clock.advanceAsync(ms, stepMs),
  }
}
