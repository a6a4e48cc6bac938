/** Accounts under the paths of two earlier systems: other words for what the routes of `/api/v1` do. */
import {
  askToRegisterUser, deleteAuthMethod, deleteAuthProfile, logInUser, ping, Problem, problems, readApiStatus, readAuthProfile, registerUser, updateAuthProfile,
  type AuthProfile, type TokenReply, type UserView
} from '@countersign/contracts'
import { addRoute } from '@countersign/http'
import type { FastifyInstance } from 'fastify'
import { placeOf } from '../limits/limit-sign-in.ts'
import type { OpenSession } from '../sessions/session-state.ts'
import { userView } from '../users/user-view.ts'
import type { AccountRoutesDeps } from './account.ts'
import { askerOf } from './asker-of.ts'
import type { EmailRoutesDeps } from './email-sign-in.ts'
import type { IdentityRoutesDeps } from './identities.ts'
import type { OpenPagesDeps } from './open-pages.ts'
import { clientOf } from './wallet-sign-in.ts'

export interface EarlierAccountRoutesDeps extends Pick<OpenPagesDeps, 'health'>, Pick<IdentityRoutesDeps, 'unlink' | 'updateUser'>, Pick<EmailRoutesDeps, 'openSession'>, Pick<AccountRoutesDeps, 'deleteAccount' | 'cookies'> {
  readonly email: Pick<EmailRoutesDeps['email'], 'signupMode' | 'signUp' | 'askToSignUp' | 'logIn' | 'cookie'>
  /** A free name for the holder of an address. */
  readonly usernameFor: (email: string) => string
}

export function earlierAccountRoutes (app: FastifyInstance, deps: EarlierAccountRoutesDeps): void {
  statusRoutes(app, deps)
  userRoutes(app, deps)
  profileRoutes(app, deps)
}

/** `status` told every origin that may call; it tells what /health does. */
function statusRoutes (app: FastifyInstance, { health }: EarlierAccountRoutesDeps): void {
  addRoute(app, ping, () => Promise.resolve({ message: 'pong' }))
  addRoute(app, readApiStatus, () => health())
}

function userRoutes (app: FastifyInstance, { email: { signupMode, signUp, askToSignUp, logIn, cookie }, openSession, usernameFor }: EarlierAccountRoutesDeps): void {
  if (signupMode === 'verified') {
    addRoute(app, askToRegisterUser, async ({ body: { email, password, username = usernameFor(email) }, request, reply }) => {
      const { opener } = await askToSignUp({ email, password, username, place: placeOf(request), requestId: request.id })
      cookie.keep(reply, opener)
      return { message: 'A mail is on its way: the account comes to be when its address is proved' }
    })
  } else {
    addRoute(app, registerUser, async ({ body: { email, password, username = usernameFor(email) }, request, reply }) => {
      const { verification, ...signedIn } = await signUp({ email, password, username, place: placeOf(request), requestId: request.id })
      if (verification !== undefined) cookie.keep(reply, verification.opener)
      return signedInUser('User registered', await openSession(signedIn, clientOf(request)))
    })
  }

  addRoute(app, logInUser, async ({ body: { email, password }, request }) =>
    signedInUser('Login successful', await openSession(await logIn({ email, password, requestId: request.id }), clientOf(request))))
}

function profileRoutes (app: FastifyInstance, { unlink, updateUser, deleteAccount, cookies }: EarlierAccountRoutesDeps): void {
  addRoute<typeof readAuthProfile, OpenSession>(app, readAuthProfile, ({ session }) => Promise.resolve(profileOf(session.user)))

  addRoute<typeof updateAuthProfile, OpenSession>(app, updateAuthProfile, async ({ body: { username }, session }) => {
    const user = await updateUser(session.userId, session.id, { username })
    if (user === undefined) throw new Problem(problems.unauthorized)
    if (user === 'username taken') throw new Problem(problems.usernameTaken)
    return profileOf(userView(user))
  })

  addRoute<typeof deleteAuthProfile, OpenSession>(app, deleteAuthProfile, async ({ session, request, reply }) => {
    // Callers of this path type no username to confirm it.
    await deleteAccount({ username: session.user.username, confirm: session.user.username }, askerOf(session, request))
    cookies.forget(request, reply)
    return { message: 'The account is being deleted' }
  })

  addRoute<typeof deleteAuthMethod, OpenSession>(app, deleteAuthMethod, async ({ params, session, request }) => {
    const wanted = params.provider_id.toLowerCase()
    const login = session.user.identities.find(({ kind, address }) => kind === params.provider && address.toLowerCase() === wanted)
    if (login === undefined) throw new Problem(problems.notFound)
    await unlink(login.id, { userId: session.userId, sessionId: session.id, requestId: request.id })
    return { message: 'Authentication method removed' }
  })
}

const signedInUser = (message: string, { access_token: token, expires_in, refresh_token, user }: TokenReply) =>
  ({ message, token, expires_in, ...refresh_token !== undefined && { refresh_token }, user })

const profileOf = ({ id, username, created_at, identities }: UserView): AuthProfile => ({
  id,
  username,
  is_active: true,
  created_at,
  auth_methods: identities.map(({ kind, address, verified, added_at }) => ({ provider: kind, provider_id: address, verified, linked_at: added_at }))
})
