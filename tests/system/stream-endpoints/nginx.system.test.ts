// Stream endpoints behind a real nginx, with the configuration that `parley emit nginx` writes. Members are processes, so that one can be
// killed; their engines spell, so that what was said is known.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { after, afterEach, test } from 'node:test'
import { eventually } from '@parley/kernel/testing'
import { spelled, TestClient } from '@parley/stream-endpoints/testing'
import { freePorts, type NginxOptions, RunningNginx, SKIP_NGINX } from '../../lib/nginx.ts'

const MEMBER = new URL('../../lib/endpoint-worker.ts', import.meta.url).pathname
const SILENCE = Array.from({ length: 20 }, () => 0)
const skip = SKIP_NGINX

interface Member {
  readonly port: number
  readonly child: ChildProcess
}

const members: Member[] = []
const balancers: RunningNginx[] = []
const clients: TestClient[] = []

async function startMember(port: number, pingEveryMs = 15_000, maxConnections = 50): Promise<Member> {
  const args = [MEMBER, String(port), String(pingEveryMs), String(maxConnections)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const member = { port, child }
  members.push(member)
  await said(member, 'ws://')
  return member
}

/** Resolves when the member has written a line that begins like this. */
function said({ child }: Member, start: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const onData = (data: Buffer) => {
      if (!data.toString().includes(start)) return
      child.stdout?.off('data', onData)
      resolve()
    }
    child.stdout?.on('data', onData)
    child.once('close', () => reject(new Error('the member has ended')))
  })
}

async function end({ child }: Member, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => void child.once('close', () => resolve()))
  child.kill(signal)
  await ended
}

async function balance(options: NginxOptions): Promise<RunningNginx> {
  const nginx = await RunningNginx.start(options)
  balancers.push(nginx)
  return nginx
}

async function cluster(count: number, options: Partial<NginxOptions> = {}, pingEveryMs?: number) {
  const memberPorts = await freePorts(count)
  const started = await Promise.all(memberPorts.map((port) => startMember(port, pingEveryMs)))
  return { nginx: await balance({ memberPorts, ...options }), members: started }
}

function connect(nginx: RunningNginx, query = '?encoding=int16'): TestClient {
  const client = new TestClient(`${nginx.url}/v1/stream/asr${query}`)
  clients.push(client)
  return client
}

async function ready(nginx: RunningNginx): Promise<TestClient> {
  const client = connect(nginx)
  await client.got('ready')
  return client
}

async function connectionsOf({ port }: Member): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/health`)
  return ((await response.json()) as { active_connections: number }).active_connections
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.terminate()
  await Promise.all(balancers.splice(0).map((nginx) => nginx.stop()))
})
after(() => Promise.all(members.map((member) => end(member, 'SIGKILL'))))

test('[EMN1, EMN5] connections are balanced, used, and the log names the member of each', { skip }, async () => {
  const { nginx, members: both } = await cluster(2)
  const connected: TestClient[] = []
  for (let count = 0; count < 8; count++) connected.push(await ready(nginx))
  assert.deepEqual(await Promise.all(both.map(connectionsOf)), [4, 4])
  for (const [index, client] of connected.entries()) {
    client.send(new Uint8Array(spelled(index + 1, ...SILENCE).buffer))
    assert.equal((await client.got('final')).text, `w${index + 1}`)
  }
  const status = await (await fetch(`http://127.0.0.1:${nginx.statusPort}/nginx_status`)).text()
  assert.ok(Number(/Active connections: (\d+)/.exec(status)?.[1]) >= 8, status)
  for (const client of connected) client.say({ type: 'end' })
  await Promise.all(connected.map((client) => client.closed()))
  await eventually(async () => ((await nginx.memberPorts()).length === 8 ? undefined : 'not all logged'))
  const ports = await nginx.memberPorts()
  for (const { port } of both) assert.equal(ports.filter((used) => used === port).length, 4)
})

test('[EMN3] a killed member is passed over, a returned one is used again', { skip }, async () => {
  const { nginx, members: both } = await cluster(2, { plan: { failTimeoutMs: 1_000 } })
  const [first, second] = both as [Member, Member]
  const before = [await ready(nginx), await ready(nginx)]
  assert.deepEqual(await Promise.all(both.map(connectionsOf)), [1, 1])
  await end(first, 'SIGKILL')
  await eventually(() => {
    const cut = before.filter((client) => client.closeCode !== undefined).length
    return cut === 1 ? undefined : `${cut} were cut`
  })
  for (let count = 0; count < 6; count++) await ready(nginx)
  assert.equal(await connectionsOf(second), 7)
  const returned = await startMember(first.port)
  await eventually(async () => {
    await ready(nginx)
    return (await connectionsOf(returned)) > 0 ? undefined : 'not used yet'
  })
})

