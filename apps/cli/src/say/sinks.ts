// Where what is said goes: a WAV file, standard output, a player. Each takes samples in order and says when it has room for more.
import { type FileHandle, open } from 'node:fs/promises'
import type { Writable } from 'node:stream'
import { pcm16ToBytes, WAV_HEADER_BYTES, wavHeader } from '@parley/audio'
import { SAY_EXIT, SinkError } from './exit-codes.ts'

export interface SpeechSink {
  /** Before the first samples. Throws SinkError. */
  start(sampleRateHz: number): Promise<void>
  /** Resolves when there is room for more. Throws SinkError. */
  write(samples: Int16Array): Promise<void>
  /** All there is has been written: makes it whole, or waits until it was heard. Throws SinkError. */
  finish(): Promise<void>
  /** No more will come, and what was not heard yet is not to be heard. What was written stays. Idempotent. */
  stop(): Promise<void>
}

/** A WAV file; written as it comes, with its length filled in at the end. */
export class FileSink implements SpeechSink {
  readonly #path: string
  #file: FileHandle | undefined
  #sampleRateHz = 0
  #dataBytes = 0

  constructor(path: string) {
    this.#path = path
  }

  async start(sampleRateHz: number): Promise<void> {
    this.#sampleRateHz = sampleRateHz
    this.#file = await open(this.#path, 'w').catch((error: NodeJS.ErrnoException) => {
      throw new SinkError(`cannot write ${this.#path}: ${error.code ?? error.message}`, SAY_EXIT.usage)
    })
    await this.#append(wavHeader(sampleRateHz, undefined), 0)
  }

  async write(samples: Int16Array): Promise<void> {
    const bytes = pcm16ToBytes(samples)
    await this.#append(bytes, WAV_HEADER_BYTES + this.#dataBytes)
    this.#dataBytes += bytes.byteLength
  }

  async finish(): Promise<void> {
    const file = this.#file
    if (!file) return
    await this.#append(wavHeader(this.#sampleRateHz, this.#dataBytes), 0)
    this.#file = undefined
    await file.close()
  }

  async stop(): Promise<void> {
    await this.finish()
  }

  async #append(bytes: Uint8Array, position: number): Promise<void> {
    try {
      await this.#file?.write(bytes, 0, bytes.byteLength, position)
    } catch (thrown) {
      const { code, message } = thrown as NodeJS.ErrnoException
      throw new SinkError(`cannot write ${this.#path}: ${code ?? message}`)
    }
  }
}

/** A WAV stream of unknown length, for a pipe. */
export class StreamSink implements SpeechSink {
  readonly #out: Writable

  constructor(out: Writable) {
    this.#out = out
  }

  async start(sampleRateHz: number): Promise<void> {
    await this.#write(wavHeader(sampleRateHz, undefined))
  }
  async write(samples: Int16Array): Promise<void> {
    await this.#write(pcm16ToBytes(samples))
  }
  async finish(): Promise<void> {}
  async stop(): Promise<void> {}

  async #write(bytes: Uint8Array): Promise<void> {
    const isClosed = new SinkError('the output was closed', SAY_EXIT.outputClosed)
    if (this.#out.destroyed || this.#out.writableEnded) throw isClosed
    await new Promise<void>((resolve, reject) => {
      this.#out.write(bytes, (error) => (error ? reject(isClosed) : resolve()))
    })
  }
}
