import type { UserView } from '@countersign/contracts'
import type { User } from './user.ts'

/** A user as the API shows them to themselves. */
export const userView = ({ id, username, email, identities, createdAt }: User): UserView => ({
  id,
  username,
  email,
  identities: identities.map(({ id: identityId, kind, address, addedAt }) => ({ id: identityId, kind, address, added_at: addedAt.toISOString() })),
  created_at: createdAt.toISOString()
})
