import { setTimeout as wait } from 'node:timers/promises'
import { StackFault } from '../stack-fault.ts'
import type { Child } from './child.ts'

/** The most telling line of a log: the last that looks like an error, else the last at all. Of a JSON line, what it says. */
export const lastErrorLine = (output: string): string => {
  const lines = output.split('\n').map((line) => line.trim()).filter((line) => line !== '')
  const telling = lines.filter((line) => /error|fatal|fault|fail|"level":(50|60)|"s":"[EF]"/i.test(line))
  return inWords(telling.at(-1) ?? lines.at(-1) ?? 'it wrote nothing').slice(0, 500)
}

/** pino writes msg and err, mongod msg and attr.error. */
const inWords = (line: string): string => {
  try {
    const { msg, err, attr } = JSON.parse(line) as { msg?: unknown, err?: { message?: unknown }, attr?: { error?: unknown } }
    const parts = [msg, err?.message, attr?.error].filter((part) => typeof part === 'string' && part !== '')
    return parts.length === 0 ? line : parts.join(': ')
  } catch {
    return line
  }
}

/** A process that ended before it was of use. Its fault names it and its last error line. */
export class EarlyExit extends StackFault {
  readonly output: string

  constructor (child: Child, how: { code: number | null, signal: string | null }) {
    const output = child.output()
    super(`${child.label} ended before it was ready (${how.signal ?? `exit code ${how.code ?? '?'}`}): ${lastErrorLine(output)} (its log: ${child.logFile})`)
    this.name = 'EarlyExit'
    this.output = output
  }
}

/**
 * Asks until the answer is yes. A refusal, thrown or false, means "not yet".
 * @throws EarlyExit when the process ends first, StackFault at the deadline; the process is stopped before.
 */
export const waitUntilReady = async (child: Child, isReady: () => Promise<boolean>, deadlineMs: number): Promise<void> => {
  const exit = child.exited.then((how) => ({ how }))
  const until = Date.now() + deadlineMs
  let reason = 'it did not answer'
  while (Date.now() < until) {
    const ready = isReady().catch((error: unknown) => {
      reason = error instanceof Error ? error.message : String(error)
      return false
    })
    const first = await Promise.race([ready, exit])
    if (typeof first === 'object') throw new EarlyExit(child, first.how)
    if (first) return
    await Promise.race([wait(20), exit])
  }
  await child.stop()
  throw new StackFault(`${child.label} was not ready after ${Math.round(deadlineMs / 1000)} seconds (${reason}): ${lastErrorLine(child.output())} (its log: ${child.logFile})`)
}
