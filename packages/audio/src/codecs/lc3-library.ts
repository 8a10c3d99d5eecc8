// Debian's liblc3 through koffi, loaded once. Knows the C signatures and nothing of frames.

import { loadOnce } from '../load-once.ts'

export const LC3_SONAME = 'liblc3.so.0'
export const LC3_FIX = 'apt-get install -y --no-install-recommends liblc3-0'

/** All sizes in bytes, durations in microseconds; `state` is memory of the caller that must outlive the codec. */
export interface Lc3Library {
  encoderSize(frameUs: number, rateHz: number): number
  decoderSize(frameUs: number, rateHz: number): number
  /** `pcmRateHz` 0 means the codec's own rate. False when the parameters are refused. */
  setupEncoder(frameUs: number, rateHz: number, pcmRateHz: number, state: Uint8Array): boolean
  setupDecoder(frameUs: number, rateHz: number, pcmRateHz: number, state: Uint8Array): boolean
  /** 0 when encoded, negative when the parameters are wrong. */
  encode(state: Uint8Array, pcm: Int16Array, frameBytes: number, target: Uint8Array): number
  /** 0 when decoded, 1 when the frame was corrupt and the sound concealed, negative when the parameters are wrong. */
  decode(state: Uint8Array, frame: Uint8Array, frameBytes: number, pcm: Int16Array): number
}

const PCM_FORMAT_S16 = 0
const STRIDE = 1

/** Rejects when liblc3 is not installed; asks again at the next call, so that installing it needs no restart. */
export const lc3Library = loadOnce(() => loadLc3(LC3_SONAME))

/** Rejects when there is no such library. */
export async function loadLc3(soname: string): Promise<Lc3Library> {
  const { default: koffi } = await import('koffi')
  const library = koffi.load(soname)
  const encoderSize = library.func('uint lc3_encoder_size(int dt_us, int sr_hz)')
  const decoderSize = library.func('uint lc3_decoder_size(int dt_us, int sr_hz)')
  const setupEncoder = library.func('void *lc3_setup_encoder(int dt_us, int sr_hz, int sr_pcm_hz, void *mem)')
  const setupDecoder = library.func('void *lc3_setup_decoder(int dt_us, int sr_hz, int sr_pcm_hz, void *mem)')
  const encode = library.func('int lc3_encode(void *encoder, int fmt, void *pcm, int stride, int nbytes, void *out)')
  const decode = library.func('int lc3_decode(void *decoder, void *in, int nbytes, int fmt, void *pcm, int stride)')
  return {
    encoderSize: (frameUs, rateHz) => encoderSize(frameUs, rateHz) as number,
    decoderSize: (frameUs, rateHz) => decoderSize(frameUs, rateHz) as number,
    setupEncoder: (frameUs, rateHz, pcmRateHz, state) => Boolean(setupEncoder(frameUs, rateHz, pcmRateHz, state)),
    setupDecoder: (frameUs, rateHz, pcmRateHz, state) => Boolean(setupDecoder(frameUs, rateHz, pcmRateHz, state)),
    encode: (state, pcm, frameBytes, target) =>
      encode(state, PCM_FORMAT_S16, pcm, STRIDE, frameBytes, target) as number,
    decode: (state, frame, frameBytes, pcm) => decode(state, frame, frameBytes, PCM_FORMAT_S16, pcm, STRIDE) as number,
  }
}
