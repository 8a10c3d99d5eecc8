// /v1/listen as a WebSocket, for clients that speak Deepgram's protocol: audio in, results out, on the connection's own configuration.
import { createHash } from 'node:crypto'
import { type CloseReason, ParleyError } from '@parley/protocol'
import type { WebSocket } from 'ws'
import type { EndpointConnection } from '../asr-connection.ts'
import { audioUnused } from '../asr-errors.ts'
import type { AsrCommandItem } from '../asr-intake.ts'
import { type AudioReader, g711Reader, oggOpusReader, opusReader, rawReader, unreadable } from '../audio-reader.ts'
import { sniff } from '../audio-sniffer.ts'
import type { RecogniseBackend } from '../backends.ts'
import { RecognitionRun, type RunHandler } from '../recognition-run.ts'
import { type PeerSettings, SocketPeer } from '../socket-peer.ts'
import { secondsOf } from '../word-times.ts'
import {
  decodeListenCommand,
  type ListenCommand,
  type ListenMessage,
  MODEL_INFO,
  MODEL_UUID,
  warningsOf,
} from './listen-messages.ts'
import type { ListenConfig } from './listen-query.ts'
import { ListenUtterances } from './listen-utterances.ts'

export interface ListenOptions extends PeerSettings {
  readonly config: ListenConfig
}

/** Serves the client of `socket`, which has just been accepted, until it is gone. */
export function serveListen(socket: WebSocket, backend: RecogniseBackend, options: ListenOptions): EndpointConnection {
  return new ListenConnection(socket, backend, options)
}

const OGG = Buffer.from('OggS', 'latin1')

class ListenConnection implements EndpointConnection {
  readonly #peer: SocketPeer<ListenCommand>
  readonly #backend: RecogniseBackend
  readonly #options: ListenOptions
  readonly #utterances: ListenUtterances
  readonly #sha256 = createHash('sha256')
  readonly #createdMs: number
  #run: RecognitionRun | undefined
  /** What has come while it is not known how to read it, or while its reader is made. */
  #early: (Uint8Array | AsrCommandItem)[] = []
  #isMaking = false
  #isEnding = false
  /** Looking at the same beginning again and again is not worth it for every byte that is added. */
  #nextSniffBytes = 0

  constructor(socket: WebSocket, backend: RecogniseBackend, options: ListenOptions) {
    const { clock, config, connectionId } = options
    this.#backend = backend
    this.#options = options
    this.#createdMs = clock.wallMs()
    this.#utterances = new ListenUtterances(config, connectionId)
    this.#peer = new SocketPeer(socket, options, {
      decode: decodeListenCommand,
      dialect: { error: errorMessage, closing: () => undefined },
      onCommand: (command) => this.#onCommand(command),
      onBinary: (bytes) => this.#onAudio(bytes),
      onGone: () => this.#run?.close(),
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

  #onCommand(command: ListenCommand): void {
    if (command === 'KeepAlive') return
    this.#take({ kind: command === 'Finalize' ? 'flush' : 'end', requestId: undefined })
  }

