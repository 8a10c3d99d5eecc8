// The traffic that is measured: some mixes to learn the costs from, others, unlike them, to predict.

export interface Mix {
  readonly sessions: number
  readonly audio: 'ws' | 'udp'
  readonly frameMs: 20 | 40 | 60
  readonly payloadBytes: number
  /** Per session and second; each goes to the client and one watcher. */
  readonly captionsPerSecond: number
}

const ws = (sessions: number, captionsPerSecond: number, frameMs: Mix['frameMs'] = 20, payloadBytes = 60): Mix => ({
  sessions,
  audio: 'ws',
  frameMs,
  payloadBytes,
  captionsPerSecond,
})
const udp = (sessions: number, captionsPerSecond: number, frameMs: Mix['frameMs'] = 20, payloadBytes = 60): Mix => ({
  ...ws(sessions, captionsPerSecond, frameMs, payloadBytes),
  audio: 'udp',
})

export const LEARNT: readonly Mix[] = [
  ws(10, 3),
  ws(200, 3),
  udp(100, 3),
  ws(100, 20, 60),
  udp(400, 3),
  ws(400, 1, 40),
  udp(200, 12, 40),
  ws(300, 0),
  ws(150, 3, 60, 400),
  udp(300, 1, 20, 400),
]
export const UNSEEN: readonly Mix[] = [ws(150, 6, 40), udp(300, 5, 60), ws(250, 2), udp(600, 2)]
export const QUICK_LEARNT: readonly Mix[] = [
  ws(20, 3),
  ws(200, 3),
  udp(100, 3),
  udp(300, 3),
  ws(100, 10, 60),
  udp(100, 12, 40),
]
export const QUICK_UNSEEN: readonly Mix[] = [ws(120, 5, 40), udp(200, 5)]

export const mixName = ({ sessions, audio, frameMs, payloadBytes, captionsPerSecond }: Mix): string =>
  `${sessions} ${audio}, ${Math.round(1000 / frameMs)} x ${payloadBytes} B/s, ${captionsPerSecond} captions/s`
