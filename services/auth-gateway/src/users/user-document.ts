/** Users and their logins as MongoDB keeps them. */
import type { IdentityKind, Profile, Role } from '@countersign/contracts'
import type { LinkedIdentity } from './identity.ts'
import type { User } from './user.ts'

export interface UserDocument {
  _id: string
  username: string
  usernameKey: string
  /** `deleting` until every service has acknowledged; a `deleted` one keeps its id for ever and nothing else. */
  state: 'active' | 'deleting' | 'deleted'
  email: string | null
  emailProvedAt: Date | null
  /** Whether otp-service holds a factor of this user. False while none was ever asked for; absent where only otp-service can say. */
  hasFactor?: boolean
  roles: Role[]
  profile: Profile
  createdAt: Date
  version: number
  sessionEpoch: number
  /** When the epoch was raised last. */
  sessionsRevokedAt?: Date
  /** From the wish to delete on. */
  deletion?: { id: string, startedAt: Date, acknowledged: ('otp-service' | 'signer-service')[], finishedAt?: Date }
}

export interface IdentityDocument {
  _id: string
  userId: string
  kind: IdentityKind
  address: string
  verified: boolean
  addedAt: Date
  /** The last proof of an e-mail address. */
  provedAt?: Date
}

export const userIndexes = [
  { collection: 'users', name: 'username', key: { usernameKey: 1 }, unique: true },
  { collection: 'identities', name: 'by_user', key: { userId: 1 } }
] as const

export const toUser = ({ _id, username, email, roles, profile, createdAt, version, sessionEpoch }: UserDocument, logins: readonly IdentityDocument[]): User =>
  ({ id: _id, username, email, roles, profile, createdAt, version, sessionEpoch, identities: logins.map(toIdentity) })

export const toIdentity = ({ _id: id, userId, kind, address, verified, addedAt }: IdentityDocument): LinkedIdentity =>
  ({ id, userId, kind, address, verified, addedAt })
