// Shell between the client and the page's state: starts and ends runs, retries, shares. Draws nothing, decides little:
// what a state means is the reducer's, when to retry is model/retry.ts.
import { type Clock, Scope, type Timer } from '@parley/kernel'
import type { CaptionClient, CaptionRun, CaptionWish, OwnRun, RunEvent, Source, Trouble } from './caption-client.ts'
import { captionReducer } from './model/caption-reducer.ts'
import { type CaptionAction, type CaptionState, initialState, isRunning, isSpeaking } from './model/caption-state.ts'
import { isQuiet, type Level, nextLevel } from './model/level.ts'
import { retryDelayMs } from './model/retry.ts'
import { missedText, resumedText } from './model/status-words.ts'
import { Store } from './model/store.ts'

const NOTICE_MS = 4_000
/**
 * A break of less than this nobody notices, above all the one of a pod that hands its sessions on: it is not told, neither to the eye nor to the ear. What is
 * said meanwhile is kept as in a longer one.
 */
export const BRIEF_BREAK_MS = 1_000

/** What a run is started with, kept for retries. */
type Attempt =
  | { readonly kind: 'own'; readonly source: Source; readonly language: string | undefined }
  | { readonly kind: 'watch'; readonly token: string }

export interface ControllerOptions {
  readonly client: CaptionClient
  readonly clock: Clock
  readonly role: 'owner' | 'watcher'
  readonly wish: CaptionWish
}

export class CaptionController {
  readonly store: Store<CaptionState, CaptionAction>
  readonly #client: CaptionClient
  readonly #clock: Clock
  readonly #scope: Scope
  readonly #levelListeners = new Set<(level: Level) => void>()
  #attempt: Attempt | undefined
  #run: CaptionRun | undefined
  #ownRun: OwnRun | undefined
  #retries = 0
  #retryTimer: Timer | undefined
  #level: Level | undefined
  /** Tells a break that lasts; armed from its beginning until it is told or over. */
  #breakTimer: Timer | undefined

  constructor(options: ControllerOptions) {
    this.#client = options.client
    this.#clock = options.clock
    this.#scope = new Scope(options.clock)
    this.store = new Store(captionReducer, initialState(options.role, options.wish))
  }

  get hasSample(): boolean {
    return this.#client.hasSample
  }

  /** Begins a session of captions. Ignored while one is running. */
  start(source: Source, language?: string): void {
    this.#begin({ kind: 'own', source, language })
  }

  /** Follows somebody else's session. Ignored while one is followed. */
  watch(token: string): void {
    this.#begin({ kind: 'watch', token })
  }

