// The call with which a pod gives a session to another, for which a seat is reserved there: its state, whole. Once it is answered the session is
// the other pod's.
import { err, ok, type Result } from '@parley/kernel'
import { type Static, Type } from 'typebox'
import { compileCheck } from './codec.ts'
import { ParleyError } from './error-codes.ts'
import { checkpointProblemText, readCheckpoint, SessionCheckpointSchema } from './session-checkpoint.ts'

export const POD_HAND_OVER_PATH = '/fleet/v1/hand-over'

export const HandOverCallSchema = Type.Object({
  sessionId: Type.String({ minLength: 1, maxLength: 64 }),
  /** Of the move. */
  token: Type.Object({ epoch: Type.Integer({ minimum: 0 }), counter: Type.Integer({ minimum: 0 }) }),
  /** The pod that gives it away. */
  from: Type.String({ minLength: 1, maxLength: 64 }),
  checkpoint: SessionCheckpointSchema,
})
export type HandOverCall = Static<typeof HandOverCallSchema>

export const HandOverAnswerSchema = Type.Object({
  epoch: Type.Integer({ minimum: 1, description: 'Of utterances from now on' }),
})
export type HandOverAnswer = Static<typeof HandOverAnswerSchema>

const { checkpoint: _, ...around } = HandOverCallSchema.properties
const checkAround = compileCheck<Omit<HandOverCall, 'checkpoint'> & { readonly checkpoint: unknown }>(
  Type.Object({ ...around, checkpoint: Type.Unknown() }),
)

/** `value`: the parsed body, from a pod of this version or of one beside it. STATE_UNREADABLE when the state is of a version that this one cannot read. */
export function readHandOverCall(value: unknown): Result<HandOverCall, ParleyError> {
  const call = checkAround(value)
  if (!call.ok) return call
  const checkpoint = readCheckpoint(call.value.checkpoint)
  if (checkpoint.ok) return ok({ ...call.value, checkpoint: checkpoint.value })
  return err(new ParleyError('STATE_UNREADABLE', { message: checkpointProblemText(checkpoint.error) }))
}
