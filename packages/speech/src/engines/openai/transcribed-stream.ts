// A stream whose utterances are found by our own endpointing and transcribed one by one elsewhere. While somebody speaks, what was said so far is
// transcribed every now and then for the partials; at the end of the speech the whole is, and only then is the next utterance looked at.
import type { Clock } from '@parley/kernel'
import type { AdaptationState } from '@parley/protocol'
import { type AudioBlock, AudioInbox, type InboxItem } from '../../audio-inbox.ts'
import { BlockHistory, type HeardBlock } from '../../block-history.ts'
import { BLOCK_MS, CUT_SEARCH_BLOCKS, Endpointer, type EndpointingOptions, PRE_ROLL_BLOCKS } from '../../endpointing.ts'
import { StablePrefix } from '../../hypothesis.ts'
import { PauseWatch } from '../../pause-watch.ts'
import type { RecognitionListener } from '../../recogniser.ts'
import { SpeechActivity, type VoiceActivity } from '../../speech-activity.ts'
import type { UtteranceState } from '../../utterance-state.ts'
import { advanceUtterance, deliver, openUtterance, type UtteranceEvent } from '../../utterance-transitions.ts'
import type { HostedStream } from '../hosted/hosted-recogniser.ts'
import { packFloor, unpackFloor } from './room-floor.ts'
import type { UtteranceTranscriber } from './utterance-transcriber.ts'

/** Speech that is there before the first guess, and between two: each is a call that is paid for. */
const FIRST_GUESS_BLOCKS = 600 / BLOCK_MS
const GUESS_EVERY_BLOCKS = 1_000 / BLOCK_MS
/** Behind by more than this, after a failover, guesses are rarer, and are waited for: otherwise there would never be one. */
const BUSY_INBOX_BLOCKS = 25
const BUSY_GUESS_EVERY_BLOCKS = 1_500 / BLOCK_MS
const SETTLED_EVERY_BLOCKS = 25
const HISTORY_BLOCKS = CUT_SEARCH_BLOCKS + 3 * PRE_ROLL_BLOCKS
const START_LOOK_BACK_BLOCKS = 5

export interface TranscribedStreamOptions {
  readonly clock: Clock
  readonly voice: VoiceActivity
  readonly endpointing: EndpointingOptions
  readonly transcriber: UtteranceTranscriber
  readonly firstIndex: number
  readonly adaptation?: AdaptationState | undefined
  readonly listener: RecognitionListener
  /** Called once, when nothing is under way any more. */
  readonly onReleased: () => void
}

type Life = 'open' | 'closing' | 'failed'

export class TranscribedStream implements HostedStream {
  readonly #clock: Clock
  readonly #listener: RecognitionListener
  readonly #transcriber: UtteranceTranscriber
  readonly #onReleased: () => void
  readonly #inbox: AudioInbox
  readonly #endpointer: Endpointer
  readonly #activity: SpeechActivity
  readonly #history = new BlockHistory(HISTORY_BLOCKS)
  readonly #ending = new AbortController()
  #life: Life = 'open'
  #isPumping = false
  #pumping: Promise<void> = Promise.resolve()
  #closing: Promise<void> | undefined
  #utterance: UtteranceState | undefined
  #speech: Int16Array[] = []
  #prefix = new StablePrefix()
  #guessing: AbortController | undefined
  #blocksToGuess = 0
  #nextIndex: number
  #heardMs = 0
  #settledMs = Number.NEGATIVE_INFINITY
  #lastVoicedEndMs = 0
  #blocksSinceSettled = 0
  readonly #pauses = new PauseWatch()

  constructor(options: TranscribedStreamOptions) {
    const { clock, voice, endpointing, transcriber, firstIndex, adaptation, listener, onReleased } = options
    this.#clock = clock
    this.#listener = listener
    this.#transcriber = transcriber
    this.#onReleased = onReleased
    this.#nextIndex = firstIndex
    this.#inbox = new AudioInbox(endpointing.endpointMs)
    this.#endpointer = new Endpointer(endpointing)
    this.#activity = new SpeechActivity(voice)
    const floorDbfs = unpackFloor(adaptation)
    if (floorDbfs !== undefined) this.#activity.restart(floorDbfs)
  }

