// The captions: finals as a list with times, the open utterance below them, and the scroll that follows or stays.
import { memo, type ReactNode, type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react'
import { type CaptionState, type OpenCaption, splitOpen } from '../model/caption-state.ts'
import { type Follow, INITIAL_FOLLOW, onScrolled } from '../model/follow.ts'
import { clockText, DRAWN_LINES, drawnPart, type Entry } from '../model/transcript.ts'
import { timeOfDay } from './format.ts'
import { ArrowDownIcon } from './icons.tsx'

interface TranscriptViewProps {
  readonly state: CaptionState
  /** Shown while there is nothing to read. */
  readonly placeholder: ReactNode
}

export function TranscriptView({ state, placeholder }: TranscriptViewProps) {
  const [limit, setLimit] = useState(DRAWN_LINES)
  const { transcript, open } = state
  const { scroller, content, isFollowing, follow } = useFollow()
  const { entries, hiddenCount } = drawnPart(transcript, limit)
  const isEmpty = transcript.lineCount === 0 && open.length === 0
  return (
    <div className="transcript">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <section className="scroller" ref={scroller} aria-label="Transcript" tabIndex={0}>
        <div className="captions" ref={content}>
          {transcript.droppedCount > 0 && (
            <p className="quiet-line">The first {transcript.droppedCount} lines were not kept.</p>
          )}
          {hiddenCount > 0 && (
            <button type="button" className="button plain" onClick={() => setLimit(limit + DRAWN_LINES)}>
              Show {Math.min(DRAWN_LINES, hiddenCount)} earlier lines
            </button>
          )}
          <ol className="lines">
            {entries.map((entry) => (
              <EntryView key={entry.key} entry={entry} isFirst={entry === transcript.entries[0]} />
            ))}
          </ol>
          {open.map((caption) => (
            <OpenCaptionView key={caption.key} caption={caption} />
          ))}
          {isEmpty && placeholder}
        </div>
      </section>
      {!isFollowing && !isEmpty && (
        <button type="button" className="button newest" onClick={follow}>
          <ArrowDownIcon />
          Newest
        </button>
      )}
    </div>
  )
}

const EntryView = memo(function EntryView({ entry, isFirst }: { readonly entry: Entry; readonly isFirst: boolean }) {
  if (entry.kind === 'mark') {
    // The first heading says nothing that the reader does not see; later ones part the sessions.
    return isFirst ? null : <li className="session-mark">New session, {timeOfDay(entry.startedAtMs)}</li>
  }
  return (
    <li className="line">
      <span className="line-time">{clockText(entry.startMs)}</span>
      <p className="line-text">{entry.text}</p>
    </li>
  )
})

/** Provisional by weight, slant and underline, not by colour alone; not announced, but there to be read. */
function OpenCaptionView({ caption }: { readonly caption: OpenCaption }) {
  const { settled, tail } = splitOpen(caption.text, caption.stable)
  return (
    <div className="line open" data-testid="partial">
      <span className="line-time">{clockText(caption.startMs)}</span>
      <p className="line-text">
        <span className="visually-hidden">Still being heard: </span>
        <span className="open-stable">{settled}</span>
        <em className="open-tail">{tail}</em>
      </p>
    </div>
  )
}

interface Following {
  readonly scroller: RefObject<HTMLElement | null>
  readonly content: RefObject<HTMLDivElement | null>
  readonly isFollowing: boolean
  readonly follow: () => void
}

/** Keeps the newest line in view while the reader wants it; every change of size counts, not only new captions. */
function useFollow(): Following {
  const scroller = useRef<HTMLElement>(null)
  const content = useRef<HTMLDivElement>(null)
  const current = useRef<Follow>(INITIAL_FOLLOW)
  const [isFollowing, setFollowing] = useState(true)

  const toEnd = useCallback(() => {
    const element = scroller.current
    if (!element) return
    element.scrollTop = element.scrollHeight
    current.current = { isFollowing: true, lastTopPx: element.scrollTop }
  }, [])

  useEffect(() => {
    const element = scroller.current
    if (!element) return
    const onScroll = () => {
      const metrics = { topPx: element.scrollTop, viewPx: element.clientHeight, contentPx: element.scrollHeight }
      current.current = onScrolled(current.current, metrics)
      setFollowing(current.current.isFollowing)
    }
    element.addEventListener('scroll', onScroll, { passive: true })
    return () => element.removeEventListener('scroll', onScroll)
  }, [])

  useLayoutEffect(() => {
    const observer = new ResizeObserver(() => {
      if (current.current.isFollowing) toEnd()
    })
    if (scroller.current) observer.observe(scroller.current)
    if (content.current) observer.observe(content.current)
    return () => observer.disconnect()
  }, [toEnd])

  const follow = () => {
    toEnd()
    setFollowing(true)
    scroller.current?.focus({ preventScroll: true })
  }
  return { scroller, content, isFollowing, follow }
}

/** The one live region for captions: finals only, each once, in plain order. */
export const Announcer = memo(function Announcer({ announced }: Pick<CaptionState, 'announced'>) {
  return (
    <div
      className="visually-hidden"
      aria-live="polite"
      aria-atomic="false"
      aria-relevant="additions"
      data-testid="announcer"
    >
      {announced.map((line) => (
        <p key={line.key}>{line.text}</p>
      ))}
    </div>
  )
})
