// What went wrong, in words, with the next step and the button for it.
import type { ReactNode } from 'react'
import type { Trouble } from '../caption-client.ts'
import { secondsLeft } from '../model/status-words.ts'
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
