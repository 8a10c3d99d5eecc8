/** Sound as samples: no I/O, no native code; runs in Node and in browsers. Codecs are in ./codecs (Node only). */
export {
  floatToPcm16,
  levelDbfs,
  pcm16FromBytes,
  pcm16ToBytes,
  pcm16ToFloat,
  SILENCE_DBFS,
} from './pcm.ts'
export {
  encodeWav,
  parseWav,
  parseWavHeader,
  type WavAudio,
  type WavHeader,
  type WavProblem,
  type WavProblemCode,
  wavDataToMono,
} from './wav.ts'
