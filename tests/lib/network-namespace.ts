// A second host on this machine: a network namespace with a cable of its own to the first, which can be cut. Needs the rights of root over networks.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

export class NetworkNamespace {
  readonly name: string
  readonly #cable: string
  /** Addresses of the two ends of the cable. */
  readonly here: string
  readonly there: string

  private constructor(number: number) {
    this.name = `parley-${process.pid}-${number}`
    this.#cable = `pl${process.pid % 10_000_000}x${number}`
    const subnet = `10.213.${process.pid % 250}`
    this.here = `${subnet}.${4 * number + 1}`
    this.there = `${subnet}.${4 * number + 2}`
  }

  /** The second host, or why there can be none. */
  static async make(number = 0): Promise<NetworkNamespace | string> {
    const namespace = new NetworkNamespace(number)
    try {
      await namespace.#make()
      return namespace
    } catch (error) {
      await namespace.remove()
      const { stderr, message } = error as Error & { stderr?: string }
      return `no network namespace can be made here (iproute2, root): ${(stderr || message).trim().split('\n')[0]}`
    }
  }

  async #make(): Promise<void> {
    const ip = (...args: string[]) => run('ip', args, { timeout: 10_000 })
    const inside = `${this.#cable}b`
    await ip('netns', 'add', this.name)
    await ip('link', 'add', this.#cable, 'type', 'veth', 'peer', 'name', inside)
    await ip('link', 'set', inside, 'netns', this.name)
    await ip('addr', 'add', `${this.here}/30`, 'dev', this.#cable)
    await ip('link', 'set', this.#cable, 'up')
    await ip('-n', this.name, 'addr', 'add', `${this.there}/30`, 'dev', inside)
    await ip('-n', this.name, 'link', 'set', inside, 'up')
    await ip('-n', this.name, 'link', 'set', 'lo', 'up')
  }

  /** What runs a program there: goes before it on the command line. */
  get prefix(): readonly string[] {
    return ['ip', 'netns', 'exec', this.name]
  }

  /** Nothing that is sent arrives any more; nobody is told. */
  async cut(): Promise<void> {
    await run('ip', ['link', 'set', this.#cable, 'down'], { timeout: 10_000 })
  }

  async heal(): Promise<void> {
    await run('ip', ['link', 'set', this.#cable, 'up'], { timeout: 10_000 })
  }

  async remove(): Promise<void> {
    await run('ip', ['link', 'del', this.#cable], { timeout: 10_000 }).catch(() => {})
    await run('ip', ['netns', 'del', this.name], { timeout: 10_000 }).catch(() => {})
  }
}
