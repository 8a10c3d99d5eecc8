// Types of the WASM packages, which ship none. Only what is used here.

declare module '@echogarden/speex-resampler-wasm' {
  export interface SpeexModule {
    readonly HEAP16: Int16Array
    readonly HEAPU32: Uint32Array
    _malloc(bytes: number): number
    _free(pointer: number): void
    _speex_resampler_init(channels: number, fromHz: number, toHz: number, quality: number, errorPointer: number): number
    _speex_resampler_destroy(state: number): void
    _speex_resampler_reset_mem(state: number): number
    _speex_resampler_skip_zeros(state: number): number
    _speex_resampler_get_input_latency(state: number): number
    _speex_resampler_process_int(
      state: number,
      channel: number,
      input: number,
      inputLengthPointer: number,
      output: number,
      outputLengthPointer: number,
    ): number
  }
  export default function load(): Promise<SpeexModule>
}

declare module '@echogarden/fvad-wasm' {
  export interface FvadModule {
    readonly HEAP16: Int16Array
    _malloc(bytes: number): number
    _free(pointer: number): void
    _fvad_new(): number
    _fvad_free(instance: number): void
    /** Forgets the past, and sets rate and mode back to 8 kHz and 0. */
    _fvad_reset(instance: number): void
    _fvad_set_mode(instance: number, mode: number): number
    _fvad_set_sample_rate(instance: number, rateHz: number): number
    _fvad_process(instance: number, samples: number, count: number): number
  }
  export default function load(): Promise<FvadModule>
}

declare module '@evan/opus/node/index.js' {
  const library: import('./codecs/opus-raw.ts').RawLibrary
  export default library
}

declare module '@evan/opus/wasm/index.js' {
  const library: import('./codecs/opus-raw.ts').RawLibrary
  export default library
}