  #onAudio(bytes: Uint8Array): void {
    // Clients of long ago end a stream so.
    if (bytes.byteLength === 0) this.#take({ kind: 'end', requestId: undefined })
    else if (this.#isEnding) this.#peer.misconduct(audioUnused(bytes.byteLength, 'after the end of the stream'))
    else {
      this.#sha256.update(bytes)
      if (this.#run) this.#run.push(bytes)
      else this.#wait(bytes)
    }
  }

  #take(command: AsrCommandItem): void {
    if (this.#isEnding) return
    if (command.kind === 'end') this.#isEnding = true
    if (this.#run) this.#run.command(command)
    else if (this.#early.length > 0 || this.#isMaking) this.#wait(command)
    // No audio has come: there is nothing to recognise.
    else this.#answer(command)
  }

  // ---- how the audio is to be read ----

  #wait(item: Uint8Array | AsrCommandItem): void {
    this.#early.push(item)
    if (this.#isMaking) return
    const open = this.#reader()
    if (open instanceof ParleyError) {
      this.#peer.fail(open, 'refused')
      return
    }
    if (!open) return
    this.#isMaking = true
    this.#peer.pause()
    open()
      .then((reader) => this.#begin(reader))
      .catch((cause: unknown) => {
        const { connectionId, logger } = this.#options
        logger.error({ err: cause, connectionId }, 'audio cannot be decoded on this machine')
        this.#peer.fail(unreadable('its decoder cannot be loaded here'), 'internal')
      })
  }

  /** Undefined while the audio that came does not tell. */
  #reader(): (() => Promise<AudioReader>) | ParleyError | undefined {
    const { encoding, sampleRateHz } = this.#options.config
    switch (encoding) {
      case 'linear16':
        return async () => rawReader('int16', sampleRateHz)
      case 'linear32':
        return async () => rawReader('float32', sampleRateHz)
      case 'mulaw':
      case 'alaw':
        return async () => g711Reader(encoding, sampleRateHz)
      case 'ogg-opus':
        return oggOpusReader
      case 'opus': {
        // Many say "opus" of a file that holds it.
        const [first] = this.#early
        const isOgg = first instanceof Uint8Array && OGG.equals(first.subarray(0, OGG.length))
        return isOgg ? oggOpusReader : opusReader
      }
      case undefined:
        return this.#sniff()
    }
  }

  #sniff(): (() => Promise<AudioReader>) | ParleyError | undefined {
    const isWhole = this.#early.some((item) => !(item instanceof Uint8Array))
    const audio = this.#early.filter((item): item is Uint8Array => item instanceof Uint8Array)
    const length = audio.reduce((sum, { byteLength }) => sum + byteLength, 0)
    if (!isWhole && length < this.#nextSniffBytes) return undefined
    this.#nextSniffBytes = 2 * length
    const bytes = Buffer.concat(audio)
    const sniffed = sniff(bytes, isWhole)
    if (!sniffed.ok) return sniffed.error
    if (!sniffed.value) return undefined
    const { headerBytes, open } = sniffed.value
    const commands = this.#early.filter((item) => !(item instanceof Uint8Array))
    this.#early = [bytes.subarray(headerBytes), ...commands]
    return open
  }

  #begin(reader: AudioReader): void {
    if (this.#peer.isOver) {
      reader.close()
      return
    }
    const { clock, logger, connectionId, config } = this.#options
    const { scope } = this.#peer
    const { language } = config
    const run = new RecognitionRun(
      { clock, logger, connectionId, scope, backend: this.#backend, reader, language },
      this.#handler(),
    )
    this.#run = run
    for (const item of this.#early.splice(0)) {
      if (item instanceof Uint8Array) run.push(item)
      else run.command(item)
    }
  }

  // ---- answers ----

  #handler(): RunHandler {
    const utterances = this.#utterances
    return {
      onOpened: () => {},
      onRefused: (error) => this.#peer.fail(error, 'refused'),
      onPartial: (partial) => {
        const { kept, interim } = utterances.onPartial(partial)
        this.#tell(kept)
        if (interim) this.#peer.partial(interim)
      },
      onFinal: (final) => this.#tell(utterances.onFinal(final)),
      onAbandoned: () => this.#tell(utterances.onAbandoned()),
      onSettled: (mediaMs) => this.#tell(utterances.onSettled(mediaMs)),
      // A client of this protocol has no word for it; its audio is kept meanwhile.
      onState: () => {},
      onReached: ({ kind }) => {
        if (kind === 'flush') utterances.onFinalizing()
      },
      onAnswered: (command) => this.#answer(command),
      onLost: (error) => {
        this.#tell(utterances.onAbandoned())
        this.#peer.error(error)
      },
      onGivenUp: (error, whose) => {
        this.#tell(utterances.onAbandoned())
        this.#peer.fail(error, whose === 'client' ? 'refused' : whose === 'limit' ? 'audio_limit' : 'internal')
      },
      onFlow: (mayRead) => (mayRead ? this.#peer.resume() : this.#peer.pause()),
    }
  }

  #answer({ kind }: AsrCommandItem): void {
    const audioMs = this.#run?.audioMs ?? 0
    if (kind === 'flush') {
      this.#tell(this.#utterances.onFinalized(audioMs))
      return
    }
    const { config, connectionId } = this.#options
    const metadata: ListenMessage = {
      type: 'Metadata',
      transaction_key: 'deprecated',
      request_id: connectionId,
      sha256: this.#sha256.digest('hex'),
      created: new Date(this.#createdMs).toISOString(),
      duration: secondsOf(audioMs),
      channels: 1,
      models: [MODEL_UUID],
      model_info: { [MODEL_UUID]: MODEL_INFO },
      ...warningsOf(config.ignored),
    }
    this.#peer.keep(metadata)
    this.#peer.close('client_left')
  }

  #tell(messages: readonly ListenMessage[]): void {
    for (const message of messages) this.#peer.keep(message)
  }
}

function errorMessage({ code, message }: ParleyError): ListenMessage {
  return { type: 'Error', variant: code, description: message, message }
}
