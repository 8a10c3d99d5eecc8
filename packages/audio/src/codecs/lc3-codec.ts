// LC3 frames, 16 kHz and 10 ms. The state of a stream lives in a JavaScript array: it is freed with its owner and can neither
// leak nor be freed twice. Payloads are copied into a scratch frame, so the C code never reads memory that is not ours.
import { AUDIO_FORMATS, type AudioFormat, isFrameLength, samplesPerFrame } from '@parley/protocol'
import { type AudioDecoder, type AudioEncoder, CodecError, type EncoderOptions } from './audio-codec.ts'
import type { Lc3Library } from './lc3-library.ts'

const { minFrameBytes, maxFrameBytes } = AUDIO_FORMATS.lc3
const DEFAULT_FRAME_BYTES = 40
/** Zeros after the longest frame: reading ahead by a word stays inside. */
const SCRATCH_BYTES = maxFrameBytes + 64

const frameUs = (format: AudioFormat): number => 1000 * format.frameMs

export function createLc3Decoder(library: Lc3Library, format: AudioFormat): AudioDecoder {
  let state: Uint8Array | undefined = new Uint8Array(library.decoderSize(frameUs(format), format.sampleRateHz))
  if (!library.setupDecoder(frameUs(format), format.sampleRateHz, 0, state)) throw refusedByLibrary(format)
  const scratch = new Uint8Array(SCRATCH_BYTES)
  const frameSamples = samplesPerFrame(format)
  return {
    format,
    decode(payload) {
      if (!state) throw new CodecError('closed', 'The decoder is closed.')
      if (!isFrameLength(format, payload.byteLength)) {
        throw new CodecError(
          'length',
          `An LC3 frame has ${minFrameBytes} to ${maxFrameBytes} bytes, not ${payload.byteLength}.`,
        )
      }
      scratch.set(payload)
      scratch.fill(0, payload.byteLength)
      const samples = new Int16Array(frameSamples)
      if (library.decode(state, scratch, payload.byteLength, samples) !== 0) {
        throw new CodecError('corrupt', 'The LC3 frame cannot be decoded.')
      }
      return samples
    },
    close() {
      state = undefined
    },
  }
}

export function createLc3Encoder(library: Lc3Library, format: AudioFormat, options: EncoderOptions): AudioEncoder {
  let state: Uint8Array | undefined = new Uint8Array(library.encoderSize(frameUs(format), format.sampleRateHz))
  if (!library.setupEncoder(frameUs(format), format.sampleRateHz, 0, state)) throw refusedByLibrary(format)
  const frameBytes = frameBytesFor(format, options.bitrateBps)
  const frameSamples = samplesPerFrame(format)
  return {
    format,
    frameSamples,
    encode(samples) {
      if (!state) throw new CodecError('closed', 'The encoder is closed.')
      if (samples.length !== frameSamples) {
        throw new CodecError('length', `An LC3 frame has ${frameSamples} samples here, not ${samples.length}.`)
      }
      const frame = new Uint8Array(frameBytes)
      if (library.encode(state, samples, frameBytes, frame) !== 0) {
        throw new CodecError('corrupt', 'liblc3 refused to encode the frame.')
      }
      return frame
    },
    close() {
      state = undefined
    },
  }
}

/** LC3 has a constant rate: the frame's size is the bit rate. */
function frameBytesFor(format: AudioFormat, bitrateBps: number | undefined): number {
  if (bitrateBps === undefined) return DEFAULT_FRAME_BYTES
  const bytes = Math.round((bitrateBps * format.frameMs) / 8000)
  return Math.max(minFrameBytes, Math.min(maxFrameBytes, bytes))
}

/** Formats are checked against the closed list first, so this is a broken library, not a wrong request. */
function refusedByLibrary(format: AudioFormat): Error {
  return new Error(`liblc3 refuses ${format.sampleRateHz} Hz with frames of ${format.frameMs} ms`)
}
