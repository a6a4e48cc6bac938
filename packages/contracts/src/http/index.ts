import type { Route } from '../route.ts'
import { approveTransaction, getApprovals, rejectTransaction } from './approvals.ts'
import { beginDeletion, deleteMe, exportMe } from './account.ts'
import { createApiKey, deleteApiKey, readApiKeys, rotateApiKey } from './api-keys.ts'
import { logout, refreshSession } from './auth.ts'
import { introspectToken, revokeToken } from './introspection.ts'
import { askToRegisterUser, earlierAccountRoutes } from './earlier-accounts.ts'
import { earlierOtpRoutes } from './earlier-otp.ts'
import { askToSignUp, earlierEmailRoutes, emailRoutes } from './email.ts'
import { beginTotpFactor, confirmTotpFactor, deleteFactor, objectToNewFactor, postRecoveryCodes, updateFactor } from './factors.ts'
import { deleteIdentity, readIdentities, updateMe } from './identities.ts'
import { beginEmail, confirmEmail, readMe } from './me.ts'
import { passkeyRoutes } from './passkeys.ts'
import { kmsWalletRoutes } from './kms-wallets.ts'
import { readIdentityAudit, setRoles } from './operators.ts'
import { probeRoutes } from './probes.ts'
import { getPolicies, postDryRun, postPolicy, putPolicy } from './policies.ts'
import { deleteSession, readSessions, revokeSessions } from './sessions.ts'
import { beginSmsFactor, confirmSmsFactor } from './sms-factors.ts'
import { postStepUp, readFactors, sendStepUpCode, verifyStepUpProof } from './step-ups.ts'
import { postChallenge, postConfirmation, postTransaction, readTransaction, readTransactions } from './transactions.ts'
import { postCancellation, postSpeedUp } from './transaction-moves.ts'
import { signatureRoutes } from './signatures.ts'
import { walletConnectionRoutes } from './wallet-connection.ts'
import { walletFactorRoutes } from './wallet-factors.ts'
import { walletRoutes } from './wallets.ts'

/** Every documented route of the gateway. */
export const routes: readonly Route[] = Object.freeze([
  ...Object.values(walletRoutes).flatMap(({ challenge, verify, link }) => [challenge, verify, link]),
  ...emailRoutes, ...earlierEmailRoutes,
  refreshSession, logout,
  readSessions, deleteSession, revokeSessions, introspectToken, revokeToken,
  readMe, updateMe, readIdentities, deleteIdentity, beginEmail, confirmEmail,
  readFactors, postStepUp, sendStepUpCode, verifyStepUpProof,
  beginSmsFactor, confirmSmsFactor,
  beginTotpFactor, confirmTotpFactor, postRecoveryCodes, updateFactor, deleteFactor, objectToNewFactor,
  ...walletFactorRoutes,
  ...passkeyRoutes,
  exportMe, beginDeletion, deleteMe,
  createApiKey, readApiKeys, rotateApiKey, deleteApiKey,
  readIdentityAudit, setRoles,
  postTransaction, readTransactions, readTransaction, postConfirmation, postChallenge, postCancellation, postSpeedUp,
  ...signatureRoutes,
  ...kmsWalletRoutes,
  getApprovals, approveTransaction, rejectTransaction,
  getPolicies, postPolicy, putPolicy, postDryRun,
  ...earlierAccountRoutes,
  ...earlierOtpRoutes,
  ...walletConnectionRoutes,
  ...probeRoutes
])

/** In the place of the sign-ups of `routes` where accounts come to be only with a proved address (SIGNUP_MODE=verified). */
export const verifiedSignUpRoutes: readonly Route[] = Object.freeze([askToSignUp, askToRegisterUser])
