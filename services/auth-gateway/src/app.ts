/** What the gateway serves, in order. */
import { registerDocs } from '@countersign/http'
import type { FastifyInstance } from 'fastify'
import type { Assurance } from './access/assurance.ts'
import { accountRoutes, type AccountRoutesDeps } from './routes/account.ts'
import { apiKeyRoutes, type ApiKeyRoutesDeps } from './routes/api-keys.ts'
import { earlierAccountRoutes, type EarlierAccountRoutesDeps } from './routes/earlier-accounts.ts'
import { earlierEmailRoutes, type EarlierEmailRoutesDeps } from './routes/earlier-email.ts'
import { emailSignInRoutes, type EmailRoutesDeps } from './routes/email-sign-in.ts'
import { walletConnectionRoutes, type WalletConnectionRoutesDeps } from './routes/earlier-wallet-connection.ts'
import { walletOtpRoutes, type WalletOtpRoutesDeps } from './routes/earlier-wallet-otp.ts'
import { identityRoutes, type IdentityRoutesDeps } from './routes/identities.ts'
import { introspectionRoutes, type IntrospectionRoutesDeps } from './routes/introspection.ts'
import { mailedLinkPages } from './routes/mailed-link-pages.ts'
import { passkeyRoutes, type PasskeyRoutesDeps } from './routes/passkeys.ts'
import { factorRoutes, type FactorRoutesDeps } from './routes/factors.ts'
import { kmsWalletRoutes, type KmsWalletRoutesDeps } from './routes/kms-wallets.ts'
import { meRoutes, type MeRoutesDeps } from './routes/me.ts'
import { openPages, type OpenPagesDeps } from './routes/open-pages.ts'
import { operatorRoutes, type OperatorRoutesDeps } from './routes/operators.ts'
import { sessionRoutes, type SessionRoutesDeps } from './routes/sessions.ts'
import { policyRoutes } from './routes/policies.ts'
import { stepUpRoutes, type StepUpRoutesDeps } from './routes/step-ups.ts'
import { signInRoutes, type SignInRoutesDeps } from './routes/sign-in.ts'
import { signatureRoutes } from './routes/signatures.ts'
import { transactionRoutes, type TransactionRoutesDeps } from './routes/transactions.ts'
import { walletSignInRoutes, type WalletRoutesDeps } from './routes/wallet-sign-in.ts'

export type GatewayDeps = OpenPagesDeps & WalletRoutesDeps & EmailRoutesDeps & EarlierEmailRoutesDeps & EarlierAccountRoutesDeps & SignInRoutesDeps & SessionRoutesDeps & IntrospectionRoutesDeps & IdentityRoutesDeps & MeRoutesDeps & AccountRoutesDeps & TransactionRoutesDeps & KmsWalletRoutesDeps & ApiKeyRoutesDeps & OperatorRoutesDeps & WalletConnectionRoutesDeps & WalletOtpRoutesDeps & StepUpRoutesDeps & FactorRoutesDeps & PasskeyRoutesDeps & {
  readonly assurance: Pick<Assurance, 'spend'>
}

export async function serve (app: FastifyInstance, deps: GatewayDeps): Promise<void> {
  await registerDocs(app, { title: 'Countersign', version: '0.1.0' })
  app.addHook('preHandler', deps.assurance.spend)
  await app.register(async (door) => {
    openPages(door, deps)
    walletSignInRoutes(door, deps)
    emailSignInRoutes(door, deps)
    earlierEmailRoutes(door, deps)
    earlierAccountRoutes(door, deps)
    mailedLinkPages(door, deps)
    signInRoutes(door, deps)
    sessionRoutes(door, deps)
    introspectionRoutes(door, deps)
    meRoutes(door, deps)
    stepUpRoutes(door, deps)
    factorRoutes(door, deps)
    passkeyRoutes(door, deps)
    accountRoutes(door, deps)
    identityRoutes(door, deps)
    transactionRoutes(door, deps)
    signatureRoutes(door, deps)
    kmsWalletRoutes(door, deps)
    policyRoutes(door, deps)
    apiKeyRoutes(door, deps)
    operatorRoutes(door, deps)
    walletConnectionRoutes(door, deps)
    walletOtpRoutes(door, deps)
  })
}
