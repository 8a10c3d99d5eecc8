// The page's client port bound to the client library. The only file of the page that knows the library's shape.
import {
  CaptureError,
  createSession,
  DEFAULT_AUDIO,
  isConnected,
  KEPT_AUDIO_MS,
  LagTracker,
  type Microphone,
  openMicrophone,
  type ParleyApi,
  ParleyClientError,
  type ParleySession,
  type ParleyWatcher,
  parleyApi,
  playSample,
  type ReceivedCaption,
  type SamplePlayback,
  watch,
} from '@parley/client/browser'
import { systemClock } from '@parley/kernel'
import type { AudioFormat, Welcome } from '@parley/protocol'
import type {
  CaptionClient,
  CaptionRun,
  CaptionWish,
  Outcome,
  OwnRun,
  PageInfo,
  RunEvent,
  StartOptions,
  Trouble,
  WatchLinkInfo,
} from './caption-client.ts'
import { formatText, troubleOfCapture, troubleOfError, troubleOfState, utteranceKey } from './client-words.ts'
import { followRefined, Hearing, setOf } from './refined-captions.ts'

/** Levels are told at most this often; the loudest in between counts. */
const LEVEL_EVERY_MS = 60
// A build without the sample's file has no sample to offer, and nothing else is different.
const SAMPLE_URL = Object.values(
  import.meta.glob<string>('../../../samples/hello.wav', { query: '?url', import: 'default', eager: true }),
)[0]

type Listener = (event: RunEvent) => void

/** For the page at this window's address. */
export function parleyCaptionClient(): CaptionClient {
  const api = parleyApi({ url: window.location.origin, pageCookie: true })
  return {
    hasSample: SAMPLE_URL !== undefined,
    openPage: (code) => openPage(api, code),
    start: (options, onEvent) => new SpeakingRun(api, options, onEvent),
    watch: (token, wish, onEvent) => new WatchingRun(api, { token, wish }, onEvent),
  }
}

async function openPage(api: ParleyApi, code: string | undefined): Promise<Outcome<PageInfo>> {
  const redeemed = code === undefined ? undefined : await attempt(() => api.openPageSession(code))
  if (redeemed?.ok) return redeemed
  // A used address opened again in a browser that is let in already needs no new code.
  const info = await attempt(() => api.getPageInfo())
  if (redeemed !== undefined && info.ok && !info.value.authenticated) return redeemed
  return info
}

async function attempt<T>(work: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await work() }
  } catch (thrown) {
    return { ok: false, error: troubleOfError(thrown) }
  }
}

/** Events up to the end of a run, which comes once and is the last. */
class RunEvents {
  readonly #onEvent: Listener
  #isOver = false

  constructor(onEvent: Listener) {
    this.#onEvent = onEvent
  }

  get isOver(): boolean {
    return this.#isOver
  }

  tell(event: RunEvent): void {
    if (!this.#isOver) this.#onEvent(event)
  }

  end(trouble: Trouble | undefined): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#onEvent(trouble ? { type: 'ended', trouble } : { type: 'ended' })
  }

  silence(): void {
    this.#isOver = true
  }
}

async function troubleOfStart(api: ParleyApi, thrown: unknown): Promise<Trouble> {
  if (!(thrown instanceof CaptureError)) return troubleOfError(thrown)
  const mayBePod = thrown.problem === 'in-use' || thrown.problem === 'not-supported'
  // A part of the audio graph is a file of the pod: a pod that is gone looks like a microphone that does not start.
  const answer = mayBePod ? await attempt(() => api.getPageInfo()) : undefined
  return answer && !answer.ok ? answer.error : troubleOfCapture(thrown.problem)
}

class SpeakingRun implements OwnRun {
  readonly #api: ParleyApi
  readonly #events: RunEvents
  #session: ParleySession | undefined
  #microphone: Microphone | undefined
  #playback: SamplePlayback | undefined
  #lag: LagTracker | undefined
  #isLive = false
  #isEnding = false
  #wish: CaptionWish
  #targets: Targets = {}
  readonly #hearing: Hearing
  #levelPeak = 0
  #levelAtMs = Number.NEGATIVE_INFINITY

