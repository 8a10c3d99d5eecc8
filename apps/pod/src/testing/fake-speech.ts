// Links to speech workers that a test switches on and off.
import type { WorkerAddress } from '@parley/fleet'
import type { VoiceInfo } from '@parley/protocol'
import type { PodSpeech, PodSpeechStats } from '../pod-speech.ts'
import type { SpeechStatus } from '../speech/speech-port.ts'
import type { WorkerView } from '../speech/worker-view.ts'

const READY: SpeechStatus = {
  ready: true,
  workers: 1,
  slots: 4,
  slotsUsed: 1,
  engines: [{ name: 'scripted', languages: ['en'], ready: true }],
}
const NONE: SpeechStatus = { ready: false, workers: 0, slots: 0, slotsUsed: 0, engines: [] }

export class FakeSpeech implements PodSpeech {
  isReady = true
  isClosed = false
  readonly told: (readonly WorkerAddress[])[] = []
  readonly drains: [string, number | undefined][] = []
  views: readonly WorkerView[] = []
  readonly #listeners = new Set<() => void>()

  /** Workers come or go; whoever listens is told. */
  setReady(isReady: boolean): void {
    this.isReady = isReady
    for (const listener of this.#listeners) listener()
  }

  languages(): readonly string[] {
    return this.isReady ? ['en'] : []
  }
  status(): SpeechStatus {
    return this.isReady ? READY : NONE
  }
  voices(): readonly VoiceInfo[] {
    return this.isReady ? [{ name: 'tone', language: 'en', engine: 'scripted' }] : []
  }
  speak(): never {
    throw new Error('the fake speech has no voice; use the fake sessions with it')
  }
  stats(): PodSpeechStats {
    return {
      streams: 1,
      streamsWaiting: 0,
      keptAudioBytes: 0,
      framesLateTotal: 0,
      framesDroppedTotal: 0,
      framesExpiredTotal: 0,
      failoversTotal: 0,
      batches: 0,
      batchBytes: 0,
      stalls: 0,
      linkLosses: 0,
      linkFaults: 0,
      speeches: 0,
      speechesWaiting: 0,
      speechSlots: 2,
      speechSlotsUsed: 0,
      speechesTotal: 0,
      speechesFailedTotal: 0,
      speechSetbacksTotal: 0,
      speechAudioBytesTotal: 0,
      movedBehindTotal: 0,
      movedDrainingTotal: 0,
    }
  }
  setWorkers(workers: readonly WorkerAddress[]): void {
    this.told.push(workers)
  }
  workers(): readonly WorkerView[] {
    return this.views
  }
  drainWorker(workerId: string, withinMs: number | undefined): boolean {
    this.drains.push([workerId, withinMs])
    const isThere = this.views.some((view) => view.workerId === workerId)
    const state = withinMs === undefined ? 'ready' : 'draining'
    this.views = this.views.map((view) => (view.workerId === workerId ? { ...view, state } : view))
    return isThere
  }
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
  get listenerCount(): number {
    return this.#listeners.size
  }
  reserve(): never {
    throw new Error('the fake speech has no slots; use the fake sessions with it')
  }
  open(): never {
    throw new Error('the fake speech has no streams; use the fake sessions with it')
  }
  async close(): Promise<void> {
    this.isClosed = true
  }
}
