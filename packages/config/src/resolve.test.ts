import assert from 'node:assert/strict'
import test from 'node:test'
import { exampleYaml } from './documents.ts'
import { CONFIG_KEYS } from './keys.ts'
import { formatMistake } from './mistakes.ts'
import { type ConfigInputs, configValue, resolveConfig } from './resolve.ts'
import { flagOfSet } from './sources.ts'

type Given = Partial<Omit<ConfigInputs, 'file'>> & { readonly yaml?: string }

function resolve({ yaml, ...given }: Given = {}) {
  const file = yaml === undefined ? {} : { file: { name: 'parley.yaml', path: '/etc/parley/parley.yaml', text: yaml } }
  return resolveConfig({ env: {}, cwd: '/conf', homeDir: '/home/ada', ...given, ...file })
}

function resolved(given: Given = {}) {
  const result = resolve(given)
  assert.ok(result.ok, result.ok ? '' : result.error.map(formatMistake).join('\n'))
  return result.value
}

function mistakes(given: Given): string[] {
  const result = resolve(given)
  assert.ok(!result.ok, 'expected mistakes')
  return result.error.map(formatMistake)
}

const set = (...args: string[]) => args.map(flagOfSet)

test('[CF1] every key has a default that the schema allows, and the result holds every key', () => {
  const { config, origins } = resolved()
  for (const key of CONFIG_KEYS) {
    assert.notEqual(key.default, undefined, key.path)
    assert.notEqual(configValue(config, key), undefined, key.path)
    assert.equal(origins.get(key.path)?.kind, 'default')
    assert.match(key.description, /\w/, `${key.path} has no description`)
  }
})

test('[CF2] defaults give way to the file, the file to the environment, the environment to flags', () => {
  const yaml = 'server:\n  port: 1\nsessions:\n  seats: 2\n  graceMs: 3\n'
  const env = { PARLEY_SESSIONS_SEATS: '20', PARLEY_SESSIONS_GRACE_MS: '30' }
  const { config, origins } = resolved({ yaml, env, flags: set('sessions.graceMs=300') })
  assert.deepEqual([config.server.port, config.sessions.seats, config.sessions.graceMs], [1, 20, 300])
  assert.equal(origins.get('server.port')?.where, 'parley.yaml:2')
  assert.equal(origins.get('sessions.seats')?.where, 'PARLEY_SESSIONS_SEATS')
  assert.equal(origins.get('sessions.graceMs')?.where, '--set sessions.graceMs')
})

test('[CF2] the last of two flags for one key wins', () => {
  assert.equal(resolved({ flags: set('server.port=1', 'server.port=2') }).config.server.port, 2)
})

test('[CF3] environment names are derived from the path, and the API key and data directory have short ones', () => {
  const env = { PARLEY_API_KEY: 'k-123', PARLEY_DATA_DIR: '/srv/parley', PARLEY_LIMITS_CONNECTIONS_PER_ADDRESS: '7' }
  const { config } = resolved({ env })
  assert.equal(config.auth.apiKey, 'k-123')
  assert.equal(config.data.dir, '/srv/parley')
  assert.equal(config.limits.connectionsPerAddress, 7)
})

test('[CF3] an empty variable is an unset one, and variables of other programs are left alone', () => {
  assert.equal(resolved({ env: { PARLEY_SERVER_PORT: '', PORT: '99', PARLEY_CONFIG: 'x' } }).config.server.port, 8080)
})

