/** Notices to a user of what changed about their account, in the transaction of the change. */
import type { MailContent } from '@countersign/contracts'
import type { OutboxRow } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'
import type { LinkedIdentity } from '../users/identity.ts'
import { methodNames, shownLogin } from '../users/login-names.ts'

export type Notice =
  | { readonly template: 'password_changed' }
  | { readonly template: 'identity_linked' | 'identity_unlinked', readonly login: Pick<LinkedIdentity, 'kind' | 'address'> }
  | { readonly template: 'api_key_created', readonly name: string, readonly last4: string }

/**
 * @param to the user's proved address: one that was never proved may be anybody's. Null: nobody is told.
 * @returns what to do after the commit.
 */
export type TellUser = (to: string | null, notice: Notice, requestId: string, transaction: ClientSession) => Promise<() => Promise<void>>

export interface TellUserDeps {
  readonly writeMail: (mail: MailContent, requestId: string, transaction: ClientSession) => Promise<OutboxRow>
  readonly dispatch: (row: OutboxRow) => Promise<void>
  readonly now: () => Date
}

export const createTellUser = ({ writeMail, dispatch, now }: TellUserDeps): TellUser => async (to, notice, requestId, transaction) => {
  if (to === null) return untold
  const row = await writeMail(mailOf(notice, to, now().toISOString()), requestId, transaction)
  return () => dispatch(row)
}

/** What there is to do before anything was told. */
export const untold = (): Promise<void> => Promise.resolve()

function mailOf (notice: Notice, to: string, at: string): MailContent {
  if (notice.template === 'password_changed') return { template: notice.template, to, parameters: { at } }
  if (notice.template === 'api_key_created') return { template: notice.template, to, parameters: { name: notice.name, last4: notice.last4, at } }
  return { template: notice.template, to, parameters: { kind: methodNames[notice.login.kind], masked: shownLogin(notice.login), at } }
}
