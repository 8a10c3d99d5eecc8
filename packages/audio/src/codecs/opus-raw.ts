// The classes of @evan/opus as both its builds export them; the package's own types cover neither build by itself.

/** The bare class of either build; `ctl` is libopus's `opus_*_ctl`. */
export interface RawDecoder {
  decode(packet: Uint8Array): Uint8Array
  ctl(command: number, value?: number): number
  /** Frees the state at once (WASM build only; the native one frees on garbage collection). */
  drop?(): void
}

export interface RawEncoder {
  encode(samples: Int16Array): Uint8Array
  ctl(command: number, value?: number): number
  drop?(): void
}

/** What both builds export. */
export interface RawLibrary {
  readonly Decoder: new (options: { readonly channels: 1; readonly sample_rate: number }) => RawDecoder
  readonly Encoder: new (options: {
    readonly channels: 1
    readonly sample_rate: number
    readonly application: 'voip'
  }) => RawEncoder
}