test('[CF4] texts become values of the kind of their key', () => {
  const { config } = resolved({
    env: {
      PARLEY_SERVER_INSECURE: '1',
      PARLEY_SERVER_ALLOWED_ORIGINS: 'https://a.example, https://b.example:8443',
      PARLEY_SERVER_TRUSTED_PROXIES: '["10.0.0.0/8","::1"]',
      PARLEY_LIMITS_AUDIO_PACE_RATIO: '1.5',
      PARLEY_AUTH_KEYS: JSON.stringify([{ id: 'a', tenant: 't', role: 'user', sha256: '0'.repeat(64) }]),
    },
  })
  assert.equal(config.server.insecure, true)
  assert.deepEqual(config.server.allowedOrigins, ['https://a.example', 'https://b.example:8443'])
  assert.deepEqual(config.server.trustedProxies, ['10.0.0.0/8', '::1'])
  assert.equal(config.limits.audioPaceRatio, 1.5)
  assert.equal(config.auth.keys[0]?.role, 'user')
})

test('[CF5] an unknown key of the file is refused with its line and the nearest valid name', () => {
  assert.deepEqual(mistakes({ yaml: 'server:\n  host: ::1\n  prot: 1\n' }), [
    'parley.yaml:3: server.prot is not a key; did you mean server.port?',
  ])
  assert.deepEqual(mistakes({ yaml: 'sever:\n  port: 1\n' }), [
    'parley.yaml:1: sever is not a section; did you mean server?',
  ])
  assert.deepEqual(mistakes({ yaml: 'port: 1\n' }), ['parley.yaml:1: port is not a section; did you mean server.port?'])
})

test('[CF5] an unknown variable and an unknown flag are refused with the nearest valid name', () => {
  assert.deepEqual(mistakes({ env: { PARLEY_SERVER_PROT: '1' } }), [
    'PARLEY_SERVER_PROT is not a variable of this platform; did you mean PARLEY_SERVER_PORT?',
  ])
  assert.deepEqual(mistakes({ flags: set('session.seats=1') }), [
    '--set session.seats: session.seats is not a key; did you mean sessions.seats?',
  ])
  assert.deepEqual(mistakes({ flags: set('server.port') }), [
    '--set server.port: must have the form --set section.key=value',
  ])
})

test('[CF5] where nothing is near, what there is is listed', () => {
  assert.match(mistakes({ yaml: 'server:\n  colourScheme: dark\n' })[0] ?? '', /known: server\.host, server\.port/)
})

test('[CF6] all mistakes of all sources come at once, each with source, key, value and what is allowed', () => {
  const found = mistakes({
    yaml: 'server:\n  port: 99999\ntls:\n  mode: on\n',
    env: { PARLEY_SESSIONS_SEATS: 'many' },
    flags: set('log.level=loud', 'sessions.graceMs=-1'),
  })
  assert.deepEqual(found, [
    'parley.yaml:2: server.port is 99999; it must be a whole number from 0 to 65535',
    'parley.yaml:4: tls.mode is on; it must be one of off, files, self-signed',
    'PARLEY_SESSIONS_SEATS: sessions.seats is many; it must be a whole number from 1 to 100000',
    '--set log.level: log.level is loud; it must be one of trace, debug, info, warn, error, fatal, silent',
    '--set sessions.graceMs: sessions.graceMs is -1; it must be a whole number from 0 to 3600000 (milliseconds)',
  ])
})

test('[CF6] a mistake inside a list names the item, the field and the nearest valid one', () => {
  const [found] = mistakes({ yaml: 'auth:\n  keys:\n    - {id: a, tenant: t, rol: user, sha256: zz}\n' })
  assert.match(found ?? '', /^parley\.yaml:2: /)
  assert.match(found ?? '', /auth\.keys\[0\]\.rol is not a field; did you mean role\?/)
  assert.match(found ?? '', /auth\.keys\[0\]\.sha256 must match pattern/)
})

test('[CF6] broken YAML is named with its line; an empty file and an empty section are no mistake', () => {
  assert.match(mistakes({ yaml: 'server:\n  port: [1\n' })[0] ?? '', /^parley\.yaml:\d+: not valid YAML/)
  assert.match(mistakes({ yaml: '- a\n' })[0] ?? '', /must hold sections/)
  assert.match(mistakes({ yaml: 'server: 8080\n' })[0] ?? '', /server must hold keys/)
  assert.equal(resolved({ yaml: '' }).config.server.port, 8080)
  assert.equal(resolved({ yaml: '# nothing\nserver:\n' }).config.server.port, 8080)
})

