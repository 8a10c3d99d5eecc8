// A long text as the pieces it is said in: each fits one message, and ends at the end of a sentence where there is one. Pure.
import { MAX_CONTROL_MESSAGE_BYTES, MAX_SPEAK_TEXT_CHARS } from '@parley/protocol'

/** Bytes of a text in a message, as JSON; the rest of the message has the other quarter. */
const MAX_PIECE_BYTES = (MAX_CONTROL_MESSAGE_BYTES * 3) / 4

const encoder = new TextEncoder()
const SENTENCES = new Intl.Segmenter('en', { granularity: 'sentence' })
const GRAPHEMES = new Intl.Segmenter('en', { granularity: 'grapheme' })
/** A word with the space behind it. */
const WORDS = /\S*\s+|\S+$/g

/** The pieces of `text` in order; together they are the text. One empty piece of an empty text. */
export function splitSpeech(text: string): string[] {
  if (fits(text)) return [text]
  const pieces: string[] = []
  gather(sentencesOf(text), pieces)
  return pieces
}

function* sentencesOf(text: string): IterableIterator<string> {
  for (const { segment } of SENTENCES.segment(text)) {
    if (fits(segment)) yield segment
    else yield* wordsOf(segment)
  }
}

/** Of a sentence that fits no message. */
function* wordsOf(sentence: string): IterableIterator<string> {
  const words: string[] = []
  gather(partsOfWords(sentence), words)
  yield* words
}

function* partsOfWords(sentence: string): IterableIterator<string> {
  for (const [word] of sentence.matchAll(WORDS)) {
    if (fits(word)) yield word
    else yield* hardPartsOf(word)
  }
}

/** Of a word that fits none; characters stay whole as long as they fit themselves. */
function* hardPartsOf(word: string): IterableIterator<string> {
  const parts: string[] = []
  gather(charactersOf(word), parts)
  yield* parts
}

function* charactersOf(word: string): IterableIterator<string> {
  for (const { segment } of GRAPHEMES.segment(word)) {
    if (fits(segment)) yield segment
    else yield* segment
  }
}

/** Puts together what fits together, in order. */
function gather(parts: Iterable<string>, pieces: string[]): void {
  let piece = ''
  let pieceBytes = 0
  for (const part of parts) {
    const partBytes = bytesOf(part)
    const isFull = piece.length + part.length > MAX_SPEAK_TEXT_CHARS || pieceBytes + partBytes > MAX_PIECE_BYTES
    if (piece !== '' && isFull) {
      pieces.push(piece)
      piece = ''
      pieceBytes = 0
    }
    piece += part
    pieceBytes += partBytes
  }
  if (piece !== '') pieces.push(piece)
}

const fits = (text: string): boolean => text.length <= MAX_SPEAK_TEXT_CHARS && bytesOf(text) <= MAX_PIECE_BYTES
/** Without the quotes. */
const bytesOf = (text: string): number => encoder.encode(JSON.stringify(text)).length - 2
