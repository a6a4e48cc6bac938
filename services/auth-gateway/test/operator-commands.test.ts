/** What an operator types: `users` and `stats`, against the database of a running gateway. */
import { createMetrics, createLogger, createCli } from '@countersign/runtime'
import { connectMongo } from '@countersign/mongo'
import t from 'tap'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
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
    .add(...userCommands(withMongo), ...statsCommands(withMongo)).run(['node', 'countersign', ...words])
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
  t.match(await type('stats', 'wallets'), { code: 0, out: /\d+ logins/ })
  const failures = JSON.parse((await type('stats', 'failures', '--since', '1h', '--json')).out) as { failed: number, ratio: number, reasons: { name: string }[] }
  t.equal(failures.failed, 1)
  t.ok(failures.ratio > 0 && failures.ratio < 1)
  t.match(failures.reasons, [{ name: /signature/ }])
  t.equal((await type('stats', 'failures', '--limit', '0')).code, 1)
  t.match(await type('stats', 'failures'), { code: 0, out: /1 of \d+ sign-ins failed/ })
})
