// A real pod (HTTP, identity, sessions, limits, liveness, watchers, metrics) over speech that hears nothing and says captions at
// a steady rate: everything but the worker link.
import { rm } from 'node:fs/promises'
import { newId, systemClock } from '@parley/kernel'
import { silentLogger } from '@parley/telemetry'
import { openDataDirectory, readOrCreateApiKey } from '../../apps/pod/src/identity/data-directory.ts'
import { createIdentity } from '../../apps/pod/src/identity/identity.ts'
import { type Pod, startPod } from '../../apps/pod/src/pod.ts'
import type { PodSpeech } from '../../apps/pod/src/pod-speech.ts'
import { createPodSessions } from '../../apps/pod/src/sessions/pod-sessions.ts'
import { createNullSpeech, type NullSpeech } from '../../apps/pod/src/testing/speech/null-speech.ts'
import { createUdp } from '../../apps/pod/src/udp/create-udp.ts'
import { serveBench } from '../lib/child.ts'
import { benchConfig } from '../lib/pod-config.ts'

const NO_LINKS = {
  streams: 0,
  streamsWaiting: 0,
  keptAudioBytes: 0,
  framesLateTotal: 0,
  framesDroppedTotal: 0,
  framesExpiredTotal: 0,
  failoversTotal: 0,
  batches: 0,
  batchBytes: 0,
  stalls: 0,
  linkLosses: 0,
  linkFaults: 0,
  speeches: 0,
  speechesWaiting: 0,
  speechSlots: 0,
  speechSlotsUsed: 0,
  speechesTotal: 0,
  speechesFailedTotal: 0,
  speechSetbacksTotal: 0,
  speechAudioBytesTotal: 0,
  movedBehindTotal: 0,
  movedDrainingTotal: 0,
}

function asPodSpeech(speech: NullSpeech): PodSpeech {
  return {
    languages: () => speech.languages(),
    status: () => speech.status(),
    reserve: (language) => speech.reserve(language),
    open: (reservation, options, listener) => speech.open(reservation, options, listener),
    voices: () => [],
    speak: () => ({ grant() {}, cancel() {} }),
    close: () => speech.close(),
    setWorkers() {},
    onChange: () => () => {},
    stats: () => NO_LINKS,
    workers: () => [],
    drainWorker: () => false,
  }
}

let pod: Pod | undefined
let dataDir = ''

serveBench({
  listen: async ({ captionsPerSecond }: { captionsPerSecond: number }) => {
    const made = await benchConfig()
    const { config, pageFolder } = made
    dataDir = made.dataDir
    const clock = systemClock
    const podId = newId('pod')
    const directory = await openDataDirectory(dataDir)
    const identity = await createIdentity(clock, config.auth, directory)
    const speech = asPodSpeech(createNullSpeech({ clock, captionsPerSecond }))
    const { host: bindHost, port: preferredPort } = config.server
    const udp = await createUdp({ clock, udp: config.udp, bindHost, preferredPort, logger: silentLogger })
    const announced = () => udp.address && { host: '', port: udp.address.port }
    const sessions = createPodSessions({
      clock,
      config,
      podId,
      speech,
      tokens: identity.tokens,
      logger: silentLogger,
      udp: { port: udp, announced },
    })
    pod = await startPod({
      clock,
      config,
      podId,
      sessions,
      speech,
      udp,
      identity,
      directory,
      pageFolder,
      logger: silentLogger,
    })
    return { url: pod.url, apiKey: await readOrCreateApiKey(directory) }
  },
  counts: () => pod?.health(),
  stop: async () => {
    await pod?.stop()
    await rm(dataDir, { recursive: true, force: true })
  },
})
