import {
  askToSignUp, changePassword, confirmEmailLink, confirmPasswordReset, linkEmail, logInWithEmail, Problem, problems, requestEmailCode,
  requestPasswordReset, resendEmail, signUpWithEmail, verifyEmail, verifyEmailCode, type TokenReply
} from '@countersign/contracts'
import { addRoute } from '@countersign/http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { AskToSignUp } from '../email-sign-in/ask-to-sign-up.ts'
import type { ChangePassword } from '../email-sign-in/change-password.ts'
import type { AskToLink, LinkEmail } from '../email-sign-in/link-email.ts'
import type { LogIn } from '../email-sign-in/log-in.ts'
import type { MailboxAnswer } from '../email-sign-in/mailbox.ts'
import type { SecretOfUser } from '../email-sign-in/opener.ts'
import type { ResendEmail } from '../email-sign-in/resend-email.ts'
import type { AskForReset, ResetPassword } from '../email-sign-in/reset-password.ts'
import type { AskForCode, SignInByCode } from '../email-sign-in/sign-in-by-code.ts'
import type { SignUp } from '../email-sign-in/sign-up.ts'
import type { VerifyEmail } from '../email-sign-in/verify-email.ts'
import { placeOf } from '../limits/limit-sign-in.ts'
import type { ClientDescription } from '../sessions/open-session.ts'
import type { SessionCookies } from '../sessions/session-cookies.ts'
import type { OpenSession, SessionStates } from '../sessions/session-state.ts'
import type { SignedIn } from '../sign-in/sign-in-with-wallet.ts'
import { identityView } from '../users/user-view.ts'
import type { OpenerCookie } from './opener-cookie.ts'
import { clientOf } from './wallet-sign-in.ts'

export interface EmailRoutesDeps {
  readonly email: {
    /** `verified`: an account comes to be when its address is proved, and nothing tells which addresses have one. */
    readonly signupMode: 'open' | 'verified'
    readonly signUp: SignUp
    readonly askToSignUp: AskToSignUp
    readonly logIn: LogIn
    readonly changePassword: ChangePassword
    readonly verify: VerifyEmail
    readonly resend: ResendEmail
    readonly askForReset: AskForReset
    readonly resetPassword: ResetPassword
    readonly askForCode: AskForCode
    readonly signInByCode: SignInByCode
    readonly askToLink: AskToLink
    readonly link: LinkEmail
    readonly secretOf: SecretOfUser
    readonly newSecret: () => string
    readonly cookie: OpenerCookie
  }
  readonly userChanged: SessionStates['userChanged']
  readonly openSession: (signedIn: SignedIn, client: ClientDescription) => Promise<TokenReply>
  /** @throws Problem unauthorized, originRefused */
  readonly sessionOf: (request: FastifyRequest) => Promise<OpenSession>
  readonly cookies: Pick<SessionCookies, 'secretIn'>
}

interface ProofBody { readonly token?: string, readonly challenge_id?: string, readonly code?: string, readonly opener?: string }

const asker = ({ userId, id }: OpenSession, { id: requestId }: FastifyRequest) => ({ userId, sessionId: id, requestId })

export function emailSignInRoutes (app: FastifyInstance, deps: EmailRoutesDeps): void {
  signUpRoutes(app, deps)
  passwordRoutes(app, deps)
  proofRoutes(app, deps)
  codeRoutes(app, deps)
  linkRoutes(app, deps)
}

function signUpRoutes (app: FastifyInstance, { email: { signupMode, signUp, askToSignUp: ask, cookie }, openSession }: EmailRoutesDeps): void {
  if (signupMode === 'verified') {
    addRoute(app, askToSignUp, async ({ body: { email, password, username }, request, reply }) => {
      const asked = await ask({ email, password, username, place: placeOf(request), requestId: request.id })
      cookie.keep(reply, asked.opener)
      return asked
    })
    return
  }

  addRoute(app, signUpWithEmail, async ({ body: { email, password, username }, request, reply }) => {
    const { verification, ...signedIn } = await signUp({ email, password, username, place: placeOf(request), requestId: request.id })
    if (verification !== undefined) cookie.keep(reply, verification.opener)
    return { ...await openSession(signedIn, clientOf(request)), ...verification && { verification } }
  })
}

function passwordRoutes (app: FastifyInstance, { email: { logIn, changePassword: change, askForReset, resetPassword, newSecret }, openSession, ...guard }: EmailRoutesDeps): void {
  addRoute(app, logInWithEmail, async ({ body, request }) =>
    await openSession(await logIn({ ...body, requestId: request.id }), clientOf(request)))

  addRoute<typeof changePassword, OpenSession>(app, changePassword, async ({ body, session, request }) => {
    await change({ oldPassword: body.old_password, newPassword: body.new_password, revokeKeys: body.revoke_api_keys ?? false }, asker(session, request))
    return { message: 'Password changed' }
  })

  addRoute(app, requestPasswordReset, async ({ body, request }) => {
    const opener = newSecret()
    const sent = await askForReset({ email: body.email, secret: opener, place: placeOf(request), requestId: request.id })
    return { ...sent, opener, message: 'If an account has this address, a mail is on its way' }
  })

  addRoute(app, confirmPasswordReset, async ({ body, request }) => {
    const session = await shownSession(request, guard)
    await resetPassword({
      answer: answerIn(body),
      newPassword: body.new_password,
      revokeKeys: body.revoke_api_keys ?? false,
      ...session && { userId: session.userId },
      requestId: request.id
    })
    return { message: 'Password set. Sign in with it.' }
  })
}

