// The watch link: make one, hand it on, take it back.
import { type FormEvent, useId, useState } from 'react'
import type { CaptionController } from '../caption-controller.ts'
import type { CaptionState, Share } from '../model/caption-state.ts'
import { watchersText } from '../model/status-words.ts'
import { troubleWords } from '../model/trouble-words.ts'
import { copyText } from './clipboard.ts'
import { timeOfDay } from './format.ts'
import { CopyIcon, ShareIcon } from './icons.tsx'

const HOUR_MS = 3_600_000
const LIFETIMES = [
  { label: '15 minutes', ms: HOUR_MS / 4 },
  { label: '1 hour', ms: HOUR_MS },
  { label: '8 hours', ms: 8 * HOUR_MS },
  { label: '24 hours', ms: 24 * HOUR_MS },
] as const

interface SharePanelProps {
  readonly state: CaptionState
  readonly controller: CaptionController
}

export function SharePanel({ state, controller }: SharePanelProps) {
  const { share, phase } = state
  const isLive = phase.kind === 'live'
  const headingId = useId()
  return (
    <section className="panel" aria-labelledby={headingId}>
      <h2 className="panel-title" id={headingId}>
        Second screen
      </h2>
      {share.kind === 'shared' ? (
        <SharedLink share={share} controller={controller} watchers={state.watchers} />
      ) : (
        <ShareForm isLive={isLive} share={share} controller={controller} />
      )}
    </section>
  )
}

interface ShareFormProps {
  readonly isLive: boolean
  readonly share: Share
  readonly controller: CaptionController
}

function ShareForm({ isLive, share, controller }: ShareFormProps) {
  const [lifetimeMs, setLifetimeMs] = useState<number>(HOUR_MS)
  const selectId = useId()
  const onSubmit = (event: FormEvent) => {
    event.preventDefault()
    void controller.share(lifetimeMs)
  }
  return (
    <form className="share-form" onSubmit={onSubmit}>
      <p className="panel-text">
        {isLive
          ? 'Anyone with the link reads along, live. They hear nothing and can change nothing.'
          : 'While captions run, you can share a link for reading along.'}
      </p>
      {isLive && (
        <>
          <div className="field">
            <label htmlFor={selectId}>Works for</label>
            <select id={selectId} value={lifetimeMs} onChange={(event) => setLifetimeMs(Number(event.target.value))}>
              {LIFETIMES.map(({ label, ms }) => (
                <option key={ms} value={ms}>
                  {label}
                </option>
              ))}
            </select>
          </div>
          <button type="submit" className="button" aria-disabled={share.kind === 'asking'}>
            <ShareIcon />
            {share.kind === 'asking' ? 'Making the link' : 'Share a watch link'}
          </button>
        </>
      )}
      {share.kind === 'failed' && (
        <p className="field-trouble" role="alert">
          {troubleWords(share.trouble).title}. {troubleWords(share.trouble).nextStep}
        </p>
      )}
    </form>
  )
}

interface SharedLinkProps {
  readonly share: Extract<Share, { kind: 'shared' }>
  readonly controller: CaptionController
  readonly watchers: number
}

function SharedLink({ share, controller, watchers }: SharedLinkProps) {
  const inputId = useId()
  const { link } = share
  const onCopy = async () => {
    const copied = await copyText(link.pageUrl)
    controller.notice(copied ? 'Watch link copied' : 'Copying is not allowed here: select the link and copy it')
  }
  return (
    <div className="share-form">
      <div className="field">
        <label htmlFor={inputId}>Watch link</label>
        <input
          id={inputId}
          className="link-field"
          readOnly
          value={link.pageUrl}
          onFocus={(event) => event.target.select()}
        />
      </div>
      <p className="panel-text">
        Works until {timeOfDay(link.expiresAtMs)}. <strong>{watchersText(watchers)}.</strong>
      </p>
      <div className="button-row">
        <button type="button" className="button" onClick={onCopy}>
          <CopyIcon />
          Copy link
        </button>
        <button
          type="button"
          className="button plain danger"
          aria-disabled={share.isRevoking}
          onClick={() => void controller.revoke()}
        >
          Revoke
        </button>
      </div>
    </div>
  )
}
