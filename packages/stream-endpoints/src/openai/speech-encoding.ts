// Samples of a speech as the bytes of an answer: bare, as WAV, as Opus in Ogg.
import { randomInt } from 'node:crypto'
import { OggOpusWriter, oggOpusTailSamples, pcm16FromBytes, wavHeader } from '@parley/audio'
import { type AudioEncoder, createEncoder } from '@parley/audio/codecs'
import { err, ok, type Result } from '@parley/kernel'
import { ParleyError } from '@parley/protocol'
import type { SpeechFormat } from './speech-request.ts'

/** What OpenAI's bare samples come at, and so all of them. */
export const SPEECH_RATE_HZ = 24_000
const PACKET_MS = 20
const BITRATE_BPS = 32_000

export interface SpeechEncoding {
  readonly contentType: string
  /** Before the first sample. */
  head(): Uint8Array
  /** Of whole samples, PCM16 little endian. May be empty: what is kept comes later. */
  encode(pcm: Uint8Array): Uint8Array
  /** After the last sample. */
  end(): Uint8Array
  /** Idempotent. */
  close(): void
}

const NOTHING = new Uint8Array(0)

export async function openEncoding(format: SpeechFormat): Promise<Result<SpeechEncoding, ParleyError>> {
  if (format !== 'opus') return ok(plain(format))
  const opus = { codec: 'opus', sampleRateHz: SPEECH_RATE_HZ, frameMs: PACKET_MS } as const
  const encoder = await createEncoder(opus, { bitrateBps: BITRATE_BPS })
  if (encoder.ok) return ok(new OggEncoding(encoder.value))
  const { message } = encoder.error
  return err(new ParleyError('AUDIO_FORMAT_UNSUPPORTED', { field: 'response_format', message }))
}

function plain(format: 'wav' | 'pcm'): SpeechEncoding {
  return {
    contentType: format === 'wav' ? 'audio/wav' : 'audio/pcm',
    // How long it gets is not known yet: readers take what there is.
    head: () => (format === 'wav' ? wavHeader(SPEECH_RATE_HZ, undefined) : NOTHING),
    encode: (pcm) => pcm,
    end: () => NOTHING,
    close() {},
  }
}

class OggEncoding implements SpeechEncoding {
  readonly contentType = 'audio/ogg'
  readonly #encoder: AudioEncoder
  readonly #writer: OggOpusWriter
  readonly #frame: Int16Array
  #filled = 0
  #samples = 0

  constructor(encoder: AudioEncoder) {
    this.#encoder = encoder
    this.#frame = new Int16Array(encoder.frameSamples)
    const serial = randomInt(0xffff_ffff)
    this.#writer = new OggOpusWriter({ serial, packetMs: PACKET_MS, inputRateHz: SPEECH_RATE_HZ })
  }

  head(): Uint8Array {
    return this.#writer.headers()
  }

  encode(pcm: Uint8Array): Uint8Array {
    const samples = pcm16FromBytes(pcm)
    this.#samples += samples.length
    return this.#fill(samples)
  }

  end(): Uint8Array {
    const tail = this.#fill(new Int16Array(oggOpusTailSamples(SPEECH_RATE_HZ)))
    const rest = this.#filled === 0 ? NOTHING : this.#fill(new Int16Array(this.#frame.length - this.#filled))
    return Buffer.concat([tail, rest, this.#writer.end(this.#samples)])
  }

  close(): void {
    this.#encoder.close()
  }

  #fill(samples: Int16Array): Uint8Array {
    const pages: Uint8Array[] = []
    for (let at = 0; at < samples.length; ) {
      const taken = Math.min(samples.length - at, this.#frame.length - this.#filled)
      this.#frame.set(samples.subarray(at, at + taken), this.#filled)
      this.#filled += taken
      at += taken
      if (this.#filled < this.#frame.length) break
      this.#filled = 0
      const page = this.#writer.write(this.#encoder.encode(this.#frame))
      if (page) pages.push(page)
    }
    return Buffer.concat(pages)
  }
}
