/** Speech: the ports of recognition and synthesis, utterances, endpointing, engines. */

export { DEFAULT_ENDPOINTING, type EndpointingOptions } from './endpointing.ts'
export { createDeepgramRecogniser, type DeepgramRecogniserOptions } from './engines/deepgram/deepgram-recogniser.ts'
export {
  createEspeakSynthesiser,
  ESPEAK_INSTALL_COMMAND,
  type EspeakOptions,
} from './engines/espeak/espeak-synthesiser.ts'
export { createFliteSynthesiser, type FliteOptions } from './engines/flite/flite-synthesiser.ts'
export { HostedRecogniser, type HostedRecogniserOptions } from './engines/hosted/hosted-recogniser.ts'
export { createOpenAiRecogniser, type OpenAiRecogniserOptions } from './engines/openai/openai-recogniser.ts'
export { OpenAiSynthesiser, type OpenAiSynthesiserOptions } from './engines/openai/openai-synthesiser.ts'
export {
  type CepstralState,
  packSpeaker,
  type SpeakerState,
  unpackSpeaker,
} from './engines/pocketsphinx/cepstral-state.ts'
export {
  INSTALL_COMMAND as POCKETSPHINX_INSTALL_COMMAND,
  loadPocketSphinx,
  MODEL_DIRECTORY as POCKETSPHINX_MODEL_DIRECTORY,
  POCKETSPHINX_SONAME,
} from './engines/pocketsphinx/library.ts'
export {
  POCKETSPHINX_LANGUAGES,
  type PocketSphinxOptions,
  PocketSphinxRecogniser,
} from './engines/pocketsphinx/pocketsphinx-recogniser.ts'
export {
  DECODER_BYTES,
  FIRST_SLOTS_PER_CORE,
  type MachineRoom,
  machineRoom,
  measuredSlots,
  SLOTS_PER_CORE,
  slotsFor,
} from './engines/pocketsphinx/slot-sizing.ts'
export { createRecogniserEars } from './fake-provider/recogniser-ears.ts'
export { createSynthesiserVoice, FLITE_BEHIND } from './fake-provider/synthesiser-voice.ts'
export * from './recogniser.ts'
export { RecogniserSet, type RecogniserSetOptions } from './recogniser-set.ts'
export type { VoiceActivity } from './speech-activity.ts'
export {
  MAX_SPEECHES_PER_CORE,
  measureSynthesis,
  type SynthesisMeasure,
  type SynthesisRoom,
  synthesisSlotsFor,
} from './synthesis/measure-synthesis.ts'
export { PieceSynthesiser, type PieceSynthesiserOptions } from './synthesis/piece-synthesiser.ts'
export { languageFit } from './synthesis/speak-request.ts'
export { SynthesiserSet, type SynthesiserSetOptions } from './synthesis/synthesiser-set.ts'
export * from './synthesiser.ts'
