// The built page in a real browser against a fake pod: microphone, sample, watching, troubles.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type FakePod, type FakePodOptions, scriptOf, startFakePod } from '@parley/client/testing'
import { eventually } from '@parley/kernel/testing'
import type { Browser, Page } from 'playwright-core'
import { buildForTest, launchBrowser, NARROW, overflowPx, SKIP, visit } from './browser.ts'
import { type PageHost, startPageHost } from './page-host.ts'

const FIRST = 'Hello from the fake pod.'
const SECOND = 'It knows what you will say.'

let browser: Browser
let page: { dir: string; remove: () => Promise<void> }

before(async () => {
  if (SKIP) return
  page = await buildForTest()
  browser = await launchBrowser()
})

after(async () => {
  await browser?.close()
  await page?.remove()
})

interface Stage {
  readonly pod: FakePod
  readonly host: PageHost
}

/** A fake pod that speaks two sentences, and the page in front of it. */
async function stage(
  t: { after(fn: () => Promise<void>): void },
  more: readonly string[] = [],
  options: FakePodOptions = {},
): Promise<Stage> {
  const pod = await startFakePod({ script: scriptOf([FIRST, SECOND, ...more], 400), ...options })
  const host = await startPageHost({ pageDir: page.dir, pod, languages: ['en', 'de'] })
  t.after(async () => {
    await host.close()
    await pod.close()
  })
  return { pod, host }
}

const status = (where: Page) => where.locator('[role=status] .status-label')
const button = (where: Page, name: string | RegExp) => where.getByRole('button', { name })
const lines = (where: Page) => where.locator('ol.lines .line-text')

const textOf = async (locator: ReturnType<typeof status>): Promise<string> => (await locator.textContent()) ?? ''

async function hasText(locator: ReturnType<typeof status>, expected: string | RegExp): Promise<void> {
  await eventually(async () => {
    const text = (await locator.count()) > 0 ? await textOf(locator.first()) : '(nothing)'
    const fits = typeof expected === 'string' ? text === expected : expected.test(text)
    return fits ? undefined : `"${text}" is not ${expected}`
  })
}

test('[PG1] [PG2] [PG3] [PG15] the microphone becomes captions: partials in sight, finals announced', {
  skip: SKIP,
}, async (t) => {
  const { pod, host } = await stage(t)
  const { page: at, context, faults } = await visit(browser, host.freshAddress())
  await button(at, 'Start captions').click()
  await hasText(status(at), 'Listening')
  await at.getByTestId('partial').first().waitFor()
  const announcer = at.getByTestId('announcer')
  assert.equal(await announcer.locator('p').count(), 0, 'a partial was announced')
  await hasText(lines(at), FIRST)
  await eventually(async () => ((await lines(at).count()) === 2 ? undefined : 'the second final is missing'))
  assert.deepEqual(await announcer.locator('p').allTextContents(), [FIRST, SECOND])
  assert.match(await textOf(at.getByTestId('fact-lag')), /^\d+\.\d s$/)
  assert.match(await textOf(at.getByTestId('fact-codec')), /^(Opus, 48|PCM, 16) kHz$/)
  await button(at, 'Stop').click()
  await hasText(status(at), 'Stopped')
  await eventually(() => (pod.sessions.length === 0 ? undefined : 'the session was not closed'))
  assert.deepEqual(faults, [])
  await context.close()
})

test('[PG1] the sample plays, ends by itself, and its captions are all there', { skip: SKIP }, async (t) => {
  const { host } = await stage(t)
  const { page: at, context, faults } = await visit(browser, host.freshAddress())
  await button(at, 'Play the sample').click()
  await hasText(status(at), 'Playing the sample')
  assert.equal(await at.getByRole('meter', { name: 'Sample level' }).count(), 1)
  await eventually(async () => ((await textOf(status(at))) === 'Stopped' ? undefined : 'the sample goes on'), {
    withinMs: 20_000,
  })
  assert.deepEqual(await lines(at).allTextContents(), [FIRST, SECOND])
  assert.deepEqual(faults, [])
  await context.close()
})

