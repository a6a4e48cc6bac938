/** Kinds of factors, and what their owner does to them beside proving an address, joined. */
import type { Audit } from '@countersign/mongo'
import { newId, type Logger, type Metrics } from '@countersign/runtime'
import { randomToken } from '@countersign/secrets'
import type { Db } from 'mongodb'
import type { BudgetRepository } from './budgets/budget-repository.ts'
import type { ChallengeRepository } from './challenges/challenge-repository.ts'
import type { Codes } from './challenges/codes.ts'
import type { Config } from './config.ts'
import { createAddFactor } from './factors/add-factor.ts'
import { sentCodeCheck, walletCheck, type FactorChecks } from './factors/factor-check.ts'
import { createFactorNotices } from './factors/factor-notices.ts'
import type { FactorRepository } from './factors/factor-repository.ts'
import { createRemoveFactor } from './factors/remove-factor.ts'
import { createRenameFactor } from './factors/rename-factor.ts'
import { createLinks } from './mailboxes/links.ts'
import { createObjectToFactor } from './objections/object-to-factor.ts'
import { createObjectionRepository } from './objections/objection-repository.ts'
import { createOfferObjection } from './objections/offer-objection.ts'
import { passkeyCheck } from './passkeys/passkey-check.ts'
import { createPasskeyEnrolmentRepository } from './passkeys/passkey-enrolment.ts'
import type { MailWriter } from './mail/mail-writer.ts'
import { createMakeRecoveryCodes } from './recovery-codes/make-recovery-codes.ts'
import { createTakeRecoveryCode, recoveryCodeCheck } from './recovery-codes/recovery-code-check.ts'
import { createRecoveryCodes } from './recovery-codes/recovery-codes.ts'
import { createUseStepUp } from './step-ups/use-step-up.ts'
import { createBeginTotp } from './totp/begin-totp.ts'
import { createConfirmTotp } from './totp/confirm-totp.ts'
import { createTotpAttempts } from './totp/totp-attempts.ts'
import { totpCheck } from './totp/totp-check.ts'
import { createTotpEnrolmentRepository } from './totp/totp-enrolment.ts'
import { createTotpSecrets } from './totp/totp-secrets.ts'
import type { Dispatch, Transact, Transaction } from './transaction.ts'
import { createWalletEnrolmentRepository } from './wallets/wallet-enrolment.ts'

export interface ComposeFactorsOptions {
  readonly db: Db
  readonly config: Pick<Config, 'secretKey' | 'previousSecretKey' | 'objection'>
  readonly codes: Codes
  readonly challenges: ChallengeRepository
  readonly factors: FactorRepository
  readonly budgets: Pick<BudgetRepository, 'isOwn'>
  readonly mails: MailWriter
  readonly audit: Audit
  readonly transact: Transact
  readonly dispatch: Dispatch
  readonly log: Logger
  readonly metrics: Metrics
}

export function composeFactors ({ db, config, codes, challenges, factors, budgets, mails, audit, transact, dispatch, log, metrics }: ComposeFactorsOptions) {
  const secrets = createTotpSecrets(config.secretKey, config.previousSecretKey)
  const recoveryCodes = createRecoveryCodes()
  const checks: FactorChecks = {
    email_code: sentCodeCheck(codes),
    sms: sentCodeCheck(codes),
    totp: totpCheck({ attempts: createTotpAttempts(db), isOwn: (userId, sessionId) => budgets.isOwn(userId, sessionId), secrets, newRef: () => randomToken(12) }),
    recovery_codes: recoveryCodeCheck({ codes: recoveryCodes, take: createTakeRecoveryCode(db) }),
    passkey: passkeyCheck,
    wallet: walletCheck
  }
  const enrolments = createTotpEnrolmentRepository(db)
  const passkeyEnrolments = createPasskeyEnrolmentRepository(db)
  const objections = createObjectionRepository(db)
  const links = createLinks(config.secretKey, config.previousSecretKey)
  const stepUps = createUseStepUp({ challenges, factors, objections })
  const notices = createFactorNotices({ mails, offerObjection: createOfferObjection({ objections, links, ...config.objection }), log, metrics })
  const walletEnrolments = createWalletEnrolmentRepository(db)
  const addFactor = createAddFactor({ factors, notices, audit, newFactorRoot: () => randomToken(32) })
  const changing = { challenges, factors, enrolments, secrets, stepUps, checks, notices, addFactor, audit, transact, dispatch, newFactorId: () => newId('fct') }
  return {
    checks,
    notices,
    addFactor,
    passkeyEnrolments,
    walletEnrolments,
    /** Of factors of any kind, with the account. */
    async forgetEnrolments (userId: string, transaction: Transaction): Promise<void> {
      await enrolments.forget(userId, transaction)
      await passkeyEnrolments.forget(userId, transaction)
      await walletEnrolments.forget(userId, transaction)
    },
    stepUps,
    beginTotp: createBeginTotp(changing),
    confirmTotp: createConfirmTotp(changing),
    makeRecoveryCodes: createMakeRecoveryCodes({ ...changing, codes: recoveryCodes }),
    removeFactor: createRemoveFactor(changing),
    objectToFactor: createObjectToFactor({ ...changing, objections, links }),
    renameFactor: createRenameFactor(changing)
  }
}
