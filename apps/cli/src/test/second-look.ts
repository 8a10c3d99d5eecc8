// Files that failed beside others are run once more, one at a time with nothing beside them: what is wrong fails again, and what only came late on a
// busy machine is told apart from it. Both failures and passes are those of the last run; the first one is told all the same.
import type { TestNote } from './note.ts'

/** Where more files have failed it is not the machine, and a second look only costs time. */
export const MAX_SECOND_LOOKS = 5

type OnNote = (note: TestNote) => void

export class SecondLook {
  readonly #onNote: OnNote
  /** Of files under way, until they are through. */
  readonly #open = new Map<string, TestNote[]>()
  /** Of files that failed. */
  readonly #failed = new Map<string, TestNote[]>()

  constructor(onNote: OnNote) {
    this.#onNote = onNote
  }

  /** Passes on what is final. */
  readonly take: OnNote = (note) => {
    const notes = this.#open.get(note.file) ?? []
    notes.push(note)
    this.#open.set(note.file, notes)
    if (note.is !== 'file') return
    this.#open.delete(note.file)
    if (notes.some(({ is }) => is === 'failed')) {
      this.#failed.set(note.file, notes)
      this.#onNote({ is: 'put-off', file: note.file, text: textOf(notes) })
    } else for (const each of notes) this.#onNote(each)
  }

  /** After everything else. `run` runs these files, and notes what becomes of them. */
  async lookAgain(run: (files: readonly string[], onNote: OnNote) => Promise<void>): Promise<void> {
    const isWorthIt = this.#failed.size <= MAX_SECOND_LOOKS
    for (const [file, first] of this.#failed) {
      const again: TestNote[] = []
      if (isWorthIt) await run([file], (note) => again.push(note))
      // Interrupted before it was through: the first run is what is known.
      const isThrough = again.at(-1)?.is === 'file'
      for (const note of isThrough ? again : first) this.#onNote(note)
      if (!isThrough || again.some(({ is }) => is === 'failed')) continue
      this.#onNote({ is: 'unsteady', file, text: textOf(first) })
    }
  }
}

const textOf = (notes: readonly TestNote[]): string =>
  notes.flatMap((note) => (note.is === 'failed' ? [note.text] : [])).join('\n')
