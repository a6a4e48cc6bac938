/** Wires passkeys: made, shown as a second proof, signed in with. */
import type { ReceiptClaims } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import { newId, type Logger, type Metrics } from '@countersign/runtime'
import { randomToken } from '@countersign/secrets'
import type { Db } from 'mongodb'
import type { ChallengeEvents } from './challenges/challenge-events.ts'
import type { ChallengeRepository } from './challenges/challenge-repository.ts'
import type { ConsumeChallenge } from './challenges/consume-challenge.ts'
import type { ChallengeUseCases } from './commands/challenge-commands.ts'
import type { PasskeyUseCases } from './commands/passkey-commands.ts'
import type { Config } from './config.ts'
import type { AddFactor } from './factors/add-factor.ts'
import type { FactorChecks } from './factors/factor-check.ts'
import type { FactorNotices } from './factors/factor-notices.ts'
import type { FactorRepository } from './factors/factor-repository.ts'
import { createAnswerByPasskey } from './passkeys/answer-by-passkey.ts'
import { createAskPasskey } from './passkeys/ask-passkey.ts'
import { createBeginPasskeySignIn } from './passkeys/begin-passkey-sign-in.ts'
import { createBeginPasskey } from './passkeys/begin-passkey.ts'
import { createConfirmPasskey } from './passkeys/confirm-passkey.ts'
import type { PasskeyEnrolmentRepository } from './passkeys/passkey-enrolment.ts'
import { createPasskeyQuestions } from './passkeys/passkey-questions.ts'
import { createPasskeySignIns } from './passkeys/passkey-sign-ins.ts'
import { createRecordUse, createReportCounter } from './passkeys/passkey-uses.ts'
import { createRelyingParty } from './passkeys/relying-party.ts'
import { createVerifyPasskeySignIn } from './passkeys/verify-passkey-sign-in.ts'
import type { ReceiptRepository } from './receipts/receipt-repository.ts'
import type { UseStepUp } from './step-ups/use-step-up.ts'
import type { Dispatch, Transact } from './transaction.ts'

export interface ComposePasskeysOptions {
  readonly db: Db
  readonly config: Pick<Config, 'secretKey' | 'previousSecretKey' | 'relyingParty'>
  readonly challenges: ChallengeRepository
  readonly factors: FactorRepository
  readonly passkeyEnrolments: PasskeyEnrolmentRepository
  readonly receipts: ReceiptRepository
  readonly stepUps: UseStepUp
  readonly checks: FactorChecks
  readonly notices: FactorNotices
  readonly addFactor: AddFactor
  readonly consume: ConsumeChallenge
  readonly sign: (claims: ReceiptClaims) => Promise<string>
  readonly audit: Audit
  readonly events: ChallengeEvents
  readonly transact: Transact
  readonly dispatch: Dispatch
  readonly log: Logger
  readonly metrics: Metrics
}

export function composePasskeys ({ db, config, audit, log, metrics, ...given }: ComposePasskeysOptions): PasskeyUseCases & Pick<ChallengeUseCases, 'askPasskeyOfChallenge' | 'answerChallengeByPasskey'> {
  const shared = {
    ...given, audit, log,
    party: createRelyingParty(config.relyingParty),
    passkeyQuestions: createPasskeyQuestions(config.secretKey, config.previousSecretKey),
    passkeySignIns: createPasskeySignIns(db),
    recordUse: createRecordUse(db),
    reportCounter: createReportCounter({ audit, log, metrics }),
    newSecret: () => randomToken(32),
    newFactorId: () => newId('fct'),
    newChallengeId: () => newId('chl'),
    newReceiptId: () => newId('rcp')
  }
  return {
    beginPasskey: createBeginPasskey(shared),
    confirmPasskey: createConfirmPasskey(shared),
    beginPasskeyStepUp: createAskPasskey({ ...shared, purpose: 'step_up' }),
    verifyPasskeyStepUp: createAnswerByPasskey({ ...shared, purpose: 'step_up' }),
    askPasskeyOfChallenge: createAskPasskey({ ...shared, purpose: 'transaction' }),
    answerChallengeByPasskey: createAnswerByPasskey({ ...shared, purpose: 'transaction' }),
    beginPasskeySignIn: createBeginPasskeySignIn(shared),
    verifyPasskeySignIn: createVerifyPasskeySignIn(shared)
  }
}
