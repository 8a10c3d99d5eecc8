// The recognition endpoint for one client: configuration, audio in, utterances out. It reads from the socket only as fast as recognition
// takes audio, so that nothing has to be dropped.
import type { CloseReason, ParleyError } from '@parley/protocol'
import type { WebSocket } from 'ws'
import { audioUnused, configTooLate, cutSample } from './asr-errors.ts'
import type { AsrCommandItem } from './asr-intake.ts'
import {
  ASR_DEFAULTS,
  type AsrCommand,
  type AsrConfig,
  type AsrServerMessage,
  decodeAsrCommand,
  readyMessage,
} from './asr-messages.ts'
import { AsrUtterances } from './asr-utterances.ts'
import { rawReader } from './audio-reader.ts'
import type { RecogniseBackend } from './backends.ts'
import { RecognitionRun, type RunHandler, type Unused } from './recognition-run.ts'
import { type PeerSettings, SocketPeer } from './socket-peer.ts'

export interface AsrOptions extends PeerSettings {
  /** Known before the first message, from the address; the client may send no `config` then. */
  readonly config?: AsrConfig
}

export interface EndpointConnection {
  readonly isOver: boolean
  /** Partials that were left out because the client was behind. */
  readonly partialsSkipped: number
  close(reason: CloseReason): void
}

/** Serves the client of `socket`, which has just been accepted, until it is gone. */
export function serveAsr(socket: WebSocket, backend: RecogniseBackend, options: AsrOptions): EndpointConnection {
  return new AsrConnection(socket, backend, options)
}

class AsrConnection implements EndpointConnection {
  readonly #peer: SocketPeer<AsrCommand>
  readonly #backend: RecogniseBackend
  readonly #options: AsrOptions
  /** Undefined until a stream was asked for, and after a wish that was refused and may be mended. */
  #run: RecognitionRun | undefined
  #config: AsrConfig = ASR_DEFAULTS
  #utterances = new AsrUtterances(undefined, true)
  #isRefused = false
  #isEnding = false

