import { execFileSync } from 'node:child_process'

/** Command lines of the running processes that name that folder. */
export const processesNaming = (folder: string): string[] =>
  execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' }).split('\n').filter((line) => line.includes(folder))
