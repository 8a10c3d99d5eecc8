// Runs on the browser's audio thread: cuts what the microphone gives into blocks of 16-bit samples at the rate asked for and
// measures how loud they are. A module of its own without imports, so that a page with a strict content security policy can
// load it from its own origin as a file.

const ZERO_CROSSINGS = 16
const PASS_RATIO = 0.92

/** Greatest common divisor of two positive integers. */
function divisor(a, b) {
  return b === 0 ? a : divisor(b, a % b)
}

/** Exact rational resampler: one windowed-sinc filter per phase. Rates in Hz, integers. */
class Resampler {
  constructor(fromHz, toHz) {
    const common = divisor(fromHz, toHz)
    this.step = fromHz / common
    this.phases = toHz / common
    const scale = Math.min(1, toHz / fromHz)
    this.reach = Math.ceil(ZERO_CROSSINGS / scale)
    this.taps = 2 * this.reach
    this.filters = new Float32Array(this.phases * this.taps)
    for (let phase = 0; phase < this.phases; phase++) this.fillFilter(phase, scale * PASS_RATIO)
    // `position` is where the next output lies, in input samples times `phases`, counted from the start of `history`.
    this.history = new Float32Array(this.taps)
    this.filled = this.reach
    this.position = this.reach * this.phases
  }

  fillFilter(phase, cutoff) {
    const offset = phase / this.phases
    let sum = 0
    for (let tap = 0; tap < this.taps; tap++) {
      const distance = tap - this.reach + 1 - offset
      const angle = Math.PI * distance * cutoff
      const sinc = angle === 0 ? 1 : Math.sin(angle) / angle
      const window = Math.abs(distance) >= this.reach ? 0 : 0.5 + 0.5 * Math.cos((Math.PI * distance) / this.reach)
      this.filters[phase * this.taps + tap] = sinc * window
      sum += sinc * window
    }
    for (let tap = 0; tap < this.taps; tap++) this.filters[phase * this.taps + tap] /= sum
  }

  /** Calls `emit` for each output sample that `input` completes. */
  push(input, emit) {
    const samples = new Float32Array(this.filled + input.length)
    samples.set(this.history.subarray(0, this.filled))
    samples.set(input, this.filled)
    for (;;) {
      const base = Math.floor(this.position / this.phases)
      if (base + this.reach >= samples.length) break
      const filter = (this.position % this.phases) * this.taps
      let value = 0
      for (let tap = 0; tap < this.taps; tap++) {
        value += samples[base - this.reach + 1 + tap] * this.filters[filter + tap]
      }
      emit(value)
      this.position += this.step
    }
    const keepFrom = Math.min(samples.length, Math.max(0, Math.floor(this.position / this.phases) - this.reach + 1))
    this.history = samples.slice(keepFrom)
    this.filled = this.history.length
    this.position -= keepFrom * this.phases
  }
}

class CaptureProcessor extends AudioWorkletProcessor {
  constructor(options) {
    super()
    const { sampleRateHz, blockSamples } = options.processorOptions
    this.blockSamples = blockSamples
    this.resampler = sampleRate === sampleRateHz ? undefined : new Resampler(sampleRate, sampleRateHz)
    this.mono = new Float32Array(128)
    this.isRunning = true
    this.port.onmessage = () => {
      this.isRunning = false
    }
    this.take = (value) => this.takeSample(value)
    this.startBlock()
  }

  startBlock() {
    this.block = new Int16Array(this.blockSamples)
    this.fill = 0
    this.peak = 0
    this.energy = 0
  }

  takeSample(value) {
    const clipped = Math.min(1, Math.max(-1, value))
    this.block[this.fill++] = Math.round(clipped * 32767)
    const size = Math.abs(clipped)
    if (size > this.peak) this.peak = size
    this.energy += clipped * clipped
    if (this.fill < this.blockSamples) return
    const samples = this.block
    const rms = Math.sqrt(this.energy / this.blockSamples)
    this.port.postMessage({ samples, peak: this.peak, rms }, [samples.buffer])
    this.startBlock()
  }

  process(inputs) {
    const channels = inputs[0] ?? []
    const length = channels[0]?.length ?? 128
    if (this.mono.length !== length) this.mono = new Float32Array(length)
    // No channels: nothing is connected at this moment. Time goes on all the same.
    this.mono.fill(0)
    for (const channel of channels) {
      for (let index = 0; index < length; index++) this.mono[index] += channel[index] / channels.length
    }
    if (this.resampler) this.resampler.push(this.mono, this.take)
    else for (const value of this.mono) this.takeSample(value)
    return this.isRunning
  }
}

registerProcessor('parley-capture', CaptureProcessor)
