/** Whose passkey signed a sign-in challenge. The challenge is used up before anything is looked at, and an unknown passkey costs the same work as a wrong signature. */
import { passkeySignInPreimage, Problem, problems, type ReceiptClaims, type ReplyOf, type RequestOf, type verifyPasskeySignIn } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import { actionDigest, credentialHash } from '@countersign/secrets'
import type { Asking } from '../asking.ts'
import type { ChallengeEvents, RejectionClass } from '../challenges/challenge-events.ts'
import type { FactorRepository } from '../factors/factor-repository.ts'
import type { PasskeyFactor } from '../factors/factor.ts'
import { receiptClaims } from '../receipts/receipt-claims.ts'
import type { ReceiptRepository } from '../receipts/receipt-repository.ts'
import type { Transact } from '../transaction.ts'
import { nobodysPasskey } from './nobodys-passkey.ts'
import { passkeyCheck } from './passkey-check.ts'
import type { PasskeySignIns } from './passkey-sign-ins.ts'
import { CounterWentBack, PasskeyGone, type RecordUse, type ReportCounter } from './passkey-uses.ts'
import type { PasskeyUse, RelyingParty } from './relying-party.ts'

const purpose = 'passkey_sign_in'

export interface VerifyPasskeySignInDeps {
  readonly factors: Pick<FactorRepository, 'findPasskey'>
  readonly passkeySignIns: Pick<PasskeySignIns, 'consume' | 'wasConsumedBy'>
  readonly receipts: Pick<ReceiptRepository, 'insert' | 'ofChallenge'>
  readonly party: Pick<RelyingParty, 'checkAsserted'>
  readonly recordUse: RecordUse
  readonly reportCounter: ReportCounter
  readonly sign: (claims: ReceiptClaims) => Promise<string>
  readonly audit: Audit
  readonly events: Pick<ChallengeEvents, 'rejected'>
  readonly transact: Transact
  readonly newReceiptId: () => string
}

export const createVerifyPasskeySignIn = ({ factors, passkeySignIns, receipts, party, recordUse, reportCounter, sign, audit, events, transact, newReceiptId }: VerifyPasskeySignInDeps) => {
  /** @throws Problem proofRejected, alike for every reason */
  return async ({ challenge_id: challengeId, credential }: RequestOf<typeof verifyPasskeySignIn>, { caller, commandId, requestId }: Asking): Promise<ReplyOf<typeof verifyPasskeySignIn>> => {
    const refuse = (reason: RejectionClass, userId: string | null, detail?: string): Problem => {
      events.rejected(purpose, reason, { challengeId, userId, requestId, ...detail !== undefined && { detail } })
      return new Problem(problems.proofRejected)
    }
    const issued = await passkeySignIns.consume(challengeId, caller, commandId)
    if (issued === undefined && await passkeySignIns.wasConsumedBy(challengeId, caller, commandId)) {
      // The reply to this very command was lost. Its id is made from the answer.
      const given = await receipts.ofChallenge(challengeId)
      if (given !== undefined) return { receipt: given.receipt }
    }

    const known = await factors.findPasskey(credential.id)
    const checked = await party.checkAsserted(credential, known ?? nobodysPasskey, issued === undefined ? [] : [issued.challenge])
    // Who is signed in is said by the authenticator (§7.2 step 6): it must be the one that this passkey was made for.
    const passkey = known?.userHandle === credential.response.userHandle ? known : undefined
    if (issued === undefined || passkey === undefined || 'refused' in checked) {
      throw refuse(issued === undefined ? 'unknown' : 'wrong', known?.userId ?? null, 'refused' in checked ? checked.refused : undefined)
    }

    const claims = claimsOf(passkey, challengeId, { receiptId: newReceiptId(), at: issued.at })
    const receipt = await sign(claims)
    const done = await transact(async (transaction) => {
      await recordUse(passkey.id, checked.right, transaction)
      await receipts.insert(claims, receipt, transaction)
      await audit.append({ event: 'passkey.signed_in', subject: passkey.userId, actor: passkey.userId, requestId, facts: { factor: passkey.id, challenge: challengeId, receipt: claims.jti } }, transaction)
      return true
    }).catch(unlessRefused(passkey, checked.right, { challengeId, requestId }))
    if (!done) throw refuse('late', passkey.userId)
    return { receipt }
  }

  function unlessRefused (passkey: PasskeyFactor, { counter: told }: PasskeyUse, given: { readonly challengeId: string, readonly requestId: string }) {
    return async (error: unknown): Promise<false> => {
      if (error instanceof CounterWentBack) await reportCounter({ passkey, kept: error.kept, told, ...given })
      else if (!(error instanceof PasskeyGone)) throw error
      return false
    }
  }
}

const claimsOf = (passkey: PasskeyFactor, challengeId: string, { receiptId, at }: { readonly receiptId: string, readonly at: Date }): ReceiptClaims => receiptClaims({
  id: challengeId,
  aud: 'auth-gateway',
  purpose,
  userId: passkey.userId,
  actionDigest: actionDigest(passkeySignInPreimage(challengeId, passkey.userId, credentialHash(passkey.credentialId))),
  text: ''
}, { receiptId, factor: passkey, shown: passkeyCheck.shown, answeredAt: at })
