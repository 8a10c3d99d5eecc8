// The numbers of the running session.
import { useId } from 'react'
import type { CaptionState } from '../model/caption-state.ts'
import { lagText } from '../model/status-words.ts'
import { clockText } from '../model/transcript.ts'
import { languageName } from './format.ts'
import { useNowMs } from './hooks.ts'

export function SessionFacts({ state }: { readonly state: CaptionState }) {
  const headingId = useId()
  const isLive = state.liveSinceMs !== undefined
  const nowMs = useNowMs(1_000, isLive)
  if (!isLive && state.lagMs === undefined) return null
  return (
    <section className="panel" aria-labelledby={headingId}>
      <h2 className="panel-title" id={headingId}>
        Session
      </h2>
      <dl className="facts">
        <Fact
          name="Delay of last line"
          value={state.lagMs === undefined ? 'none yet' : lagText(state.lagMs)}
          id="lag"
        />
        {state.liveSinceMs !== undefined && (
          <Fact name="Running for" value={clockText(nowMs - state.liveSinceMs)} id="elapsed" />
        )}
        {state.codec && <Fact name="Codec" value={state.codec} id="codec" />}
        {state.language && <Fact name="Language" value={languageName(state.language)} id="language" />}
        {isLive && <Fact name="Watching" value={String(state.watchers)} id="watchers" />}
      </dl>
    </section>
  )
}

function Fact({ name, value, id }: { readonly name: string; readonly value: string; readonly id: string }) {
  return (
    <div className="fact">
      <dt>{name}</dt>
      <dd data-testid={`fact-${id}`}>{value}</dd>
    </div>
  )
}
