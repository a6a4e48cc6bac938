/** What mails look like: one source for text and HTML, nothing that runs or is fetched, and an operator's own look. */
import { createHash, createVerify, generateKeyPairSync } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MailContent } from '@countersign/contracts'
import { createCli } from '@countersign/runtime'
import { startSmtp } from '@countersign/testing'
import t from 'tap'
import { Value } from 'typebox/value'
import { environment } from '../src/config.ts'
import { previewCommand } from '../src/operator/preview-command.ts'
import { createRenderSms } from '../src/sms/render-sms.ts'
import { createSmtpSender } from '../src/smtp/smtp-sender.ts'
import { catalogue, createSay } from '../src/templates/catalogue.ts'
import { exampleMails, exampleSms } from '../src/templates/examples.ts'
import { plainLook } from '../src/templates/look.ts'
import { readTemplateFolder } from '../src/templates/read-template-folder.ts'
import { createRenderMail, renderTestMail } from '../src/templates/render-mail.ts'
import { hostileMails } from './hostile-mails.ts'
import { startWire } from './open-worker.ts'

const now = new Date('2030-01-01T00:00:00Z')
const examples = Object.values(exampleMails(now))
const render = createRenderMail({ brand: 'Test House', now: () => now })
const pixel = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')

t.test('there is an example of every mail, right by its contract, and every text of the catalogue stands in one of them', (t) => {
  for (const content of examples) t.ok(Value.Check(MailContent, content), content.template)
  const names = (MailContent as unknown as { anyOf: { properties: { template: { const: string } } }[] }).anyOf.map(({ properties }) => properties.template.const)
  t.strictSame(examples.map(({ template }) => template).sort(), names.sort())

  const marked = { ...plainLook, texts: Object.fromEntries(Object.keys(catalogue).map((name) => [name, `[${name}]`])) }
  const inOneMinute = { template: 'code' as const, to: 'ada@example.com', parameters: { code: '493817', text: 'x', expires_at: '2030-01-01T00:01:00Z' } }
  const lock = { template: 'factor_locked' as const, to: 'ada@example.com', parameters: { at: '2030-01-01T00:00:00Z', closed: false } }
  const locks = [{ ...lock, parameters: { ...lock.parameters, closed: true } }, { ...lock, parameters: { ...lock.parameters, factor: 'Authenticator app: <b>' } }]
  // Only words of its own stand in a life, which texts hold in a place of its own.
  const withLife = { ...marked, texts: { ...marked.texts, 'code.life': '{life}' } }
  const everything = [
    ...examples.map(createRenderMail({ brand: 'Test House', look: marked, now: () => now })),
    ...[...examples, inOneMinute, ...locks].map(createRenderMail({ brand: 'Test House', look: { ...withLife, texts: { ...withLife.texts, 'not_you.ignore': '{otherwise}' } }, now: () => now })),
    renderTestMail({ brand: 'Test House', look: marked })
  ].map(({ subject, text }) => subject + text).join() + createRenderSms({ brand: 'Test House', look: marked, domain: undefined, now: () => now })(exampleSms(now))
  for (const name of Object.keys(catalogue)) t.ok(everything.includes(`[${name}]`), name)
  t.end()
})

t.test('text and HTML say the same, nothing runs, nothing is fetched, and nobody learns that it was read', (t) => {
  for (const content of examples) {
    const { subject, text, html, logo } = render(content)
    t.notMatch(subject, /[\r\n]|493817|082917/, content.template)
    const shown = html.replace(/<style>.*?<\/style>|<title>.*?<\/title>|<[^>]*>/gs, '').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&#39;', '\'').replaceAll('&amp;', '&')
    t.equal(shown.replace(/\s+/g, ''), text.replace(/\s+/g, ''), content.template)
    const [link] = /https:\/\/app\.example\.com\/link#token=[A-Za-z0-9_-]+/.exec(text) ?? []
    t.strictSame([...html.matchAll(/(?:href|src|url\()="?([^")]*)/g)].map(([, found]) => found), link === undefined ? [] : [link], content.template)
    t.notMatch(html, /<script|<img|<iframe|<form|@import|\son[a-z]+=/i)
    t.match(html, /<meta name="viewport" content="width=device-width/)
    t.match(html, /<meta name="color-scheme" content="light dark">[^]*@media \(prefers-color-scheme:dark\)/)
    t.equal(logo, undefined)
  }
  t.end()
})

