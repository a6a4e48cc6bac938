/**
 * Something about this machine keeps the stack from starting: a taken port, a missing tool, a failed download.
 * The message is one sentence that says what to do; it is printed as it is.
 */
export class StackFault extends Error {
  constructor (message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StackFault'
  }
}
