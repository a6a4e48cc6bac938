/** The work ran without its lock for some time: whoever started it must not take its result for granted. */
export class LockLost extends Error {
  constructor (name: string) {
    super(`lock ${name} was lost while its work ran`)
    this.name = 'LockLost'
  }
}
