// Judges what was found: present or not, what it enables, the one command that mends it. Pure.
import type { Facts, PackageFact } from './facts.ts'

export type CheckStatus = 'ok' | 'warning' | 'missing'

export interface Check {
  readonly id: string
  readonly status: CheckStatus
  /** Whether captions can be served at all without it. */
  readonly required: boolean
  readonly found: string
  readonly enables: string
  /** The one command that mends it; absent when there is nothing to mend. */
  readonly fix?: string
}

const MIB = 1 << 20
const GIB = 1 << 30
/** 202 ms of stall at 50,000 packets/s. */
export const WANTED_RECEIVE_BUFFER_BYTES = 4 * MIB
/** A seat costs a socket, and a thousand seats are what one process is built for. */
export const WANTED_OPEN_FILES = 4_096
const WANTED_FREE_DISK_BYTES = GIB
/** Pod, one worker with a language model, and room to breathe. */
const WANTED_MEMORY_BYTES = 1.5 * GIB

const size = (bytes: number): string =>
  bytes >= GIB ? `${(bytes / GIB).toFixed(1)} GiB` : `${Math.round(bytes / MIB)} MiB`

/** The command as this user types it. */
const asRoot = (facts: Facts, command: string): string => (facts.isRoot ? command : `sudo ${command}`)

const apt = (facts: Facts, names: readonly string[]): string =>
  asRoot(facts, `apt-get install -y --no-install-recommends ${names.join(' ')}`)

interface Judgement {
  readonly id: string
  readonly required?: boolean
  readonly enables: string
  readonly isOk: boolean
  readonly found: string
  readonly fix?: string
}

function judge({ id, required = false, enables, isOk, found, fix }: Judgement): Check {
  const status = isOk ? 'ok' : required ? 'missing' : 'warning'
  return { id, status, required, found, enables, ...(isOk || fix === undefined ? {} : { fix }) }
}

function engine(facts: Facts, id: string, names: readonly string[], isThere: boolean, enables: string): Check {
  const wanted = facts.packages.filter((entry) => names.includes(entry.name))
  const lacking = wanted.filter((entry) => entry.isInstalled === false).map((entry) => entry.name)
  const hasDpkg = wanted.some((entry) => entry.isInstalled !== undefined)
  const found = isThere ? 'installed' : `not installed${lacking.length > 0 ? `: ${lacking.join(', ')}` : ''}`
  const fix = hasDpkg
    ? apt(facts, lacking.length > 0 ? lacking : names)
    : `install ${names.join(' and ')} (Debian's names) with this system's packages`
  return judge({ id, required: id === 'pocketsphinx', enables, isOk: isThere, found, fix })
}

const nodeCheck = (facts: Facts): Check => {
  const isRight = facts.nodeVersion.startsWith('24.')
  const pinned = facts.runsPinned
    ? 'the pinned one'
    : `not the pinned ${facts.pinnedVersion ?? 'one: none for this system'}`
  return judge({
    id: 'node',
    required: true,
    enables: 'everything',
    isOk: isRight,
    found: `${facts.nodeVersion}, ${pinned}`,
    fix: './parley up --yes',
  })
}

const npmCheck = (facts: Facts): Check =>
  judge({
    id: 'npm-packages',
    required: true,
    enables: 'everything; the full set also ./parley test, check and bench',
    isOk: facts.npmSet !== 'none',
    found: facts.npmSet === 'none' ? 'incomplete or out of date' : `${facts.npmSet} set`,
    fix: './parley up --yes',
  })

const portCheck = (facts: Facts): Check =>
  judge({
    id: 'port',
    required: true,
    enables: `./parley up on ${facts.host}:${facts.port}`,
    isOk: facts.portProblem === undefined || facts.portIsOurs,
    found: facts.portIsOurs
      ? `${facts.port}: a platform of yours serves there`
      : (facts.portProblem ?? `${facts.port} is free`),
    fix: './parley up --port 0',
  })

function openFilesCheck(facts: Facts): Check {
  const { openFiles } = facts
  const soft = openFiles?.soft ?? Number.POSITIVE_INFINITY
  const hard = openFiles?.hard ?? Number.POSITIVE_INFINITY
  const shown = (count: number) => (count === Number.POSITIVE_INFINITY ? 'unlimited' : String(count))
  return judge({
    id: 'open-files',
    enables: `one connection each; ${WANTED_OPEN_FILES} for a pod at its default seats`,
    // Node raises the soft limit to the hard one by itself: the hard one is what counts.
    isOk: hard >= WANTED_OPEN_FILES,
    found: openFiles === undefined ? 'unknown' : `soft ${shown(soft)}, hard ${shown(hard)}`,
    fix: asRoot(facts, `prlimit --pid $$ --nofile=${WANTED_OPEN_FILES}:${WANTED_OPEN_FILES}`),
  })
}

function memoryCheck({ cgroup, machine }: Facts): Check {
  const bytes = Math.min(cgroup.memoryBytes, machine.memoryBytes)
  const limit = cgroup.memoryBytes < machine.memoryBytes ? 'limited by its cgroup' : 'no cgroup limit'
  return judge({
    id: 'memory',
    enables: 'speech workers: a language model and decoders each',
    isOk: bytes >= WANTED_MEMORY_BYTES,
    found: `${size(bytes)}, ${limit}`,
    fix: './parley up --workers 1 --set speech.slotsPerWorker=1',
  })
}

