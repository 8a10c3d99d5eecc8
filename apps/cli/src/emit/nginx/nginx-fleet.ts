// One host name in front of all pods: what belongs to a session goes to the pod whose id is in the path, everything else to any of them. Pure.
import { type FleetFront, type FleetPod, hostPort, type NginxPlan } from './nginx-plan.ts'
import { indent, memberTlsLines, time, tlsLines } from './nginx-text.ts'

const ANY = 'any_pod'
const FIRST = 'first_pod'
const upstreamOf = ({ id }: FleetPod): string => `only_${id.replaceAll('-', '_')}`
/** A little more than pods take, so that it is they who refuse in words. */
const MAX_BODY_MIB = 1
const MAX_RECORDING_MIB = 26
/** Of an answer to a plain request; sockets have --idle-timeout. */
const ANSWER_TIMEOUT_S = 60
const NOBODY_RETRY_S = 2

/** Upstreams of the fleet: any pod, and each by itself. */
export function fleetUpstreams({ pods }: FleetFront, { maxFails, failTimeoutMs }: NginxPlan): string[][] {
  const [first] = pods
  const any = [
    `upstream ${ANY} {`,
    ...indent([
      `zone ${ANY} 128k;`,
      'least_conn;',
      ...pods.map(
        ({ address }) => `server ${hostPort(address)} max_fails=${maxFails} fail_timeout=${time(failTimeoutMs)};`,
      ),
    ]),
    '}',
  ]
  const own = (name: string, pod: FleetPod): string[] => [
    `upstream ${name} {`,
    ...indent([
      `zone ${name} 64k;`,
      `server ${hostPort(pod.address)} max_fails=0;`,
      ...pods.filter((other) => other !== pod).map(({ address }) => `server ${hostPort(address)} max_fails=0 backup;`),
    ]),
    '}',
  ]
  return [
    any,
    [
      '# Each pod by itself. While it is away another answers in its place: where the session is now, or that nobody has it.',
      ...pods.flatMap((pod) => own(upstreamOf(pod), pod)),
    ],
    ...(first ? [own(FIRST, first)] : []),
  ]
}

export function fleetServer(front: FleetFront, { tls, memberCaFile }: NginxPlan): string[] {
  const { pods, listen, hostName, memberName } = front
  const scheme = memberCaFile === undefined ? 'http' : 'https'
  const pass = (upstream: string): string => `proxy_pass ${scheme}://${upstream};`
  return [
    ...advice(front, tls !== undefined),
    'server {',
    ...indent([
      `listen ${hostPort(listen)}${tls ? ' ssl' : ''};`,
      ...(hostName === undefined ? [] : [`server_name ${hostName};`]),
      ...tlsLines(tls),
      ...memberTlsLines(memberCaFile),
      ...(memberCaFile === undefined ? [] : [`proxy_ssl_name ${memberName};`]),
      `client_max_body_size ${MAX_BODY_MIB}m;`,
      '# The address as nginx saw it, whatever the client says of itself.',
      ...headers(),
      '# A pod that is full says so for the whole fleet: only one that cannot be reached is passed over.',
      'proxy_next_upstream error timeout;',
      '',
      '# Sessions: the pod that has them, by its id. Idle sockets live on: clients and pods ask each other every 2 s.',
      ...pods.flatMap((pod) => [`location ^~ /p/${pod.id}/ {`, `  ${pass(upstreamOf(pod))}`, '}']),
      '# A pod that came later than this file: any other says where it is.',
      'location ^~ /p/ {',
      `  ${pass(ANY)}`,
      '}',
      '# One-time codes of the page are known to the pod that made them.',
      'location = /v1/page/session {',
      `  ${pass(FIRST)}`,
      '}',
      '# Recognition and synthesis without a session.',
      'location /v1/stream/ {',
      `  ${pass(ANY)}`,
      '}',
      'location ~ ^/v1/(listen$|audio/) {',
      `  client_max_body_size ${MAX_RECORDING_MIB}m;`,
      '  proxy_request_buffering on;',
      `  ${pass(ANY)}`,
      '}',
      '# New sessions and the page: any pod, which places sessions in the whole fleet.',
      'location / {',
      `  proxy_read_timeout ${ANSWER_TIMEOUT_S}s;`,
      `  ${pass(ANY)}`,
      '}',
      'error_page 502 504 = @nobody;',
      'location @nobody {',
      '  default_type application/problem+json;',
      `  add_header Retry-After ${NOBODY_RETRY_S} always;`,
      `  return 503 '${nobodyProblem()}';`,
      '}',
    ]),
    '}',
  ]
}

/** What pods must be told for it to work; nginx does not read it. */
function advice({ hostName, listen }: FleetFront, isTls: boolean): string[] {
  return [
    '# Pods must know that they are behind this, and whom to believe who a client is:',
    `#   server.publicUrl: ${publicUrlOf({ hostName, listen }, isTls)}`,
    '#   server.trustedProxies: [the address from which nginx calls them, such as 127.0.0.1]',
    '# UDP audio does not pass here: it goes to udp.announcedHost of each pod. Their admin and fleet listeners are not named here either.',
  ]
}

/** The address that clients use. */
export function publicUrlOf({ hostName, listen }: Pick<FleetFront, 'hostName' | 'listen'>, isTls: boolean): string {
  const usual = isTls ? 443 : 80
  const host = hostName ?? (listen.host === '*' ? 'HOST' : hostPort(listen).replace(/:\d+$/, ''))
  return `${isTls ? 'https' : 'http'}://${host}${listen.port === usual ? '' : `:${listen.port}`}`
}

/** One list for the whole server: nginx inherits such lists only where there is none. */
const headers = (): string[] => [
  'proxy_set_header Upgrade $http_upgrade;',
  'proxy_set_header Connection $connection_upgrade;',
  'proxy_set_header Host $http_host;',
  'proxy_set_header X-Forwarded-For $remote_addr;',
  'proxy_set_header X-Forwarded-Proto $scheme;',
  'proxy_set_header Forwarded "";',
  'proxy_set_header X-Request-Id $request_id;',
]

function nobodyProblem(): string {
  return JSON.stringify({
    type: 'https://parley.dev/errors/NO_SEAT',
    title: 'Every seat for sessions is taken.',
    status: 503,
    detail: 'no pod behind this address can be reached now',
    code: 'NO_SEAT',
    hop: 'pod',
    retryable: true,
    retryAfterMs: NOBODY_RETRY_S * 1_000,
  })
}
