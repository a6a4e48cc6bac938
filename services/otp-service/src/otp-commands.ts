/** `otp …`: the daily, weekly and monthly looks of the earlier OTP system's operators. The exit code tells whether all is well. */
import { inTransaction, verifyIndexes, type Mongo } from '@countersign/mongo'
import { exitCodes, UsageFault, type CliCommand } from '@countersign/runtime'
import { budgetRules } from './budgets/budget.ts'
import { createChallengeRepository } from './challenges/challenge-repository.ts'
import { indexes } from './indexes.ts'
import { createMailboxRepository } from './mailboxes/mailbox-repository.ts'
import { auditOtp } from './reports/audit-otp.ts'
import { createCountEnded } from './reports/count-ended.ts'
import { lockouts, type Lockout } from './reports/lockouts.ts'
import { monthlyReport, monthOf } from './reports/monthly-report.ts'
import { createTallyRepository } from './reports/tally-repository.ts'

type WithMongo = <T>(work: (mongo: Mongo) => Promise<T>) => Promise<T>

export const otpCommands = (withMongo: WithMongo): CliCommand[] => [report, health, showLockouts, audit, cleanup].map((make) => make(withMongo))

const report = (withMongo: WithMongo): CliCommand => ({
  name: 'otp report',
  description: 'Codes of a month: how many, how many were right, how fast, when; exit 1 under 90 % of right ones',
  requiredOptions: [['--month <YYYY-MM>', 'month of UTC']],
  run: async ({ options, print, line }) => {
    const month = monthOf(String(options['month']))
    if (month === undefined) throw new UsageFault('--month is like 2026-01')
    return await withMongo(async (mongo) => {
      // One moment for all that is read: what is being counted meanwhile is read in one place.
      const tallies = await inTransaction(mongo, async (transaction) => await createTallyRepository(mongo.db).between(month.from, month.to, transaction))
      const { byPurpose, issues, ...figures } = monthlyReport(month, tallies)
      print({ ...figures, issues, byPurpose }, () => {
        for (const [name, value] of Object.entries(figures)) line(`${name.padEnd(20)}${value}`)
        for (const [purpose, { generated, verified }] of Object.entries(byPurpose)) line(`  ${purpose.padEnd(18)}${verified} of ${generated}`)
        for (const issue of issues) line(`issue: ${issue}`)
      })
      return issues.length === 0 ? exitCodes.ok : exitCodes.failed
    })
  }
})

const mostLocked = 100
const mostPending = 1_000

const health = (withMongo: WithMongo): CliCommand => ({
  name: 'otp health',
  description: `Records, locked accounts, pending codes, indexes; exit 1 above ${mostLocked} locked or ${mostPending} pending, or when an index differs`,
  run: async ({ print, line }) => await withMongo(async ({ db }) => {
    const count = (name: string) => db.collection(name).estimatedDocumentCount()
    const [factorCodes, mailboxCodes, locked, pendingFactor, pendingMailbox, differences] = await Promise.all([
      count('challenges'), count('mailbox_challenges'), lockedNow(db),
      createChallengeRepository(db).countPending(), createMailboxRepository(db).countPending(), verifyIndexes(db, indexes)
    ])
    const pending = pendingFactor + pendingMailbox
    const warnings = [
      ...locked.length > mostLocked ? ['High number of locked accounts'] : [],
      ...pending > mostPending ? ['Large number of pending OTPs'] : [],
      ...differences.length > 0 ? [`${differences.length} indexes differ: countersign db indexes verify`] : []
    ]
    print({ total: factorCodes + mailboxCodes, locked: locked.length, pending, index_differences: differences.length, warnings }, () => {
      line('OTP Health Check:')
      line(`- Total OTP records: ${factorCodes + mailboxCodes}`)
      line(`- Locked accounts: ${locked.length}`)
      line(`- Pending OTPs: ${pending}`)
      for (const warning of warnings) line(`warning: ${warning}`)
    })
    return warnings.length === 0 ? exitCodes.ok : exitCodes.failed
  })
})

const showLockouts = (withMongo: WithMongo): CliCommand => ({
  name: 'otp lockouts',
  description: 'Accounts that wrong codes have locked or closed, the most guessed at first; factors reopen opens one',
  options: [['--top <number>', 'how many', '10']],
  run: async ({ options, print, table, line }) => {
    const top = Number(options['top'])
    if (!Number.isInteger(top) || top < 1 || top > 10_000) throw new UsageFault('--top is a number from 1 to 10000')
    await withMongo(async ({ db }) => {
      const rows = (await lockedNow(db)).slice(0, top).map(({ userId, wrongToday, wrongInARow, lockedUntil, closedAt }) =>
        ({ user_id: userId, wrong_today: wrongToday, wrong_in_a_row: wrongInARow, locked_until: lockedUntil?.toISOString() ?? null, closed_at: closedAt?.toISOString() ?? null }))
      print(rows, () => { if (rows.length === 0) line('no account is locked'); else table(rows) })
    })
  }
})

const audit = (withMongo: WithMongo): CliCommand => ({
  name: 'otp audit',
  description: 'How codes are kept, logged and guarded; exit 1 when something does not hold',
  options: [['--logs <folder>', 'folder of logs to look for codes in'], ['--gateway <url>', 'where the gateway answers']],
  run: async ({ options, print, table }) => {
    const text = (name: string) => typeof options[name] === 'string' ? options[name] : undefined
    const gateway = text('gateway')
    if (gateway !== undefined && !/^https?:\/\//.test(gateway)) throw new UsageFault('--gateway is an address like https://api.example.com')
    return await withMongo(async ({ db }) => {
      const checks = await auditOtp({ db, indexes, logs: text('logs'), gateway })
      print(checks, () => { table(checks.map(({ check, state, detail }) => ({ check, state, detail: state === 'holds' ? '' : detail }))) })
      return checks.some(({ state }) => state === 'failed') ? exitCodes.failed : exitCodes.ok
    })
  }
})

const cleanup = (withMongo: WithMongo): CliCommand => ({
  name: 'otp cleanup',
  description: 'Count and let go of ended challenges now; the service does it every ten minutes',
  run: async ({ print, line }) => await withMongo(async (mongo) => {
    const counted = await createCountEnded({ tallies: createTallyRepository(mongo.db), transact: async (work) => await inTransaction(mongo, work) })()
    print({ counted }, () => { line(`Cleaned up ${counted} expired OTPs; MongoDB removes them within a minute or two`) })
  })
})

/** The lock's own length is in its row: only the day's count is a rule. */
const lockedNow = (db: Mongo['db']): Promise<Lockout[]> => lockouts(db, budgetRules(0).perDay)
