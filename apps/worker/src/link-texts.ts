// The texts one pod has asked for on its link: number to work, answers back. They end with the link.
import type { PodToWorker, WorkerToPod } from '@parley/protocol'
import type { TextHost, TextReply, WarmQuestion } from './text-host.ts'

export type AskMessage = Extract<PodToWorker, { type: 'text.ask' }>

export class LinkTexts {
  readonly #host: TextHost
  readonly #podId: string
  readonly #send: (message: WorkerToPod) => void
  readonly #cancels = new Map<number, () => void>()

  constructor(host: TextHost, podId: string, send: (message: WorkerToPod) => void) {
    this.#host = host
    this.#podId = podId
    this.#send = send
  }

  get size(): number {
    return this.#cancels.size
  }

  /** False when a text of this number is under way: the pod has broken the rules. */
  ask(message: AskMessage): boolean {
    const { id, type: _, ...question } = message
    if (this.#cancels.has(id)) return false
    const cancel = this.#host.ask({ ...question, requestId: `${this.#podId}/${id}` }, (reply) => {
      this.#cancels.delete(id)
      this.#send(messageOf(id, reply))
    })
    this.#cancels.set(id, cancel)
    return true
  }

  warm(message: WarmQuestion): void {
    this.#host.warm(message)
  }

  /** Nothing is sent about it after this. */
  cancel(id: number): void {
    this.#cancels.get(id)?.()
    this.#cancels.delete(id)
  }

  /** What every pod is told behind the hello, and when it has changed. */
  tellEngines(): void {
    this.#send({ type: 'worker.text', engines: this.#host.engines })
  }

  close(): void {
    for (const cancel of this.#cancels.values()) cancel()
    this.#cancels.clear()
  }
}

function messageOf(id: number, reply: TextReply): WorkerToPod {
  if (!reply.ok) return { type: 'text.failed', id, ...reply.error }
  const { engineMs, ...answer } = reply.value
  return { type: 'text.answered', id, ...answer, engineMs: Math.round(engineMs * 10) / 10 }
}
