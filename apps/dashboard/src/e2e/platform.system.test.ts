// The page on the whole platform: a pod, a speech worker and real speech from a fake microphone.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { systemClock, withDeadline } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import type { FakeStats } from '@parley/providers/fake'
import type { Page } from 'playwright-core'
import { launchBrowser, NARROW, SAMPLE_WAV, SKIP, visit } from './browser.ts'

const COMMAND_LINE = fileURLToPath(new URL('../../../cli/src/main.ts', import.meta.url))
const START_LIMIT_MS = 90_000
const SPEECH_LIMIT_MS = 60_000
/** What samples/hello.wav says. */
const WORDS =
  'hello and welcome to this short test every word you hear is written on the screen this is the end of the sample'

interface Ready {
  readonly url: string
  readonly adminUrl: string
  readonly pods?: readonly { readonly url: string }[]
  readonly pageUrl: string
  readonly speechReady: boolean
}

const SKIP_REDIS = existsSync('/usr/bin/redis-server')
  ? false
  : 'redis-server is not installed: apt-get install redis-server'

/** An order to the admin listener, a unix socket; what it answers. */
function post(adminUrl: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socketPath = decodeURIComponent(adminUrl.replace(/^unix:/, ''))
    const asked = request({ socketPath, path, method: 'POST' }, (response) => {
      let answer = ''
      response.setEncoding('utf8').on('data', (text: string) => {
        answer += text
      })
      if (response.statusCode === 200 || response.statusCode === 201) response.once('end', () => resolve(answer))
      else reject(new Error(`${path} answered ${response.statusCode}`))
    })
    asked.once('error', reject)
    asked.end()
  })
}

/** One command of the platform that runs until it is told to stop; `ready` is the first line it prints. */
interface Running<Line> {
  readonly ready: Line
  stop(): Promise<void>
}

async function run<Line>(what: string, args: readonly string[]): Promise<Running<Line>> {
  const child: ChildProcess = spawn(process.execPath, [COMMAND_LINE, ...args, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const stop = async () => {
    child.kill('SIGTERM')
    await ended
  }
  try {
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
    const first = new Promise<string>((resolve, reject) => {
      lines.once('line', resolve)
      lines.once('close', () => reject(new Error(`${what} ended before it was ready`)))
    })
    const line = await withDeadline(systemClock, START_LIMIT_MS, `starting ${what}`, first)
    return { ready: JSON.parse(line) as Line, stop }
  } catch (failure) {
    await stop()
    throw failure
  }
}

async function startPlatform(config: object = {}): Promise<Running<Ready>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'parley-data-'))
  const file = join(dataDir, 'parley.json')
  const args = ['up', '--port', '0', '--offline', '--data-dir', dataDir, '--config', file]
  await writeFile(file, JSON.stringify({ ...config, speech: { slotsPerWorker: 2 } }))
  const remove = () => rm(dataDir, { recursive: true, force: true })
  try {
    const { ready, stop } = await run<Ready>('the platform', args)
    return { ready, stop: () => stop().then(remove) }
  } catch (failure) {
    await remove()
    throw failure
  }
}

async function transcriptOf(page: Page): Promise<string> {
  return (await page.locator('ol.lines .line-text').allTextContents()).join(' ')
}

/** Share of the spoken words that are in the transcript, in their order (longest common subsequence). */
function heardRatio(transcript: string): number {
  const spoken = WORDS.split(' ')
  const heard = transcript
    .toLowerCase()
    .replace(/[^a-z ]/g, '')
    .split(' ')
  let row = new Array<number>(heard.length + 1).fill(0)
  for (const word of spoken) {
    const next = [0]
    for (const [index, other] of heard.entries()) {
      next.push(word === other ? (row[index] as number) + 1 : Math.max(row[index + 1] as number, next[index] as number))
    }
    row = next
  }
  return (row.at(-1) as number) / spoken.length
}

