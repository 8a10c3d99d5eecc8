import { launchBrowser, SAMPLE_WAV, visit, WIDE } from './browser.ts'
const url = process.argv[2] as string
const browser = await launchBrowser({ microphoneWav: process.argv[3] ?? SAMPLE_WAV })
const { page, context, faults } = await visit(browser, url, { viewport: WIDE })
await page.getByRole('button', { name: 'Start captions' }).waitFor()
console.log(await page.locator('.choice').allTextContents())
for (const l of ['Spanish','Catalan']) await page.getByLabel(l).first().check()
await page.getByLabel('Mend grammar').check()
await page.getByLabel('Hear it').selectOption('es')
await page.getByRole('button', { name: 'Start captions' }).click()
for (let i=0;i<10;i++){ await page.waitForTimeout(2500); console.log((await page.locator('.captions').innerText()).replace(/\n/g,' | ').slice(-500)) ; console.log('status', await page.locator('.status-label').innerText(), await page.locator('.field-trouble').allTextContents())}
await page.screenshot({ path: '/tmp/walk/real.png' })
console.log(faults)
await context.close(); await browser.close()
