// A member's end of the IPC channel to its supervisor: the first message brings configuration and secrets, the end of the
// channel means that the supervisor is gone.
import { type Clock, withDeadline } from '@parley/kernel'
import type { MemberToSupervisor, SupervisorToMember } from './member-messages.ts'

/** The part of `process` that child_process.fork provides. */
export interface IpcPort {
  readonly connected?: boolean
  send?(message: unknown, callback: (error: Error | null) => void): boolean
  on(event: 'message', listener: (message: unknown) => void): unknown
  on(event: 'disconnect', listener: () => void): unknown
  off(event: 'message', listener: (message: unknown) => void): unknown
  off(event: 'disconnect', listener: () => void): unknown
}

export type StartMessage<Config> = Extract<SupervisorToMember<Config>, { type: 'start' }>

export interface SupervisorChannel<Config> {
  /** The start message. Rejects with a DeadlineError after 10 s, or when the channel ends before it. */
  readonly start: Promise<StartMessage<Config>>
  /** Calls `listener` with every later message, in order; those that came before it was set are kept for it. */
  onMessage(listener: (message: Exclude<SupervisorToMember<Config>, { type: 'start' }>) => void): void
  /** Calls `listener` once when the supervisor is gone; at once when it is already. */
  onGone(listener: () => void): void
  /** Resolves when the message has been handed to the system; never rejects: a supervisor that is gone needs no word. */
  send(message: MemberToSupervisor): Promise<void>
  /** Stops listening, so that the channel does not keep the process alive. */
  close(): void
}

const START_DEADLINE_MS = 10_000
const TYPES: readonly unknown[] = [
  'start',
  'workers',
  'members',
  'drain',
  'undrain',
  'mintPageCode',
  'stop',
] satisfies SupervisorToMember['type'][]

/** The channel of a forked process, or undefined when the process was not forked: it then has no supervisor. */
export function openSupervisorChannel<Config>(port: IpcPort, clock: Clock): SupervisorChannel<Config> | undefined {
  if (!port.send) return undefined
  type Message = SupervisorToMember<Config>
  type Later = Exclude<Message, { type: 'start' }>
  const early: Later[] = []
  let listener: ((message: Later) => void) | undefined
  let goneListener: (() => void) | undefined
  let isGone = port.connected === false
  let begin: (message: StartMessage<Config>) => void = () => {}
  let abandon: (error: Error) => void = () => {}
  const begun = new Promise<StartMessage<Config>>((resolve, reject) => {
    begin = resolve
    abandon = reject
  })

  const onMessage = (value: unknown) => {
    const type = (value as { type?: unknown } | null)?.type
    if (!TYPES.includes(type)) return // a newer supervisor may say more
    const message = value as Message
    if (message.type === 'start') begin(message)
    else if (listener) listener(message)
    else early.push(message)
  }
  const onDisconnect = () => {
    isGone = true
    abandon(new Error('the supervisor is gone'))
    goneListener?.()
  }
  port.on('message', onMessage)
  port.on('disconnect', onDisconnect)
  if (isGone) abandon(new Error('the supervisor is gone'))
  const start = withDeadline(clock, START_DEADLINE_MS, 'the start message of the supervisor', begun)
  start.catch(() => {}) // whoever awaits it is told; nobody may be

  return {
    start,
    onMessage(next) {
      listener = next
      for (const message of early.splice(0)) next(message)
    },
    onGone(next) {
      goneListener = next
      if (isGone) next()
    },
    send(message) {
      if (isGone) return Promise.resolve()
      return new Promise((resolve) => {
        try {
          port.send?.(message, () => resolve())
        } catch {
          resolve() // the channel closed between the check and the call
        }
      })
    },
    close() {
      port.off('message', onMessage)
      port.off('disconnect', onDisconnect)
    },
  }
}
