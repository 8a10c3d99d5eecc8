/** Encoded audio to samples and back, for every format of the protocol's closed list. Node only: native code and WASM. */
import { createCodecs } from './codec-factory.ts'
import { lc3Library } from './lc3-library.ts'
import { opusLibrary } from './opus-library.ts'

export {
  type AudioDecoder,
  type AudioEncoder,
  CodecError,
  type CodecFault,
  type CodecProblem,
  type EncoderOptions,
} from './audio-codec.ts'
export type { CodecAvailability } from './codec-factory.ts'

/** The codecs of this machine and thread; see Codecs for each function's promise. */
export const { createDecoder, createEncoder, codecAvailability } = createCodecs({
  opus: () => opusLibrary(),
  lc3: lc3Library,
})
