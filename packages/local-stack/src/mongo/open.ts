import { join } from 'node:path'
import type { ServiceName } from '@countersign/contracts'
import type { ProcessRecords } from '../process/records.ts'
import { StackFault } from '../stack-fault.ts'
import type { StackSecrets } from '../stack-secrets.ts'
import type { Progress } from '../tools/progress.ts'
import { startMongo } from './server.ts'
import { ensureMongoUsers, mongoUriFor } from './users.ts'

export interface OpenMongo {
  readonly adminUri: string
  readonly uriFor: (service: ServiceName) => string
  readonly stop: () => Promise<void>
}

export interface OpenMongoOptions {
  readonly dataDirectory: string
  readonly secrets: StackSecrets
  readonly records: ProcessRecords
  readonly logFile: string
  readonly port: number | undefined
  readonly mongoUri: string | undefined
  readonly sharedCredentials: boolean
  readonly onProgress: Progress
}

/** The MongoDB of `mongoUri`, else one of our own, with a database and a user per service. @throws StackFault */
export const openMongo = async (options: OpenMongoOptions): Promise<OpenMongo> => {
  const { secrets: { administratorPassword, passwords }, mongoUri, onProgress } = options
  if (mongoUri !== undefined) return await openGiven(mongoUri, passwords, options)
  const server = await startMongo({
    directory: join(options.dataDirectory, 'mongo'),
    password: administratorPassword,
    port: options.port,
    logFile: options.logFile,
    records: options.records,
    onProgress
  })
  try {
    await ensureMongoUsers(server.adminUri, passwords)
  } catch (error) {
    await server.stop()
    throw error
  }
  return { adminUri: server.adminUri, stop: server.stop, uriFor: (service) => mongoUriFor(server.adminUri, service, passwords[service]) }
}

const openGiven = async (adminUri: string, passwords: StackSecrets['passwords'], { sharedCredentials, onProgress }: OpenMongoOptions): Promise<OpenMongo> => {
  const given = { adminUri, stop: async () => undefined }
  try {
    await ensureMongoUsers(adminUri, passwords)
    return { ...given, uriFor: (service) => mongoUriFor(adminUri, service, passwords[service]) }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    if (!sharedCredentials) throw new StackFault(`MongoDB has no users for the services (${reason}): give MONGODB_URI an administrator of a replica set with authorization, or pass --shared-credentials to go on without isolation.`)
    onProgress('MongoDB: all services share one user; isolation is OFF')
    return { ...given, uriFor: () => adminUri }
  }
}
