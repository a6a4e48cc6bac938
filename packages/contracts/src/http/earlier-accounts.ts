/** Accounts under the paths of two earlier systems. Each does what a route of `/api/v1` does; fields that are not named are passed over. */
import { Type, type Static } from 'typebox'
import { IdentityKind } from '../access.ts'
import { EmailAddress, Timestamp, UserId } from '../primitives.ts'
import { defineRoute } from '../route.ts'
import { ada, adasView } from './examples.ts'
import { UserView, Username } from './user-view.ts'

const tag = 'Earlier systems'
const Password = Type.String({ minLength: 1, maxLength: 1_024 })

const SignedInUser = Type.Object({
  message: Type.String(),
  token: Type.String({ description: 'Access token' }),
  expires_in: Type.Integer({ description: 'Seconds' }),
  refresh_token: Type.Optional(Type.String()),
  user: UserView
}, { examples: [{ message: 'Login successful', token: ada.accessToken, expires_in: 900, refresh_token: ada.refreshToken, user: adasView }] })

export const registerUser = defineRoute({
  method: 'POST',
  path: '/user/register',
  operationId: 'registerUser',
  tag,
  summary: 'Open an account with an e-mail address and a password',
  description: 'Use `/api/v1/auth/email/signup`. Without a username the account is named after the address. With `SIGNUP_MODE=verified` this answers 202 without a token, and the account comes to be when its address is proved.',
  caller: 'anyone',
  refusals: 'message',
  limit: 'sign-in',
  body: Type.Object({ email: EmailAddress, password: Password, username: Type.Optional(Username) }, { examples: [{ email: ada.email, password: ada.password }] }),
  status: 201,
  reply: SignedInUser,
  problems: ['malformedRequest', 'emailRegistered', 'usernameTaken', 'schemaViolation', 'sendLimited', 'rateLimited', 'unavailable']
})

/** The same door with `SIGNUP_MODE=verified`. */
export const askToRegisterUser = defineRoute({
  ...registerUser,
  status: 202,
  reply: Type.Object({ message: Type.String() }, { examples: [{ message: 'A mail is on its way: the account comes to be when its address is proved' }] }),
  problems: ['malformedRequest', 'usernameTaken', 'schemaViolation', 'sendLimited', 'rateLimited', 'unavailable']
})

export const logInUser = defineRoute({
  method: 'POST',
  path: '/user/login',
  operationId: 'logInUser',
  tag,
  summary: 'Sign in with an e-mail address and its password',
  description: 'Use `/api/v1/auth/email/login`.',
  caller: 'anyone',
  refusals: 'message',
  limit: 'sign-in',
  body: Type.Object({ email: EmailAddress, password: Password }, { examples: [{ email: ada.email, password: ada.password }] }),
  status: 200,
  reply: SignedInUser,
  problems: ['malformedRequest', 'credentialsRejected', 'accountDeleting', 'schemaViolation', 'factorLocked', 'rateLimited', 'unavailable']
})

const AuthMethod = Type.Object({ provider: IdentityKind, provider_id: Type.String({ description: 'Address' }), verified: Type.Boolean(), linked_at: Timestamp })

export const AuthProfile = Type.Object({
  id: UserId,
  username: Type.String(),
  is_active: Type.Literal(true),
  created_at: Timestamp,
  auth_methods: Type.Array(AuthMethod)
}, {
  examples: [{
    id: ada.userId, username: ada.username, is_active: true, created_at: ada.signedUpAt,
    auth_methods: adasView.identities.map(({ kind, address, verified, added_at }) => ({ provider: kind, provider_id: address, verified, linked_at: added_at }))
  }]
})
export type AuthProfile = Static<typeof AuthProfile>

export const readAuthProfile = defineRoute({
  method: 'GET',
  path: '/api/v1/auth/me',
  operationId: 'readAuthProfile',
  tag,
  summary: 'The signed-in user',
  description: 'Use `/api/v1/me`.',
  caller: 'session',
  scope: 'profile:read',
  limit: 'general',
  status: 200,
  reply: AuthProfile,
  problems: ['unauthorized', 'rateLimited', 'unavailable']
})

export const updateAuthProfile = defineRoute({
  method: 'PUT',
  path: '/api/v1/auth/me',
  operationId: 'updateAuthProfile',
  tag,
  summary: 'Change the username',
  description: 'Use `PUT /api/v1/me`.',
  caller: 'session',
  limit: 'general',
  body: Type.Object({ username: Username }, { examples: [{ username: ada.username }] }),
  status: 200,
  reply: AuthProfile,
  problems: ['malformedRequest', 'unauthorized', 'usernameTaken', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const deleteAuthProfile = defineRoute({
  method: 'DELETE',
  path: '/api/v1/auth/me',
  operationId: 'deleteAuthProfile',
  tag,
  summary: 'Delete this account, for good',
  description: 'Use `DELETE /api/v1/me`, which also takes the code that an account with a proved address needs.',
  caller: 'session',
  fresh: true,
  limit: 'general',
  status: 200,
  reply: Type.Object({ message: Type.String() }, { examples: [{ message: 'The account is being deleted' }] }),
  problems: ['unauthorized', 'freshProofRequired', 'factorProofRequired', 'stateConflict', 'rateLimited', 'unavailable']
})

export const deleteAuthMethod = defineRoute({
  method: 'DELETE',
  path: '/api/v1/auth/auth-method/:provider/:provider_id',
  operationId: 'deleteAuthMethod',
  tag,
  summary: 'Unlink a login',
  description: 'Use `DELETE /api/v1/me/identities/{id}`. The last usable login stays.',
  caller: 'session',
  fresh: true,
  stepUp: { action: 'identities.unlink', resource: ['params.provider', 'params.provider_id'] },
  limit: 'general',
  params: Type.Object({ provider: Type.String({ maxLength: 16 }), provider_id: Type.String({ minLength: 1, maxLength: 320, description: 'Address, as in `auth_methods`' }) }),
  status: 200,
  reply: Type.Object({ message: Type.String() }, { examples: [{ message: 'Authentication method removed' }] }),
  problems: ['unauthorized', 'freshProofRequired', 'stepUpRequired', 'notFound', 'lastIdentity', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const earlierAccountRoutes = [registerUser, logInUser, readAuthProfile, updateAuthProfile, deleteAuthProfile, deleteAuthMethod] as const
