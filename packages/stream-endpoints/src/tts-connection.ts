// The synthesis endpoint for one client: texts in, one speech after the other out. What is in binary messages between `started` and the
// last word of a speech is that speech's audio, and no other's.
import { BoundedQueue } from '@parley/kernel'
import { type CloseReason, ParleyError } from '@parley/protocol'
import type { WebSocket } from 'ws'
import type { EndpointConnection } from './asr-connection.ts'
import type { BackendSpeech, SynthesiseBackend } from './backends.ts'
import { MAX_WAITING_SPEECHES, STALL_MS } from './limits.ts'
import { type PeerSettings, SocketPeer } from './socket-peer.ts'
import { SpeechOutlet } from './speech-outlet.ts'
import { decodeTtsCommand, type SpeakCommand, type TtsCommand, type TtsServerMessage } from './tts-messages.ts'
import { type SpeechOutcome, TtsSpeech } from './tts-speech.ts'

export interface TtsOptions extends PeerSettings {
  /** For speeches that name neither; the backend's own unless told. */
  readonly voice?: string
  readonly language?: string
}

/** Serves the client of `socket`, which has just been accepted, until it is gone. */
export function serveTts(socket: WebSocket, backend: SynthesiseBackend, options: TtsOptions): EndpointConnection {
  return new TtsConnection(socket, backend, options)
}

type End = Extract<TtsCommand, { type: 'end' }>

class TtsConnection implements EndpointConnection {
  readonly #peer: SocketPeer<TtsCommand>
  readonly #backend: SynthesiseBackend
  readonly #options: TtsOptions
  readonly #outlet: SpeechOutlet
  /** Waiting, in order; full: the next is refused. Cancelled ones are told so when it is their turn to be taken out, at once. */
  #waiting = new BoundedQueue<TtsSpeech>({ capacity: MAX_WAITING_SPEECHES, overflow: 'refuse' })
  #current: TtsSpeech | undefined
  #speeches = 0
  #end: End | undefined

