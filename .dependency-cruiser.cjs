// Layers and cycles. Reading order of the layers: kernel <- protocol, telemetry, config <- audio <- speech | fleet |
// sessions | stream-endpoints <- apps; client stands beside the domain packages. A planted violation is caught by layers.test.ts.
const layer = (name, comment, from, forbidden) => ({
  name,
  comment,
  severity: 'error',
  from: { path: `^packages/(${from})/` },
  to: { path: `^(packages/(${forbidden})|apps)/` },
})

const DOMAIN = 'speech|text|fleet|sessions|placement|planner|stream-endpoints|providers|store'

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    layer(
      'kernel-imports-nothing',
      'kernel has no domain word in it',
      'kernel',
      `protocol|telemetry|config|sealing|audio|client|lab|${DOMAIN}`,
    ),
    layer(
      'second-layer',
      'protocol, telemetry and config import only kernel',
      'protocol',
      `telemetry|config|sealing|audio|client|lab|${DOMAIN}`,
    ),
    layer(
      'telemetry-layer',
      'protocol, telemetry and config import only kernel',
      'telemetry',
      `protocol|config|sealing|audio|client|lab|${DOMAIN}`,
    ),
    layer(
      'config-layer',
      'protocol, telemetry and config import only kernel',
      'config',
      `protocol|telemetry|sealing|audio|client|lab|${DOMAIN}`,
    ),
    layer('audio-layer', 'audio imports kernel and protocol', 'audio', `telemetry|config|sealing|client|lab|${DOMAIN}`),
    layer(
      'sealing-layer',
      'sealing imports kernel and protocol',
      'sealing',
      `telemetry|config|audio|client|lab|${DOMAIN}`,
    ),
    layer(
      'client-layer',
      'the client imports kernel, protocol, audio and sealing',
      'client',
      `telemetry|config|lab|${DOMAIN}`,
    ),
    layer(
      'lab-layer',
      'the lab drives the platform from outside, through the client',
      'lab',
      'telemetry|config|speech|fleet|sessions|stream-endpoints|store',
    ),
    layer(
      'speech-sideways',
      'domain packages meet in an app',
      'speech',
      'config|client|lab|sealing|fleet|sessions|placement|stream-endpoints|store',
    ),
    layer(
      'fleet-sideways',
      'domain packages meet in an app',
      'fleet',
      'config|client|lab|sealing|audio|speech|sessions|stream-endpoints|store',
    ),
    layer(
      'sessions-sideways',
      'domain packages meet in an app',
      'sessions',
      'config|client|lab|sealing|audio|speech|text|providers|fleet|placement|stream-endpoints|store',
    ),
    layer(
      'stream-endpoints-sideways',
      'domain packages meet in an app: what the endpoints need of speech is a port of their own',
      'stream-endpoints',
      'config|client|lab|sealing|speech|fleet|sessions|placement|store',
    ),
    layer(
      'store-sideways',
      'domain packages meet in an app: records know nothing of who makes them',
      'store',
      'config|client|lab|sealing|audio|speech|text|providers|fleet|sessions|placement|planner|stream-endpoints',
    ),
    layer(
      'placement-layer',
      'placement is arithmetic: it imports only kernel',
      'placement',
      'protocol|telemetry|config|sealing|audio|client|lab|speech|fleet|sessions|planner|stream-endpoints|store',
    ),
    layer(
      'planner-layer',
      'the planner is arithmetic: it imports only kernel and protocol',
      'planner',
      'telemetry|config|sealing|audio|client|lab|speech|fleet|sessions|placement|stream-endpoints|store',
    ),
    layer(
      'providers-layer',
      'clients of provider protocols know neither engines nor sessions: they import only kernel and protocol',
      'providers',
      'telemetry|config|sealing|audio|client|lab|speech|text|fleet|sessions|placement|stream-endpoints|store',
    ),
    {
      name: 'apps-apart',
      comment: 'apps do not import each other: they are processes and talk over wires',
      severity: 'error',
      from: { path: '^apps/([^/]+)/', pathNot: '\\.test\\.ts$|/testing/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'no-testing-in-product',
      comment: 'fakes are for tests',
      severity: 'error',
      from: { path: '^(packages|apps)/', pathNot: '\\.test\\.ts$|/testing/|/e2e/|\\.bench\\.ts$' },
      to: { path: '/testing/' },
    },
    {
      name: 'one-door',
      comment: 'a package is entered through its index (or the other doors its package.json names)',
      severity: 'error',
      from: { path: '^(packages/[^/]+|apps|benchmarks|tests|scripts)/' },
      to: {
        path: '^packages/[^/]+/src/',
        pathNot: [
          '^$1/',
          '^packages/[^/]+/src/(index|codecs|redis|(codecs|engines|flite|fake|testing|browser|core|render)/index).ts$',
          // Doors for threads, and for the start of `up`, which pay for every module they load.
          '^packages/(protocol/src/(audio-frame|udp-packet)|audio/src/reorder|store/src/postgres/postgres-server)\\.ts$',
        ],
      },
    },
    {
      name: 'declared-dependencies',
      comment:
        'a package uses only what its package.json names; what builds it for publishing uses tools of the project',
      severity: 'error',
      from: { path: '^(packages|apps)/', pathNot: '\\.test\\.ts$|/testing/|/e2e/|/build(-types)?\\.ts$' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'unknown', 'undetermined'], pathNot: '^packages/|\\.wav' },
    },
    {
      name: 'resolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '\\.wav(\\?url)?$|^virtual:' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
      extensions: ['.ts', '.tsx', '.mjs', '.cjs', '.js', '.json'],
      mainFields: ['module', 'main', 'types'],
    },
  },
}
