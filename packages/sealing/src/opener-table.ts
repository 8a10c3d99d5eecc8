// The receiving side of many channels: keys and replay windows (one per kind) side by side, 64 bytes a channel. A receiver goes
// from channel to channel with every packet; state spread over objects costs it more in cache misses than the cipher does.
import {
  MAX_UDP_PACKET_BYTES,
  packetCounter,
  packetMediaTime,
  UDP_KEY_BYTES,
  UDP_KINDS,
  UDP_PROBE_BYTES,
  type UdpKind,
} from '@parley/protocol/udp-packet'
import { openPacket, packetBytes, sealPacket } from './cipher.ts'
import { type WindowMemory, windowAccept, windowExtend, windowHighest, windowVerdict } from './replay-window.ts'

/** Which end of the channel this is: the pod receives audio and probes, the client answers to probes. */
export type SealRole = 'receiver' | 'sender'

/** Why a packet was not opened, in the order of the checks. A closed opener knows no channel. */
export const OPEN_REFUSALS = [
  'too_short',
  'too_long',
  'unknown_kind',
  'wrong_direction',
  'unknown_channel',
  'replayed',
  'out_of_window',
  'not_authentic',
] as const
export type OpenRefusal = (typeof OPEN_REFUSALS)[number]

const EMPTY_PACKET_BYTES = packetBytes(0)
const PROBE_PACKET_BYTES = packetBytes(UDP_PROBE_BYTES)
const NOTHING = new Uint8Array(0)

// A row: 8 words of key, then the window of audio, then that of probes (or answers).
const ROW_FLOATS = 8
const ROW_WORDS = 16
const KEY_WORDS = UDP_KEY_BYTES / 4
const AUDIO_WINDOW = 4
const PROBE_WINDOW = 6
const FIRST_ROWS = 16

// The key in use, where it is always warm.
const hotKey = Buffer.alloc(UDP_KEY_BYTES)
const hotKeyWords = new Int32Array(hotKey.buffer, hotKey.byteOffset, KEY_WORDS)

/** What is wrong with `packet` for `role` before any channel or key is known: length, kind, direction. */
export function packetFault(role: SealRole, packet: Uint8Array): OpenRefusal | undefined {
  const length = packet.byteLength
  if (length <= EMPTY_PACKET_BYTES) return 'too_short'
  if (length > MAX_UDP_PACKET_BYTES) return 'too_long'
  const kind = packet[0]
  const isAudio = kind === UDP_KINDS.audio
  if (!isAudio && kind !== UDP_KINDS.probe && kind !== UDP_KINDS.probeAnswer) return 'unknown_kind'
  if ((kind === UDP_KINDS.probeAnswer) !== (role === 'sender')) return 'wrong_direction'
  // The last byte of the header belongs to a later version of the packet.
  if (packet[13] !== 0) return 'unknown_kind'
  if (!isAudio && length !== PROBE_PACKET_BYTES) return length < PROBE_PACKET_BYTES ? 'too_short' : 'too_long'
  return undefined
}

/**
 * Rows of keys and windows, named by small numbers that are used again after `remove`. Which channel a row belongs to is the
 * caller's to know; a packet of another channel is not authentic. After `open` returned undefined the fields tell what was in
 * the packet.
 */
export class OpenerTable {
  readonly #freeRows: number[] = []
  #memory: WindowMemory = memoryOf(FIRST_ROWS)
  #rows = 0
  #kind: UdpKind = UDP_KINDS.audio
  #counter = 0
  #mediaTime = 0
  #isNewest = false
  #payload: Uint8Array = NOTHING

  /** Keys held; leak tests assert on it. */
  get size(): number {
    return this.#rows - this.#freeRows.length
  }

  get kind(): UdpKind {
    return this.#kind
  }
  /** Extended: for audio the seq, for probes and answers the number of the probe. */
  get counter(): number {
    return this.#counter
  }
  /** As on the wire: modulo 2^32. */
  get mediaTime(): number {
    return this.#mediaTime
  }
  /** The counter was higher than any accepted of its kind: the source of such a packet is where the sender is now. */
  get isNewest(): boolean {
    return this.#isNewest
  }
  /** A view, valid until the next packet is opened or sealed in this thread. */
  get payload(): Uint8Array {
    return this.#payload
  }

  /** A row with a copy of `key`. A RangeError unless it has UDP_KEY_BYTES. */
  add(key: Uint8Array): number {
    if (key.byteLength !== UDP_KEY_BYTES)
      throw new RangeError(`a key has ${UDP_KEY_BYTES} bytes, not ${key.byteLength}`)
    const row = this.#freeRows.pop() ?? this.#rows++
    if (row * ROW_FLOATS >= this.#memory.floats.length) this.#grow()
    hotKey.set(key)
    this.#memory.words.set(hotKeyWords, row * ROW_WORDS)
    hotKey.fill(0)
    return row
  }

  /** Wipes the row. It must not be named again before `add` hands it out. */
  remove(row: number): void {
    this.#memory.words.fill(0, row * ROW_WORDS, (row + 1) * ROW_WORDS)
    hotKey.fill(0)
    this.#payload = NOTHING
    this.#freeRows.push(row)
  }

  /**
   * Why `packet`, in which packetFault found nothing wrong, is refused; or undefined: it is authentic under the key of `row`
   * and never came before.
   */
  open(row: number, packet: Uint8Array): OpenRefusal | undefined {
    const memory = this.#memory
    const kind = packet[0] as UdpKind
    const window = row * ROW_FLOATS + (kind === UDP_KINDS.audio ? AUDIO_WINDOW : PROBE_WINDOW)
    const counter = windowExtend(memory, window, packetCounter(packet))
    const verdict = windowVerdict(memory, window, counter)
    if (verdict !== 'new') return verdict
    this.#loadKey(row)
    const payload = openPacket(hotKey, kind, counter, packet)
    if (payload === undefined) return 'not_authentic'
    this.#isNewest = counter > windowHighest(memory, window)
    windowAccept(memory, window, counter)
    this.#kind = kind
    this.#counter = counter
    this.#mediaTime = packetMediaTime(packet)
    this.#payload = payload
    return undefined
  }

  /**
   * Seals with the key of `row`; see sealPacket. That `counter` was not used for `kind` before is the caller's promise: the pod
   * keeps it by answering each probe that `open` let through once.
   */
  seal(
    row: number,
    target: Uint8Array,
    kind: UdpKind,
    channel: number,
    counter: number,
    mediaTime: number,
    payload: Uint8Array,
  ): number {
    this.#loadKey(row)
    return sealPacket(target, hotKey, kind, channel, counter, mediaTime, payload)
  }

  #loadKey(row: number): void {
    const { words } = this.#memory
    const first = row * ROW_WORDS
    for (let index = 0; index < KEY_WORDS; index++) hotKeyWords[index] = words[first + index] as number
  }

  #grow(): void {
    const before = this.#memory
    this.#memory = memoryOf((before.floats.length / ROW_FLOATS) * 2)
    this.#memory.words.set(before.words)
    before.words.fill(0)
  }
}

function memoryOf(rows: number): WindowMemory {
  const floats = new Float64Array(rows * ROW_FLOATS)
  return { floats, words: new Int32Array(floats.buffer) }
}
