// Leaves the voices out of a load report when a pod has them already: 130 of them are 10 kB, each second, to each pod.
import type { VoiceInfo } from '@parley/protocol'
import type { LoadReport } from './load-meter.ts'

export class VoicesTold {
  #told: readonly VoiceInfo[] | undefined
  #mayLeaveOut = false

  /** `isKept`: the pod takes a report without voices to mean that they have not changed. One of an earlier version would forget them. */
  mayLeaveOut(isKept: boolean): void {
    this.#mayLeaveOut = isKept
  }

  /** `report` as it is to be sent next. */
  reportFor(report: LoadReport): LoadReport {
    const { voices, ...rest } = report
    if (!this.#mayLeaveOut || voices === undefined) return report
    if (this.#told && areSame(this.#told, voices)) return rest
    this.#told = voices
    return report
  }
}

function areSame(some: readonly VoiceInfo[], others: readonly VoiceInfo[]): boolean {
  if (some === others) return true
  if (some.length !== others.length) return false
  return some.every((voice, at) => {
    const { name, language, engine } = others[at] as VoiceInfo
    return voice.name === name && voice.language === language && voice.engine === engine
  })
}
