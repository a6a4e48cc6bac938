import type { MailContent } from '@countersign/contracts'
import type { OutboxRow } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'
import type { UserRepository } from '../users/user-repository.ts'
import type { AlsoOnClose, Closing } from './close-session.ts'

export interface ReportReuseDeps {
  readonly users: Pick<UserRepository, 'find'>
  readonly close: (closing: Closing, also: AlsoOnClose) => Promise<boolean>
  readonly writeMail: (mail: MailContent, requestId: string, transaction: ClientSession) => Promise<OutboxRow>
  readonly dispatch: (row: OutboxRow) => Promise<void>
  readonly now: () => Date
}

/**
 * A refresh token came back that was used before: the session ends, with its audit row and the mail to its user in one transaction.
 * It is the one sign of theft that the house has, so it must neither be lost nor be told twice.
 */
export const createReportReuse = ({ users, close, writeMail, dispatch, now }: ReportReuseDeps) =>
  async (sessionId: string, userId: string, requestId: string): Promise<void> => {
    const user = await users.find(userId)
    let row: OutboxRow | undefined
    const closedNow = await close({ sessionId, reason: 'refresh_token_reused', requestId }, async (transaction) => {
      if (user === undefined || user.email === null) return
      row = await writeMail({ template: 'session_closed', to: user.email, parameters: { at: now().toISOString() } }, requestId, transaction)
    })
    if (closedNow && row !== undefined) await dispatch(row)
  }
