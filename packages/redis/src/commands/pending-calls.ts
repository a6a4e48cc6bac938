/** Calls that wait for their reply. Each ends exactly once: by its reply, its deadline, a refused push or a lost channel. */
import type { ContractCheck } from '../contract-check.ts'
import { problems, Problem } from '@countersign/contracts'
import type { Logger } from '@countersign/runtime'
import { unavailable, type CallOutcome } from './call-outcome.ts'
import { problemOf, readReplies, type ReplyEnvelope } from './envelope.ts'

export interface PendingCall {
  readonly command: string
  readonly reply: ContractCheck<unknown>
  readonly end: (outcome: CallOutcome, result: { readonly reply: unknown } | { readonly problem: Problem }) => void
}

export interface PendingCalls {
  readonly add: (call: string, pending: PendingCall, lifeMs: number) => void
  /** Does nothing when the call has ended already. */
  readonly fail: (call: string, outcome: 'full' | 'unreachable' | 'late') => void
  readonly failAll: (outcome: 'unreachable') => void
  readonly take: (message: string) => void
}

export type IgnoredReason = 'unknown' | 'malformed'

export const createPendingCalls = (log: Logger, onIgnored: (reason: IgnoredReason) => void): PendingCalls => {
  const waiting = new Map<string, PendingCall & { timer: NodeJS.Timeout }>()

  const remove = (call: string): PendingCall | undefined => {
    const pending = waiting.get(call)
    if (pending === undefined) return undefined
    clearTimeout(pending.timer)
    waiting.delete(call)
    return pending
  }
  const fail: PendingCalls['fail'] = (call, outcome) => remove(call)?.end(outcome, { problem: unavailable() })

  const settle = (envelope: ReplyEnvelope): void => {
    const pending = waiting.get(envelope.call)
    if (pending === undefined) {
      onIgnored('unknown')
      return
    }
    if (envelope.refusal === undefined && !pending.reply.accepts(envelope.reply)) {
      // The call goes on: whoever sent this is not the callee, or cannot speak its contract.
      onIgnored('malformed')
      log.warn({ command: pending.command, faults: pending.reply.faults(envelope.reply) }, 'reply breaks its contract')
      return
    }
    remove(envelope.call)
    if (envelope.refusal === undefined) {
      pending.end('ok', { reply: envelope.reply })
      return
    }
    const problem = problemOf(envelope.refusal) ?? new Problem(problems.internal)
    pending.end(problem.kind.slug === problems.internal.slug ? 'failed' : 'refused', { problem })
  }

  return {
    add: (call, pending, lifeMs) => {
      waiting.set(call, { ...pending, timer: setTimeout(fail, lifeMs, call, 'late') })
    },
    fail,
    failAll: (outcome) => { for (const call of [...waiting.keys()]) fail(call, outcome) },
    take: (message) => {
      for (const envelope of readReplies(message)) {
        if (envelope === undefined) onIgnored('malformed')
        else settle(envelope)
      }
    }
  }
}
