// A provider on a simulated clock: takes its time, charges tokens, and enforces its limits over the last 60 s by itself, as a provider does,
// whatever the pod believes to be left.
import type { Clock, Random } from '@parley/kernel'
import type { TextEngineInfo } from '@parley/protocol'
import type { CallEnd, TextAsk } from '../../apps/pod/src/text/link-texts.ts'
import type { Room, TextCall, TextWorkers } from '../../apps/pod/src/text/text-workers.ts'

export interface ProviderFigures {
  readonly requestsPerMinute: number
  readonly tokensPerMinute: number
  readonly latencyP50Ms: number
  readonly latencyP95Ms: number
}

/** Tokens of one call in the mix of the live-translation brief. */
const TOKENS = { translate: { partial: 100, final: 120 }, polish: { partial: 550, final: 625 } } as const
/** The 95th percentile of the normal distribution. */
const Z95 = 1.645

export class SimulatedProvider implements TextWorkers {
  /** Calls under way. */
  size = 0
  requests = 0
  refused = 0
  /** The most in any 60 s so far. */
  worstMinute = 0
  readonly #clock: Clock
  readonly #random: Random
  readonly #figures: ProviderFigures
  #taken: { readonly atMs: number; readonly tokens: number }[] = []

  constructor(clock: Clock, random: Random, figures: ProviderFigures) {
    this.#clock = clock
    this.#random = random
    this.#figures = figures
  }

  engines(): readonly TextEngineInfo[] {
    return ENGINES
  }
  warm(): void {}

  room(): Room {
    return 'free'
  }
  onChange(): () => void {
    return () => {}
  }

  call(ask: TextAsk, onEnd: (end: CallEnd) => void): TextCall {
    const tokens = TOKENS[ask.need.kind][ask.isFinal ? 'final' : 'partial']
    const waitMs = this.#admit(tokens)
    this.size++
    const timer = this.#clock.after(waitMs === 0 ? this.#latencyMs() : 20, () => {
      this.size--
      if (waitMs === 0) {
        const usage = { inputTokens: tokens / 2, outputTokens: tokens / 2 }
        onEnd({ is: 'answered', text: `${ask.text}.`, via: undefined, changedWords: undefined, usage })
      } else onEnd({ is: 'failed', code: 'RATE_LIMITED', message: '429', retryAfterMs: waitMs, usage: undefined })
    })
    const cancel = () => {
      timer.cancel()
      this.size--
    }
    return { workerKey: 'provider', cancel }
  }

  /** 0: taken. Otherwise the ms until there is room. */
  #admit(tokens: number): number {
    const nowMs = this.#clock.nowMs()
    this.#taken = this.#taken.filter(({ atMs }) => atMs > nowMs - 60_000)
    const used = this.#taken.reduce((sum, each) => sum + each.tokens, 0)
    const { requestsPerMinute, tokensPerMinute } = this.#figures
    if (this.#taken.length >= requestsPerMinute || used + tokens > tokensPerMinute) {
      this.refused++
      return Math.max(100, (this.#taken[0]?.atMs ?? nowMs) + 60_000 - nowMs)
    }
    this.#taken.push({ atMs: nowMs, tokens })
    this.requests++
    this.worstMinute = Math.max(this.worstMinute, this.#taken.length)
    return 0
  }

  /** Log-normal. */
  #latencyMs(): number {
    const { latencyP50Ms, latencyP95Ms } = this.#figures
    const sigma = Math.log(latencyP95Ms / latencyP50Ms) / Z95
    const normal = Math.sqrt(-2 * Math.log(1 - this.#random())) * Math.cos(2 * Math.PI * this.#random())
    return latencyP50Ms * Math.exp(sigma * normal)
  }
}

const ENGINES: readonly TextEngineInfo[] = [
  { name: 'simulated', kind: 'translate', ready: true, provider: 'simulated' },
  { name: 'simulated', kind: 'polish', ready: true, provider: 'simulated' },
]
