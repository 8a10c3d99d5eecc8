// What a pod's place on its machine remembers from start to start: the pod's id, and what an operator has ordered of it. A pod that is started again there
// is the same member of the fleet, still drained if it was, and rated as it was.
import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { MemberOrders, PodPlace } from '@parley/fleet'
import { type Clock, newId } from '@parley/kernel'
import type { PodId } from '@parley/protocol'
import type { Logger } from '@parley/telemetry'

/** Orders that a pod brings along when it joins. */
export interface KeptOrders {
  /** What is left of the time it was given to drain; undefined: it does not drain. */
  readonly drainWithinMs?: number
  /** Undefined: what the configuration says. */
  readonly ratedSeats?: number
}

interface Remembered {
  readonly podId: string
  /** Of the last process. */
  readonly incarnation?: string
  /** Wall clock; a drain whose time is over is one all the same. */
  readonly drainUntilMs?: number
  readonly rating?: { readonly seats: number; readonly configuredSeats: number }
}

export const POD_ID = /^pod_[0-9a-z]{16,}$/
const PLACE_NAME = /^[\w-]{1,64}$/

export class OpenPlace {
  readonly podId: PodId
  readonly incarnation: string
  /** Of a process that is known to have ended. */
  readonly replaces: string | undefined
  readonly orders: KeptOrders
  readonly #file: string
  readonly #clock: Clock
  #remembered: Remembered
  #writing: Promise<void> = Promise.resolve()
  #isFrozen = false

  constructor(file: string, clock: Clock, found: Remembered | undefined, isNext: boolean, configuredSeats: number) {
    this.#file = file
    this.#clock = clock
    this.podId = (found?.podId ?? newId('pod')) as PodId
    this.incarnation = newId('inc')
    this.replaces = isNext ? found?.incarnation : undefined
    this.orders = keptOrders(found, configuredSeats, clock.wallMs())
    this.#remembered = { ...found, podId: this.podId, incarnation: this.incarnation }
  }

  /** Writes down who has the place now. Rejects when it cannot. */
  take(): Promise<void> {
    return this.#write()
  }

  /** What the fleet wants of this pod, whenever that changes. What cannot be written is logged, and forgotten with the process. */
  remember({ isDraining, drainLeftMs = 0, ratedSeats }: MemberOrders, configuredSeats: number, logger: Logger): void {
    if (this.#isFrozen) return
    const { podId, incarnation } = this
    const isRated = ratedSeats !== configuredSeats
    this.#remembered = {
      podId,
      incarnation,
      ...(isDraining ? { drainUntilMs: Math.round(this.#clock.wallMs() + drainLeftMs) } : {}),
      ...(isRated ? { rating: { seats: ratedSeats, configuredSeats } } : {}),
    }
    void this.#write().catch((error: unknown) => logger.warn({ err: error }, 'orders of this pod could not be kept'))
  }

  /** What is wanted of this pod from now on is not remembered: it ends. */
  freeze(): void {
    this.#isFrozen = true
  }

  #write(): Promise<void> {
    // One after the other: the last word is what stays.
    const next = this.#writing.catch(() => {}).then(() => writeAtomically(this.#file, this.#remembered))
    this.#writing = next
    return next
  }
}

/** A rating goes with the configuration it was given beside: a new number of seats there is the later word. */
function keptOrders(found: Remembered | undefined, configuredSeats: number, wallMs: number): KeptOrders {
  const { drainUntilMs, rating } = found ?? {}
  const isRated = rating !== undefined && rating.configuredSeats === configuredSeats
  return {
    ...(drainUntilMs === undefined ? {} : { drainWithinMs: Math.max(0, drainUntilMs - wallMs) }),
    ...(isRated ? { ratedSeats: rating.seats } : {}),
  }
}

/** Takes the place in the data directory. Rejects when nothing can be written there. */
export async function openPlace(
  clock: Clock,
  dataDir: string,
  { name, isNext }: PodPlace,
  configuredSeats: number,
): Promise<OpenPlace> {
  if (!PLACE_NAME.test(name)) throw new TypeError(`${JSON.stringify(name)} is no name of a place`)
  const file = path.join(dataDir, 'pods', `${name}.json`)
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
  const found = readRemembered(await readFile(file, 'utf8').catch(() => ''))
  const place = new OpenPlace(file, clock, found, isNext, configuredSeats)
  await place.take()
  return place
}

/** Undefined when there is nothing, or nothing of use: the pod then begins anew. */
function readRemembered(text: string): Remembered | undefined {
  try {
    const value = JSON.parse(text) as Remembered
    if (!POD_ID.test(value.podId)) return undefined
    const { podId, incarnation, drainUntilMs, rating } = value
    const isWhole = (number: unknown): number is number => Number.isSafeInteger(number) && (number as number) >= 0
    return {
      podId,
      ...(typeof incarnation === 'string' ? { incarnation } : {}),
      ...(isWhole(drainUntilMs) ? { drainUntilMs } : {}),
      ...(rating && isWhole(rating.seats) && isWhole(rating.configuredSeats) ? { rating } : {}),
    }
  } catch {
    return undefined
  }
}

async function writeAtomically(file: string, value: Remembered): Promise<void> {
  const temporary = `${file}.${randomUUID()}.tmp`
  try {
    await writeFile(temporary, `${JSON.stringify(value)}\n`, { mode: 0o600 })
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}
