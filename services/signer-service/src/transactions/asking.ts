/** What a use case knows of the command that it answers. All of it but the ids of the command is the gateway's claim. */
export interface Asking {
  readonly userId: string
  readonly sessionId: string
  readonly requestId: string
  /** The same when the caller repeats a command whose reply was lost. */
  readonly commandId: string
}

/** @param command of the gateway, and its context. */
export const askingOf = (command: { readonly user_id: string, readonly session_id: string }, { requestId, commandId }: Pick<Asking, 'requestId' | 'commandId'>): Asking =>
  ({ userId: command.user_id, sessionId: command.session_id, requestId, commandId })
