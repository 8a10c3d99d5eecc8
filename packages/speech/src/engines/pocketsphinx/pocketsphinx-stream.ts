// One stream: takes blocks from its inbox one after another, decides by endpointing, decodes, and tells its listener. Owns its
// decoder while it lives and shares nothing with other streams (IS1). Who may have a stream is the recogniser's business.
import type { Clock } from '@parley/kernel'
import type { AdaptationState, RecognisedWord } from '@parley/protocol'
import { type AudioBlock, AudioInbox, type InboxItem } from '../../audio-inbox.ts'
import { BlockHistory, type HeardBlock } from '../../block-history.ts'
import { finalText, partialText, stableLength, wordsOf } from '../../caption-text.ts'
import { BLOCK_MS, CUT_SEARCH_BLOCKS, Endpointer, type EndpointingOptions, PRE_ROLL_BLOCKS } from '../../endpointing.ts'
import { StablePrefix } from '../../hypothesis.ts'
import { PauseWatch } from '../../pause-watch.ts'
import type { RecognitionBacklog, RecognitionListener, RecognitionStream } from '../../recogniser.ts'
import { SpeechActivity, type VoiceActivity } from '../../speech-activity.ts'
import type { UtteranceState } from '../../utterance-state.ts'
import { advanceUtterance, deliver, openUtterance, type UtteranceEvent } from '../../utterance-transitions.ts'
import { packSpeaker, unpackSpeaker } from './cepstral-state.ts'
import { type Decoder, DecoderFailure } from './decoder.ts'
import { type DecodedUtterance, type DecodedWord, UtteranceDecoding } from './utterance-decoding.ts'

/** A guess is asked for this often; more often until the first words. */
const HYPOTHESIS_EVERY_BLOCKS = 5
const FIRST_HYPOTHESIS_EVERY_BLOCKS = 2
/** Behind by more than this, guesses are rare: they are old when they are told. */
const BUSY_INBOX_BLOCKS = 25
const BUSY_HYPOTHESIS_EVERY_BLOCKS = 25
const SETTLED_EVERY_BLOCKS = 25
/** The cut's search window, the pre-roll before it and some to spare. */
const HISTORY_BLOCKS = CUT_SEARCH_BLOCKS + 3 * PRE_ROLL_BLOCKS
/** The window in which speech was noticed: its first voiced block is where the utterance starts. */
const START_LOOK_BACK_BLOCKS = 5

export interface PocketSphinxStreamOptions {
  readonly clock: Clock
  readonly decoder: Decoder
  readonly voice: VoiceActivity
  readonly endpointing: EndpointingOptions
  readonly firstIndex: number
  readonly wantsWords?: boolean
  readonly adaptation?: AdaptationState
  readonly listener: RecognitionListener
  /** Called once, when nothing uses the decoder any more. */
  readonly onReleased: (isHealthy: boolean) => Promise<void>
}

/** Open until closed by its owner or by a failure of its own. */
type Life = 'open' | 'closing' | 'failed'

export class PocketSphinxStream implements RecognitionStream {
  readonly #clock: Clock
  readonly #listener: RecognitionListener
  readonly #onReleased: (isHealthy: boolean) => Promise<void>
  readonly #inbox: AudioInbox
  readonly #endpointer: Endpointer
  readonly #activity: SpeechActivity
  readonly #history = new BlockHistory(HISTORY_BLOCKS)
  readonly #decoding: UtteranceDecoding
  readonly #prefix = new StablePrefix()
  #life: Life = 'open'
  #isPumping = false
  #pumping: Promise<void> = Promise.resolve()
  #closing: Promise<void> | undefined
  #utterance: UtteranceState | undefined
  #nextIndex: number
  /** Media time up to which blocks were heard. */
  #heardMs = 0
  #settledMs = Number.NEGATIVE_INFINITY
  #lastVoicedEndMs = 0
  #blocksSinceSettled = 0
  #blocksSinceHypothesis = 0
  #partialText = ''
  #partialStable = 0
  readonly #pauses = new PauseWatch()

  constructor(options: PocketSphinxStreamOptions) {
    const { clock, decoder, voice, endpointing, firstIndex, listener, onReleased } = options
    this.#clock = clock
    this.#listener = listener
    this.#onReleased = onReleased
    this.#nextIndex = firstIndex
    this.#inbox = new AudioInbox(endpointing.endpointMs)
    this.#endpointer = new Endpointer(endpointing)
    this.#activity = new SpeechActivity(voice)
    const speaker = unpackSpeaker(options.adaptation)
    this.#decoding = new UtteranceDecoding(decoder, speaker?.cepstrum, options.wantsWords ?? false)
    if (speaker) this.#activity.restart(speaker.floorDbfs)
  }

