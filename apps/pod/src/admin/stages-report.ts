// Where the loop's time goes, as the health report tells it. Pure: a reading in, JSON out.
import { STAGES, type Stage, type StagesReading } from '@parley/telemetry'

export function stagesReport(reading: StagesReading) {
  const { agreement } = reading
  return {
    windowMs: Math.round(reading.windowMs),
    sessions: round(reading.sessions, 1),
    loopActiveRatio: round(reading.loopActiveRatio, 4),
    explainedRatio: round(reading.explainedRatio, 3),
    machineFactor: round(reading.machineFactor, 3),
    turnsPerSecond: Math.round(reading.turnsPerSecond),
    baselineRatio: maybe(reading.baselineRatio, 4),
    byStage: Object.fromEntries(STAGES.map((stage) => [stage, stageReport(reading, stage)])) as Record<
      Stage,
      ReturnType<typeof stageReport>
    >,
    usPerSessionSecond: maybe(reading.usPerSessionSecond, 1),
    cpuUsPerSessionSecond: maybe(reading.cpuUsPerSessionSecond, 1),
    headroom: {
      ceilingRatio: reading.ceilingRatio,
      headroomRatio: round(reading.headroomRatio, 3),
      sessionsThatFit: reading.sessionsThatFit ?? null,
    },
    agreement: {
      loopActiveRatio: round(agreement.loopActiveRatio, 4),
      cpuRatio: round(agreement.cpuRatio, 4),
      waitingRatio: maybe(agreement.waitingRatio, 4),
      differenceRatio: round(agreement.differenceRatio, 4),
      verdict: agreement.verdict,
      meaning: agreement.meaning,
    },
  }
}

function stageReport({ stages }: StagesReading, stage: Stage) {
  const { loopRatio, handlerRatio, usPerSessionSecond, eventsPerSecond } = stages[stage]
  return {
    loopRatio: round(loopRatio, 5),
    handlerRatio: round(handlerRatio, 5),
    usPerSessionSecond: maybe(usPerSessionSecond, 2),
    eventsPerSecond: round(eventsPerSecond, 1),
  }
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}

/** JSON has no undefined: what is not known is null. */
function maybe(value: number | undefined, digits: number): number | null {
  return value === undefined ? null : round(value, digits)
}
