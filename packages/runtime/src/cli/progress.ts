/** How far a long command is: a bar that is redrawn on a terminal, plain lines elsewhere. On stderr, so that what is printed stays clean. */
import type { Write } from './output.ts'

/** @param done of `total`; what is above it counts as all */
export type Progress = (done: number, total: number) => void

const width = 30

export function createProgress (label: string, { write, isTerminal }: { readonly write: Write, readonly isTerminal: boolean }): Progress {
  let told = -1
  return (done, total) => {
    const share = total === 0 ? 1 : Math.min(1, done / total)
    const counted = `${label} ${done} of ${total}`
    if (isTerminal) {
      const filled = Math.round(share * width)
      write(`\r[${'='.repeat(filled)}${' '.repeat(width - filled)}] ${counted}${share === 1 ? '\n' : ''}`)
      return
    }
    const tenth = Math.floor(share * 10)
    if (tenth === told) return
    told = tenth
    write(`${counted}\n`)
  }
}
