import type { IdentityView, UserView } from '@countersign/contracts'
import type { LinkedIdentity } from './identity.ts'
import type { User } from './user.ts'

/** A user as the API shows them to themselves. */
export const userView = ({ id, username, email, roles, profile, identities, createdAt }: User): UserView => ({
  id,
  username,
  email,
  roles: [...roles],
  profile,
  identities: identities.map(identityView),
  created_at: createdAt.toISOString()
})

export const identityView = ({ id, kind, address, verified, addedAt }: LinkedIdentity): IdentityView =>
  ({ id, kind, address, verified, added_at: addedAt.toISOString() })
