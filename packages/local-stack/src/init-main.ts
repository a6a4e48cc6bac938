/** One shot for docker-compose.yml: the replica set, and the MongoDB and Redis users of the services. Safe to run again. */
import { setTimeout as wait } from 'node:timers/promises'
import { serviceNames, type ServiceName } from '@countersign/contracts'
import { MongoClient, MongoServerError } from 'mongodb'
import { ensureMongoUsers } from './mongo/users.ts'
import { ensureRedisUsers } from './redis/open.ts'

const required = (name: string): string => {
  const value = process.env[name]
  if (value === undefined || value === '') throw new Error(`${name} is missing`)
  return value
}

/** The member's name must be the one under which the services reach it. */
async function ensureReplicaSet (adminUri: string, host: string): Promise<void> {
  const client = await new MongoClient(adminUri).connect()
  const admin = client.db('admin')
  try {
    await admin.command({ replSetInitiate: { _id: 'rs0', members: [{ _id: 0, host }] } }).catch((error: unknown) => {
      // AlreadyInitialized: an earlier run did it.
      if (!(error instanceof MongoServerError) || error.code !== 23) throw error
    })
    for (let tries = 0; tries < 120; tries++) {
      if ((await admin.command({ hello: 1 }))['isWritablePrimary'] === true) return
      await wait(250)
    }
    throw new Error('MongoDB did not become primary within 30 s')
  } finally {
    await client.close()
  }
}

try {
  const passwords = Object.fromEntries(serviceNames.map((name) => [name, required(`${name.toUpperCase().replaceAll('-', '_')}_PASSWORD`)])) as Record<ServiceName, string>
  await ensureReplicaSet(required('MONGODB_URI'), required('MONGODB_HOST'))
  await ensureMongoUsers(required('MONGODB_URI'), passwords)
  await ensureRedisUsers(required('REDIS_URL'), passwords)
  process.stdout.write('the replica set and the users of the services are in place\n')
} catch (error) {
  process.stderr.write(`init: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
