// Top of every view: the name, the state in words, the size of the captions.
import type { CaptionState } from '../model/caption-state.ts'
import type { TextSize } from '../model/preferences.ts'
import { statusOf } from '../model/status-words.ts'
import { troubleWords } from '../model/trouble-words.ts'
import { BrandMark } from './icons.tsx'

export function Brand({ subtitle }: { readonly subtitle: string }) {
  return (
    <div className="brand">
      <BrandMark />
      <span className="brand-name">Parley</span>
      <span className="brand-subtitle">{subtitle}</span>
    </div>
  )
}

/** The one status region: read out when the words change, never because of a partial, a level or a countdown. */
export function StatusChip({ state }: { readonly state: CaptionState }) {
  const { label, tone, hint } = statusOf(state)
  return (
    <div className="status" role="status" data-tone={tone}>
      <span className="status-mark" aria-hidden="true" />
      <span className="status-label">{label}</span>
      <span className="visually-hidden">{spokenMore(state, hint)}</span>
    </div>
  )
}

function spokenMore(state: CaptionState, hint: string | undefined): string {
  const { phase } = state
  const trouble = phase.kind === 'retrying' || phase.kind === 'ended' ? phase.trouble : state.warning
  const parts = [
    phase.kind === 'retrying' ? 'The page will try again by itself.' : '',
    trouble ? troubleWords(trouble, state.role).nextStep : '',
    hint ?? '',
    state.notice?.text ?? '',
  ]
  return parts
    .filter(Boolean)
    .map((part) => `. ${part}`)
    .join('')
}

interface TextSizeProps {
  readonly size: TextSize
  readonly onStep: (step: 1 | -1) => void
}

export function TextSizeControl({ size, onStep }: TextSizeProps) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset draws a frame and a legend; two buttons need neither
    <div className="text-size" role="group" aria-label="Caption size">
      <button type="button" onClick={() => onStep(-1)} disabled={size === 'small'} aria-label="Smaller captions">
        <span className="text-size-small" aria-hidden="true">
          A
        </span>
      </button>
      <button type="button" onClick={() => onStep(1)} disabled={size === 'huge'} aria-label="Larger captions">
        <span className="text-size-large" aria-hidden="true">
          A
        </span>
      </button>
    </div>
  )
}
