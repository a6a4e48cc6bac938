/** Every mail in a real Chromium, on a telephone and on a desk, by day and by night. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { MailContent } from '@countersign/contracts'
import { startBrowser } from '@countersign/testing'
import t, { type Test } from 'tap'
import { exampleMails } from '../src/templates/examples.ts'
import { logoContentId } from '../src/templates/html.ts'
import { plainLook } from '../src/templates/look.ts'
import { createRenderMail } from '../src/templates/render-mail.ts'
import { hostileMails } from './hostile-mails.ts'
import { measured, shareOfInk, type Measured, type Page } from './measured.ts'

const now = new Date('2030-01-01T00:00:00Z')
const examples: readonly MailContent[] = Object.values(exampleMails(now))
const render = createRenderMail({ brand: 'Countersign', now: () => now })
/** Where the pictures are kept; nowhere when it is not set. */
const folder = process.env['MAIL_SCREENSHOTS']

const browser = await startBrowser(t)
const screens = [360, 700].flatMap((width) => (['light', 'dark'] as const).map((colorScheme) => ({ width, colorScheme })))

t.test('every mail can be read at a glance, on each screen and in each scheme', async (t) => {
  if (folder !== undefined) await mkdir(folder, { recursive: true })
  for (const screen of screens) {
    const { page, requests } = await openPage(t, screen)
    const { background } = plainLook[screen.colorScheme]
    for (const content of examples) {
      const label = `${content.template} ${screen.width} ${screen.colorScheme}`
      await page.setContent(render(content).html)
      const found = await measured(page)
      readable(t, found, { label, width: screen.width, background })
      if (codeOf(content) !== undefined) t.match(found.code, { text: codeOf(content), lines: 1, visible: true }, `${label}: the code in one line`)

      const picture = await page.screenshot({ fullPage: true })
      if (folder !== undefined) await writeFile(join(folder, `${content.template}-${screen.width}-${screen.colorScheme}.png`), picture)
      const ink = await shareOfInk(page, picture)
      t.ok(ink > 0.01 && ink < 0.7, `${label}: neither blank nor smeared (${ink.toFixed(3)} of it differs from its ground)`)
    }
    t.strictSame(requests, [], 'nothing is asked of the network')
  }
})

t.test('what others wrote is shown as text and does nothing, and tears no page apart', async (t) => {
  const { page, requests } = await openPage(t, { width: 360, colorScheme: 'light' })
  const dialogs: string[] = []
  page.on('dialog', (dialog) => { dialogs.push(dialog.message()); void dialog.dismiss() })
  const payment = 'Send 1.5 ETH\n  from the wallet "<script>alert(1)</script><img src=//example.com/x onerror=alert(2)>"'
  const named: MailContent = { ...exampleMails(now).code, parameters: { ...exampleMails(now).code.parameters, text: payment } }
  await page.setContent(render(named).html)
  t.equal(await page.locator('pre').innerText(), payment, 'the name of a wallet, to the letter')

  for (const content of hostileMails(examples)) {
    const { html, text } = createRenderMail({ brand: content.evil, now: () => now })(content.mail)
    await page.setContent(html)
    const found = await measured(page)
    readable(t, found, { label: `hostile ${content.mail.template}`, width: 360, background: plainLook.light.background })
    t.strictSame(found.foreign, [], `${content.mail.template}: no element that is not ours`)
    const squeezed = (words: string): string => words.replace(/\s+/g, '')
    t.equal(squeezed(found.text), squeezed(text), `${content.mail.template}: shown to the letter`)
  }
  t.strictSame(dialogs, [], 'nothing ran')
  t.strictSame(requests, [], 'nothing was fetched')
})

t.test('a logo is shown from inside the mail, no wider than the screen', async (t) => {
  const { page, requests } = await openPage(t, { width: 360, colorScheme: 'dark' })
  const logo = { content: await page.screenshot(), type: 'image/png' as const, width: 480 }
  const { html } = createRenderMail({ brand: 'Countersign', look: { ...plainLook, logo }, now: () => now })(exampleMails(now).code)
  await page.setContent(html.replace(`cid:${logoContentId}`, `data:${logo.type};base64,${logo.content.toString('base64')}`))
  const found = await measured(page)
  t.equal(found.scrollWidth, 360)
  t.match(found.images, [{ complete: true, width: 360 - 2 * 16 }])
  t.strictSame(requests, [])
})

/** A page whose every request is refused and noted. */
async function openPage (t: Test, { width, colorScheme }: typeof screens[number]): Promise<{ page: Page, requests: string[] }> {
  const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme })
  t.teardown(() => context.close())
  const requests: string[] = []
  await context.route((url) => url.protocol !== 'data:', async (route) => {
    requests.push(route.request().url())
    await route.abort()
  })
  return { page: await context.newPage(), requests }
}

function readable (t: Test, found: Measured, { label, width, background }: { label: string, width: number, background: string }): void {
  t.equal(found.scrollWidth, width, `${label}: nothing beyond the edge`)
  t.strictSame(found.beyond, [], `${label}: every text inside of its box`)
  t.equal(found.background, background, `${label}: in the colours of its scheme`)
  for (const { words, fontSize, contrast } of found.texts) {
    if (contrast < 4.5) t.fail(`${label}: "${words}" has a contrast of ${contrast.toFixed(2)}`)
    if (fontSize < 14) t.fail(`${label}: "${words}" is ${fontSize} px high`)
  }
  t.ok(found.texts.length > 2, `${label}: there are words`)
  for (const { words, width: across, height } of found.targets) t.ok(across >= 44 && height >= 44, `${label}: "${words}" is large enough for a thumb`)
}

const codeOf = ({ parameters }: MailContent): string | undefined => 'code' in parameters ? parameters.code : undefined
