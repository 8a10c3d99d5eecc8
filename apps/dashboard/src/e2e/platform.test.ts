// The page on the whole platform: a pod, a speech worker and real speech from a fake microphone.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { systemClock, withDeadline } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import type { Page } from 'playwright-core'
import { launchBrowser, NARROW, SAMPLE_WAV, SKIP, visit } from './browser.ts'

const COMMAND_LINE = fileURLToPath(new URL('../../../cli/src/main.ts', import.meta.url))
const START_LIMIT_MS = 90_000
const SPEECH_LIMIT_MS = 60_000
/** What samples/hello.wav says. */
const WORDS =
  'hello and welcome to this short test every word you hear is written on the screen this is the end of the sample'

interface Ready {
  readonly pageUrl: string
  readonly speechReady: boolean
}

interface Platform {
  readonly ready: Ready
  stop(): Promise<void>
}

async function startPlatform(): Promise<Platform> {
  const dataDir = await mkdtemp(join(tmpdir(), 'parley-data-'))
  const child: ChildProcess = spawn(
    process.execPath,
    [COMMAND_LINE, 'up', '--port', '0', '--json', '--offline', '--data-dir', dataDir],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const stop = async () => {
    child.kill('SIGTERM')
    await ended
    await rm(dataDir, { recursive: true, force: true })
  }
  try {
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
    const first = new Promise<string>((resolve, reject) => {
      lines.once('line', resolve)
      lines.once('close', () => reject(new Error('the platform ended before it was ready')))
    })
    const line = await withDeadline(systemClock, START_LIMIT_MS, 'starting the platform', first)
    return { ready: JSON.parse(line) as Ready, stop }
  } catch (failure) {
    await stop()
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

test('[PG18] English into the microphone is read in Spanish and Catalan, and heard in Spanish', {
  skip: SKIP,
}, async (t) => {
  const platform = await startPlatform()
  t.after(() => platform.stop())
  if (!platform.ready.speechReady) {
    t.skip('no speech engine is installed: apt-get install libpocketsphinx3 pocketsphinx-en-us')
    return
  }
  const browser = await launchBrowser({ microphoneWav: `${SAMPLE_WAV}%noloop` })
  t.after(() => browser.close())
  const { page, faults } = await visit(browser, platform.ready.pageUrl)
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
  const finals = async (language: string) =>
    (await page.locator(`[data-testid="translated-${language}"][data-state="final"]`).allTextContents()).join(' ')
  await eventually(
    async () => {
      const [spanish, catalan] = [await finals('es'), await finals('ca')]
      return /pantalla/.test(spanish) && /pantalla/.test(catalan) ? undefined : `read "${spanish}" and "${catalan}"`
    },
    { withinMs: SPEECH_LIMIT_MS, everyMs: 200 },
  )
  await heard
  assert.deepEqual(faults, [])
})

test('[PG1] [PG9] [PG12] [PG15] speech into the microphone is read on the page and on a second screen', {
  skip: SKIP,
}, async (t) => {
  const platform = await startPlatform()
  t.after(() => platform.stop())
  if (!platform.ready.speechReady) {
    t.skip('no speech engine is installed: apt-get install libpocketsphinx3 pocketsphinx-en-us')
    return
  }
  const browser = await launchBrowser({ microphoneWav: `${SAMPLE_WAV}%noloop` })
  t.after(() => browser.close())
  const owner = await visit(browser, platform.ready.pageUrl)
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
