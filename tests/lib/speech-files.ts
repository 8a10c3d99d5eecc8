// Speech in the containers and encodings that clients of others send.
import { createResampler, encodeWav, OggOpusWriter, oggOpusTailSamples, pcm16ToFloat } from '@parley/audio'
import { createEncoder } from '@parley/audio/codecs'
import { SPEECH_RATE_HZ } from '@parley/audio/testing'

export async function resampled(samples: Int16Array, rateHz: number): Promise<Int16Array> {
  const resampler = await createResampler(SPEECH_RATE_HZ, rateHz)
  const parts = [resampler.process(samples).slice(), resampler.flush()]
  resampler.close()
  return Int16Array.from(parts.flatMap((part) => [...part]))
}

export async function wavOf(samples: Int16Array, rateHz: number): Promise<Uint8Array> {
  return encodeWav(await resampled(samples, rateHz), rateHz)
}

/** WAV of 32-bit floats. */
export async function floatWavOf(samples: Int16Array, rateHz: number): Promise<Uint8Array> {
  const floats = pcm16ToFloat(await resampled(samples, rateHz))
  const header = encodeWav(new Int16Array(0), rateHz).slice()
  const view = new DataView(header.buffer)
  view.setUint32(4, 36 + floats.byteLength, true)
  view.setUint16(20, 3, true)
  view.setUint32(28, 4 * rateHz, true)
  view.setUint16(32, 4, true)
  view.setUint16(34, 32, true)
  view.setUint32(40, floats.byteLength, true)
  return Buffer.concat([header, new Uint8Array(floats.buffer)])
}

/** Bare packets of 20 ms. */
export async function opusPacketsOf(samples: Int16Array): Promise<Uint8Array[]> {
  const encoder = await createEncoder({ codec: 'opus', sampleRateHz: SPEECH_RATE_HZ, frameMs: 20 })
  if (!encoder.ok) throw new Error(encoder.error.message)
  const packets: Uint8Array[] = []
  const total = samples.length + oggOpusTailSamples(SPEECH_RATE_HZ)
  for (let at = 0; at < total; at += encoder.value.frameSamples) {
    const frame = new Int16Array(encoder.value.frameSamples)
    frame.set(samples.subarray(at, at + frame.length))
    packets.push(encoder.value.encode(frame))
  }
  encoder.value.close()
  return packets
}

export async function oggOpusOf(samples: Int16Array): Promise<Uint8Array> {
  const writer = new OggOpusWriter({ serial: 1, packetMs: 20, inputRateHz: SPEECH_RATE_HZ })
  const pages = [writer.headers()]
  for (const packet of await opusPacketsOf(samples)) pages.push(writer.write(packet) ?? new Uint8Array(0))
  pages.push(writer.end(samples.length))
  return Buffer.concat(pages)
}

/** By the inverse of ITU-T G.711's mu-law. */
export function mulawOf(samples: Int16Array): Uint8Array {
  return Uint8Array.from(samples, (sample) => {
    const sign = sample < 0 ? 0x80 : 0
    const magnitude = Math.min(32_635, Math.abs(sample)) + 0x84
    const segment = Math.max(0, Math.floor(Math.log2(magnitude)) - 7)
    return ~(sign | (segment << 4) | ((magnitude >>> (segment + 3)) & 0x0f)) & 0xff
  })
}