  push(mediaMs: number, samples: Int16Array): void {
    if (this.#life !== 'open' || samples.length === 0) return
    const nowMs = this.#clock.nowMs()
    this.#pauses.heard(nowMs)
    this.#inbox.push(mediaMs, samples, nowMs)
    this.#pump()
  }

  backlog() {
    const { length, dropped } = this.#inbox
    return { audioMs: length * BLOCK_MS, lostMsTotal: dropped * BLOCK_MS }
  }

  flush(flushId: number): void {
    if (this.#life !== 'open') return
    this.#inbox.flush(flushId)
    this.#pump()
  }

  hold(isHeld: boolean): void {
    this.#pauses.hold(isHeld)
  }

  checkIdle(nowMs: number): void {
    if (this.#life !== 'open' || !this.#pauses.isPause(nowMs)) return
    this.#inbox.idle()
    this.#pump()
  }

  close(): Promise<void> {
    if (this.#life === 'open') this.#life = 'closing'
    this.#ending.abort()
    this.#guessing?.abort()
    this.#closing ??= this.#pumping.then(() => this.#release())
    return this.#closing
  }

  #pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    this.#pumping = this.#work()
  }

  async #work(): Promise<void> {
    // Nothing is told from within the call that brought the audio.
    await undefined
    try {
      while (this.#life === 'open') {
        if (this.#inbox.dropped > 0) throw new Error('audio came faster than it was transcribed; the oldest was lost')
        const item = this.#inbox.shift()
        if (!item) return
        await this.#take(item)
      }
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#isPumping = false
    }
  }

  async #take(item: InboxItem): Promise<void> {
    if (item.kind === 'block') {
      await this.#hear(item)
      return
    }
    if (this.#endpointer.isOpen) {
      this.#endpointer.finish()
      await this.#finishUtterance()
    }
    this.#history.clear()
    if (this.#life !== 'open') return
    if (item.kind === 'gap') this.#endpointer.reset()
    else if (item.kind === 'idle') this.#settle(this.#heardMs)
    else this.#listener.onFlushed(item.flushId, this.#heardMs)
  }

  async #hear(block: AudioBlock): Promise<void> {
    const { isVoiced, levelDbfs } = this.#activity.next(block.samples)
    this.#heardMs = block.endMs
    if (isVoiced) this.#lastVoicedEndMs = block.endMs
    const heard: HeardBlock = { ...block, isVoiced }
    this.#history.push(heard)
    const decision = this.#endpointer.next(isVoiced, levelDbfs)
    if (decision === 'silence') {
      // The pre-roll of an utterance that begins now would reach back this far.
      if (++this.#blocksSinceSettled >= SETTLED_EVERY_BLOCKS) this.#settle(this.#heardMs - PRE_ROLL_BLOCKS * BLOCK_MS)
      return
    }
    if (decision === 'start') {
      this.#startUtterance()
      return
    }
    this.#speech.push(block.samples)
    if (decision === 'speech') await this.#guess()
    else if (decision === 'end') await this.#finishUtterance()
    else await this.#cutUtterance()
  }

  #settle(untilMs: number): void {
    this.#blocksSinceSettled = 0
    if (untilMs <= this.#settledMs || this.#life !== 'open') return
    this.#settledMs = untilMs
    this.#listener.onSettled(untilMs)
  }

  #startUtterance(): void {
    const noticed = this.#history.last(START_LOOK_BACK_BLOCKS)
    const startMs = (noticed.find(({ isVoiced }) => isVoiced) ?? noticed.at(-1))?.startMs ?? this.#heardMs
    this.#openUtterance(startMs, this.#history.last(PRE_ROLL_BLOCKS))
  }

  #openUtterance(startMs: number, blocks: readonly HeardBlock[]): void {
    this.#utterance = openUtterance(this.#nextIndex++, startMs)
    this.#speech = blocks.map(({ samples }) => samples)
    this.#prefix = new StablePrefix()
    this.#blocksToGuess = FIRST_GUESS_BLOCKS - blocks.length
  }

  /** At most one guess is under way; one that fails is a partial less. Undefined when there is nothing to wait for. */
  #guess(): Promise<void> | undefined {
    const isBusy = this.#inbox.length > BUSY_INBOX_BLOCKS
    if (--this.#blocksToGuess > 0 || this.#guessing) return undefined
    this.#blocksToGuess = isBusy ? BUSY_GUESS_EVERY_BLOCKS : GUESS_EVERY_BLOCKS
    const guessing = new AbortController()
    this.#guessing = guessing
    const index = this.#utterance?.index
    const endMs = this.#lastVoicedEndMs
    const guessed = this.#transcriber.guess(this.#speech.slice(), guessing.signal).then((guess) => {
      if (this.#guessing === guessing) this.#guessing = undefined
      if (!guess.ok || this.#utterance?.index !== index || this.#utterance?.kind !== 'open') return
      const { words, stableWords } = this.#prefix.next(wordsOf(guess.value))
      const text = words.join(' ')
      const stable = words.slice(0, stableWords).join(' ').length
      this.#advance({ type: 'hypothesis', text, stable, endMs })
    })
    return isBusy ? guessed : undefined
  }

  async #finishUtterance(): Promise<void> {
    const speech = this.#speech
    this.#history.clear()
    await this.#decide(speech, this.#lastVoicedEndMs, this.#heardMs)
  }

