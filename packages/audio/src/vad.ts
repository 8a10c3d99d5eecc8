// Tells speech from silence in 20 ms blocks of 16 kHz (WebRTC's detector, WASM). One instance of the module serves every
// detector of the thread; each stream has its own state in it. Decides nothing about utterances: that is endpointing.
/// <reference path="./wasm-modules.d.ts" />
import type { FvadModule } from '@echogarden/fvad-wasm'
import { loadOnce } from './load-once.ts'

export const VAD_RATE_HZ = 16_000
/** Samples in a block: 20 ms. */
export const VAD_BLOCK_SAMPLES = 320

/** 0 takes most for speech, 3 only what surely is. */
export type VadMode = 0 | 1 | 2 | 3

export interface Vad {
  /** Whether this block, which follows the last one, is speech. Throws RangeError unless it has VAD_BLOCK_SAMPLES samples. */
  isSpeech(block: Int16Array): boolean
  /** Forgets everything heard, as if just made. */
  reset(): void
  /** Frees the state. Idempotent; the other methods throw afterwards. */
  close(): void
}

interface Engine {
  readonly module: FvadModule
  readonly block: number
}

let openCount = 0

const loadEngine = loadOnce<Engine>(async () => {
  const { default: load } = await import('@echogarden/fvad-wasm')
  const module = await load()
  return { module, block: module._malloc(2 * VAD_BLOCK_SAMPLES) }
})

/** Open detectors and the size of the memory they share; leak tests and diagnosis. */
export async function vadUsage(): Promise<{ readonly open: number; readonly heapBytes: number }> {
  const { module } = await loadEngine()
  return { open: openCount, heapBytes: module.HEAP16.buffer.byteLength }
}

/** A detector for one stream. */
export async function createVad({ mode }: { readonly mode: VadMode }): Promise<Vad> {
  if (![0, 1, 2, 3].includes(mode)) throw new RangeError(`A VAD mode is 0 to 3, not ${mode}`)
  const { module, block: scratch } = await loadEngine()
  let instance = module._fvad_new()
  if (instance === 0) throw new Error('no memory for another VAD')
  openCount += 1
  const check = () => {
    if (instance === 0) throw new Error('the VAD is closed')
  }
  const prepare = () => {
    module._fvad_reset(instance)
    module._fvad_set_sample_rate(instance, VAD_RATE_HZ)
    module._fvad_set_mode(instance, mode)
  }
  prepare()
  return {
    isSpeech(block) {
      check()
      if (block.length !== VAD_BLOCK_SAMPLES) {
        throw new RangeError(`A VAD block has ${VAD_BLOCK_SAMPLES} samples, not ${block.length}`)
      }
      module.HEAP16.set(block, scratch >>> 1)
      return module._fvad_process(instance, scratch, VAD_BLOCK_SAMPLES) === 1
    },
    reset() {
      check()
      prepare()
    },
    close() {
      if (instance === 0) return
      module._fvad_free(instance)
      instance = 0
      openCount -= 1
    },
  }
}
