// The page of each example plan in a real browser: narrow, wide, in both themes and on paper.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { checkPlan, evaluatePlan, parsePlan } from '@parley/planner'
import { htmlOf, planReport } from '@parley/planner/render'
import { chromium } from 'playwright-core'
import { ROOT } from '../../context.ts'

const CHROMIUM = '/usr/bin/chromium'
const SKIP = existsSync(CHROMIUM) ? false : 'chromium is not installed: apt-get install chromium'
const FOLDER = path.join(ROOT, 'examples/plans')

async function examplePages(): Promise<{ readonly name: string; readonly html: string }[]> {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith('.yaml'))
  assert.ok(names.length >= 5)
  return await Promise.all(
    names.map(async (name) => {
      const plan = parsePlan(await readFile(path.join(FOLDER, name), 'utf8'), { path: name })
      assert.ok(plan.ok, JSON.stringify(plan))
      return { name, html: htmlOf(planReport(evaluatePlan(plan.value), { check: checkPlan(plan.value) })) }
    }),
  )
}

test('[RN9] the page of every example fits 320 px and 1280 px in both themes, and on paper it is light', {
  skip: SKIP,
}, async (t) => {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] })
  t.after(() => browser.close())
  const page = await browser.newPage()
  const asked: string[] = []
  page.on('request', (request) => void asked.push(request.url()))
  const overflowPx = () =>
    page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth')
  const ground = () => page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
  for (const { name, html } of await examplePages()) {
    await page.setContent(html)
    for (const width of [320, 1280]) {
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.setViewportSize({ width, height: 800 })
        await page.emulateMedia({ media: 'screen', colorScheme })
        assert.equal(await overflowPx(), 0, `${name}, ${width} px, ${colorScheme}: scrolls sideways`)
      }
    }
    const dark = await ground()
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' })
    assert.notEqual(await ground(), dark, `${name}: dark paper`)
    // What a chart shows is there as a table, too: a page on paper cannot be opened up.
    assert.ok((await page.locator('table').count()) > 0, name)
    assert.equal(await page.locator('h1').count(), 1, name)
  }
  assert.deepEqual(asked, [], 'the page asks the network for something')
})
