import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * Start time and command line of a running process, or undefined when there is none. A process id alone names nothing: after
 * its process ended, the system gives the same number to a stranger.
 */
export const processIdentity = (pid: number): string | undefined => {
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      // proc(5): the name in parentheses may hold spaces; state is field 3, start time field 22.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      // A zombie has ended; only its parent has not read its exit code yet.
      if (fields[0] === 'Z') return undefined
      return `${fields[19] ?? ''} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim()}`
    }
    const line = execFileSync('ps', ['-o', 'lstart=', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    return line.trim() === '' ? undefined : line.trim()
  } catch {
    return undefined
  }
}

export const isRunning = (pid: number): boolean => processIdentity(pid) !== undefined
