/** Makes the new factor real, in one transaction: both challenges consumed, the factor in place, the old mailbox told. */
import type { Audit, OutboxRow } from '@countersign/mongo'
import type { Asking } from '../asking.ts'
import type { RightAnswer } from '../challenges/answer-challenge.ts'
import type { ChallengeRepository } from '../challenges/challenge-repository.ts'
import type { ConsumeChallenge, SignedReceipt } from '../challenges/consume-challenge.ts'
import type { MailWriter } from '../mail/mail-writer.ts'
import type { Transaction } from '../transaction.ts'
import { AlreadyEnrolled, maskAddress, type EmailFactor } from './factor.ts'
import type { FactorRepository } from './factor-repository.ts'

export interface Proof { readonly right: RightAnswer, readonly signed: SignedReceipt }

export interface Change {
  readonly factor: EmailFactor
  /** The factor that goes; undefined for a first enrolment. */
  readonly replaces: EmailFactor | undefined
  /** The root of factors without an address that are there. They take the root of this factor, where it is another one. */
  readonly besides: string | undefined
  /** One of those: what was taken away meanwhile proved nothing. */
  readonly provedBy: string | undefined
  readonly proofs: readonly Proof[]
  /** Of the new address's challenge. */
  readonly receipt: string
}

export interface ApplyDeps {
  readonly factors: Pick<FactorRepository, 'find' | 'enrolFirst' | 'add' | 'renewRoot' | 'replace'>
  readonly challenges: Pick<ChallengeRepository, 'cancelOfFactor'>
  readonly consume: ConsumeChallenge
  readonly mails: MailWriter
  readonly audit: Audit
}

/**
 * @returns the rows to dispatch after the commit.
 * @throws AlreadyEnrolled when somebody was faster.
 */
export type ApplyEnrolment = (change: Change, asking: Asking, transaction: Transaction) => Promise<OutboxRow[]>

/** A notice of a changed factor is worth delivering late, as long as somebody may still act on it. */
const noticeUsefulMs = 86_400_000

export function createApplyEnrolment ({ factors, challenges, consume, mails, audit }: ApplyDeps): ApplyEnrolment {
  const replace = async (old: EmailFactor, factor: EmailFactor, { requestId }: Asking, transaction: Transaction): Promise<OutboxRow> => {
    await factors.replace(old.id, factor, transaction)
    // Codes on their way to the old mailbox answer nothing any more.
    await challenges.cancelOfFactor(factor.userId, old.id, transaction)
    const at = factor.provedAt
    return await mails.write(
      { template: 'factor_changed', to: old.address, parameters: { masked: maskAddress(factor.address), at: at.toISOString() } },
      { usefulUntil: new Date(at.getTime() + noticeUsefulMs), requestId },
      transaction
    )
  }

  return async ({ factor, replaces, besides, provedBy, proofs }, asking, transaction) => {
    if (provedBy !== undefined && await factors.find(factor.userId, provedBy, transaction) === undefined) throw new AlreadyEnrolled()
    const rows: OutboxRow[] = []
    for (const { right, signed } of proofs) {
      const consumed = await consume(right, signed, asking, transaction)
      if (consumed === undefined) throw new AlreadyEnrolled()
      rows.push(...consumed)
    }
    if (replaces !== undefined) rows.push(await replace(replaces, factor, asking, transaction))
    else if (besides === undefined) await factors.enrolFirst(factor, transaction)
    else {
      if (besides !== factor.factorRoot) await factors.renewRoot(factor.userId, besides, factor.factorRoot, transaction)
      await factors.add(factor, transaction)
    }

    await audit.append({
      event: replaces === undefined ? 'factor.enrolled' : 'factor.replaced',
      subject: factor.userId,
      actor: factor.userId,
      requestId: asking.requestId,
      facts: { factor: factor.id, replaces: replaces?.id ?? null, challenges: proofs.map(({ right }) => right.challenge.id) }
    }, transaction)
    return rows
  }
}
