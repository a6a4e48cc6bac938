import { Type } from 'typebox'
import { defineRoute } from '../route.ts'
import { adasView } from './examples.ts'
import { IdentityView, Profile, Username, UserView } from './user-view.ts'

export const readIdentities = defineRoute({
  method: 'GET',
  path: '/api/v1/me/identities',
  operationId: 'readIdentities',
  tag: 'Account',
  summary: 'The logins of this account',
  caller: 'session',
  scope: 'identities:read',
  limit: 'general',
  status: 200,
  reply: Type.Object({ identities: Type.Array(IdentityView) }, { examples: [{ identities: adasView.identities }] }),
  problems: ['unauthorized', 'rateLimited', 'unavailable']
})

export const deleteIdentity = defineRoute({
  method: 'DELETE',
  path: '/api/v1/me/identities/:id',
  operationId: 'deleteIdentity',
  tag: 'Account',
  summary: 'Unlink a login',
  description: 'The last usable login stays. The sessions that it opened are closed; one that is gone already answers the same.',
  caller: 'session',
  fresh: true,
  stepUp: { action: 'identities.unlink', resource: ['params.id'] },
  limit: 'general',
  params: Type.Object({ id: Type.String({ minLength: 3, maxLength: 320, description: 'As in the list, URL-encoded' }) }),
  status: 204,
  problems: ['unauthorized', 'freshProofRequired', 'stepUpRequired', 'lastIdentity', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const updateMe = defineRoute({
  method: 'PUT',
  path: '/api/v1/me',
  operationId: 'updateMe',
  tag: 'Account',
  summary: 'Change username and profile',
  description: 'Fields that are absent stay; an empty text clears one of the profile.',
  caller: 'session',
  limit: 'general',
  body: Type.Object({ username: Type.Optional(Username), profile: Type.Optional(Profile) }, { additionalProperties: false, examples: [{ username: 'ada', profile: { display_name: 'Ada' } }] }),
  status: 200,
  reply: UserView,
  problems: ['malformedRequest', 'unauthorized', 'usernameTaken', 'schemaViolation', 'rateLimited', 'unavailable']
})
