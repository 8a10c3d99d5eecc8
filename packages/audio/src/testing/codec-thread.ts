// A worker thread that encodes and decodes its own tone for a while and posts a digest of what it heard.
import { createHash } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import { codecAvailability, createDecoder, createEncoder } from '../codecs/index.ts'
import { tone } from './pcm-tools.ts'

const FRAMES = 1_000

/** The digest of `FRAMES` frames of `frequencyHz` through Opus; the same wherever the same build runs undisturbed. */
export async function opusDigest(frequencyHz: number): Promise<string> {
  const format = { codec: 'opus', sampleRateHz: 16_000, frameMs: 20 } as const
  const [encoder, decoder] = [await createEncoder(format), await createDecoder(format)]
  if (!encoder.ok || !decoder.ok) throw new Error('no Opus here')
  const digest = createHash('sha256')
  const frame = tone(format.frameMs, frequencyHz)
  for (let turn = 0; turn < FRAMES; turn += 1) digest.update(decoder.value.decode(encoder.value.encode(frame)))
  encoder.value.close()
  decoder.value.close()
  return digest.digest('hex')
}

if (parentPort) {
  const { frequencyHz } = workerData as { readonly frequencyHz: number }
  const opus = (await codecAvailability()).find(({ codec }) => codec === 'opus')
  parentPort.postMessage({ provider: opus?.provider, digest: await opusDigest(frequencyHz) })
}
