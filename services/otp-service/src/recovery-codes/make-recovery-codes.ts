/** Makes recovery codes in place of those from before. They open the same doors as the factors they stand beside, so that one of those must prove it. */
import { Problem, problems, type ReplyOf, type RequestOf, type makeRecoveryCodes } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { Asking } from '../asking.ts'
import type { FactorChecks } from '../factors/factor-check.ts'
import type { FactorNotices } from '../factors/factor-notices.ts'
import type { FactorRepository } from '../factors/factor-repository.ts'
import { factorView } from '../factors/factor-view.ts'
import { AlreadyEnrolled, type Factor, type RecoveryCodesFactor } from '../factors/factor.ts'
import type { UseStepUp, WantedStepUp } from '../step-ups/use-step-up.ts'
import type { Dispatch, Transact } from '../transaction.ts'
import type { RecoveryCodes } from './recovery-codes.ts'

export interface MakeRecoveryCodesDeps {
  readonly factors: Pick<FactorRepository, 'ownerOf' | 'listOf' | 'add' | 'replace'>
  readonly codes: Pick<RecoveryCodes, 'draw'>
  readonly stepUps: UseStepUp
  readonly checks: FactorChecks
  readonly notices: FactorNotices
  readonly audit: Audit
  readonly transact: Transact
  readonly dispatch: Dispatch
  readonly newFactorId: () => string
}

export const createMakeRecoveryCodes = (deps: MakeRecoveryCodesDeps) => {
  const { factors, codes, stepUps, checks, notices, audit, transact, dispatch, newFactorId } = deps

  const store = async (wanted: WantedStepUp, draft: Omit<RecoveryCodesFactor, 'factorRoot' | 'provedAt'>, asking: Asking) => await transact(async (transaction) => {
    const { userId, stepUpId } = wanted
    const { requestId } = asking
    const owner = await factors.ownerOf(userId, transaction)
    if (owner === undefined) throw new AlreadyEnrolled()
    const { factor: proof, at } = await stepUps.use(wanted, asking, transaction)
    const all = await factors.listOf(userId, transaction)
    refuseSelfRenewal(proof, all)
    const factor: RecoveryCodesFactor = { ...draft, factorRoot: owner.factorRoot, provedAt: at }
    const old = all.find(({ kind }) => kind === 'recovery_codes')
    await (old === undefined ? factors.add(factor, transaction) : factors.replace(old.id, factor, transaction))
    const rows = await notices.write({ change: 'added', factor, all, at, requestId }, transaction)
    await audit.append({
      event: 'factor.enrolled', subject: userId, actor: userId, requestId, facts: { factor: factor.id, kind: factor.kind, replaces: old?.id ?? null, step_up: stepUpId ?? null, proved_by: proof.id }
    }, transaction)
    return { factor, rows }
  }).catch((error: unknown) => {
    throw error instanceof AlreadyEnrolled ? new Problem(problems.stateConflict) : error
  })

  /** @throws Problem factorRequired without another factor, stepUpRequired, stateConflict when the proof was a recovery code and need not have been */
  return async ({ user_id: userId, session_id: sessionId, step_up: stepUpId }: RequestOf<typeof makeRecoveryCodes>, asking: Asking): Promise<ReplyOf<typeof makeRecoveryCodes>> => {
    if (await factors.ownerOf(userId) === undefined) throw new Problem(problems.factorRequired, { detail: 'Recovery codes stand beside another factor: add one first.' })
    const wanted: WantedStepUp = { userId, sessionId, stepUpId, action: { type: 'factors.make_recovery_codes', resource_id: '-' } }
    // Ten slow hashes are made for nobody's mere asking.
    refuseSelfRenewal(await stepUps.check(wanted, asking), await factors.listOf(userId))
    const { codes: shown, salt, hashes } = await codes.draw()
    const { factor, rows } = await store(wanted, { id: newFactorId(), userId, kind: 'recovery_codes', name: 'Recovery codes', salt, hashes }, asking)
    notices.note({ change: 'added', factor, requestId: asking.requestId })
    await dispatch(rows)
    return { factor: factorView(factor, checks), codes: shown }
  }
}

/** One code that somebody found would make ten. */
function refuseSelfRenewal (proof: Pick<Factor, 'kind'>, all: readonly Pick<Factor, 'kind'>[]): void {
  if (proof.kind === 'recovery_codes' && all.some(({ kind }) => kind !== 'recovery_codes')) {
    throw new Problem(problems.stateConflict, { detail: 'Recovery codes do not renew themselves beside another factor: prove it with that one, or remove it first if it is lost.' })
  }
}
