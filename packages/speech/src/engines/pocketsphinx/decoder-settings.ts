// How the decoder is set, and with what idea of a voice it starts. Each value was measured; README.md tells how.
import { CEPSTRUM_LENGTH, type CepstralState } from './cepstral-state.ts'

/** Names are those of ps_args() without the dash. */
export function decoderSettings(modelDirectory: string): Readonly<Record<string, string>> {
  return {
    hmm: `${modelDirectory}/en-us`,
    lm: `${modelDirectory}/en-us.lm.bin`,
    dict: `${modelDirectory}/cmudict-en-us.dict`,
    // The second pass costs 80-150 ms after the end of speech for 1.5 points of word error rate.
    fwdflat: 'no',
    // At most this many states per frame: a tenth less work, and a bound on the worst frames, at the same word error rate.
    maxhmmpf: '3000',
    // Endpointing is ours; audio the decoder left out would shift the frames of its words against media time.
    remove_silence: 'no',
    // Costs nothing in a quiet room and wins 4 to 5 points of word error rate in a noisy one. Its estimate begins afresh with each
    // utterance (see Decoder.begin), in the pre-roll before the first word.
    remove_noise: 'yes',
    // Cheap sound cards add a constant to every sample. Frame by frame, so that it depends on nothing before: 58 instead of 57 word errors in
    // 748 words without an offset, 33 instead of 40 in 374 with one of 3,000.
    remove_dc: 'yes',
  }
}

/** The model's own idea of a voice (its -cmninit). */
const INITIAL_MEAN = [41.0, -5.29, -0.12, 5.09, 2.48, -4.07, -1.37, -1.78, -5.08, -2.05, -6.45, -1.42, 1.17]

export const INITIAL_CEPSTRUM: CepstralState = {
  mean: Float32Array.from(INITIAL_MEAN),
  sum: new Float32Array(CEPSTRUM_LENGTH),
  frames: 0,
}
