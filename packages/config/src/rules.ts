// Rules that concern several keys at once. Each looks at resolved values and says what is wrong and what would mend it. Pure.
import { isIP } from 'node:net'
import type { ResolvedConfig } from './schema.ts'

export interface RuleFinding {
  /** The key to point at. */
  readonly key: string
  readonly message: string
}

type Rule = (config: ResolvedConfig) => readonly RuleFinding[]

/** True for addresses that only this machine can reach: localhost, 127.0.0.0/8, ::1. */
export function isLoopbackHost(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase()
  if (bare === 'localhost' || bare.endsWith('.localhost')) return true
  if (isIP(bare) === 4) return bare.startsWith('127.')
  return bare === '::1' || bare === '0:0:0:0:0:0:0:1' || bare.startsWith('::ffff:127.')
}

const plainHttpStaysHome: Rule = ({ server, tls }) =>
  isLoopbackHost(server.host) || tls.mode !== 'off' || server.insecure
    ? []
    : [
        {
          key: 'server.host',
          message:
            `server.host is ${server.host}, which others can reach, and TLS is off: tickets and speech would travel readable, ` +
            'and browsers give no microphone to plain HTTP. Set tls.mode to self-signed (--tls self-signed) or files ' +
            '(--tls-cert, --tls-key); behind a proxy that does TLS, set server.insecure (--insecure)',
        },
      ]

const tlsFilesComeInPairs: Rule = ({ tls }) => {
  const findings: RuleFinding[] = []
  for (const name of ['certFile', 'keyFile'] as const) {
    const given = tls[name] !== ''
    if (tls.mode === 'files' && !given) {
      findings.push({ key: `tls.${name}`, message: `tls.mode is files, and tls.${name} is not set` })
    }
    if (tls.mode !== 'files' && given) {
      findings.push({
        key: `tls.${name}`,
        message: `tls.${name} is set, but tls.mode is ${tls.mode}; it must be files for the file to be used`,
      })
    }
  }
  return findings
}

const adminNeedsToken: Rule = ({ admin }) =>
  admin.port < 0 || isLoopbackHost(admin.host) || admin.token !== ''
    ? []
    : [
        {
          key: 'admin.token',
          message: `admin.host is ${admin.host}, which others can reach, and admin.token is not set; set a token, or admin.host to 127.0.0.1`,
        },
      ]

const publicUrlIsHttp: Rule = ({ server }) =>
  server.publicUrl === '' || /^https?:$/.test(URL.parse(server.publicUrl)?.protocol ?? '')
    ? []
    : [
        {
          key: 'server.publicUrl',
          message: `server.publicUrl is ${server.publicUrl}; it must be an http:// or https:// address`,
        },
      ]

const originsAreOrigins: Rule = ({ server }) =>
  server.allowedOrigins
    .filter((origin) => URL.parse(origin)?.origin !== origin)
    .map((origin) => ({
      key: 'server.allowedOrigins',
      message: `server.allowedOrigins holds ${origin}; an origin is scheme, host and port without a path: ${URL.parse(origin)?.origin ?? 'https://app.example.org'}`,
    }))

