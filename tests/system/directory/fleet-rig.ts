// Member processes and a real redis-server, for tests of what becomes of a fleet when something fails.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { systemClock, withDeadline } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import type { MemberRequest, MemberView } from './member-process.ts'

const FILE = new URL('./member-process.ts', import.meta.url)
const ANSWER_DEADLINE_MS = 30_000

type Body<R> = R extends { readonly id: number } ? Omit<R, 'id'> : never

export class MemberProcess {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, (value: unknown) => void>()
  #nextId = 1

  private constructor() {
    this.#child = fork(FILE, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.#child.on('message', ({ id, value }: { id: number; value: unknown }) => {
      this.#waiting.get(id)?.(value)
      this.#waiting.delete(id)
    })
  }

  /** Resolves when it is a member. */
  static async start(
    t: TestContext,
    options: { url: string; fleet: string; memberId: string; ratedSeats: number },
  ): Promise<MemberProcess> {
    const member = new MemberProcess()
    t.after(() => member.kill())
    await member.ask({ type: 'start', ...options })
    await member.until('member', ({ state }) => state === 'member')
    return member
  }

  ask<T>(body: Body<MemberRequest>): Promise<T> {
    const id = this.#nextId++
    const answer = new Promise<unknown>((resolve) => this.#waiting.set(id, resolve))
    this.#child.send({ ...body, id })
    return withDeadline(systemClock, ANSWER_DEADLINE_MS, `asking a member to ${body.type}`, answer) as Promise<T>
  }

  view(): Promise<MemberView> {
    return this.ask({ type: 'view' })
  }

  until(what: string, isSo: (view: MemberView) => boolean, withinMs = 15_000): Promise<void> {
    return eventually(
      async () => {
        const view = await this.view()
        return isSo(view)
          ? undefined
          : `not ${what}: ${JSON.stringify({ ...view, sessions: Object.keys(view.sessions).length })}`
      },
      { withinMs, everyMs: 50 },
    )
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal)
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await gone
  }
}

/** Who holds each session; throws when two think they do. */
export function ownersOf(views: Readonly<Record<string, MemberView>>): Map<string, string> {
  const owners = new Map<string, string>()
  for (const [memberId, { sessions }] of Object.entries(views)) {
    for (const sessionId of Object.keys(sessions)) {
      if (owners.has(sessionId)) throw new Error(`${sessionId} is held by ${owners.get(sessionId)} and ${memberId}`)
      owners.set(sessionId, memberId)
    }
  }
  return owners
}