  constructor(socket: WebSocket, backend: SynthesiseBackend, options: TtsOptions) {
    this.#backend = backend
    this.#options = options
    this.#peer = new SocketPeer(socket, options, {
      decode: decodeTtsCommand,
      onCommand: (command) => this.#onCommand(command),
      onBinary: (bytes) => this.#onBinary(bytes),
      onWritten: () => this.#outlet.wake(),
      onGone: () => this.#onGone(),
    })
    this.#outlet = new SpeechOutlet({
      clock: options.clock,
      scope: this.#peer.scope,
      bufferedBytes: () => this.#peer.bufferedBytes,
      stallMs: STALL_MS,
      onStalled: () => this.#peer.close('slow_consumer'),
    })
  }

  get isOver(): boolean {
    return this.#peer.isOver
  }
  get partialsSkipped(): number {
    return this.#peer.counters.partialsSkippedTotal
  }
  close(reason: CloseReason): void {
    this.#peer.close(reason)
  }

  // ---- from the client ----

  #onCommand(command: TtsCommand): void {
    switch (command.type) {
      case 'speak':
        this.#onSpeak(command)
        return
      case 'cancel':
        this.#onCancel(command.requestId)
        return
      case 'voices':
        this.#onVoices(command)
        return
      case 'end':
        this.#onEnd(command)
        return
      case 'ping':
        this.#peer.converse()
        this.#peer.keep({ ...command, type: 'pong' })
        return
      case 'pong':
        this.#peer.converse()
        return
    }
  }

  #onSpeak(command: SpeakCommand): void {
    const { requestId } = command
    if (requestId !== undefined) this.#peer.converse()
    if (this.#end) {
      const message = 'nothing more can be said after the end of the stream'
      this.#peer.error(new ParleyError('UNEXPECTED_MESSAGE', { message }), requestId)
      return
    }
    if (requestId !== undefined && this.#find(requestId)) {
      const message = `a speech with requestId "${requestId}" is under way; use another`
      this.#peer.error(new ParleyError('INVALID_FIELD', { field: 'requestId', message }), requestId)
      return
    }
    const { backend, outlet } = { backend: this.#backend, outlet: this.#outlet }
    const { clock, logger, connectionId } = this.#options
    const send = (bytes: Uint8Array) => this.#peer.binary(bytes)
    const wish = { ...this.#defaults(command), ...command }
    const settings = { clock, logger, connectionId, backend, outlet, send }
    const speech = new TtsSpeech(wish, this.#speeches, settings)
    if (!this.#waiting.push(speech)) {
      const message = `${MAX_WAITING_SPEECHES} speeches wait on this connection already`
      this.#peer.error(new ParleyError('SPEAK_BUSY', { message }), requestId)
      return
    }
    this.#speeches++
    if (!this.#current) void this.#run()
  }

  /** What the address of the connection says goes for speeches that name neither voice nor language. */
  #defaults({ voice, language }: SpeakCommand): Partial<Pick<SpeakCommand, 'voice' | 'language'>> {
    if (voice !== undefined || language !== undefined) return {}
    const options = this.#options
    return {
      ...(options.voice === undefined ? {} : { voice: options.voice }),
      ...(options.language === undefined ? {} : { language: options.language }),
    }
  }

  #onCancel(requestId: string | undefined): void {
    const isMeant = (speech: TtsSpeech) => requestId === undefined || speech.command.requestId === requestId
    const kept = [...this.#waiting].filter((speech) => !isMeant(speech))
    const dropped = [...this.#waiting].filter(isMeant)
    this.#waiting.clear()
    for (const speech of kept) this.#waiting.push(speech)
    // In the order they would have been said; the one that is being said answers for itself.
    if (this.#current && isMeant(this.#current)) this.#current.cancel()
    for (const speech of dropped) this.#conclude(speech, { kind: 'cancelled', ...speech.progress })
  }

  #onVoices({ requestId, isPlain }: Extract<TtsCommand, { type: 'voices' }>): void {
    const voices = this.#backend.voices()
    if (!isPlain) this.#peer.converse()
    if (!isPlain || requestId !== undefined) {
      const list = voices.map(({ name, language, engine }) => ({ name, language, engine }))
      this.#tell({ type: 'voices', ...(requestId === undefined ? {} : { requestId }), voices: list })
      return
    }
    const list = voices.map(({ name, language, engine }) => {
      return { voice_id: name, description: `${language}, ${engine}`, is_custom: false }
    })
    this.#tell({ type: 'voice_list', voices: list })
  }

  #onEnd(command: End): void {
    this.#end ??= command
    if (!this.#current) this.#finish(this.#end)
  }

  #onBinary(bytes: Uint8Array): void {
    const message = `${bytes.byteLength} bytes of audio came; this endpoint takes text messages only`
    this.#peer.misconduct(new ParleyError('UNEXPECTED_MESSAGE', { message }))
  }

  // ---- speeches ----

  #find(requestId: string): boolean {
    if (this.#current?.command.requestId === requestId) return true
    for (const speech of this.#waiting) if (speech.command.requestId === requestId) return true
    return false
  }

  /** Says what waits, one after the other, until nothing does. */
  async #run(): Promise<void> {
    for (;;) {
      const speech = this.#waiting.shift()
      this.#current = speech
      if (!speech) break
      const outcome = await speech.say((begun) => this.#onStarted(speech, begun))
      if (this.#peer.isOver) return
      this.#conclude(speech, outcome)
    }
    if (this.#end) this.#finish(this.#end)
  }

  #onStarted({ command, number }: TtsSpeech, { voice }: BackendSpeech): void {
    const { requestId, encoding, sampleRateHz, framing, ignored } = command
    // Without an id there is nothing to hang it on: the plain dialect has audio and an end.
    if (requestId === undefined) return
    this.#tell({
      type: 'started',
      requestId,
      speech: number,
      voice: voice.name,
      language: voice.language,
      encoding,
      sampleRateHz,
      framing,
      ...(ignored.length === 0 ? {} : { ignored: [...ignored] }),
    })
  }

  #conclude({ command, number }: TtsSpeech, outcome: SpeechOutcome): void {
    const { requestId, sampleRateHz } = command
    if (outcome.kind === 'failed') {
      this.#peer.error(outcome.error, requestId)
      return
    }
    const { kind, chunks, samples } = outcome
    if (requestId !== undefined) {
      this.#tell({ type: kind, requestId, speech: number, chunks, samples })
      return
    }
    if (kind === 'cancelled') {
      this.#tell({ type: 'synthesis_cancelled', chunks })
      return
    }
    const totalMs = (samples * 1000) / sampleRateHz
    this.#tell({
      type: 'synthesis_complete',
      chunk_id: number,
      chunks,
      chunks_sent: chunks,
      total_duration_ms: totalMs,
    })
  }

  #finish({ requestId }: End): void {
    this.#tell({ type: 'ended', ...(requestId === undefined ? {} : { requestId }), speeches: this.#speeches })
    this.#peer.close('client_left')
  }

  #tell(message: TtsServerMessage): void {
    this.#peer.keep(message)
  }

  #onGone(): void {
    this.#waiting.clear()
    this.#current?.cancel()
    this.#outlet.wake()
  }
}
