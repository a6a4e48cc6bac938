/** What an operator may ask and do on the command line. No command prints a code or a whole address. */
import { stores } from '@countersign/contracts'
import { connectMongo, createAudit, inTransaction, type Mongo } from '@countersign/mongo'
import { createLogger, createMetrics, readEnvironment, type CliCommand, type EnvironmentSource } from '@countersign/runtime'
import { deriveKey } from '@countersign/secrets'
import { budgetRules } from './budgets/budget.ts'
import { createBudgetRepository, type BudgetRepository } from './budgets/budget-repository.ts'
import { createChallengeRepository } from './challenges/challenge-repository.ts'
import { explainChallenge } from './challenges/explain-challenge.ts'
import { mailboxEnvironment, operatorEnvironment } from './config.ts'
import { labelOf, maskAddress } from './factors/factor.ts'
import { createFactorRepository } from './factors/factor-repository.ts'
import { createFactorResetRepository } from './factors/factor-reset-repository.ts'
import { explainMailbox } from './mailboxes/explain-mailbox.ts'
import { budgetKeysOfAccount, budgetKeysOfAddress, mailboxBudgetLabel } from './mailboxes/mailbox-budgets.ts'
import { createMailboxRepository } from './mailboxes/mailbox-repository.ts'
import { otpCommands } from './otp-commands.ts'
import { resetCommands } from './reset-commands.ts'
import { createReceiptRepository } from './receipts/receipt-repository.ts'

type WithMongo = <T>(work: (mongo: Mongo) => Promise<T>) => Promise<T>

/**
 * @param env `process.env`, read when a command runs.
 * @param database its name, where it is not the usual one
 */
export function operatorCommands (env: EnvironmentSource, database = stores['otp-service'].database): CliCommand[] {
  const withMongo: WithMongo = async (work) => {
    const values = readEnvironment(operatorEnvironment, env)
    const silent = { service: 'otp-service', sha: 'unknown', environment: values.ENVIRONMENT }
    const mongo = await connectMongo({
      uri: values.MONGODB_URI,
      database,
      log: createLogger({ ...silent, level: 'silent' }),
      metrics: createMetrics(silent),
      name: 'otp-service cli',
      minPoolSize: 0
    })
    try {
      return await work(mongo)
    } finally {
      await mongo.close()
    }
  }
  return [showFactors(withMongo), reopenFactor(withMongo), ...resetCommands(withMongo, env), reopenMailbox(withMongo, env), explain(withMongo, 'challenges explain'), explain(withMongo, 'otp explain'), ...otpCommands(withMongo)]
}

/** Locks are explained with the rules that wrote them: only the day's count is read again here. */
const budgetsOf = ({ db }: Mongo): BudgetRepository => createBudgetRepository(db, budgetRules(0))

/** The account as a session finds it that never answered rightly. */
const noSession = ''

const showFactors = (withMongo: WithMongo): CliCommand => ({
  name: 'factors show',
  description: 'The factor root and the masked factors of a user',
  args: [['<user>', 'user id, usr_…']],
  run: async ({ args: [userId = ''], print, table, line }) => await withMongo(async (mongo) => {
    const factors = createFactorRepository(mongo.db)
    const [owner, all, lock, reset] = await Promise.all([factors.ownerOf(userId), factors.listOf(userId), budgetsOf(mongo).lockOf(userId, noSession), createFactorResetRepository(mongo.db).pendingOf(userId)])
    if (owner === undefined) throw new Error(`${userId} has no factors`)
    const rows = all.map((factor) => ({ factor: factor.id, kind: factor.kind, label: labelOf(factor), proved_at: factor.provedAt.toISOString() }))
    print({ user_id: userId, factor_root: owner.factorRoot, closed: lock.closed, retry_after: lock.retryAfterSeconds, reset_due_at: reset?.dueAt.toISOString() ?? null, factors: rows }, () => {
      line(`user         ${userId}`)
      line(`factor root  ${owner.factorRoot}`)
      line(`account      ${lock.closed ? 'closed' : lock.retryAfterSeconds > 0 ? `locked for ${lock.retryAfterSeconds} s` : 'open'}`)
      if (reset !== undefined) line(`reset        due at ${reset.dueAt.toISOString()}`)
      table(rows)
    })
  })
})