function cpuCheck({ cgroup, machine }: Facts): Check {
  const cores = Math.min(cgroup.cores, machine.cores)
  const limit = cgroup.cores < machine.cores ? `of ${machine.cores}, limited by its cgroup` : 'no cgroup limit'
  return judge({
    id: 'cpu',
    enables: 'live captions: about a third of a core per speaker',
    isOk: cores >= 1,
    found: `${Math.round(cores * 100) / 100} cores, ${limit}`,
    fix: './parley up --workers 1 --set speech.slotsPerWorker=1',
  })
}

function receiveBufferCheck(facts: Facts): Check {
  const bytes = facts.receiveBufferMaxBytes
  return judge({
    id: 'socket-buffer',
    enables: 'audio by UDP that outlives a pause of 100 ms (not needed for audio by WebSocket)',
    isOk: bytes === undefined || bytes >= WANTED_RECEIVE_BUFFER_BYTES,
    found: bytes === undefined ? 'unknown' : `net.core.rmem_max ${size(bytes)}`,
    fix: asRoot(facts, `sysctl -w net.core.rmem_max=${WANTED_RECEIVE_BUFFER_BYTES}`),
  })
}

const dataDirCheck = ({ dataDir, dataDirProblem }: Facts): Check =>
  judge({
    id: 'data-dir',
    required: true,
    enables: 'keys, certificates, logs',
    isOk: dataDirProblem === undefined,
    found: dataDirProblem === undefined ? `${dataDir} is writable` : `${dataDir}: ${dataDirProblem}`,
    fix: './parley up --data-dir ./data',
  })

const diskCheck = ({ freeDiskBytes: bytes, dataDir }: Facts): Check =>
  judge({
    id: 'disk',
    enables: 'logs and packages',
    isOk: bytes === undefined || bytes >= WANTED_FREE_DISK_BYTES,
    found: bytes === undefined ? 'unknown' : `${size(bytes)} free`,
    fix: `du -xh --max-depth=1 ${dataDir}`,
  })

const chromiumCheck = (facts: Facts): Check =>
  judge({
    id: 'chromium',
    enables: "the page's tests (./parley test); not needed to serve",
    isOk: facts.chromium !== undefined,
    found: facts.chromium ?? 'not installed',
    fix: facts.packages.some((entry: PackageFact) => entry.isInstalled !== undefined)
      ? apt(facts, ['chromium'])
      : "install chromium with this system's packages",
  })

const pageCheck = ({ isPageBuilt }: Facts): Check =>
  judge({
    id: 'page',
    enables: 'captions in a browser; built at the next start',
    isOk: isPageBuilt,
    found: isPageBuilt ? 'built' : 'not built yet',
    fix: './parley up',
  })

/** Whatever pairs there are will do; which are lacking of those that come with Parley is told all the same. */
function translationCheck(facts: Facts): Check {
  const packages = facts.packages.filter(({ name, set }) => set === 'runtime' && name.startsWith('apertium'))
  const { translationModes: modes } = facts
  const names = packages.map(({ name }) => name)
  const check = engine(facts, 'translation', names, modes.length > 0, 'translation (embedded engine)')
  if (modes.length === 0) return check
  const lacking = packages.filter(({ isInstalled }) => isInstalled === false).map(({ name }) => name)
  const rest = lacking.length === 0 ? '' : `; not installed: ${lacking.join(', ')}`
  return { ...check, found: `${modes.length} direction${modes.length === 1 ? '' : 's'} (${modes.join(', ')})${rest}` }
}

/** Comes with the npm packages. */
const polishCheck = ({ npmSet }: Facts): Check =>
  judge({
    id: 'polish',
    enables: 'grammar of English captions (harper)',
    isOk: npmSet !== 'none',
    found: npmSet === 'none' ? 'not installed' : 'installed',
    fix: './parley up --yes',
  })

/** Every check, in the order a person would mend them. */
export function evaluate(facts: Facts): Check[] {
  const { pocketsphinx, model, lc3 } = facts.libraries
  const recognition = 'speech recognition in English (embedded engine)'
  return [
    nodeCheck(facts),
    npmCheck(facts),
    engine(facts, 'pocketsphinx', ['libpocketsphinx3', 'pocketsphinx-en-us'], pocketsphinx && model, recognition),
    engine(facts, 'espeak', ['espeak-ng'], facts.espeak !== undefined, 'speech in languages other than English'),
    engine(facts, 'lc3', ['liblc3-0'], lc3, 'LC3 audio of glasses and earbuds'),
    translationCheck(facts),
    polishCheck(facts),
    engine(facts, 'redis', ['redis-server'], facts.redis !== undefined, 'several pods: ./parley up --pods 2'),
    engine(facts, 'postgres', ['postgresql-15'], facts.postgres !== undefined, 'records of several pods'),
    portCheck(facts),
    dataDirCheck(facts),
    pageCheck(facts),
    cpuCheck(facts),
    memoryCheck(facts),
    openFilesCheck(facts),
    receiveBufferCheck(facts),
    diskCheck(facts),
    chromiumCheck(facts),
  ]
}

/** Whether everything that serving needs is there. */
export const isHealthy = (checks: readonly Check[]): boolean => checks.every((check) => check.status !== 'missing')
