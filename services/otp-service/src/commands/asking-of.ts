/** What a use case may know of a command's context. */
import { RequestId } from '@countersign/contracts'
import type { CommandContext } from '@countersign/redis'
import { newId } from '@countersign/runtime'
import { Value } from 'typebox/value'
import type { Asking } from '../asking.ts'

/** A request id goes into a mail's header, whose form is stricter than a command's: an odd one gets a fresh one, and a line that links both. */
export function askingOf ({ caller, commandId, requestId, log }: CommandContext): Asking {
  if (Value.Check(RequestId, requestId)) return { caller, commandId, requestId }
  const replaced = newId('req')
  log.info({ replacedBy: replaced }, 'request id replaced')
  return { caller, commandId, requestId: replaced }
}