test('[PG12] the code leaves the address; a used one and none at all say how to get a fresh one', {
  skip: SKIP,
}, async (t) => {
  const { host } = await stage(t)
  const address = host.freshAddress()
  const first = await visit(browser, address)
  await button(first.page, 'Start captions').waitFor()
  assert.equal(first.page.url(), `${host.origin}/`)
  // Let in already: the same address again, and no address at all, open the page.
  await first.page.goto(address)
  await button(first.page, 'Start captions').waitFor()
  await first.context.close()

  const second = await visit(browser, address)
  await hasText(second.page.locator('h1'), 'This address was used before')
  assert.match(await textOf(second.page.locator('main')), /\.\/parley link/)
  assert.equal(second.page.url(), `${host.origin}/`)
  await second.context.close()

  const third = await visit(browser, host.origin)
  await hasText(third.page.locator('h1'), 'This page is not open yet')
  assert.match(await textOf(third.page.locator('main')), /\.\/parley link/)
  assert.deepEqual(third.faults, [])
  await third.context.close()
})

test('[PG9] [PG14] a watch link shows the captions to a second screen, live and late, until the owner ends', {
  skip: SKIP,
}, async (t) => {
  const { host } = await stage(t, Array(30).fill('And so on.'))
  const owner = await visit(browser, host.freshAddress(), { permissions: ['clipboard-read', 'clipboard-write'] })
  await button(owner.page, 'Start captions').click()
  await hasText(lines(owner.page), FIRST)
  await button(owner.page, 'Share a watch link').click()
  const link = await owner.page.getByLabel('Watch link').inputValue()
  assert.match(link, new RegExp(`^${host.origin}/watch#.+`))
  await button(owner.page, 'Copy link').click()
  await hasText(owner.page.locator('.toast'), 'Watch link copied')
  assert.equal(await owner.page.evaluate(() => navigator.clipboard.readText()), link)

  const watcher = await visit(browser, link)
  await hasText(status(watcher.page), 'Following live')
  await hasText(owner.page.getByTestId('fact-watchers'), '1')
  await eventually(async () => {
    const texts = await lines(watcher.page).allTextContents()
    return texts.length > 1 ? undefined : `the watcher reads ${JSON.stringify(texts)}`
  })
  assert.equal(await button(watcher.page, /Start|Stop|Share/).count(), 0, 'a watcher can do something')
  await button(owner.page, 'Stop').click()
  await hasText(status(watcher.page), 'The captions have ended')
  assert.match(await textOf(watcher.page.locator('main')), /has ended the captions/)
  assert.deepEqual([...owner.faults, ...watcher.faults], [])
  await watcher.context.close()
  await owner.context.close()
})

test('[PG14] [PG9] a revoked or broken link says whom to ask', { skip: SKIP }, async (t) => {
  const { pod, host } = await stage(t)
  const owner = await visit(browser, host.freshAddress())
  await button(owner.page, 'Start captions').click()
  await button(owner.page, 'Share a watch link').click()
  const link = await owner.page.getByLabel('Watch link').inputValue()
  await button(owner.page, 'Revoke').click()
  await button(owner.page, 'Share a watch link').waitFor()
  pod.refuseNext('hello', 'WATCH_LINK_INVALID')
  const watcher = await visit(browser, link)
  await hasText(status(watcher.page), 'This watch link does not work')
  assert.match(await textOf(watcher.page.locator('main')), /Ask whoever sent it/)
  const bare = await visit(browser, `${host.origin}/watch`)
  await hasText(bare.page.locator('h1'), 'This watch link does not work')
  for (const { context } of [owner, watcher, bare]) await context.close()
})

