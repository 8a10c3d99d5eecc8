// What the fake provider was asked and how it answered: the proof that a client kept within its limits.

export type FakeRoute = 'chat' | 'speech' | 'transcription' | 'listen' | 'models'

export interface RouteStats {
  requests: number
  answered: number
  /** Refused for its own limits, faults not counted. */
  limited: number
  failed: number
  /** The client went away before the end. */
  abandoned: number
  inputTokens: number
  outputTokens: number
  inFlight: number
  maxInFlight: number
}

export interface FakeStats {
  readonly routes: Readonly<Record<FakeRoute, Readonly<RouteStats>>>
  readonly faults: Readonly<Record<string, number>>
  readonly connections: { readonly opened: number; readonly open: number }
  /** Greatest number of requests and tokens in any 60 s. */
  readonly peakPerMinute: { readonly requests: number; readonly tokens: number }
}

const emptyRoute = (): RouteStats => ({
  requests: 0,
  answered: 0,
  limited: 0,
  failed: 0,
  abandoned: 0,
  inputTokens: 0,
  outputTokens: 0,
  inFlight: 0,
  maxInFlight: 0,
})

export class StatsBook {
  readonly #routes: Record<FakeRoute, RouteStats> = {
    chat: emptyRoute(),
    speech: emptyRoute(),
    transcription: emptyRoute(),
    listen: emptyRoute(),
    models: emptyRoute(),
  }
  readonly #faults: Record<string, number> = {}
  readonly #peak = { requests: 0, tokens: 0 }
  #opened = 0
  #open = 0

  route(route: FakeRoute): RouteStats {
    return this.#routes[route]
  }

  begin(route: FakeRoute): void {
    const stats = this.#routes[route]
    stats.requests++
    stats.inFlight++
    stats.maxInFlight = Math.max(stats.maxInFlight, stats.inFlight)
  }

  end(route: FakeRoute, how: 'answered' | 'limited' | 'failed' | 'abandoned'): void {
    const stats = this.#routes[route]
    stats.inFlight--
    stats[how]++
  }

  fault(kind: string): void {
    this.#faults[kind] = (this.#faults[kind] ?? 0) + 1
  }

  usage({ requests, tokens }: { readonly requests: number; readonly tokens: number }): void {
    this.#peak.requests = Math.max(this.#peak.requests, requests)
    this.#peak.tokens = Math.max(this.#peak.tokens, tokens)
  }

  connected(): void {
    this.#opened++
    this.#open++
  }

  disconnected(): void {
    this.#open--
  }

  read(): FakeStats {
    return structuredClone({
      routes: this.#routes,
      faults: this.#faults,
      connections: { opened: this.#opened, open: this.#open },
      peakPerMinute: this.#peak,
    })
  }
}
