/** What an operator types: `users`, `stats` and `notify`, against the database of a running gateway. */
import { createMetrics, createLogger, createCli, newId } from '@countersign/runtime'
import { connectMongo, createAudit, createOutbox, inTransaction, type OutboxRow } from '@countersign/mongo'
import bcrypt from '@node-rs/bcrypt'
import { writeFile } from 'node:fs/promises'
import t from 'tap'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { createNoticeRepository } from '../src/operators/notice-repository.ts'
import { importCommands } from '../src/operators/import-commands.ts'
import { notifyCommands } from '../src/operators/notify-commands.ts'
import { createNotifyUsers } from '../src/operators/notify-users.ts'
import { statsCommands } from '../src/operators/stats-commands.ts'
import { userCommands } from '../src/operators/user-commands.ts'
import type { WithMongo } from '../src/operators/with-mongo.ts'
import { buildHouse, proofOf, signIn } from './open-gateway.ts'

const newAccount = () => privateKeyToAccount(generatePrivateKey())
const house = await buildHouse(t)
const gateway = await house.open()
const log = createLogger({ service: 'auth-gateway', level: 'silent', sha: 'test', environment: 'test' })
const mongo = await connectMongo({ uri: house.mongo.uri, database: house.mongo.database, log, metrics: createMetrics({ service: 'auth-gateway', sha: 'test' }) })
t.teardown(() => mongo.close())
const withMongo: WithMongo = (work) => work(mongo, house.parts().config)

async function type (...words: string[]): Promise<{ code: number, out: string, error: string }> {
  const said = { out: '', error: '' }
  const code = await createCli({ name: 'countersign', description: 'test', stdout: (text) => { said.out += text }, stderr: (text) => { said.error += text } })
    .add(...userCommands(withMongo), ...importCommands(withMongo), ...statsCommands(withMongo), ...notifyCommands(withMongo)).run(['node', 'countersign', ...words])
  return { code, ...said }
}

t.test('a user is found by id, name or login, and is given and loses roles', async (t) => {
  const account = newAccount()
  const { userId } = await signIn(gateway, account)
  const login = `eip155:0:${account.address.toLowerCase()}`

  t.match(await type('users', 'show', login), { code: 0, out: new RegExp(`^${userId}`) })
  t.match(await type('users', 'grant', userId, 'admin'), { code: 0, out: `${userId}: admin, user\n` })
  t.match(await type('users', 'grant', userId, 'admin'), { code: 0, out: `${userId}: admin, user\n` }, 'again changes nothing')
  t.match(await type('users', 'revoke', userId, 'admin'), { code: 1, error: /the last administrator stays/ })
  const second = await signIn(gateway, newAccount())
  t.match(await type('users', 'grant', second.userId, 'admin'), { code: 0 })
  t.match(JSON.parse((await type('users', 'revoke', userId, 'admin', '--json')).out), { id: userId, roles: ['user'] })
  const rows = await house.mongo.db.collection('audit').find({ event: 'user.roles_set', subject: userId }).toArray()
  t.ok(rows.length >= 2 && rows.every(({ actor }) => actor === 'command line'))
})

t.test('two administrators who resign at once leave one', async (t) => {
  await house.mongo.db.collection('users').updateMany({}, { $set: { roles: ['user'] } })
  const users = await Promise.all([signIn(gateway, newAccount()), signIn(gateway, newAccount())])
  for (const { userId } of users) await type('users', 'grant', userId, 'admin')

  const answers = await Promise.all(users.map(({ userId }) => type('users', 'revoke', userId, 'admin')))

  t.strictSame(answers.map(({ code }) => code).sort(), [0, 1])
  t.equal(await house.mongo.db.collection('users').countDocuments({ roles: 'admin' }), 1)
})

t.test('what does not exist or makes no sense is one clear line', async (t) => {
  t.match(await type('users', 'show', 'nobody'), { code: 1, error: /there is no user nobody/ })
  t.match(await type('users', 'grant', 'nobody', 'root'), { code: 2, error: /operator or admin/ })
  t.match(await type('stats', 'failures', '--since', 'yesterday'), { code: 2, error: /30s, 15m, 1h or 7d/ })
  t.match(await type('stats', 'failures', '--limit', '200'), { code: 2, error: /percentage/ })
})

