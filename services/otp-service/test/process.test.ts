/** otp-service as a process: its start, its clocks, its stop and its command line. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { beginStepUp, createChallenge, sendStepUp, stores, verifyStepUp } from '@countersign/contracts'
import { createCli, environmentCommands, newId } from '@countersign/runtime'
import { until } from '@countersign/testing'
import t, { type Test } from 'tap'
import { environment } from '../src/config.ts'
import { maskAddress } from '../src/factors/factor.ts'
import { otpDatabaseCommands } from '../src/database-commands.ts'
import { operatorCommands } from '../src/operator-commands.ts'
import { mailboxesOf } from './mailbox-doors.ts'
import { openHouse, refusal, wrong, type User } from './open-otp.ts'

const house = await openHouse(t)
const file = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url))

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

t.test('killed in the middle of verifications and sends that share their writes, it accepts no code twice, overspends no budget and loses no mail', async (t) => {
  await house.service.stop()
  const settings = { ...house.env, OTP_MAX_ATTEMPTS: '10', OTP_SENDS_PER_HOUR: '10', OTP_LOCK_SECONDS: '900' }
  const start = async () => {
    const own = run(t, 'main.js', [], settings)
    await until(() => own.output().includes('otp-service started'), { what: 'the start' })
    return own
  }
  const database = house.mongo.client.db(stores['otp-service'].database)
  const count = async (collection: string, filter: object): Promise<number> => await database.collection(collection).countDocuments(filter)
  const { gateway, mails } = house
  const by = ({ userId, sessionId }: User) => ({ user_id: userId, session_id: sessionId })
  const begin = async (user: User) => {
    const action = { type: 'api_keys.rotate' as const, resource_id: newId('key') }
    return { user, about: action.resource_id, id: (await gateway.call(beginStepUp, { ...by(user), action }, house.ask)).challenge_id }
  }
  type Question = Awaited<ReturnType<typeof begin>>
  const send = async ({ user, id }: Question, commandId = newId('cmd')) => await gateway.call(sendStepUp, { ...by(user), challenge_id: id, factor_id: user.factorId }, { ...house.ask, commandId })
  const verify = async ({ user, id }: Question, code: string, commandId = newId('cmd')) =>
    await gateway.call(verifyStepUp, { ...by(user), challenge_id: id, proof: { factor_id: user.factorId, code } }, { ...house.ask, commandId })
  /** As a caller repeats what was not answered, under the same command. */
  const repeated = async (call: () => Promise<unknown>): Promise<string> => {
    let outcome = ''
    await until(async () => (outcome = await refusal(call())) !== 'unavailable', { what: 'an answer', timeoutMs: 60_000 })
    return outcome
  }
  const all = async <T, R>(items: readonly T[], work: (item: T, index: number) => Promise<R>): Promise<R[]> => await Promise.all(items.map(work))
  const codeOf = async ({ user, about }: Question) => await mails.code(user.address, about)
  const letters = ({ user, about }: Question) => mails.to(user.address).filter(({ template, parameters }) => template === 'code' && 'text' in parameters && parameters.text.includes(about)).length

  const first = await start()
  const users = await all(Array.from({ length: 20 }), () => house.enrol())
  // Neither has answered rightly in these sessions, so that nothing is kept for them.
  const [victim, flooded] = (await all([0, 1], () => house.enrol())).map((user) => ({ ...user, sessionId: newId('ses') })) as [User, User]
  const answered = await all(users, begin)
  const sending = await all(users, begin)
  const guessed = await all(Array.from({ length: 4 }, () => victim), begin)
  const flood = await all(Array.from({ length: 20 }, () => flooded), begin)
  await all([...answered, ...guessed], (question) => send(question))
  const codes = await all(answered, codeOf)
  const guesses = await all(guessed, async (question) => ({ question, code: wrong(await codeOf(question)) }))
  const twice = [answered.map(() => newId('cmd')), answered.map(() => newId('cmd'))] as const
  const sends = [...sending, ...flood].map((question) => ({ question, commandId: newId('cmd') }))

  const answers = answered.flatMap((question, i) => twice.map((ids) => () => verify(question, codes[i] ?? '', ids[i])))
  const sendings = sends.map(({ question, commandId }) => () => send(question, commandId))
  const wrongs = Array.from({ length: 6 }, () => guesses).flat().map(({ question, code }) => () => verify(question, code))
  // By turns, so that each kind shares its writes with others of it.
  const under = all(answers.flatMap((answer, i) => [answer, sendings[i], wrongs[i]]), (call) => call === undefined ? Promise.resolve('') : refusal(call()))
  const written = async () => await Promise.all([
    count('receipts', { challenge_id: { $in: answered.map(({ id }) => id) } }), count('challenges', { _id: { $in: [...sending, ...flood].map(({ id }) => id) }, sends: { $gt: 0 } })
  ])
  await until(async () => (await written()).every((some) => some > 0), { what: 'some of it to be written, and the rest under way', everyMs: 5 })
  first.child.kill('SIGKILL')
  await under
  await first.ended

  const second = await start()
  const verified = await all(answers, repeated)
  for (const [i, { id }] of answered.entries()) {
    t.same(verified.slice(2 * i, 2 * i + 2).sort(), ['code-rejected', 'none'], 'one of both commands was first, whichever process answered')
    t.equal(await count('receipts', { challenge_id: id }), 1)
  }
  const outcomes = await all(sendings, repeated)
  t.same(new Set(outcomes.slice(0, sending.length)), new Set(['none']))
  const told = async ({ id }: Question) => await count('audit', { subject: id, event: { $in: ['challenge.sent', 'challenge.resent'] } })
  await all(sending, async (question) => {
    t.equal(await told(question), 1, 'sent once, and recorded')
    await until(() => letters(question) > 0, { what: 'its mail', timeoutMs: 60_000 })
    t.ok(letters(question) <= 2)
    const [code, commandId] = [await codeOf(question), newId('cmd')]
    t.equal(await repeated(() => verify(question, code, commandId)), 'none', 'by the code that was mailed')
  })
  const ofFlood = await count('challenges', { _id: { $in: flood.map(({ id }) => id) }, sends: { $gt: 0 } })
  t.ok(ofFlood <= 8, `${ofFlood} of the eight that these sessions may have sent in an hour`)
  await all(flood, async (question) => { if (await told(question) > 0) await until(() => letters(question) > 0, { what: 'a mail of those', timeoutMs: 60_000 }) })

  await all(wrongs, repeated)
  const compared = await count('audit', { event: 'challenge.rejected', actor: victim.userId, 'facts.reason': 'wrong' })
  const budget = await database.collection<{ _id: string, failures: unknown[] }>('failure_budgets').findOne({ _id: victim.userId })
  t.ok(compared <= 10, `${compared} of ten wrong codes compared`)
  t.equal(budget?.failures.length, 10, 'an attempt that nobody saw the end of stays counted')
  second.child.kill('SIGTERM')
  t.equal((await second.ended).code, 0)
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
