// The page of the person who speaks: welcome, captions, dock with the main action, details beside.
import { type RefObject, useId, useState } from 'react'
import type { PageInfo, Source } from '../caption-client.ts'
import type { CaptionController } from '../caption-controller.ts'
import { type CaptionState, isRunning, isSpeaking } from '../model/caption-state.ts'
import { closestLanguage } from '../model/preferences.ts'
import { lagText, statusOf } from '../model/status-words.ts'
import { languageName } from './format.ts'
import { Brand, StatusChip, TextSizeControl } from './header.tsx'
import { useCaptions, useFocusKept, useTextSize, useTitle, useWakeLock, useWish } from './hooks.ts'
import { MicrophoneIcon, MutedIcon, PlayIcon, StopIcon } from './icons.tsx'
import { LevelMeter } from './level-meter.tsx'
import { SessionFacts } from './session-facts.tsx'
import { SharePanel } from './share-panel.tsx'
import { TranscriptActions } from './transcript-actions.tsx'
import { Announcer, TranscriptView } from './transcript-view.tsx'
import { ReconnectPanel, RetryPanel, TroublePanel } from './trouble-panel.tsx'
import { WishPanel } from './wish-panel.tsx'

interface OwnerPageProps {
  readonly controller: CaptionController
  readonly page: PageInfo
}

export function OwnerPage({ controller, page }: OwnerPageProps) {
  const state = useCaptions(controller)
  const [textSize, stepTextSize] = useTextSize()
  const [language, setLanguage] = useState(() => closestLanguage(page.languages, navigator.languages))
  const mainButton = useFocusKept(state)
  const { label } = statusOf(state)
  useTitle(`${label} - Parley`)
  useWakeLock(isRunning(state.phase))
  const isAtRest = state.phase.kind === 'idle' || state.phase.kind === 'ended'
  const isWelcome = isAtRest && state.transcript.lineCount === 0
  const start = (source: Source) => controller.start(source, language)
  const targets = state.targets ?? page.targets[language ?? ''] ?? []
  const wishPanel = <WishPanel state={state} targets={targets} onWish={useWish(controller)} />
  const languageChoice = <LanguageChoice languages={page.languages} language={language} onChoose={setLanguage} />
  return (
    <div className="app" data-text-size={textSize}>
      <header className="top">
        <Brand subtitle="Live captions" />
        <StatusChip state={state} />
        <TextSizeControl size={textSize} onStep={stepTextSize} />
      </header>
      <main className={isWelcome ? 'main welcome-main' : 'main'}>
        {isWelcome ? (
          <Welcome state={state} start={start} hasSample={controller.hasSample} mainButton={mainButton}>
            {languageChoice}
            {wishPanel}
          </Welcome>
        ) : (
          <div className="stage">
            <h1 className="visually-hidden">Live captions</h1>
            <TranscriptView state={state} placeholder={<Placeholder state={state} />} />
            <Messages state={state} controller={controller} />
            <Dock state={state} controller={controller} start={start} mainButton={mainButton}>
              {languageChoice}
            </Dock>
          </div>
        )}
        {!isWelcome && (
          <Details state={state} controller={controller}>
            {wishPanel}
          </Details>
        )}
      </main>
      <Announcer announced={state.announced} />
    </div>
  )
}

interface WelcomeProps {
  readonly state: CaptionState
  readonly start: (source: Source) => void
  readonly hasSample: boolean
  readonly mainButton: RefObject<HTMLButtonElement | null>
  readonly children: React.ReactNode
}

function Welcome({ state, start, hasSample, mainButton, children }: WelcomeProps) {
  const trouble = state.phase.kind === 'ended' ? state.phase.trouble : undefined
  return (
    <div className="welcome">
      {trouble && <TroublePanel reader="owner" trouble={trouble} />}
      <h1 className="welcome-title">Read what is being said.</h1>
      <p className="welcome-text">
        Start, allow the microphone, and speak: captions appear as you talk. The sound goes to this Parley and nowhere
        else.
      </p>
      {children}
      <div className="button-row">
        <button type="button" className="button primary large" ref={mainButton} onClick={() => start('microphone')}>
          <MicrophoneIcon />
          Start captions
        </button>
        {hasSample && (
          <button type="button" className="button large" onClick={() => start('sample')}>
            <PlayIcon />
            Play the sample
          </button>
        )}
      </div>
      <figure className="legend">
        <figcaption>How to read it</figcaption>
        <div className="line">
          <span className="line-time">0:04</span>
          <p className="line-text">A line like this is final.</p>
        </div>
        <div className="line open">
          <span className="line-time">0:07</span>
          <p className="line-text">
            <span className="open-stable">This much is settled, </span>
            <em className="open-tail">these words may still change</em>
          </p>
        </div>
      </figure>
    </div>
  )
}

interface LanguageChoiceProps {
  readonly languages: readonly string[]
  readonly language: string | undefined
  readonly onChoose: (language: string) => void
}

