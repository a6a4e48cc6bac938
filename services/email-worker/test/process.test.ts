/** email-worker as a process: start, death, stop, command line. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { stores } from '@countersign/contracts'
import { createCli, environmentCommands, readEnvironment } from '@countersign/runtime'
import { keyFromText, randomToken } from '@countersign/secrets'
import { until } from '@countersign/testing'
import t, { type Test } from 'tap'
import { configFrom, environment } from '../src/config.ts'
import { createOpenMail } from '../src/deliveries/open-sealed.ts'
import { mailDatabaseCommands } from '../src/database-commands.ts'
import { operatorCommands } from '../src/operator-commands.ts'
import { buildHouse, codeMail, startWire } from './open-worker.ts'

const house = await buildHouse(t)
const { database } = stores['email-worker']
const file = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url))
const to = 'reader@mailbox.example.org'

const run = (t: Test, name: string, args: string[], env: Record<string, string>) => {
  const child = spawn(process.execPath, [file(name), ...args], { env: { PATH: process.env['PATH'], ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => { child.kill('SIGKILL') })
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk) => { out += String(chunk) })
  child.stderr.on('data', (chunk) => { err += String(chunk) })
  const ended = new Promise<{ code: number | null, out: string, err: string }>((resolve) => { child.on('close', (code) => { resolve({ code, out, err }) }) })
  return { child, ended, started: async () => await until(() => out.includes('email-worker started'), { what: 'the start' }), output: () => out }
}

t.test('a mail whose worker was killed is sent by another, twice only when it was killed before it could write down the receipt, and one in hand at a stop is finished', async (t) => {
  const wire = await startWire(t, house.smtp.port)
  const env = { ...house.env, SMTP_PORT: String(wire.port) }
  const first = run(t, 'main.js', [], env)
  await first.started()
  wire.hold()
  const payload = house.payloadOf('otp', codeMail(to))
  await house.producers.otp.add(payload)
  await until(async () => (await house.delivery(payload, database))?.state === 'claimed', { what: 'the claim' })

  first.child.kill('SIGKILL')
  await first.ended
  wire.letGo()
  const second = run(t, 'main.js', [], env)

  t.equal(await house.ended('otp', payload), 'finished')
  t.equal((await house.mailsOf(payload)).length, 1)
  t.match(await house.delivery(payload, database), { state: 'sent', epoch: 2 })

  await second.started()
  wire.holdReceipt()
  const twice = house.payloadOf('otp', codeMail(to))
  await house.producers.otp.add(twice)
  await until(async () => (await house.mailsOf(twice)).length === 1, { what: 'the mail at the server' })
  t.match(await house.delivery(twice, database), { state: 'claimed', epoch: 1 })

  second.child.kill('SIGKILL')
  await second.ended
  wire.letGo()
  const third = run(t, 'main.js', [], env)

  t.equal(await house.ended('otp', twice), 'finished')
  t.equal((await house.mailsOf(twice)).length, 2, 'under the same Message-ID')
  t.match(await house.delivery(twice, database), { state: 'sent', epoch: 2, doubts: 1 })
  t.match(third.output(), /mail may arrive twice, the attempt before it had no known end/)

  await third.started()
  wire.hold()
  const last = house.payloadOf('otp', codeMail(to))
  await house.producers.otp.add(last)
  await until(async () => (await house.delivery(last, database))?.state === 'claimed', { what: 'the claim' })
  third.child.kill('SIGTERM')
  await until(() => third.output().includes('got SIGTERM'), { what: 'the signal' })
  wire.letGo()

  t.equal((await third.ended).code, 0)
  t.equal((await house.mailsOf(last)).length, 1)
  t.match(await house.delivery(last, database), { state: 'sent', epoch: 1 })
  t.notMatch(`${first.output()}${second.output()}${third.output()}`, /mailbox\.example|493817/)
})

t.test('a mail sealed before a rotation still opens, and not without the key of before', async (t) => {
  const { MAIL_SEAL_KEY_OTP: before, ...rest } = house.env
  const payload = house.payloadOf('otp', codeMail(to))
  const openWith = (given: Record<string, string>) => createOpenMail(configFrom(readEnvironment(environment, { ...rest, ...given })).sealKeys)
  const after = randomToken(32)

  t.match(openWith({ MAIL_SEAL_KEY_OTP: after, MAIL_SEAL_KEY_OTP_PREVIOUS: before })('mail-otp', payload), { to })
  t.throws(() => openWith({ MAIL_SEAL_KEY_OTP: after })('mail-otp', payload), { name: 'DeliveryRefused', reason: 'seal' })
  t.throws(() => openWith({ MAIL_SEAL_KEY_OTP: after, MAIL_SEAL_KEY_GATEWAY_PREVIOUS: before })('mail-otp', payload), { name: 'DeliveryRefused', reason: 'seal' }, 'the key of another producer')
  t.same(configFrom(readEnvironment(environment, house.env)).sealKeys['mail-otp'], [keyFromText(before)])
})

t.test('it does not start without its mail server, with a wrong environment, or half a login', async (t) => {
  const [deaf, lost, wrong] = await Promise.all([
    run(t, 'main.js', [], { ...house.env, SMTP_PORT: '1', START_TIMEOUT_SECONDS: '1' }).ended,
    run(t, 'main.js', [], { ...house.env, REDIS_URL: house.env.REDIS_URL.replace(/:[0-9]+$/, ':1'), START_TIMEOUT_SECONDS: '1' }).ended,
    run(t, 'main.js', [], { ...house.env, MAIL_SEAL_KEY_OTP: 'short-and-private', MAIL_FROM: 'Me <me@example.com>' }).ended
  ])
  t.equal(deaf.code, 1)
  t.match(deaf.out, /could not start: the mail server \(SMTP_HOST, SMTP_PORT\) was not there within 1 s.*ECONNREFUSED/)
  t.equal(lost.code, 1)
  t.match(lost.out, /could not start: Redis was not there within 1 s/)
  t.equal(wrong.code, 1)
  for (const name of ['MAIL_SEAL_KEY_OTP', 'MAIL_FROM']) t.match(wrong.err, new RegExp(`^email-worker: ${name} `, 'm'))
  t.notMatch(wrong.err, /short-and-private|me@example/)
})

t.test('the command line greets the mail server and sends one test mail', async (t) => {
  const cli = async (env: Record<string, string>, ...args: string[]) => {
    let [out, err] = ['', '']
    const code = await createCli({ name: 'email-worker', description: '', stdout: (text) => { out += text }, stderr: (text) => { err += text } })
      .add(...operatorCommands(env), ...mailDatabaseCommands(env), ...environmentCommands({ title: 'email-worker', environment, env })).run(['node', 'cli', ...args])
    return { code, out, err }
  }
  const [verified, deaf, tested, refused, made, help, half] = await Promise.all([
    cli(house.env, 'email', 'verify'),
    cli({ ...house.env, SMTP_PORT: '1' }, 'email', 'verify', '--json'),
    cli(house.env, 'email', 'test', '--to', 'operator@example.org', '--json'),
    cli(house.env, 'email', 'test', '--to', 'a@b.example, c@d.example'),
    cli(house.env, 'db', 'indexes', 'ensure').then(() => cli(house.env, 'db', 'indexes', 'verify')),
    run(t, 'cli.js', ['--help'], {}).ended,
    cli({ ...house.env, EMAIL_USER: 'somebody' }, 'env', 'check', '--json')
  ])

  t.same([verified.code, deaf.code, tested.code, refused.code, made.code, help.code, half.code], [0, 1, 0, 2, 0, 0, 1])
  t.match(JSON.parse(deaf.err), { error: /ECONNREFUSED|ESOCKET/ })
  t.match(await house.smtp.waitForMail((mail) => mail.to.includes('operator@example.org'), 5_000), { subject: 'Test mail of Test House' })
  t.match(help.out, /email/)
  t.ok(JSON.parse(half.out).some(({ name, fault }: { name: string, fault?: string }) => name === 'SMTP_PASS' && fault?.includes('go together')))
})
