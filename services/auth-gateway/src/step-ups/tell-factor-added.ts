/**
 * Tells of a factor that otp-service could tell nobody of: it knows no address of an account's first one. The address is where notices to the
 * account have gone so far, so that whoever adds a factor from a stolen session is seen (lesson 22).
 */
import { factorKindNames, maskAddress, type FactorKind, type MailContent } from '@countersign/contracts'
import { isDuplicateKey, type OutboxRow } from '@countersign/mongo'
import type { Logger } from '@countersign/runtime'
import type { ClientSession } from 'mongodb'

export interface TellFactorAddedDeps {
  readonly writeMail: (mail: MailContent, requestId: string, transaction: ClientSession, deliveryId?: string) => Promise<OutboxRow>
  readonly dispatch: (row: OutboxRow) => Promise<void>
  readonly inTransaction: <T>(work: (transaction: ClientSession) => Promise<T>) => Promise<T>
  readonly now: () => Date
  readonly log: Pick<Logger, 'error'>
}

export interface AddedFactor {
  readonly kind: FactorKind
  /** Told of once, however often it is confirmed. */
  readonly id?: string
  /** Of an address that codes go to. */
  readonly address?: string
}

/** Never throws: the factor is there, and its owner learns that in any case. */
export type TellFactorAdded = (factor: AddedFactor, to: string, requestId: string) => Promise<void>

export const createTellFactorAdded = ({ writeMail, dispatch, inTransaction, now, log }: TellFactorAddedDeps): TellFactorAdded =>
  async ({ kind, id, address }, to, requestId) => {
    const factor = address === undefined ? factorKindNames[kind] : `${factorKindNames[kind]}: ${maskAddress(address)}`
    try {
      await dispatch(await inTransaction((transaction) => writeMail({ template: 'first_factor_added', to, parameters: { factor, at: now().toISOString() } }, requestId, transaction, id === undefined ? undefined : `dlv_${id.slice('fct_'.length)}`)))
    } catch (error) {
      if (isDuplicateKey(error)) return
      log.error({ err: error, requestId }, 'nobody was told of an added factor')
    }
  }
