import { spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))
export const toolsDirectory = `${root}.local/tools`

/** Ends the command with one message, or none when the child has said it all. */
export class Failure extends Error {
  constructor (message, exitCode = 1) {
    super(message)
    this.exitCode = exitCode
  }
}

/** Tools that the set-up installed come first on the PATH. */
export const environment = () => ({
  ...process.env,
  PATH: `${toolsDirectory}/node_modules/.bin:${root}node_modules/.bin:${process.env.PATH}`,
  TURBO_TELEMETRY_DISABLED: '1',
  DO_NOT_TRACK: '1'
})

/** Of this process and of all its children that have ended, and theirs; without the children where nobody tells of them (outside Linux). */
export function processorSeconds () {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6 + childrenSeconds()
}

const ticksPerSecond = 100

function childrenSeconds () {
  if (!existsSync('/proc/self/stat')) return 0
  // After the name of the program, which may hold spaces: proc_pid_stat(5).
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1).split(' ')
  return (Number(fields[13]) + Number(fields[14])) / ticksPerSecond
}

/** Runs a program with this terminal; signals reach it by the terminal or are handed on. */
export function run (program, args, { env = {} } = {}) {
  const child = spawn(program, args, { cwd: root, stdio: 'inherit', env: { ...environment(), ...env } })
  const handOn = (signal) => child.kill(signal)
  process.on('SIGTERM', handOn)
  const ignore = () => {} // the terminal sends SIGINT to the child as well; wait for it to end
  process.on('SIGINT', ignore)
  return new Promise((resolve, reject) => {
    child.on('error', (error) => reject(new Failure(`${program} did not start: ${error.message}`)))
    child.on('exit', (code, signal) => {
      process.off('SIGTERM', handOn)
      process.off('SIGINT', ignore)
      if (code === 0) return resolve()
      reject(new Failure('', code ?? (signal === 'SIGINT' ? 130 : 1)))
    })
  })
}

/** Runs a program into a log file; a failure shows the end of it. */
export function runQuietly (label, program, args, { env = {} } = {}) {
  mkdirSync(`${root}.local/logs`, { recursive: true })
  const file = `${root}.local/logs/${label}.log`
  const log = openSync(file, 'w')
  const child = spawn(program, args, { cwd: root, stdio: ['ignore', log, log], env: { ...environment(), ...env } })
  return new Promise((resolve, reject) => {
    child.on('error', (error) => reject(new Failure(`${label}: ${program} did not start: ${error.message}`)))
    child.on('exit', (code) => {
      closeSync(log)
      if (code === 0) return resolve()
      const tail = existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n').slice(-40).join('\n') : ''
      reject(new Failure(`${label} failed (exit ${code}); the end of .local/logs/${label}.log:\n\n${tail}\n`))
    })
  })
}
