// What is shown instead of the page: while it opens, and when it may not.
import type { Trouble } from '../caption-client.ts'
import { FRESH_ADDRESS, troubleWords } from '../model/trouble-words.ts'
import { Brand } from './header.tsx'
import { useTitle } from './hooks.ts'

export type Closed = { readonly kind: 'no_session' } | { readonly kind: 'no_token' } | Trouble

export function OpeningPage() {
  useTitle('Parley')
  return (
    <Gate>
      <p className="welcome-text" role="status">
        Opening ...
      </p>
    </Gate>
  )
}

interface ClosedPageProps {
  readonly closed: Closed
  readonly onRetry: () => void
}

export function ClosedPage({ closed, onRetry }: ClosedPageProps) {
  const { title, text, isRetryable } = closedWords(closed)
  useTitle(`${title} - Parley`)
  return (
    <Gate>
      <h1 className="welcome-title">{title}</h1>
      <p className="welcome-text">{text}</p>
      {closed.kind !== 'no_token' && !isRetryable && (
        <pre className="command">
          <code>./parley link</code>
        </pre>
      )}
      {isRetryable && (
        <div className="button-row">
          <button type="button" className="button primary large" onClick={onRetry}>
            Try again
          </button>
        </div>
      )}
    </Gate>
  )
}

function closedWords(closed: Closed): { title: string; text: string; isRetryable: boolean } {
  if (closed.kind === 'no_session')
    return { title: 'This page is not open yet', text: FRESH_ADDRESS, isRetryable: false }
  if (closed.kind === 'no_token') {
    const text = 'The address is incomplete. Ask whoever sent it for the whole link.'
    return { title: 'This watch link does not work', text, isRetryable: false }
  }
  const { title, nextStep, remedy } = troubleWords(closed)
  return { title, text: nextStep, isRetryable: remedy !== 'none' }
}

function Gate({ children }: { readonly children: React.ReactNode }) {
  return (
    <div className="app" data-text-size="medium">
      <header className="top">
        <Brand subtitle="Live captions" />
      </header>
      <main className="main welcome-main">
        <div className="welcome">{children}</div>
      </main>
    </div>
  )
}