test('[CF7] plain HTTP off loopback is refused with the reason, unless insecure or TLS is on', () => {
  const [found] = mistakes({ flags: set('server.host=0.0.0.0') })
  assert.match(found ?? '', /tickets and speech would travel readable/)
  assert.match(found ?? '', /--tls self-signed/)
  assert.match(found ?? '', /--insecure/)
  assert.equal(resolved({ flags: set('server.host=::', 'server.insecure=true') }).config.server.host, '::')
  assert.equal(resolved({ flags: set('server.host=::', 'tls.mode=self-signed') }).config.tls.mode, 'self-signed')
  for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost', '[::1]'])
    resolved({ flags: set(`server.host=${host}`) })
})

test('[CF7] workers elsewhere are named by ws or wss addresses, and off this machine by wss unless worker.insecure', () => {
  const urls = (value: string) => set(`speech.workerUrls=${value}`)
  resolved({ flags: urls('wss://gpu1.lan:8801,ws://127.0.0.1:8801,ws://[::1]:8801') })
  for (const wrong of ['gpu1.lan:8801', 'http://gpu1.lan', 'wss://user@gpu1.lan', 'wss://gpu1.lan/?a=b']) {
    assert.match(mistakes({ flags: urls(wrong) })[0] ?? '', /such as wss:\/\/gpu1\.lan:8801/, wrong)
  }
  assert.match(
    mistakes({ flags: urls('ws://gpu1.lan:8801') })[0] ?? '',
    /travel readable.*worker\.tlsCertFile.*worker\.insecure/,
  )
  resolved({ flags: [...urls('ws://gpu1.lan:8801'), ...set('worker.insecure=true')] })
})

test('[CF7] TLS files come in pairs, and only where they are used', () => {
  assert.deepEqual(mistakes({ flags: set('tls.mode=files', 'tls.certFile=a.pem') }), [
    'tls.mode is files, and tls.keyFile is not set',
  ])
  assert.match(mistakes({ flags: set('tls.keyFile=a.pem') })[0] ?? '', /tls\.mode is off; it must be files/)
  const { config } = resolved({ flags: set('tls.mode=files', 'tls.certFile=a.pem', 'tls.keyFile=/b.pem') })
  assert.deepEqual([config.tls.certFile, config.tls.keyFile], ['/conf/a.pem', '/b.pem'])
})

test('[CF7] the Redis of the fleet is an address of Redis, told without its password; calls between pods go readable on loopback only', () => {
  resolved({ flags: set('fleet.redisUrl=redis://:secret@redis.lan:6379/2') })
  resolved({ flags: set('fleet.redisUrl=rediss://redis.lan') })
  for (const wrong of ['redis.lan:6379', 'http://:secret@redis.lan', 'redis://']) {
    const [found = ''] = mistakes({ flags: set(`fleet.redisUrl=${wrong}`) })
    assert.match(found, /fleet\.redisUrl is no address of Redis: write redis:/, wrong)
    assert.doesNotMatch(found, /secret/)
  }
  assert.match(
    mistakes({ flags: set('fleet.host=0.0.0.0') })[0] ?? '',
    /fleet\.host is 0\.0\.0\.0.*between pods.*--insecure/,
  )
  resolved({ flags: set('fleet.host=0.0.0.0', 'server.insecure=true') })
  resolved({ flags: set('fleet.host=::', 'tls.mode=self-signed') })
})

test('[CF7] a worker off loopback has certificate and key, both, unless insecure', () => {
  const [found] = mistakes({ flags: set('worker.host=0.0.0.0') })
  assert.match(found ?? '', /worker\.host is 0\.0\.0\.0.*worker\.tlsCertFile.*--insecure/)
  assert.match(mistakes({ flags: set('worker.tlsCertFile=a.pem') })[0] ?? '', /worker\.tlsKeyFile is not set/)
  resolved({ flags: set('worker.host=0.0.0.0', 'worker.insecure=true') })
  resolved({ flags: set('worker.host=0.0.0.0', 'worker.tlsCertFile=a.pem', 'worker.tlsKeyFile=b.pem') })
})

