/** Passkeys, joined: added, shown as a second proof, signed in with. */
import type { ReceiptClaims } from '@countersign/contracts'
import { inTransaction, type Audit } from '@countersign/mongo'
import { deriveKey } from '@countersign/secrets'
import type { composeSessions } from './compose-sessions.ts'
import type { GatewayConfig } from './config.ts'
import { createUsedReceipts } from './email-sign-in/used-receipts.ts'
import { createAddPasskey } from './passkeys/add-passkey.ts'
import { createAnswerWithPasskey } from './passkeys/answer-with-passkey.ts'
import { createAskForPasskey, createSignInWithPasskey } from './passkeys/sign-in-with-passkey.ts'
import type { PasskeyRoutesDeps } from './routes/passkeys.ts'
import type { SignInReport } from './sign-in/report-sign-in.ts'
import { createSettleStepUp } from './step-ups/settle-step-up.ts'
import { createStepUpRepository } from './step-ups/step-up-repository.ts'
import type { TellFirstFactor } from './step-ups/tell-first-factor.ts'
import type { Stores } from './stores.ts'
import type { IdentityRepository } from './users/identity-repository.ts'
import type { UserRepository } from './users/user-repository.ts'

export interface ComposePasskeysOptions {
  readonly config: Pick<GatewayConfig, 'secretKey' | 'cookies'>
  readonly stores: Pick<Stores, 'mongo' | 'commands'>
  readonly users: UserRepository
  readonly identities: IdentityRepository
  readonly audit: Audit
  readonly report: SignInReport
  readonly sessions: Pick<Awaited<ReturnType<typeof composeSessions>>, 'states' | 'stillOpen'>
  readonly verifyReceipt: (jws: string) => Promise<ReceiptClaims>
  readonly tellFirstFactor: TellFirstFactor
}

export function composePasskeys ({ config, stores: { mongo, commands }, users, identities, audit, report, sessions: { states, stillOpen }, verifyReceipt, tellFirstFactor }: ComposePasskeysOptions): Pick<PasskeyRoutesDeps, 'passkeys'> {
  const commandKey = (purpose: string): Buffer => deriveKey(config.secretKey, `passkey/${purpose}`)
  return {
    passkeys: {
      add: createAddPasskey({ commands, users, identities, states, stillOpen, tellFirstFactor, audit }),
      answer: createAnswerWithPasskey({ commands, commandKey: commandKey('step-up-command-id'), settle: createSettleStepUp({ verifyReceipt, stepUps: createStepUpRepository(mongo), audit }) }),
      ask: createAskForPasskey({ commands }),
      signIn: createSignInWithPasskey({
        commands, commandKey: commandKey('sign-in-command-id'), verifyReceipt, users, usedReceipts: createUsedReceipts(mongo), inTransaction: (work) => inTransaction(mongo, work), report
      })
    }
  }
}
