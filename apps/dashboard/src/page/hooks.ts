// The few hooks the page's parts share.
import { systemClock } from '@parley/kernel'
import { type RefObject, useEffect, useRef, useState, useSyncExternalStore } from 'react'
import type { CaptionController } from '../caption-controller.ts'
import { type CaptionState, isRunning } from '../model/caption-state.ts'
import { readTextSize, stepTextSize, type TextSize, writeTextSize } from '../model/preferences.ts'

export function useCaptions(controller: CaptionController): CaptionState {
  return useSyncExternalStore(controller.store.subscribe, controller.store.get)
}

/** Monotonic now, redrawn every `periodMs` while `isActive`. */
export function useNowMs(periodMs: number, isActive: boolean): number {
  const [nowMs, setNowMs] = useState(() => systemClock.nowMs())
  useEffect(() => {
    if (!isActive) return
    setNowMs(systemClock.nowMs())
    const timer = systemClock.every(periodMs, () => setNowMs(systemClock.nowMs()))
    return () => timer.cancel()
  }, [periodMs, isActive])
  return nowMs
}

export function useTextSize(): readonly [TextSize, (step: 1 | -1) => void] {
  const [size, setSize] = useState(() => readTextSize(() => window.localStorage))
  const step = (by: 1 | -1) => {
    const next = stepTextSize(size, by)
    writeTextSize(() => window.localStorage, next)
    setSize(next)
  }
  return [size, step]
}

/** The window's title says the state, so that it can be read in the row of tabs. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title
  }, [title])
}

/**
 * The main button changes place between the welcome and the dock; whoever pressed it by keyboard must find the focus on
 * its successor, not at the top of the page.
 */
export function useFocusKept(state: CaptionState): RefObject<HTMLButtonElement | null> {
  const button = useRef<HTMLButtonElement>(null)
  const running = isRunning(state.phase)
  const wasRunning = useRef(running)
  useEffect(() => {
    if (wasRunning.current === running) return
    wasRunning.current = running
    const lost = document.activeElement === null || document.activeElement === document.body
    if (lost) button.current?.focus({ preventScroll: true })
  }, [running])
  return button
}
