import type { ClientSession, Collection } from 'mongodb'
import type { UserDocument } from './user-document.ts'

/**
 * Writes the user's row, so that of transactions that change one account together one comes after the other.
 * @returns false when the account is not in use
 */
export async function takeTurn (users: Collection<UserDocument>, userId: string, transaction: ClientSession): Promise<boolean> {
  const { matchedCount } = await users.updateOne({ _id: userId, state: 'active' }, { $inc: { version: 1 } }, { session: transaction })
  return matchedCount === 1
}
