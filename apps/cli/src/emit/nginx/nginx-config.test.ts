import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { bareEnvironment } from '@parley/kernel/testing'
import { InvalidArgumentError } from 'commander'
import fc from 'fast-check'
import { nginxConfig, workerConnectionsOf } from './nginx-config.ts'
import { parseBalanced, parseCount, parseHostName, parseHostPort, parsePod, parseTimeMs } from './nginx-options.ts'
import { type FleetFront, type NginxPlan, plainOutside, planProblems } from './nginx-plan.ts'

const MAIN = fileURLToPath(new URL('../../main.ts', import.meta.url))

function parley(cwd: string, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], { cwd, env: bareEnvironment() }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    )
  })
}

function planOf(changes: Partial<NginxPlan> = {}): NginxPlan {
  return {
    balanced: [...parseBalanced('recognise')('8000=8001,8011'), ...parseBalanced('synthesise')('8003=8002,8012')],
    isSticky: false,
    connectionsPerMember: 50,
    idleTimeoutMs: 600_000,
    maxFails: 3,
    failTimeoutMs: 30_000,
    status: { host: '127.0.0.1', port: 8080 },
    prefix: '/tmp/balancer',
    tls: undefined,
    memberCaFile: undefined,
    madeBy: 'a test',
    ...changes,
  }
}
const problems = (changes: Partial<NginxPlan>) => planProblems(planOf(changes)).map(({ message }) => message)

test('[EMN1] the balancer of the example: least connections, failures and bounds of members, upgrades, no buffers', () => {
  const text = nginxConfig(planOf())
  for (const wanted of [
    'least_conn;',
    'server 127.0.0.1:8001 max_fails=3 fail_timeout=30s max_conns=50;',
    'server 127.0.0.1:8012 max_fails=3 fail_timeout=30s max_conns=50;',
    'zone recognise_0 128k;',
    'listen 127.0.0.1:8000;',
    'listen 127.0.0.1:8003;',
    'location = /v1/stream/asr {',
    'location = /v1/stream/tts {',
    'location = /v1/listen {',
    'location = /v1/audio/transcriptions {',
    'location = /v1/audio/speech {',
    'client_max_body_size 26m;',
    'proxy_set_header Upgrade $http_upgrade;',
    'proxy_set_header Connection $connection_upgrade;',
    'proxy_buffering off;',
    'proxy_read_timeout 600s;',
    'proxy_send_timeout 600s;',
    'stub_status;',
    'pid /tmp/balancer/nginx.pid;',
    'access_log /tmp/balancer/logs/access.log streams;',
  ]) {
    assert.ok(text.includes(wanted), wanted)
  }
  assert.match(text, /upstream=\$upstream_addr/)
  assert.doesNotMatch(text, /ip_hash/)
  assert.ok(text.endsWith('}\n'))
  assert.equal(text.split('{').length, text.split('}').length)
})

test('[EMN4, EMN6] sticky, without a status port, in the folder nginx is started with', () => {
  const text = nginxConfig(planOf({ isSticky: true, status: undefined, prefix: undefined }))
  assert.match(text, /ip_hash;/)
  assert.doesNotMatch(text, /least_conn|stub_status/)
  assert.match(text, /pid nginx\.pid;/)
})

test('[EMN1] there is room for both ends of every stream', () => {
  assert.equal(workerConnectionsOf(planOf()), 1_024)
  assert.equal(workerConnectionsOf(planOf({ connectionsPerMember: 1_000 })), 8_128)
})

const FRONT: FleetFront = {
  listen: { host: '*', port: 443 },
  hostName: 'captions.example.org',
  pods: [...parsePod('pod_a=http://10.0.0.5:8080', parsePod('pod_b=http://[::1]:8081'))],
  memberName: 'localhost',
  connectionsPerPod: 10_000,
}
const TLS = { certFile: '/c.pem', keyFile: '/k.pem' }

/** Lines of the block that begins with `start`. */
function block(text: string, start: string): string[] {
  const lines = text.split('\n')
  const first = lines.findIndex((line) => line.trim() === start)
  assert.ok(first >= 0, start)
  const depth = lines[first]?.search(/\S/) ?? 0
  const length = lines.slice(first).findIndex((line) => line.search(/\S/) === depth && line.trim() === '}')
  return lines.slice(first + 1, first + length).map((line) => line.trim())
}