function isAddressOrRange(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/')
  const family = isIP(address)
  if (family === 0 || rest.length > 0) return false
  return bits === undefined || (/^\d+$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
}

const proxiesAreAddresses: Rule = ({ server }) =>
  server.trustedProxies
    .filter((proxy) => !isAddressOrRange(proxy))
    .map((proxy) => ({
      key: 'server.trustedProxies',
      message: `server.trustedProxies holds ${proxy}; each must be an address or a CIDR range such as 10.0.0.0/8`,
    }))

const keyIdsDiffer: Rule = ({ auth }) => {
  const ids = auth.keys.map((key) => key.id)
  const twice = [...new Set(ids.filter((id, index) => ids.indexOf(id) !== index))]
  return twice.map((id) => ({
    key: 'auth.keys',
    message: `auth.keys holds the id ${id} more than once; ids must differ`,
  }))
}

const utteranceOutlastsPause: Rule = ({ speech }) =>
  speech.endpointMs < speech.maxUtteranceMs
    ? []
    : [
        {
          key: 'speech.endpointMs',
          message: `speech.endpointMs is ${speech.endpointMs}; it must be less than speech.maxUtteranceMs (${speech.maxUtteranceMs})`,
        },
      ]

const workersAreAddresses: Rule = ({ speech, worker }) =>
  speech.workerUrls.flatMap((text) => {
    const url = URL.parse(text)
    const key = 'speech.workerUrls'
    if (url === null || !/^wss?:$/.test(url.protocol) || url.username !== '' || url.search !== '') {
      return [{ key, message: `speech.workerUrls holds ${text}; each must be an address such as wss://gpu1.lan:8801` }]
    }
    if (url.protocol === 'wss:' || isLoopbackHost(url.hostname) || worker.insecure) return []
    const message =
      `speech.workerUrls holds ${text}, which is not this machine: speech would travel readable. Give the worker a certificate ` +
      '(worker.tlsCertFile, worker.tlsKeyFile) and use wss://; on a private, trusted network set worker.insecure'
    return [{ key, message }]
  })

const plainLinksStayHome: Rule = ({ worker }) =>
  isLoopbackHost(worker.host) || worker.insecure || (worker.tlsCertFile !== '' && worker.tlsKeyFile !== '')
    ? []
    : [
        {
          key: 'worker.host',
          message:
            `worker.host is ${worker.host}, which others can reach, and the worker has no certificate: speech would travel readable. Set ` +
            'worker.tlsCertFile and worker.tlsKeyFile (--tls-cert, --tls-key); on a private, trusted network set worker.insecure (--insecure)',
        },
      ]

const workerTlsFilesComeInPairs: Rule = ({ worker }) =>
  (['tlsCertFile', 'tlsKeyFile'] as const)
    .filter((name) => worker[name] === '' && (worker.tlsCertFile !== '' || worker.tlsKeyFile !== ''))
    .map((name) => ({
      key: `worker.${name}`,
      message: `worker.${name} is not set; certificate and key of a worker come in pairs`,
    }))

const providerIdsDiffer: Rule = ({ providers }) => {
  const ids = providers.map(({ id }) => id)
  const twice = [...new Set(ids.filter((id, index) => ids.indexOf(id) !== index))]
  return twice.map((id) => ({
    key: 'providers',
    message: `providers holds the id ${id} more than once; ids must differ`,
  }))
}

const providersHaveAddresses: Rule = ({ providers }) =>
  providers.flatMap(({ id, protocol, baseUrl }) => {
    const url = URL.parse(baseUrl)
    const example = protocol === 'openai' ? 'https://api.openai.com/v1' : 'wss://api.deepgram.com'
    const isWeb = url !== null && /^(https?|wss?):$/.test(url.protocol)
    if (isWeb && url.username === '' && url.password === '' && url.search === '' && url.hash === '') return []
    // A key may stand in an address; it is not repeated.
    const message = `the baseUrl of provider ${id} is not an address such as ${example} (no user, query or fragment; keys go into apiKey)`
    return [{ key: 'providers', message }]
  })

/** What a role of a protocol cannot be played without. */
const providersHaveModels: Rule = ({ providers }) =>
  providers.flatMap((provider) => {
    const { id, protocol, roles } = provider
    const finding = (text: string): RuleFinding => ({ key: 'providers', message: `provider ${id} ${text}` })
    if (protocol === 'deepgram') {
      return roles
        .filter((role) => role !== 'recognise')
        .map((role) => finding(`has the role ${role}; the deepgram protocol is for recognise`))
    }
    const needs = {
      translate: 'chatModel',
      polish: 'chatModel',
      synthesise: 'speechModel',
      recognise: 'transcriptionModel',
    } as const
    const findings = roles
      .filter((role) => (provider[needs[role]] ?? '') === '')
      .map((role) => finding(`has the role ${role}, and its ${needs[role]} is not set`))
    const isMute = roles.includes('synthesise') && (provider.voices ?? []).length === 0
    return isMute
      ? [...findings, finding('has the role synthesise, and its voices are not set (such as [alloy])')]
      : findings
  })

const redisIsRedis: Rule = ({ fleet }) => {
  if (fleet.redisUrl === '') return []
  const url = URL.parse(fleet.redisUrl)
  if (url !== null && /^rediss?:$/.test(url.protocol) && url.hostname !== '') return []
  // A password may stand in it; it is not repeated.
  const message =
    'fleet.redisUrl is no address of Redis: write redis://[user][:password@]host[:port][/database], or rediss:// for TLS'
  return [{ key: 'fleet.redisUrl', message }]
}

const plainFleetCallsStayHome: Rule = ({ fleet, tls, server }) =>
  isLoopbackHost(fleet.host) || tls.mode !== 'off' || server.insecure
    ? []
    : [
        {
          key: 'fleet.host',
          message:
            `fleet.host is ${fleet.host}, which others can reach, and TLS is off: tickets would travel readable between pods. Set tls.mode ` +
            'to files (--tls-cert, --tls-key); on a private, trusted network set server.insecure (--insecure)',
        },
      ]

const RULES: readonly Rule[] = [
  plainHttpStaysHome,
  tlsFilesComeInPairs,
  adminNeedsToken,
  publicUrlIsHttp,
  originsAreOrigins,
  proxiesAreAddresses,
  keyIdsDiffer,
  utteranceOutlastsPause,
  workersAreAddresses,
  plainLinksStayHome,
  workerTlsFilesComeInPairs,
  providerIdsDiffer,
  providersHaveAddresses,
  providersHaveModels,
  redisIsRedis,
  plainFleetCallsStayHome,
]

/** Everything wrong between keys; empty when all is well. */
export const crossFieldFindings = (config: ResolvedConfig): RuleFinding[] => RULES.flatMap((rule) => rule(config))
