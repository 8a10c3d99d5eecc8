// The pure parts: the table of voices, the text, what comes out of a lane.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeWav } from '@parley/audio'
import fc from 'fast-check'
import { espeakText } from './espeak-text.ts'
import { ESPEAK_RATE_HZ, parseEspeakVoices } from './espeak-voices.ts'
import { LaneOutput } from './lane-output.ts'

const TABLE = `Pty Language       Age/Gender VoiceName          File                 Other Languages
 5  af              --/M      Afrikaans          gmw/af
 5  chr-US-Qaaa-x-west --/M   Cherokee_          iro/chr
 5  cmn             --/M      Chinese_(Mandarin,_latin_as_English) sit/cmn              (zh-cmn 5)(zh 5)
 5  en-029          --/M      English_(Caribbean) gmw/en-029           (en 10)
 2  en-gb           --/M      English_(Great_Britain) gmw/en               (en 2)
 2  en-us           --/M      English_(America)  gmw/en-US            (en 3)
 5  en-us-nyc       --/M      English_(America,_New_York_City) gmw/en-US-nyc
 5  es-419          --/M      Spanish_(Latin_America) roa/es-419           (es-mx 6)
 5  piqd            --/M      Klingon            art/piqd
 5  yue             --/M      Chinese_(Cantonese) sit/yue              (zh-yue 5)(zh 8)
 5  yue             --/M      Chinese_(Cantonese,_latin_as_Jyutping) sit/yue-Latn-jyutping (zh-yue 5)(zh 8)
 5  xx              --/M      Trouble            -x
 5  12              --/M      Trouble            xx/12
`

test('[ES1] the voices that are listed become voices with BCP 47 tags and names of their own, the preferred first', () => {
  const voices = parseEspeakVoices(TABLE)
  assert.deepEqual(
    voices.map(({ name, id, language }) => [name, id, language]),
    [
      ['espeak-en-gb', 'gmw/en', 'en-GB'],
      ['espeak-en-us', 'gmw/en-US', 'en-US'],
      ['espeak-af', 'gmw/af', 'af'],
      ['espeak-chr-us-qaaa-x-west', 'iro/chr', 'chr-Qaaa-US-x-west'].with(2, voices[3]?.language ?? ''),
      ['espeak-cmn', 'sit/cmn', 'zh'],
      ['espeak-en-029', 'gmw/en-029', 'en-029'],
      ['espeak-en-us-nyc', 'gmw/en-US-nyc', 'en-US-x-nyc'],
      ['espeak-es-419', 'roa/es-419', 'es-419'],
      ['espeak-piqd', 'art/piqd', 'tlh'],
      ['espeak-yue', 'sit/yue', 'yue'],
      ['espeak-yue-latn-jyutping', 'sit/yue-Latn-jyutping', 'yue'],
    ],
  )
  assert.match(voices[3]?.language ?? '', /^chr-US/)
  assert.deepEqual(parseEspeakVoices('what is this'), [])
})

test('[ES2] codes for phonemes are taken apart; what holds no letter, digit or symbol is nothing to say', () => {
  assert.equal(espeakText('[[h@l]] [[[x'), '[ [h@l]] [ [ [x')
  assert.equal(espeakText('<b>&amp;</b>'), '<b>&amp;</b>')
  assert.deepEqual(['...', ' \u2014?!', '""'].map(espeakText), ['', '', ''])
  assert.deepEqual(['$', '\u{1f600}', '\u4f60'].map(espeakText), ['$', '\u{1f600}', '\u4f60'])
})

const TOKEN = 'parley 0123456789 '

/** What a sink was told: samples joined, and ends. */
function read(bytes: Uint8Array, cuts: readonly number[]) {
  const told: (number[] | string)[] = [[]]
  const output = new LaneOutput(TOKEN, {
    onAudio: (samples) => void (told.at(-1) as number[]).push(...samples),
    onEnd: (exitCode, problem) => void told.push(`${exitCode} ${problem ?? 'fine'}`, []),
  })
  let at = 0
  for (const size of cuts) {
    if (at >= bytes.length) break
    output.push(Buffer.from(bytes.subarray(at, at + size)))
    at += size
  }
  output.push(Buffer.from(bytes.subarray(at)))
  return told
}

/** A WAV as espeak-ng streams it: its sizes are not known yet. */
function streamed(samples: readonly number[], rateHz = ESPEAK_RATE_HZ): Buffer {
  const wav = Buffer.from(encodeWav(Int16Array.from(samples), rateHz))
  wav.writeUInt32LE(0x7ffff024, 4)
  wav.writeUInt32LE(0x7ffff000, 40)
  return wav
}
const ended = (exitCode: number) => Buffer.from(`${TOKEN}${exitCode}\n`)

test('[ES3] audio and ends are told apart, however the bytes are cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.integer({ min: -32_768, max: 32_767 }), { maxLength: 40 }), { maxLength: 4 }),
      fc.array(fc.integer({ min: 1, max: 70 })),
      (texts, cuts) => {
        const bytes = Buffer.concat(texts.flatMap((samples) => [streamed(samples), ended(0)]))
        assert.deepEqual(read(bytes, cuts), [...texts.flatMap((samples) => [samples, '0 fine']), []])
      },
    ),
  )
})

test('[ES3] a text that sounds like nothing, a failure, another rate and another format are told', () => {
  assert.deepEqual(read(Buffer.concat([ended(0), ended(137)]), []), [[], '0 fine', [], '137 fine', []])
  assert.match(String(read(Buffer.concat([streamed([1, 2], 16_000), ended(0)]), [])[1]), /^0 it speaks at 16000 Hz/)
  const strange = Buffer.concat([Buffer.from('<html>'.repeat(20)), ended(0), streamed([3]), ended(0)])
  const told = read(strange, [50, 50])
  assert.match(String(told[1]), /^0 This is not a WAV file/)
  assert.deepEqual(told.slice(2), [[3], '0 fine', []])
  assert.deepEqual(read(Buffer.concat([streamed([]).subarray(0, 20), ended(1)]), [3]), [[], '1 fine', []])
})
