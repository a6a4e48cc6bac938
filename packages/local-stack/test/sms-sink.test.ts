/** The SMS sink as a program that sends text messages meets it, and as a person reads it. */
import { get } from 'node:http'
import t from 'tap'
import { startSmsSink, type SmsSink } from '../src/index.ts'

const post = async ({ apiUrl, account, token }: Pick<SmsSink, 'apiUrl' | 'account' | 'token'>, form: Record<string, string>, headers: Record<string, string> = {}) => await fetch(apiUrl, {
  method: 'POST', headers: { authorization: `Basic ${Buffer.from(`${account}:${token}`).toString('base64')}`, ...headers }, body: new URLSearchParams(form)
})
const hello = { To: '+41790000012', From: 'House', Body: 'Code 123456 <b>' }

t.test('a message is kept, found, listed for one number, and shown as text', async (t) => {
  const sink = await startSmsSink({ account: 'AC1', token: 'secret' })
  t.teardown(sink.close)
  const waiting = sink.waitForSms(({ to }) => to === hello.To, 5_000)
  const taken = await post(sink, hello, { 'idempotency-key': 'dlv_1' })
  t.equal(taken.status, 201)
  const { sid } = await taken.json() as { sid: string }
  t.match(await waiting, { id: sid, from: 'House', to: hello.To, text: hello.Body, idempotencyKey: 'dlv_1' })

  const list = async (query: string) => (await (await fetch(`${sink.viewerUrl}/api/messages${query}`)).json() as { messages: unknown[] }).messages.length
  t.equal(await list(`?to=${encodeURIComponent(hello.To)}`), 1)
  t.equal(await list('?to=1'), 0)
  const page = await (await fetch(sink.viewerUrl)).text()
  t.match(page, /Code 123456 &lt;b&gt;/)
  t.equal((await fetch(`${sink.viewerUrl}/api/messages`, { method: 'DELETE' })).status, 204)
  t.same(await sink.messages(), [])
  await t.rejects(sink.waitForSms(() => true, 1), /No such text message/)
})

t.test('strangers, incomplete messages and each kind of trouble are answered as providers answer', async (t) => {
  const sink = await startSmsSink()
  t.teardown(sink.close)
  t.equal((await post({ ...sink, token: 'wrong' }, hello)).status, 401)
  t.equal((await post(sink, { ...hello, Body: '' })).status, 400)
  for (const [fault, status] of [['unknown number', 400], ['refused', 400], ['too many', 429], ['broken', 500], ['wrong account', 401]] as const) {
    sink.fail(fault)
    t.equal((await post(sink, hello)).status, status, fault)
  }
  t.same(await sink.messages(), [], 'none of these was taken')
  const elsewhere = await new Promise<number | undefined>((resolve, reject) => {
    get(sink.viewerUrl, { headers: { host: 'rebound.example.com' } }, (response) => { resolve(response.resume().statusCode) }).on('error', reject)
  })
  t.equal(elsewhere, 421, 'a page under another name reads nothing')
})