test('[PG8] [PG10] a full platform counts down and lets in as soon as there is room', { skip: SKIP }, async (t) => {
  const { pod, host } = await stage(t)
  const { page: at, context } = await visit(browser, host.freshAddress())
  pod.refuseNext('create', 'NO_SLOT', { retryAfterMs: 2_000 })
  await button(at, 'Start captions').click()
  await hasText(status(at), 'Every place for speech is taken')
  await hasText(at.getByTestId('countdown'), /^Next try in [12] s$/)
  await hasText(status(at), 'Listening')
  await context.close()
})

test('[PG8] refusals that do not pass are told in words, with what to do', { skip: SKIP }, async (t) => {
  const { pod, host } = await stage(t)
  const { page: at, context } = await visit(browser, host.freshAddress())
  const expected = [
    ['LANGUAGE_UNSUPPORTED', 'This language is not understood here', /Choose another language/],
    ['UNAUTHENTICATED', 'This page is not let in any more', /\.\/parley link/],
    ['TICKET_EXPIRED', 'The way in has expired', /Start again/],
    ['BAD_REQUEST', 'This page and the pod do not understand each other', /BAD_REQUEST/],
  ] as const
  for (const [code, title, words] of expected) {
    pod.refuseNext('create', code)
    await button(at, 'Start captions').click()
    await hasText(status(at), title)
    assert.match(await textOf(at.locator('.notice')), words)
  }
  await context.close()
})

/** Frames of one session, by media time: none missing, none twice. */
function assertWhole(pod: FakePod): void {
  const { frames, format } = pod.last
  const step = ((format?.sampleRateHz ?? 0) * (format?.frameMs ?? 0)) / 1000
  const gaps = frames.flatMap(({ mediaTime }, index) => (mediaTime === index * step ? [] : [[index, mediaTime]]))
  assert.deepEqual(gaps, [])
}

test('[PG16] [PG4] the network goes away and comes back: said in words, speech kept, nothing lost, no reload', {
  skip: SKIP,
}, async (t) => {
  const { pod, host } = await stage(t, Array(20).fill('And so on.'))
  const { page: at, context } = await visit(browser, host.freshAddress())
  await at.evaluate(() => {
    document.body.dataset.visit = 'first'
  })
  await button(at, 'Start captions').click()
  await hasText(lines(at), FIRST)
  pod.last.setSpeech('waiting', 'worker_lost')
  await hasText(status(at), 'Speech engine waiting')
  pod.last.setSpeech('ready')
  await hasText(status(at), 'Listening')
  const before = await lines(at).count()
  host.setNetwork('down')
  await hasText(status(at), 'Connection lost, trying again')
  const region = at.locator('[role=status]')
  assert.match(await textOf(region), /Go on speaking: up to 60 seconds are kept/)
  await hasText(at.getByTestId('kept'), /^[23] of 60 s kept$/)
  assert.equal(await at.getByRole('meter', { name: 'Microphone level' }).count(), 1, 'it goes on recording')
  assert.equal(await lines(at).count(), before)
  host.setNetwork('up')
  await button(at, 'Try now').click()
  await hasText(status(at), 'Listening')
  await hasText(at.locator('.toast'), /^Connected again\. \d seconds of speech are being captioned\.$/)
  assert.match(await textOf(region), /Connected again/)
  const [toast, newest] = [await at.locator('.toast').boundingBox(), await lines(at).last().boundingBox()]
  assert.ok(toast && newest && toast.y + toast.height <= newest.y, 'the newest line is covered')
  await eventually(async () => ((await lines(at).count()) > before ? undefined : 'no caption after it'))
  await button(at, 'Stop').click()
  await hasText(status(at), 'Stopped')
  assertWhole(pod)
  assert.equal(pod.last.attaches, 2)
  assert.equal(await at.evaluate(() => document.body.dataset.visit), 'first', 'the page was loaded again')
  assert.equal(await at.locator('.session-mark').count(), 0, 'another session was begun')
  await context.close()
})

