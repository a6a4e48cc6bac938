/** What the services of a stack were given, on disk for the command line, readable by its owner alone. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { serviceNames, type ServiceName } from '@countersign/contracts'
import type { ServiceEnvironment } from './environment.ts'
import { StackFault } from './stack-fault.ts'

const environmentFile = (dataDirectory: string, whose: Whose): string => join(dataDirectory, 'environment', `${whose}.json`)

/** A service, or the administrator of its stores, whose variables stand in place of the service's. */
type Whose = ServiceName | 'administrator'

export const writeStackEnvironments = (dataDirectory: string, environmentFor: (service: ServiceName) => ServiceEnvironment, administrator: ServiceEnvironment): void => {
  mkdirSync(join(dataDirectory, 'environment'), { recursive: true, mode: 0o700 })
  const write = (whose: Whose, environment: ServiceEnvironment): void => { writeFileSync(environmentFile(dataDirectory, whose), JSON.stringify(environment), { mode: 0o600 }) }
  for (const service of serviceNames) write(service, environmentFor(service))
  write('administrator', administrator)
}

/** The environment that the stack on that data directory gave a service. @throws StackFault when no stack was started there */
export const readStackEnvironment = (dataDirectory: string, whose: Whose): ServiceEnvironment => {
  const file = environmentFile(dataDirectory, whose)
  if (!existsSync(file)) throw new StackFault('The local stack was never started: run npm start first.')
  return JSON.parse(readFileSync(file, 'utf8')) as ServiceEnvironment
}
