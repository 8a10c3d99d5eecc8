// What captions are turned into for this reader: languages beside the spoken one, one of them aloud, grammar mended.
import { useId } from 'react'
import { type CaptionWish, MAX_TARGETS, type Unavailable } from '../caption-client.ts'
import type { CaptionState } from '../model/caption-state.ts'
import { throughText, unavailableText, withHeard, withTarget } from '../model/wish.ts'
import { languageName } from './format.ts'

interface WishPanelProps {
  readonly state: CaptionState
  /** Languages there are for the spoken one. */
  readonly targets: readonly string[]
  readonly onWish: (wish: CaptionWish) => void
}

export function WishPanel({ state, targets, onWish }: WishPanelProps) {
  const { wish, unavailable, via } = state
  const headingId = useId()
  // What was chosen before stays to be seen, and to be taken back, where it cannot be had.
  const offered = [...new Set([...targets, ...wish.translateTo])]
  const isFull = wish.translateTo.length >= MAX_TARGETS
  return (
    <section className="panel" aria-labelledby={headingId}>
      <h2 className="panel-title" id={headingId}>
        Languages
      </h2>
      {offered.length === 0 ? (
        <p className="panel-text">No translation is ready for this language.</p>
      ) : (
        <fieldset className="choices">
          <legend>Translate into</legend>
          {offered.map((language) => (
            <TargetChoice
              key={language}
              language={language}
              isChosen={wish.translateTo.includes(language)}
              isFull={isFull}
              note={throughText(via, language, languageName)}
              onChoose={(isChosen) => onWish(withTarget(wish, language, isChosen))}
            />
          ))}
        </fieldset>
      )}
      {wish.translateTo.length > 0 && <HearChoice state={state} onWish={onWish} />}
      <label className="choice">
        <input
          type="checkbox"
          checked={wish.isMended}
          onChange={(event) => onWish({ ...wish, isMended: event.target.checked })}
        />
        <span>Mend grammar</span>
      </label>
      <Missing unavailable={unavailable} />
    </section>
  )
}

interface TargetChoiceProps {
  readonly language: string
  readonly isChosen: boolean
  readonly isFull: boolean
  readonly note: string | undefined
  readonly onChoose: (isChosen: boolean) => void
}

function TargetChoice({ language, isChosen, isFull, note, onChoose }: TargetChoiceProps) {
  return (
    <label className="choice">
      <input
        type="checkbox"
        checked={isChosen}
        disabled={isFull && !isChosen}
        onChange={(event) => onChoose(event.target.checked)}
      />
      <span>
        {languageName(language)}
        {isChosen && note && <small className="choice-note"> {note}</small>}
      </span>
    </label>
  )
}

function HearChoice({ state, onWish }: Pick<WishPanelProps, 'state' | 'onWish'>) {
  const id = useId()
  const { wish, hearing } = state
  return (
    <div className="field">
      <label htmlFor={id}>
        Hear it
        <SpeakingMark language={hearing} />
      </label>
      <select id={id} value={wish.hear ?? ''} onChange={(event) => onWish(withHeard(wish, event.target.value))}>
        <option value="">No, only read</option>
        {wish.translateTo.map((language) => (
          <option key={language} value={language}>
            {languageName(language)}
          </option>
        ))}
      </select>
    </div>
  )
}

/** Something is being said at this moment: for who hears nothing, to find out why. */
export function SpeakingMark({ language }: { readonly language: string | undefined }) {
  if (language === undefined) return null
  return (
    <span className="choice-note" data-testid="speaking" aria-hidden="true">
      {' '}
      - speaking
    </span>
  )
}

function Missing({ unavailable }: { readonly unavailable: readonly Unavailable[] }) {
  return unavailable.map((each) => (
    <p className="field-trouble" key={`${each.stage}-${each.language}`}>
      {unavailableText(each, languageName)}
    </p>
  ))
}