  constructor(api: ParleyApi, options: StartOptions, onEvent: Listener) {
    this.#api = api
    this.#events = new RunEvents(onEvent)
    this.#wish = options.wish
    this.#hearing = new Hearing((event) => this.#events.tell(event))
    const work = options.source === 'microphone' ? this.#speak(options) : this.#play(options)
    work.catch(async (thrown) => this.#end(await troubleOfStart(api, thrown)))
  }

  stop(): void {
    void this.#finish()
  }

  abort(): void {
    this.#events.silence()
    this.#release()
  }

  tryNow(): void {
    this.#session?.networkChanged()
  }

  want(wish: CaptionWish): void {
    this.#wish = wish
    this.#session?.setCaptions(setOf(wish))
    this.#hearing.only(wish.hear)
  }

  mute(isMuted: boolean): void {
    this.#microphone?.mute(isMuted)
  }

  async createWatchLink(lifetimeMs: number): Promise<Outcome<WatchLinkInfo>> {
    const session = this.#session
    if (!session) return { ok: false, error: { kind: 'lost' } }
    return await attempt(() => session.createWatchLink(lifetimeMs))
  }

  async revokeWatchLink(linkId: string): Promise<Outcome<void>> {
    const session = this.#session
    if (!session) return { ok: false, error: { kind: 'lost' } }
    return await attempt(() => session.api.revokeWatchLink(session.sessionId, linkId))
  }

  async #speak(options: StartOptions): Promise<void> {
    const microphone = await openMicrophone()
    if (this.#events.isOver) return void microphone.stop()
    this.#microphone = microphone
    microphone.on('failed', () => this.#end({ kind: 'microphone', problem: 'lost' }))
    const session = await this.#open(options, microphone.format)
    if (!session) return
    // From here on sound is kept until the pod takes it, so that nobody has to wait for "listening" to begin.
    microphone.sendTo(session)
    microphone.on('level', ({ peakRatio }) => {
      this.#anchor(microphone.format)
      this.#tellLevel(microphone.isMuted ? 0 : peakRatio)
    })
    await session.connect()
  }

  async #play(options: StartOptions): Promise<void> {
    // The recording has no more than this to give, and an encoder could only take from it.
    const format = DEFAULT_AUDIO
    const session = await this.#open(options, format)
    if (!session) return
    await session.connect()
    const url = SAMPLE_URL ?? ''
    const onLevel = ({ peakRatio }: { readonly peakRatio: number }) => this.#tellLevel(peakRatio)
    const playback = await playSample({ url, format, sink: session, isAloud: true, onLevel }).catch(() => undefined)
    if (!playback) return this.#end({ kind: 'sample' })
    this.#anchor(format)
    this.#playback = playback
    if (this.#isEnding || this.#events.isOver) {
      playback.stop()
      return
    }
    await playback.finished
    await this.#finish()
  }

  /** Reserves the session; undefined when the run was given up meanwhile. */
  async #open(options: StartOptions, audio: AudioFormat): Promise<ParleySession | undefined> {
    this.#events.tell({ type: 'connecting' })
    const { language } = options
    // Engines come and go: what the page heard when it was opened may be old.
    const page = await attempt(() => this.#api.getPageInfo())
    if (page.ok) this.#targets = page.value.targets
    const session = await createSession({
      url: window.location.origin,
      pageCookie: true,
      audio,
      captions: setOf(this.#wish),
      ...(language === undefined ? {} : { language }),
    })
    this.#session = session
    if (this.#events.isOver) {
      this.#release()
      return undefined
    }
    session.on('caption', (caption) => this.#events.tell(this.#captionEvent(caption)))
    followRefined(session, this.#hearing, (event) => this.#events.tell(event))
    session.on('abandoned', ({ utterance }) =>
      this.#events.tell({ type: 'abandoned', utterance: utteranceKey(utterance) }),
    )
    session.on('watchers', (count) => this.#events.tell({ type: 'watchers', count }))
    session.on('error', (error) => {
      if (this.#isLive) this.#events.tell({ type: 'trouble', trouble: troubleOfError(error) })
    })
    session.on('resumed', ({ resentMs, lostMs, movedTo }) =>
      this.#events.tell({ type: 'resumed', resentMs, lostMs, isMoved: movedTo !== undefined }),
    )
    session.on('missed', ({ firstSeq, lastSeq }) =>
      this.#events.tell({ type: 'missed', count: lastSeq - firstSeq + 1 }),
    )
    session.on('state', () => this.#onState())
    return session
  }

  #onState(): void {
    const session = this.#session
    if (!session) return
    const { state, welcome } = session
    if (state.kind === 'lost' || state.kind === 'closed') {
      const trouble = troubleOfState(state)
      if (trouble) this.#end(trouble)
    } else if (state.kind === 'reconnecting') {
      this.#events.tell({ type: 'reconnecting', keptMs: KEPT_AUDIO_MS })
    } else if (!this.#isLive && welcome) {
      this.#isLive = true
      this.#events.tell({ ...welcomeEvent(welcome, this.#targets), codec: formatText(session.audioFormat) })
    } else if (this.#isLive && isConnected(state)) {
      this.#events.tell({ type: 'speech', state: state.kind === 'live' ? 'ready' : 'waiting' })
    }
  }

  #captionEvent(caption: ReceivedCaption): RunEvent {
    const lagMs = caption.kind === 'final' ? this.#lag?.lagMs(caption.endMs, caption.receivedAtMs) : undefined
    return { ...captionEvent(caption), ...(lagMs === undefined ? {} : { lagMs }) }
  }

  /** Media time 0 is the first frame: the clock of every lag. */
  #anchor(format: AudioFormat): void {
    if (this.#lag) return
    this.#lag = new LagTracker(format.frameMs)
    this.#lag.anchor(0, systemClock.nowMs())
  }

  #tellLevel(peakRatio: number): void {
    this.#levelPeak = Math.max(this.#levelPeak, peakRatio)
    const nowMs = systemClock.nowMs()
    if (!this.#isLive || nowMs - this.#levelAtMs < LEVEL_EVERY_MS) return
    this.#events.tell({ type: 'level', peakRatio: this.#levelPeak })
    this.#levelPeak = 0
    this.#levelAtMs = nowMs
  }

  /** Ends the sound, waits for the last captions, says goodbye. */
  async #finish(): Promise<void> {
    const session = this.#session
    if (!session || this.#isEnding || this.#events.isOver) return
    this.#isEnding = true
    this.#events.tell({ type: 'finishing' })
    this.#playback?.stop()
    await this.#microphone?.stop()
    const ended = await attempt(() => session.endAudio())
    this.#end(ended.ok ? undefined : ended.error)
  }

  #end(trouble: Trouble | undefined): void {
    this.#events.end(trouble)
    this.#release()
  }

  #release(): void {
    this.#playback?.stop()
    void this.#microphone?.stop()
    this.#hearing.close()
    void this.#session?.close()
  }
}

class WatchingRun implements CaptionRun {
  readonly #events: RunEvents
  #watcher: ParleyWatcher | undefined
  readonly #hearing: Hearing
  #wish: CaptionWish
  #targets: Targets = {}
  #hasJoined = false

  constructor(api: ParleyApi, { token, wish }: { token: string; wish: CaptionWish }, onEvent: Listener) {
    this.#events = new RunEvents(onEvent)
    this.#wish = wish
    this.#hearing = new Hearing((event) => this.#events.tell(event))
    this.#follow(api, token).catch((thrown) => this.#events.end(troubleOfError(thrown)))
  }

  stop(): void {
    this.#events.end(undefined)
    this.#release()
  }

  abort(): void {
    this.#events.silence()
    this.#release()
  }

  want(wish: CaptionWish): void {
    this.#wish = wish
    this.#watcher?.setCaptions(setOf(wish))
    this.#hearing.only(wish.hear)
  }

  #release(): void {
    this.#hearing.close()
    void this.#watcher?.close()
  }

  tryNow(): void {
    this.#watcher?.networkChanged()
  }

  async #follow(api: ParleyApi, token: string): Promise<void> {
    const { socketUrl, targets } = await api.getPageInfo()
    this.#targets = targets
    if (this.#events.isOver) return
    if (socketUrl === undefined) {
      throw new ParleyClientError('BAD_ANSWER', { detail: 'the pod names no WebSocket address' })
    }
    const watcher = watch({ url: socketUrl, token, captions: setOf(this.#wish) })
    this.#watcher = watcher
    watcher.on('caption', (caption) => this.#onCaption(watcher, caption))
    followRefined(
      watcher,
      this.#hearing,
      (event) => this.#events.tell(event),
      () => watcher.historyTo ?? 0,
    )
    watcher.on('abandoned', ({ utterance }) =>
      this.#events.tell({ type: 'abandoned', utterance: utteranceKey(utterance) }),
    )
    watcher.on('resumed', ({ movedTo }) =>
      this.#events.tell({ type: 'resumed', resentMs: 0, lostMs: 0, isMoved: movedTo !== undefined }),
    )
    watcher.on('missed', ({ firstSeq, lastSeq }) =>
      this.#events.tell({ type: 'missed', count: lastSeq - firstSeq + 1 }),
    )
    watcher.on('state', () => this.#onState(watcher))
    this.#events.tell({ type: 'connecting' })
    await watcher.connect()
  }

  #onState({ state, welcome }: ParleyWatcher): void {
    if (state.kind === 'lost' || state.kind === 'closed') {
      this.#events.end(troubleOfState(state))
    } else if (state.kind === 'reconnecting') {
      this.#events.tell({ type: 'reconnecting' })
    } else if (!this.#hasJoined && welcome) {
      this.#hasJoined = true
      this.#events.tell(welcomeEvent(welcome, this.#targets))
    } else {
      this.#events.tell({ type: 'speech', state: state.kind === 'live' ? 'ready' : 'waiting' })
    }
  }

  /** Said before this page came is history; what was said while the line was broken is news. */
  #onCaption({ historyTo = 0 }: ParleyWatcher, caption: ReceivedCaption): void {
    const isHistory = caption.kind === 'final' && (caption.seq ?? 0) <= historyTo
    this.#events.tell({ ...captionEvent(caption), isHistory })
  }
}

/** Languages each spoken one can be translated into. */
type Targets = Readonly<Record<string, readonly string[]>>

function welcomeEvent(welcome: Welcome, targets: Targets): Extract<RunEvent, { type: 'welcome' }> {
  const { sessionId, language, speech } = welcome
  return { type: 'welcome', sessionId, language, speech, targets: targets[language] ?? [] }
}

function captionEvent(caption: ReceivedCaption): Extract<RunEvent, { type: 'caption' }> {
  const { kind, utterance, text, stable, startMs } = caption
  return { type: 'caption', kind, utterance: utteranceKey(utterance), text, stable, startMs }
}
