/** For tests of what is built on speech recognition, and for recognisers themselves. Not for the product. */
export { ListenerLog, type Told } from './listener-log.ts'
export {
  flushed,
  type RecogniserContractOptions,
  type RecogniserSubject,
  recogniserContract,
  say,
  type Talk,
} from './recogniser-contract.ts'
export { ScriptedRecogniser, type ScriptedRecogniserOptions, type ScriptedUtterance } from './scripted-recogniser.ts'
export {
  SCRIPTED_CHAR_MS,
  ScriptedSynthesiser,
  type ScriptedSynthesiserOptions,
  scriptedTone,
} from './scripted-synthesiser.ts'
export {
  allOf,
  type SynthesiserContractOptions,
  type SynthesiserSubject,
  synthesiserContract,
} from './synthesiser-contract.ts'
