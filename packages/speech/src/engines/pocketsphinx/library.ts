// Debian's libpocketsphinx (5prealpha) through koffi: typed calls, loaded once, nothing decided. Every call on one decoder must
// have returned before the next is made on it; the asynchronous ones run on libuv's pool.

import { access } from 'node:fs/promises'
import { err, ok, type Result } from '@parley/kernel'

export const POCKETSPHINX_SONAME = 'libpocketsphinx.so.3'
export const SPHINXBASE_SONAME = 'libsphinxbase.so.3'
export const MODEL_DIRECTORY = '/usr/share/pocketsphinx/model/en-us'
export const INSTALL_COMMAND = 'apt-get install -y --no-install-recommends libpocketsphinx3 pocketsphinx-en-us'

/** An address in native memory; never 0. Only what made it may free it, and only once. */
export type Pointer = bigint & { readonly native: unique symbol }

/** The fields of feat_t (sphinxbase/feat.h) that tell whether the layout is the one we know. */
export interface FeatureFields {
  readonly cepsize: number
  readonly windowSize: number
  readonly cmnKind: number
  readonly varnorm: number
  readonly agcKind: number
  readonly cmn: Pointer | null
}

/** cmn_t (sphinxbase/cmn.h). */
export interface CepstralMeanFields {
  readonly mean: Pointer | null
  readonly sum: Pointer | null
  readonly frames: number
  readonly vectorLength: number
}

export interface PocketSphinxLibrary {
  /** Loads a decoder on the pool; null when the library refuses its settings. */
  open(settings: Readonly<Record<string, string>>): Promise<Pointer | null>
  free(decoder: Pointer): Promise<void>
  /** Forgets what the front end learnt of the noise. */
  startStream(decoder: Pointer): boolean
  startUtterance(decoder: Pointer): boolean
  /** `samples` must stay untouched until the promise settles. Negative on failure. */
  processRaw(decoder: Pointer, samples: Int16Array): Promise<number>
  /** The same on the calling thread. */
  processRawHere(decoder: Pointer, samples: Int16Array): number
  endUtterance(decoder: Pointer): Promise<boolean>
  /** Cheap while an utterance is open. */
  hypothesis(decoder: Pointer): string
  /** After the end, when the lattice is searched for it. */
  finalHypothesis(decoder: Pointer): Promise<string>
  /** First word of the segmentation; on the pool because it may search the lattice. Walk it to its end: that frees it. */
  firstSegment(decoder: Pointer): Promise<Pointer | null>
  nextSegment(segment: Pointer): Pointer | null
  segmentWord(segment: Pointer): string
  /** First and last frame (10 ms each, inclusive). */
  segmentFrames(segment: Pointer): readonly [number, number]
  /** Posterior probability of the segment in the lattice, 0 to 1; only of an ended utterance. */
  segmentPosterior(decoder: Pointer, segment: Pointer): number
  features(decoder: Pointer): Pointer | null
  readFeatures(features: Pointer): FeatureFields
  readCepstralMean(cmn: Pointer): CepstralMeanFields
  setLiveMean(cmn: Pointer, mean: Float32Array): void
  readFloats(at: Pointer, length: number): Float32Array
  writeFloats(at: Pointer, values: Float32Array): void
  writeFrames(cmn: Pointer, frames: number): void
}

export interface EngineProblem {
  /** What is missing or broken, and the command that mends it. */
  readonly message: string
}

export interface LibrarySource {
  readonly pocketsphinx?: string
  readonly sphinxbase?: string
  readonly modelDirectory?: string
}

let loaded: PocketSphinxLibrary | undefined

/** The library, or what keeps it from working in words for a person. A failure is not remembered: the next call tries again. */
export async function loadPocketSphinx(
  source: LibrarySource = {},
): Promise<Result<PocketSphinxLibrary, EngineProblem>> {
  const { pocketsphinx = POCKETSPHINX_SONAME, sphinxbase = SPHINXBASE_SONAME } = source
  const directory = source.modelDirectory ?? MODEL_DIRECTORY
  for (const file of modelFiles(directory)) {
    const isThere = await access(file).then(
      () => true,
      () => false,
    )
    if (!isThere) return err({ message: `the speech model is not installed (no ${file}): ${INSTALL_COMMAND}` })
  }
  if (loaded && !source.pocketsphinx && !source.sphinxbase) return ok(loaded)
  try {
    const library = await bind(pocketsphinx, sphinxbase)
    loaded ??= library
    return ok(library)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return err({ message: `${pocketsphinx} cannot be loaded (${reason}): ${INSTALL_COMMAND}` })
  }
}

/** What a decoder reads. */
export function modelFiles(directory: string): readonly [acoustic: string, language: string, dictionary: string] {
  return [`${directory}/en-us/mdef`, `${directory}/en-us.lm.bin`, `${directory}/cmudict-en-us.dict`]
}

