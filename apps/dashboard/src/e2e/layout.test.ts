// The built page in a real browser on a scripted client: every state on screens of every size, for every way of reading.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { eventually } from '@parley/kernel/testing'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import type { RunEvent } from '../caption-client.ts'
import { final, partial, translation, welcome } from '../testing/scripted-caption-client.ts'
import { buildForTest, launchBrowser, NARROW, overflowPx, SCRIPTED_HTML, SKIP, visit, WIDE } from './browser.ts'
import { type PageHost, startPageHost } from './page-host.ts'

let browser: Browser
let host: PageHost
let removeBuild: () => Promise<void>

before(async () => {
  if (SKIP) return
  const { dir, remove } = await buildForTest(SCRIPTED_HTML)
  removeBuild = remove
  host = await startPageHost({ pageDir: dir, htmlPath: 'src/testing/scripted.html' })
  browser = await launchBrowser()
})

after(async () => {
  await browser?.close()
  await host?.close()
  await removeBuild?.()
})

const LONG_WORD = `Donaudampfschifffahrt${'s'.repeat(60)}gesellschaft`
const SPEECH: RunEvent[] = [
  { type: 'connecting' },
  welcome(),
  final('1.0', 'Good morning, everyone, and welcome to the annual meeting.', { lagMs: 412 }),
  final('1.1', `The word is ${LONG_WORD}, and it does not fit.`),
  partial('1.2', 'so we have taken down the wall', 20),
  { type: 'watchers', count: 12 },
]

const TRANSLATED: RunEvent[] = [
  ...SPEECH,
  translation('1.0', 'es', 'Buenos d\u00edas a todos y bienvenidos a la reuni\u00f3n anual.'),
  translation('1.0', 'ca', 'Bon dia a tothom i benvinguts a la reuni\u00f3 anual.'),
  translation('1.1', 'es', `La palabra es ${LONG_WORD}.`),
  { type: 'translation.failed', utterance: '1.1', language: 'ca' },
  { type: 'mended', utterance: '1.0', text: 'Good morning, everybody, and welcome to the annual meeting.' },
  translation('1.2', 'es', 'as\u00ed que hemos', 'partial'),
  {
    type: 'wish',
    unavailable: [{ language: 'ca', stage: 'speak', message: 'no worker has a voice for it' }],
    via: [{ language: 'ca', through: ['es'] }],
  },
]

const STATES: Readonly<Record<string, readonly RunEvent[]>> = {
  preparing: [],
  listening: [{ type: 'connecting' }, welcome()],
  captions: SPEECH,
  translated: TRANSLATED,
  waiting: [...SPEECH, { type: 'speech', state: 'waiting' }],
  reconnecting: [...SPEECH, { type: 'reconnecting', keptMs: 60_000 }],
  finishing: [...SPEECH, { type: 'finishing' }],
  full: [{ type: 'ended', trouble: { kind: 'refused', code: 'NO_SLOT', message: '', retryAfterMs: 60_000 } }],
  insecure: [{ type: 'ended', trouble: { kind: 'microphone', problem: 'insecure' } }],
  lost: [...SPEECH, { type: 'ended', trouble: { kind: 'lost' } }],
  stopped: [...SPEECH, { type: 'ended' }],
}

async function speak(at: Page, events: readonly RunEvent[]): Promise<void> {
  if (events.length > 0) await at.evaluate((sent) => window.scripted.lastRun.send(...sent), [...events])
}

/** A page in which captions were started and `events` have come. */
async function inState(events: readonly RunEvent[], options: BrowserContextOptions = {}) {
  const visited = await visit(browser, host.origin, options)
  if (events === TRANSLATED) {
    for (const language of ['Spanish', 'Catalan', 'Mend grammar']) await visited.page.getByLabel(language).check()
    await visited.page.getByLabel('Hear it').selectOption('es')
  }
  await visited.page.getByRole('button', { name: 'Start captions' }).click()
  await speak(visited.page, events)
  return visited
}

interface Screen {
  readonly viewport: { readonly width: number; readonly height: number }
  readonly colorScheme: 'light' | 'dark'
}

