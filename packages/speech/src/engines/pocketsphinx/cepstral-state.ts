// What a decoder has learnt of a speaker's voice and channel: the running cepstral mean. Reads and writes it in a decoder,
// packs it for the next one (UT7), and checks first that the memory is laid out as the headers say.
import type { AdaptationState } from '@parley/protocol'
import type { PocketSphinxLibrary, Pointer } from './library.ts'

export const CEPSTRUM_LENGTH = 13
export const ENGINE_NAME = 'pocketsphinx'
const WINDOW_SIZE = 3
/** What cmn_live_set pretends to have heard. */
const LIVE_SET_FRAMES = 500
/** PocketSphinx halves the weight of the past beyond 800 frames; anything far above was not made by it. */
const MAX_FRAMES = 100_000

export interface CepstralState {
  readonly mean: Float32Array
  readonly sum: Float32Array
  /** Frames of 10 ms that `sum` adds up. */
  readonly frames: number
}

/**
 * Where the mean of a fresh decoder lies, or undefined when this build of the library is laid out otherwise: its decoders
 * then serve one speaker only. Leaves the decoder's own mean changed: load a state before use.
 */
export function locateCepstralMean(library: PocketSphinxLibrary, decoder: Pointer): CepstralMean | undefined {
  const features = library.features(decoder)
  if (features === null) return undefined
  // Plain numbers before any pointer is followed: a wrong layout shows in them.
  const { cepsize, windowSize, cmnKind, varnorm, agcKind, cmn } = library.readFeatures(features)
  const isKnown = cepsize === CEPSTRUM_LENGTH && windowSize === WINDOW_SIZE && varnorm === 0 && agcKind === 0
  if (!isKnown || cmnKind < 1 || cmnKind > 2 || cmn === null) return undefined
  const { mean, sum, vectorLength } = library.readCepstralMean(cmn)
  if (vectorLength !== CEPSTRUM_LENGTH || mean === null || sum === null) return undefined
  // The library writes a known mean; it must come out where we read.
  const probe = Float32Array.from({ length: CEPSTRUM_LENGTH }, (_, at) => at + 0.5)
  library.setLiveMean(cmn, probe)
  const state = readState(library, cmn, mean, sum)
  const isWhereWeLook =
    state.frames === LIVE_SET_FRAMES &&
    probe.every((value, at) => state.mean[at] === value && state.sum[at] === value * LIVE_SET_FRAMES)
  return isWhereWeLook ? new CepstralMean(library, cmn, mean, sum) : undefined
}

/** The mean of one decoder. Not to be touched while a call on the decoder is running, nor after it was freed. */
export class CepstralMean {
  readonly #library: PocketSphinxLibrary
  readonly #cmn: Pointer
  readonly #mean: Pointer
  readonly #sum: Pointer

  constructor(library: PocketSphinxLibrary, cmn: Pointer, mean: Pointer, sum: Pointer) {
    this.#library = library
    this.#cmn = cmn
    this.#mean = mean
    this.#sum = sum
  }

  read(): CepstralState {
    return readState(this.#library, this.#cmn, this.#mean, this.#sum)
  }

  write(state: CepstralState): void {
    this.#library.writeFloats(this.#mean, state.mean)
    this.#library.writeFloats(this.#sum, state.sum)
    this.#library.writeFrames(this.#cmn, state.frames)
  }
}

function readState(library: PocketSphinxLibrary, cmn: Pointer, mean: Pointer, sum: Pointer): CepstralState {
  return {
    mean: library.readFloats(mean, CEPSTRUM_LENGTH),
    sum: library.readFloats(sum, CEPSTRUM_LENGTH),
    frames: library.readCepstralMean(cmn).frames,
  }
}

export interface SpeakerState {
  readonly cepstrum: CepstralState
  /** Level of the speaker's room, dB below full scale. */
  readonly floorDbfs: number
}

const PACKED_VERSION = 1
const PACKED_FLOATS = 2 * CEPSTRUM_LENGTH + 1
const PACKED_BYTES = 8 + 4 * PACKED_FLOATS

/** Exact to the last bit: version u32, frames i32, floor, mean, sum as little-endian floats, in base64. */
export function packSpeaker({ cepstrum, floorDbfs }: SpeakerState): AdaptationState {
  const view = new DataView(new ArrayBuffer(PACKED_BYTES))
  view.setUint32(0, PACKED_VERSION, true)
  view.setInt32(4, cepstrum.frames, true)
  const floats = [floorDbfs, ...cepstrum.mean, ...cepstrum.sum]
  for (const [at, value] of floats.entries()) view.setFloat32(8 + 4 * at, value, true)
  return { engine: ENGINE_NAME, data: Buffer.from(view.buffer).toString('base64') }
}

/** Undefined for the state of another engine or version, and for one that is damaged: the stream then starts fresh. */
export function unpackSpeaker(adaptation: AdaptationState | undefined): SpeakerState | undefined {
  if (adaptation?.engine !== ENGINE_NAME) return undefined
  const bytes = Buffer.from(adaptation.data, 'base64')
  if (bytes.byteLength !== PACKED_BYTES) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const frames = view.getInt32(4, true)
  if (view.getUint32(0, true) !== PACKED_VERSION || frames < 0 || frames > MAX_FRAMES) return undefined
  const floats = Float32Array.from({ length: PACKED_FLOATS }, (_, at) => view.getFloat32(8 + 4 * at, true))
  if (!floats.every(Number.isFinite)) return undefined
  return {
    floorDbfs: floats[0] as number,
    cepstrum: { mean: floats.slice(1, 1 + CEPSTRUM_LENGTH), sum: floats.slice(1 + CEPSTRUM_LENGTH), frames },
  }
}
