// Changes the sample rate of a stream (speex resampler, WASM). One instance of the module serves every resampler of the
// thread; each has its own state in it, the scratch arrays are shared because nothing here yields while they are in use.
/// <reference path="./wasm-modules.d.ts" />
import type { SpeexModule } from '@echogarden/speex-resampler-wasm'
import { loadOnce } from './load-once.ts'

export interface Resampler {
  readonly fromHz: number
  readonly toHz: number
  /**
   * What can be said of the stream up to here, in an array that is the caller's own (possibly the very array given, when
   * the rates are equal). The filter's delay (under 2 ms of 48 kHz at quality 3) is taken out: output begins at the input's
   * first sample and runs up to one delay behind.
   */
  process(samples: Int16Array): Int16Array
  /**
   * The end of the stream: the samples still in the filter. Everything put out since the start then is
   * `round(input * toHz / fromHz)` samples. The next `process` begins a new stream.
   */
  flush(): Int16Array
  /** Frees the filter. Idempotent; `process` and `flush` throw afterwards. */
  close(): void
}

/** Speex's scale: 0 is fast and dull, 10 slow and exact. 3 is meant for speech. */
export const DEFAULT_RESAMPLE_QUALITY = 3
const MAX_RATE_HZ = 1_000_000
/** The filter grows with the ratio; beyond this nothing of the signal is left anyway. */
const MAX_DOWN_RATIO = 1_000
/** Samples per call into the module: a 60 ms frame at 48 kHz goes through in one. */
const INPUT_SCRATCH = 2_880
const OUTPUT_SCRATCH = 8_192

interface Engine {
  readonly module: SpeexModule
  readonly input: number
  readonly output: number
  /** Two 32-bit lengths, in and out, that the module rewrites. */
  readonly lengths: number
}

let openCount = 0

const loadEngine = loadOnce<Engine>(async () => {
  const { default: load } = await import('@echogarden/speex-resampler-wasm')
  const module = await load()
  return {
    module,
    input: module._malloc(2 * INPUT_SCRATCH),
    output: module._malloc(2 * OUTPUT_SCRATCH),
    lengths: module._malloc(8),
  }
})

/** Open resamplers and the size of the memory they share; leak tests and diagnosis. */
export async function resamplerUsage(): Promise<{ readonly open: number; readonly heapBytes: number }> {
  const { module } = await loadEngine()
  return { open: openCount, heapBytes: module.HEAP16.buffer.byteLength }
}

/**
 * A resampler for one mono stream. Rates are whole numbers from 1 to 1,000,000 Hz, down by at most 1,000 to 1; quality is
 * 0 to 10. Throws RangeError otherwise.
 */
export async function createResampler(
  fromHz: number,
  toHz: number,
  quality: number = DEFAULT_RESAMPLE_QUALITY,
): Promise<Resampler> {
  checkRange(fromHz, toHz, quality)
  if (fromHz === toHz) return identity(fromHz)
  return openSpeex(await loadEngine(), fromHz, toHz, quality)
}

function checkRange(fromHz: number, toHz: number, quality: number): void {
  for (const rateHz of [fromHz, toHz]) {
    if (!Number.isInteger(rateHz) || rateHz < 1 || rateHz > MAX_RATE_HZ) {
      throw new RangeError(`A sample rate is a whole number from 1 to ${MAX_RATE_HZ} Hz, not ${rateHz}`)
    }
  }
  if (fromHz / toHz > MAX_DOWN_RATIO) throw new RangeError(`${fromHz} Hz cannot be brought down to ${toHz} Hz`)
  if (!Number.isInteger(quality) || quality < 0 || quality > 10) {
    throw new RangeError(`Resampling quality is 0 to 10, not ${quality}`)
  }
}

function identity(rateHz: number): Resampler {
  let isClosed = false
  const check = () => {
    if (isClosed) throw new Error('the resampler is closed')
  }
  return {
    fromHz: rateHz,
    toHz: rateHz,
    process(samples) {
      check()
      return samples
    },
    flush() {
      check()
      return new Int16Array(0)
    },
    close() {
      isClosed = true
    },
  }
}

function openSpeex(engine: Engine, fromHz: number, toHz: number, quality: number): Resampler {
  const { module } = engine
  let state = module._speex_resampler_init(1, fromHz, toHz, quality, engine.lengths)
  if (state === 0) throw new Error(`no memory to resample ${fromHz} to ${toHz} Hz`)
  module._speex_resampler_skip_zeros(state)
  openCount += 1
  let samplesIn = 0
  let samplesOut = 0

  const expected = () => Math.round((samplesIn * toHz) / fromHz)
  const check = () => {
    if (state === 0) throw new Error('the resampler is closed')
  }
  const restart = () => {
    module._speex_resampler_reset_mem(state)
    module._speex_resampler_skip_zeros(state)
    samplesIn = 0
    samplesOut = 0
  }
  return {
    fromHz,
    toHz,
    process(samples) {
      check()
      samplesIn += samples.length
      const room = new Int16Array(Math.max(0, expected() - samplesOut))
      const written = run(engine, state, samples, room)
      samplesOut += written
      return written === room.length ? room : room.subarray(0, written)
    },
    flush() {
      check()
      const rest = new Int16Array(Math.max(0, expected() - samplesOut))
      // The filter lets go of its last samples when as much silence as its delay has followed them.
      const silence = new Int16Array(module._speex_resampler_get_input_latency(state) + 1)
      let written = 0
      while (written < rest.length) written += run(engine, state, silence, rest.subarray(written))
      restart()
      return rest
    },
    close() {
      if (state === 0) return
      module._speex_resampler_destroy(state)
      state = 0
      openCount -= 1
    },
  }
}

/** Puts `samples` through the filter; writes what comes out into `target` (which ends it when full) and says how much. */
function run(engine: Engine, state: number, samples: Int16Array, target: Int16Array): number {
  const { module, input, output, lengths } = engine
  let consumed = 0
  let written = 0
  while (consumed < samples.length) {
    const chunk = samples.subarray(consumed, consumed + INPUT_SCRATCH)
    // The module's arrays are looked up each time: they are replaced when its memory grows.
    module.HEAP16.set(chunk, input >>> 1)
    module.HEAPU32[lengths >>> 2] = chunk.length
    module.HEAPU32[(lengths >>> 2) + 1] = OUTPUT_SCRATCH
    module._speex_resampler_process_int(state, 0, input, lengths, output, lengths + 4)
    const taken = module.HEAPU32[lengths >>> 2] as number
    const given = module.HEAPU32[(lengths >>> 2) + 1] as number
    const kept = Math.min(given, target.length - written)
    const from = output >>> 1
    target.set(module.HEAP16.subarray(from, from + kept), written)
    written += kept
    consumed += taken
    if (taken === 0 && given === 0) throw new Error('the resampler does not move')
  }
  return written
}
