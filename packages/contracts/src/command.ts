import type { Static, TSchema } from 'typebox'
import type { ServiceName } from './services.ts'

/** A message to which a person waits for the reply. Plain data: it knows no Redis. */
export interface Command<Request extends TSchema = TSchema, Reply extends TSchema = TSchema> {
  readonly name: string
  readonly summary: string
  readonly callee: ServiceName
  /** The only services whose list the callee serves this command from. */
  readonly callers: readonly ServiceName[]
  readonly request: Request
  readonly reply: Reply
  /** After this long the command is dropped wherever it is, and its caller is told 503. */
  readonly deadlineMs: number
}

export type RequestOf<C extends Command> = Static<C['request']>
export type ReplyOf<C extends Command> = Static<C['reply']>

export const defineCommand = <Request extends TSchema, Reply extends TSchema>(command: Command<Request, Reply>): Command<Request, Reply> =>
  Object.freeze(command)

/** The list that carries commands from one caller to one callee. The caller is known by it, never by a field. */
export const commandListKey = (callee: ServiceName, caller: ServiceName): string => `cmd:${callee}:${caller}`

/** Where one process of a caller listens for its replies. */
export const replyChannel = (caller: ServiceName, instance: string): string => `reply:${caller}:${instance}`
