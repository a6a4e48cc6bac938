import { Type, type Static } from 'typebox'
import { IdentityKind, RoleSchema } from '../access.ts'
import { EmailAddress, Timestamp, UserId } from '../primitives.ts'
import { adasView } from './examples.ts'

export const IdentityView = Type.Object({
  id: Type.String({ description: 'CAIP-10 account id with the canonical address, or `email:` and the address, or `passkey:` and a hash of its credential id' }),
  kind: IdentityKind,
  address: Type.String({ description: 'As wallets and people write it; of a passkey the id of its factor' }),
  verified: Type.Boolean({ description: 'The holder has proved it; false only for an e-mail address that waits for its code' }),
  added_at: Timestamp
})
export type IdentityView = Static<typeof IdentityView>

export const Username = Type.String({ minLength: 3, maxLength: 50, pattern: '^(?!usr_)[A-Za-z0-9_.-]+$', description: 'Unique, whatever its letter case' })

export const Profile = Type.Object({
  display_name: Type.Optional(Type.String({ maxLength: 100 })),
  avatar: Type.Optional(Type.String({ maxLength: 500, pattern: '^(https://[^\\s"<>]+)?$', description: 'https URL; an empty text clears it' })),
  bio: Type.Optional(Type.String({ maxLength: 1_000 }))
}, { additionalProperties: false })
export type Profile = Static<typeof Profile>

export const UserView = Type.Object({
  id: UserId,
  username: Type.String(),
  email: Type.Union([EmailAddress, Type.Null()], { description: 'The proved address, as this user sees it' }),
  roles: Type.Array(RoleSchema),
  profile: Profile,
  identities: Type.Array(IdentityView),
  created_at: Timestamp
}, { examples: [adasView] })
export type UserView = Static<typeof UserView>
