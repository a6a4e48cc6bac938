import { sharedAnswer } from './shared-answer.ts'

/** What `GET /health` tells strangers: up or down, no counts, versions or causes. */
export interface HealthDeps {
  readonly environment: string
  readonly pingDatabase: () => Promise<boolean>
  readonly pingRedis: () => Promise<boolean>
  /** The heartbeat of email-worker, which the gateway may only read. */
  readonly mailHeartbeat: () => Promise<boolean>
  readonly now: () => Date
}

export interface PublicHealth {
  readonly status: 'healthy' | 'unhealthy'
  readonly environment: string
  readonly database: 'connected' | 'disconnected'
  readonly redis: 'connected' | 'disconnected'
  readonly email_service: 'connected' | 'disconnected'
  readonly timestamp: string
}

export const createPublicHealth = (deps: HealthDeps): () => Promise<PublicHealth> => sharedAnswer(1_000, () => look(deps))

async function look ({ environment, pingDatabase, pingRedis, mailHeartbeat, now }: HealthDeps): Promise<PublicHealth> {
  const [database, redis, mail] = await Promise.all([
    holds(pingDatabase), holds(pingRedis), holds(mailHeartbeat)
  ])
  return {
    status: database && redis ? 'healthy' : 'unhealthy',
    environment,
    database: word(database),
    redis: word(redis),
    email_service: word(mail),
    timestamp: now().toISOString()
  }
}

const holds = (check: () => Promise<boolean>): Promise<boolean> => check().catch(() => false)
const word = (holds: boolean) => holds ? 'connected' : 'disconnected'
