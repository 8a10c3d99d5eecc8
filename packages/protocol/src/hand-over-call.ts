// The call with which a pod gives a session to another, for which a seat is reserved there: its state, whole. Once it is answered the session is
// the other pod's.
import { type Static, Type } from 'typebox'
import { SessionCheckpointSchema } from './session-checkpoint.ts'

const strict = { additionalProperties: false } as const

export const POD_HAND_OVER_PATH = '/fleet/v1/hand-over'

export const HandOverCallSchema = Type.Object(
  {
    sessionId: Type.String({ minLength: 1, maxLength: 64 }),
    /** Of the move. */
    token: Type.Object({ epoch: Type.Integer({ minimum: 0 }), counter: Type.Integer({ minimum: 0 }) }, strict),
    /** The pod that gives it away. */
    from: Type.String({ minLength: 1, maxLength: 64 }),
    checkpoint: SessionCheckpointSchema,
  },
  strict,
)
export type HandOverCall = Static<typeof HandOverCallSchema>

export const HandOverAnswerSchema = Type.Object({
  epoch: Type.Integer({ minimum: 1, description: 'Of utterances from now on' }),
})
export type HandOverAnswer = Static<typeof HandOverAnswerSchema>
