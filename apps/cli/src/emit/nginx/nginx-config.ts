// nginx as the balancer of stream endpoints and the front of a fleet: a plan in, its configuration out. Pure. The comments in the output are for whoever runs it.
import { fleetServer, fleetUpstreams } from './nginx-fleet.ts'
import { type Balanced, type HostPort, hostPort, type NginxPlan } from './nginx-plan.ts'
import { apart, indent, memberTlsLines, quote, time, tlsLines } from './nginx-text.ts'

const STREAM_PATHS: Readonly<Record<Balanced['role'], string>> = {
  recognise: '/v1/stream/asr',
  synthesise: '/v1/stream/tts',
}
/** Requests with a body; the first is a WebSocket too. */
const REQUEST_PATHS: Readonly<Record<Balanced['role'], readonly string[]>> = {
  recognise: ['/v1/listen', '/v1/audio/transcriptions'],
  synthesise: ['/v1/audio/speech'],
}
/** A little more than members take (25 MiB), so that it is they who refuse in words. */
const MAX_BODY_MIB = 26
/** Beside streams: health requests, and those that are being refused. */
const SPARE_CONNECTIONS = 128
const MIN_WORKER_CONNECTIONS = 1_024
const BUSY_RETRY_S = 2

/** The whole file, newline at the end. */
export function nginxConfig(plan: NginxPlan): string {
  const workerConnections = workerConnectionsOf(plan)
  const sections = [
    head(plan, workerConnections),
    'http {',
    ...indent(
      apart([
        basics(plan),
        ...plan.balanced.map((balanced, index) => upstream(balanced, index, plan)),
        ...(plan.fleet ? fleetUpstreams(plan.fleet, plan) : []),
        ...plan.balanced.map((balanced, index) => server(balanced, index, plan)),
        ...(plan.fleet ? [fleetServer(plan.fleet, plan)] : []),
        ...(plan.status ? [statusServer(plan.status)] : []),
      ]),
    ),
    '}',
  ]
  return `${sections.join('\n')}\n`
}

/** A stream takes two connections, the client's and the member's; every worker process of nginx must be able to hold them all. */
export function workerConnectionsOf({ balanced, fleet, connectionsPerMember }: NginxPlan): number {
  const members = balanced.reduce((sum, { members: { length } }) => sum + length, 0)
  const ofFleet = fleet ? fleet.pods.length * fleet.connectionsPerPod : 0
  return Math.max(MIN_WORKER_CONNECTIONS, 2 * (members * connectionsPerMember + ofFleet) + SPARE_CONNECTIONS)
}

function head({ prefix, madeBy, balanced, fleet }: NginxPlan, workerConnections: number): string {
  const at = pathIn(prefix)
  const parts = [
    fleet ? 'One host name in front of pods' : '',
    balanced.length > 0 ? 'Balancer of stream endpoints' : '',
  ]
  const what = parts.filter((part) => part !== '').join('; ')
  return `# ${what}. Made by: ${madeBy}
# Start:   nginx -p ${prefix ?? 'FOLDER'} -e stderr -c THIS_FILE    (no root needed; ${prefix ?? 'FOLDER'} holds pid, logs and temporary files)
# Reload:  the same with -s reload; stop: with -s quit
worker_processes auto;
worker_rlimit_nofile ${2 * workerConnections};
pid ${at('nginx.pid')};
error_log ${at('logs/error.log')} warn;

events {
  worker_connections ${workerConnections};
}
`
}

