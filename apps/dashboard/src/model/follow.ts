// Does the transcript follow the newest line? The reader decides by scrolling. Pure.

export interface ScrollMetrics {
  readonly topPx: number
  readonly viewPx: number
  readonly contentPx: number
}

export interface Follow {
  readonly isFollowing: boolean
  readonly lastTopPx: number
}

export const INITIAL_FOLLOW: Follow = { isFollowing: true, lastTopPx: 0 }

/** Nearer to the end than this counts as at the end: fractional pixels, a finger's rest. */
const NEAR_END_PX = 40

export function isAtEnd(metrics: ScrollMetrics): boolean {
  return metrics.contentPx - metrics.topPx - metrics.viewPx <= NEAR_END_PX
}

/** After a scroll: at the end follows, upwards stops, anything else (growth below, a zoom) changes nothing. */
export function onScrolled(follow: Follow, metrics: ScrollMetrics): Follow {
  const movedUp = metrics.topPx < follow.lastTopPx - 1
  const isFollowing = isAtEnd(metrics) || (follow.isFollowing && !movedUp)
  return { isFollowing, lastTopPx: metrics.topPx }
}
