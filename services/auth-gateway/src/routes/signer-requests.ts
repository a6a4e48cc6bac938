/** What routes hand over to signer-service: whose session it is, and what is asked for once per idempotency key. */
import { IdempotencyKey, Problem, problems, serviceIntentHeader } from '@countersign/contracts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Compile } from 'typebox/compile'
import type { OpenSession } from '../sessions/session-state.ts'
import type { MoveWatch } from '../transactions/move-watch.ts'

export const claim = ({ id, userId }: OpenSession) => ({ user_id: userId, session_id: id })
export const options = (request: FastifyRequest, { userId }: Pick<OpenSession, 'userId'>) => ({ requestId: request.id, actor: userId })

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

export interface WaitingRead<View> {
  readonly id: string
  readonly read: () => Promise<View>
  /** Whether it never moves again. */
  readonly isOver: (view: View) => boolean
  /** Seconds, and how many moves the caller knows of; undefined: it does not wait, and knows of all until now. */
  readonly query: { readonly wait?: number, readonly seen?: number }
  readonly reply: FastifyReply
}

/** @returns it after a move that the caller has not seen, or as it is once the time is over. */
export async function readNextMove<View extends { readonly history: readonly unknown[] }> (moveWatch: Pick<MoveWatch, 'next'>, { id, read, isOver, query, reply }: WaitingRead<View>): Promise<View> {
  const now = await read()
  const { wait = 0, seen = now.history.length } = query
  if (wait === 0 || now.history.length > seen || isOver(now)) return now
  const gone = new AbortController()
  reply.raw.once('close', () => { gone.abort() })
  await moveWatch.next(id, seen, wait * 1_000, gone.signal)
  return gone.signal.aborted ? now : await read()
}
