/**
 * The end of an account. The gateway asks each service that knows the user, once, and waits for its word for as long as it takes: these jobs
 * are useful for ever, and none fails for having been tried too often.
 */
import { Type } from 'typebox'
import { defineJob, type Job } from '../job.ts'
import { DeletionId, RequestId, UserId } from '../primitives.ts'
import type { ServiceName } from '../services.ts'

/** A hundred years, in milliseconds: for the outbox rows of these jobs. */
export const accountJobUsefulMs = 100 * 365 * 86_400_000

const deletion = { deletion_id: DeletionId, user_id: UserId, request_id: RequestId }
const untilDone = { attempts: 1_000_000, firstRetryMs: 500, longestRetryMs: 30_000 }

const DeletePayload = Type.Object(deletion, { additionalProperties: false })
const deleteAccount = (name: string, consumer: ServiceName, summary: string): Job<typeof DeletePayload> => defineJob({
  name, summary, producer: 'auth-gateway', consumer, payload: DeletePayload, jobId: ({ deletion_id: id }) => id, ...untilDone
})

/** A claim of the gateway: factors are wiped only where otp-service itself has a proof of one of them on record (`factors.wipe.confirm`). */
export const accountDeleteOtp = deleteAccount('account-delete-otp', 'otp-service', 'A user is being deleted: wipe the factors that were proved for it')
/** Tried again while a transaction of the user is on its way. */
export const accountDeleteSigner = deleteAccount('account-delete-signer', 'signer-service', 'A user is being deleted: nothing of it may start any more')

/** `retained`: there are factors, and no proof of one of them came with the wish to delete. */
export const FactorsAfterDeletion = Type.Union([Type.Literal('wiped'), Type.Literal('retained'), Type.Literal('none')])

export const accountDeletedOtp = defineJob({
  name: 'account-deleted-otp',
  summary: 'otp-service has done its part of a deletion',
  producer: 'otp-service',
  consumer: 'auth-gateway',
  payload: Type.Object({ ...deletion, factors: FactorsAfterDeletion }, { additionalProperties: false }),
  jobId: ({ deletion_id: id }) => id,
  ...untilDone
})

export const accountDeletedSigner = defineJob({
  name: 'account-deleted-signer',
  summary: 'signer-service has done its part of a deletion',
  producer: 'signer-service',
  consumer: 'auth-gateway',
  payload: DeletePayload,
  jobId: ({ deletion_id: id }) => id,
  ...untilDone
})
