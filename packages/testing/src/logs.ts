import { Writable } from 'node:stream'

export type LogLine = Readonly<Record<string, unknown>>

export interface CapturedLogs {
  /** What a pino logger writes to. */
  readonly destination: Writable
  /** Every complete line so far, parsed; a line that is no JSON appears as `{ msg: line }`. */
  readonly lines: () => LogLine[]
  /** All of it as it was written, for looking for what must not be there. */
  readonly text: () => string
  readonly clear: () => void
}

/** Keeps log lines in memory instead of printing them. */
export const captureLogs = (): CapturedLogs => {
  let written = ''
  const destination = new Writable({
    decodeStrings: false,
    write: (chunk: unknown, _encoding, done) => {
      written += String(chunk)
      done()
    }
  })
  return {
    destination,
    lines: () => written.split('\n').slice(0, -1).map(parse),
    text: () => written,
    clear: () => { written = '' }
  }
}

const parse = (line: string): LogLine => {
  try {
    return JSON.parse(line) as LogLine
  } catch {
    return { msg: line }
  }
}
