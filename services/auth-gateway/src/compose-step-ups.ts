/** Second proofs of the gateway's own actions, joined. */
import type { ReceiptClaims, UserView } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import { deriveKey } from '@countersign/secrets'
import type { GatewayConfig } from './config.ts'
import { createDropPasskeyLogin } from './passkeys/drop-passkey-login.ts'
import type { UnlinkIdentity } from './sign-in/unlink-identity.ts'
import { createAnswerStepUp } from './step-ups/answer-step-up.ts'
import { createAskStepUp, createReadFactors } from './step-ups/ask-step-up.ts'
import { createSettleStepUp } from './step-ups/settle-step-up.ts'
import { createChangeFactors } from './step-ups/change-factors.ts'
import { createStepUpRepository } from './step-ups/step-up-repository.ts'
import type { TellFirstFactor } from './step-ups/tell-first-factor.ts'
import { qrCode, totpUri } from './step-ups/totp-uri.ts'
import type { Stores } from './stores.ts'
import type { UserRepository } from './users/user-repository.ts'

export interface ComposeStepUpsOptions {
  readonly config: Pick<GatewayConfig, 'secretKey' | 'signIn'>
  readonly stores: Pick<Stores, 'mongo' | 'commands'>
  readonly users: UserRepository
  readonly audit: Audit
  readonly verifyReceipt: (jws: string) => Promise<ReceiptClaims>
  readonly unlink: UnlinkIdentity
  readonly tellFirstFactor: TellFirstFactor
}

export function composeStepUps ({ config, stores: { mongo, commands }, users, audit, verifyReceipt, unlink, tellFirstFactor }: ComposeStepUpsOptions) {
  const stepUps = createStepUpRepository(mongo)
  const removed = createDropPasskeyLogin({ users, unlink })
  return {
    askStepUp: createAskStepUp({ commands, stepUps, users }),
    answerStepUp: createAnswerStepUp({ commands, commandKey: deriveKey(config.secretKey, 'step-up-command-id'), settle: createSettleStepUp({ verifyReceipt, stepUps, audit }) }),
    readFactors: createReadFactors({ commands, users, removed }),
    changeFactors: createChangeFactors({ commands, users, tellFirstFactor, removed }),
    totpLabel: (secret: string, { username, email, id }: UserView) => {
      const uri = totpUri({ issuer: config.signIn.brand, account: username ?? email ?? id, secret })
      return { uri, svg: qrCode(uri) }
    }
  }
}