function LanguageChoice({ languages, language, onChoose }: LanguageChoiceProps) {
  const selectId = useId()
  if (languages.length === 0) return null
  return (
    <div className="field inline">
      <label htmlFor={selectId}>Spoken language</label>
      <select id={selectId} value={language} onChange={(event) => onChoose(event.target.value)}>
        {languages.map((tag) => (
          <option key={tag} value={tag}>
            {languageName(tag)}
          </option>
        ))}
      </select>
    </div>
  )
}

function Placeholder({ state }: { readonly state: CaptionState }) {
  if (state.phase.kind === 'retrying' || state.phase.kind === 'reconnecting') return null
  const speaking =
    state.source === 'sample' ? 'The first words appear here in a moment.' : 'Speak: your words appear here.'
  const isLive = state.phase.kind === 'live' && state.phase.speech === 'ready'
  return <p className="placeholder">{isLive ? speaking : `${statusOf(state).label} ...`}</p>
}

interface PartProps {
  readonly state: CaptionState
  readonly controller: CaptionController
}

function Messages({ state, controller }: PartProps) {
  const { phase, warning, notice } = state
  const { hint } = statusOf(state)
  return (
    <div className="messages">
      {phase.kind === 'retrying' && (
        <RetryPanel
          reader="owner"
          trouble={phase.trouble}
          retryAtMs={phase.retryAtMs}
          onRetryNow={() => controller.retryNow()}
        />
      )}
      {phase.kind === 'reconnecting' && (
        <ReconnectPanel state={state} phase={phase} onTryNow={() => controller.retryNow()} />
      )}
      {phase.kind === 'ended' && phase.trouble && <TroublePanel reader="owner" trouble={phase.trouble} />}
      {warning && <TroublePanel reader="owner" trouble={warning} tone="waiting" />}
      {hint && !warning && phase.kind !== 'reconnecting' && <p className="hint">{hint}</p>}
      {notice && (
        <p className="toast" aria-hidden="true">
          {notice.text}
        </p>
      )}
    </div>
  )
}

interface DockProps extends PartProps {
  readonly start: (source: Source) => void
  readonly mainButton: RefObject<HTMLButtonElement | null>
  readonly children: React.ReactNode
}

function Dock({ state, controller, start, mainButton, children }: DockProps) {
  const { phase } = state
  const running = isRunning(phase)
  const isFinishing = phase.kind === 'finishing'
  return (
    <div className="dock">
      {running ? (
        <>
          <button
            type="button"
            className="button primary stop"
            ref={mainButton}
            aria-disabled={isFinishing}
            onClick={() => controller.stop()}
          >
            <StopIcon />
            {isFinishing ? 'Stopping' : isSpeaking(phase) ? 'Stop' : 'Cancel'}
          </button>
          {isSpeaking(phase) && (
            <>
              {state.source === 'microphone' && <MuteButton state={state} controller={controller} />}
              <LevelMeter
                controller={controller}
                label={state.source === 'sample' ? 'Sample level' : 'Microphone level'}
              />
              <p className="dock-facts">{dockFacts(state)}</p>
            </>
          )}
        </>
      ) : (
        <>
          <button type="button" className="button primary" ref={mainButton} onClick={() => start('microphone')}>
            <MicrophoneIcon />
            Start captions
          </button>
          {controller.hasSample && (
            <button type="button" className="button" onClick={() => start('sample')}>
              <PlayIcon />
              Play the sample
            </button>
          )}
          {children}
        </>
      )}
    </div>
  )
}

/** The two numbers worth a glance where the details are folded away. */
function dockFacts(state: CaptionState): string {
  const lag = state.lagMs === undefined ? [] : [`${lagText(state.lagMs)} delay`]
  const watchers = state.watchers === 0 ? [] : [`${state.watchers} watching`]
  return [...lag, ...watchers].join(', ')
}

function MuteButton({ state, controller }: PartProps) {
  return (
    <button type="button" className="button mute" onClick={() => controller.mute(!state.isMuted)}>
      {state.isMuted ? <MutedIcon /> : <MicrophoneIcon />}
      {state.isMuted ? 'Unmute' : 'Mute'}
    </button>
  )
}

/** Beside the captions where there is room; behind a button where there is not. */
function Details({ state, controller, children }: PartProps & { readonly children: React.ReactNode }) {
  const [isOpen, setOpen] = useState(false)
  const id = useId()
  return (
    <aside className="details" aria-label="Details">
      <button
        type="button"
        className="button plain details-toggle"
        aria-expanded={isOpen}
        aria-controls={id}
        onClick={() => setOpen(!isOpen)}
      >
        {isOpen ? 'Hide details' : 'Languages, sharing, transcript'}
      </button>
      <div className="details-body" id={id} data-open={isOpen}>
        {children}
        <SessionFacts state={state} />
        <SharePanel state={state} controller={controller} />
        <TranscriptActions state={state} controller={controller} />
      </div>
    </aside>
  )
}