test('[EMN3] a draining member gets nothing new and keeps what it has', { skip }, async () => {
  const { nginx, members: both } = await cluster(2)
  const [first, second] = both as [Member, Member]
  const before = [await ready(nginx), await ready(nginx)]
  const draining = said(first, 'draining')
  first.child.kill('SIGUSR2')
  await draining
  for (let count = 0; count < 4; count++) await ready(nginx)
  assert.equal(await connectionsOf(second), 5)
  for (const client of before) {
    client.send(new Uint8Array(spelled(7, ...SILENCE).buffer))
    assert.equal((await client.got('final')).text, 'w7')
  }
})

test('[EMN3] with nobody left the answer is 503 with the advice when to come again', { skip }, async () => {
  const { nginx, members: both } = await cluster(2)
  for (const member of both) await end(member, 'SIGKILL')
  const refused = await connect(nginx).refused()
  assert.equal(refused.status, 503)
  assert.deepEqual([refused.headers['retry-after'], refused.body.code], ['2', 'SPEECH_UNAVAILABLE'])
  assert.equal((await fetch(`http://127.0.0.1:${nginx.port}/health`)).status, 503)
  assert.equal((await fetch(`http://127.0.0.1:${nginx.port}/metrics`)).status, 404)
})

test('[EMN1, EMN3] members that are full get no more, and make room when somebody leaves', { skip }, async () => {
  const { nginx } = await cluster(2, { plan: { connectionsPerMember: 2 } })
  const inside: TestClient[] = []
  for (let count = 0; count < 4; count++) inside.push(await ready(nginx))
  for (let count = 0; count < 6; count++) assert.equal((await connect(nginx).refused()).status, 503)
  inside[0]?.socket.close()
  await eventually(async () => {
    const client = connect(nginx)
    await eventually(() => (client.of('ready').length > 0 || client.refusal ? undefined : 'no answer'))
    return client.refusal ? 'still full' : undefined
  })
})

test('[EMN1, EMN3] requests with a recording are balanced, and passed over a member that takes nothing', {
  skip,
}, async () => {
  const { nginx, members: both } = await cluster(2)
  const body = new Uint8Array(spelled(5, 6, ...SILENCE).buffer)
  const ask = async () => {
    const url = `${nginx.url.replace('ws', 'http')}/v1/listen?encoding=linear16&sample_rate=16000`
    const reply = await fetch(url, { method: 'POST', body })
    const answer = (await reply.json()) as { results?: { channels: { alternatives: { transcript: string }[] }[] } }
    return [reply.status, answer.results?.channels[0]?.alternatives[0]?.transcript]
  }
  for (let count = 0; count < 4; count++) assert.deepEqual(await ask(), [200, 'w5 w6'])
  const [first] = both as [Member, Member]
  const draining = said(first, 'draining')
  first.child.kill('SIGUSR2')
  await draining
  for (let count = 0; count < 4; count++) assert.deepEqual(await ask(), [200, 'w5 w6'])
})

test('[EMN2, SE3] an idle stream outlives the timeout, because its member asks whether it is there', {
  skip,
}, async () => {
  const { nginx } = await cluster(1, { plan: { idleTimeoutMs: 1_000 } }, 250)
  const client = await ready(nginx)
  // Three times as long as nginx would wait.
  await client.got('ping', 12)
  client.send(new Uint8Array(spelled(5, ...SILENCE).buffer))
  assert.equal((await client.got('final')).text, 'w5')
})

test('[EMN2] without a word from the member the timeout cuts it: the setting matters', { skip }, async () => {
  const { nginx } = await cluster(1, { plan: { idleTimeoutMs: 1_000 } }, 600_000)
  const client = await ready(nginx)
  assert.equal(await client.closed(), 1006)
})

test('[EMN4] sticky: the same client goes to the same member, and elsewhere when that is gone', { skip }, async () => {
  const { nginx, members: both } = await cluster(2, { plan: { isSticky: true } })
  for (let count = 0; count < 6; count++) await ready(nginx)
  const used = await Promise.all(both.map(connectionsOf))
  assert.deepEqual(used.toSorted(), [0, 6])
  const holder = both[used.indexOf(6)] as Member
  const other = both[used.indexOf(0)] as Member
  await end(holder, 'SIGKILL')
  await ready(nginx)
  assert.equal(await connectionsOf(other), 1)
})

test('[EMN6, EMN1] synthesis is balanced the same, without root, in a folder of its own', { skip }, async () => {
  const { nginx } = await cluster(2, { role: 'synthesise' })
  const client = new TestClient(`${nginx.url}/v1/stream/tts`)
  clients.push(client)
  await client.opened()
  client.say({ type: 'speak', requestId: 'r', text: 'Good morning.', encoding: 'int16', sampleRateHz: 16_000 })
  const { samples } = await client.got('done')
  assert.equal(Buffer.concat(client.binaries).length, 2 * samples)
  assert.ok(samples > 0)
})