test('[PG4] [PG2] a connection lost for good is told, takes the partial away and keeps the lines', {
  skip: SKIP,
}, async (t) => {
  const { pod, host } = await stage(t, [], { graceMs: 600 })
  const { page: at, context } = await visit(browser, host.freshAddress())
  await button(at, 'Start captions').click()
  await hasText(lines(at), FIRST)
  host.setNetwork('down')
  await hasText(status(at), 'Connection lost')
  host.setNetwork('up')
  assert.equal(await at.getByTestId('partial').count(), 0)
  assert.equal((await lines(at).allTextContents())[0], FIRST)
  assert.match(await textOf(at.locator('.notice')), /Check the network/)
  await button(at, 'Start captions').click()
  await hasText(status(at), 'Listening')
  await hasText(at.locator('.session-mark'), /^New session, \d\d:\d\d$/)
  pod.last.end('deleted')
  await hasText(status(at), 'The session was ended from outside')
  await context.close()
})

test('[PG9] [PG16] a watcher whose line breaks comes back by itself and reads everything once', {
  skip: SKIP,
}, async (t) => {
  const script = Array.from({ length: 20 }, (_, index) => `Line ${index}.`)
  const { pod, host } = await stage(t, script)
  const owner = await visit(browser, host.freshAddress())
  await button(owner.page, 'Start captions').click()
  await hasText(lines(owner.page), FIRST)
  await button(owner.page, 'Share a watch link').click()
  const link = await owner.page.getByLabel('Watch link').inputValue()
  const watcher = await visit(browser, link)
  await hasText(status(watcher.page), 'Following live')
  await watcher.page.evaluate(() => {
    const region = document.querySelector('[role=status]') as HTMLElement
    new MutationObserver(() => {
      document.body.dataset.told = region.textContent ?? ''
    }).observe(region, { subtree: true, childList: true, characterData: true })
  })
  pod.last.cutWatchers()
  const inFirst = await lines(watcher.page).count()
  await eventually(async () => ((await lines(watcher.page).count()) > inFirst ? undefined : 'it is not back'))
  assert.equal(await watcher.page.evaluate(() => document.body.dataset.told), undefined, 'a break of a moment was told')
  host.setNetwork('down')
  await hasText(status(watcher.page), 'Connection lost, trying again')
  host.setNetwork('up')
  await hasText(status(watcher.page), 'Following live')
  await eventually(async () => {
    const count = await lines(watcher.page).count()
    return count >= 4 ? undefined : `${count} lines`
  })
  const read = await lines(watcher.page).allTextContents()
  assert.deepEqual(read, [FIRST, SECOND, ...script].slice(0, read.length))
  const announced = await watcher.page.getByTestId('announcer').locator('p').allTextContents()
  assert.ok(!announced.includes(FIRST), 'what was said before it came is not read out')
  for (const { context } of [owner, watcher]) await context.close()
})

test('[PG17] muting brings the last words at once and says that nothing is sent; unmuting goes on', {
  skip: SKIP,
}, async (t) => {
  const { pod, host } = await stage(t)
  const { page: at, context } = await visit(browser, host.freshAddress())
  await button(at, 'Start captions').click()
  await at.getByTestId('partial').first().waitFor()
  await button(at, 'Mute').click()
  await hasText(status(at), 'Muted')
  await eventually(() => (pod.last.messages.some(({ type }) => type === 'audio.end') ? undefined : 'nothing asked for'))
  await eventually(async () => ((await lines(at).count()) === 1 ? undefined : 'the last words do not come'))
  const heard = pod.last.frames.length
  await button(at, 'Unmute').click()
  await hasText(status(at), 'Listening')
  await eventually(() => (pod.last.frames.length > heard + 10 ? undefined : 'nothing is heard'))
  await context.close()
})

