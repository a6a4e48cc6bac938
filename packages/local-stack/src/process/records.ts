import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { StackFault } from '../stack-fault.ts'
import { processIdentity } from './identity.ts'

/** Which processes belong to a data directory, on disk, for the start after a SIGKILL. */
export interface ProcessRecords {
  write: (label: string, pid: number) => void
  remove: (label: string, pid: number) => void
  /** Gives the directory back. */
  release: () => void
}

interface ProcessRecord { readonly pid: number, readonly identity: string }

const owner = 'stack.json'

const readRecord = (path: string): ProcessRecord | undefined => {
  try {
    const { pid, identity } = JSON.parse(readFileSync(path, 'utf8')) as Partial<ProcessRecord>
    return typeof pid === 'number' && pid > 1 && typeof identity === 'string' ? { pid, identity } : undefined
  } catch {
    return undefined
  }
}

/** Still the process that was recorded, not a stranger under its number. */
const isAlive = (record: ProcessRecord): boolean => processIdentity(record.pid) === record.identity

const signalGroup = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(-pid, signal)
  } catch {
    // It has ended already.
  }
}

/** Ends one left-over process: it must be gone before its port and its files are used again. */
const endLeftOver = async (record: ProcessRecord): Promise<void> => {
  signalGroup(record.pid, 'SIGTERM')
  signalGroup(record.pid, 'SIGCONT')
  for (const end of [Date.now() + 5_000, Date.now() + 10_000]) {
    while (isAlive(record) && Date.now() < end) await wait(25)
    if (!isAlive(record)) return
    signalGroup(record.pid, 'SIGKILL')
  }
}

/**
 * Takes a data directory for this process, and ends what a killed predecessor left running on it.
 * @throws StackFault when a living stack owns it.
 */
export const claimRecords = async (directory: string): Promise<ProcessRecords> => {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const ownerPath = join(directory, owner)
  const write = (file: string, pid: number, flag: 'w' | 'wx'): void => {
    const identity = processIdentity(pid)
    if (identity !== undefined) writeFileSync(join(directory, file), JSON.stringify({ pid, identity }), { mode: 0o600, flag })
  }

  try {
    write(owner, process.pid, 'wx')
  } catch {
    const record = readRecord(ownerPath)
    if (record !== undefined && isAlive(record)) {
      throw new StackFault(`Process ${record.pid} already runs a stack on ${directory}: stop it, or choose another data directory.`)
    }
    write(owner, process.pid, 'w')
  }

  const leftOver = readdirSync(directory).filter((file) => file.endsWith('.json') && file !== owner)
  await Promise.all(leftOver.map(async (file) => {
    const record = readRecord(join(directory, file))
    if (record !== undefined && isAlive(record)) await endLeftOver(record)
    rmSync(join(directory, file), { force: true })
  }))

  return {
    write: (label, pid) => { write(`${label}.json`, pid, 'w') },
    remove: (label, pid) => {
      const path = join(directory, `${label}.json`)
      if (readRecord(path)?.pid === pid) rmSync(path, { force: true })
    },
    release: () => { if (readRecord(ownerPath)?.pid === process.pid) rmSync(ownerPath, { force: true }) }
  }
}
