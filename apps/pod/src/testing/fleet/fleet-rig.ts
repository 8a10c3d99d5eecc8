// Pods of one fleet in one process, without sockets: real sessions, real placement, a directory in memory that a test cuts off, and a clock that it
// moves. A pod calls another as the listener would.
import { type DirectoryRefusal, type FleetDirectory, MemoryDirectory } from '@parley/fleet'
import { Emitter, err, type Result, Scope } from '@parley/kernel'
import { ManualClock } from '@parley/kernel/testing'
import type { ParleyError, SessionCreated } from '@parley/protocol'
import { silentLogger } from '@parley/telemetry'
import type { PeerCalls } from '../../fleet/peer-calls.ts'
import { Placer } from '../../fleet/placer.ts'
import { PodFleet } from '../../fleet/pod-fleet.ts'
import { createPodSessions } from '../../sessions/pod-sessions.ts'
import type { SessionService } from '../../sessions/session-service.ts'
import { PlainTokens } from '../sessions/plain-tokens.ts'
import { ADMIN, sessionConfig } from '../sessions/session-harness.ts'
import { createNullSpeech } from '../speech/null-speech.ts'

const AWAY: DirectoryRefusal = { code: 'DIRECTORY_AWAY', message: 'the directory is away (cut)', retryAfterMs: 1_000 }

/** A directory whose answers a test withholds. */
export class CutDirectory {
  readonly memory: MemoryDirectory
  readonly calls: string[] = []
  readonly port: FleetDirectory
  #isCut = false
  readonly #events = new Emitter<{ state: FleetDirectory['state'] }>()

  constructor(clock: ManualClock) {
    this.memory = new MemoryDirectory(clock)
    const own: Partial<Record<string | symbol, unknown>> = {
      onState: (listener: (state: FleetDirectory['state']) => void) => this.#events.on('state', listener),
    }
    this.port = new Proxy(this.memory, {
      get: (memory, name) => {
        if (name === 'state') return this.#state
        if (own[name]) return own[name]
        const value: unknown = Reflect.get(memory, name)
        if (typeof value !== 'function') return value
        if (name === 'watch') return value.bind(memory)
        return async (...args: unknown[]) => {
          this.calls.push(String(name))
          return this.#isCut ? err(AWAY) : value.apply(memory, args)
        }
      },
    })
  }

  get #state(): FleetDirectory['state'] {
    return this.#isCut ? { kind: 'away', problem: 'cut', isMisconfigured: false } : { kind: 'ready' }
  }

  cut(isCut: boolean): void {
    this.#isCut = isCut
    this.#events.emit('state', this.#state)
  }
}

export interface RigPod {
  readonly podId: string
  readonly fleet: PodFleet
  readonly placer: Placer
  readonly sessions: SessionService
  readonly scope: Scope
  /** Calls of other pods get no answer. */
  isDeaf: boolean
  create(host?: string): Promise<Result<SessionCreated, ParleyError>>
}

export interface RigPodOptions {
  readonly placement?: 'most-headroom' | 'sticky'
  /** `memory`: it is alone. */
  readonly kind?: 'memory' | 'redis'
}

export class FleetRig {
  readonly clock = new ManualClock()
  readonly directory = new CutDirectory(this.clock)
  readonly pods = new Map<string, RigPod>()

  /** Its directory's member when the clock has moved. */
  pod(podId: string, seats: number, { placement = 'most-headroom', kind = 'redis' }: RigPodOptions = {}): RigPod {
    const { clock } = this
    const scope = new Scope(clock)
    const logger = silentLogger
    const directory = this.directory.port
    const fleet = new PodFleet({ clock, podId, version: '0.1.0', directory, kind, seats, logger })
    const sessions = createPodSessions({
      clock,
      config: sessionConfig({ sessions: { seats } }),
      podId: podId as never,
      speech: createNullSpeech({ clock }),
      tokens: new PlainTokens(clock),
      seats: fleet,
      logger,
    })
    const peers: Pick<PeerCalls, 'open'> = { open: (peer, call) => this.#call(peer.podId, call) }
    const placer = new Placer({ fleet, sessions, podId, placement, sessionsPerUser: 1_000, peers, logger })
    const publicUrl = `http://127.0.0.1:${8_080 + this.pods.size}`
    fleet.start(scope, { publicUrl, callsUrl: `http://127.0.0.1:1/${podId}`, headroom: () => ({ cpu: 0 }) })
    const pod: RigPod = {
      podId,
      fleet,
      placer,
      sessions,
      scope,
      isDeaf: false,
      create: (host = '127.0.0.1:8080') =>
        placer.create({
          principal: ADMIN,
          body: {},
          urls: { wsUrl: `ws://${host}/p/${podId}/v1/ws`, pageUrl: `http://${host}/` },
          reach: { host },
        }),
    }
    this.pods.set(podId, pod)
    return pod
  }

  pass(ms: number, stepMs = 200): Promise<void> {
    return this.clock.advanceAsync(ms, stepMs)
  }

  async #call(podId: string, call: Parameters<PeerCalls['open']>[1]): ReturnType<PeerCalls['open']> {
    const target = this.pods.get(podId)
    if (!target || target.isDeaf) return err({ kind: 'unreachable', why: 'no answer' })
    const opened = await target.placer.open(call)
    return opened.ok ? opened : err({ kind: 'refused', error: opened.error })
  }
}
