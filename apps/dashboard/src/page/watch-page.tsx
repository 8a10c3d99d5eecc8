// The page of those who read along: captions and their state, nothing to change but the size.
import { useEffect, useId } from 'react'
import type { CaptionWish } from '../caption-client.ts'
import type { CaptionController } from '../caption-controller.ts'
import { type CaptionState, isRunning } from '../model/caption-state.ts'
import { statusOf } from '../model/status-words.ts'
import { transcriptText } from '../model/transcript.ts'
import { isEndOfWatching, troubleWords } from '../model/trouble-words.ts'
import { unavailableText, withHeard, withOnly } from '../model/wish.ts'
import { downloadText } from './clipboard.ts'
import { dateAndTime, languageName } from './format.ts'
import { Brand, StatusChip, TextSizeControl } from './header.tsx'
import { useCaptions, useFullScreen, useTextSize, useTitle, useWakeLock, useWish } from './hooks.ts'
import { DownloadIcon, ExpandIcon } from './icons.tsx'
import { Announcer, TranscriptView } from './transcript-view.tsx'
import { ReconnectPanel, RetryPanel, TroublePanel } from './trouble-panel.tsx'
import { SpeakingMark } from './wish-panel.tsx'

interface WatchPageProps {
  readonly controller: CaptionController
  readonly token: string
}

export function WatchPage({ controller, token }: WatchPageProps) {
  const state = useCaptions(controller)
  const [textSize, stepTextSize] = useTextSize()
  useTitle(`${statusOf(state).label} - Parley`)
  useWakeLock(isRunning(state.phase))
  useEffect(() => controller.watch(token), [controller, token])
  return (
    <div className="app watch" data-text-size={textSize}>
      <header className="top">
        <Brand subtitle="Reading along" />
        <StatusChip state={state} />
        <TextSizeControl size={textSize} onStep={stepTextSize} />
      </header>
      <main className="main">
        <div className="stage">
          <h1 className="visually-hidden">Live captions, reading along</h1>
          <TranscriptView state={state} placeholder={<p className="placeholder">{placeholderText(state)}</p>} />
          <WatchMessages state={state} controller={controller} />
          <WatchDock state={state} controller={controller} />
        </div>
      </main>
      <Announcer announced={state.announced} />
    </div>
  )
}

function placeholderText(state: CaptionState): string {
  if (state.phase.kind === 'live') return 'Captions appear here as soon as something is said.'
  const { kind } = state.phase
  const isWaiting = kind !== 'ended' && kind !== 'retrying' && kind !== 'reconnecting'
  return isWaiting ? `${statusOf(state).label} ...` : ''
}

interface PartProps {
  readonly state: CaptionState
  readonly controller: CaptionController
}

function WatchMessages({ state, controller }: PartProps) {
  const { phase, notice } = state
  const { hint } = statusOf(state)
  const trouble = phase.kind === 'ended' ? phase.trouble : undefined
  const isOver = phase.kind === 'ended' && (trouble === undefined || isEndOfWatching(trouble))
  return (
    <div className="messages">
      {phase.kind === 'retrying' && (
        <RetryPanel
          reader="watcher"
          trouble={phase.trouble}
          retryAtMs={phase.retryAtMs}
          onRetryNow={() => controller.retryNow()}
        />
      )}
      {phase.kind === 'reconnecting' && (
        <ReconnectPanel state={state} phase={phase} onTryNow={() => controller.retryNow()} />
      )}
      {isOver && <p className="hint">Whoever spoke has ended the captions. What was said stays here to read.</p>}
      {trouble && !isOver && (
        <TroublePanel reader="watcher" trouble={trouble}>
          {troubleWords(trouble, 'watcher').remedy === 'try_again' && (
            <button type="button" className="button" onClick={() => controller.again()}>
              Try again
            </button>
          )}
        </TroublePanel>
      )}
      {hint && phase.kind !== 'reconnecting' && <p className="hint">{hint}</p>}
      {notice && (
        <p className="toast" aria-hidden="true">
          {notice.text}
        </p>
      )}
    </div>
  )
}

function WatchDock({ state, controller }: PartProps) {
  const isEmpty = state.transcript.lineCount === 0
  const isFull = useFullScreen()
  const canFill = document.fullscreenEnabled && !(isEmpty && state.phase.kind === 'ended')
  const choice = <ReadIn state={state} onWish={useWish(controller)} />
  return (
    <div className="dock">
      {choice}
      {canFill && (
        <button type="button" className="button" onClick={toggleFullScreen}>
          <ExpandIcon />
          {isFull ? 'Leave full screen' : 'Full screen'}
        </button>
      )}
      {!isEmpty && (
        <button
          type="button"
          className="button"
          onClick={() => downloadText('captions.txt', transcriptText(state.transcript, dateAndTime))}
        >
          <DownloadIcon />
          Download
        </button>
      )}
    </div>
  )
}

interface ReadInProps {
  readonly state: CaptionState
  readonly onWish: (wish: CaptionWish) => void
}

/** One language at a time: who reads along on a telephone has no room for more. */
function ReadIn({ state, onWish }: ReadInProps) {
  const id = useId()
  const { wish, targets, language, unavailable, hearing } = state
  const offered = [...new Set([...(targets ?? []), ...wish.translateTo])]
  const missing = unavailable.find((each) => each.stage !== 'polish' && each.language === wish.translateTo[0])
  if (offered.length === 0) return null
  const chosen = wish.translateTo[0] ?? ''
  return (
    <>
      <div className="field inline">
        <label htmlFor={id}>Read in</label>
        <select id={id} value={chosen} onChange={(event) => onWish(withOnly(wish, event.target.value))}>
          <option value="">{language ? `${languageName(language)}, as spoken` : 'As spoken'}</option>
          {offered.map((tag) => (
            <option key={tag} value={tag}>
              {languageName(tag)}
            </option>
          ))}
        </select>
      </div>
      {chosen !== '' && (
        <label className="choice">
          <input
            type="checkbox"
            checked={wish.hear === chosen}
            onChange={(event) => onWish(withHeard(wish, event.target.checked ? chosen : ''))}
          />
          <span>
            Hear it
            <SpeakingMark language={hearing} />
          </span>
        </label>
      )}
      {missing && <p className="field-trouble">{unavailableText(missing, languageName)}</p>}
    </>
  )
}

function toggleFullScreen(): void {
  // A refusal (an embedded page, a policy) leaves the page as it is: nothing to repair.
  const change = document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()
  change.catch(() => {})
}
