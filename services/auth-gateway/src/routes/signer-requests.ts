/** What routes hand over to signer-service: whose session it is, and what is asked for once per idempotency key. */
import { IdempotencyKey, Problem, problems, serviceIntentHeader } from '@countersign/contracts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Compile } from 'typebox/compile'
import type { OpenSession } from '../sessions/session-state.ts'

export const claim = ({ id, userId }: OpenSession) => ({ user_id: userId, session_id: id })
export const options = (request: FastifyRequest, session: OpenSession) => ({ requestId: request.id, actor: session.userId })

const idempotencyKey = Compile(IdempotencyKey)

interface AskingHeaders { readonly 'idempotency-key'?: string, readonly [serviceIntentHeader]?: string }

/** @throws Problem idempotencyKeyRequired */
export function askedOnce ({ 'idempotency-key': key, [serviceIntentHeader]: intent }: AskingHeaders): { readonly idempotency_key: string, readonly intent?: string } {
  if (!idempotencyKey.Check(key)) throw new Problem(problems.idempotencyKeyRequired)
  return { idempotency_key: key, ...intent !== undefined && { intent } }
}

/** The answer is an earlier request's. */
export const tellReplayed = (reply: FastifyReply, replayed: boolean): void => {
  if (replayed) void reply.header('idempotency-replayed', 'true')
}
