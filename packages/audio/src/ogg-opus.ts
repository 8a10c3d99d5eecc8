// Opus in Ogg (RFC 7845): which samples of the decoded packets are to be heard, and the headers both ways. Knows packets, not samples: who
// decodes them is somebody else.
import { err, ok, type Result } from '@parley/kernel'
import { OggReader, OggWriter } from './ogg.ts'
import { opusPacketMs } from './opus-packet.ts'

/** Granule positions count at this rate, whatever was recorded. */
const GRANULE_RATE_HZ = 48_000
/** What an encoder of libopus holds back (6.5 ms): the samples at the beginning that are not to be heard. */
const ENCODER_DELAY = 312
export const GRANULES_PER_MS = GRANULE_RATE_HZ / 1000
const HEAD = 'OpusHead'
const TAGS = 'OpusTags'
const HEAD_BYTES = 19

export interface OggOpusProblem {
  readonly message: string
}

/** A packet to decode, and which of its granules are to be heard. */
export interface HeardPacket {
  readonly bytes: Uint8Array
  /** Granules at its beginning that are not to be heard. */
  readonly skip: number
  /** Granules to be heard after those. */
  readonly take: number
}

/** Reads a stream piece by piece. */
export class OggOpusReader {
  readonly #pages = new OggReader()
  #stage: 'head' | 'tags' | 'audio' | 'over' = 'head'
  #skip = 0
  /** Granules of all packets so far. */
  #decoded = 0

  /** Bytes of a page whose other bytes have not come. */
  get restBytes(): number {
    return this.#pages.restBytes
  }

  /** The packets that are whole with these bytes, or why this cannot be decoded. */
  read(bytes: Uint8Array): Result<HeardPacket[], OggOpusProblem> {
    const heard: HeardPacket[] = []
    for (const packet of this.#pages.read(bytes)) {
      if (this.#stage === 'head') {
        const skip = readHead(packet.bytes)
        if (!skip.ok) return skip
        this.#skip = skip.value
        this.#stage = 'tags'
      } else if (this.#stage === 'tags') {
        if (!startsWith(packet.bytes, TAGS))
          return err({ message: 'the Ogg stream has no OpusTags after its OpusHead' })
        this.#stage = 'audio'
      } else if (this.#stage === 'audio') {
        const next = this.#hear(packet.bytes, packet.isLast ? packet.granule : undefined)
        if (next) heard.push(next)
        if (packet.isLast) this.#stage = 'over'
      }
    }
    if (this.#pages.badPages > 0 && this.#stage === 'head') return err({ message: 'this is no Ogg stream' })
    return ok(heard)
  }

  /** `endGranule`: where the stream ends, which may be within its last packet. */
  #hear(bytes: Uint8Array, endGranule: number | undefined): HeardPacket | undefined {
    const ms = opusPacketMs(bytes)
    if (ms === undefined) return undefined
    const from = this.#decoded
    const whole = ms * GRANULES_PER_MS
    this.#decoded += whole
    const end = endGranule === undefined || endGranule < from ? this.#decoded : Math.min(this.#decoded, endGranule)
    const skip = Math.min(whole, Math.max(0, this.#skip - from))
    return { bytes, skip, take: Math.max(0, end - from - skip) }
  }
}

/** The number of granules to skip. */
function readHead(bytes: Uint8Array): Result<number, OggOpusProblem> {
  if (!startsWith(bytes, HEAD)) return err({ message: 'the Ogg stream does not hold Opus' })
  if (bytes.byteLength < HEAD_BYTES || (bytes[8] as number) > 15) return err({ message: 'the OpusHead cannot be read' })
  // Family 0 is one stream of one or two channels; decoders of one channel mix them.
  if (bytes[18] !== 0) return err({ message: 'the Ogg stream has more than two channels; send mono or stereo' })
  return ok((bytes[10] as number) | ((bytes[11] as number) << 8))
}

const PACKETS_PER_PAGE = 10

/** Writes mono Opus packets of equal length as a stream: pages of a few packets, so that it can be heard while it is made. */
export class OggOpusWriter {
  readonly #pages: OggWriter
  readonly #packetGranules: number
  readonly #inputRateHz: number
  #waiting: Uint8Array[] = []
  #granule = 0

  constructor(options: { readonly serial: number; readonly packetMs: number; readonly inputRateHz: number }) {
    this.#pages = new OggWriter(options.serial)
    this.#packetGranules = options.packetMs * GRANULES_PER_MS
    this.#inputRateHz = options.inputRateHz
  }

  /** What comes before the first packet. */
  headers(): Uint8Array {
    const head = new Uint8Array(HEAD_BYTES)
    const view = new DataView(head.buffer)
    writeAscii(head, 0, HEAD)
    head[8] = 1
    head[9] = 1
    view.setUint16(10, ENCODER_DELAY, true)
    view.setUint32(12, this.#inputRateHz, true)
    const vendor = 'parley'
    const tags = new Uint8Array(8 + 4 + vendor.length + 4)
    writeAscii(tags, 0, TAGS)
    new DataView(tags.buffer).setUint32(8, vendor.length, true)
    writeAscii(tags, 12, vendor)
    return concat([this.#pages.page([head], 0), this.#pages.page([tags], 0)])
  }

  /** A page, when enough has gathered for one. */
  write(packet: Uint8Array): Uint8Array | undefined {
    // The newest packet stays until another comes: the one that turns out to be the last is marked so.
    const page = this.#waiting.length >= PACKETS_PER_PAGE ? this.#flush(false) : undefined
    this.#waiting.push(packet)
    this.#granule += this.#packetGranules
    return page
  }

  /** The last page. `samples` (of `inputRateHz`) were encoded in all: what the last packet was filled up with is not heard. */
  end(samples: number): Uint8Array {
    const heard = ENCODER_DELAY + Math.round((samples * GRANULE_RATE_HZ) / this.#inputRateHz)
    this.#granule = Math.min(this.#granule, heard)
    return this.#flush(true)
  }

  #flush(isLast: boolean): Uint8Array {
    const page = this.#pages.page(this.#waiting, this.#granule, isLast)
    this.#waiting = []
    return page
  }
}

/** Samples of silence to encode after the last ones, so that what the encoder holds back comes out. */
export function oggOpusTailSamples(rateHz: number): number {
  return Math.ceil((ENCODER_DELAY * rateHz) / GRANULE_RATE_HZ)
}

function startsWith(bytes: Uint8Array, text: string): boolean {
  if (bytes.byteLength < text.length) return false
  for (let index = 0; index < text.length; index += 1) if (bytes[index] !== text.charCodeAt(index)) return false
  return true
}

function writeAscii(target: Uint8Array, at: number, text: string): void {
  for (let index = 0; index < text.length; index += 1) target[at + index] = text.charCodeAt(index)
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.byteLength
  }
  return whole
}
