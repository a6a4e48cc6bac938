/** What a use case knows of the command that it answers. */
import type { ServiceName } from '@countersign/contracts'

export interface Asking {
  /** The owner of the list that the command came on: the audience of whatever comes of it. */
  readonly caller: ServiceName
  /** The same when the caller repeats a command whose reply was lost. */
  readonly commandId: string
  readonly requestId: string
}
