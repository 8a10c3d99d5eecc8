// The worklet's code outside a browser: what the audio thread gives it is stood in for.
import assert from 'node:assert/strict'
import { test } from 'node:test'

interface Block {
  readonly samples: Int16Array
  readonly peak: number
  readonly rms: number
}

interface Processor {
  readonly port: { postMessage: (block: Block) => void; onmessage?: () => void }
  process(inputs: Float32Array[][]): boolean
}

type ProcessorClass = new (options: { processorOptions: { sampleRateHz: number; blockSamples: number } }) => Processor

let registered: ProcessorClass | undefined
Object.assign(globalThis, {
  sampleRate: 48_000,
  AudioWorkletProcessor: class {
    port = { postMessage() {} }
  },
  registerProcessor: (_name: string, processor: ProcessorClass) => {
    registered = processor
  },
})
const worklet = './browser/capture-worklet.js'
await import(worklet)

function capture(fromHz: number, toHz: number): { processor: Processor; blocks: Block[] } {
  Object.assign(globalThis, { sampleRate: fromHz })
  assert.ok(registered)
  const processor = new registered({ processorOptions: { sampleRateHz: toHz, blockSamples: toHz / 50 } })
  const blocks: Block[] = []
  processor.port.postMessage = (block) => blocks.push(block)
  return { processor, blocks }
}

/** One second of a sine of half scale, in quanta of 128 on `channels` channels. */
function playSine(processor: Processor, rateHz: number, frequencyHz: number, channels = 1): void {
  for (let at = 0; at < rateHz; at += 128) {
    const quantum = Float32Array.from({ length: 128 }, (_, index) => {
      return 0.5 * Math.sin((2 * Math.PI * frequencyHz * (at + index)) / rateHz)
    })
    processor.process([Array.from({ length: channels }, () => quantum)])
  }
}

test('[CL71] at the device rate blocks pass unchanged, with their levels', () => {
  const { processor, blocks } = capture(48_000, 48_000)
  playSine(processor, 48_000, 1_000)
  assert.equal(blocks.length, 50)
  for (const block of blocks) {
    assert.equal(block.samples.length, 960)
    assert.ok(Math.abs(block.peak - 0.5) < 0.001)
    assert.ok(Math.abs(block.rms - 0.5 / Math.SQRT2) < 0.001)
  }
  assert.equal(blocks[0]?.samples[12], 16_384)
})

for (const [fromHz, toHz] of [
  [48_000, 16_000],
  [44_100, 16_000],
  [44_100, 48_000],
  [8_000, 16_000],
] as const) {
  test(`[CL71] ${fromHz} Hz become ${toHz} Hz: as long, as loud, and only what was in it`, () => {
    const { processor, blocks } = capture(fromHz, toHz)
    playSine(processor, fromHz, 1_000)
    assert.ok(Math.abs(blocks.length - 50) <= 1, `${blocks.length} blocks`)
    const rms = blocks.slice(2).map((block) => block.rms)
    for (const value of rms) assert.ok(Math.abs(value - 0.3536) < 0.004, `rms ${value}`)
    // Against the sine itself at the output rate, from the third block on.
    const out = blocks.slice(2).flatMap((block) => [...block.samples])
    const offset = 2 * (toHz / 50)
    let worst = 0
    for (const [index, sample] of out.entries()) {
      const exact = 0.5 * Math.sin((2 * Math.PI * 1_000 * (index + offset)) / toHz) * 32_767
      worst = Math.max(worst, Math.abs(sample - exact))
    }
    assert.ok(worst < 160, `off by ${worst} of 32767`)
  })
}

test('[CL71] what the lower rate cannot carry is taken out, not folded back', () => {
  const { processor, blocks } = capture(48_000, 16_000)
  playSine(processor, 48_000, 11_000)
  for (const block of blocks.slice(2)) assert.ok(block.rms < 0.003, `rms ${block.rms}`)
})

test('[CL71] channels are mixed, silence keeps time while nothing is connected, and it stops when told', () => {
  const { processor, blocks } = capture(48_000, 16_000)
  playSine(processor, 48_000, 1_000, 2)
  const before = blocks.length
  for (let at = 0; at < 48_000; at += 128) assert.equal(processor.process([[]]), true)
  assert.ok(Math.abs(blocks.length - before - 50) <= 1)
  assert.ok((blocks.at(-1) as Block).rms < 0.001)
  processor.port.onmessage?.()
  assert.equal(processor.process([[]]), false)
})
