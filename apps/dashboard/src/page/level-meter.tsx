// How loud the microphone is: written straight to the element, so that twenty levels a second redraw nothing else.
import { useEffect, useRef } from 'react'
import type { CaptionController } from '../caption-controller.ts'
import { levelWords } from '../model/level.ts'

/** Assistive technology gets a word at this pace; the bar moves with every level. */
const WORDS_EVERY_MS = 1_000

interface LevelMeterProps {
  readonly controller: CaptionController
  readonly label: string
}

export function LevelMeter({ controller, label }: LevelMeterProps) {
  const meter = useRef<HTMLDivElement>(null)
  useEffect(() => {
    let spokenAtMs = Number.NEGATIVE_INFINITY
    return controller.onLevel((level) => {
      const element = meter.current
      if (!element) return
      element.style.setProperty('--level', level.shownRatio.toFixed(3))
      if (level.atMs - spokenAtMs < WORDS_EVERY_MS) return
      spokenAtMs = level.atMs
      element.setAttribute('aria-valuenow', String(Math.round(level.shownRatio * 100)))
      element.setAttribute('aria-valuetext', levelWords(level.shownRatio))
    })
  }, [controller])
  return (
    // biome-ignore lint/a11y/useSemanticElements: browsers draw the meter element in their own ways and sizes
    <div
      ref={meter}
      className="level"
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={0}
      aria-valuetext="silent"
    >
      <span className="level-bar" />
    </div>
  )
}
