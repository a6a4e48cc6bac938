/** Adds a passkey once a browser has made it for the challenge that it was asked with. */
import { Problem, problems, type ReplyOf, type RequestOf, type confirmPasskey } from '@countersign/contracts'
import type { Logger } from '@countersign/runtime'
import { credentialHash } from '@countersign/secrets'
import type { Asking } from '../asking.ts'
import type { AddFactor } from '../factors/add-factor.ts'
import type { FactorChecks } from '../factors/factor-check.ts'
import type { FactorNotices } from '../factors/factor-notices.ts'
import type { FactorRepository } from '../factors/factor-repository.ts'
import { factorView } from '../factors/factor-view.ts'
import { AlreadyEnrolled, isPasskey, type Factor, type PasskeyFactor } from '../factors/factor.ts'
import type { Dispatch, Transact } from '../transaction.ts'
import { mostPasskeys } from './begin-passkey.ts'
import type { PasskeyEnrolment, PasskeyEnrolmentRepository } from './passkey-enrolment.ts'
import type { NewPasskey, RelyingParty } from './relying-party.ts'

export interface ConfirmPasskeyDeps {
  readonly factors: Pick<FactorRepository, 'find' | 'listOf'>
  readonly addFactor: AddFactor
  readonly passkeyEnrolments: Pick<PasskeyEnrolmentRepository, 'find' | 'finish'>
  readonly party: Pick<RelyingParty, 'checkCreated'>
  readonly checks: FactorChecks
  readonly notices: FactorNotices
  readonly transact: Transact
  readonly dispatch: Dispatch
  readonly log: Pick<Logger, 'info'>
}

export const createConfirmPasskey = ({ factors, passkeyEnrolments, addFactor, party, checks, notices, transact, dispatch, log }: ConfirmPasskeyDeps) => {
  const enrol = async ({ id, userId, userHandle, factorRoot, provedBy }: PasskeyEnrolment, made: NewPasskey, { name, at }: { readonly name: string, readonly at: Date }, asking: Asking) => await transact(async (transaction) => {
    if (!await passkeyEnrolments.finish(id, transaction) || (await factors.listOf(userId, transaction)).filter(isPasskey).length >= mostPasskeys) throw new AlreadyEnrolled()
    const draft = { ...made, id, userId, kind: 'passkey' as const, name, userHandle, provedAt: at, lastUsedAt: null }
    const added = await addFactor(draft, { factorRoot, provedBy, renewsRoot: false, facts: { backup_eligible: made.backupEligible } }, asking, transaction)
    return { ...added, credentialId: made.credentialId }
  }).catch((error: unknown) => {
    if (!(error instanceof AlreadyEnrolled)) throw error
    return undefined
  })

  /** @throws Problem proofRejected, alike for every reason */
  return async ({ user_id: userId, session_id: sessionId, factor_id: id, credential, name = 'Passkey' }: RequestOf<typeof confirmPasskey>, asking: Asking): Promise<ReplyOf<typeof confirmPasskey>> => {
    const replyOf = (factor: Factor, credentialId: string): ReplyOf<typeof confirmPasskey> => ({ factor: factorView(factor, checks), credential_hash: credentialHash(credentialId) })
    /** The reply was lost, or the same request raced this one: it is there, and its owner may see it. */
    const there = async (): Promise<PasskeyFactor | undefined> => {
      const found = await factors.find(userId, id)
      return found?.kind === 'passkey' && found.credentialId === credential.id ? found : undefined
    }
    const before = await there()
    if (before !== undefined) return replyOf(before, before.credentialId)

    const found = await passkeyEnrolments.find(id, userId, sessionId)
    const checked = found === undefined ? { refused: 'no such enrolment' } : await party.checkCreated(credential, found.pending.challenge)
    const done = found !== undefined && 'right' in checked ? await enrol(found.pending, checked.right, { name, at: found.now }, asking) : undefined
    if (done === undefined) {
      const after = await there()
      if (after !== undefined) return replyOf(after, after.credentialId)
      log.info({ requestId: asking.requestId, userId, factorId: id, reason: 'refused' in checked ? checked.refused : 'the factors changed meanwhile, or it is another\'s' }, 'passkey not added')
      throw new Problem(problems.proofRejected)
    }
    notices.note({ change: 'added', factor: done.factor, requestId: asking.requestId })
    await dispatch(done.rows)
    return replyOf(done.factor, done.credentialId)
  }
}