  /** Starts what was started last once more. */
  again(): void {
    if (this.#attempt) this.#begin(this.#attempt)
  }

  /** Skips the wait before the next attempt. */
  retryNow(): void {
    const { phase } = this.store.get()
    if (phase.kind === 'retrying') this.#launch()
    else if (phase.kind === 'reconnecting') this.#run?.tryNow()
  }

  /** Nothing of what is said is sent any more, or again. */
  mute(isMuted: boolean): void {
    const { phase, source } = this.store.get()
    if (!isSpeaking(phase) || source !== 'microphone') return
    this.#ownRun?.mute(isMuted)
    this.store.dispatch({ type: 'muted', isMuted })
  }

  /** What this reader wants from now on, of this run and those after it. */
  want(wish: CaptionWish): void {
    this.store.dispatch({ type: 'wish', wish })
    this.#run?.want(wish)
  }

  /** Live: ends the sound and waits for the last captions. Before that: gives up at once. */
  stop(): void {
    const { phase } = this.store.get()
    if (!isRunning(phase) || phase.kind === 'finishing') return
    if (isSpeaking(phase)) this.#run?.stop()
    else this.#dropRun()
    this.store.dispatch({ type: 'stopping' })
  }

  async share(lifetimeMs: number): Promise<void> {
    const run = this.#ownRun
    if (!run || this.store.get().share.kind === 'asking') return
    this.store.dispatch({ type: 'share', share: { kind: 'asking' } })
    const outcome = await run.createWatchLink(lifetimeMs)
    if (run !== this.#ownRun) return
    this.store.dispatch({
      type: 'share',
      share: outcome.ok
        ? { kind: 'shared', link: outcome.value, isRevoking: false }
        : { kind: 'failed', trouble: outcome.error },
    })
  }

  async revoke(): Promise<void> {
    const run = this.#ownRun
    const { share } = this.store.get()
    if (!run || share.kind !== 'shared' || share.isRevoking) return
    this.store.dispatch({ type: 'share', share: { ...share, isRevoking: true } })
    const outcome = await run.revokeWatchLink(share.link.linkId)
    if (run !== this.#ownRun) return
    // A link that is gone already is as good as revoked.
    const isGone = outcome.ok || (outcome.error.kind === 'refused' && outcome.error.code === 'NOT_FOUND')
    if (isGone) {
      this.store.dispatch({ type: 'share', share: { kind: 'none' } })
      this.notice('The watch link no longer works')
    } else this.store.dispatch({ type: 'share', share: { kind: 'failed', trouble: outcome.error } })
  }

  /** Shows and speaks a short confirmation. */
  notice(text: string): void {
    this.store.dispatch({ type: 'notice', text })
    const id = this.store.get().notice?.id ?? 0
    this.#scope.after(NOTICE_MS, () => this.store.dispatch({ type: 'notice.over', id }))
  }

  clear(): void {
    this.store.dispatch({ type: 'clear' })
  }

  /** Calls `listener` with each level, outside the state: twenty a second need no redrawing of the page. */
  onLevel(listener: (level: Level) => void): () => void {
    this.#levelListeners.add(listener)
    return () => {
      this.#levelListeners.delete(listener)
    }
  }

  /** The page is left: ends whatever runs at once. It can be started again. */
  leave(): void {
    if (!isRunning(this.store.get().phase)) return
    this.#dropRun()
    const event: RunEvent = { type: 'ended', trouble: { kind: 'lost' } }
    this.store.dispatch({ type: 'run', event, nowMs: this.#clock.nowMs() })
  }

  close(): void {
    this.#dropRun()
    void this.#scope.close()
  }

  #begin(attempt: Attempt): void {
    if (isRunning(this.store.get().phase)) return
    this.#attempt = attempt
    this.#retries = 0
    this.#launch()
  }

  #launch(): void {
    const attempt = this.#attempt
    if (!attempt) return
    this.#dropRun()
    const source = attempt.kind === 'own' ? attempt.source : undefined
    this.store.dispatch({ type: 'starting', source, wallMs: this.#clock.wallMs() })
    let isCurrent = true
    const onEvent = (event: RunEvent) => {
      if (isCurrent) this.#onEvent(event)
    }
    const run =
      attempt.kind === 'own'
        ? this.#startOwn(attempt, onEvent)
        : this.#client.watch(attempt.token, this.store.get().wish, onEvent)
    this.#run = {
      stop: () => run.stop(),
      tryNow: () => run.tryNow(),
      want: (wish) => run.want(wish),
      abort: () => {
        isCurrent = false
        run.abort()
      },
    }
  }

  #startOwn(attempt: Extract<Attempt, { kind: 'own' }>, onEvent: (event: RunEvent) => void): OwnRun {
    const { source, language } = attempt
    const { wish } = this.store.get()
    this.#ownRun = this.#client.start({ source, wish, ...(language === undefined ? {} : { language }) }, onEvent)
    return this.#ownRun
  }

  #onEvent(event: RunEvent): void {
    switch (event.type) {
      case 'level':
        this.#onLevel(event.peakRatio)
        return
      case 'welcome':
        this.#retries = 0
        break
      case 'ended':
        this.#onEnded(event.trouble)
        return
      case 'reconnecting':
        this.#onBreak(event)
        return
      case 'resumed':
        this.#endOfBreak()
        break
      default:
        break
    }
    const wasReconnecting = this.store.get().phase.kind === 'reconnecting'
    this.store.dispatch({ type: 'run', event, nowMs: this.#clock.nowMs() })
    if (event.type === 'resumed' && (wasReconnecting || event.lostMs > 0)) {
      this.notice(resumedText(event.resentMs, event.lostMs, event.isMoved))
    }
    if (event.type === 'missed') this.notice(missedText(event.count))
  }

  /** Comes with each attempt anew: the first of a break counts. */
  #onBreak(event: RunEvent): void {
    const nowMs = this.#clock.nowMs()
    this.#breakTimer ??= this.#scope.after(BRIEF_BREAK_MS, () => {
      this.#breakTimer = undefined
      this.store.dispatch({ type: 'run', event, nowMs })
    })
  }

  #endOfBreak(): void {
    this.#breakTimer?.cancel()
    this.#breakTimer = undefined
  }

  #onEnded(trouble: Trouble | undefined): void {
    const { role, phase } = this.store.get()
    const wasLive = isSpeaking(phase) || phase.kind === 'finishing'
    this.#dropRun()
    const delayMs = trouble && retryDelayMs(role, trouble, this.#retries, wasLive)
    if (trouble === undefined || delayMs === undefined) {
      const event: RunEvent = trouble ? { type: 'ended', trouble } : { type: 'ended' }
      this.store.dispatch({ type: 'run', event, nowMs: this.#clock.nowMs() })
      return
    }
    this.#retries += 1
    this.store.dispatch({ type: 'retrying', trouble, retryAtMs: this.#clock.nowMs() + delayMs })
    this.#retryTimer = this.#scope.after(delayMs, () => this.#launch())
  }

  #onLevel(peakRatio: number): void {
    this.#level = nextLevel(this.#level, peakRatio, this.#clock.nowMs())
    const { source, isMuted } = this.store.get()
    this.store.dispatch({ type: 'quiet', isQuiet: source === 'microphone' && !isMuted && isQuiet(this.#level) })
    for (const listener of this.#levelListeners) listener(this.#level)
  }

  #dropRun(): void {
    this.#retryTimer?.cancel()
    this.#retryTimer = undefined
    this.#endOfBreak()
    this.#run?.abort()
    this.#run = undefined
    this.#ownRun = undefined
    this.#level = undefined
  }
}
