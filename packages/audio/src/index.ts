/** Sound as samples: no I/O, no native code; runs in Node and in browsers. Codecs are in ./codecs (Node only). */

export { type Companding, decodeG711 } from './g711.ts'
export {
  GRANULES_PER_MS,
  type HeardPacket,
  type OggOpusProblem,
  OggOpusReader,
  OggOpusWriter,
  oggOpusTailSamples,
} from './ogg-opus.ts'
export { isOpusPacketStereo, opusPacketMs } from './opus-packet.ts'
export {
  floatToPcm16,
  levelDbfs,
  pcm16FromBytes,
  pcm16ToBytes,
  pcm16ToFloat,
  SILENCE_DBFS,
} from './pcm.ts'
export {
  newReorderTally,
  REORDER_WINDOW_PACKETS,
  ReorderBuffer,
  type ReorderOptions,
  type ReorderOutcome,
  ReorderPool,
  type ReorderSink,
  type ReorderTally,
} from './reorder.ts'
export { createResampler, DEFAULT_RESAMPLE_QUALITY, type Resampler, resamplerUsage } from './resample.ts'
export { createVad, VAD_BLOCK_SAMPLES, VAD_RATE_HZ, type Vad, type VadMode, vadUsage } from './vad.ts'
export {
  encodeWav,
  parseWav,
  parseWavHeader,
  WAV_HEADER_BYTES,
  type WavAudio,
  type WavHeader,
  type WavProblem,
  type WavProblemCode,
  wavDataToMono,
  wavHeader,
} from './wav.ts'