const SCREENS: Readonly<Record<string, Screen>> = {
  'narrow, light': { viewport: NARROW, colorScheme: 'light' },
  'narrow, dark': { viewport: NARROW, colorScheme: 'dark' },
  'narrow and low': { viewport: { width: 360, height: 320 }, colorScheme: 'light' },
  'wide, light': { viewport: WIDE, colorScheme: 'light' },
  'large, dark': { viewport: { width: 2560, height: 1440 }, colorScheme: 'dark' },
}

for (const [name, events] of Object.entries(STATES)) {
  test(`[PG13] no screen scrolls sideways or hides the main button: ${name}`, { skip: SKIP }, async () => {
    const { page: at, context, faults } = await inState(events, { viewport: NARROW })
    const details = at.getByRole('button', { name: /^Languages/ })
    if (await details.isVisible()) await details.click()
    for (const [screen, { viewport, colorScheme }] of Object.entries(SCREENS)) {
      await at.setViewportSize(viewport)
      await at.emulateMedia({ colorScheme })
      assert.equal(await overflowPx(at), 0, `${screen}: scrolls sideways`)
      const main = at.getByRole('button', { name: /^(Start captions|Stop|Stopping|Cancel)$/ })
      await main.scrollIntoViewIfNeeded()
      assert.equal(await main.isVisible(), true, `${screen}: no main button in sight`)
    }
    assert.deepEqual(faults, [])
    await context.close()
  })
}

test('[PG13] text at 200 % is all there, at 360 px and at 720 px', { skip: SKIP }, async () => {
  for (const width of [360, 720]) {
    const { page: at, context } = await inState(SPEECH, { viewport: { width, height: 700 } })
    await at.evaluate(() => {
      document.documentElement.style.fontSize = '200%'
    })
    assert.equal(await overflowPx(at), 0, `${width} px`)
    await at.getByRole('button', { name: 'Stop' }).scrollIntoViewIfNeeded()
    const cut = await at.evaluate(() =>
      [...document.querySelectorAll('button, label, dt, dd, .status-label')]
        .filter(
          (element) => element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).display !== 'inline',
        )
        .map((element) => element.textContent),
    )
    assert.deepEqual(cut, [], `${width} px: text is cut off`)
    await context.close()
  }
})

test('[PG13] the caption size grows, is remembered, and stays within its bounds', { skip: SKIP }, async () => {
  const { page: at, context } = await inState(SPEECH)
  const sizePx = () =>
    at
      .locator('ol.lines .line-text')
      .first()
      .evaluate((line) => Number.parseFloat(getComputedStyle(line).fontSize))
  const before = await sizePx()
  const larger = at.getByRole('button', { name: 'Larger captions' })
  await larger.click()
  await larger.click()
  assert.ok((await sizePx()) > before * 1.5)
  assert.equal(await larger.isDisabled(), true)
  assert.equal(await overflowPx(at), 0)
  await at.reload()
  assert.equal(await at.locator('.app').getAttribute('data-text-size'), 'huge')
  await context.close()
})

test('[PG3] [PG4] one polite live region, one status region, landmarks, and names for every control', {
  skip: SKIP,
}, async () => {
  const { page: at, context } = await inState(SPEECH)
  const found = await at.evaluate(() => ({
    live: [...document.querySelectorAll('[aria-live]')].map((region) => region.getAttribute('aria-live')),
    status: document.querySelectorAll('[role=status]').length,
    alerts: document.querySelectorAll('[role=alert], [aria-live=assertive]').length,
    headings: document.querySelectorAll('h1').length,
    landmarks: ['header', 'main', 'aside'].map((name) => document.querySelectorAll(name).length),
    transcriptIsLive: document.querySelector('.scroller')?.closest('[aria-live], [role=log]') !== null,
    unnamed: [...document.querySelectorAll<HTMLInputElement>('button, input, select')].filter((control) => {
      const isLabelled = (control.labels?.length ?? 0) > 0
      return !(control.textContent?.trim() || control.getAttribute('aria-label') || isLabelled)
    }).length,
  }))
  assert.deepEqual(found, {
    live: ['polite'],
    status: 1,
    alerts: 0,
    headings: 1,
    landmarks: [1, 1, 1],
    transcriptIsLive: false,
    unnamed: 0,
  })
  const announced = at.getByTestId('announcer').locator('p')
  assert.equal(await announced.count(), 2)
  await speak(at, [final('1.2', 'So we have taken down the wall.')])
  assert.equal((await announced.allTextContents()).at(-1), 'So we have taken down the wall.')
  await context.close()
})

