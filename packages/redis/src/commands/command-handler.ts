/** What a callee does with a command. */
import type { Command, ReplyOf, RequestOf, ServiceName } from '@countersign/contracts'
import type { Logger } from '@countersign/runtime'

export interface CommandContext {
  /** The same when the caller repeats the command: a handler must be safe to run twice under it. */
  readonly commandId: string
  /** Known by the list the command came by, hence as certain as the Redis user. */
  readonly caller: ServiceName
  /** Whom the caller claims to act for. A claim: check it against what this service knows itself. */
  readonly actor: string | undefined
  readonly requestId: string
  /** With command, command id, request id and caller in every line. */
  readonly log: Logger
  /** Aborted when nobody waits any more. */
  readonly signal: AbortSignal
  /** By the clock of Redis, which may differ from this process's: for records, not for comparing. */
  readonly deadlineAt: Date
}

export interface CommandHandler {
  readonly command: Command
  readonly run: (request: unknown, context: CommandContext) => Promise<unknown>
}

/**
 * Binds a contract to the function that serves it. The function throws Problem to refuse; anything else it throws is logged
 * and told to the caller as `internal`.
 */
export const handle = <C extends Command>(
  command: C,
  run: (request: RequestOf<C>, context: CommandContext) => Promise<ReplyOf<C>>
): CommandHandler => ({ command, run: run as CommandHandler['run'] })
