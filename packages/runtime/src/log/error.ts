/** What a log keeps of an error. */
import { scrubText } from './scrub.ts'

export interface LoggedError {
  readonly type: string
  readonly message: string
  readonly stack?: string
  readonly code?: string | number
}

/**
 * Keeps type, message, stack and code and drops every other property: validators carry the whole value in `cause`,
 * drivers the command, HTTP clients the request with its headers.
 */
export function serializeError (error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { code } = error as { code?: unknown }
  return {
    type: error.name,
    message: scrubText(error.message),
    ...error.stack !== undefined && { stack: scrubText(error.stack) },
    ...(typeof code === 'string' || typeof code === 'number') && { code }
  } satisfies LoggedError
}
