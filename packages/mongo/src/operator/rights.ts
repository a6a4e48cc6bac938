/** A service's user reads and writes its own rows. What is more than that, an operator asks for as the database's administrator. */
import { MongoServerError } from 'mongodb'

export const isUnauthorized = (error: unknown): boolean => error instanceof MongoServerError && error.code === 13

export const needsAdministrator = 'it needs a MONGODB_URI of the database\'s administrator (local stack: ./countersign --local --admin)'

/** The server's own words quote the whole command. @throws Error in our words where the user may not do the work, else what the work throws */
export async function withRights<T> (work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isUnauthorized(error)) throw error
    throw new Error(`the service's database user may not do this: ${needsAdministrator}`, { cause: error })
  }
}