async function bind(pocketsphinx: string, sphinxbase: string): Promise<PocketSphinxLibrary> {
  const { default: koffi } = await import('koffi')
  const base = koffi.load(sphinxbase)
  const engine = koffi.load(pocketsphinx)
  const silence = base.func('void err_set_logfp(void *)')
  const parseSettings = base.func('void *cmd_ln_parse_r(void *, void *, int, const char **, int)')
  const freeSettings = base.func('int cmd_ln_free_r(void *)')
  const setLiveMean = base.func('void cmn_live_set(void *, const float *)')
  const settingNames = engine.func('void *ps_args()')
  const init = engine.func('void *ps_init(void *)')
  const free = engine.func('int ps_free(void *)')
  const startStream = engine.func('int ps_start_stream(void *)')
  const startUtterance = engine.func('int ps_start_utt(void *)')
  const processRaw = engine.func('int ps_process_raw(void *, const int16_t *, size_t, int, int)')
  const endUtterance = engine.func('int ps_end_utt(void *)')
  const hypothesis = engine.func('const char *ps_get_hyp(void *, void *)')
  const firstSegment = engine.func('void *ps_seg_iter(void *)')
  const nextSegment = engine.func('void *ps_seg_next(void *)')
  const segmentWord = engine.func('const char *ps_seg_word(void *)')
  const segmentFrames = engine.func('void ps_seg_frames(void *, _Out_ int *, _Out_ int *)')
  const segmentProb = engine.func('int ps_seg_prob(void *, void *, void *, void *)')
  const logmath = engine.func('void *ps_get_logmath(void *)')
  const logmathExp = base.func('double logmath_exp(void *, int)')
  const features = engine.func('void *ps_get_feat(void *)')
  // The layouts of the public headers; koffi pads them as the platform's C compiler does (checked again per decoder).
  const featureLayout = koffi.struct({
    refcount: 'int',
    name: 'void *',
    cepsize: 'int32',
    streams: 'int32',
    streamLength: 'void *',
    windowSize: 'int32',
    subvectors: 'int32',
    subvectorLength: 'void *',
    subvectorSpec: 'void *',
    subvectorBuffer: 'void *',
    subvectorDimension: 'int32',
    cmnKind: 'int',
    varnorm: 'int32',
    agcKind: 'int',
    compute: 'void *',
    cmn: 'void *',
  })
  const meanLayout = koffi.struct({
    mean: 'void *',
    variance: 'void *',
    sum: 'void *',
    frames: 'int32',
    vectorLength: 'int32',
  })
  const framesOffset = koffi.offsetof(meanLayout, 'frames')
  silence(null)

  return {
    async open(settings) {
      const argv = ['parley', ...Object.entries(settings).flatMap(([name, value]) => [`-${name}`, value])]
      const config = parseSettings(null, settingNames(), argv.length, argv, 0) as Pointer | null
      if (config === null) return null
      const decoder = await onPool<Pointer | null>((done) => init.async(config, done))
      freeSettings(config)
      return decoder
    },
    free: (decoder) => onPool<void>((done) => free.async(decoder, done)),
    startStream: (decoder) => startStream(decoder) === 0,
    startUtterance: (decoder) => startUtterance(decoder) === 0,
    processRaw: (decoder, samples) =>
      onPool<number>((done) => processRaw.async(decoder, samples, samples.length, 0, 0, done)),
    processRawHere: (decoder, samples) => processRaw(decoder, samples, samples.length, 0, 0) as number,
    endUtterance: async (decoder) => (await onPool<number>((done) => endUtterance.async(decoder, done))) === 0,
    hypothesis: (decoder) => (hypothesis(decoder, null) as string | null) ?? '',
    finalHypothesis: async (decoder) =>
      (await onPool<string | null>((done) => hypothesis.async(decoder, null, done))) ?? '',
    firstSegment: (decoder) => onPool<Pointer | null>((done) => firstSegment.async(decoder, done)),
    nextSegment: (segment) => nextSegment(segment) as Pointer | null,
    segmentWord: (segment) => (segmentWord(segment) as string | null) ?? '',
    segmentFrames(segment) {
      const first = [0]
      const last = [0]
      segmentFrames(segment, first, last)
      return [first[0] as number, last[0] as number]
    },
    segmentPosterior: (decoder, segment) =>
      logmathExp(logmath(decoder), segmentProb(segment, null, null, null)) as number,
    features: (decoder) => features(decoder) as Pointer | null,
    readFeatures: (at) => koffi.decode(at, featureLayout) as FeatureFields,
    readCepstralMean: (at) => koffi.decode(at, meanLayout) as CepstralMeanFields,
    setLiveMean: (cmn, mean) => void setLiveMean(cmn, mean),
    readFloats: (at, length) => Float32Array.from(koffi.decode(at, 'float', length) as ArrayLike<number>),
    writeFloats: (at, values) => koffi.encode(at, 'float', values, values.length),
    writeFrames: (cmn, frames) => koffi.encode(cmn, framesOffset, 'int32', frames),
  }
}

function onPool<T>(call: (done: (error: unknown, value: T) => void) => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    call((error, value) => (error ? reject(error instanceof Error ? error : new Error(String(error))) : resolve(value)))
  })
}
