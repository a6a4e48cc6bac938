/** Makes a new factor real, first or beside others, in the transaction that ends its enrolment. */
import type { Audit, OutboxRow } from '@countersign/mongo'
import type { Asking } from '../asking.ts'
import type { Transaction } from '../transaction.ts'
import type { FactorNotices } from './factor-notices.ts'
import type { FactorRepository } from './factor-repository.ts'
import { AlreadyEnrolled, type Factor } from './factor.ts'

export interface AddFactorDeps {
  readonly factors: Pick<FactorRepository, 'listOf' | 'ownerOf' | 'enrolFirst' | 'add' | 'renewRoot'>
  readonly notices: FactorNotices
  readonly audit: Audit
  readonly newFactorRoot: () => string
}

/** What was known when the enrolment began. */
export interface Beginning {
  /** Of the factors there were, one of which proved that this may be added; null for a first factor. */
  readonly factorRoot: string | null
  /** The factor that proved it: it must still be there. Null for a first factor. */
  readonly provedBy: string | null
  readonly renewsRoot: boolean
  /** What else its audit row says. */
  readonly facts?: Readonly<Record<string, boolean>>
}

type WithoutRoot<F> = F extends Factor ? Omit<F, 'factorRoot'> : never

/** @throws AlreadyEnrolled when the factors are other ones by now: whatever proved that it may be added proves nothing beside those. */
export type AddFactor = (draft: WithoutRoot<Factor>, beginning: Beginning, asking: Asking, transaction: Transaction) => Promise<{ readonly factor: Factor, readonly rows: OutboxRow[] }>

export const createAddFactor = ({ factors, notices, audit, newFactorRoot }: AddFactorDeps): AddFactor =>
  async (draft, { factorRoot: begunUnder, provedBy, renewsRoot, facts }, { requestId }, transaction) => {
    const { id, userId, kind, provedAt: at } = draft
    const [owner, all] = [await factors.ownerOf(userId, transaction), await factors.listOf(userId, transaction)]
    const holds = (owner?.factorRoot ?? null) === begunUnder && (provedBy === null || all.some((known) => known.id === provedBy))
    if (!holds) throw new AlreadyEnrolled()
    const factor: Factor = { ...draft, factorRoot: owner === undefined || renewsRoot ? newFactorRoot() : owner.factorRoot }
    if (owner === undefined) await factors.enrolFirst(factor, transaction)
    else {
      if (renewsRoot) await factors.renewRoot(userId, owner.factorRoot, factor.factorRoot, transaction)
      await factors.add(factor, transaction)
    }
    const rows = await notices.write({ change: 'added', factor, all, at, requestId }, transaction)
    await audit.append({ event: 'factor.enrolled', subject: userId, actor: userId, requestId, facts: { factor: id, kind, ...owner !== undefined && renewsRoot && { new_root: true }, ...facts } }, transaction)
    return { factor, rows }
  }
