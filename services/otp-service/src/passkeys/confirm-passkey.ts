/** Adds a passkey once a browser has made it for the challenge that it was asked with. */
import { Problem, problems, type ReplyOf, type RequestOf, type confirmPasskey } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { Logger } from '@countersign/runtime'
import { credentialHash } from '@countersign/secrets'
import type { Asking } from '../asking.ts'
import type { FactorChecks } from '../factors/factor-check.ts'
import type { FactorNotices } from '../factors/factor-notices.ts'
import type { FactorRepository } from '../factors/factor-repository.ts'
import { factorView } from '../factors/factor-view.ts'
import { AlreadyEnrolled, isPasskey, type PasskeyFactor } from '../factors/factor.ts'
import type { Dispatch, Transact } from '../transaction.ts'
import { mostPasskeys } from './begin-passkey.ts'
import type { PasskeyEnrolment, PasskeyEnrolmentRepository } from './passkey-enrolment.ts'
import type { NewPasskey, RelyingParty } from './relying-party.ts'

export interface ConfirmPasskeyDeps {
  readonly factors: Pick<FactorRepository, 'find' | 'listOf' | 'ownerOf' | 'enrolFirst' | 'add'>
  readonly passkeyEnrolments: Pick<PasskeyEnrolmentRepository, 'find' | 'finish'>
  readonly party: Pick<RelyingParty, 'checkCreated'>
  readonly checks: FactorChecks
  readonly notices: FactorNotices
  readonly audit: Audit
  readonly transact: Transact
  readonly dispatch: Dispatch
  readonly newFactorRoot: () => string
  readonly log: Pick<Logger, 'info'>
}

export const createConfirmPasskey = ({ factors, passkeyEnrolments, party, checks, notices, audit, transact, dispatch, newFactorRoot, log }: ConfirmPasskeyDeps) => {
  const enrol = async ({ id, userId, userHandle, factorRoot, provedBy }: PasskeyEnrolment, made: NewPasskey, name: string, { requestId }: Asking) => await transact(async (transaction) => {
    const at = await passkeyEnrolments.finish(id, transaction)
    const [owner, all] = [await factors.ownerOf(userId, transaction), await factors.listOf(userId, transaction)]
    // Whatever proved that it may be added proves nothing beside other factors than those.
    const holds = (owner?.factorRoot ?? null) === factorRoot && (provedBy === null || all.some((factor) => factor.id === provedBy))
    if (at === undefined || !holds || all.filter(isPasskey).length >= mostPasskeys) throw new AlreadyEnrolled()
    const factor: PasskeyFactor = { ...made, id, userId, kind: 'passkey', name, userHandle, provedAt: at, lastUsedAt: null, factorRoot: owner?.factorRoot ?? newFactorRoot() }
    await (owner === undefined ? factors.enrolFirst(factor, transaction) : factors.add(factor, transaction))
    const rows = await notices.write({ change: 'added', factor, all, at, requestId }, transaction)
    await audit.append({ event: 'factor.enrolled', subject: userId, actor: userId, requestId, facts: { factor: id, kind: 'passkey', backup_eligible: made.backupEligible } }, transaction)
    return { factor, rows }
  }).catch((error: unknown) => {
    if (!(error instanceof AlreadyEnrolled)) throw error
    return undefined
  })

  /** @throws Problem proofRejected, alike for every reason */
  return async ({ user_id: userId, session_id: sessionId, factor_id: id, credential, name = 'Passkey' }: RequestOf<typeof confirmPasskey>, asking: Asking): Promise<ReplyOf<typeof confirmPasskey>> => {
    const replyOf = (factor: PasskeyFactor): ReplyOf<typeof confirmPasskey> => ({ factor: factorView(factor, checks), credential_hash: credentialHash(factor.credentialId) })
    /** The reply was lost, or the same request raced this one: it is there, and its owner may see it. */
    const there = async (): Promise<PasskeyFactor | undefined> => {
      const found = await factors.find(userId, id)
      return found?.kind === 'passkey' && found.credentialId === credential.id ? found : undefined
    }
    const before = await there()
    if (before !== undefined) return replyOf(before)

    const enrolment = await passkeyEnrolments.find(id, userId, sessionId)
    const checked = enrolment === undefined ? { refused: 'no such enrolment' } : await party.checkCreated(credential, enrolment.challenge)
    const done = enrolment !== undefined && 'right' in checked ? await enrol(enrolment, checked.right, name, asking) : undefined
    if (done === undefined) {
      const after = await there()
      if (after !== undefined) return replyOf(after)
      log.info({ requestId: asking.requestId, userId, factorId: id, reason: 'refused' in checked ? checked.refused : 'the factors changed meanwhile, or it is another\'s' }, 'passkey not added')
      throw new Problem(problems.proofRejected)
    }
    notices.note({ change: 'added', factor: done.factor, requestId: asking.requestId })
    await dispatch(done.rows)
    return replyOf(done.factor)
  }
}
