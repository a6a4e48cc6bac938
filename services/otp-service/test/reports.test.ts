/** Reports of codes: exact however late they are counted, and nothing is removed before it was. And the looks of the operator. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { resendChallenge } from '@countersign/contracts'
import { ensureIndexes, inTransaction } from '@countersign/mongo'
import { createCli } from '@countersign/runtime'
import t from 'tap'
import { indexes } from '../src/indexes.ts'
import { migrations } from '../src/migrations.ts'
import { operatorCommands } from '../src/operator-commands.ts'
import { createCountEnded } from '../src/reports/count-ended.ts'
import { monthlyReport, monthOf } from '../src/reports/monthly-report.ts'
import { tally } from '../src/reports/tally.ts'
import { createTallyRepository } from '../src/reports/tally-repository.ts'
import { openHouse, refusal, wrong } from './open-otp.ts'

const house = await openHouse(t)
const { db, enrol, challenge, verify, mongo } = house
const challenges = db.collection<{ _id: string }>('challenges')
const env = { MONGODB_URI: house.env.MONGODB_URI }
const cli = async (...args: string[]) => {
  let [out, err] = ['', '']
  const code = await createCli({ name: 'otp-service', description: '', stdout: (text) => { out += text }, stderr: (text) => { err += text } })
    .add(...operatorCommands(env, db.databaseName)).run(['node', 'cli', ...args, '--json'])
  return { code, out, err, json: (out === '' ? {} : JSON.parse(out)) as Record<string, unknown> }
}
const counting = createCountEnded({ tallies: createTallyRepository(db), transact: async (work) => await inTransaction(mongo, work) })
const reportOf = async (month: string) => (await cli('otp', 'report', '--month', month)).json

/** As if its life had been then. */
const moveTo = async (id: string, created: Date, seconds = 10): Promise<void> => {
  await challenges.updateOne({ _id: id }, [{
    $set: {
      created_at: created, last_sent_at: created, expires_at: new Date(created.getTime() + 300_000),
      consumed_at: { $cond: [{ $eq: ['$consumed_at', null] }, null, new Date(created.getTime() + seconds * 1_000)] }
    }
  }])
}

t.test('a month is counted exactly, before, while and after its challenges are counted and removed', async (t) => {
  const user = await enrol()
  await challenges.deleteMany({})
  for (let i = 0; i < 6; i++) {
    const { id, code } = await challenge(user)
    t.equal(await refusal(verify(user, id, i < 4 ? code : wrong(code))), i < 4 ? 'none' : 'code-rejected')
    await moveTo(id, new Date(Date.UTC(2026, 0, 31, i === 0 ? 9 : 23, 59)), 10 + i)
  }
  const ofFebruary = await challenge(user)
  await moveTo(ofFebruary.id, new Date(Date.UTC(2026, 1, 1)))
  const wanted = {
    period: '2026-01-01T00:00:00.000Z to 2026-02-01T00:00:00.000Z', otpGenerated: 6, otpVerified: 4, otpFailed: 2, otpPending: 0, successRate: '66.67%',
    avgVerificationTime: '11.5 s', peakUsageTime: '23:00 to 00:00 UTC', issues: ['Low verification success rate'], byPurpose: { transaction: { generated: 6, verified: 4 } }
  }
  const before = await cli('otp', 'report', '--month', '2026-01')
  t.equal(before.code, 1, 'flagged')
  t.strictSame(before.json, wanted)

  let over = false
  const reading = (async () => {
    do t.strictSame(await reportOf('2026-01'), wanted, 'while they are counted')
    while (!over)
  })()
  const counted = await Promise.all(Array.from({ length: 4 }, counting))
  over = true
  await reading
  t.equal(counted.reduce((sum, count) => sum + count, 0), 7, 'each once, by four at a time')
  t.strictSame(await reportOf('2026-01'), wanted)
  t.equal(await challenges.countDocuments({ counted_at: null }), 0)
  t.match((await db.collection('challenges').indexes()).filter(({ expireAfterSeconds }) => expireAfterSeconds !== undefined).map(({ key }) => key as unknown), [{ counted_at: 1 }], 'nothing else removes')

  await challenges.deleteMany({ counted_at: { $ne: null } } as object)
  t.strictSame(await reportOf('2026-01'), wanted, 'and when they are gone')
  t.match(await reportOf('2026-02'), { otpGenerated: 1, otpVerified: 0, otpFailed: 1, successRate: '0.00%' })
  t.match(await cli('otp', 'report', '--month', '2025-12'), { code: 0, json: { otpGenerated: 0, successRate: '-', avgVerificationTime: '-', peakUsageTime: '-', issues: [] } })
  for (const month of ['2026-13', '2026', 'now']) t.equal((await cli('otp', 'report', '--month', month)).code, 2, month)
})

t.test('a code that may still be answered is neither a success nor a failure, and one that is young is not counted yet', async (t) => {
  const user = await enrol()
  const { id, code } = await challenge(user)
  await challenge(user)
  await verify(user, id, code)
  const month = new Date().toISOString().slice(0, 7)
  const { otpPending, otpGenerated } = await reportOf(month)
  t.ok(Number(otpPending) >= 1)
  t.ok(Number(otpGenerated) >= 3, 'enrolments too')
  t.match(await cli('otp', 'cleanup'), { code: 0, json: { counted: 0 } })
})

t.test('a challenge that is counted is not sent again', async (t) => {
  const user = await enrol()
  const { id } = await challenge(user)
  await challenges.updateOne({ _id: id }, [{ $set: { counted_at: '$$NOW' } }])
  t.equal(await refusal(house.signer.call(resendChallenge, { challenge_id: id, user_id: user.userId, session_id: user.sessionId }, house.ask)), 'state-conflict')
})