async function untilHeard(page: Page, who: string): Promise<void> {
  await eventually(
    async () => {
      const transcript = await transcriptOf(page)
      return heardRatio(transcript) >= 0.75 ? undefined : `${who} reads "${transcript}"`
    },
    { withinMs: SPEECH_LIMIT_MS, everyMs: 200 },
  )
}

/** With everything as it is shipped, for the tests that want nothing else. */
let shipped: Promise<Running<Ready>> | undefined
after(async () => (await shipped?.catch(() => undefined))?.stop())

/**
 * A platform with speech (its own where it is to be configured) and a browser into which the sample is spoken, gone with the test; undefined, and
 * skipped, without an engine.
 */
async function startStage(t: TestContext, config?: object) {
  if (config === undefined) shipped ??= startPlatform()
  const platform = await (shipped && config === undefined ? shipped : startPlatform(config))
  if (config !== undefined) t.after(() => platform.stop())
  if (!platform.ready.speechReady) {
    t.skip('no speech engine is installed: apt-get install libpocketsphinx3 pocketsphinx-en-us')
    return undefined
  }
  const browser = await launchBrowser({ microphoneWav: `${SAMPLE_WAV}%noloop` })
  t.after(() => browser.close())
  return { platform, browser }
}

/** The page's address with a code that nobody has used. */
async function freshAddress({ url, adminUrl }: Ready): Promise<string> {
  const { code } = JSON.parse(await post(adminUrl, '/admin/page-codes')) as { code: string }
  return `${url}/#code=${code}`
}

/** Chooses Spanish and Catalan, to be heard in Spanish, and starts; resolves when both are read and a voice was there. */
async function listen(page: Page): Promise<void> {
  const catalan = page.getByLabel('Catalan', { exact: true })
  // The engine for translations may be a moment later than the one for speech.
  await eventually(
    async () => {
      if (await catalan.isVisible()) return undefined
      await page.reload()
      await page.getByRole('button', { name: 'Start captions' }).waitFor()
      return 'nothing is offered'
    },
    { withinMs: START_LIMIT_MS, everyMs: 1_000 },
  )
  await page.getByLabel('Spanish', { exact: true }).check()
  await catalan.check()
  await page.getByLabel('Hear it').selectOption('es')
  const heard = page.getByTestId('speaking').first().waitFor({ timeout: SPEECH_LIMIT_MS })
  await page.getByRole('button', { name: 'Start captions' }).click()
  const finals = (language: string) =>
    page.locator(`[data-testid="translated-${language}"][data-state="final"]`).allTextContents()
  await eventually(
    async () => {
      const [lines, spanish, catalanLines] = [await finalLines(page), await finals('es'), await finals('ca')]
      // "pantalla" is the screen in the second sentence, in both languages.
      const isWhole = lines >= 3 && spanish.length === lines && catalanLines.length === lines
      const isRight = [spanish, catalanLines].every((texts) => /pantalla/.test(texts.join(' ')))
      return isWhole && isRight ? undefined : JSON.stringify({ lines, spanish, catalanLines })
    },
    { withinMs: SPEECH_LIMIT_MS, everyMs: 200 },
  )
  await heard
}

const finalLines = (page: Page): Promise<number> => page.locator('ol.lines > li').count()

test('[PG18] English into the microphone is read in Spanish and Catalan, and heard in Spanish', {
  skip: SKIP,
}, async (t) => {
  const stage = await startStage(t)
  if (stage === undefined) return
  const { platform, browser } = stage
  const { page, faults } = await visit(browser, await freshAddress(platform.ready))
  await listen(page)
  assert.deepEqual(faults, [])
})

