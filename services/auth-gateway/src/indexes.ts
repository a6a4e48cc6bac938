import { auditIndexes, outboxIndexes, type IndexSpec } from '@countersign/mongo'
import { sessionIndexes } from './sessions/session-repository.ts'
import { userIndexes } from './users/user-document.ts'

/** Every index of this service's database. */
export const indexes: readonly IndexSpec[] = [...userIndexes, ...sessionIndexes, ...outboxIndexes, ...auditIndexes]
