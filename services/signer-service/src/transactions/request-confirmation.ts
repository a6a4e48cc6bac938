/** Makes sure that otp-service was asked about a waiting transaction. Safe to repeat: the challenge id is chosen and stored first. */
import { Problem, problems, type OpenChallenge } from '@countersign/contracts'
import type { OtpDoor } from '../otp/otp-door.ts'
import { evmAccounts } from '../principals/learn-accounts.ts'
import type { Principal } from '../principals/principal.ts'
import type { PrincipalRepository } from '../principals/principal-repository.ts'
import type { Asking } from './asking.ts'
import type { CountersignedRepository } from './countersigned-repository.ts'
import type { AskedChallenge, Confirmation, Countersigned, Transaction } from './transaction.ts'

export interface AskConfirmationDeps {
  readonly principals: Pick<PrincipalRepository, 'find' | 'learnAccounts'>
  readonly otp: Pick<OtpDoor, 'create'>
}

export interface RequestConfirmationDeps<Row extends Countersigned> {
  readonly transactions: Pick<CountersignedRepository<Row>, 'setAsked' | 'find'>
  readonly ask: AskConfirmation<Row>
}

export type AskConfirmation<Row extends Countersigned = Transaction> = ReturnType<typeof createAskConfirmation<Row>>

/** `quiet`: no code is sent yet, since the user chose a factor. `principal`: the initiator's, where it was read just now. */
export interface Choosing { readonly quiet?: boolean, readonly principal?: Principal }

export type RequestConfirmation<Row extends Countersigned = Transaction> = (transaction: Row, asking: Pick<Asking, 'requestId'>, choosing?: Choosing) => Promise<Row>

/**
 * @returns the challenge as otp-service took it, for the caller to keep; undefined when the row waits for nothing or was asked before.
 * @throws Problem what otp-service refuses with (factorRequired, factorLocked, sendLimited, …), or unavailable.
 */
export const createAskConfirmation = <Row extends Countersigned>({ principals, otp }: AskConfirmationDeps) =>
  async (transaction: Row, { requestId }: Pick<Asking, 'requestId'>, { quiet = false, principal: known }: Choosing = {}): Promise<Confirmation | undefined> => {
    const { confirmation } = transaction
    const needless = transaction.requirements !== null && !transaction.missing.includes('proof')
    if (transaction.state !== 'awaiting_confirmation' || confirmation.asked !== null || needless) return undefined
    // An API key answers nothing: its owner asks for a challenge in a session.
    if (!isSession(confirmation.sessionId)) return undefined
    const principal = known ?? await principals.find(transaction.initiator)
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
    return { ...confirmation, asked: toAsked(reply) }
  }

/** @returns the row with its challenge; the same row when there was nothing to ask. @throws as asking does. */
export const createRequestConfirmation = <Row extends Countersigned>({ transactions, ask }: RequestConfirmationDeps<Row>): RequestConfirmation<Row> => async (transaction, given, choosing) => {
  const asked = await ask(transaction, given, choosing)
  if (asked === undefined) return transaction
  return await transactions.setAsked(transaction.id, asked) ?? await transactions.find(transaction.id) ?? transaction
}

const toAsked = ({ sent_to: sentTo, expires_at: expiresAt, attempts_left: attemptsLeft, factors }: OpenChallenge): AskedChallenge =>
  ({ sentTo: sentTo ?? null, expiresAt, attemptsLeft, factors })

export const isUnavailable = (error: unknown): boolean => error instanceof Problem && (error.kind === problems.unavailable || error.kind === problems.internal)

const isSession = (handle: string): boolean => handle.startsWith('ses_')
