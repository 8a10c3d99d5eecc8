// A speech worker as a process of its own, with stream endpoints over engines that spell: what a balancer is tried on. Arguments: port, and
// how often it asks its clients whether they are there, ms. SIGUSR2 drains it, and the next one takes that back.
import { ok, systemClock } from '@parley/kernel'
import { ScriptedSynthesiser } from '@parley/speech/testing'
import { silentLogger } from '@parley/telemetry'
import { mountStreamEndpoints } from '../../apps/worker/src/bridges/mount-stream-endpoints.ts'
import { createWorker } from '../../apps/worker/src/compose.ts'
import { SpellingRecogniser } from '../../apps/worker/src/testing/spelling-recogniser.ts'

const [port = '0', pingEveryMs = '15000', maxConnections = '50'] = process.argv.slice(2)

const worker = createWorker({
  clock: systemClock,
  logger: silentLogger,
  recogniser: new SpellingRecogniser(systemClock, { slots: 100 }),
  synthesiser: new ScriptedSynthesiser({ clock: systemClock, slots: 100 }),
  fleetSecret: 'a-fleet-secret-for-tests-0123456789',
  port: Number(port),
  endpoints: mountStreamEndpoints({
    authorise: async () => ok(undefined),
    maxConnections: Number(maxConnections),
    allowedOrigins: [],
    pingEveryMs: Number(pingEveryMs),
  }),
})
let isDraining = false
process.on('SIGUSR2', () => {
  isDraining = !isDraining
  if (isDraining) worker.drain()
  else worker.undrain()
  process.stdout.write(`${isDraining ? 'draining' : 'ready'}\n`)
})
process.on('SIGTERM', () => void worker.close().then(() => process.exit(0)))
process.stdout.write(`${await worker.start()}\n`)