function proofRoutes (app: FastifyInstance, { email: { verify, resend, secretOf, cookie }, openSession, userChanged, ...guard }: EmailRoutesDeps): void {
  addRoute<typeof verifyEmail>(app, verifyEmail, async ({ body, request }) => {
    const session = await shownSession(request, guard)
    const { user, identity, made, opensSession } = await verify({
      answer: answerIn(body, [session && secretOf(session.userId), cookie.read(request)]),
      ...session && { userId: session.userId },
      requestId: request.id
    })
    await userChanged(user, session?.id)
    return {
      email: identity.address, verified: true, account: made ? 'new' : 'kept',
      ...opensSession && { session: await openSession({ user, identity }, clientOf(request)) }
    }
  })

  addRoute(app, resendEmail, async ({ body, request }) => {
    const session = await shownSession(request, guard)
    const secret = body.opener ?? (session === undefined ? cookie.read(request) : undefined)
    return await resend({
      purpose: body.purpose ?? 'signup',
      place: placeOf(request),
      requestId: request.id,
      ...body.challenge_id !== undefined && { challengeId: body.challenge_id },
      ...secret !== undefined && { secret },
      ...session && { session: { userId: session.userId, sessionId: session.id } }
    })
  })
}

function codeRoutes (app: FastifyInstance, { email: { askForCode, signInByCode, newSecret }, openSession, ...guard }: EmailRoutesDeps): void {
  addRoute(app, requestEmailCode, async ({ body, request }) => {
    const opener = newSecret()
    return { ...await askForCode({ email: body.email, secret: opener, place: placeOf(request), requestId: request.id }), opener }
  })

  addRoute(app, verifyEmailCode, async ({ body, request }) => {
    const session = await shownSession(request, guard)
    const signedIn = await signInByCode({
      challengeId: body.challenge_id, secret: body.opener, code: body.code, requestId: request.id,
      ...body.username !== undefined && { username: body.username },
      ...session && { userId: session.userId }
    })
    return await openSession(signedIn, clientOf(request))
  })
}

function linkRoutes (app: FastifyInstance, { email: { askToLink, link } }: EmailRoutesDeps): void {
  addRoute<typeof linkEmail, OpenSession>(app, linkEmail, async ({ body, session, request }) => await askToLink({ ...body, place: placeOf(request) }, asker(session, request)))

  addRoute<typeof confirmEmailLink, OpenSession>(app, confirmEmailLink, async ({ body, session, request }) => {
    const identity = await link({ challengeId: body.challenge_id, code: body.code }, asker(session, request))
    return { message: 'Address linked', identity: identityView(identity) }
  })
}

/**
 * No credential is nobody; one that is no good is refused, since taking its holder for somebody else could cost the account its address.
 * A cookie is what a browser sends by itself, also after its session ended: an old one says nothing.
 */
async function shownSession (request: FastifyRequest, { sessionOf, cookies }: Pick<EmailRoutesDeps, 'sessionOf' | 'cookies'>): Promise<OpenSession | undefined> {
  const { authorization, 'x-session-id': secret } = request.headers
  if (authorization !== undefined || secret !== undefined) return await sessionOf(request)
  if (cookies.secretIn(request) === undefined) return undefined
  try {
    return await sessionOf(request)
  } catch (error) {
    if (error instanceof Problem && error.kind === problems.unauthorized) return undefined
    throw error
  }
}

/** @param secrets that the caller may have shown besides the body, the first one counts. */
function answerIn ({ token, challenge_id: challengeId, code, opener }: ProofBody, secrets: readonly (string | undefined)[] = []): MailboxAnswer {
  const secret = opener ?? secrets.find((given) => given !== undefined)
  const byCode = challengeId !== undefined || code !== undefined
  if (byCode === (token !== undefined)) throw new Problem(problems.schemaViolation, { faults: [{ path: 'body', message: 'needs either token, or challenge_id and code' }] })
  if (token !== undefined) return { token, ...secret !== undefined && { secret } }
  if (challengeId === undefined || code === undefined) throw new Problem(problems.schemaViolation, { faults: [{ path: 'body', message: 'needs challenge_id and code together' }] })
  // A code answers to its asker alone; who shows nothing was not it.
  if (secret === undefined) throw new Problem(problems.codeRejected)
  return { challengeId, code, secret }
}