  constructor(socket: WebSocket, backend: RecogniseBackend, options: AsrOptions) {
    this.#backend = backend
    this.#options = options
    this.#peer = new SocketPeer(socket, options, {
      decode: decodeAsrCommand,
      onCommand: (command) => this.#onCommand(command),
      onBinary: (bytes) => this.#onAudio(bytes),
      onGone: () => this.#run?.close(),
    })
    if (!options.config) return
    this.#peer.converse()
    this.#configure(options.config)
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

  #onCommand(command: AsrCommand): void {
    this.#peer.converse()
    switch (command.type) {
      case 'config':
        this.#onConfig(command.config)
        return
      case 'flush':
      case 'end':
        this.#take({ kind: command.type, requestId: command.requestId })
        return
      case 'reset':
        this.#onReset(command.requestId)
        return
      case 'ping':
        this.#peer.keep({ ...command, type: 'pong' })
        return
      case 'pong':
        return
    }
  }

  #onConfig(config: AsrConfig): void {
    if (!this.#run && !this.#isEnding) this.#configure(config)
    else this.#peer.error(configTooLate(), config.requestId)
  }

  #configure(config: AsrConfig): void {
    this.#isRefused = false
    this.#config = config
    this.#utterances = new AsrUtterances(config.requestId, config.partials)
    const { clock, logger, connectionId } = this.#options
    const { scope } = this.#peer
    const reader = rawReader(config.encoding, config.sampleRateHz)
    const { language } = config
    const options = { clock, logger, connectionId, scope, backend: this.#backend, reader, language }
    this.#run = new RecognitionRun(options, this.#handler())
  }

  #onAudio(bytes: Uint8Array): void {
    const { byteLength } = bytes
    if (this.#isEnding) this.#peer.misconduct(audioUnused(byteLength, 'after the end of the stream'))
    else if (this.#isRefused) this.#peer.misconduct(audioUnused(byteLength, 'before a config that was accepted'))
    else {
      if (!this.#run) this.#configure(ASR_DEFAULTS)
      this.#run?.push(bytes)
    }
  }

  #take(command: AsrCommandItem): void {
    if (command.kind === 'end') this.#isEnding = true
    if (this.#run) this.#run.command(command)
    // No audio has come: there is nothing to recognise.
    else this.#answer(command)
  }

  /** Forgets what has been sent and not recognised, and begins anew at the present media time. */
  #onReset(requestId: string | undefined): void {
    const waiting = this.#run?.reset() ?? []
    this.#tell(this.#utterances.abandonOpen('closed'))
    for (const command of waiting) this.#answer(command)
    this.#tell([{ type: 'reset_done', ...tagOf(requestId), audioMs: this.#audioMs }])
  }

  get #audioMs(): number {
    return this.#run?.audioMs ?? 0
  }

  #answer({ kind, requestId }: AsrCommandItem): void {
    const tag = tagOf(requestId)
    const audioMs = this.#audioMs
    if (kind === 'flush') {
      this.#tell([{ type: 'flushed', ...tag, audioMs }])
      return
    }
    this.#tell([{ type: 'ended', ...tag, audioMs, utterances: this.#utterances.nextIndex }])
    this.#peer.close('client_left')
  }

  // ---- from recognition ----

  #handler(): RunHandler {
    const { requestId } = this.#config
    return {
      onOpened: (language) => {
        const { connectionId } = this.#options
        this.#tell([readyMessage(this.#config, language, connectionId, this.#peer.pingEveryMs)])
      },
      onRefused: (error, unused) => this.#onRefused(error, unused),
      onPartial: (partial) => {
        const said = this.#utterances.onPartial(partial)
        if (said.start) this.#tell([said.start])
        if (said.partial) this.#peer.partial(said.partial)
      },
      onFinal: (final) => this.#tell(this.#utterances.onFinal(final)),
      onAbandoned: (index, reason) => this.#tell(this.#utterances.onAbandoned(index, reason)),
      onState: (speech) => this.#tell([{ type: 'state', ...tagOf(requestId), speech }]),
      onReached: ({ kind }) => {
        const restBytes = this.#run?.restBytes ?? 0
        if (kind === 'end' && restBytes > 0) this.#peer.error(cutSample(restBytes, this.#config.encoding))
      },
      onAnswered: (command) => this.#answer(command),
      onLost: (error) => {
        this.#tell(this.#utterances.abandonOpen('closed'))
        this.#peer.error(error, requestId)
      },
      onGivenUp: (error, whose, commandId) => {
        this.#tell(this.#utterances.abandonOpen('closed'))
        const reason = whose === 'limit' ? 'audio_limit' : error.code === 'SPEECH_LOST' ? 'internal' : 'refused'
        this.#peer.fail(error, reason, commandId ?? requestId)
      },
      onFlow: (mayRead) => (mayRead ? this.#peer.resume() : this.#peer.pause()),
    }
  }

  #onRefused(error: ParleyError, { audioBytes, commands }: Unused): void {
    const { requestId } = this.#config
    // A wish that can be mended is mended on this connection; where there is no room now, another member may have some.
    if (this.#config === ASR_DEFAULTS || error.entry.hop !== 'client') {
      this.#peer.fail(error, 'refused', requestId)
      return
    }
    this.#isRefused = true
    this.#run = undefined
    this.#peer.error(error, requestId)
    if (audioBytes > 0) this.#peer.error(audioUnused(audioBytes, 'before a config that was accepted'))
    for (const command of commands) this.#answer(command)
    this.#peer.resume()
  }

  #tell(messages: readonly AsrServerMessage[]): void {
    for (const message of messages) this.#peer.keep(message)
  }
}

const tagOf = (requestId: string | undefined) => (requestId === undefined ? {} : { requestId })