  /** Too long: it ends at its quietest point, and what comes after that begins the next. */
  async #cutUtterance(): Promise<void> {
    const carried = this.#history.last(this.#endpointer.quietestBlocksAgo())
    const cutMs = carried[0]?.startMs ?? this.#heardMs
    const speech = this.#speech.slice(0, this.#speech.length - carried.length)
    const hasWords = await this.#decide(speech, Math.min(cutMs, this.#lastVoicedEndMs), cutMs)
    if (this.#life !== 'open') return
    if (!hasWords) {
      // So much sound and not a word: it is not speech that goes on.
      this.#history.clear()
      this.#endpointer.finish()
      return
    }
    this.#endpointer.continueAfterCut(carried.length)
    this.#openUtterance(cutMs, carried)
  }

  /** Ends the utterance with the words of `speech`; false when there are none. */
  async #decide(speech: readonly Int16Array[], endMs: number, settledMs: number): Promise<boolean> {
    this.#guessing?.abort()
    this.#guessing = undefined
    this.#advance({ type: 'speechEnded', endMs, atMs: this.#clock.nowMs() })
    const heard = await this.#transcriber.words(speech, this.#ending.signal)
    if (this.#life !== 'open') return false
    if (!heard.ok) throw new Error(heard.error.message)
    // What decides from here on is exactly what the next stream would be given.
    const floorDbfs = Math.fround(this.#activity.floorDbfs)
    this.#activity.restart(floorDbfs)
    this.#settledMs = Math.max(this.#settledMs, settledMs)
    this.#blocksSinceSettled = 0
    const text = wordsOf(heard.value).join(' ')
    const atMs = this.#clock.nowMs()
    this.#advance({ type: 'recognised', text, settledMs, atMs, adaptation: packFloor(floorDbfs) })
    return text !== ''
  }

  #advance(event: UtteranceEvent): void {
    if (!this.#utterance || this.#life !== 'open') return
    const { state, report } = advanceUtterance(this.#utterance, event)
    this.#utterance = state
    deliver(report, this.#listener)
  }

  #fail(error: unknown): void {
    if (this.#life !== 'open') return
    this.#life = 'failed'
    this.#ending.abort()
    this.#release()
    this.#closing ??= Promise.resolve()
    this.#listener.onFailed(error instanceof Error ? error.message : String(error))
  }

  #release(): void {
    this.#guessing?.abort()
    this.#guessing = undefined
    this.#inbox.clear()
    this.#history.clear()
    this.#speech = []
    this.#activity.close()
    this.#onReleased()
  }
}

/** Words of a transcript: providers send line ends and double spaces too. */
const wordsOf = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '')
