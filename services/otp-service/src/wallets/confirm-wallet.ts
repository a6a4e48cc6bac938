/** Adds a wallet once it has signed that it becomes a factor. */
import { Problem, problems, type ReplyOf, type RequestOf, type confirmWallet } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { Asking } from '../asking.ts'
import type { AddFactor } from '../factors/add-factor.ts'
import type { FactorChecks } from '../factors/factor-check.ts'
import type { FactorNotices } from '../factors/factor-notices.ts'
import type { FactorRepository } from '../factors/factor-repository.ts'
import { factorView } from '../factors/factor-view.ts'
import { AlreadyEnrolled, type WalletFactor } from '../factors/factor.ts'
import type { Dispatch, Transact } from '../transaction.ts'
import type { FactorWallet } from './factor-wallet.ts'
import { questionOfEnrolment, type WalletEnrolment, type WalletEnrolmentRepository } from './wallet-enrolment.ts'
import type { WalletLimit } from './wallet-limit.ts'
import type { WalletQuestions } from './wallet-questions.ts'

export interface ConfirmWalletDeps {
  readonly factors: Pick<FactorRepository, 'find'>
  readonly enrolments: Pick<WalletEnrolmentRepository, 'find' | 'finish'>
  readonly questions: Pick<WalletQuestions, 'judge'>
  readonly limit: WalletLimit
  /** Whether a contract on that chain can be asked. */
  readonly hasNode: (chainId: number) => boolean
  readonly addFactor: AddFactor
  readonly checks: FactorChecks
  readonly notices: FactorNotices
  readonly site: string
  readonly audit: Audit
  readonly transact: Transact
  readonly dispatch: Dispatch
}

export const createConfirmWallet = (deps: ConfirmWalletDeps) => {
  const { factors, enrolments, questions, limit, hasNode, addFactor, checks, notices, site, audit, transact, dispatch } = deps

  const refuse = async (factorId: string, userId: string, reason: string, { requestId }: Asking, wallet?: FactorWallet): Promise<Problem> => {
    await audit.append({ event: 'factor.enrolment_rejected', subject: userId, actor: userId, requestId, facts: { factor: factorId, reason } })
    const nodeless = wallet?.family === 'evm' && !hasNode(Number(wallet.chainReference))
    return new Problem(problems.proofRejected, nodeless
      ? { detail: `Unauthorized: only the key of this address counts. There is no node of chain ${wallet.chainReference} to ask whether a contract wallet signed, so that none is taken there.` }
      : {})
  }

  const enrol = async (enrolment: WalletEnrolment, account: string, at: Date, asking: Asking) => await transact(async (transaction) => {
    const { id, userId, wallet, name } = enrolment
    if (!await enrolments.finish(id, transaction)) throw new AlreadyEnrolled()
    const draft: Omit<WalletFactor, 'factorRoot'> = { id, userId, kind: 'wallet', name, account, wallet, provedAt: at }
    return await addFactor(draft, enrolment, asking, transaction)
  }).catch((error: unknown) => {
    if (!(error instanceof AlreadyEnrolled)) throw error
    return undefined
  })

  /** @throws Problem proofRejected, alike for every reason but that no node could be asked; rateLimited, unavailable */
  return async ({ user_id: userId, session_id: sessionId, factor_id: id, signature, public_key: publicKey }: RequestOf<typeof confirmWallet>, asking: Asking): Promise<ReplyOf<typeof confirmWallet>> => {
    // The reply was lost: it is there, and its owner may see it.
    const there = await factors.find(userId, id)
    if (there?.kind === 'wallet') return { factor: factorView(there, checks) }

    await limit({ userId, sessionId })
    const found = await enrolments.find(id, userId, sessionId)
    if (found === undefined) throw await refuse(id, userId, 'unknown', asking)
    const { pending: enrolment, now } = found
    const verdict = await questions.judge(enrolment.wallet, questionOfEnrolment(enrolment, site), { signature, ...publicKey !== undefined && { publicKey } }, true)
    if (verdict.outcome === 'unavailable') throw new Problem(problems.unavailable, { retry_after: 1 })
    if (verdict.outcome === 'refused') throw await refuse(id, userId, verdict.reason, asking, enrolment.wallet)

    const done = await enrol(enrolment, verdict.identity.id, now, asking)
    if (done === undefined) throw await refuse(id, userId, 'late', asking)
    notices.note({ change: 'added', factor: done.factor, requestId: asking.requestId })
    await dispatch(done.rows)
    return { factor: factorView(done.factor, checks) }
  }
}
