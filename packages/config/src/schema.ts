// The configuration of the platform: every key once, with its unit, default and one sentence. The example file, the docs,
// the environment names and `parley config show` are derived from this schema.
import { type Static, Type } from 'typebox'

const strict = { additionalProperties: false } as const

/** Marks a value that `config show` masks. */
const secret = { secret: true } as const

/** Marks a path: relative ones are taken from the folder of the file that names them, or from the current folder. */
const path = { path: true } as const

export const ConfigSchema = Type.Object(
  {
    server: Type.Object(
      {
        host: Type.String({
          default: '127.0.0.1',
          minLength: 1,
          description: 'Address the public listener binds; :: is every address, IPv6 and IPv4.',
        }),
        port: Type.Integer({
          default: 8080,
          minimum: 0,
          maximum: 65535,
          description: 'Port of the public listener; 0 picks a free one.',
        }),
        publicUrl: Type.String({
          default: '',
          description:
            'Address clients use, when a proxy stands in front (https://captions.example.org); empty = derived from the request.',
        }),
        allowedOrigins: Type.Array(Type.String(), {
          default: [],
          description:
            'Origins of other pages that may call, such as https://app.example.org; the own origin is always allowed.',
        }),
        trustedProxies: Type.Array(Type.String(), {
          default: [],
          description: 'Addresses or CIDR ranges whose X-Forwarded-For and -Proto are believed; nobody unless told.',
        }),
        insecure: Type.Boolean({
          default: false,
          description: 'Serve plain HTTP off loopback. Tickets and speech travel readable: only behind a TLS proxy.',
        }),
      },
      { ...strict, default: {} },
    ),
    tls: Type.Object(
      {
        mode: Type.Enum(['off', 'files', 'self-signed'], {
          default: 'off',
          description:
            'off = plain HTTP on loopback; files = certFile and keyFile; self-signed = a certificate made and kept in the data directory, for a LAN.',
        }),
        certFile: Type.String({ default: '', description: 'PEM certificate chain (mode files).', ...path }),
        keyFile: Type.String({ default: '', description: 'PEM private key (mode files).', ...path }),
      },
      { ...strict, default: {} },
    ),
    admin: Type.Object(
      {
        socket: Type.String({
          default: '',
          description:
            'Unix socket of the admin listener; empty = admin.sock in the run directory of the data directory. Ignored when admin.port is set.',
          ...path,
        }),
        host: Type.String({
          default: '127.0.0.1',
          description: 'Address the admin listener binds when admin.port is set.',
        }),
        port: Type.Integer({
          default: -1,
          minimum: -1,
          maximum: 65535,
          description: 'TCP port of the admin listener; -1 = unix socket only, 0 = a free one.',
        }),
        token: Type.String({
          default: '',
          description: 'Bearer token of the admin listener; required when admin.host is not loopback.',
          ...secret,
        }),
      },
      { ...strict, default: {} },
    ),
    data: Type.Object(
      {
        dir: Type.String({
          default: '',
          description:
            'Where keys and the run directory are kept; empty = $XDG_DATA_HOME/parley or ~/.local/share/parley.',
          ...path,
        }),
      },
      { ...strict, default: {} },
    ),
    auth: Type.Object(
      {
        apiKey: Type.String({
          default: '',
          description:
            'Key of role admin for tenant "default"; empty = one is generated at first start and kept in the data directory (mode 600).',
          ...secret,
        }),
        keys: Type.Array(
          Type.Object(
            {
              id: Type.String({
                minLength: 1,
                maxLength: 64,
                description: 'Name of the key in logs and for revoking it.',
              }),
              tenant: Type.String({ minLength: 1, maxLength: 64, description: 'Whose sessions the key may touch.' }),
              role: Type.Enum(['admin', 'backend', 'user'], {
                description:
                  'admin = everything of its tenant; backend = sessions for any user, mints user tokens; user = its own sessions.',
              }),
              sha256: Type.String({ pattern: '^[0-9a-f]{64}$', description: 'Hex SHA-256 of the key.' }),
            },
            strict,
          ),
          { default: [], description: 'Further keys, by hash.' },
        ),
      },
      { ...strict, default: {} },
    ),
    sessions: Type.Object(
      {
        seats: Type.Integer({ default: 2000, minimum: 1, maximum: 100000, description: 'Sessions this pod admits.' }),
        graceMs: Type.Integer({
          default: 60000,
          minimum: 0,
          maximum: 3600000,
          description: 'How long a session is kept for a client that lost its socket.',
        }),
        outboxBytes: Type.Integer({
          default: 262144,
          minimum: 4096,
          maximum: 16777216,
          description:
            'Unsent finals and control per connection; beyond it the connection is closed as a slow consumer.',
        }),
        audioBytes: Type.Integer({
          default: 2147483648,
          minimum: 65536,
          description: 'Audio a session may send in its life.',
        }),
        historyBytes: Type.Integer({
          default: 65536,
          minimum: 16384,
          maximum: 16777216,
          description:
            'Events of one session kept for REST and late resumes, as stored: the older ones compressed (about an hour of speech without a pause); oldest go first.',
        }),
        historyTotalBytes: Type.Integer({
          default: 67108864,
          minimum: 1048576,
          maximum: 4294967296,
          description:
            'The same for all sessions of the pod together; a session that appends beyond it gives up its own oldest.',
        }),
        watchersPerSession: Type.Integer({
          default: 200,
          minimum: 0,
          maximum: 10000,
          description: 'Watchers that may follow one session.',
        }),
      },
      { ...strict, default: {} },
    ),
    udp: Type.Object(
      {
        enabled: Type.Boolean({ default: true, description: 'Take audio as sealed UDP packets beside WebSocket.' }),
        host: Type.String({ default: '', description: 'Address the UDP socket binds; empty = server.host.' }),
        port: Type.Integer({
          default: 0,
          minimum: 0,
          maximum: 65535,
          description:
            'UDP port, one for all sessions of the pod; 0 = the number of the public listener when free, else any.',
        }),
        announcedHost: Type.String({
          default: '',
          description: 'Name or address clients are told to send to; empty = the host they connected to.',
        }),
        announcedPort: Type.Integer({
          default: 0,
          minimum: 0,
          maximum: 65535,
          description: 'Port clients are told, when an address translator stands in front; 0 = the bound one.',
        }),
        receiveBufferBytes: Type.Integer({
          default: 4194304,
          minimum: 65536,
          maximum: 268435456,
          description: 'Socket buffer asked of the kernel; an alarm tells when it grants less.',
        }),
        ringBytes: Type.Integer({
          default: 16777216,
          minimum: 1048576,
          maximum: 268435456,
          description: 'Opened packets that wait for the main loop; pages are touched only as they fill.',
        }),
        sourcePacketsPerSecond: Type.Integer({
          default: 1000,
          minimum: 10,
          maximum: 1000000,
          description:
            'Packets from one address that do not come from where their session sends; more are dropped unopened.',
        }),
      },
      { ...strict, default: {} },
    ),
    limits: Type.Object(
      {
        connections: Type.Integer({ default: 10000, minimum: 1, description: 'WebSocket connections in all.' }),
        connectionsPerAddress: Type.Integer({
          default: 200,
          minimum: 1,
          description: 'WebSocket connections from one address (IPv6: one /64).',
        }),
        streamConnections: Type.Integer({
          default: 50,
          minimum: 0,
          maximum: 10000,
          description:
            'WebSockets (of those above) and requests at the stream endpoints of a pod (/v1/stream/*, /v1/listen, /v1/audio/*); 0 = no such endpoints.',
        }),
        sessionsPerUser: Type.Integer({
          default: 50,
          minimum: 1,
          description: 'Sessions of one user at a time; keys of role backend and admin count per user they name.',
        }),
        requestsPerMinute: Type.Integer({
          default: 600,
          minimum: 1,
          description: 'REST requests from one address per minute.',
        }),
        controlMessagesPerSecond: Type.Integer({
          default: 20,
          minimum: 1,
          description: 'Text messages of one connection, on average; bursts of three times as many pass.',
        }),
        audioPaceRatio: Type.Number({
          default: 3,
          minimum: 1,
          description: 'How much faster than true pace a session may send audio, on average over ten seconds.',
        }),
      },
      { ...strict, default: {} },
    ),
    speech: Type.Object(
      {
        workers: Type.Integer({
          default: 0,
          minimum: 0,
          maximum: 64,
          description: 'Speech worker processes; 0 = one per two cores, at least one.',
        }),
        slotsPerWorker: Type.Integer({
          default: 0,
          minimum: 0,
          maximum: 256,
          description: 'Streams one worker takes; 0 = sized to the cores and memory of the machine.',
        }),
        endpointMs: Type.Integer({
          default: 300,
          minimum: 100,
          maximum: 3000,
          description: 'Silence that ends an utterance.',
        }),
        maxUtteranceMs: Type.Integer({
          default: 20000,
          minimum: 3000,
          maximum: 60000,
          description: 'Longest utterance; a longer one is cut at its quietest point of the last 3 s.',
        }),
        workerUrls: Type.Array(Type.String(), {
          default: [],
          description:
            'Speech workers started elsewhere, by the address their start prints (wss://host:port); beside the supervised ones.',
        }),
        placement: Type.Enum(['least-connections', 'sticky'], {
          default: 'least-connections',
          description:
            'Which worker a stream goes to: the one with the largest share of free slots, or, sticky, the same one for the same user while it has room.',
        }),
        workerWaitMs: Type.Integer({
          default: 30000,
          minimum: 1000,
          maximum: 600000,
          description: 'How long speech waits for a worker before it is abandoned.',
        }),
      },
      { ...strict, default: {} },
    ),
    worker: Type.Object(
      {
        roles: Type.Array(Type.Enum(['recognise', 'synthesise', 'translate', 'polish']), {
          default: ['recognise', 'synthesise', 'translate', 'polish'],
          description: 'What a speech worker does.',
        }),
        recogniseSlots: Type.Integer({
          default: 0,
          minimum: -1,
          maximum: 256,
          description: 'Streams one worker recognises; 0 = speech.slotsPerWorker, or measured at start; -1 = none.',
        }),
        synthesiseSlots: Type.Integer({
          default: 0,
          minimum: -1,
          maximum: 1024,
          description: 'Speeches one worker makes at a time; 0 = measured at start; -1 = none.',
        }),
        translateSlots: Type.Integer({
          default: 0,
          minimum: -1,
          maximum: 1024,
          description: 'Texts one worker translates at a time; 0 = 8; -1 = none.',
        }),
        polishSlots: Type.Integer({
          default: 0,
          minimum: -1,
          maximum: 1024,
          description: 'Texts one worker polishes at a time; 0 = 8; -1 = none.',
        }),
        connections: Type.Integer({
          default: 50,
          minimum: 1,
          maximum: 10000,
          description: 'WebSockets and requests one worker takes at its stream endpoints.',
        }),
        host: Type.String({
          default: '127.0.0.1',
          minLength: 1,
          description: 'Address the listener of a worker binds: links of pods, stream endpoints, health.',
        }),
        port: Type.Integer({
          default: 0,
          minimum: 0,
          maximum: 65535,
          description:
            'Port of that listener; 0 picks a free one. Under `parley up` the second worker takes the next, and so on.',
        }),
        endpoints: Type.Enum(['off', 'key', 'open'], {
          default: 'key',
          description:
            'Stream endpoints of a worker (/v1/stream/*, /v1/listen, /v1/audio/*): off; for who holds an API key; open to all that reach the port (loopback only, or behind a balancer on a private network).',
        }),
        tlsCertFile: Type.String({
          default: '',
          description: 'PEM certificate of the listener of a worker; required off loopback unless worker.insecure.',
          ...path,
        }),
        tlsKeyFile: Type.String({ default: '', description: 'PEM private key to it.', ...path }),
        tlsCaFile: Type.String({
          default: '',
          description: 'PEM certificate that pods trust for workers, beside those of the system.',
          ...path,
        }),
        insecure: Type.Boolean({
          default: false,
          description: 'Plain links off loopback: speech travels readable. Only on a private, trusted network.',
        }),
      },
      { ...strict, default: {} },
    ),
    text: Type.Object(
      {
        maxTargetLanguages: Type.Integer({
          default: 8,
          minimum: 0,
          maximum: 64,
          description: 'Languages one session is translated into at a time, whoever wants them; 0 = no translation.',
        }),
        partialWaitMs: Type.Integer({
          default: 2000,
          minimum: 0,
          maximum: 30000,
          description: 'A partial that would have to wait longer for its budget is skipped.',
        }),
        finalDeadlineMs: Type.Integer({
          default: 30000,
          minimum: 1000,
          maximum: 300000,
          description: 'When a final that could not be translated is given up.',
        }),
        maxChangedWords: Type.Integer({
          default: 4,
          minimum: 0,
          maximum: 100,
          description: 'Most words the embedded polisher may change in one utterance; more, and the raw text stands.',
        }),
        cacheBytes: Type.Integer({
          default: 16777216,
          minimum: 0,
          maximum: 4294967296,
          description:
            'Memory for translations and polished texts of a pod; the least recently used go first. 0 = none.',
        }),
        cacheMinutes: Type.Integer({
          default: 240,
          minimum: 1,
          maximum: 43200,
          description: 'How long one of them is used.',
        }),
        engines: Type.Array(
          Type.Object(
            {
              role: Type.Enum(['recognise', 'synthesise', 'translate', 'polish'], { description: 'Kind of work.' }),
              languages: Type.Optional(
                Type.Array(Type.String(), {
                  description: 'Languages (of a translation: targets) the line is about; absent = all.',
                }),
              ),
              engines: Type.Array(Type.String(), {
                minItems: 1,
                description: 'Names in order: the next is asked when one fails. Providers go by their id.',
              }),
            },
            strict,
          ),
          {
            default: [],
            description:
              'Which engine does what, first line that fits wins; else providers in the order below, then what is embedded.',
          },
        ),
      },
      { ...strict, default: {} },
    ),
    providers: Type.Array(
      Type.Object(
        {
          id: Type.String({
            pattern: '^[a-z][a-z0-9-]{0,31}$',
            description: 'Name in engine lists, budgets and metrics.',
          }),
          protocol: Type.Enum(['openai', 'deepgram'], {
            description: 'openai = chat completions, audio/speech, audio/transcriptions; deepgram = /v1/listen.',
          }),
          baseUrl: Type.String({ description: 'Such as https://api.openai.com/v1 or wss://api.deepgram.com.' }),
          apiKey: Type.Optional(Type.String({ description: 'Bearer or Token credential.', ...secret })),
          roles: Type.Array(Type.Enum(['recognise', 'synthesise', 'translate', 'polish']), {
            minItems: 1,
            description: 'What it is used for.',
          }),
          chatModel: Type.Optional(Type.String({ description: 'Model that translates and polishes.' })),
          speechModel: Type.Optional(Type.String({ description: 'Model that speaks.' })),
          voices: Type.Optional(
            Type.Array(Type.String(), { description: 'Voices it has, as name or name:language (alloy, alloy:es).' }),
          ),
          transcriptionModel: Type.Optional(Type.String({ description: 'Model that recognises.' })),
          languages: Type.Optional(Type.Array(Type.String(), { description: 'Languages it recognises; absent = en.' })),
          requestsPerMinute: Type.Optional(
            Type.Integer({ minimum: 0, description: 'Its limit; absent = none known.' }),
          ),
          tokensPerMinute: Type.Optional(Type.Integer({ minimum: 0, description: 'Its limit; absent = none known.' })),
          safetyRatio: Type.Optional(
            Type.Number({
              minimum: 0.1,
              maximum: 1,
              description: 'Share of the limits that is used; 0.9 unless told.',
            }),
          ),
          partialConcurrency: Type.Optional(
            Type.Integer({ minimum: 0, maximum: 1000, description: 'Calls for partials at a time; 5 unless told.' }),
          ),
          finalConcurrency: Type.Optional(
            Type.Integer({ minimum: 0, maximum: 1000, description: 'Calls for finals at a time; 2 unless told.' }),
          ),
          timeoutMs: Type.Optional(
            Type.Integer({ minimum: 100, maximum: 120000, description: 'One call; 10000 unless told.' }),
          ),
        },
        strict,
      ),
      { default: [], description: 'Paid or self-hosted services that speak, translate, polish or recognise.' },
    ),
    fleet: Type.Object(
      {
        pods: Type.Integer({
          default: 1,
          minimum: 1,
          maximum: 32,
          description:
            'Pods that `parley up` starts, each with a public port of its own; several need Redis and PostgreSQL.',
        }),
        redisUrl: Type.String({
          default: '',
          description:
            'Redis in which pods find each other, redis://[user][:password@]host[:port][/database] or rediss:// (TLS); empty = one pod alone, or under `parley up` with several a redis-server of its own.',
          ...secret,
        }),
        redisCaFile: Type.String({
          default: '',
          description: 'PEM certificate that is trusted for rediss://, instead of those of the system.',
          ...path,
        }),
        name: Type.String({
          default: 'main',
          pattern: '^[A-Za-z0-9-]{1,64}$',
          description: 'Name of the fleet: fleets of different names share a Redis without seeing each other.',
        }),
        placement: Type.Enum(['most-headroom', 'two-choices', 'sticky'], {
          default: 'most-headroom',
          description:
            'Which pod a session goes to: the one with most room, the better of two drawn at random, or, sticky, the same one for the same user while it has room.',
        }),
        host: Type.String({
          default: '127.0.0.1',
          minLength: 1,
          description: 'Address of the listener on which a pod takes calls of other pods; needs TLS off loopback.',
        }),
        port: Type.Integer({
          default: 0,
          minimum: 0,
          maximum: 65535,
          description:
            'Port of that listener; 0 picks a free one. Under `parley up` the second pod takes the next, and so on.',
        }),
        announcedHost: Type.String({
          default: '',
          description: 'Name or address at which other pods reach that listener; empty = fleet.host.',
        }),
      },
      { ...strict, default: {} },
    ),
    records: Type.Object(
      {
        databaseUrl: Type.String({
          default: '',
          description:
            'PostgreSQL 15 or later that holds the records (postgres://user:password@host/name); empty = a file in the data directory, which serves one pod only, or under `parley up` with several a PostgreSQL of its own.',
          ...secret,
        }),
        poolSize: Type.Integer({
          default: 10,
          minimum: 10,
          maximum: 50,
          description: 'Greatest number of connections of a member to that database.',
        }),
        archiveAfterDays: Type.Integer({
          default: 90,
          minimum: 1,
          maximum: 3650,
          description: 'Records older than this move to files in the data directory; days.',
        }),
        archiveHour: Type.Integer({
          default: 2,
          minimum: 0,
          maximum: 23,
          description: 'Hour of local time from which that is done, once a day.',
        }),
        spillBytes: Type.Integer({
          default: 268435456,
          minimum: 1048576,
          description:
            'Records that wait on disk while the database is lost; beyond it the oldest are dropped and counted.',
        }),
      },
      { ...strict, default: {} },
    ),
    log: Type.Object(
      {
        level: Type.Enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
          default: 'info',
          description: 'Least severe level written.',
        }),
        file: Type.String({
          default: '',
          description:
            'Where JSON log lines go; empty = log/parley.log in the data directory under `parley up`, log/worker.log under `parley worker`, standard error otherwise.',
          ...path,
        }),
      },
      { ...strict, default: {} },
    ),
  },
  strict,
)

/** Every key present; frozen by the resolver. Only this type travels inward. */
export type ResolvedConfig = Static<typeof ConfigSchema>
