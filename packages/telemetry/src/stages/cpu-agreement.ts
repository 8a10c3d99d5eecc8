// Whether the loop's busy time and the CPU time of its thread tell the same story, and in words what it means when they do not. Pure.

export type AgreementVerdict =
  /** Busy time is computing time. */
  | 'agrees'
  /** Busy, but queued for a core: the machine has more to run than cores. */
  | 'waits_for_cpu'
  /** Busy, but neither computing nor queued: blocked in system calls, or the hypervisor took the core. */
  | 'not_computing'
  /** More computing than busy time: being woken costs the kernel time that the loop does not see. */
  | 'cpu_beyond_loop'

export interface Agreement {
  readonly loopActiveRatio: number
  /** CPU time of the loop's thread. */
  readonly cpuRatio: number
  /** Time its thread was ready to run and had no core; undefined where the system does not tell. */
  readonly waitingRatio: number | undefined
  /** loopActiveRatio - cpuRatio. */
  readonly differenceRatio: number
  readonly verdict: AgreementVerdict
  readonly meaning: string
}

/** Differences below are noise: this much of a core, or this share of the greater figure. */
const TOLERATED_RATIO = 0.03
const TOLERATED_SHARE = 0.15

export interface AgreementFigures {
  readonly loopActiveRatio: number
  readonly cpuRatio: number
  readonly waitingRatio?: number | undefined
}

export function judgeAgreement({ loopActiveRatio, cpuRatio, waitingRatio }: AgreementFigures): Agreement {
  const differenceRatio = loopActiveRatio - cpuRatio
  const verdict = verdictOf(differenceRatio, Math.max(loopActiveRatio, cpuRatio), waitingRatio)
  const meaning = meaningOf(verdict, differenceRatio, waitingRatio)
  return { loopActiveRatio, cpuRatio, waitingRatio, differenceRatio, verdict, meaning }
}

function verdictOf(differenceRatio: number, greater: number, waitingRatio: number | undefined): AgreementVerdict {
  if (Math.abs(differenceRatio) <= Math.max(TOLERATED_RATIO, TOLERATED_SHARE * greater)) return 'agrees'
  if (differenceRatio < 0) return 'cpu_beyond_loop'
  return (waitingRatio ?? 0) >= differenceRatio / 2 ? 'waits_for_cpu' : 'not_computing'
}

function meaningOf(verdict: AgreementVerdict, differenceRatio: number, waitingRatio: number | undefined): string {
  const gap = `${Math.abs(differenceRatio * 100).toFixed(0)} % of a core`
  switch (verdict) {
    case 'agrees':
      return 'busy time and CPU time agree'
    case 'waits_for_cpu':
      return `the loop is busy ${gap} longer than it computes and queues for a core: the machine is overcommitted`
    case 'not_computing':
      return waitingRatio === undefined
        ? `the loop is busy ${gap} longer than it computes: the machine is overcommitted, or the loop waits in system calls`
        : `the loop is busy ${gap} longer than it computes, not for want of a core of this system: it waits in system calls, or the host took the core`
    case 'cpu_beyond_loop':
      return `the thread computes ${gap} more than the loop is busy: waking it costs the kernel that much, or the CPU time is wrong (virtual machine)`
  }
}
