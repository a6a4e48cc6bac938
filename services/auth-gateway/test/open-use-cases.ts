/** The use cases of sessions, joined as in the gateway and over the same stores, without its doors. */
import { createServer } from '@countersign/http'
import { createAudit } from '@countersign/mongo'
import { clockFrom, createMetrics, newId } from '@countersign/runtime'
import { composeSessions } from '../src/compose-sessions.ts'
import { openStores } from '../src/stores.ts'
import { createUserRepository } from '../src/users/user-repository.ts'
import type { User } from '../src/users/user.ts'
import type { House } from './open-gateway.ts'

export async function openUseCases (house: House) {
  const { config, log, lifecycle } = house.parts()
  const metrics = createMetrics({ service: 'auth-gateway', sha: 'test' })
  const stores = await openStores({ config, log, metrics, lifecycle })
  const users = createUserRepository({ mongo: stores.mongo, audit: createAudit(stores.mongo.db), now: () => new Date(), newId: () => newId('usr') })
  const app = await createServer({ service: 'auth-gateway', log, metrics, trustedHops: 0 })
  const sessions = await composeSessions({ config, stores, app, users, clock: clockFrom(0), log, metrics, lifecycle })
  const user = async (id: string): Promise<User> => {
    const found = await users.find(id)
    if (found === undefined) throw new Error(`no user ${id}`)
    return found
  }
  return { users, user, mongo: stores.mongo, redis: stores.redis, ...sessions }
}
