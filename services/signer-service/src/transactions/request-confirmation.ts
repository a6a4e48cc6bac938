/** Makes sure that otp-service was asked about a waiting transaction. Safe to repeat: the challenge id is chosen and stored first. */
import { Problem, problems, type OpenChallenge } from '@countersign/contracts'
import type { OtpDoor } from '../otp/otp-door.ts'
import { evmAccounts } from '../principals/learn-accounts.ts'
import type { PrincipalRepository } from '../principals/principal-repository.ts'
import type { Asking } from './asking.ts'
import type { CountersignedRepository } from './countersigned-repository.ts'
import type { AskedChallenge, Countersigned, Transaction } from './transaction.ts'

export interface RequestConfirmationDeps<Row extends Countersigned> {
  readonly transactions: Pick<CountersignedRepository<Row>, 'setAsked' | 'find'>
  readonly principals: Pick<PrincipalRepository, 'find' | 'learnAccounts'>
  readonly otp: Pick<OtpDoor, 'create'>
}

/** @param choosing `quiet`: no code is sent yet, since the user chose a factor */
export type RequestConfirmation<Row extends Countersigned = Transaction> = (transaction: Row, asking: Pick<Asking, 'requestId'>, choosing?: { readonly quiet: boolean }) => Promise<Row>

/**
 * @returns the row with its challenge; the same row when it waits for nothing or was asked before.
 * @throws Problem what otp-service refuses with (factorRequired, factorLocked, sendLimited, …), or unavailable.
 */
export const createRequestConfirmation = <Row extends Countersigned>({ transactions, principals, otp }: RequestConfirmationDeps<Row>): RequestConfirmation<Row> =>
  async (transaction, { requestId }, { quiet } = { quiet: false }) => {
    const { confirmation } = transaction
    const needless = transaction.requirements !== null && !transaction.missing.includes('proof')
    if (transaction.state !== 'awaiting_confirmation' || confirmation.asked !== null || needless) return transaction
    // An API key answers nothing: its owner asks for a challenge in a session.
    if (!isSession(confirmation.sessionId)) return transaction
    const principal = await principals.find(transaction.initiator)
    if (principal === undefined || principal.factorRoot === null) throw new Problem(problems.notPermitted)
    const reply = await otp.create({
      challenge_id: confirmation.challengeId,
      purpose: 'transaction',
      user_id: transaction.initiator,
      session_id: confirmation.sessionId,
      factor_root: principal.factorRoot,
      action_digest: transaction.digest,
      text: transaction.text,
      ...transaction.shortText !== null && { short_text: transaction.shortText },
      factor_kinds: [...confirmation.factorKinds],
      quiet,
      action_ends_at: transaction.validUntil.toISOString()
    }, { requestId })
    await principals.learnAccounts(principal.id, evmAccounts(reply.factors.flatMap(({ wallet }) => wallet?.address ?? [])))
    return await transactions.setAsked(transaction.id, { ...confirmation, asked: toAsked(reply) }) ?? await transactions.find(transaction.id) ?? transaction
  }

const toAsked = ({ sent_to: sentTo, expires_at: expiresAt, attempts_left: attemptsLeft, factors }: OpenChallenge): AskedChallenge =>
  ({ sentTo: sentTo ?? null, expiresAt, attemptsLeft, factors })

export const isUnavailable = (error: unknown): boolean => error instanceof Problem && (error.kind === problems.unavailable || error.kind === problems.internal)

const isSession = (handle: string): boolean => handle.startsWith('ses_')