test('[PG8] no pod at all is told apart from a pod that refuses', { skip: SKIP }, async (t) => {
  const { pod, host } = await stage(t)
  const { page: at, context } = await visit(browser, host.freshAddress())
  await button(at, 'Start captions').waitFor()
  await pod.close()
  await host.close()
  await button(at, 'Start captions').click()
  await hasText(status(at), 'Parley cannot be reached')
  await context.close()
})

test('[PG8] the microphone that is not allowed has its own words', { skip: SKIP }, async (t) => {
  const { host } = await stage(t)
  const strict = await launchBrowser({ isMicrophoneAllowed: false })
  t.after(() => strict.close())
  const { page: at, context } = await visit(strict, host.freshAddress())
  // Headless browsers have nobody to ask: without a grant the answer is no.
  await context.clearPermissions()
  await button(at, 'Start captions').click()
  await hasText(status(at), 'The microphone is not allowed')
  assert.match(await textOf(at.locator('.notice')), /site settings/)
  assert.equal(await at.evaluate(() => document.activeElement?.textContent), 'Start captions')
})

test('[PG8] a machine without a microphone has its own words', { skip: SKIP }, async (t) => {
  const { host } = await stage(t)
  const bare = await launchBrowser({ hasMicrophone: false })
  t.after(() => bare.close())
  const { page: at } = await visit(bare, host.freshAddress())
  await button(at, 'Start captions').click()
  await hasText(status(at), 'No microphone found')
})

test('[PG8] an address that may not use the microphone says so, and the sample still plays', {
  skip: SKIP,
}, async (t) => {
  const { host } = await stage(t)
  // Any name that is not localhost is insecure over http; the browser is told where it leads.
  const far = await launchBrowser({ hostMap: 'MAP parley.test 127.0.0.1' })
  t.after(() => far.close())
  const address = host.freshAddress().replace('localhost', 'parley.test')
  const { page: at } = await visit(far, address)
  await button(at, 'Start captions').click()
  await hasText(status(at), 'This address may not use the microphone')
  assert.match(await textOf(at.locator('.notice')), /--tls self-signed/)
  await button(at, 'Play the sample').click()
  await hasText(lines(at), FIRST)
  assert.equal(await textOf(at.getByTestId('fact-codec')), 'PCM, 16 kHz')
})

test('[PG13] the whole way by keyboard: start, read back, stop, with the focus always in sight', {
  skip: SKIP,
}, async (t) => {
  const { host } = await stage(t)
  const { page: at, context } = await visit(browser, host.freshAddress(), { viewport: NARROW })
  await button(at, 'Start captions').waitFor()
  const focused = () =>
    at.evaluate(() => document.activeElement?.textContent || document.activeElement?.ariaLabel || '')
  const tabTo = async (name: string) => {
    for (let steps = 0; steps < 20; steps++) {
      if ((await focused()).startsWith(name)) return
      await at.keyboard.press('Tab')
    }
    assert.fail(`${name} cannot be reached by Tab; focus is on "${await focused()}"`)
  }
  await tabTo('Start captions')
  const outline = await at.evaluate(() => getComputedStyle(document.activeElement as Element).outlineStyle)
  assert.equal(outline, 'solid', 'the focus is not visible')
  await at.keyboard.press('Enter')
  await hasText(status(at), 'Listening')
  await eventually(async () => ((await focused()) === 'Stop' ? undefined : `focus is on "${await focused()}"`))
  await hasText(lines(at), FIRST)
  await tabTo('Languages')
  await at.keyboard.press('Space')
  await tabTo('Share a watch link')
  await at.keyboard.press('Enter')
  await at.getByLabel('Watch link').waitFor()
  await at.keyboard.press('Shift+Tab')
  await button(at, 'Stop').focus()
  await at.keyboard.press('Enter')
  await hasText(status(at), 'Stopped')
  await eventually(async () =>
    (await focused()) === 'Start captions' ? undefined : `focus is on "${await focused()}"`,
  )
  assert.equal(await overflowPx(at), 0)
  await context.close()
})
