/** The first line of a main.ts: nothing else exists yet that could report a fault. */
import { EnvironmentFault, readEnvironment } from '../environment/read.ts'
import type { Environment, EnvironmentSource, Values, Variables } from '../environment/variable.ts'
import { exitProcess } from './exit.ts'

/**
 * Reads the environment, or prints each fault on a line of its own on stderr and exits 1. Call it from main.ts only.
 * @param name the service, which begins each line.
 */
export function readEnvironmentOrExit<V extends Variables> (name: string, environment: Environment<V>, env: EnvironmentSource): Readonly<Values<V>> {
  try {
    return readEnvironment(environment, env)
  } catch (error) {
    if (!(error instanceof EnvironmentFault)) throw error
    for (const fault of error.faults) process.stderr.write(`${name}: ${fault}\n`)
    exitProcess(1)
  }
}
