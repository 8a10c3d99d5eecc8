// The few hooks the page's parts share.
import { systemClock } from '@parley/kernel'
import { type RefObject, useEffect, useRef, useState, useSyncExternalStore } from 'react'
import type { CaptionWish } from '../caption-client.ts'
import type { CaptionController } from '../caption-controller.ts'
import { type CaptionState, isRunning } from '../model/caption-state.ts'
import { readTextSize, stepTextSize, type TextSize, writeTextSize, writeWish } from '../model/preferences.ts'

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

/** Changes what the reader wants, and keeps it for the next visit. */
export function useWish(controller: CaptionController): (wish: CaptionWish) => void {
  return (wish) => {
    writeWish(() => window.localStorage, wish)
    controller.want(wish)
  }
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

/** Keeps the screen lit while captions run; browsers that cannot, or will not, let it go dark as usual. */
export function useWakeLock(isActive: boolean): void {
  useEffect(() => {
    if (!isActive || !('wakeLock' in navigator)) return
    let lock: WakeLockSentinel | undefined
    let isOver = false
    const acquire = async () => {
      // The lock is lost whenever the page is hidden, and refused on a low battery: nothing to repair.
      const granted = await navigator.wakeLock.request('screen').catch(() => undefined)
      if (isOver) void granted?.release()
      else lock = granted
    }
    const onVisible = () => {
      if (document.visibilityState === 'visible') void acquire()
    }
    void acquire()
    document.addEventListener('visibilitychange', onVisible)
    return () => {
      isOver = true
      document.removeEventListener('visibilitychange', onVisible)
      void lock?.release()
    }
  }, [isActive])
}

/** True while the page fills the screen. */
export function useFullScreen(): boolean {
  return useSyncExternalStore(subscribeFullScreen, () => document.fullscreenElement !== null)
}

function subscribeFullScreen(listener: () => void): () => void {
  document.addEventListener('fullscreenchange', listener)
  return () => document.removeEventListener('fullscreenchange', listener)
}