const reopenFactor = (withMongo: WithMongo): CliCommand => ({
  name: 'factors reopen',
  description: 'Reopen the factor of a user that wrong codes have locked or closed, and forget them, those of the day as well',
  args: [['<user>', 'user id, usr_…']],
  run: async ({ args: [userId = ''], print, line }) => await withMongo(async (mongo) => {
    const reopened = await inTransaction(mongo, async (transaction) => {
      if (!await budgetsOf(mongo).reopen(userId, transaction)) return false
      await createAudit(mongo.db).append({ event: 'factor.reopened', subject: userId, actor: 'operator' }, transaction)
      return true
    })
    if (!reopened) throw new Error(`the factor of ${userId} is not closed, and has no wrong codes to forget`)
    print({ user_id: userId, reopened }, () => { line(`reopened: ${userId}`) })
  })
})

/** An account's count holds the guesses at each of its addresses; each address has one of its own. */
const reopenMailbox = (withMongo: WithMongo, env: EnvironmentSource): CliCommand => ({
  name: 'mailboxes reopen',
  description: 'Reopen the mailed codes of an address or of an account that wrong ones have locked or closed; its factor is another matter',
  args: [['<whose>', 'the address, which needs SECRET_KEY, or the user id, usr_…']],
  run: async ({ args: [whose = ''], print, line }) => await withMongo(async (mongo) => {
    const isAddress = whose.includes('@')
    const shown = isAddress ? maskAddress(whose) : whose
    const keys = isAddress
      ? budgetKeysOfAddress(deriveKey(readEnvironment(mailboxEnvironment, env).SECRET_KEY, mailboxBudgetLabel), whose)
      : budgetKeysOfAccount(whose)
    const budgets = createBudgetRepository(mongo.db, budgetRules(0), 'mailbox_budgets')
    const reopened = await inTransaction(mongo, async (transaction) => {
      const done: string[] = []
      for (const key of keys) if (await budgets.reopen(key, transaction)) done.push(key)
      if (done.length > 0) await createAudit(mongo.db).append({ event: 'mailbox.reopened', subject: isAddress ? 'address' : whose, actor: 'operator', facts: { budgets: done } }, transaction)
      return done.length > 0
    })
    if (!reopened) throw new Error(`the codes of ${shown} are not closed, and have no wrong ones to forget`)
    print({ whose: shown, reopened }, () => { line(`reopened: ${shown}`) })
  })
})

/** Under the name of today and that of the earlier OTP system. */
const explain = (withMongo: WithMongo, name: string): CliCommand => ({
  name,
  description: 'State, tries and times of a challenge; never its code',
  args: [['<id>', 'challenge id, chl_…']],
  run: async ({ args: [id = ''], print, line }) => await withMongo(async (mongo) => {
    const [found, mailbox, receipt] = await Promise.all([
      createChallengeRepository(mongo.db).findWithTime(id), createMailboxRepository(mongo.db).findWithTime(id), createReceiptRepository(mongo.db).ofChallenge(id)
    ])
    const show = (explained: object) => { print(explained, () => { for (const [name, value] of Object.entries(explained)) line(`${name.padEnd(16)}${String(value ?? '-')}`) }) }
    if (mailbox !== undefined) {
      show(explainMailbox(mailbox.challenge, mailbox.now, receipt?.id ?? null))
      return
    }
    if (found === undefined) throw new Error(`there is no challenge ${id}; those of factors are kept for a week after their end, those of mailboxes for a day`)
    const { challenge, now } = found
    show(explainChallenge(challenge, now, receipt?.id ?? null, await budgetsOf(mongo).lockOf(challenge.userId, challenge.sessionId)))
  })
})
