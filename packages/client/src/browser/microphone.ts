// A microphone as the client wants it: 20 ms blocks at the right rate, encoded, with level values and a mute that keeps time.
// It owns the device, the audio graph and the encoder, and gives them all back when stopped.
import { Emitter, systemClock, withDeadline } from '@parley/kernel'
import { type AudioFormat, samplesPerFrame } from '@parley/protocol'
import { CaptureError, captureError } from '../core/index.ts'
import { type CaptureEncoder, type CaptureSink, createCaptureEncoder, preferredFormat } from './capture-codec.ts'

export interface MicrophoneOptions {
  /** What to send; the best this browser can (`preferredFormat`) unless told. */
  readonly format?: AudioFormat
  /** Device to use; the browser's choice unless told. */
  readonly deviceId?: string
  /** Where capture-worklet.js is served, when a bundler has moved it. */
  readonly workletUrl?: string | URL
}

export interface MicrophoneLevel {
  /** Greatest sample of the block, 0..1 of full scale. */
  readonly peakRatio: number
  /** Root mean square of the block, 0..1 of full scale. */
  readonly rmsRatio: number
}

export interface MicrophoneEvents {
  /** Once per 20 ms block, muted or not. */
  level: MicrophoneLevel
  /** The device or the encoder is gone; the microphone has stopped. */
  failed: CaptureError
}

interface Block {
  readonly samples: Int16Array
  readonly peak: number
  readonly rms: number
}

interface AudioGraph {
  readonly context: AudioContext
  readonly source: MediaStreamAudioSourceNode
}

/** From here a browser that does not start its audio thread counts as unable. */
const START_DEADLINE_MS = 5_000
const FLUSH_DEADLINE_MS = 1_000

export class Microphone {
  readonly format: AudioFormat
  /** The device's name as the browser tells it; empty when it does not. */
  readonly label: string
  readonly #stream: MediaStream
  readonly #graph: AudioGraph
  readonly #node: AudioWorkletNode
  readonly #events = new Emitter<MicrophoneEvents>()
  #encoder: CaptureEncoder | undefined
  #sink: CaptureSink | undefined
  #isMuted = false
  #isStopped = false

