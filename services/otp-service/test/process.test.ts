/** otp-service as a process: its start, its clocks, its stop and its command line. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { createChallenge, stores } from '@countersign/contracts'
import { createCli, environmentCommands, newId } from '@countersign/runtime'
import { until } from '@countersign/testing'
import t, { type Test } from 'tap'
import { environment } from '../src/config.ts'
import { maskAddress } from '../src/factors/factor.ts'
import { otpDatabaseCommands } from '../src/database-commands.ts'
import { operatorCommands } from '../src/operator-commands.ts'
import { mailboxesOf } from './mailbox-doors.ts'
import { openHouse, refusal, wrong } from './open-otp.ts'

const house = await openHouse(t)
const file = (name: string) => fileURLToPath(new URL(`../src/${name}`, import.meta.url))

interface Ended { readonly code: number | null, readonly out: string, readonly err: string }

const run = (t: Test, name: string, args: string[], env: Record<string, string>) => {
  const child = spawn(process.execPath, [file(name), ...args], { env: { PATH: process.env['PATH'], ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => { child.kill('SIGKILL') })
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk) => { out += String(chunk) })
  child.stderr.on('data', (chunk) => { err += String(chunk) })
  const ended = new Promise<Ended>((resolve) => { child.on('close', (code) => { resolve({ code, out, err }) }) })
  return { child, ended, output: () => out }
}

/** Every clock of the process is wrong by so much, those of its libraries too. */
const skewed = (ms: number): Record<string, string> => ({
  CLOCK_OFFSET_MS: String(ms),
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(`const now = Date.now; const Real = Date; globalThis.Date = class extends Real { constructor (...a) { a.length ? super(...a) : super(now() + ${ms}) } static now () { return now() + ${ms} } }`)}`
})

t.test('codes live by the clock of the database, however wrong the clocks of the processes are', async (t) => {
  await house.service.stop()
  const children = [3_600_000, -3_600_000].map((offset) => run(t, 'main.js', [], { ...house.env, OTP_TTL_SECONDS: '2', ...skewed(offset) }))
  for (const { output } of children) await until(() => output().includes('otp-service started'), { what: 'the start' })
  const user = await house.enrol()
  const database = house.mongo.client.db(stores['otp-service'].database)
  const ended = async (id: string) => await database.collection<{ _id: string }>('challenges').countDocuments({ _id: id, $expr: { $lte: ['$expires_at', '$$NOW'] } }) === 1

  // They compete for the commands: on until each of them has made and checked some.
  const each = (message: string) => children.every(({ output }) => output().includes(`"${message}"`))
  const pending: { id: string, code: string }[] = []
  for (let i = 0; i < 30 && (i < 3 || !each('OTP sent') || !each('OTP verified')); i++) {
    const { id, code } = await house.challenge(user)
    t.equal(await refusal(house.verify(user, id, code)), 'none', 'alive while the database says so')
    if (i < 3) pending.push(await house.challenge(user))
  }
  for (const { id } of pending) await until(() => ended(id), { what: 'the end of its life' })
  for (let i = 0; i < 30 && (i < 3 || !each('OTP verification failed')); i++) {
    const { id, code } = pending[i % pending.length] ?? { id: '', code: '' }
    t.equal(await refusal(house.verify(user, id, code)), 'code-rejected', 'dead when the database says so')
  }

  for (const { child, ended, output } of children) {
    for (const message of ['OTP sent', 'OTP verified', 'OTP verification failed']) t.match(output(), message, 'both took part')
    child.kill('SIGTERM')
    t.equal((await ended).code, 0, 'a clean stop')
  }
})

t.test('a wrong environment stops the start with one line per fault and no value', async (t) => {
  const { SECRET_KEY: _secret, ...rest } = house.env
  const { code, err } = await run(t, 'main.js', [], { ...rest, MAIL_SEAL_KEY: 'short-and-private', OTP_MAX_ATTEMPTS: '99' }).ended
  t.equal(code, 1)
  for (const name of ['SECRET_KEY', 'MAIL_SEAL_KEY', 'OTP_MAX_ATTEMPTS']) t.match(err, new RegExp(`^otp-service: ${name} `, 'm'))
  t.notMatch(err, 'short-and-private')
})

t.test('without MongoDB the start gives up after its time and says why', async (t) => {
  const { code, out } = await run(t, 'main.js', [], { ...house.env, MONGODB_URI: 'mongodb://127.0.0.1:1/?replicaSet=rs0&serverSelectionTimeoutMS=200', START_TIMEOUT_SECONDS: '1' }).ended
  t.equal(code, 1)
  t.match(out, /could not start: MongoDB was not there within 1 s/)
})

t.test('the command line explains without codes or whole addresses', async (t) => {
  const own = run(t, 'main.js', [], house.env)
  await until(() => own.output().includes('otp-service started'), { what: 'the start' })
  const user = await house.enrol()
  const pending = await house.challenge(user)
  const cli = async (...args: string[]): Promise<Ended> => {
    // Addresses are counted under a hash: only what is asked by address needs its key.
    const env = { MONGODB_URI: house.env.MONGODB_URI, ...args[0] === 'mailboxes' && { SECRET_KEY: house.env.SECRET_KEY } }
    let [out, err] = ['', '']
    const code = await createCli({ name: 'otp-service', description: '', stdout: (text) => { out += text }, stderr: (text) => { err += text } })
      .add(...operatorCommands(env), ...otpDatabaseCommands(env), ...environmentCommands({ title: 'otp-service', environment, env })).run(['node', 'cli', ...args])
    return { code, out, err }
  }

  const [shown, explained, indexes, unknown, help, checked, open] = await Promise.all([
    cli('factors', 'show', user.userId), cli('challenges', 'explain', pending.id, '--json'), cli('db', 'indexes', 'verify'),
    cli('challenges', 'explain', newId('chl')), run(t, 'cli.js', ['--help'], {}).ended, cli('env', 'check', '--json'), cli('factors', 'reopen', user.userId)
  ])

  t.match(shown.out, maskAddress(user.address))
  t.match(shown.out, user.factorRoot)
  t.match(JSON.parse(explained.out), { id: pending.id, state: 'pending', attempts_left: 3, sends: 1, pepper_id: /^[A-Za-z0-9_-]{8}$/, account: 'open', receipt_id: null })
  for (const { out, err } of [shown, explained]) t.notOk(`${out}${err}`.includes(user.address) || `${out}${err}`.includes(`"${pending.code}"`))
  t.same([indexes.code, unknown.code, checked.code, open.code], [0, 1, 1, 1])
  t.match(unknown.err, /^error: there is no challenge/)
  t.match(open.err, /is not closed/)
  for (const word of ['factors', 'challenges', 'db', 'env']) t.match(help.out, word)

  const budgets = house.mongo.client.db(stores['otp-service'].database).collection<{ _id: string }>('failure_budgets')
  await budgets.updateOne({ _id: user.userId }, { $set: { closed_at: new Date(), in_a_row: 100 } })
  t.equal(await refusal(house.verify(user, pending.id, pending.code)), 'factor-locked')
  t.equal((await cli('factors', 'reopen', user.userId)).code, 0)
  t.equal(await refusal(house.verify(user, pending.id, pending.code)), 'none')

  await budgets.updateOne({ _id: user.userId }, { $set: { failures: Array.from({ length: 20 }, (_, i) => ({ at: new Date(), ref: `day-${i}` })), locked_until: new Date(Date.now() + 900_000) } })
  const elsewhere = { ...user, sessionId: newId('ses') }
  t.equal(await refusal(house.signer.call(createChallenge, house.transaction(elsewhere), house.ask)), 'factor-locked')
  t.equal((await cli('factors', 'reopen', user.userId)).code, 0)
  t.equal(await refusal(house.signer.call(createChallenge, house.transaction(elsewhere), house.ask)), 'none', 'the day\'s count is forgotten')

  const { challenge, byCode } = mailboxesOf(house)
  const proof = await challenge({ email: user.address })
  const ofMailbox = await cli('challenges', 'explain', proof.id, '--json')
  t.match(JSON.parse(ofMailbox.out), { id: proof.id, state: 'pending', purpose: 'login_email', sent_to: maskAddress(user.address), delivered: true, answered_by: null })
  for (const secret of [user.address, proof.token, `"${proof.code}"`]) t.notOk(ofMailbox.out.includes(secret))
  t.equal((await cli('mailboxes', 'reopen', user.address)).code, 1, 'nothing to reopen')
  t.equal(await refusal(byCode(proof.request, proof.id, wrong(proof.code))), 'code-rejected')
  await house.mongo.client.db(stores['otp-service'].database).collection('mailbox_budgets').updateMany({ in_a_row: 1 }, { $set: { closed_at: new Date(), in_a_row: 100 } })
  t.equal(await refusal(byCode(proof.request, proof.id, proof.code)), 'factor-locked')
  const reopened = await cli('mailboxes', 'reopen', user.address.toUpperCase())
  t.equal(reopened.code, 0)
  t.notMatch(reopened.out, new RegExp(user.address, 'i'))
  t.equal(await refusal(byCode(proof.request, proof.id, proof.code)), 'code-rejected', 'the account is still closed')
  t.equal((await cli('mailboxes', 'reopen', String(proof.request.user_id))).code, 0)
  t.equal(await refusal(byCode(proof.request, proof.id, proof.code)), 'none', 'and no lock ate the challenge')
  own.child.kill('SIGTERM')
  t.equal((await own.ended).code, 0)
})
