// Loads libopus once per thread and lends its decoders and encoders. The native build writes into static buffers shared by
// all threads of the process (two threads at once get each other's audio), so only the main thread uses it; others, and
// machines without a native build, use the WASM build of the same package.
/// <reference path="../wasm-modules.d.ts" />
import { isMainThread } from 'node:worker_threads'
import type { RawDecoder, RawEncoder, RawLibrary } from './opus-raw.ts'

export type OpusBuild = 'native' | 'wasm'

const CTL_RESET_STATE = 4028

/**
 * Native states kept for reuse, per rate. V8 does not see their 20 to 50 kB and lets thousands pile up before it collects;
 * one more than this waiting is left to the collector.
 */
const MAX_IDLE_STATES = 256

export class OpusLibrary {
  readonly build: OpusBuild
  readonly #raw: RawLibrary
  readonly #idleDecoders = new Map<number, RawDecoder[]>()
  readonly #idleEncoders = new Map<number, RawEncoder[]>()

  constructor(build: OpusBuild, raw: RawLibrary) {
    this.build = build
    this.#raw = raw
  }

  takeDecoder(sampleRateHz: number): RawDecoder {
    return (
      this.#idleDecoders.get(sampleRateHz)?.pop() ?? new this.#raw.Decoder({ channels: 1, sample_rate: sampleRateHz })
    )
  }

  takeEncoder(sampleRateHz: number): RawEncoder {
    return (
      this.#idleEncoders.get(sampleRateHz)?.pop() ??
      new this.#raw.Encoder({ channels: 1, sample_rate: sampleRateHz, application: 'voip' })
    )
  }

  returnDecoder(sampleRateHz: number, decoder: RawDecoder): void {
    giveBack(this.#idleDecoders, sampleRateHz, decoder)
  }

  returnEncoder(sampleRateHz: number, encoder: RawEncoder): void {
    giveBack(this.#idleEncoders, sampleRateHz, encoder)
  }
}

function giveBack<T extends RawDecoder | RawEncoder>(idle: Map<number, T[]>, sampleRateHz: number, state: T): void {
  if (state.drop) {
    state.drop()
    return
  }
  const waiting = idle.get(sampleRateHz) ?? []
  if (waiting.length >= MAX_IDLE_STATES) return
  // Nothing of one speaker may be left when the next one gets the state.
  state.ctl(CTL_RESET_STATE)
  waiting.push(state)
  idle.set(sampleRateHz, waiting)
}

const loaded = new Map<OpusBuild, Promise<OpusLibrary>>()

/** The library of this thread; `build` forces one. Rejects when it cannot be loaded. */
export function opusLibrary(build?: OpusBuild): Promise<OpusLibrary> {
  if (build) return load(build)
  return isMainThread ? load('native').catch(() => load('wasm')) : load('wasm')
}

function load(build: OpusBuild): Promise<OpusLibrary> {
  let library = loaded.get(build)
  if (!library) {
    library = importBuild(build).then((raw) => new OpusLibrary(build, raw))
    loaded.set(build, library)
  }
  return library
}

async function importBuild(build: OpusBuild): Promise<RawLibrary> {
  const { default: library } =
    build === 'native' ? await import('@evan/opus/node/index.js') : await import('@evan/opus/wasm/index.js')
  return library
}
