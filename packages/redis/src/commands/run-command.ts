/** One command from the envelope to the answer: known? allowed? well-formed? then the handler. */
import { problems, Problem, type ServiceName } from '@countersign/contracts'
import type { Logger } from '@countersign/runtime'
import { checkOf } from '../contract-check.ts'
import { unavailable } from './call-outcome.ts'
import type { CommandContext, CommandHandler } from './command-handler.ts'
import { refusalOf, type Envelope, type Refusal } from './envelope.ts'

export type HandledOutcome = 'ok' | 'refused' | 'failed' | 'expired' | 'invalid'

export interface Answer {
  readonly outcome: HandledOutcome
  readonly body: { readonly reply: unknown } | { readonly refusal: Refusal }
}

export interface RunCommandInput {
  readonly envelope: Envelope
  readonly caller: ServiceName
  readonly handler: CommandHandler | undefined
  readonly deadlineMs: number
  readonly signal: AbortSignal
  readonly log: Logger
}

/** Never throws. */
export const runCommand = async (input: RunCommandInput): Promise<Answer> => {
  const { envelope, caller, handler } = input
  // While a new version is rolled out another process of this service may know it.
  if (handler === undefined) return invalid(input, 'unknown command', unavailable())
  if (!handler.command.callers.includes(caller)) return invalid(input, 'command of a caller that may not give it', new Problem(problems.notPermitted))
  const request = checkOf(handler.command.request)
  if (!request.accepts(envelope.payload)) {
    return invalid(input, 'payload breaks its contract', new Problem(problems.internal), request.faults(envelope.payload))
  }

  const context = contextOf(input)
  try {
    const reply = await handler.run(envelope.payload, context)
    const contract = checkOf(handler.command.reply)
    if (contract.accepts(reply)) return { outcome: 'ok', body: { reply } }
    context.log.error({ faults: contract.faults(reply) }, 'reply breaks its contract')
  } catch (error) {
    if (error instanceof Problem) return { outcome: 'refused', body: { refusal: refusalOf(error) } }
    context.log.error({ err: error }, 'command failed')
  }
  return { outcome: 'failed', body: { refusal: refusalOf(new Problem(problems.internal)) } }
}

function invalid ({ envelope, caller, log }: RunCommandInput, reason: string, problem: Problem, faults?: readonly string[]): Answer {
  log.warn({ command: envelope.command, commandId: envelope.command_id, requestId: envelope.request_id, caller, faults }, reason)
  return { outcome: 'invalid', body: { refusal: refusalOf(problem) } }
}

function contextOf ({ envelope, caller, deadlineMs, signal, log }: RunCommandInput): CommandContext {
  const { command, command_id: commandId, request_id: requestId, actor } = envelope
  let child: Logger | undefined
  return {
    commandId,
    caller,
    actor,
    requestId,
    signal,
    deadlineAt: new Date(deadlineMs),
    // Most handlers write nothing, and a child logger costs more than the rest of this function.
    get log () { return child ??= log.child({ command, commandId, requestId, caller }) }
  }
}
