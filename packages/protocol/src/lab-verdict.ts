// What the lab found out about one process under load, as a file: written by the lab, read by the planner, by admission and by
// autoscaling. All loads are counted in `loadUnit` (sessions unless the scenario drives something else).
import { type Static, Type } from 'typebox'

const strict = { additionalProperties: false } as const

/** Version of the format; a reader refuses any other. */
export const LAB_VERDICT_FORMAT = 'parley.lab-verdict/1'

/** A number with the interval it was measured to. */
export const MeasuredSchema = Type.Object(
  {
    value: Type.Number(),
    low: Type.Number({ description: 'Lower end of the interval of the given confidence' }),
    high: Type.Number({ description: 'Upper end' }),
  },
  strict,
)
export type Measured = Static<typeof MeasuredSchema>

const load = (description: string) => Type.Union([Type.Number({ minimum: 0 }), Type.Null()], { description })

export const VerdictObjectiveSchema = Type.Object(
  {
    name: Type.String({ description: '"p95 final caption lag"' }),
    limit: Type.Number(),
    unit: Type.String({ description: 'Unit of limit and of the values in points, as the planner writes units: "ms"' }),
    comparison: Type.Union([Type.Literal('atMost'), Type.Literal('atLeast')]),
    heldUpTo: load('Greatest tested load at which it held; null when it never did'),
  },
  strict,
)

export const VerdictFitSchema = Type.Object(
  {
    resource: Type.String({ description: 'cpu, loop, memory, networkUp, networkDown, packets, sockets, descriptors' }),
    unit: Type.String({ description: 'Unit of baseline; slope is the same per unit of load: "core", "byte", "bit/s"' }),
    baseline: MeasuredSchema,
    slope: MeasuredSchema,
    points: Type.Integer({ minimum: 2, description: 'Load points the line was fitted to; one point gives no slope' }),
  },
  strict,
)

export const VerdictPointSchema = Type.Object(
  {
    offered: Type.Number({ minimum: 0 }),
    achieved: Type.Number({ minimum: 0 }),
    objectives: Type.Record(Type.String(), Type.Number(), { description: 'Objective name to measured value' }),
    resources: Type.Record(Type.String(), Type.Number(), { description: 'Resource to use, in the unit of its fit' }),
  },
  strict,
)

export const LabVerdictSchema = Type.Object(
  {
    format: Type.Literal(LAB_VERDICT_FORMAT),
    name: Type.String({ minLength: 1, maxLength: 200 }),
    measuredAt: Type.String({ description: 'ISO 8601, UTC' }),
    loadUnit: Type.String({ description: 'Singular noun that loads are counted in: "session", "call"' }),
    conditions: Type.Object(
      {
        scenario: Type.String({ description: 'Name of the scenario that was driven' }),
        machine: Type.String({ description: 'Machine class: "t3.small", "2 vCPU virtual machine"' }),
        cores: Type.Number({ exclusiveMinimum: 0 }),
        memoryBytes: Type.Number({ minimum: 0 }),
        software: Type.Record(Type.String(), Type.String(), { description: 'Name to version: parley, node, engines' }),
        holdSeconds: Type.Number({ minimum: 0, description: 'How long the knee was held to confirm it' }),
        notes: Type.Array(Type.String()),
      },
      strict,
    ),
    objectives: Type.Array(VerdictObjectiveSchema),
    knee: Type.Object(
      {
        held: load('Greatest tested load at which every objective held'),
        failed: load('Next tested load, at which one failed; null when none did'),
        failedObjectives: Type.Array(Type.String()),
      },
      strict,
    ),
    inflection: load('Load at which event-loop lag starts to climb'),
    breakingPoint: load('Load at which connections or sessions start to fail'),
    safetyRatio: Type.Number({ exclusiveMinimum: 0, maximum: 1 }),
    rated: load('knee.held x safetyRatio, in whole units of load; null without a knee'),
    bottleneck: Type.Union([
      Type.Object(
        {
          resource: Type.String(),
          utilisationRatio: Type.Number({ minimum: 0 }),
          evidence: Type.Array(Type.String(), { description: 'Sentences, strongest first' }),
        },
        strict,
      ),
      Type.Null(),
    ]),
    confidenceRatio: Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1, description: 'Of every interval: 0.95' }),
    fits: Type.Array(VerdictFitSchema, { description: 'Baseline and cost per unit of load, by resource' }),
    points: Type.Array(VerdictPointSchema),
  },
  { ...strict, $id: 'LabVerdict' },
)
export type LabVerdict = Static<typeof LabVerdictSchema>
