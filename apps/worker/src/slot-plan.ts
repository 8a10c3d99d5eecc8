// How many streams of a role a worker takes, and how that was found: told, guessed until it is measured, or measured. Pure.
import type { RoleSlots } from '@parley/fleet'
import { FIRST_SLOTS_PER_CORE, type MachineRoom, measuredSlots, slotsFor, synthesisSlotsFor } from '@parley/speech'

/** Until it is measured: what any machine on which speech makes sense can do. */
const FIRST_SPEECHES_PER_CORE = 4

export interface SlotRoom {
  readonly room: MachineRoom
  /** Part of the machine that is this worker's, (0..1]. */
  readonly share: number
  /** Never more: threads there are, or the most an engine holds. */
  readonly maxSlots: number
  /** CPU time (recognition) or time (synthesis) per time of audio; undefined while it is not known. */
  readonly realTimeFactor: number | undefined
}

/** Texts are short, and one engine does several at a time: more slots would only make the queue invisible. */
const TEXT_SLOTS = 8

/** Texts of a kind that a worker works on at a time; undefined when it does not do this. */
export function textSlots(key: string, configured: number): RoleSlots | undefined {
  const told = toldSlots(key, configured)
  return told === 'to be found' ? { slots: TEXT_SLOTS, how: 'as texts need' } : told
}

/** `configured` > 0 stands as it is; -1 is none; 0 is to be found out. Undefined: the worker does not have the role. */
export function toldSlots(key: string, configured: number): RoleSlots | 'to be found' | undefined {
  if (configured === 0) return 'to be found'
  return configured < 0 ? undefined : { slots: configured, how: `as ${key} says` }
}

export function recogniseSlots({ room, share, maxSlots, realTimeFactor }: SlotRoom): RoleSlots {
  if (realTimeFactor === undefined) {
    return { slots: Math.min(maxSlots, slotsFor(room, share, FIRST_SLOTS_PER_CORE)), how: FIRST_GUESS }
  }
  // What was promised at first stands as long as the machine can do it at all: it was measured while others worked, too.
  const promised = Math.min(
    slotsFor(room, share, FIRST_SLOTS_PER_CORE),
    Math.floor((room.cores * share) / realTimeFactor),
  )
  const slots = Math.max(measuredSlots(room, share, realTimeFactor), promised)
  return { slots: Math.min(maxSlots, slots), how: measured('a decoder', realTimeFactor, room, share) }
}

export function synthesiseSlots({ room, share, maxSlots, realTimeFactor }: SlotRoom): RoleSlots {
  if (realTimeFactor === undefined) {
    const slots = Math.max(1, Math.ceil(room.cores * share) * FIRST_SPEECHES_PER_CORE)
    return { slots: Math.min(maxSlots, slots), how: FIRST_GUESS }
  }
  const slots = Math.min(maxSlots, synthesisSlotsFor({ realTimeFactor, cores: room.cores, share }))
  return { slots, how: measured('a speech', realTimeFactor, room, share) }
}

const FIRST_GUESS = 'a first guess, being measured'

function measured(what: string, realTimeFactor: number, { cores }: MachineRoom, share: number): string {
  const percent = (100 * realTimeFactor).toFixed(realTimeFactor < 0.1 ? 1 : 0)
  const part = share < 1 ? `, ${Math.round(100 * share)} % of it ours` : ''
  return `measured: ${what} takes ${percent} % of a core, the machine has ${cores}${part}`
}
