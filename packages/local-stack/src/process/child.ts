import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, statSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { StackFault } from '../stack-fault.ts'
import { endOnExit } from './guard.ts'
import type { ProcessRecords } from './records.ts'

export interface ChildOptions {
  /** Name in faults, in the record and of the part for people. */
  readonly label: string
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  /** Both outputs are appended here. A file, not a pipe: a child must not block or die because its parent did. */
  readonly logFile: string
  readonly records?: ProcessRecords | undefined
  /** How long SIGTERM may take before SIGKILL. */
  readonly stopDeadlineMs?: number
}

export interface Child {
  readonly label: string
  readonly pid: number
  readonly logFile: string
  readonly running: boolean
  readonly exited: Promise<{ code: number | null, signal: NodeJS.Signals | null }>
  /** Sends a signal and does not wait. */
  kill: (signal: NodeJS.Signals) => void
  /** SIGTERM, after a deadline SIGKILL; resolves when the process has ended. */
  stop: () => Promise<void>
  /** What it wrote since it was started. */
  output: () => string
}

/** Starts a process in a group of its own, so that Ctrl-C in the terminal reaches us first and the order of stopping is ours. */
export const startChild = async (options: ChildOptions): Promise<Child> => {
  const { label, command, args, logFile, records, stopDeadlineMs = 10_000 } = options
  const log = openSync(logFile, 'a', 0o600)
  const logStart = statSync(logFile).size
  const child = spawn(command, [...args], {
    cwd: options.cwd,
    env: options.env as NodeJS.ProcessEnv | undefined,
    detached: true,
    stdio: ['ignore', log, log]
  })
  closeSync(log)
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', (error) => { reject(new StackFault(`${label} could not be started from ${command}: ${error.message}.`)) })
  })
  const pid = child.pid as number
  let running = true

  const kill = (signal: NodeJS.Signals): void => {
    if (!running) return
    try {
      process.kill(-pid, signal)
    } catch {
      // It ended between our look and the signal.
    }
  }
  const forget = endOnExit(() => { kill('SIGKILL') })
  records?.write(label, pid)
  const exited = new Promise<{ code: number | null, signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (code, signal) => {
      running = false
      forget()
      records?.remove(label, pid)
      resolve({ code, signal })
    })
  })

  const stop = async (): Promise<void> => {
    if (!running) return
    kill('SIGTERM')
    // A paused process sees SIGTERM only after it continues.
    kill('SIGCONT')
    const deadline = new AbortController()
    const late = wait(stopDeadlineMs, undefined, { signal: deadline.signal }).then(() => { kill('SIGKILL') }, () => undefined)
    await exited
    deadline.abort()
    await late
  }

  return {
    label,
    pid,
    logFile,
    get running () { return running },
    exited,
    kill,
    stop,
    output: () => readFileSync(logFile).subarray(logStart).toString('utf8')
  }
}
