// The captions: finals as a list with times, the open utterance below them, and the scroll that follows or stays.
import { memo, type ReactNode, type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react'
import { type CaptionState, type OpenCaption, splitOpen } from '../model/caption-state.ts'
import { type Follow, INITIAL_FOLLOW, onScrolled } from '../model/follow.ts'
import { clockText, DRAWN_LINES, drawnPart, type Entry, type Line, type Translated } from '../model/transcript.ts'
import { languageName, timeOfDay } from './format.ts'
import { ArrowDownIcon } from './icons.tsx'

interface TranscriptViewProps {
  readonly state: CaptionState
  /** Shown while there is nothing to read. */
  readonly placeholder: ReactNode
}

export function TranscriptView({ state, placeholder }: TranscriptViewProps) {
  const [limit, setLimit] = useState(DRAWN_LINES)
  const { transcript, open } = state
  const { translateTo, isMended } = state.wish
  const languages = translateTo.join()
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
              <EntryView
                key={entry.key}
                entry={entry}
                isFirst={entry === transcript.entries[0]}
                languages={languages}
                isMended={isMended}
              />
            ))}
          </ol>
          {open.map((caption) => (
            <OpenCaptionView key={caption.key} caption={caption} languages={languages} />
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

interface EntryProps {
  readonly entry: Entry
  readonly isFirst: boolean
  /** Tags with commas between: a text, so that lines that did not change are not drawn again. */
  readonly languages: string
  readonly isMended: boolean
}

const EntryView = memo(function EntryView({ entry, isFirst, languages, isMended }: EntryProps) {
  if (entry.kind === 'mark') {
    // The first heading says nothing that the reader does not see; later ones part the sessions.
    return isFirst ? null : <li className="session-mark">New session, {timeOfDay(entry.startedAtMs)}</li>
  }
  return (
    <li className="line">
      <span className="line-time">{clockText(entry.startMs)}</span>
      <div className="line-texts" data-side-by-side={languages !== ''}>
        <MendedText line={entry} isMended={isMended} />
        <Translations all={entry.translations} languages={languages} />
      </div>
    </li>
  )
})

/** Provisional by weight, slant and underline, not by colour alone; not announced, but there to be read. */
function OpenCaptionView({ caption, languages }: { readonly caption: OpenCaption; readonly languages: string }) {
  const { settled, tail } = splitOpen(caption.text, caption.stable)
  return (
    <div className="line open" data-testid="partial">
      <span className="line-time">{clockText(caption.startMs)}</span>
      <div className="line-texts" data-side-by-side={languages !== ''}>
        <p className="line-text">
          <span className="visually-hidden">Still being heard: </span>
          <span className="open-stable">{settled}</span>
          <em className="open-tail">{tail}</em>
        </p>
        <Translations all={caption.translations} languages={languages} />
      </div>
    </div>
  )
}

/** What was recognised, or the same mended, which takes its place without a jump; a press tells which words were heard. */
function MendedText({ line, isMended }: { readonly line: Line; readonly isMended: boolean }) {
  const [isRaw, setRaw] = useState(false)
  const { text, mended } = line
  if (!isMended || mended === undefined || mended === text) return <p className="line-text">{text}</p>
  return (
    <p className="line-text mended" key={isRaw ? 'raw' : 'mended'}>
      {isRaw ? text : mended}{' '}
      <button type="button" className="mended-mark" aria-pressed={isRaw} onClick={() => setRaw(!isRaw)}>
        {isRaw ? 'as heard' : 'mended'}
      </button>
    </p>
  )
}

interface TranslationsProps {
  readonly all: readonly Translated[]
  readonly languages: string
}

/** One below the other, beside the spoken text where there is room. */
function Translations({ all, languages }: TranslationsProps) {
  const wanted = languages === '' ? [] : languages.split(',')
  if (wanted.length === 0) return null
  return (
    <div className="translations">
      {wanted.map((language) => {
        const translated = all.find((each) => each.language === language)
        return (
          <TranslatedText key={language} language={language} translated={translated} isOnly={wanted.length === 1} />
        )
      })}
    </div>
  )
}

interface TranslatedProps {
  readonly language: string
  readonly translated: Translated | undefined
  readonly isOnly: boolean
}

function TranslatedText({ language, translated, isOnly }: TranslatedProps) {
  if (!translated) return null
  const { text, state } = translated
  return (
    <p className="line-text translated" data-state={state} data-testid={`translated-${language}`}>
      <span className={isOnly ? 'visually-hidden' : 'language-mark'}>{languageName(language)} </span>
      {state === 'failed' ? (
        <span className="not-had">not translated</span>
      ) : (
        <span lang={language} dir="auto">
          {text}
        </span>
      )}
    </p>
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
        <p key={line.key} lang={line.language}>
          {line.text}
        </p>
      ))}
    </div>
  )
})
