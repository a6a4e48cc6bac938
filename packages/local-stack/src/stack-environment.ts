/** What the services of a stack were given, on disk for the command line, readable by its owner alone. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { serviceNames, type ServiceName } from '@countersign/contracts'
import type { ServiceEnvironment } from './environment.ts'
import { StackFault } from './stack-fault.ts'

const environmentFile = (dataDirectory: string, service: ServiceName): string => join(dataDirectory, 'environment', `${service}.json`)

export const writeStackEnvironments = (dataDirectory: string, environmentFor: (service: ServiceName) => ServiceEnvironment): void => {
  mkdirSync(join(dataDirectory, 'environment'), { recursive: true, mode: 0o700 })
  for (const service of serviceNames) writeFileSync(environmentFile(dataDirectory, service), JSON.stringify(environmentFor(service)), { mode: 0o600 })
}

/** The environment that the stack on that data directory gave a service. @throws StackFault when no stack was started there */
export const readStackEnvironment = (dataDirectory: string, service: ServiceName): ServiceEnvironment => {
  const file = environmentFile(dataDirectory, service)
  if (!existsSync(file)) throw new StackFault('The local stack was never started: run npm start first.')
  return JSON.parse(readFileSync(file, 'utf8')) as ServiceEnvironment
}