test('[PG2] what may still change differs in more than colour', { skip: SKIP }, async () => {
  const { page: at, context } = await inState(SPEECH)
  const look = (selector: string) =>
    at
      .locator(selector)
      .first()
      .evaluate((element) => {
        const { fontStyle, textDecorationLine } = getComputedStyle(element)
        return { fontStyle, textDecorationLine }
      })
  assert.deepEqual(await look('.open-tail'), { fontStyle: 'italic', textDecorationLine: 'underline' })
  assert.deepEqual(await look('.open-stable'), { fontStyle: 'normal', textDecorationLine: 'none' })
  assert.equal(await at.locator('.open-stable').textContent(), 'so we have taken dow')
  await context.close()
})

test('[PG11] [PG6] a long transcript follows, lets the reader go back, and draws only its newest part', {
  skip: SKIP,
}, async () => {
  const { page: at, context } = await inState([{ type: 'connecting' }, welcome()], { viewport: NARROW })
  await at.evaluate(() => {
    const lines = Array.from({ length: 450 }, (_, index) => ({
      type: 'caption' as const,
      kind: 'final' as const,
      utterance: `1.${index}`,
      text: `This is line number ${index} of a long evening.`,
      stable: 0,
      startMs: index * 4_000,
    }))
    window.scripted.lastRun.send(...lines)
  })
  const scroller = at.locator('.scroller')
  const gapPx = () => scroller.evaluate((element) => element.scrollHeight - element.scrollTop - element.clientHeight)
  const atEnd = () => eventually(async () => ((await gapPx()) < 3 ? undefined : `${await gapPx()} px above the end`))
  await atEnd()
  assert.equal(await at.locator('ol.lines > li').count(), 200)
  await scroller.evaluate((element) => element.scrollTo(0, 900))
  const newest = at.getByRole('button', { name: 'Newest' })
  await newest.waitFor()
  const top = await scroller.evaluate((element) => element.scrollTop)
  await speak(at, [final('2.0', 'Something new was said.'), partial('2.1', 'and more')])
  await at.getByTestId('partial').waitFor({ state: 'attached' })
  assert.ok(Math.abs((await scroller.evaluate((element) => element.scrollTop)) - top) < 120, 'the reader was moved')
  await newest.click()
  await atEnd()
  assert.equal(await newest.count(), 0)
  await scroller.evaluate((element) => element.scrollTo(0, 0))
  await at.getByRole('button', { name: /^Show 200 earlier lines$/ }).click()
  assert.equal(await at.locator('ol.lines > li').count(), 400)
  await context.close()
})

test('[PG5] the meter follows the level, in sight and in words', { skip: SKIP }, async () => {
  const { page: at, context } = await inState(SPEECH, { viewport: WIDE })
  await speak(at, [{ type: 'level', peakRatio: 0.35 }])
  const meter = at.getByRole('meter', { name: 'Microphone level' })
  assert.equal(await meter.getAttribute('aria-valuetext'), 'good')
  const shown = await meter.locator('.level-bar').evaluate((bar) => bar.getBoundingClientRect().width)
  const whole = await meter.evaluate((element) => element.getBoundingClientRect().width)
  assert.ok(shown > whole * 0.5 && shown < whole, `${shown} of ${whole} px`)
  await context.close()
})

test('[PG13] nothing moves for those who asked for stillness', { skip: SKIP }, async () => {
  const { page: at, context } = await inState([], { reducedMotion: 'reduce' })
  const moving = await at.evaluate(() => document.getAnimations().length)
  assert.equal(moving, 0)
  await context.close()
})

test('[PG7] the transcript leaves as a file with times', { skip: SKIP }, async () => {
  const { page: at, context } = await inState(SPEECH)
  const [download] = await Promise.all([
    at.waitForEvent('download'),
    at.getByRole('button', { name: 'Download' }).click(),
  ])
  assert.equal(download.suggestedFilename(), 'captions.txt')
  const chunks: Buffer[] = []
  for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer)
  assert.match(Buffer.concat(chunks).toString('utf8'), /^Captions of .+\n\n\[0:01\] Good morning, everyone/)
  await context.close()
})
