// How many words an editor changed. Pure.

/** Beyond this many words on either side only their number is compared: captions are far shorter. */
const MAX_WORDS = 400

/** Words of `after` and `before` that are not in a longest common run of both, whichever side has more; marks and capitals do not count. */
export function changedWords(before: string, after: string): number {
  const [left, right] = [wordsOf(before), wordsOf(after)]
  if (left.length > MAX_WORDS || right.length > MAX_WORDS) {
    return before === after ? 0 : Math.max(1, Math.abs(left.length - right.length))
  }
  return Math.max(left.length, right.length) - commonLength(left, right)
}

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}\p{M}']+/gu) ?? []

function commonLength(left: readonly string[], right: readonly string[]): number {
  let row = new Uint16Array(right.length + 1)
  for (const word of left) {
    const next = new Uint16Array(right.length + 1)
    for (let at = 1; at <= right.length; at++) {
      next[at] =
        word === right[at - 1] ? (row[at - 1] as number) + 1 : Math.max(row[at] as number, next[at - 1] as number)
    }
    row = next
  }
  return row[right.length] as number
}