  push(mediaMs: number, samples: Int16Array): void {
    if (this.#life !== 'open' || samples.length === 0) return
    const nowMs = this.#clock.nowMs()
    this.#pauses.heard(nowMs)
    this.#inbox.push(mediaMs, samples, nowMs)
    this.#pump()
  }

  /** Audio that waits, audio lost for want of room, and for how long the oldest has waited at `nowMs`. */
  backlog(nowMs: number): RecognitionBacklog {
    const { length, dropped, oldestArrivalMs } = this.#inbox
    const oldestMs = oldestArrivalMs === undefined ? 0 : Math.max(0, nowMs - oldestArrivalMs)
    return { audioMs: length * BLOCK_MS, oldestMs, lostMsTotal: dropped * BLOCK_MS }
  }

  flush(flushId: number): void {
    if (this.#life !== 'open') return
    this.#inbox.flush(flushId)
    this.#pump()
  }

  hold(isHeld: boolean): void {
    this.#pauses.hold(isHeld)
  }

  /** To be called every now and then: ends what is being said when no audio has come for IDLE_FLUSH_MS, unless it is held. */
  checkIdle(nowMs: number): void {
    if (this.#life !== 'open' || !this.#pauses.isPause(nowMs)) return
    this.#inbox.idle()
    this.#pump()
  }

  close(): Promise<void> {
    if (this.#life === 'open') this.#life = 'closing'
    this.#closing ??= this.#releaseWhenQuiet()
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
        if (this.#inbox.dropped > 0)
          throw new Error('audio came faster than it could be recognised; the oldest was lost')
        const item = this.#inbox.shift()
        if (!item) return
        await this.#take(item)
      }
    } catch (error) {
      this.#fail(error)
    } finally {
      // In the same turn in which the inbox was found empty: nothing pushed meanwhile is left lying.
      this.#isPumping = false
    }
  }

  async #take(item: InboxItem): Promise<void> {
    switch (item.kind) {
      case 'block':
        await this.#hear(item)
        return
      case 'gap':
        await this.#endSpeech()
        this.#history.clear()
        this.#endpointer.reset()
        return
      case 'idle':
        await this.#endSpeech()
        this.#history.clear()
        this.#settle(this.#heardMs)
        return
      case 'flush':
        await this.#endSpeech()
        this.#history.clear()
        if (this.#life === 'open') this.#listener.onFlushed(item.flushId, this.#heardMs)
    }
  }

  async #hear(block: AudioBlock): Promise<void> {
    const { isVoiced, levelDbfs } = this.#activity.next(block.samples)
    this.#heardMs = block.endMs
    if (isVoiced) this.#lastVoicedEndMs = block.endMs
    const heard: HeardBlock = { ...block, isVoiced }
    this.#history.push(heard)
    const decision = this.#endpointer.next(isVoiced, levelDbfs)
    switch (decision) {
      case 'silence':
        this.#staySilent()
        return
      case 'start':
        await this.#startUtterance()
        return
      case 'speech':
        await this.#decoding.feed(heard)
        this.#guess()
        return
      case 'end':
        await this.#decoding.feed(heard)
        await this.#finishUtterance()
        return
      case 'cut':
        await this.#decoding.feed(heard)
        await this.#cutUtterance()
    }
  }

  #staySilent(): void {
    if (++this.#blocksSinceSettled < SETTLED_EVERY_BLOCKS) return
    // The pre-roll of an utterance that begins now would reach back this far.
    this.#settle(this.#heardMs - PRE_ROLL_BLOCKS * BLOCK_MS)
  }

  #settle(untilMs: number): void {
    this.#blocksSinceSettled = 0
    if (untilMs <= this.#settledMs || this.#life !== 'open') return
    this.#settledMs = untilMs
    this.#listener.onSettled(untilMs)
  }

  async #startUtterance(): Promise<void> {
    const noticed = this.#history.last(START_LOOK_BACK_BLOCKS)
    const startMs = (noticed.find(({ isVoiced }) => isVoiced) ?? noticed.at(-1))?.startMs ?? this.#heardMs
    this.#openUtterance(startMs)
    await this.#decoding.begin(this.#history.last(PRE_ROLL_BLOCKS))
    this.#guess()
  }

  #openUtterance(startMs: number): void {
    this.#utterance = openUtterance(this.#nextIndex++, startMs)
    this.#prefix.reset()
    this.#partialText = ''
    this.#partialStable = 0
    this.#blocksSinceHypothesis = 0
  }

