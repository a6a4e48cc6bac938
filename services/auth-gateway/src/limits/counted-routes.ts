/** How each route that is limited as sign-in, or on which a code is guessed or a mail sent, is counted, and whose login it tries: told by the checked request alone. */
import {
  answerStepUpByWallet, askToRegisterUser, askToSignUp, authenticateWallet, beginEmail, beginSmsFactor, challengePasskey, changePassword, confirmEmail, confirmEmailLink, confirmPasskeyFactor, confirmPasswordReset, confirmSmsFactor, confirmTotpFactor, confirmWalletFactor, postConfirmation, postSignatureConfirmation, connectWallet, deleteMe, linkEmail, logInUser, logInWithEmail, objectToNewFactor, refreshSession, registerUser,
  requestConnection, requestEmailCode, requestPasswordReset, requestVerification, resendEmail, signInWithPasskey, signUpWithEmail, submitVerification, verifyEmail, verifyEmailCode, verifyPasskeyProof, verifyStepUpProof, verifyWalletOtp, verifyWalletOtpToo,
  walletFamilies, walletRoutes, type Route
} from '@countersign/contracts'
import { emailSubject, walletSubject, type TryKind } from './sign-in-limits.ts'

/** What the schema of the route has let through. */
export interface CheckedRequest {
  readonly body: Readonly<Record<string, unknown>>
  /** Of whoever is signed in, on routes for sessions. */
  readonly userId: string | undefined
}

export interface CountedRoute {
  readonly kind: TryKind
  /** Absent where the request names nobody. */
  readonly subject?: (request: CheckedRequest) => string | undefined
}

/** `secret`: shows 256 random bits, which nobody guesses: the outer limit of its place is all. */
export type Counting = CountedRoute | 'secret'

const wallet = ({ body: { address } }: CheckedRequest): string | undefined => typeof address === 'string' ? walletSubject(address) : undefined
/** Each route's own field and no other: bodies of the earlier systems may hold more than is read. */
const email = ({ body: { email: address } }: CheckedRequest): string => emailSubject(String(address))
const number = ({ body: { phone_number: to } }: CheckedRequest): string => `sms:${String(to)}`
const identifier = ({ body: { identifier: address } }: CheckedRequest): string => emailSubject(String(address))

const counting: readonly (readonly [Route, Counting])[] = [
  ...walletFamilies.flatMap((family) => {
    const { challenge, verify, link } = walletRoutes[family]
    return [[challenge, { kind: 'challenge', subject: wallet }], [verify, { kind: 'proof', subject: wallet }], [link, { kind: 'proof', subject: wallet }]] as const
  }),
  [requestConnection, { kind: 'challenge', subject: wallet }],
  [connectWallet, { kind: 'proof', subject: wallet }],
  [authenticateWallet, 'secret'],
  [refreshSession, 'secret'],
  [askToSignUp, { kind: 'mail', subject: email }],
  [askToRegisterUser, { kind: 'mail', subject: email }],
  // The account comes to be whether or not otp-service sends the mail.
  [signUpWithEmail, { kind: 'account' }],
  [registerUser, { kind: 'account' }],
  [requestEmailCode, { kind: 'mail', subject: email }],
  [requestPasswordReset, { kind: 'mail', subject: email }],
  [requestVerification, { kind: 'mail', subject: identifier }],
  [linkEmail, { kind: 'mail', subject: email }],
  [beginEmail, { kind: 'mail', subject: email }],
  [beginSmsFactor, { kind: 'mail', subject: number }],
  // It names a challenge: otp-service knows the mailbox behind it.
  [resendEmail, { kind: 'mail' }],
  [logInWithEmail, { kind: 'password', subject: email }],
  [logInUser, { kind: 'password', subject: email }],
  [changePassword, { kind: 'password', subject: ({ userId }) => userId === undefined ? undefined : `old:${userId}` }],
  [verifyEmail, { kind: 'proof' }],
  [verifyEmailCode, { kind: 'proof' }],
  [confirmPasswordReset, { kind: 'proof' }],
  [confirmEmailLink, { kind: 'proof' }],
  // otp-service counts for the account.
  [verifyStepUpProof, { kind: 'proof' }],
  [confirmTotpFactor, { kind: 'proof' }],
  [objectToNewFactor, { kind: 'proof' }],
  [confirmEmail, { kind: 'proof' }],
  [postConfirmation, { kind: 'proof' }],
  [postSignatureConfirmation, { kind: 'proof' }],
  [deleteMe, { kind: 'proof' }],
  [confirmPasskeyFactor, { kind: 'proof' }],
  [verifyPasskeyProof, { kind: 'proof' }],
  [confirmWalletFactor, { kind: 'proof' }],
  [answerStepUpByWallet, { kind: 'proof' }],
  // They name nobody that could be counted.
  [challengePasskey, { kind: 'challenge' }],
  [signInWithPasskey, { kind: 'proof' }],
  [confirmSmsFactor, { kind: 'proof' }],
  [verifyWalletOtp, { kind: 'proof' }],
  [verifyWalletOtpToo, { kind: 'proof' }],
  [submitVerification, { kind: 'proof', subject: identifier }]
]

/** The same door may have two operations of one name, for two modes of the gateway. */
const nameOf = ({ operationId, status }: Pick<Route, 'operationId' | 'status'>): string => `${operationId} ${status}`
const byName: ReadonlyMap<string, Counting> = new Map(counting.map(([route, how]) => [nameOf(route), how]))

/** @returns undefined for a route on which nothing is guessed. @throws for one that nobody has thought about: it must not be open to guessing by oversight */
export function countingOf (route: Pick<Route, 'operationId' | 'status' | 'limit' | 'problems'>): Counting | undefined {
  const how = byName.get(nameOf(route))
  const mustBeCounted = route.limit === 'sign-in' || route.problems.includes('codeRejected')
  if (how === undefined && mustBeCounted) throw new Error(`on the route ${route.operationId} something can be guessed: say in counted-routes.ts how its tries are counted`)
  return how
}
