// What can be translated, polished and said on this pod, as one number that rises when it changes: sessions compare it with the one they
// know and look closer only then. Voices are looked at once a second at most: what tells of them tells of much else.
import type { VoiceInfo } from '@parley/protocol'

const LOOK_EVERY_MS = 1_000

export interface AbilitiesOptions {
  readonly text?: { onChange(listener: () => void): () => void }
  readonly speak?: { voices(): readonly VoiceInfo[] }
  readonly onVoicesChange?: (listener: () => void) => () => void
}

export class Abilities {
  readonly #options: AbilitiesOptions
  readonly #ends: (() => void)[] = []
  #version = 0
  #voices = ''
  #isStale = true
  #lookedAtMs = Number.NEGATIVE_INFINITY

  constructor(options: AbilitiesOptions) {
    this.#options = options
    const { text, onVoicesChange } = options
    if (text) this.#ends.push(text.onChange(() => this.#version++))
    if (onVoicesChange) this.#ends.push(onVoicesChange(() => this.#onVoicesChange()))
  }

  get version(): number {
    return this.#version
  }

  tick(nowMs: number): void {
    if (!this.#isStale || nowMs - this.#lookedAtMs < LOOK_EVERY_MS) return
    this.#isStale = false
    this.#lookedAtMs = nowMs
    const voices = (this.#options.speak?.voices() ?? []).map(({ name, language }) => `${name} ${language}`).join('\n')
    if (voices === this.#voices) return
    this.#voices = voices
    this.#version++
  }

  close(): void {
    for (const end of this.#ends.splice(0)) end()
  }

  #onVoicesChange(): void {
    this.#isStale = true
  }
}
