// What went wrong, in words, with the next step and the button for it.
import type { ReactNode } from 'react'
import type { Trouble } from '../caption-client.ts'
import type { CaptionState, Phase } from '../model/caption-state.ts'
import { keptText, secondsLeft, statusOf } from '../model/status-words.ts'
import { type Role, troubleCode, troubleWords } from '../model/trouble-words.ts'
import { useNowMs } from './hooks.ts'

interface TroublePanelProps {
  readonly trouble: Trouble
  readonly reader: Role
  readonly tone?: 'trouble' | 'waiting'
  /** Buttons of this place. */
  readonly children?: ReactNode
}

export function TroublePanel({ trouble, reader, tone = 'trouble', children }: TroublePanelProps) {
  const { title, nextStep, remedy } = troubleWords(trouble, reader)
  const code = troubleCode(trouble)
  return (
    <section className="notice" data-tone={tone} aria-label={title}>
      <div className="notice-words">
        <h2 className="notice-title">{title}</h2>
        <p>
          {nextStep}
          {allowedText(trouble)}
        </p>
        {code && (
          <p className="notice-code">
            Code: <code>{code}</code>
          </p>
        )}
      </div>
      <div className="notice-actions">
        {children}
        {remedy === 'reload' && (
          <button type="button" className="button" onClick={() => window.location.reload()}>
            Reload the page
          </button>
        )}
      </div>
    </section>
  )
}

function allowedText(trouble: Trouble): string {
  const allowed = trouble.kind === 'refused' && trouble.code === 'LANGUAGE_UNSUPPORTED' ? trouble.allowed : undefined
  return allowed && allowed.length > 0 ? ` Understood here: ${allowed.join(', ')}.` : ''
}

interface ReconnectPanelProps {
  readonly state: CaptionState
  readonly phase: Extract<Phase, { kind: 'reconnecting' }>
  readonly onTryNow: () => void
}

/** The line broke: what happens to speech meanwhile, and how much of what can be kept is used. Counts for the eye only. */
export function ReconnectPanel({ state, phase, onTryNow }: ReconnectPanelProps) {
  const nowMs = useNowMs(250, true)
  const { label, hint } = statusOf(state)
  const { sinceMs, keptMs } = phase
  return (
    <section className="notice" data-tone="waiting" aria-label={label}>
      <div className="notice-words">
        <h2 className="notice-title">The connection is gone</h2>
        <p>{hint}</p>
        {keptMs !== undefined && !state.isMuted && (
          <p className="kept" data-testid="kept">
            <progress className="kept-bar" aria-hidden="true" value={nowMs - sinceMs} max={keptMs} />
            <span className="countdown">{keptText(sinceMs, keptMs, nowMs)}</span>
          </p>
        )}
      </div>
      <div className="notice-actions">
        <button type="button" className="button" onClick={onTryNow}>
          Try now
        </button>
      </div>
    </section>
  )
}

interface RetryPanelProps {
  readonly trouble: Trouble
  readonly reader: Role
  readonly retryAtMs: number
  readonly onRetryNow: () => void
}

/** A refusal that passes: counts down for the eye only, the status region has said it once. */
export function RetryPanel({ trouble, reader, retryAtMs, onRetryNow }: RetryPanelProps) {
  const nowMs = useNowMs(250, true)
  const seconds = secondsLeft(retryAtMs, nowMs)
  return (
    <TroublePanel trouble={trouble} reader={reader} tone="waiting">
      <span className="countdown" data-testid="countdown">
        {seconds > 0 ? `Next try in ${seconds} s` : 'Trying again'}
      </span>
      <button type="button" className="button" onClick={onRetryNow}>
        Try now
      </button>
    </TroublePanel>
  )
}