function basics({ prefix, idleTimeoutMs }: NginxPlan): string[] {
  const at = pathIn(prefix)
  return [
    '# Which member took a connection, how long it took it, and what it said before it was asked for (a dash: nobody answered).',
    `log_format streams '$time_iso8601 $remote_addr "$request_method $uri" $status '`,
    `                   'upstream=$upstream_addr upstream_status=$upstream_status '`,
    `                   'connect_s=$upstream_connect_time lasted_s=$request_time sent=$bytes_sent';`,
    `access_log ${at('logs/access.log')} streams;`,
    ...['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${at(`tmp/${kind}`)};`),
    'server_tokens off;',
    'tcp_nodelay on;',
    '',
    '# A plain request keeps its connection header; an upgrade hands it on.',
    'map $http_upgrade $connection_upgrade {',
    '  default upgrade;',
    "  ''      close;",
    '}',
    '',
    'proxy_http_version 1.1;',
    'proxy_set_header Upgrade $http_upgrade;',
    'proxy_set_header Connection $connection_upgrade;',
    'proxy_set_header Host $http_host;',
    'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;',
    'proxy_set_header X-Forwarded-Proto $scheme;',
    'proxy_set_header X-Request-Id $request_id;',
    '# Audio and captions are passed on as they come.',
    'proxy_buffering off;',
    'proxy_request_buffering off;',
    '# A member that is gone is found at once; one that answers is waited for. Members ask their clients every 15 s whether they are there, so',
    '# that an idle stream is never silent for long: only a member that has stopped altogether lets this run out.',
    'proxy_connect_timeout 2s;',
    `proxy_read_timeout ${time(idleTimeoutMs)};`,
    `proxy_send_timeout ${time(idleTimeoutMs)};`,
    '# Who could not be reached, or says that it takes nothing (503: loading, draining, overloaded, full), is passed over.',
    'proxy_next_upstream error timeout http_503;',
    'proxy_next_upstream_timeout 10s;',
  ]
}

function upstream({ role, members }: Balanced, index: number, plan: NginxPlan): string[] {
  const { isSticky, maxFails, failTimeoutMs, connectionsPerMember } = plan
  const limits = `max_fails=${maxFails} fail_timeout=${time(failTimeoutMs)} max_conns=${connectionsPerMember}`
  return [
    `upstream ${upstreamName(role, index)} {`,
    ...indent([
      '# Shared by all worker processes: without it each would count connections and failures on its own.',
      `zone ${upstreamName(role, index)} 128k;`,
      ...(isSticky
        ? ['# The same member for the same network (IPv4: the first three numbers of the address).', 'ip_hash;']
        : ['least_conn;']),
      ...members.map((member) => `server ${hostPort(member)} ${limits};`),
    ]),
    '}',
  ]
}

function server({ role, listen }: Balanced, index: number, plan: NginxPlan): string[] {
  const { tls, memberCaFile } = plan
  const target = `${memberCaFile === undefined ? 'http' : 'https'}://${upstreamName(role, index)}`
  return [
    'server {',
    ...indent([
      `listen ${hostPort(listen)}${tls ? ' ssl' : ''};`,
      ...tlsLines(tls),
      ...memberTlsLines(memberCaFile),
      `location = ${STREAM_PATHS[role]} {`,
      `  proxy_pass ${target};`,
      '}',
      ...REQUEST_PATHS[role].flatMap((path) => requestLocation(path, target)),
      '# Of one member, the next in turn: whether anybody answers.',
      'location = /health {',
      `  proxy_pass ${target};`,
      '}',
      'location / {',
      '  return 404;',
      '}',
      '# Nobody takes it now: the same answer as a full member gives.',
      'error_page 502 504 = @busy;',
      'location @busy {',
      '  default_type application/problem+json;',
      `  add_header Retry-After ${BUSY_RETRY_S} always;`,
      `  return 503 '${busyProblem()}';`,
      '}',
    ]),
    '}',
  ]
}

/** A recording is read here first: then another member can have it when one takes nothing, which changes nothing anywhere. */
function requestLocation(path: string, target: string): string[] {
  return [
    `location = ${path} {`,
    `  client_max_body_size ${MAX_BODY_MIB}m;`,
    '  proxy_request_buffering on;',
    '  proxy_next_upstream error timeout http_503 http_429 non_idempotent;',
    `  proxy_pass ${target};`,
    '}',
  ]
}

function busyProblem(): string {
  return JSON.stringify({
    type: 'https://parley.dev/errors/SPEECH_UNAVAILABLE',
    title: 'No speech worker is ready.',
    status: 503,
    detail: 'no member behind this balancer takes a stream now',
    code: 'SPEECH_UNAVAILABLE',
    hop: 'worker',
    retryable: true,
    retryAfterMs: BUSY_RETRY_S * 1_000,
  })
}

function statusServer(status: HostPort): string[] {
  return [
    '# How nginx itself is: connections, requests. For this machine.',
    'server {',
    ...indent([
      `listen ${hostPort(status)};`,
      'access_log off;',
      'allow 127.0.0.1;',
      'allow ::1;',
      'deny all;',
      'location = /nginx_status {',
      '  stub_status;',
      '}',
      'location = /health {',
      '  default_type application/json;',
      `  return 200 '{"status":"ok"}';`,
      '}',
      'location / {',
      '  return 404;',
      '}',
    ]),
    '}',
  ]
}

const upstreamName = (role: Balanced['role'], index: number): string => `${role}_${index}`

const pathIn =
  (prefix: string | undefined) =>
  (name: string): string =>
    prefix === undefined ? name : quote(`${prefix.replace(/\/+$/, '')}/${name}`)