t.test('what others wrote is text, wherever it stands', (t) => {
  for (const { mail, evil } of hostileMails(examples)) {
    const { subject, text, html } = createRenderMail({ brand: evil, now: () => now })(mail)
    t.notMatch(html.replace(/^<!doctype.*?<body/s, ''), /<script|<img|onerror="/, mail.template)
    t.ok(html.includes('&lt;/pre&gt;&lt;/p&gt;&lt;script&gt;'), mail.template)
    t.ok(text.includes(evil), 'as it is, and filled in once')
    t.ok(subject.includes(evil))
  }
  t.end()
})

t.test('a code says its life in minutes, what is left of it', (t) => {
  const mail = (seconds: number): MailContent => ({ template: 'code', to: 'ada@example.com', parameters: { code: '493817', text: 'x', expires_at: new Date(now.getTime() + seconds * 1_000).toISOString() } })
  for (const [seconds, words] of [[300, '5 minutes'], [298, '5 minutes'], [61, '1 minute'], [10, '1 minute'], [900, '15 minutes']] as const) {
    t.match(render(mail(seconds)).text, new RegExp(`good for ${words}, until 2030-01-01 00:`), String(seconds))
  }
  t.equal(createSay('B')('life.minutes', { count: '7' }), '7 minutes')
  t.end()
})

t.test('an operator changes colours, logo and texts by files, and is told which file is wrong before a mail goes out', async (t) => {
  const folder = t.testdir({
    'theme.json': JSON.stringify({ light: { background: '#fffbe6' }, dark: { button: '#00ff99' }, logo_width: 64 }),
    'texts.json': JSON.stringify({ 'step_up.subject': '{brand}: dein Code', 'code.life': 'Gilt {life} (bis {until}).', 'life.minutes': '{count} Minuten' })
  })
  await writeFile(join(folder, 'logo.png'), pixel)
  const look = await readTemplateFolder(folder)
  const mail = createRenderMail({ brand: 'Haus', look, now: () => now })(exampleMails(now).code)
  t.equal(mail.subject, 'Haus: dein Code')
  t.match(mail.text, /^Gilt 5 Minuten \(bis 2030-01-01 00:05:00 UTC\)\.$/m)
  t.match(mail.html, /background:#fffbe6[^]*<img src="cid:logo@countersign" width="64"/)
  t.match(mail.html, /\.button\{background:#00ff99!important/)
  t.same(mail.logo?.content, pixel)
  t.same(await readTemplateFolder(undefined), plainLook)

  const wrong: [Record<string, string>, RegExp][] = [
    [{ 'texts.json': '{"step_up.subjekt":"x"}' }, /texts\.json: no mail has a text "step_up\.subjekt"/],
    [{ 'texts.json': '{"step_up.subject":"{code}"}' }, /texts\.json: step_up\.subject: there is no \{code\} here, only \{brand\}/],
    [{ 'texts.json': '{"step_up.subject":"a\\r\\nBcc: x"}' }, /texts\.json: .*pattern/],
    [{ 'texts.json': '{' }, /texts\.json is no JSON/],
    [{ 'theme.json': '{"light":{"text":"red;} body{"}}' }, /theme\.json: \/light\/text/],
    [{ 'theme.json': '{"dark":{"text":"#333333"}}' }, /theme\.json: dark: text on background has a contrast of 1\.\d, less than 4\.5/],
    [{ 'logo.jpg': '<svg onload=alert(1)>' }, /logo\.jpg is no image\/jpeg/],
    [{ 'logo.png': 'x'.repeat(100_001) }, /logo\.png is larger than 100000 bytes/]
  ]
  for (const [files, fault] of wrong) await t.rejects(readTemplateFolder(t.testdir(files)), fault)
})

t.test('email preview writes every mail as it will look', async (t) => {
  const folder = t.testdir({ look: {} })
  await writeFile(join(folder, 'look', 'logo.png'), pixel)
  let out = ''
  const code = await createCli({ name: 'email-worker', description: '', stdout: (text) => { out += text } })
    .add(previewCommand({ PROJECT_NAME: 'Test House', MAIL_TEMPLATE_DIR: join(folder, 'look') })).run(['node', 'cli', 'email', 'preview', '--out', join(folder, 'out'), '--json'])
  t.equal(code, 0)
  t.match(JSON.parse(out), { index: join(folder, 'out', 'index.html'), mails: examples.length })
  const files = await readdir(join(folder, 'out'))
  t.strictSame(files.sort(), ['index.html', ...examples.flatMap(({ template }) => [`${template}.html`, `${template}.txt`])].sort())
  const index = await readFile(join(folder, 'out', 'index.html'), 'utf8')
  for (const { template } of examples) t.ok(index.includes(`href="${template}.html"`), template)
  t.match(await readFile(join(folder, 'out', 'code.html'), 'utf8'), /<img src="data:image\/png;base64,/)
})

t.test('a mail is signed (DKIM) so that a receiver can check it, shows its logo from inside, and only a notice to all says where to unsubscribe', async (t) => {
  const smtp = await startSmtp(t)
  const wire = await startWire(t, smtp.port)
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  const sender = createSmtpSender({
    host: '127.0.0.1', port: wire.port, auth: undefined, strict: false, maxConnections: 1, deadlineMs: 25_000, now: () => now,
    from: { name: 'Test House', address: 'no-reply@house.example.com' }, unsubscribe: 'mailto:no-more@house.example.com',
    dkim: { domainName: 'house.example.com', keySelector: 'mails', privateKey: String(privateKey.export({ type: 'pkcs8', format: 'pem' })) }
  })
  t.teardown(() => { sender.close() })
  const look = { ...plainLook, logo: { content: pixel, type: 'image/png' as const, width: 64 } }
  const own = createRenderMail({ brand: 'Test House', look, now: () => now })
  await sender.send('ada@example.com', own(exampleMails(now).broadcast), { deliveryId: 'bulk', requestId: 'r' })
  const raw = /\r\nDATA\r\n([^]*?)\r\n\.\r\n/.exec(wire.said())?.[1] ?? ''
  await sender.send('ada@example.com', own(exampleMails(now).code), { deliveryId: 'single', requestId: 'r' })

  t.ok(verified(raw, publicKey.export({ type: 'spki', format: 'pem' })), 'signed')
  t.notOk(verified(raw.replace('nothing can be signed', 'all can be signed'), publicKey.export({ type: 'spki', format: 'pem' })), 'and not when changed')
  t.match(raw, /^DKIM-Signature: [^]*d=house\.example\.com;[^]*s=mails;/m)
  t.match(raw, /^List-Unsubscribe: <mailto:no-more@house\.example\.com>\r$/m)
  t.match(raw, /^Content-ID: <logo@countersign>\r$/mi)
  t.equal(wire.said().split('List-Unsubscribe:').length, 2, 'once in two mails')
})

t.test('half a DKIM key, a short one, or none at all is said at the start', (t) => {
  const ruleOf = (values: Record<string, string>) => environment.rules.map((rule) => rule(values, false)).find((fault) => fault?.name === 'MAIL_DKIM_PRIVATE_KEY')?.fault
  const pem = (modulusLength: number) => String(generateKeyPairSync('rsa', { modulusLength }).privateKey.export({ type: 'pkcs8', format: 'pem' }))
  const names = { MAIL_DKIM_DOMAIN: 'example.com', MAIL_DKIM_SELECTOR: 's' }
  t.match(ruleOf(names), /goes together with/)
  t.match(ruleOf({ ...names, MAIL_DKIM_PRIVATE_KEY: pem(1_024) }), /2048 bits/)
  t.match(ruleOf({ ...names, MAIL_DKIM_PRIVATE_KEY: 'x' }), /no private key/)
  t.equal(ruleOf({ ...names, MAIL_DKIM_PRIVATE_KEY: pem(2_048).replaceAll('\n', '\\n') }), undefined)
  t.end()
})

/** RFC 6376 §3.4.2, §3.4.4, §3.7, for one relaxed/relaxed signature. */
function verified (raw: string, publicKey: string | Buffer): boolean {
  const split = raw.indexOf('\r\n\r\n')
  const fields = raw.slice(0, split).replace(/\r\n[ \t]+/g, ' ').split('\r\n').map((field) => [field.slice(0, field.indexOf(':')).toLowerCase(), field.slice(field.indexOf(':') + 1)] as const)
  const relaxed = (name: string): string => `${name}:${(fields.find(([key]) => key === name)?.[1] ?? '').replace(/[ \t]+/g, ' ').trim()}`
  const signature = relaxed('dkim-signature')
  const tag = (name: string): string => new RegExp(`[;:]\\s*${name}=([^;]*)`).exec(signature)?.[1]?.replace(/\s/g, '') ?? ''
  const body = `${raw.slice(split + 4).replace(/^\.\./gm, '.').replace(/[ \t]+/g, ' ').replace(/ \r\n/g, '\r\n').replace(/[ ]$/, '').replace(/(\r\n)*$/, '')}\r\n`
  if (createHash('sha256').update(body, 'latin1').digest('base64') !== tag('bh')) return false
  const text = [...tag('h').split(':').map((name) => `${relaxed(name.toLowerCase())}\r\n`), signature.replace(/(;\s*b=)[^;]*/, '$1')].join('')
  return createVerify('sha256').update(text, 'latin1').verify(publicKey, tag('b'), 'base64')
}
