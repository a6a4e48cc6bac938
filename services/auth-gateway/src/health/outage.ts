/** Errors of MongoDB and Redis that say "not now": the caller is told 503 and may repeat, instead of 500. */
import { MongoError } from 'mongodb'

const mongoOutages = new Set([
  'MongoServerSelectionError', 'MongoNetworkError', 'MongoNetworkTimeoutError', 'MongoOperationTimeoutError',
  'MongoPoolClearedError', 'MongoPoolClosedError', 'MongoWaitQueueTimeoutError', 'MongoNotConnectedError', 'MongoTopologyClosedError'
])

/** Of ioredis while Redis is away, and of a Redis that is full, loading or no longer the primary. */
const redisOutage = /^(Connection is closed|Command timed out|Stream isn't writeable|Reached the max retries|connect ECONN|read ECONNRESET|OOM |READONLY |LOADING |MASTERDOWN )/

export const isOutage = (error: unknown): boolean =>
  error instanceof MongoError ? mongoOutages.has(error.name) : error instanceof Error && redisOutage.test(error.message)
