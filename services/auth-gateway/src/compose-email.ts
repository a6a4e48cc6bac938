/** Signing up and in with an e-mail address, joined: passwords, proofs of the mailbox, and what they open. */
import { inTransaction, type Audit } from '@countersign/mongo'
import type { Clock, Lifecycle, Logger } from '@countersign/runtime'
import { deriveKey, randomHex, randomToken, type ReceiptVerifier } from '@countersign/secrets'
import type { ClientSession } from 'mongodb'
import type { composeSessions } from './compose-sessions.ts'
import type { GatewayConfig } from './config.ts'
import { usernameOfAddress } from './earlier/username-of-address.ts'
import { createAfterwards } from './email-sign-in/afterwards.ts'
import { createAskToSignUp } from './email-sign-in/ask-to-sign-up.ts'
import { createChangePassword, type RevokeKeys } from './email-sign-in/change-password.ts'
import { createCutAddress } from './email-sign-in/cut-address.ts'
import { createEarlierCodes } from './email-sign-in/earlier-codes.ts'
import { createEndSessions } from './email-sign-in/end-sessions.ts'
import { createAskToLink, createLinkEmail } from './email-sign-in/link-email.ts'
import { createLogIn } from './email-sign-in/log-in.ts'
import { createMailbox } from './email-sign-in/mailbox.ts'
import { createSecretOfUser } from './email-sign-in/opener.ts'
import { createPendingChoices } from './email-sign-in/pending-choices.ts'
import { createResendEmail } from './email-sign-in/resend-email.ts'
import { createAskForReset, createResetPassword } from './email-sign-in/reset-password.ts'
import { createSettleMailbox } from './email-sign-in/settle-mailbox.ts'
import { createAskForCode, createSignInByCode } from './email-sign-in/sign-in-by-code.ts'
import { createSignUp } from './email-sign-in/sign-up.ts'
import { createUsedReceipts } from './email-sign-in/used-receipts.ts'
import { createVerifyEmail } from './email-sign-in/verify-email.ts'
import { createPasswordHasher } from './passwords/password-hasher.ts'
import type { PasswordRepository } from './passwords/password-repository.ts'
import type { EarlierAccountRoutesDeps } from './routes/earlier-accounts.ts'
import type { EarlierEmailRoutesDeps } from './routes/earlier-email.ts'
import type { EmailRoutesDeps } from './routes/email-sign-in.ts'
import { createOpenerCookie } from './routes/opener-cookie.ts'
import type { SignInReport } from './sign-in/report-sign-in.ts'
import type { Stores } from './stores.ts'
import type { IdentityRepository } from './users/identity-repository.ts'
import type { UserRepository } from './users/user-repository.ts'

export interface ComposeEmailOptions {
  readonly config: GatewayConfig
  readonly stores: Stores
  readonly users: UserRepository
  readonly identities: IdentityRepository
  readonly passwords: PasswordRepository
  readonly audit: Audit
  readonly report: SignInReport
  readonly sessions: Pick<Awaited<ReturnType<typeof composeSessions>>, 'states' | 'epochs' | 'revocations' | 'writeMail' | 'tellUser'>
  readonly revokeKeysMadeBy: RevokeKeys
  readonly receipts: ReceiptVerifier
  readonly clock: Clock
  readonly log: Logger
  readonly lifecycle: Lifecycle
}

export function composeEmail ({ config, stores: { mongo, redis, dispatcher, commands }, users, identities, passwords, audit, report, sessions: { states, epochs, revocations, writeMail, tellUser }, revokeKeysMadeBy, receipts, clock, log, lifecycle }: ComposeEmailOptions): Pick<EmailRoutesDeps, 'email' | 'userChanged'> & Pick<EarlierEmailRoutesDeps, 'earlierCodes'> & Pick<EarlierAccountRoutesDeps, 'usernameFor'> {
  const keyFor = (purpose: string): Buffer => deriveKey(config.secretKey, `email/${purpose}`)
  const newSecret = (): string => randomToken(32)
  const afterwards = createAfterwards({ log })
  lifecycle.onStop('work after answers', () => afterwards.close())
  const transact = <T>(work: (transaction: ClientSession) => Promise<T>) => inTransaction(mongo, work)

  const shared = {
    users, identities, passwords, audit, report, states, epochs, revokeKeysMadeBy, newSecret,
    inTransaction: transact,
    afterwards: afterwards.start,
    hasher: createPasswordHasher(),
    usedReceipts: createUsedReceipts(mongo),
    pending: createPendingChoices({ redis, sealKey: keyFor('pending-choice') }),
    secretOf: createSecretOfUser(keyFor('opener')),
    mailbox: createMailbox({ commands, receipts, commandKey: keyFor('command-id'), links: config.email.links }),
    endSessions: createEndSessions({ revocations, inTransaction: transact }),
    tellUser,
    newSuffix: () => randomHex(4)
  }
  const cutAddress = createCutAddress(shared)
  const settle = createSettleMailbox({ ...shared, cutAddress })
  const askForCode = createAskForCode(shared)
  const signInByCode = createSignInByCode({ ...shared, settle })

  return {
    userChanged: states.userChanged,
    email: {
      signupMode: config.email.signupMode,
      signUp: createSignUp({ ...shared, log }),
      askToSignUp: createAskToSignUp({
        ...shared,
        async tellTaken (to, requestId) {
          const row = await transact((transaction) => writeMail({ template: 'email_taken', to, parameters: { at: clock.now().toISOString() } }, requestId, transaction))
          await dispatcher.dispatch(row)
        }
      }),
      logIn: createLogIn(shared),
      changePassword: createChangePassword(shared),
      verify: createVerifyEmail({ ...shared, settle }),
      resend: createResendEmail(shared),
      askForReset: createAskForReset(shared),
      resetPassword: createResetPassword({ ...shared, settle }),
      askForCode,
      signInByCode,
      askToLink: createAskToLink(shared),
      link: createLinkEmail({ ...shared, cutAddress }),
      secretOf: shared.secretOf,
      newSecret,
      cookie: createOpenerCookie(config.cookies)
    },
    usernameFor: (email) => usernameOfAddress(email, shared.newSuffix()),
    earlierCodes: createEarlierCodes({ redis, key: keyFor('earlier-codes'), askForCode, signInByCode, report })
  }
}
