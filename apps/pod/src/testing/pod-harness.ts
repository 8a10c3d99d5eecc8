// A real pod on real sockets over fake sessions and speech, in a folder of its own; gone when the test ends.
import { connect } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type ResolvedConfig, resolveConfig } from '@parley/config'
import { type Clock, newId, systemClock } from '@parley/kernel'
import { temporaryFolder as folderOfProcess } from '@parley/kernel/testing'
import { collectingLogger } from '@parley/telemetry/testing'
import { openDataDirectory } from '../identity/data-directory.ts'
import { createIdentity, type Identity } from '../identity/identity.ts'
import { type Pod, type PodOptions, startPod } from '../pod.ts'
import { FakeSessions } from './fake-sessions.ts'
import { FakeSpeech } from './fake-speech.ts'

export const API_KEY = 'pk_thekeyofthetests00000'

export interface PodHarness {
  readonly pod: Pod
  readonly url: string
  readonly port: number
  readonly wsPath: string
  readonly sessions: FakeSessions
  readonly speech: FakeSpeech
  readonly identity: Identity
  readonly lines: ReturnType<typeof collectingLogger>['lines']
  readonly folder: string
  /** fetch with the API key. */
  call(path: string, init?: RequestInit): Promise<Response>
}

/** Settings by path, as `--set` takes them. */
export type Settings = Readonly<Record<string, string>>

export function testConfig(folder: string, settings: Settings = {}): ResolvedConfig {
  const all = { 'data.dir': folder, 'server.port': '0', 'auth.apiKey': API_KEY, ...settings }
  const flags = Object.entries(all).map(([key, value]) => ({ flag: `--set ${key}`, key, value }))
  const resolved = resolveConfig({ env: {}, cwd: folder, homeDir: folder, flags })
  if (!resolved.ok) throw new Error(resolved.error.map((mistake) => mistake.message).join('; '))
  return resolved.value.config
}

/** Of a pod. It outlives the test, whose pods may write in it until they have stopped. */
export async function temporaryFolder(_t: TestContext): Promise<string> {
  return folderOfProcess('pod')
}

export interface HarnessOptions {
  readonly settings?: Settings
  readonly clock?: Clock
  readonly pageFolder?: string
  readonly speech?: FakeSpeech
  readonly overrides?: Partial<PodOptions>
}

export async function startTestPod(t: TestContext, options: HarnessOptions = {}): Promise<PodHarness> {
  const folder = await temporaryFolder(t)
  const config = testConfig(folder, options.settings)
  const clock = options.clock ?? systemClock
  const directory = await openDataDirectory(config.data.dir)
  const identity = await createIdentity(clock, config.auth, directory)
  const sessions = new FakeSessions()
  const speech = options.speech ?? new FakeSpeech()
  const logger = collectingLogger()
  const pageFolder = options.pageFolder ?? join(folder, 'no-page')
  const podId = newId('pod')
  const fixed = { clock, config, podId, sessions, speech, identity, directory, pageFolder, logger }
  const pod = await startPod({ ...fixed, ...options.overrides })
  t.after(() => pod.stop())
  return {
    pod,
    url: pod.url,
    port: pod.port,
    wsPath: `/p/${podId}/v1/ws`,
    sessions,
    speech,
    identity,
    lines: logger.lines,
    folder,
    call: (path, init = {}) =>
      fetch(`${pod.url}${path}`, { ...init, headers: { authorization: `Bearer ${API_KEY}`, ...init.headers } }),
  }
}

export interface RawAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Sends bytes as they are and reads until the other side closes. */
export function rawRequest(port: number, text: string, host = '127.0.0.1'): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host)
    let received = ''
    socket.setEncoding('latin1')
    socket.on('data', (chunk) => {
      received += chunk
      // An accepted upgrade stays open: what was asked for is in the head.
      if (received.startsWith('HTTP/1.1 101') && received.includes('\r\n\r\n')) socket.destroy()
    })
    socket.once('error', reject)
    socket.once('close', () => resolve(parseAnswer(received)))
    socket.write(text)
  })
}

function parseAnswer(received: string): RawAnswer {
  const [head = '', ...rest] = received.split('\r\n\r\n')
  const [statusLine = '', ...lines] = head.split('\r\n')
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  )
  return { status: Number(statusLine.split(' ')[1]), headers, body: rest.join('\r\n\r\n') }
}

/** The text of a WebSocket handshake; `headers` replace or, when undefined, remove the usual ones. */
export function upgradeText(path: string, headers: Readonly<Record<string, string | undefined>> = {}): string {
  const all: Record<string, string | undefined> = {
    host: 'localhost',
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-protocol': 'parley.v1',
    ...headers,
  }
  const lines = Object.entries(all).filter(([, value]) => value !== undefined)
  return `GET ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
}
