// Every pod of a platform beside the one that `parley top` shows in full: a line each. Pure.
import { type Style, table } from '../output/index.ts'
import type { PodLine } from './snapshot.ts'

const HEADINGS = ['pod', 'state', 'sessions', 'loop %', 'p99 ms', 'frames/s', 'MiB', 'address'] as const
const BYTES_PER_MIB = 1_048_576

/** Nothing for a platform of one pod. */
export function podLines(pods: readonly PodLine[], shownUrl: string, style: Style): string[] {
  if (pods.length < 2) return []
  const rows = pods.map(({ name, url, snapshot }) => {
    const title = url === shownUrl ? style.bold(`${name} *`) : name
    if (!snapshot) return [title, style.red('no answer'), '-', '-', '-', '-', '-', url]
    const { sessions, loop, memory, isReady, failing } = snapshot
    const state = isReady ? style.green('ready') : style.yellow(failing.join(', ') || 'not ready')
    return [
      title,
      state,
      `${sessions.opening + sessions.active + sessions.suspended}/${sessions.seats}`,
      String(Math.round(loop.utilisationRatio * 100)),
      loop.delayP99Ms.toFixed(1),
      String(Math.round(snapshot.audioFramesPerSecond)),
      String(Math.round(memory.rssBytes / BYTES_PER_MIB)),
      url,
    ]
  })
  return [...table([HEADINGS.map((heading) => style.dim(heading)), ...rows]), '']
}
