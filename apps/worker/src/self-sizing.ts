// Finds out how many streams of a role the machine carries, once its engine is ready and without holding it up, and follows when workers come
// and go beside this one.
import type { RoleSlots } from '@parley/fleet'
import { type Clock, Scope } from '@parley/kernel'
import type { WorkerRole } from '@parley/protocol'
import type { Logger } from '@parley/telemetry'

/** How often it is looked whether an engine that is not measured yet can be. */
const LOOK_PERIOD_MS = 1_000
/** Whether workers have come or gone is looked at every so many times. */
const LOOKS_PER_COUNT = 10
/** A machine that is busy when a worker starts makes everything look dear: measured again this much later, as often as this in all. */
const AGAIN_AFTER_MS = 60_000
const MEASUREMENTS = 3

/** One role whose slots are to be found. */
export interface SizedRole {
  readonly role: WorkerRole
  /** What the engine was made with. */
  readonly first: RoleSlots
  /** The engine can be measured now. */
  isReady(): boolean
  /** Nobody would be held up by measuring. */
  isIdle(): boolean
  /** Real-time factor; undefined when it could not be found. */
  measure(): Promise<number | undefined>
  /** Part of the machine, (0..1]. */
  share(): Promise<number>
  plan(realTimeFactor: number, share: number): RoleSlots
  apply(slots: number): void
}

interface Found {
  /** The least of those measured. */
  realTimeFactor: number
  slots: number
  measurements: number
  atMs: number
}

export class SelfSizing {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #roles: readonly SizedRole[]
  readonly #found = new Map<WorkerRole, Found>()
  readonly #scope: Scope
  #looking: Promise<void> | undefined

  constructor(clock: Clock, logger: Logger, roles: readonly SizedRole[]) {
    this.#clock = clock
    this.#logger = logger
    this.#roles = roles
    this.#scope = new Scope(clock)
  }

  /** Looks now and every so often; `onResized` is told of each change. */
  start(onResized: (role: WorkerRole, found: RoleSlots) => void): void {
    let looks = 0
    const look = () => {
      if (looks++ % LOOKS_PER_COUNT !== 0 && this.#found.size === this.#roles.length) return
      this.#looking ??= this.#look(onResized).finally(() => {
        this.#looking = undefined
      })
    }
    if (this.#roles.length === 0) return
    look()
    this.#scope.every(LOOK_PERIOD_MS, look)
  }

  async close(): Promise<void> {
    await this.#scope.close()
  }

  /** One role after the other: measuring two at once would measure their quarrel. */
  async #look(onResized: (role: WorkerRole, found: RoleSlots) => void): Promise<void> {
    for (const role of this.#roles) {
      try {
        await this.#lookAt(role, onResized)
      } catch (error) {
        this.#logger.warn({ err: error, role: role.role }, 'the slots of a role could not be measured')
      }
    }
  }

  async #lookAt(role: SizedRole, onResized: (role: WorkerRole, found: RoleSlots) => void): Promise<void> {
    let known = this.#found.get(role.role)
    if (!known) {
      if (!role.isReady()) return
      const realTimeFactor = await this.#measure(role)
      if (realTimeFactor === undefined) return
      known = { realTimeFactor, slots: role.first.slots, measurements: 1, atMs: this.#clock.nowMs() }
      this.#found.set(role.role, known)
    } else if (isWorthAnother(known, this.#clock.nowMs()) && role.isIdle()) {
      known.measurements++
      known.atMs = this.#clock.nowMs()
      known.realTimeFactor = Math.min(known.realTimeFactor, (await this.#measure(role)) ?? known.realTimeFactor)
    }
    const plan = role.plan(known.realTimeFactor, await role.share())
    if (this.#scope.isClosed || plan.slots === known.slots) return
    known.slots = plan.slots
    role.apply(plan.slots)
    onResized(role.role, plan)
  }

  async #measure(role: SizedRole): Promise<number | undefined> {
    const startMs = this.#clock.nowMs()
    const realTimeFactor = await role.measure()
    if (realTimeFactor === undefined) return undefined
    const tookMs = this.#clock.nowMs() - startMs
    this.#logger.info({ role: role.role, realTimeFactor, tookMs }, 'measured an engine')
    return realTimeFactor
  }
}

const isWorthAnother = ({ measurements, atMs }: Found, nowMs: number): boolean =>
  measurements < MEASUREMENTS && nowMs - atMs >= AGAIN_AFTER_MS