t.test('figures: a rate of exactly 90 % is none too low, and each code belongs to its day and purpose', (t) => {
  const at = new Date('2026-03-31T12:00:00Z')
  const rows = Array.from({ length: 10 }, (_, index) => ({ purpose: 'step_up', createdAt: at, lastSentAt: at, consumedAt: index < 9 ? new Date(at.getTime() + 2_000) : null, isPending: false }))
  const month = monthOf('2026-03')
  t.ok(month)
  if (month === undefined) return t.end()
  t.match(monthlyReport(month, tally(rows)), { successRate: '90.00%', issues: [], avgVerificationTime: '2.0 s', peakUsageTime: '12:00 to 13:00 UTC' })
  t.match(monthlyReport(month, tally([...rows, { ...rows[0], purpose: 'transaction', createdAt: at, lastSentAt: at, consumedAt: null, isPending: false }])), { successRate: '81.82%', byPurpose: { step_up: { generated: 10, verified: 9 }, transaction: { generated: 1, verified: 0 } } })
  t.equal(tally(rows).length, 1)
  t.end()
})

t.test('health counts what is locked and pending, and warns above the limits', async (t) => {
  t.match(await cli('otp', 'health'), { code: 0, json: { warnings: [], index_differences: 0 } })
  const user = await enrol()
  const budgets = db.collection<{ _id: string }>('failure_budgets')
  await budgets.insertMany(Array.from({ length: 101 }, (_, index) => ({ _id: `usr_locked${index}`, failures: Array.from({ length: index % 9 }, (_unused, i) => ({ at: new Date(), ref: `${i}` })), in_a_row: index, locked_until: new Date(Date.now() + 900_000) })))
  const { id, code } = await challenge(user)
  await challenges.insertMany(Array.from({ length: 1_001 }, (_, index) => ({ _id: `chl_${index}`, consumed_at: null, cancelled_at: null, attempts_left: 3, expires_at: new Date(Date.now() + 300_000), created_at: new Date(), sends: 1, purpose: 'transaction' })))
  t.match(await cli('otp', 'health'), { code: 1, json: { locked: 101, warnings: ['High number of locked accounts', 'Large number of pending OTPs'] } })

  const { code: exit, json } = await cli('otp', 'lockouts', '--top', '3')
  t.equal(exit, 0)
  t.match(json, [{ user_id: 'usr_locked98', wrong_today: 8 }, { user_id: 'usr_locked89', wrong_today: 8 }, { user_id: 'usr_locked80', wrong_today: 8 }])
  t.equal((json as unknown as unknown[]).length, 3)
  t.match((await cli('otp', 'explain', id)).json, { id, state: 'pending', attempts_left: 3 })
  t.notOk((await cli('otp', 'explain', id)).out.includes(`"${code}"`))
  await budgets.deleteMany({ _id: /^usr_locked/ })
  await challenges.deleteMany({ _id: /^chl_\d+$/ })
})

t.test('the audit tells what does not hold, and what it did not look at', async (t) => {
  const logs = await mkdtemp(join(tmpdir(), 'countersign-logs-'))
  t.teardown(() => rm(logs, { recursive: true, force: true }))
  await writeFile(join(logs, 'otp-service.log'), '{"level":"info","msg":"OTP sent","challengeId":"chl_01","count":123456}\n')
  let status = 401
  const stranger = createServer((_request, response) => { response.writeHead(status).end('{"title":"Unauthorized"}') }).listen(0, '127.0.0.1')
  t.teardown(() => { stranger.close() })
  await new Promise((resolve) => { stranger.once('listening', resolve) })
  const gateway = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`

  const alone = await cli('otp', 'audit')
  t.equal(alone.code, 0)
  t.match(alone.json, [{ state: 'holds' }, { state: 'holds' }, { state: 'holds' }, { state: 'skipped' }, { state: 'skipped' }])
  const whole = await cli('otp', 'audit', '--logs', logs, '--gateway', gateway)
  t.equal(whole.code, 0, whole.out)

  status = 200
  await writeFile(join(logs, 'other.log'), '{"msg":"sent","otp":"492817"}\n')
  await challenges.insertOne({ _id: 'chl_plain', code_mac: '492817', pepper_id: null, expires_at: new Date(0), consumed_at: new Date(0), cancelled_at: null } as never)
  const broken = await cli('otp', 'audit', '--logs', logs, '--gateway', gateway)
  t.equal(broken.code, 1)
  t.same((broken.json as unknown as { state: string, check: string }[]).filter(({ state }) => state === 'failed').map(({ check }) => check), [
    'codes are kept as HMAC under a pepper', 'ended challenges are counted and removed', 'no code in logs', 'without a token the status is refused', 'with a forged token nothing is sent'
  ])
  t.notOk(broken.out.includes('492817'))
})

t.test('an earlier version\'s indexes are dropped by a migration, which may run again', async (t) => {
  const old = mongo.client.db(mongo.freshDatabase())
  await old.collection('challenges').createIndex({ expires_at: 1 }, { name: 'expiry', expireAfterSeconds: 604_800 })
  for (let i = 0; i < 2; i++) for (const { up } of migrations) await up(old, new AbortController().signal)
  t.same((await old.collection('challenges').indexes()).map(({ name }) => name), ['_id_'])
  await ensureIndexes(old, indexes.filter(({ collection }) => collection === 'challenges'))
})