test('[EMN8] one host name: a session goes to its pod, the rest to any; one that is away is stood in for', () => {
  const text = nginxConfig(planOf({ balanced: [], fleet: FRONT, tls: TLS }))
  assert.deepEqual(block(text, 'upstream any_pod {'), [
    'zone any_pod 128k;',
    'least_conn;',
    'server [::1]:8081 max_fails=3 fail_timeout=30s;',
    'server 10.0.0.5:8080 max_fails=3 fail_timeout=30s;',
  ])
  assert.deepEqual(block(text, 'upstream only_pod_a {').slice(1), [
    'server 10.0.0.5:8080 max_fails=0;',
    'server [::1]:8081 max_fails=0 backup;',
  ])
  assert.deepEqual(block(text, 'location ^~ /p/pod_a/ {'), ['proxy_pass http://only_pod_a;'])
  assert.deepEqual(block(text, 'location ^~ /p/ {'), ['proxy_pass http://any_pod;'])
  assert.deepEqual(block(text, 'location = /v1/page/session {'), ['proxy_pass http://first_pod;'])
  assert.deepEqual(block(text, 'upstream first_pod {')[1], 'server [::1]:8081 max_fails=0;')
  const lines = text.split('\n').map((line) => line.trim())
  for (const line of [
    'listen *:443 ssl;',
    'server_name captions.example.org;',
    'ssl_certificate /c.pem;',
    'proxy_set_header X-Forwarded-For $remote_addr;',
    'proxy_set_header X-Forwarded-Proto $scheme;',
    'proxy_read_timeout 600s;',
    '#   server.publicUrl: https://captions.example.org',
    'worker_connections 40128;',
  ]) {
    assert.ok(lines.includes(line), line)
  }
  assert.equal(text.split('{').length, text.split('}').length)
})

test('[EMN8] pods that speak TLS are checked; without a name and on another port the address says so', () => {
  const front = { ...FRONT, hostName: undefined, listen: { host: '10.0.0.1', port: 8443 } }
  const text = nginxConfig(planOf({ fleet: front, memberCaFile: '/ca.pem' }))
  assert.match(text, /proxy_pass https:\/\/only_pod_a;/)
  assert.match(text, /proxy_ssl_name localhost;/)
  assert.match(text, /server\.publicUrl: http:\/\/10\.0\.0\.1:8443\n/)
  assert.doesNotMatch(text, /^ *server_name /m)
  assert.match(text, /One host name in front of pods; Balancer of stream endpoints\. Made by/)
})

test('[EMN7] pods are read as people write them; what cannot be meant is refused', () => {
  for (const wrong of [
    '',
    'pod_a',
    'pod_a=10.0.0.5:8080',
    'pod a=http://x',
    'p;=http://x',
    'p=http://x/y',
    'p=ftp://x',
  ]) {
    assert.throws(() => parsePod(wrong), InvalidArgumentError, wrong)
  }
  assert.throws(() => parseHostName('a;b'), InvalidArgumentError)
  assert.equal(parseHostName('Captions.example.org'), 'captions.example.org')
  const fleet = (changes: Partial<FleetFront>) => problems({ balanced: [], fleet: { ...FRONT, ...changes } })
  assert.deepEqual(fleet({}), [])
  assert.match(fleet({ pods: [] })[0] ?? '', /there is no pod/)
  assert.match(
    fleet({ pods: [...FRONT.pods, ...parsePod('pod_a=http://10.0.0.7:1')] })[0] ?? '',
    /pod_a is named twice/,
  )
  assert.match(fleet({ listen: { host: '*', port: 8081 } })[0] ?? '', /would call itself/)
  assert.match(problems({ fleet: { ...FRONT, listen: { host: '*', port: 8_000 } } })[0] ?? '', /8000 is given/)
  assert.deepEqual(plainOutside(planOf({ balanced: [], fleet: FRONT })), [FRONT.listen])
})

test('[EMN8] the command takes pods by name, and says what is missing', async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'parley-emit-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const args = ['emit', 'nginx', '--fleet', '--listen', '8443', '--pod', 'pod_a=http://127.0.0.1:8080']
  const printed = await parley(folder, ...args)
  assert.deepEqual([printed.code, printed.stderr], [0, ''])
  assert.match(printed.stdout, /location \^~ \/p\/pod_a\/ \{/)
  const tls = await parley(folder, ...args, '--pod', 'pod_b=https://127.0.0.1:8081')
  assert.deepEqual([tls.code, /pod_b speaks TLS: name what vouches for it/.test(tls.stderr)], [2, true])
  const nobody = await parley(folder, 'emit', 'nginx', '--fleet', '--data-dir', folder)
  assert.deepEqual([nobody.code, /no platform runs/.test(nobody.stderr)], [5, true])
})

