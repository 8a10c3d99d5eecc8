// The Ogg container (RFC 3533) as far as one logical stream needs it: bytes cut anywhere -> packets, packets -> pages. Pages with a wrong
// checksum are passed over, and so are pages of other logical streams. What a reader keeps is bounded by one page (65,307 bytes) and one packet.

const MAX_SEGMENTS = 255
const HEADER_BYTES = 27
const CHECKSUM_AT = 22
/** Longest packet that is put together: an Opus packet has at most 61,440 bytes, tags with a picture in them are let go. */
const MAX_PACKET_BYTES = 131_072
const FLAG_CONTINUED = 1
const FLAG_FIRST = 2
const FLAG_LAST = 4
/** "OggS", as a little-endian number. */
const CAPTURE = 0x5367674f

export interface OggPacket {
  /** In memory of the caller's own. */
  readonly bytes: Uint8Array
  /** Granule position of the page: of the last packet that ends on it, undefined for the others. */
  readonly granule: number | undefined
  /** The stream ends with this packet. */
  readonly isLast: boolean
}

/** Puts packets together from bytes that come in pieces. Never throws; what is no Ogg gives no packets. */
export class OggReader {
  #rest: Uint8Array = new Uint8Array(0)
  #serial: number | undefined
  #open: Uint8Array[] = []
  #openBytes = 0
  /** The beginning of the packet that goes on is missing, or it is too long. */
  #isLost = false
  #nextPage = 0
  #badPages = 0

  /** Bytes of a page whose other bytes have not come. */
  get restBytes(): number {
    return this.#rest.byteLength
  }
  /** Pages that were passed over: wrong checksum, or bytes that are no page. */
  get badPages(): number {
    return this.#badPages
  }

  /** The packets that are whole with these bytes. */
  read(bytes: Uint8Array): OggPacket[] {
    const joined = this.#rest.byteLength === 0 ? bytes : join([this.#rest, bytes])
    const packets: OggPacket[] = []
    let at = 0
    while (joined.byteLength - at >= HEADER_BYTES) {
      const page = pageAt(joined, at)
      if (page === 'short') break
      if (page === undefined) {
        this.#badPages += 1
        at = nextCapture(joined, at + 1)
        continue
      }
      this.#take(page, packets)
      at += page.pageBytes
    }
    this.#rest = joined.slice(at)
    return packets
  }

  #take(page: Page, packets: OggPacket[]): void {
    this.#serial ??= page.serial
    if (page.serial !== this.#serial) return
    // A page that is missing takes the packet that was open with it.
    const isOpen = this.#isLost || this.#openBytes > 0
    if (page.sequence !== this.#nextPage || page.isContinued !== isOpen) this.#drop(page.isContinued)
    this.#nextPage = (page.sequence + 1) >>> 0
    let from = 0
    let length = 0
    const lastEnd = page.segments.findLastIndex((lacing) => lacing < 255)
    page.segments.forEach((lacing, index) => {
      length += lacing
      if (lacing === 255) return
      this.#add(page.body.subarray(from, from + length))
      from += length
      length = 0
      const isLastOfPage = index === lastEnd
      this.#end(packets, isLastOfPage ? page.granule : undefined, isLastOfPage && page.isLast)
    })
    if (length > 0) this.#add(page.body.subarray(from))
  }

  #add(part: Uint8Array): void {
    this.#openBytes += part.byteLength
    if (this.#openBytes > MAX_PACKET_BYTES) {
      this.#open = []
      this.#isLost = true
    } else if (!this.#isLost) this.#open.push(part.slice())
  }

  #end(packets: OggPacket[], granule: number | undefined, isLast: boolean): void {
    if (!this.#isLost) packets.push({ bytes: join(this.#open), granule, isLast })
    this.#drop(false)
  }

  #drop(isLost: boolean): void {
    this.#open = []
    this.#openBytes = 0
    this.#isLost = isLost
  }
}

export interface Page {
  readonly serial: number
  readonly sequence: number
  readonly granule: number
  readonly isContinued: boolean
  readonly isLast: boolean
  /** Lacing values. */
  readonly segments: Uint8Array
  readonly body: Uint8Array
  readonly pageBytes: number
}

