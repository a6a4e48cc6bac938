/** Signs in with a passkey through otp-service: whose it is was noted here when it was added, and that it signed is said by a receipt. */
import { beginPasskeySignIn, passkeySignInPreimage, Problem, problems, verifyPasskeySignIn, type ReceiptClaims, type ReplyOf } from '@countersign/contracts'
import type { CommandClient } from '@countersign/redis'
import { actionDigest, credentialHash, keyedHash, ReceiptRefused } from '@countersign/secrets'
import type { ClientSession } from 'mongodb'
import type { UsedReceipts } from '../email-sign-in/used-receipts.ts'
import type { SignInReport } from '../sign-in/report-sign-in.ts'
import type { SignedIn } from '../sign-in/sign-in-with-wallet.ts'
import { passkeyIdentityId } from '../users/identity.ts'
import type { UserRepository } from '../users/user-repository.ts'
import type { User } from '../users/user.ts'
import type { AssertedCredential } from './answer-with-passkey.ts'

export interface PasskeySignInDeps {
  readonly commands: Pick<CommandClient, 'call'>
  /** 32 bytes for this purpose alone. */
  readonly commandKey: Uint8Array
  readonly verifyReceipt: (jws: string) => Promise<ReceiptClaims>
  readonly users: Pick<UserRepository, 'findByIdentity'>
  readonly usedReceipts: Pick<UsedReceipts, 'use'>
  readonly inTransaction: <T>(work: (transaction: ClientSession) => Promise<T>) => Promise<T>
  readonly report: SignInReport
}

export interface PasskeySignIn {
  readonly challengeId: string
  readonly credential: AssertedCredential
  readonly requestId: string
}

/** @throws Problem unavailable */
export type AskForPasskey = (requestId: string) => Promise<ReplyOf<typeof beginPasskeySignIn>>

export const createAskForPasskey = ({ commands }: Pick<PasskeySignInDeps, 'commands'>): AskForPasskey =>
  async (requestId) => await commands.call(beginPasskeySignIn, {}, { requestId })

/** @throws Problem proofRejected, alike for every reason; unavailable */
export type SignInWithPasskey = (request: PasskeySignIn) => Promise<SignedIn>

export const createSignInWithPasskey = ({ commands, commandKey, verifyReceipt, users, usedReceipts, inTransaction, report }: PasskeySignInDeps): SignInWithPasskey => {
  return async (request) => {
    const hash = credentialHash(request.credential.id)
    const identityId = passkeyIdentityId(hash)
    // Read before the proof is looked at: what ends the sessions of this account meanwhile ends this sign-in as well.
    const holder = await users.findByIdentity(identityId)
    try {
      const { jti } = await prove(request, holder, hash)
      if (!await inTransaction((transaction) => usedReceipts.use(jti, transaction))) throw new Problem(problems.proofRejected)
    } catch (error) {
      if (error instanceof Problem && error.kind === problems.proofRejected) {
        await report.refused({ method: 'passkey', reason: holder === undefined ? 'no such login' : 'passkey', requestId: request.requestId, ...holder !== undefined && { subject: holder.id } })
      }
      throw error
    }
    const identity = holder?.identities.find(({ id }) => id === identityId)
    if (holder === undefined || identity === undefined) throw new Problem(problems.proofRejected)
    report.succeeded('passkey')
    return { user: holder, identity }
  }

  /** Asked for nobody's passkey too: the challenge is used up, and the answer takes as long. */
  async function prove ({ challengeId, credential, requestId }: PasskeySignIn, holder: User | undefined, hash: string): Promise<ReceiptClaims> {
    const { receipt } = await commands.call(verifyPasskeySignIn, { challenge_id: challengeId, credential }, {
      requestId,
      // The same answer sent again, because the reply was lost, is the same command: its receipt is read.
      commandId: `cmd_${keyedHash(commandKey, challengeId, credential.id, credential.response.signature).toString('base64url')}`
    })
    const claims = await verifyReceipt(receipt).catch(unlessRefused)
    const ours = holder !== undefined && claims?.aud === 'auth-gateway' && claims.purpose === 'passkey_sign_in' && claims.factor_kind === 'passkey' && claims.challenge_id === challengeId &&
      claims.sub === holder.id && claims.action_digest === actionDigest(passkeySignInPreimage(challengeId, holder.id, hash))
    if (!ours) throw new Problem(problems.proofRejected)
    return claims
  }
}

function unlessRefused (error: unknown): undefined {
  if (!(error instanceof ReceiptRefused)) throw error
}
