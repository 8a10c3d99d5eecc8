import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CaptionSet } from '@parley/protocol'
import {
  type Abilities,
  type CaptionWishes,
  captionsInForce,
  type FollowerWishes,
  mergeWishes,
  NO_WISHES,
  onCaptions,
  polishInForce,
} from './caption-wishes.ts'

const set = (version: number, more: Partial<CaptionSet> = {}): CaptionSet => ({
  version,
  translateTo: [],
  polish: 'off',
  speak: [],
  ...more,
})
const wishes = (more: Partial<CaptionSet>): CaptionWishes => onCaptions(NO_WISHES, set(1, more))
const follower = (more: Partial<CaptionSet>, rest: Partial<FollowerWishes> = {}): FollowerWishes => ({
  captions: wishes(more),
  partials: true,
  finals: true,
  isHere: true,
  ...rest,
})
const NOBODY = follower({}, { isHere: false })

test('[RF1] a newer version replaces the whole set, any other changes nothing; tags are canonical and once', () => {
  const first = onCaptions(NO_WISHES, set(3, { translateTo: ['ES', 'pt-br', 'es'], speak: ['es'] }))
  assert.deepEqual(first, { version: 3, translateTo: ['es', 'pt-BR'], polish: 'off', speak: ['es'] })
  assert.equal(onCaptions(first, set(3, { translateTo: ['ca'] })), first)
  assert.equal(onCaptions(first, undefined), first)
  assert.deepEqual(onCaptions(first, set(4)).translateTo, [])
  assert.deepEqual(wishes({ translateTo: ['abcd-x'] }).translateTo, ['abcd-x'], 'no tag keeps its letters')
})

test('[RF2] once per language, the owner first; beyond the most the rest is not made, the spoken one never', () => {
  const owner = follower({ translateTo: ['es', 'en'] })
  const watchers = [follower({ translateTo: ['ca', 'es'] }), follower({ translateTo: ['fr'] })]
  const { targets } = mergeWishes([owner, ...watchers], 'en', 2)
  assert.deepEqual([...targets.keys()], ['es', 'ca'])
  assert.deepEqual([...mergeWishes([owner, ...watchers], 'en', 0).targets], [])
})

test('[RF2] who takes no captions wants no translation to read; to hear one, it is made', () => {
  const deaf = follower({ translateTo: ['es'], speak: ['ca', 'en'] }, { partials: false, finals: false })
  assert.deepEqual([...mergeWishes([deaf], 'en', 8).targets], [['ca', false]])
})

test('[RF3] partials are made for whoever is here and takes partials, and polished as the owner wants', () => {
  const away = follower({ translateTo: ['es'], polish: 'partials' }, { isHere: false })
  const finals = follower({ translateTo: ['ca'], polish: 'partials' }, { partials: false })
  const both = follower({ translateTo: ['ca'], polish: 'finals' })
  const merged = mergeWishes([away, finals, both], 'en', 8)
  assert.deepEqual(
    [...merged.targets],
    [
      ['es', false],
      ['ca', true],
    ],
  )
  assert.deepEqual([merged.polishesFinals, merged.polishesPartials], [true, false])
  const watcher = follower({ polish: 'partials' })
  assert.equal(mergeWishes([away, watcher], 'en', 8).polishesPartials, true)
  assert.equal(mergeWishes([NOBODY, watcher], 'en', 8).polishesFinals, false)
})

test('[RF3] a watcher gets what it wants of what the owner wants', () => {
  const cases = [
    ['off', 'partials', 'off'],
    ['partials', 'off', 'off'],
    ['partials', 'finals', 'finals'],
    ['finals', 'partials', 'finals'],
    ['partials', 'partials', 'partials'],
  ] as const
  for (const [wanted, owner, inForce] of cases) assert.equal(polishInForce(wanted, owner), inForce)
})

const ALL: Abilities = {
  translation: () => ({ is: 'supported', via: [] }),
  polishing: () => ({ is: 'supported', via: [] }),
  unsayable: () => undefined,
}

function told(
  own: Partial<CaptionSet>,
  owner: Partial<CaptionSet>,
  abilities: Partial<Abilities> = {},
  maxTargets = 2,
) {
  const merged = mergeWishes([follower(owner), follower(own)], 'en', maxTargets)
  const ownerPolish = owner.polish ?? 'off'
  const input = { wishes: wishes(own), ownerPolish, merged, spokenLanguage: 'en', maxTargets }
  return captionsInForce(input, { ...ALL, ...abilities })
}

test('[RF9] what cannot be had is told with its stage and why, what is reached through others with these', () => {
  const abilities: Partial<Abilities> = {
    translation: (to) =>
      to === 'xx'
        ? { is: 'unsupported', message: 'no way to xx' }
        : { is: 'supported', via: to === 'ca' ? ['es'] : [] },
    unsayable: (language) => (language === 'ca' ? 'no voice' : undefined),
    polishing: () => ({ is: 'unavailable', message: 'loading' }),
  }
  const wish = { translateTo: ['xx', 'ca', 'en'], polish: 'partials', speak: ['ca', 'en'] } as const
  const own = { ...wish, translateTo: [...wish.translateTo], speak: [...wish.speak] }
  const { unavailable, ...rest } = told(own, { polish: 'finals' }, abilities)
  assert.deepEqual(rest, {
    version: 1,
    translateTo: ['xx', 'ca', 'en'],
    polish: 'finals',
    speak: ['ca', 'en'],
    via: [{ language: 'ca', through: ['es'] }],
  })
  assert.deepEqual(
    unavailable.map(({ language, stage, retryable }) => `${stage} ${language} ${retryable}`),
    ['translate xx false', 'translate en false', 'speak ca true', 'polish en true'],
  )
  assert.match(unavailable[1]?.message ?? '', /is the language spoken/)
})

test('[RF2] [RF9] a language beyond the most, and polish the owner does not want, are told', () => {
  const { unavailable, polish } = told({ translateTo: ['fr'], polish: 'finals' }, { translateTo: ['es', 'ca'] })
  assert.equal(polish, 'off')
  assert.match(unavailable[0]?.message ?? '', /2 languages already, .*es, ca/)
  assert.match(unavailable[1]?.message ?? '', /owner .* has not asked/)
  assert.match(told({ translateTo: ['fr'] }, {}, {}, 0).unavailable[0]?.message ?? '', /text.maxTargetLanguages is 0/)
})
