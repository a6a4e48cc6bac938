/** Second proofs of the gateway's own actions, joined. */
import type { ReceiptClaims } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import { deriveKey } from '@countersign/secrets'
import type { GatewayConfig } from './config.ts'
import { createAnswerStepUp } from './step-ups/answer-step-up.ts'
import { createAskStepUp, createReadFactors } from './step-ups/ask-step-up.ts'
import { createStepUpRepository } from './step-ups/step-up-repository.ts'
import type { Stores } from './stores.ts'
import type { UserRepository } from './users/user-repository.ts'

export interface ComposeStepUpsOptions {
  readonly config: Pick<GatewayConfig, 'secretKey'>
  readonly stores: Pick<Stores, 'mongo' | 'commands'>
  readonly users: UserRepository
  readonly audit: Audit
  readonly verifyReceipt: (jws: string) => Promise<ReceiptClaims>
}

export function composeStepUps ({ config, stores: { mongo, commands }, users, audit, verifyReceipt }: ComposeStepUpsOptions) {
  const stepUps = createStepUpRepository(mongo)
  return {
    askStepUp: createAskStepUp({ commands, stepUps, users }),
    answerStepUp: createAnswerStepUp({ commands, commandKey: deriveKey(config.secretKey, 'step-up-command-id'), verifyReceipt, stepUps, audit }),
    readFactors: createReadFactors({ commands, users })
  }
}