/** Undefined: there is no sound page at `at`. */
function pageAt(bytes: Uint8Array, at: number): Page | 'short' | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getUint32(at, true) !== CAPTURE || bytes[at + 4] !== 0) return undefined
  const segmentCount = bytes[at + 26] as number
  const bodyAt = at + HEADER_BYTES + segmentCount
  if (bodyAt > bytes.byteLength) return 'short'
  const segments = bytes.subarray(at + HEADER_BYTES, bodyAt)
  const bodyBytes = segments.reduce((sum, lacing) => sum + lacing, 0)
  const end = bodyAt + bodyBytes
  if (end > bytes.byteLength) return 'short'
  if (checksum(bytes.subarray(at, end)) !== view.getUint32(at + CHECKSUM_AT, true)) return undefined
  const flags = bytes[at + 5] as number
  return {
    serial: view.getUint32(at + 14, true),
    sequence: view.getUint32(at + 18, true),
    granule: Number(view.getBigInt64(at + 6, true)),
    isContinued: (flags & FLAG_CONTINUED) !== 0,
    isLast: (flags & FLAG_LAST) !== 0,
    segments,
    body: bytes.subarray(bodyAt, end),
    pageBytes: end - at,
  }
}

/** Where the next page may begin; near the end of the bytes if nowhere. */
function nextCapture(bytes: Uint8Array, from: number): number {
  for (let at = from; at + 4 <= bytes.byteLength; at += 1) {
    if (bytes[at] === 0x4f && bytes[at + 1] === 0x67 && bytes[at + 2] === 0x67 && bytes[at + 3] === 0x53) return at
  }
  return Math.max(from, bytes.byteLength - 3)
}

/** Pages of one logical stream; the first begins it. */
export class OggWriter {
  readonly #serial: number
  #sequence = 0

  /** `serial`: any 32-bit number. */
  constructor(serial: number) {
    this.#serial = serial >>> 0
  }

  /** One page that holds whole packets, at most 255 lacing values of them. Throws RangeError when they do not fit. */
  page(packets: readonly Uint8Array[], granule: number, isLast = false): Uint8Array {
    const segments = packets.flatMap(({ byteLength }) => [
      ...Array.from({ length: Math.floor(byteLength / 255) }, () => 255),
      byteLength % 255,
    ])
    if (segments.length > MAX_SEGMENTS) throw new RangeError(`${segments.length} lacing values do not fit on a page`)
    const sequence = this.#sequence++
    const body = join(packets)
    return writePage({ serial: this.#serial, sequence, granule, isContinued: false, isLast, segments, body })
  }
}

export type PageFields = Omit<Page, 'pageBytes' | 'segments'> & { readonly segments: ArrayLike<number> }

/** One page as it goes over the wire. */
export function writePage(fields: PageFields): Uint8Array {
  const { serial, sequence, granule, isContinued, isLast, segments, body } = fields
  const page = new Uint8Array(HEADER_BYTES + segments.length + body.byteLength)
  const view = new DataView(page.buffer)
  view.setUint32(0, CAPTURE, true)
  page[5] = (isContinued ? FLAG_CONTINUED : 0) | (sequence === 0 ? FLAG_FIRST : 0) | (isLast ? FLAG_LAST : 0)
  view.setBigInt64(6, BigInt(granule), true)
  view.setUint32(14, serial, true)
  view.setUint32(18, sequence, true)
  page[26] = segments.length
  page.set(segments, HEADER_BYTES)
  page.set(body, HEADER_BYTES + segments.length)
  view.setUint32(CHECKSUM_AT, checksum(page), true)
  return page
}

/** CRC-32 with the polynomial 0x04c11db7, most significant bit first, starting from 0. */
const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 24
  for (let bit = 0; bit < 8; bit += 1) value = value & 0x8000_0000 ? (value << 1) ^ 0x04c1_1db7 : value << 1
  return value >>> 0
})

/** Of a whole page, its own checksum taken as zero. */
function checksum(page: Uint8Array): number {
  let crc = 0
  for (let index = 0; index < page.byteLength; index += 1) {
    const isOwn = index >= CHECKSUM_AT && index < CHECKSUM_AT + 4
    const byte = isOwn ? 0 : (page[index] as number)
    crc = ((crc << 8) ^ (CRC[((crc >>> 24) ^ byte) & 0xff] as number)) >>> 0
  }
  return crc
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts
  if (only && parts.length === 1) return only
  const joined = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.byteLength
  }
  return joined
}
