import { readFileSync } from 'node:fs'

/** Linux counts the time of processes in hundredths of a second, whatever the kernel's own tick. */
const tickMs = 10

/** @returns milliseconds of CPU that the process has used so far, all threads, user and system; NaN where there is no /proc */
export function cpuMsOf (pid: number): number {
  try {
    // The second field is the name in brackets, which may hold anything; utime and stime are the 12th and 13th after it.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ')
    return (Number(fields[11]) + Number(fields[12])) * tickMs
  } catch {
    return NaN
  }
}
