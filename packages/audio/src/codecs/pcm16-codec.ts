// The codec that is none: samples as little-endian bytes.
import { type AudioFormat, isFrameLength, samplesPerFrame } from '@parley/protocol'
import { pcm16FromBytes, pcm16ToBytes } from '../pcm.ts'
import { type AudioDecoder, type AudioEncoder, CodecError } from './audio-codec.ts'

export function createPcm16Decoder(format: AudioFormat): AudioDecoder {
  let isClosed = false
  return {
    format,
    decode(payload) {
      if (isClosed) throw new CodecError('closed', 'The decoder is closed.')
      if (!isFrameLength(format, payload.byteLength)) {
        const maxBytes = 2 * samplesPerFrame(format)
        throw new CodecError('length', `A PCM16 frame has an even 2 to ${maxBytes} bytes, not ${payload.byteLength}.`)
      }
      return pcm16FromBytes(payload)
    },
    close() {
      isClosed = true
    },
  }
}

export function createPcm16Encoder(format: AudioFormat): AudioEncoder {
  const frameSamples = samplesPerFrame(format)
  let isClosed = false
  return {
    format,
    frameSamples,
    encode(samples) {
      if (isClosed) throw new CodecError('closed', 'The encoder is closed.')
      if (samples.length < 1 || samples.length > frameSamples) {
        throw new CodecError('length', `A PCM16 frame has 1 to ${frameSamples} samples, not ${samples.length}.`)
      }
      return pcm16ToBytes(samples)
    },
    close() {
      isClosed = true
    },
  }
}
