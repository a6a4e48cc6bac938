/**
 * What a waiting transaction needs of the factor that the user chose: a code that is sent, or what a wallet or a passkey signs. Of the same
 * challenge while that lives, else of a fresh one.
 */
import { needOf, Problem, problems, type ConfirmingFactor, type TransactionChallenge } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { OtpDoor } from '../otp/otp-door.ts'
import type { Transact } from '../unit.ts'
import type { Asking } from './asking.ts'
import type { ExpireTransaction } from './expire-transactions.ts'
import { findOwn } from './find-own.ts'
import type { CountersignedRepository } from './countersigned-repository.ts'
import type { Noun } from './record-move.ts'
import type { RequestConfirmation } from './request-confirmation.ts'
import type { AskedChallenge, Countersigned } from './transaction.ts'
import { challengeView } from './transaction-view.ts'

export interface ChallengeDeps<Row extends Countersigned> {
  readonly noun: Noun
  readonly transactions: Pick<CountersignedRepository<Row>, 'find' | 'setAsked' | 'replaceChallenge'>
  readonly expire: ExpireTransaction
  readonly requestConfirmation: RequestConfirmation<Row>
  readonly otp: Pick<OtpDoor, 'resend' | 'askWallet' | 'askPasskey'>
  readonly audit: Pick<Audit, 'append'>
  readonly transact: Transact
  readonly newChallengeId: () => string
}

export interface ChallengeGiven {
  readonly id: string
  /** Undefined: where the last code went. */
  readonly factorId: string | undefined
}

type Factor = AskedChallenge['factors'][number]

/** @throws Problem stateConflict when the transaction waits for nothing, notFound for a factor that does not confirm it; otherwise what otp-service refuses with. */
export const createChallengeTransaction = <Row extends Countersigned>(deps: ChallengeDeps<Row>) => {
  const { transactions, expire, requestConfirmation, otp } = deps

  /** @returns undefined when this challenge can give nothing of the kind. */
  const send = async (row: Row, factorId: string | undefined, asking: Asking): Promise<TransactionChallenge | undefined> => {
    const { asked } = row.confirmation
    if (asked === null) return undefined
    const reply = await unlessOver(otp.resend({ ...idsOf(row), ...factorId !== undefined && { factor_id: factorId } }, repeatable(asking)))
    if (reply === undefined) return undefined
    const sent = await transactions.setAsked(row.id, { ...row.confirmation, asked: { ...asked, sentTo: reply.sent_to, expiresAt: reply.expires_at, attemptsLeft: reply.attempts_left } })
    return sent && challengeView(sent.confirmation)
  }

  const prepare = async (row: Row, { id, kind }: Factor, asking: Asking): Promise<TransactionChallenge | undefined> => {
    const view = challengeView(row.confirmation)
    const need: ConfirmingFactor['needs'] = needOf(kind)
    if (need === 'sent_code') return await send(row, id, asking)
    const asked = need === 'signature' ? await unlessOver(otp.askWallet({ ...idsOf(row), factor_id: id }, repeatable(asking))) : await unlessOver(otp.askPasskey(idsOf(row), repeatable(asking)))
    return view && asked && { ...view, ...'sign' in asked ? { sign: asked.sign } : { options: asked.options, expires_at: asked.expires_at } }
  }

  return async ({ id, factorId }: ChallengeGiven, asking: Asking): Promise<TransactionChallenge> => {
    const own = await findOwn(transactions, id, asking.userId)
    if (own.state !== 'awaiting_confirmation' || await expire(own)) throw over()
    const choosing = { quiet: factorId !== undefined }
    const { asked, sessionId } = own.confirmation
    // Made for another session of this user: that one alone may answer it.
    const usable = sessionId === asking.sessionId
    const first = asked === null && usable ? await requestConfirmation(own, asking, choosing) : own

    if (factorId === undefined) {
      const view = !usable ? undefined : asked === null ? challengeView(first.confirmation) : await send(first, undefined, asking)
      return view ?? challengeView((await requestConfirmation(await freshChallenge(deps, first, asking), asking, choosing)).confirmation) ?? raise(over())
    }
    const factor = factorOf(first, factorId)
    // A code of an app or a list is sent nowhere: all that it needs is a question that has not ended.
    const ready = usable && factor !== undefined && needOf(factor.kind) !== 'code' ? await prepare(first, factor, asking) : undefined
    if (ready !== undefined) return ready
    const fresh = await requestConfirmation(await freshChallenge(deps, first, asking), asking, choosing)
    const chosen = factorOf(fresh, factorId)
    if (chosen === undefined) throw new Problem(problems.notFound, { detail: 'There is no such factor, or it does not confirm this transaction.' })
    return (needOf(chosen.kind) === 'code' ? challengeView(fresh.confirmation) : await prepare(fresh, chosen, asking)) ?? raise(over())
  }
}

const idsOf = ({ confirmation: { challengeId, sessionId }, initiator }: Countersigned) => ({ challenge_id: challengeId, user_id: initiator, session_id: sessionId })
/** A command of the gateway that is repeated is one here as well. */
const repeatable = ({ requestId, commandId }: Asking) => ({ requestId, commandId })
const factorOf = ({ confirmation: { asked } }: Countersigned, factorId: string): Factor | undefined => asked?.factors.find(({ id }) => id === factorId)
const over = (): Problem => new Problem(problems.stateConflict, { detail: 'The transaction does not wait for a confirmation any more.' })
function raise (problem: Problem): never { throw problem }

async function unlessOver<T> (reply: Promise<T>): Promise<T | undefined> {
  try {
    return await reply
  } catch (error) {
    if (error instanceof Problem && (error.kind === problems.stateConflict || error.kind === problems.notFound)) return undefined
    throw error
  }
}

/** The old challenge may live on in otp-service; its receipt names another challenge than the row and is refused. */
async function freshChallenge<Row extends Countersigned> ({ noun, transactions, transact, audit, newChallengeId }: ChallengeDeps<Row>, own: Row, { sessionId, userId, requestId }: Asking): Promise<Row> {
  const { challengeId: old, factorKinds } = own.confirmation
  const fresh = { challengeId: newChallengeId(), sessionId, factorKinds, asked: null }
  const replaced = await transact(async (unit) => {
    const row = await transactions.replaceChallenge(own.id, old, fresh, unit)
    if (row !== undefined) await audit.append({ event: `${noun}.challenged`, subject: own.id, walletId: own.walletId, actor: userId, requestId, facts: { challenge: fresh.challengeId, replaces: old } }, unit.session)
    return row
  })
  // A parallel request replaced it first, or the transaction moved on.
  const row = replaced ?? await transactions.find(own.id)
  if (row?.state !== 'awaiting_confirmation') throw new Problem(problems.stateConflict)
  return row
}
