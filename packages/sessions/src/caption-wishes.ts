// What each follower of a session wants to be made of its captions, and what the session therefore has made: once per language,
// whoever wants it. Desired state, whole sets with versions. Pure; audience.ts keeps who wants what.
import type { CaptionSet, CaptionsSet, PolishMode } from '@parley/protocol'

export interface CaptionWishes {
  /** 0: never told, which means nothing. */
  readonly version: number
  /** Canonical BCP 47 tags, as are those of `speak`. */
  readonly translateTo: readonly string[]
  readonly polish: PolishMode
  readonly speak: readonly string[]
}

export const NO_WISHES: CaptionWishes = { version: 0, translateTo: [], polish: 'off', speak: [] }

/** One follower, and what it takes of anything. */
export interface FollowerWishes {
  readonly captions: CaptionWishes
  readonly partials: boolean
  readonly finals: boolean
  /** False: an owner that is away for a while. */
  readonly isHere: boolean
}

/** What a session has made of its captions. */
export interface MergedWishes {
  /** Languages, the owner's first; true: somebody who is here wants its partials too. */
  readonly targets: ReadonlyMap<string, boolean>
  readonly polishesFinals: boolean
  readonly polishesPartials: boolean
}

export const NOTHING_WANTED: MergedWishes = { targets: new Map(), polishesFinals: false, polishesPartials: false }

/** What is in force once `asked` has come: a newer version replaces the whole set, any other changes nothing. */
export function onCaptions(current: CaptionWishes, asked: CaptionSet | undefined): CaptionWishes {
  if (!asked || asked.version <= current.version) return current
  const { version, translateTo, polish, speak } = asked
  return { version, translateTo: canonicalTags(translateTo), polish, speak: canonicalTags(speak) }
}

/** A tag that is none keeps its letters: nothing is made of it, and that is told by the name it came with. */
function canonicalTags(tags: readonly string[]): string[] {
  const canonical = tags.map((tag) => {
    try {
      return Intl.getCanonicalLocales(tag)[0] ?? tag
    } catch {
      return tag
    }
  })
  return [...new Set(canonical)]
}

/** What polish a follower gets: what it wants, as far as the owner wants it. */
export function polishInForce(wanted: PolishMode, owner: PolishMode): PolishMode {
  if (wanted === 'off' || owner === 'off') return 'off'
  return wanted === 'partials' && owner === 'partials' ? 'partials' : 'finals'
}

/** `followers`: the owner first. What goes beyond `maxTargets` languages is not made. */
export function mergeWishes(
  followers: readonly FollowerWishes[],
  spokenLanguage: string,
  maxTargets: number,
): MergedWishes {
  const targets = new Map<string, boolean>()
  const want = (language: string, partials: boolean): void => {
    if (language === spokenLanguage) return
    const known = targets.get(language)
    if (known === undefined && targets.size >= maxTargets) return
    targets.set(language, known === true || partials)
  }
  const ownerPolish = followers[0]?.captions.polish ?? 'off'
  let polishesPartials = false
  for (const { captions, partials, finals, isHere } of followers) {
    if (partials || finals) for (const language of captions.translateTo) want(language, partials && isHere)
    for (const language of captions.speak) want(language, false)
    if (partials && isHere) polishesPartials ||= polishInForce(captions.polish, ownerPolish) === 'partials'
  }
  return { targets, polishesFinals: ownerPolish !== 'off', polishesPartials }
}

export type Ability =
  | { readonly is: 'supported'; readonly via: readonly string[] }
  | { readonly is: 'unsupported' | 'unavailable'; readonly message: string }

/** What can be had now, of texts in the spoken language. */
export interface Abilities {
  translation(to: string): Ability
  polishing(): Ability
  /** Why nothing can be said in a language; undefined when it can. */
  unsayable(language: string): string | undefined
}

export interface InForceInput {
  readonly wishes: CaptionWishes
  readonly ownerPolish: PolishMode
  readonly merged: MergedWishes
  readonly spokenLanguage: string
  readonly maxTargets: number
}

type Unavailable = CaptionsSet['unavailable'][number]

/** What a follower is told of what it wants. */
export function captionsInForce(input: InForceInput, abilities: Abilities): Omit<CaptionsSet, 'type' | 'requestId'> {
  const { wishes, ownerPolish, spokenLanguage } = input
  const unavailable: Unavailable[] = []
  const via: CaptionsSet['via'] = []
  const translated = new Set([...wishes.translateTo, ...wishes.speak.filter((language) => language !== spokenLanguage)])
  for (const language of translated) {
    const ability = translationOf(language, input, abilities)
    if (ability.is !== 'supported') unavailable.push({ language, stage: 'translate', ...reasonOf(ability) })
    else if (ability.via.length > 0) via.push({ language, through: [...ability.via] })
  }
  for (const language of wishes.speak) {
    const message = abilities.unsayable(language)
    if (message !== undefined) unavailable.push({ language, stage: 'speak', message, retryable: true })
  }
  const polishing: Ability = wishes.polish === 'off' ? SUPPORTED : polishingOf(ownerPolish, abilities)
  if (polishing.is !== 'supported') {
    unavailable.push({ language: spokenLanguage, stage: 'polish', ...reasonOf(polishing) })
  }
  const polish = polishInForce(wishes.polish, ownerPolish)
  const { version, translateTo, speak } = wishes
  return { version, translateTo: [...translateTo], polish, speak: [...speak], unavailable, via }
}

function translationOf(language: string, input: InForceInput, abilities: Abilities): Ability {
  const { merged, spokenLanguage, maxTargets } = input
  if (language === spokenLanguage) {
    return { is: 'unsupported', message: `${language} is the language spoken: the captions are in it already` }
  }
  const ability = abilities.translation(language)
  if (ability.is === 'unsupported' || merged.targets.has(language)) return ability
  const message =
    maxTargets === 0
      ? 'this platform translates nothing (text.maxTargetLanguages is 0)'
      : `the session is translated into ${merged.targets.size} languages already, the most there may be (text.maxTargetLanguages): ${[...merged.targets.keys()].join(', ')}`
  // Who takes no captions at all is not translated for, and asks for nothing that could be refused.
  return merged.targets.size < maxTargets && maxTargets > 0 ? ability : { is: 'unavailable', message }
}

function polishingOf(ownerPolish: PolishMode, abilities: Abilities): Ability {
  if (ownerPolish !== 'off') return abilities.polishing()
  return { is: 'unsupported', message: 'the owner of the session has not asked for polished captions' }
}

const SUPPORTED: Ability = { is: 'supported', via: [] }
const reasonOf = ({
  is,
  message,
}: Exclude<Ability, { is: 'supported' }>): Pick<Unavailable, 'message' | 'retryable'> => ({
  message,
  retryable: is === 'unavailable',
})