  /** For `openMicrophone`. */
  constructor(format: AudioFormat, stream: MediaStream, graph: AudioGraph, node: AudioWorkletNode) {
    this.format = format
    this.#stream = stream
    this.#graph = graph
    this.#node = node
    const track = stream.getAudioTracks()[0]
    this.label = track?.label ?? ''
    track?.addEventListener('ended', this.#onTrackEnded)
    node.port.onmessage = (event: MessageEvent<Block>) => this.#onBlock(event.data)
    node.onprocessorerror = () => this.#fail(new CaptureError('not-supported'))
  }

  get isMuted(): boolean {
    return this.#isMuted
  }
  get isSending(): boolean {
    return this.#encoder !== undefined
  }

  on<Name extends keyof MicrophoneEvents>(name: Name, listener: (value: MicrophoneEvents[Name]) => void): () => void {
    return this.#events.on(name, listener)
  }

  /** From now on blocks go to `sink` (a ParleySession whose format is this microphone's). Until then only levels are told. */
  sendTo(sink: CaptureSink): void {
    this.#encoder?.close()
    this.#sink = sink
    this.#encoder = createCaptureEncoder(this.format, sink, (error) => this.#fail(captureError(error)))
  }

  /**
   * Muted, nothing is sent and media time goes on; the last words before it are asked for at once. The device stays open, so that
   * speaking again starts at once.
   */
  mute(isMuted: boolean): void {
    if (this.#isMuted === isMuted) return
    this.#isMuted = isMuted
    if (isMuted) void this.#settleLastWords()
  }

  /** Sends what is on its way and gives the device back. The sink's `endAudio` may follow. Idempotent. */
  async stop(): Promise<void> {
    if (this.#isStopped) return
    this.#isStopped = true
    const encoder = this.#encoder
    this.#encoder = undefined
    this.#release()
    if (!encoder) return
    await withDeadline(systemClock, FLUSH_DEADLINE_MS, 'flushing the encoder', encoder.flush()).catch(() => {})
    encoder.close()
  }

  /** Nobody waits for it, and what fails here is told by the session itself. */
  async #settleLastWords(): Promise<void> {
    const [encoder, sink] = [this.#encoder, this.#sink]
    if (!encoder || !sink?.endAudio) return
    await withDeadline(systemClock, FLUSH_DEADLINE_MS, 'flushing the encoder', encoder.flush()).catch(() => {})
    if (this.#isMuted && !this.#isStopped) await sink.endAudio().catch(() => {})
  }

  #onBlock(block: Block): void {
    if (this.#isStopped) return
    if (this.#isMuted) this.#encoder?.skip(block.samples.length)
    else this.#encoder?.push(block.samples)
    this.#events.emit('level', { peakRatio: block.peak, rmsRatio: block.rms })
  }

  readonly #onTrackEnded = (): void => this.#fail(new CaptureError('no-microphone'))

  #fail(error: CaptureError): void {
    if (this.#isStopped) return
    void this.stop()
    this.#events.emit('failed', error)
  }

  #release(): void {
    this.#node.port.postMessage('stop')
    this.#node.port.onmessage = null
    this.#node.onprocessorerror = null
    this.#graph.source.disconnect()
    this.#node.disconnect()
    releaseStream(this.#stream, this.#onTrackEnded)
    void this.#graph.context.close().catch(() => {})
  }
}

/** Asks for the microphone (the browser asks the person) and starts listening. Rejects with CaptureError. */
export async function openMicrophone(options: MicrophoneOptions = {}): Promise<Microphone> {
  if (!globalThis.isSecureContext) throw new CaptureError('insecure-context')
  const devices = navigator.mediaDevices as MediaDevices | undefined
  if (!devices?.getUserMedia || typeof AudioWorkletNode === 'undefined') throw new CaptureError('not-supported')
  const format = options.format ?? (await preferredFormat())
  const stream = await devices.getUserMedia({ audio: constraints(options.deviceId) }).catch((thrown) => {
    throw captureError(thrown)
  })
  try {
    const graph = createGraph(stream, format.sampleRateHz)
    const node = await startWorklet(graph, format, options.workletUrl)
    return new Microphone(format, stream, graph, node)
  } catch (thrown) {
    releaseStream(stream)
    throw captureError(thrown)
  }
}

function constraints(deviceId: string | undefined): MediaTrackConstraints {
  return {
    channelCount: 1,
    echoCancellation: true,
    noiseSuppression: true,
    autoGainControl: true,
    ...(deviceId === undefined ? {} : { deviceId: { exact: deviceId } }),
  }
}

/** A context at the rate asked for, where the browser resamples; else at the device's, where the worklet does. */
function createGraph(stream: MediaStream, sampleRateHz: number): AudioGraph {
  const wished = new AudioContext({ sampleRate: sampleRateHz, latencyHint: 'interactive' })
  try {
    return { context: wished, source: wished.createMediaStreamSource(stream) }
  } catch {
    // Firefox joins only a microphone and a context of the same rate.
    void wished.close().catch(() => {})
    const context = new AudioContext({ latencyHint: 'interactive' })
    return { context, source: context.createMediaStreamSource(stream) }
  }
}

async function startWorklet(
  { context, source }: AudioGraph,
  format: AudioFormat,
  workletUrl: string | URL | undefined,
): Promise<AudioWorkletNode> {
  try {
    const url = workletUrl ?? new URL('./capture-worklet.js', import.meta.url)
    await withDeadline(
      systemClock,
      START_DEADLINE_MS,
      'loading the capture worklet',
      context.audioWorklet.addModule(url),
    )
    const node = new AudioWorkletNode(context, 'parley-capture', {
      numberOfInputs: 1,
      numberOfOutputs: 1,
      processorOptions: { sampleRateHz: format.sampleRateHz, blockSamples: samplesPerFrame(format) },
    })
    source.connect(node)
    // Connected to the output, where it is silent: some browsers run only what leads there.
    node.connect(context.destination)
    await withDeadline(systemClock, START_DEADLINE_MS, 'starting the audio thread', context.resume())
    return node
  } catch (thrown) {
    void context.close().catch(() => {})
    throw thrown
  }
}

function releaseStream(stream: MediaStream, onEnded?: () => void): void {
  for (const track of stream.getTracks()) {
    if (onEnded) track.removeEventListener('ended', onEnded)
    track.stop()
  }
}
