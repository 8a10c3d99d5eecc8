/** Encoded audio to samples and back, for every format of the protocol's closed list. Node only: native code and WASM. */
import { createCodecs } from './codec-factory.ts'
import { lc3Library } from './lc3-library.ts'
import { createPacketDecoder, type OpusPacketDecoder } from './opus-codec.ts'
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

export type { OpusPacketDecoder } from './opus-codec.ts'

/** A decoder of Opus packets of any duration at 8, 12, 16, 24 or 48 kHz. Rejects when the library cannot be loaded. */
export async function createOpusPacketDecoder(sampleRateHz: number): Promise<OpusPacketDecoder> {
  return createPacketDecoder(await opusLibrary(), sampleRateHz)
}

/** The codecs of this machine and thread; see Codecs for each function's promise. */
export const { createDecoder, createEncoder, codecAvailability } = createCodecs({
  opus: () => opusLibrary(),
  lc3: lc3Library,
})
