// Chromium for the page's tests: one process per test file, a fresh context per test, everything that went wrong collected.
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { buildPage } from '../../build.ts'

const CHROMIUM = '/usr/bin/chromium'

/** For `test(..., { skip })`: false, or why the browser tests cannot run. */
export const SKIP = existsSync(CHROMIUM) ? false : 'chromium is not installed: apt-get install chromium'

export const SAMPLE_WAV = fileURLToPath(new URL('../../../../samples/hello.wav', import.meta.url))

/** 360 px: the narrowest phone the page promises to serve. */
export const NARROW = { width: 360, height: 740 } as const
export const WIDE = { width: 1280, height: 800 } as const

export interface LaunchOptions {
  /** WAV the fake microphone gives, from its beginning again and again; without it a beep. */
  readonly microphoneWav?: string
  /** False leaves the question for the microphone to the context's permissions. */
  readonly isMicrophoneAllowed?: boolean
  /** False: no device at all. */
  readonly hasMicrophone?: boolean
  /** Chromium's --host-resolver-rules, for names that lead to this machine. */
  readonly hostMap?: string
}

export function launchBrowser(options: LaunchOptions = {}): Promise<Browser> {
  const { microphoneWav, isMicrophoneAllowed = true, hasMicrophone = true, hostMap } = options
  return chromium.launch({
    executablePath: CHROMIUM,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--autoplay-policy=no-user-gesture-required',
      '--mute-audio',
      ...(hasMicrophone ? ['--use-fake-device-for-media-stream'] : []),
      ...(isMicrophoneAllowed ? ['--use-fake-ui-for-media-stream'] : []),
      ...(microphoneWav === undefined ? [] : [`--use-file-for-fake-audio-capture=${microphoneWav}`]),
      ...(hostMap === undefined ? [] : [`--host-resolver-rules=${hostMap}`]),
    ],
  })
}

export interface Visit {
  readonly page: Page
  readonly context: BrowserContext
  /** Console errors, uncaught exceptions and CSP violations so far. */
  readonly faults: string[]
}

export async function visit(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext({ viewport: WIDE, colorScheme: 'light', locale: 'en-GB', ...options })
  const page = await context.newPage()
  const faults: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') faults.push(message.text())
  })
  page.on('pageerror', (error) => faults.push(String(error)))
  await page.goto(url)
  return { page, context, faults }
}

/** Builds the page (or another HTML file) into a folder of its own; `remove` takes it away. */
export async function buildForTest(input?: string): Promise<{ dir: string; remove: () => Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'parley-page-'))
  await buildPage({ outDir: dir, ...(input === undefined ? {} : { input }) })
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) }
}

export const SCRIPTED_HTML = fileURLToPath(new URL('../testing/scripted.html', import.meta.url))

/** Pixels by which the page is wider than its window; 0 = no horizontal scrolling. */
export function overflowPx(page: Page): Promise<number> {
  return page.evaluate(() => {
    const root = document.scrollingElement ?? document.documentElement
    return root.scrollWidth - root.clientWidth
  })
}