t.test('sessions, logins and failures are counted, and a limit makes an exit code', async (t) => {
  const proof = await proofOf(gateway, newAccount())
  await gateway.send('POST', '/api/v1/auth/evm/verify', { body: { ...proof, signature: `0x${'11'.repeat(64)}1b` } })
  await signIn(gateway, newAccount())

  const sessions = JSON.parse((await type('stats', 'sessions', '--json')).out) as { total: number, counts: { name: string, count: number }[] }
  t.equal(sessions.total, await house.mongo.db.collection('sessions').countDocuments({ state: 'active' }))
  t.equal(sessions.counts[0]?.name, 'evm')
  t.match(sessions, { networks: [{ name: 'eip155:0', count: sessions.total }] })
  await house.mongo.db.collection('wallet_connections').insertMany([{ walletType: 'hiro', isConnected: true }, { walletType: 'xverse', isConnected: false }])
  t.match(JSON.parse((await type('stats', 'wallets', '--json')).out), { counts: [{ name: 'evm' }], connected: [{ name: 'hiro', count: 1 }] })
  t.match(await type('stats', 'wallets'), { code: 0, out: /\d+ logins/ })
  const failures = JSON.parse((await type('stats', 'failures', '--since', '1h', '--json')).out) as { failed: number, ratio: number, reasons: { name: string }[] }
  t.equal(failures.failed, 1)
  t.ok(failures.ratio > 0 && failures.ratio < 1)
  t.match(failures.reasons, [{ name: /signature/ }])
  t.equal((await type('stats', 'failures', '--limit', '0')).code, 1)
  t.match(await type('stats', 'failures'), { code: 0, out: /1 of \d+ sign-ins failed/ })
})

t.test('accounts of an earlier system come in with their bcrypt hashes, as often as the file is run, and sign in', async (t) => {
  const file = `${t.testdir()}/accounts.jsonl`
  const write = async (...lines: (object | string)[]): Promise<void> => { await writeFile(file, lines.map((line) => typeof line === 'string' ? line : JSON.stringify(line)).join('\n')) }
  const identities = house.mongo.db.collection<{ _id: string }>('identities')
  const logIn = (email: string, password: string) => gateway.send('POST', '/api/v1/auth/email/login', { body: { email, password } })
  const hash = bcrypt.hashSync('an earlier password', 4)
  const ada = { email: 'Ada@earlier.example', password_hash: hash, username: 'earlier_ada', verified: true }

  await write(ada, { email: 'no address', password_hash: hash }, { ...ada, email: 'b@earlier.example', password_hash: '$2b$31$x' }, { ...ada, email: 'ada@earlier.example' }, 'x', { ...ada, email: 'c@earlier.example', role: 'admin' })
  const refused = await type('users', 'import', file)
  t.equal(refused.code, 1)
  for (const said of [/line 2: email /, /line 3: password_hash is neither/, /line 4: has the address of line 1/, /line 5: is no JSON/, /line 6: /, /nothing was written/]) t.match(refused.out, said)
  t.notMatch(refused.out, hash)
  t.equal(await identities.countDocuments({ _id: 'email:ada@earlier.example' }), 0)
  t.match(await type('users', 'import', `${file}.not`), { code: 2, error: /cannot be read/ })

  await write(ada, '', { email: 'grace@earlier.example', password_hash: hash, username: 'EARLIER_ADA' }, { email: 'mary@earlier.example', password_hash: hash })
  t.match(JSON.parse((await type('users', 'import', file, '--dry-run', '--json')).out), { dry_run: true, accounts: 3 })
  t.equal(await identities.countDocuments({ _id: /@earlier\.example$/ as never }), 0)
  t.match(JSON.parse((await type('users', 'import', file, '--json')).out), { imported: 3, already: 0, renamed: 1 })
  t.match(JSON.parse((await type('users', 'import', file, '--json')).out), { imported: 0, already: 3, renamed: 0 })
  t.match(await logIn('ada@earlier.example', 'an earlier password'), { status: 200, json: { user: { username: 'earlier_ada', email: 'Ada@earlier.example' } } })
  t.match(await logIn('grace@earlier.example', 'an earlier password'), { status: 200, json: { user: { username: /^EARLIER_ADA_[0-9a-f]+$/, email: null } } })
  t.equal((await logIn('mary@earlier.example', 'another password')).status, 401)
})

/** Accounts with a proved address, one that has none, and one that is being deleted. */
async function givenAccounts (count: number): Promise<void> {
  const users = house.mongo.db.collection<{ _id: string }>('users')
  await users.deleteMany({})
  const row = (i: number) => ({ _id: newId('usr'), username: `u${i}`, usernameKey: `u${i}`, state: 'active', email: `somebody${i}@example.com` as string | null, emailProvedAt: new Date() as Date | null, roles: ['user'], profile: {} })
  await users.insertMany([
    ...Array.from({ length: count }, (_none, i) => row(i)), { ...row(count), email: null, emailProvedAt: null }, { ...row(count + 1), state: 'deleting' }
  ])
}
const mails = house.mongo.db.collection<OutboxRow>('outbox')
const noticesSince = (before: Date) => mails.countDocuments({ queue: 'mail-gateway', createdAt: { $gte: before } })
const databaseNow = async (): Promise<Date> => ((await mongo.db.command({ hello: 1 })) as { localTime: Date }).localTime