test('[CF7] an admin listener that others can reach needs a token', () => {
  assert.match(mistakes({ flags: set('admin.port=9090', 'admin.host=0.0.0.0') })[0] ?? '', /admin\.token is not set/)
  resolved({ flags: set('admin.port=9090', 'admin.host=0.0.0.0', 'admin.token=t') })
  resolved({ flags: set('admin.port=9090') })
  resolved({ flags: set('admin.host=0.0.0.0') })
})

test('[CF7] addresses, origins and ranges are checked for their form', () => {
  assert.match(mistakes({ flags: set('server.publicUrl=captions.example.org') })[0] ?? '', /http:\/\/ or https:\/\//)
  assert.match(
    mistakes({ flags: set('server.allowedOrigins=https://a.example/app') })[0] ?? '',
    /without a path: https:\/\/a\.example$/,
  )
  assert.match(mistakes({ flags: set('server.trustedProxies=10.0.0.0/33') })[0] ?? '', /CIDR range/)
  resolved({ flags: set('server.trustedProxies=10.0.0.0/8,fd00::/8,192.0.2.1') })
})

test('[CF7] key ids differ, and an utterance outlasts the pause that ends it', () => {
  const key = { id: 'a', tenant: 't', role: 'user', sha256: '0'.repeat(64) }
  assert.match(mistakes({ flags: set(`auth.keys=${JSON.stringify([key, key])}`) })[0] ?? '', /id a more than once/)
  assert.match(
    mistakes({ flags: set('speech.endpointMs=3000', 'speech.maxUtteranceMs=3000') })[0] ?? '',
    /must be less than speech\.maxUtteranceMs/,
  )
})

test('[CF8] secrets never appear in mistakes', () => {
  const found = mistakes({
    yaml: 'auth:\n  apiKey: [hunter2]\n',
    env: { PARLEY_ADMIN_TOKEN: 'hunter3', PARLEY_X: '1' },
  })
  assert.doesNotMatch(found.join('\n'), /hunter/)
  assert.match(found.join('\n'), /auth\.apiKey is \(set, hidden\)/)
})

test('[CF9] relative paths start at the file that names them, otherwise at the current folder; ~ is the home', () => {
  const { config } = resolved({
    yaml: 'log:\n  file: logs/a.log\ndata:\n  dir: ~/parley\n',
    env: { PARLEY_ADMIN_SOCKET: 'a.sock' },
  })
  assert.equal(config.log.file, '/etc/parley/logs/a.log')
  assert.equal(config.data.dir, '/home/ada/parley')
  assert.equal(config.admin.socket, '/conf/a.sock')
})

test('[CF9] without a word the data directory follows XDG', () => {
  assert.equal(resolved().config.data.dir, '/home/ada/.local/share/parley')
  assert.equal(resolved({ env: { XDG_DATA_HOME: '/xdg' } }).config.data.dir, '/xdg/parley')
  assert.equal(resolved({ env: { XDG_DATA_HOME: 'relative' } }).config.data.dir, '/home/ada/.local/share/parley')
})

test('[CF10] the result is frozen to its leaves', () => {
  const { config } = resolved({ flags: set('server.allowedOrigins=https://a.example') })
  assert.throws(() => Object.assign(config.server, { port: 1 }), TypeError)
  assert.throws(() => (config.server.allowedOrigins as string[]).push('x'), TypeError)
  assert.throws(() => Object.assign(config, { extra: 1 }), TypeError)
})

test('[CF11] the example file as it stands changes nothing', () => {
  assert.deepEqual(resolved({ yaml: exampleYaml() }).config, resolved().config)
})
