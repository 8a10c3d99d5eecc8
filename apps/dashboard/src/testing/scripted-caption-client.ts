// A caption client that does what a test tells it: every run is kept, its events are sent by hand.
import type {
  CaptionClient,
  CaptionRun,
  CaptionWish,
  Outcome,
  OwnRun,
  PageInfo,
  RunEvent,
  StartOptions,
  WatchLinkInfo,
} from '../caption-client.ts'

export class ScriptedRun implements OwnRun {
  readonly options: StartOptions | { readonly token: string; readonly wish: CaptionWish }
  readonly #onEvent: (event: RunEvent) => void
  isStopped = false
  isAborted = false
  isMuted = false
  hurries = 0
  readonly wishes: CaptionWish[] = []
  readonly revokedLinks: string[] = []
  linkOutcome: Outcome<WatchLinkInfo> = {
    ok: true,
    value: { linkId: 'wat_1', pageUrl: 'http://localhost/watch#t', expiresAtMs: 3_600_000 },
  }
  revokeOutcome: Outcome<void> = { ok: true, value: undefined }

  constructor(
    options: StartOptions | { readonly token: string; readonly wish: CaptionWish },
    onEvent: (event: RunEvent) => void,
  ) {
    this.options = options
    this.#onEvent = onEvent
  }

  send(...events: RunEvent[]): void {
    for (const event of events) this.#onEvent(event)
  }

  stop(): void {
    this.isStopped = true
  }

  abort(): void {
    this.isAborted = true
  }

  tryNow(): void {
    this.hurries++
  }

  want(wish: CaptionWish): void {
    this.wishes.push(wish)
  }

  mute(isMuted: boolean): void {
    this.isMuted = isMuted
  }

  createWatchLink(): Promise<Outcome<WatchLinkInfo>> {
    return Promise.resolve(this.linkOutcome)
  }

  revokeWatchLink(linkId: string): Promise<Outcome<void>> {
    this.revokedLinks.push(linkId)
    return Promise.resolve(this.revokeOutcome)
  }
}

export class ScriptedCaptionClient implements CaptionClient {
  readonly hasSample = true
  readonly runs: ScriptedRun[] = []

  get lastRun(): ScriptedRun {
    const run = this.runs.at(-1)
    if (!run) throw new Error('no run was started')
    return run
  }

  openPage(): Promise<Outcome<PageInfo>> {
    return Promise.resolve({
      ok: true,
      value: { authenticated: true, languages: ['en'], targets: { en: ['ca', 'es', 'fr'] }, version: '0.0.0' },
    })
  }

  start(options: StartOptions, onEvent: (event: RunEvent) => void): OwnRun {
    const run = new ScriptedRun(options, onEvent)
    this.runs.push(run)
    return run
  }

  watch(token: string, wish: CaptionWish, onEvent: (event: RunEvent) => void): CaptionRun {
    const run = new ScriptedRun({ token, wish }, onEvent)
    this.runs.push(run)
    return run
  }
}

export const welcome = (over: Partial<Extract<RunEvent, { type: 'welcome' }>> = {}): RunEvent => ({
  type: 'welcome',
  sessionId: 'ses_1',
  language: 'en',
  speech: 'ready',
  codec: 'Opus, 48 kHz',
  targets: ['ca', 'es', 'fr'],
  ...over,
})

export const partial = (utterance: string, text: string, stable = 0): RunEvent => ({
  type: 'caption',
  kind: 'partial',
  utterance,
  text,
  stable,
  startMs: 1_000,
})

export const final = (
  utterance: string,
  text: string,
  over: { lagMs?: number; isHistory?: boolean } = {},
): RunEvent => ({
  type: 'caption',
  kind: 'final',
  utterance,
  text,
  stable: text.length,
  startMs: 1_000,
  ...over,
})

export const translation = (
  utterance: string,
  language: string,
  text: string,
  kind: 'partial' | 'final' = 'final',
): RunEvent => ({ type: 'translation', kind, utterance, language, text })
