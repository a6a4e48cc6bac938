/** `env check` and `env describe`, for the cli.ts of any service. */
import { checkEnvironment, type CheckedVariable } from '../environment/check.ts'
import { describeEnvironment } from '../environment/describe.ts'
import { generateEnvironmentFile } from '../environment/file.ts'
import type { Environment, EnvironmentSource } from '../environment/variable.ts'
import { exitCodes, type CliCommand } from './create-cli.ts'

export interface EnvironmentCommandsOptions {
  /** The service's name. */
  readonly title: string
  readonly environment: Environment
  /** `process.env`, handed over by cli.ts. */
  readonly env: EnvironmentSource
}

const faulty: ReadonlySet<CheckedVariable['state']> = new Set(['missing', 'weak', 'wrong'])

export const environmentCommands = (options: EnvironmentCommandsOptions): CliCommand[] => [checkCommand(options), describeCommand(options)]

const checkCommand = ({ environment, env }: EnvironmentCommandsOptions): CliCommand => ({
  name: 'env check',
  description: 'Say of each variable whether it is set, never its value; exit 1 when one is missing, weak or wrong',
  run ({ print, table }) {
    const rows = checkEnvironment(environment, env)
    print(rows, () => { table(rows.map(({ name, state, fault }) => ({ variable: name, state, why: fault ?? '' }))) })
    return rows.some(({ state }) => faulty.has(state)) ? exitCodes.failed : exitCodes.ok
  }
})

const describeCommand = ({ title, environment }: EnvironmentCommandsOptions): CliCommand => ({
  name: 'env describe',
  description: 'List the variables this service reads',
  options: [['--example', 'print them as a .env.example file']],
  async run ({ options, print, table, line }) {
    if (options.example === true) return line(await generateEnvironmentFile([{ title, environment }], { secrets: 'blank' }))
    const rows = describeEnvironment(environment)
    print(rows, () => {
      table(rows.map(({ name, type, required, secret, default: initial, description }) =>
        ({ variable: name, type, needed: required ? 'required' : 'optional', default: secret ? 'secret' : initial, description })))
    })
  }
})
