// Whether the other end of a link between two pods is still there: each says something every two seconds; one that is silent for six is gone.
import type { Clock, Scope, Timer } from '@parley/kernel'
import type { WebSocket } from 'ws'

export const LINK_PING_MS = 2_000
export const LINK_DEAD_MS = 6_000

export interface LinkLifeOptions {
  readonly clock: Clock
  readonly scope: Scope
  readonly socket: WebSocket
  readonly ping: () => void
}

export class LinkLife {
  readonly #clock: Clock
  readonly #timer: Timer
  #heardMs: number

  constructor({ clock, scope, socket, ping }: LinkLifeOptions) {
    this.#clock = clock
    this.#heardMs = clock.nowMs()
    this.#timer = scope.every(LINK_PING_MS, () => {
      if (clock.nowMs() - this.#heardMs >= LINK_DEAD_MS) socket.terminate()
      else if (socket.readyState === socket.OPEN) ping()
    })
  }

  heard(): void {
    this.#heardMs = this.#clock.nowMs()
  }

  end(): void {
    this.#timer.cancel()
  }
}
