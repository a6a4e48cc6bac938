import { stores } from '@countersign/contracts'
import { outboxIndexes, type IndexSpec } from '@countersign/mongo'
import { usedReceiptIndexes } from './email-sign-in/used-receipts.ts'
import { passwordIndexes } from './passwords/password-repository.ts'
import { apiKeyIndexes } from './api-keys/api-key-repository.ts'
import { connectionIndexes } from './earlier/wallet-connection/connection-repository.ts'
import { deviceIndexes } from './sessions/device-repository.ts'
import { sessionIndexes } from './sessions/session-repository.ts'
import { signingKeyIndexes } from './signing-keys/signing-key-repository.ts'
import { sessionEpochIndexes } from './users/session-epochs.ts'
import { stepUpIndexes } from './step-ups/step-up-repository.ts'
import { userIndexes } from './users/user-document.ts'

/** Every index of this service's database. */
export const indexes: readonly IndexSpec[] = [...userIndexes, ...sessionEpochIndexes, ...sessionIndexes, ...passwordIndexes, ...usedReceiptIndexes, ...deviceIndexes, ...signingKeyIndexes, ...apiKeyIndexes, ...connectionIndexes, ...stepUpIndexes, ...outboxIndexes, ...stores['auth-gateway'].insertOnlyIndexes]