test('[PG1] [PG9] [PG12] [PG15] speech into the microphone is read on the page and on a second screen', {
  skip: SKIP,
}, async (t) => {
  const stage = await startStage(t)
  if (stage === undefined) return
  const { platform, browser } = stage
  const owner = await visit(browser, await freshAddress(platform.ready))
  await owner.page.getByRole('button', { name: 'Start captions' }).click()
  await owner.page.getByRole('button', { name: 'Share a watch link' }).click()
  const link = await owner.page.getByLabel('Watch link').inputValue()
  await untilHeard(owner.page, 'the owner')

  const watcher = await visit(browser, link, { viewport: NARROW })
  await untilHeard(watcher.page, 'a watcher who came late')
  assert.equal(await watcher.page.getByTestId('announcer').locator('p').count(), 0, 'history was read out')
  await eventually(async () => {
    const count = await owner.page.getByTestId('fact-watchers').textContent()
    return count === '1' ? undefined : `the owner sees ${count} watchers`
  })
  await owner.page.getByRole('button', { name: 'Stop' }).click()
  await watcher.page.getByText('has ended the captions').waitFor()
  assert.deepEqual([...owner.faults, ...watcher.faults], [])

  await owner.page.getByRole('button', { name: 'Clear' }).click()
  await owner.page.getByRole('button', { name: 'Play the sample' }).click()
  await untilHeard(owner.page, 'the owner of the sample')
  assert.deepEqual(owner.faults, [])
})

test('[PG18] with a provider that grants less than half of the calls there would be, every final is translated all the same', {
  skip: SKIP,
}, async (t) => {
  // Six finals and about twenty partials within some ten seconds, and a call every three seconds.
  const limits = ['--rpm', '24', '--latency', '200ms,500ms']
  const provider = await run<{ baseUrl: string; stats: string }>('the provider', [
    'fake-provider',
    'openai',
    '--port',
    '0',
    ...limits,
  ])
  t.after(() => provider.stop())
  const { baseUrl } = provider.ready
  const fake = { id: 'fake', protocol: 'openai', baseUrl, roles: ['translate'], chatModel: 'fake' }
  const stage = await startStage(t, {
    providers: [{ ...fake, requestsPerMinute: 24 }],
    text: { engines: [{ role: 'translate', engines: ['fake'] }] },
    worker: { roles: ['recognise', 'synthesise', 'translate'] },
  })
  if (stage === undefined) return
  const { platform, browser } = stage
  const { page, faults } = await visit(browser, platform.ready.pageUrl)
  await listen(page)
  const asked = (await (await fetch(provider.ready.stats)).json()) as FakeStats
  const { chat } = asked.routes
  t.diagnostic(JSON.stringify({ chat, peak: asked.peakPerMinute }))
  assert.equal(chat.limited, 0, 'never more than was granted')
  assert.ok(chat.answered >= 6)
  assert.deepEqual(faults, [])
})

test('[PG19] a session on another pod than the page: captions, a watch link and its reader, all by themselves', {
  skip: SKIP || SKIP_REDIS,
}, async (t) => {
  const stage = await startStage(t, { fleet: { pods: 2 }, worker: { roles: ['recognise'] } })
  if (stage === undefined) return
  const { platform, browser } = stage
  const { url, adminUrl, pods = [] } = platform.ready
  // The pod that serves the page takes no sessions.
  await post(adminUrl, '/fleet/members/pod-1/drain')
  const owner = await visit(browser, platform.ready.pageUrl)
  await owner.page.getByRole('button', { name: 'Start captions' }).click()
  await owner.page.getByRole('button', { name: 'Share a watch link' }).click()
  const link = await owner.page.getByLabel('Watch link').inputValue()
  assert.equal(new URL(link).origin, pods[1]?.url)
  assert.equal(new URL(owner.page.url()).origin, url)
  await untilHeard(owner.page, 'the owner')
  const watcher = await visit(browser, link, { viewport: NARROW })
  await untilHeard(watcher.page, 'a watcher who came late')
  await owner.page.getByRole('button', { name: 'Stop' }).click()
  await watcher.page.getByText('has ended the captions').waitFor()
  assert.deepEqual([...owner.faults, ...watcher.faults], [])
})
