// raw.c as a server to measure: compiled when this machine has a C compiler, its CPU time read from /proc.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { compileC } from '../lib/compile.ts'

export interface RawServer {
  readonly url: string
  readonly udpPort: number
  /** CPU time since start, microseconds, in steps of 10,000. */
  cpuUs(): number
  stop(): void
}

const CLOCK_TICK_US = 10_000

/** Undefined without a compiler. */
export async function startRawServer(captionsPerSecond: number): Promise<RawServer | undefined> {
  const compiled = compileC(fileURLToPath(new URL('./raw.c', import.meta.url)))
  if (!compiled) return undefined
  const child = spawn(compiled.binary, [String(captionsPerSecond)], { stdio: ['pipe', 'pipe', 'inherit'] })
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (data: Buffer) => resolve(data.toString()))
    child.once('error', reject)
    child.once('exit', () => reject(new Error('raw ended at once')))
  })
  const [, tcp, , udp] = line.trim().split(' ')
  return {
    url: `ws://127.0.0.1:${tcp}`,
    udpPort: Number(udp),
    cpuUs() {
      // Fields 14 and 15 of proc_pid_stat(5), counted from after the name in brackets.
      const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
      return (Number(fields[11]) + Number(fields[12])) * CLOCK_TICK_US
    },
    stop() {
      child.kill('SIGKILL')
      compiled.remove()
    },
  }
}