t.test('a notice goes to each proved address once, however often it is sent under one id', async (t) => {
  await givenAccounts(3)
  const from = await databaseNow()

  const tried = await type('notify', 'users', 'Maintenance tonight', '--id', 'n-1', '--dry-run', '--json')
  t.match(JSON.parse(tried.out), { id: 'n-1', dry_run: true, recipients: 3, already: 0, without_address: 1, sample: ['s***@e***.com', 's***@e***.com', 's***@e***.com'] })
  t.equal(await noticesSince(from), 0)

  const sent = await type('notify', 'users', 'Maintenance tonight', '--id', 'n-1')
  t.match(sent, { code: 0, out: /^notice n-1;[\s\S]*^3 mails are written/m, error: /^mails 0 of 3\n[\s\S]*mails 3 of 3\n$/ })
  t.notMatch(sent.out + sent.error, /@example/)
  t.equal(await noticesSince(from), 3)
  t.match(JSON.parse((await type('notify', 'users', 'Maintenance tonight', '--id', 'n-1', '--json')).out), { written: 0, already: 3 })
  t.match(JSON.parse((await type('notify', 'users', 'Maintenance tonight', '--id', 'n-1', '--dry-run', '--json')).out), { recipients: 0, already: 3 })
  t.equal(await noticesSince(from), 3)
  t.equal(await house.mongo.db.collection('audit').countDocuments({ event: 'notice.sent', subject: 'n-1', 'facts.recipients': 3 }), 1)
  t.notMatch(JSON.stringify(await mails.find({ createdAt: { $gte: from } }).toArray()), /Maintenance|@example/, 'what waits is sealed')

  t.match(await type('notify', 'users', 'Something else', '--id', 'n-1'), { code: 1, error: /had another message/ })
  for (const wrong of [['notify', 'users', ''], ['notify', 'users', 'a\u0007b'], ['notify', 'users', 'x'.repeat(2_001)], ['notify', 'users', 'x', '--id', '../x'], ['notify', 'users']]) {
    t.match(await type(...wrong), { code: 2 }, JSON.stringify(wrong).slice(0, 60))
  }
  t.match(await type('notify', 'users', 'Without an id'), { code: 0, out: /^notice \d{4}-\d\d-\d\d-[0-9a-f]{12};/ })
  t.match(JSON.parse((await type('notify', 'users', 'Without an id', '--json')).out), { written: 0, already: 3 }, 'the same words on the same day are the same notice')
})

t.test('a notice that was interrupted goes on, and runs at the same time write to nobody twice', async (t) => {
  await givenAccounts(120)
  const from = await databaseNow()
  let writes = 0
  const outbox = createOutbox(mongo.db)
  const notify = (failAt: number) => createNotifyUsers({
    notices: createNoticeRepository(mongo),
    audit: createAudit(mongo.db),
    inTransaction: (work) => inTransaction(mongo, work),
    hashOf: (text) => text,
    writeMail: async ({ to }, _requestId, transaction) => {
      if (++writes === failAt) throw new Error('the plug was pulled')
      return await outbox.insert({ queue: 'mail-gateway', jobId: `n-2 ${to}`, payload: {}, usefulUntil: new Date(0) }, transaction)
    }
  })
  const notice = { id: 'n-2', message: 'x', requestId: newId('req') }
  await t.rejects(notify(70)(notice, () => undefined), /plug/)
  t.equal(await noticesSince(from), 50, 'what was committed stays')

  const seen: number[] = []
  const runs = await Promise.allSettled([1, 2, 3].map(() => notify(Infinity)(notice, (done) => { seen.push(done) })))
  t.ok(runs.some(({ status }) => status === 'fulfilled'))
  for (const run of runs) if (run.status === 'rejected') t.match(run.reason, { message: /another run of the notice n-2 is under way/ })
  t.equal(await noticesSince(from), 120)
  t.equal((await mails.distinct('jobId', { jobId: /^n-2 / })).length, 120)
  t.ok(seen.includes(50) && seen.includes(120))
  t.equal(await house.mongo.db.collection('audit').countDocuments({ event: 'notice.sent', subject: 'n-2' }), 1)
})