test('[EMN7] names of files are quoted where nginx would take them apart', () => {
  const tls = { certFile: '/tmp/my certs/"a";.pem', keyFile: '/tmp/$key.pem' }
  const text = nginxConfig(planOf({ tls, memberCaFile: '/tmp/ca.pem', prefix: '/tmp/a b' }))
  assert.ok(text.includes('ssl_certificate "/tmp/my certs/\\"a\\";.pem";'))
  assert.ok(text.includes('ssl_certificate_key "/tmp/\\$key.pem";'))
  assert.ok(text.includes('pid "/tmp/a b/nginx.pid";'))
  assert.ok(text.includes('proxy_pass https://recognise_0;'))
  assert.ok(text.includes('proxy_ssl_verify on;'))
})

test('[EMN7] what cannot be meant is refused', () => {
  const recognise = parseBalanced('recognise')
  assert.match(problems({ balanced: [] })[0] ?? '', /8000=8001,8011/)
  assert.match(problems({ balanced: recognise('8000=8001', recognise('*:8000=8011')) })[0] ?? '', /8000 is given/)
  assert.match(problems({ status: { host: '*', port: 8003 } })[0] ?? '', /8003 is given to --synthesise/)
  assert.match(problems({ balanced: recognise('8000=8001,8001') })[0] ?? '', /127\.0\.0\.1:8001 is named twice/)
  assert.match(problems({ balanced: recognise('8000=8000') })[0] ?? '', /would call itself/)
  assert.deepEqual(problems({ balanced: recognise('10.0.0.1:8000=8000') }), [])
  assert.deepEqual(problems({}), [])
})

test('[EMN7] a plain port outside this machine is warned of', () => {
  assert.deepEqual(plainOutside(planOf()), [])
  const balanced = parseBalanced('recognise')('*:8000=8001')
  assert.deepEqual(plainOutside(planOf({ balanced })), [{ host: '*', port: 8_000 }])
  assert.deepEqual(plainOutside(planOf({ balanced, tls: { certFile: 'c', keyFile: 'k' } })), [])
})

test('[EMN7] values are read as people write them, and wrong ones are refused with the right form', () => {
  assert.deepEqual(parseBalanced('recognise')('[::1]:8000=worker-1.example:8001, 8011'), [
    {
      role: 'recognise',
      listen: { host: '::1', port: 8_000 },
      members: [
        { host: 'worker-1.example', port: 8_001 },
        { host: '127.0.0.1', port: 8_011 },
      ],
    },
  ])
  assert.equal(parseTimeMs('90s'), 90_000)
  assert.equal(parseTimeMs('1h'), 3_600_000)
  for (const wrong of ['', '8000', '8000=', '=8001', '8000=8001=1', '8000=0', 'x=8001', '8000=8001;daemon on']) {
    assert.throws(() => parseBalanced('recognise')(wrong), InvalidArgumentError, wrong)
  }
  for (const wrong of ['', '0s', '5', 's', '1d']) assert.throws(() => parseTimeMs(wrong), InvalidArgumentError, wrong)
  for (const wrong of ['0', '11', '1.5', 'x']) assert.throws(() => parseCount(1, 10)(wrong), InvalidArgumentError)
})

test('[EMN7] nothing that is read as an address can break out of its directive', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 20 }), (text) => {
      let parsed: { readonly host: string }
      try {
        parsed = parseHostPort(text, '127.0.0.1')
      } catch {
        return
      }
      assert.match(parsed.host, /^[\w.:*-]+$/)
    }),
  )
})

test('[EMN1, EMN7] the command writes the file or says which option is wrong', async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'parley-emit-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const args = ['emit', 'nginx', '--recognise', '8000=8001,8011']
  const printed = await parley(folder, ...args)
  assert.deepEqual([printed.code, printed.stderr], [0, ''])
  const written = await parley(folder, ...args, '--out', 'balancer.conf')
  assert.deepEqual([written.code, written.stdout], [0, ''])
  assert.equal(await readFile(path.join(folder, 'balancer.conf'), 'utf8'), printed.stdout)
  const warned = await parley(folder, 'emit', 'nginx', '--recognise', '*:8000=8001')
  assert.match(warned.stderr, /\*:8000: speech travels readable/)
  const wrong = await parley(folder, ...args, '--tls-cert', 'c.pem')
  assert.deepEqual([wrong.code, wrong.stderr.includes('--tls-cert and --tls-key go together')], [2, true])
  assert.equal((await parley(folder, 'emit', 'nginx')).code, 2)
  assert.equal((await parley(folder, ...args, '--out', 'no/such/folder')).code, 4)
})
