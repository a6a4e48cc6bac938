import { connect } from 'node:net'
import { once } from 'node:events'
import { get } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { startSmtpSink } from '../../src/index.ts'

/** Speaks SMTP (RFC 5321) and gives the last answer: the first refusal, or the one to the message. */
const deliver = async (port: number, to: readonly string[], message: string): Promise<string> => {
  const socket = connect(port, '127.0.0.1')
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]()
  const answer = async (): Promise<string> => {
    for (;;) {
      const { value, done } = await lines.next()
      if (done === true) return 'closed'
      if (/^\d{3} /.test(value as string)) return value as string
    }
  }
  await answer()
  let last = ''
  for (const line of ['EHLO test', 'MAIL FROM:<from@example.com>', ...to.map((address) => `RCPT TO:<${address}>`), 'DATA', `${message.replaceAll('\n', '\r\n')}\r\n.`]) {
    socket.write(`${line}\r\n`)
    last = await answer()
    if (/^[45]/.test(last)) break
  }
  socket.end('QUIT\r\n')
  return last
}

const code = 'Subject: Your code\nFrom: Countersign <from@example.com>\nTo: ada@example.com\nMessage-ID: <1@example.com>\n\nThe code is 123456\n'

t.test('a mail is kept with its envelope and found by a predicate', async (t) => {
  const sink = await startSmtpSink()
  t.teardown(sink.close)
  const waiting = sink.waitForMail((mail) => mail.subject === 'Your code', 5_000)

  t.match(await deliver(sink.port, ['ada@example.com', 'hidden@example.com'], code), /^250/)

  const mail = await waiting
  t.match(mail, { from: 'from@example.com', to: ['ada@example.com', 'hidden@example.com'], messageId: '<1@example.com>', text: /123456/ })
  t.strictSame(await sink.mails(), [mail])
  await t.rejects(sink.waitForMail(() => false, 10), { message: /No such mail came within 10 ms; 1 others did/ })
  sink.clear()
  t.strictSame(await sink.mails(), [])
})

t.test('faults: try again, never, no answer; then it works again', async (t) => {
  const sink = await startSmtpSink()
  t.teardown(sink.close)
  sink.fail('temporary')
  t.match(await deliver(sink.port, ['ada@example.com'], code), /^451/)
  sink.fail('permanent')
  t.match(await deliver(sink.port, ['ada@example.com'], code), /^550/)
  sink.fail('silent')
  const nothing = deliver(sink.port, ['ada@example.com'], code)
  await t.rejects(sink.waitForMail(() => true, 300), { message: /No such mail/ })
  sink.fail('none')
  t.match(await deliver(sink.port, ['ada@example.com'], code), /^250/)
  t.equal((await sink.mails()).length, 1)
  await sink.close()
  t.match(await nothing, /^421|^closed/)
})

t.test('a mail is also shown as its reader sees it, and beside it what the services write, with nothing that runs and no other file', async (t) => {
  const folder = t.testdir({ preview: { 'index.html': '<h1>Mails</h1>', 'code.html': '<p style="color:#123456">493817</p>', 'code.txt': '493817' }, 'secrets.json': '{}' })
  const sink = await startSmtpSink({ previewFolder: join(folder, 'preview') })
  t.teardown(sink.close)
  await deliver(sink.port, ['ada@example.com'], 'Subject: x\nContent-Type: text/html\n\n<p style="color:#123456">Your code</p>\n')
  const [mail] = await sink.mails()
  const text = async (path: string): Promise<string> => await (await fetch(sink.viewerUrl + path)).text()

  t.match(await text(`/mails/${mail?.id ?? ''}`), `href="/mails/${mail?.id ?? ''}/html"`)
  t.match(await text(`/mails/${mail?.id ?? ''}/html`), '<p style="color:#123456">Your code</p>')
  t.match(await text('/'), 'href="/preview/"')
  t.match(await text('/preview/'), '<h1>Mails</h1>')
  t.match(await text('/preview/code.txt'), '493817')
  for (const path of [`/mails/${mail?.id ?? ''}/html`, '/preview/code.html']) {
    const { headers } = await fetch(sink.viewerUrl + path)
    t.match(headers.get('content-security-policy'), /^default-src 'none'; style-src 'unsafe-inline'; img-src data:;.* sandbox$/)
  }
  for (const path of ['/preview/none.html', '/preview/%2e%2e%2fsecrets.json', '/preview/secrets.json', '/preview/code.html/']) t.equal((await fetch(sink.viewerUrl + path)).status, 404, path)
})

t.test('the page shows what strangers wrote as text, and lets nothing of theirs run', async (t) => {
  const sink = await startSmtpSink()
  t.teardown(sink.close)
  await deliver(sink.port, ['ada@example.com'], 'Subject: <script>alert(1)</script>\nContent-Type: text/plain\n\n</pre><img src=x onerror=alert(2)> & "quotes"\n')
  const [mail] = await sink.mails()

  const list = await fetch(sink.viewerUrl)
  const shown = await fetch(`${sink.viewerUrl}/mails/${mail?.id ?? ''}`)

  for (const answer of [list, shown]) {
    t.match(answer.headers.get('content-security-policy'), /^default-src 'none'; style-src 'sha256-[^ ]+'/)
    t.equal(answer.headers.get('x-content-type-options'), 'nosniff')
    const html = await answer.text()
    t.notMatch(html, /<script|<img/)
    t.match(html, '&lt;script&gt;alert(1)&lt;/script&gt;')
  }
  t.equal((await fetch(`${sink.viewerUrl}/mails/nothing`)).status, 404)
})

t.test('programs read the mails as JSON, of one recipient if they like, and empty the box', async (t) => {
  const sink = await startSmtpSink()
  t.teardown(sink.close)
  await deliver(sink.port, ['ada@example.com'], code)
  await deliver(sink.port, ['bob@example.com'], code)
  const json = async (path: string) => await (await fetch(sink.viewerUrl + path)).json() as { mails: { id: string, to: string[] }[] }

  const { mails } = await json('/api/mails')
  t.equal(mails.length, 2)
  t.match((await json('/api/mails?to=bob@example.com')).mails, [{ to: ['bob@example.com'] }])
  t.match(await json(`/api/mails/${mails[0]?.id ?? ''}`), { to: ['ada@example.com'] })
  t.equal((await fetch(`${sink.viewerUrl}/api/mails`, { method: 'POST' })).status, 405)
  t.equal((await fetch(`${sink.viewerUrl}/api/mails`, { method: 'DELETE' })).status, 204)
  t.strictSame(await json('/api/mails'), { mails: [] })
})

t.test('a foreign host name that points here gets no codes', async (t) => {
  const sink = await startSmtpSink()
  t.teardown(sink.close)
  const request = get(`${sink.viewerUrl}/api/mails`, { headers: { host: 'attacker.example' } })
  const [answer] = await once(request, 'response') as [{ statusCode: number, resume: () => void }]
  answer.resume()
  t.equal(answer.statusCode, 421)
})

t.test('a taken port is said in a sentence, and the other port is given back', async (t) => {
  const first = await startSmtpSink()
  t.teardown(first.close)
  await t.rejects(startSmtpSink({ port: first.port }), { name: 'StackFault', message: /^Port \d+ of 127\.0\.0\.1, wanted for SMTP, is taken: stop the program/ })
  const viewerPort = Number(new URL(first.viewerUrl).port)
  await t.rejects(startSmtpSink({ viewerPort }), { name: 'StackFault', message: /the mail viewer/ })
})
