// The engines of the worker as it is shipped, by what its configuration says: PocketSphinx, flite, espeak-ng,
// providers, and how many streams each takes.

import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseWav } from '@parley/audio'
import type { ResolvedConfig } from '@parley/config'
import { type Clock, withDeadline } from '@parley/kernel'
import { ProviderClients } from '@parley/providers'
import {
  createEspeakSynthesiser,
  createFliteSynthesiser,
  MAX_SPEECHES_PER_CORE,
  type MachineRoom,
  machineRoom,
  measureSynthesis,
  PocketSphinxRecogniser,
  RecogniserSet,
  SynthesiserSet,
} from '@parley/speech'
import type { Logger } from '@parley/telemetry'
import { engineOrder } from './engine-order.ts'
import { shareOf } from './machine-share.ts'
import type { WorkerParts } from './process.ts'
import { providerRecognisers, providerSynthesisers } from './provider-speech.ts'
import { SelfSizing, type SizedRole } from './self-sizing.ts'
import { recogniseSlots, synthesiseSlots, toldSlots } from './slot-plan.ts'

/** Speech of known pace, of which MEASURED_MS are listened to. */
const SAMPLE_FILE = fileURLToPath(new URL('../../../samples/hello.wav', import.meta.url))
const MEASURED_MS = 3_000
const SYNTHESIS_MEASURE_LIMIT_MS = 10_000
/** Threads of the pool that are not for decoders. */
const OTHER_THREADS = 4

export interface EngineOptions {
  readonly config: ResolvedConfig
  readonly clock: Clock
  readonly logger: Logger
  /** Part of the machine that is this worker's, (0..1]; shared evenly with the workers there are unless told. */
  readonly machineShare: number | undefined
}

export async function createEngines(options: EngineOptions): Promise<WorkerParts> {
  const room = await machineRoom()
  const clients = new ProviderClients({ clock: options.clock, providers: options.config.providers })
  const recognition = await createRecognition(options, room, clients)
  const synthesis = await createSynthesis(options, room, clients)
  const texts = await createTexts({ ...options, clients })
  const sized = [recognition?.sized, synthesis?.sized].flatMap((role) => (role ? [role] : []))
  return {
    recogniser: recognition?.recogniser,
    synthesiser: synthesis?.synthesiser,
    texts: texts.parts,
    slots: {
      ...texts.slots,
      ...(recognition ? { recognise: recognition.slots } : {}),
      ...(synthesis ? { synthesise: synthesis.slots } : {}),
    },
    sizing: new SelfSizing(options.clock, options.logger, sized),
  }
}

/** A worker that does nothing with texts does not load what it takes: a third of a second of its start, and memory. */
async function createTexts(options: EngineOptions & { readonly clients: ProviderClients }) {
  const isNeeded = options.config.worker.roles.some((role) => role === 'translate' || role === 'polish')
  if (!isNeeded) return { parts: undefined, slots: {} }
  const { createTextEngines } = await import('./text-engines.ts')
  return await createTextEngines(options)
}

/** Undefined when this worker does not recognise. */
async function createRecognition(
  { config, clock, machineShare }: EngineOptions,
  room: MachineRoom,
  clients: ProviderClients,
) {
  const { recogniseSlots: wanted, roles } = config.worker
  const { slotsPerWorker, endpointMs, maxUtteranceMs } = config.speech
  const told =
    wanted === 0 && slotsPerWorker > 0
      ? toldSlots('speech.slotsPerWorker', slotsPerWorker)
      : toldSlots('worker.recogniseSlots', wanted)
  if (!roles.includes('recognise') || told === undefined) return undefined
  const share = () => shareOf('recognise', machineShare)
  const maxSlots = poolThreads() - OTHER_THREADS
  const slotRoom = { room, maxSlots }
  const slots =
    told === 'to be found' ? recogniseSlots({ ...slotRoom, share: await share(), realTimeFactor: undefined }) : told
  const endpointing = { endpointMs, maxUtteranceMs }
  const embedded = new PocketSphinxRecogniser({ clock, slots: slots.slots, endpointing })
  const hosted = providerRecognisers({ clock, config, clients, endpointing })
  const order = engineOrder(config.text.engines, 'recognise')
  const most = told === 'to be found' ? undefined : told.slots
  const recogniser =
    hosted.length === 0 ? embedded : new RecogniserSet({ clock, engines: [...hosted, embedded], order, slots: most })
  const sized: SizedRole = {
    role: 'recognise',
    first: slots,
    isReady: () => embedded.status().ready,
    isIdle: () => embedded.status().slotsUsed === 0,
    measure: async () => embedded.measure(await sampleSpeech()),
    share,
    plan: (realTimeFactor, part) => recogniseSlots({ ...slotRoom, share: part, realTimeFactor }),
    apply: (count) => embedded.setSlots(count),
  }
  return { recogniser, slots, sized: told === 'to be found' ? sized : undefined }
}

/** Undefined when this worker does not speak. */
async function createSynthesis(
  { config, clock, machineShare }: EngineOptions,
  room: MachineRoom,
  clients: ProviderClients,
) {
  const { synthesiseSlots: wanted, roles } = config.worker
  const told = toldSlots('worker.synthesiseSlots', wanted)
  if (!roles.includes('synthesise') || told === undefined) return undefined
  const share = () => shareOf('synthesise', machineShare)
  const maxSlots = Math.max(1, availableParallelism()) * MAX_SPEECHES_PER_CORE
  const slotRoom = { room, maxSlots }
  const slots =
    told === 'to be found' ? synthesiseSlots({ ...slotRoom, share: await share(), realTimeFactor: undefined }) : told
  const most = { clock, slots: Math.max(maxSlots, slots.slots) }
  const embedded = [createFliteSynthesiser(most), createEspeakSynthesiser(most)]
  const hosted = providerSynthesisers({ ...most, config, clients })
  const order = engineOrder(config.text.engines, 'synthesise')
  const synthesiser = new SynthesiserSet({ engines: [...hosted, ...embedded], slots: slots.slots, order })
  // What this machine can do is measured by what runs on it, and costs nothing.
  const own = new SynthesiserSet({ engines: embedded, slots: slots.slots })
  const sized: SizedRole = {
    role: 'synthesise',
    first: slots,
    isReady: () => own.status().ready,
    isIdle: () => synthesiser.status().slotsUsed === 0,
    async measure() {
      const measuring = measureSynthesis(own, clock)
      return (await withDeadline(clock, SYNTHESIS_MEASURE_LIMIT_MS, 'measuring synthesis', measuring))?.realTimeFactor
    },
    share,
    plan: (realTimeFactor, part) => synthesiseSlots({ ...slotRoom, share: part, realTimeFactor }),
    apply: (count) => synthesiser.resize(count),
  }
  return { synthesiser, slots, sized: told === 'to be found' ? sized : undefined }
}

/** As libuv reads it. */
function poolThreads(): number {
  const size = process.env.UV_THREADPOOL_SIZE
  return size === undefined ? OTHER_THREADS + 1 : Math.max(OTHER_THREADS + 1, Number.parseInt(size, 10) || 1)
}

async function sampleSpeech(): Promise<Int16Array> {
  const wav = parseWav(new Uint8Array(await readFile(SAMPLE_FILE)))
  if (!wav.ok) throw new Error(`${SAMPLE_FILE}: ${wav.error.message}`)
  return wav.value.samples.subarray(0, (MEASURED_MS * wav.value.sampleRateHz) / 1000)
}