  #guess(): void {
    if (++this.#blocksSinceHypothesis < this.#blocksBetweenGuesses()) return
    this.#blocksSinceHypothesis = 0
    const newest = wordsOf(this.#decoding.hypothesis())
    // What is guessed before the voice is known may be overturned as a whole: none of it is promised.
    const { words, stableWords } = this.#decoding.isCalibrated
      ? this.#prefix.next(newest)
      : { words: newest, stableWords: 0 }
    const text = partialText(words)
    const stable = stableLength(words, stableWords)
    if (text === this.#partialText && stable === this.#partialStable) return
    this.#partialText = text
    this.#partialStable = stable
    this.#advance({ type: 'hypothesis', text, stable, endMs: this.#lastVoicedEndMs })
  }

  #blocksBetweenGuesses(): number {
    if (this.#inbox.length > BUSY_INBOX_BLOCKS) return BUSY_HYPOTHESIS_EVERY_BLOCKS
    return this.#partialText === '' ? FIRST_HYPOTHESIS_EVERY_BLOCKS : HYPOTHESIS_EVERY_BLOCKS
  }

  /** Ends what is being said, if anything is, without waiting for silence. */
  async #endSpeech(): Promise<void> {
    if (!this.#endpointer.isOpen) return
    this.#endpointer.finish()
    await this.#finishUtterance()
  }

  async #finishUtterance(): Promise<void> {
    this.#advance({ type: 'speechEnded', endMs: this.#lastVoicedEndMs, atMs: this.#clock.nowMs() })
    const decoded = await this.#decoding.end()
    this.#history.clear()
    this.#recognised(decoded, this.#heardMs)
  }

  async #cutUtterance(): Promise<void> {
    const atMs = this.#clock.nowMs()
    const { carriedBlocks, ...decoded } = await this.#decoding.cut(
      this.#endpointer.quietestBlocksAgo(),
      this.#history.length,
    )
    const carried = this.#history.last(carriedBlocks)
    const cutMs = carried[0]?.startMs ?? this.#heardMs
    this.#advance({ type: 'speechEnded', endMs: Math.min(cutMs, this.#lastVoicedEndMs), atMs })
    this.#recognised(decoded, cutMs)
    if (this.#life !== 'open') return
    if (decoded.words.length === 0) {
      // So much sound and not a word: it is not speech that goes on.
      this.#history.clear()
      this.#endpointer.finish()
      return
    }
    this.#endpointer.continueAfterCut(carried.length)
    this.#openUtterance(cutMs)
    await this.#decoding.begin(carried)
    this.#guess()
  }

  #recognised({ words, timed }: DecodedUtterance, settledMs: number): void {
    if (this.#life !== 'open') return
    // What decides from here on is exactly what the adaptation state carries, so that a stream that takes over decides alike.
    const floorDbfs = Math.fround(this.#activity.floorDbfs)
    this.#activity.restart(floorDbfs)
    const cepstrum = this.#decoding.speaker()
    this.#settledMs = Math.max(this.#settledMs, settledMs)
    this.#blocksSinceSettled = 0
    const text = finalText(words)
    this.#advance({
      type: 'recognised',
      text,
      settledMs,
      atMs: this.#clock.nowMs(),
      ...(cepstrum ? { adaptation: packSpeaker({ cepstrum, floorDbfs }) } : {}),
      ...(timed ? { words: asShown(text, timed) } : {}),
    })
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
    const message = error instanceof Error ? error.message : String(error)
    this.#closing ??= this.#release(!(error instanceof DecoderFailure))
    this.#listener.onFailed(message)
  }

  /** The call on the decoder that is under way has to return first. */
  async #releaseWhenQuiet(): Promise<void> {
    await this.#pumping
    await this.#release(true)
  }

  async #release(isDecoderSound: boolean): Promise<void> {
    this.#inbox.clear()
    this.#history.clear()
    this.#activity.close()
    const isHealthy = isDecoderSound && (await this.#decoding.abort())
    await this.#onReleased(isHealthy)
  }
}

/** The words as the reader sees them: casing and punctuation add and lose none (TXT5). */
function asShown(text: string, timed: readonly DecodedWord[]): RecognisedWord[] {
  const shown = text.split(' ')
  return timed.map(({ word, startMs, endMs, confidence }, at) => ({
    text: shown[at] ?? word,
    startMs,
    endMs,
    confidence,
  }))
}
