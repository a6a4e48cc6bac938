/** After a password change, an unlinked address, a closed account: what was mailed before answers nothing any more (lesson 44). */
import type { ReplyOf, RequestOf, cancelMailbox } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { Asking } from '../asking.ts'
import { normaliseAddress } from '../factors/factor.ts'
import type { Transact } from '../transaction.ts'
import type { MailboxRepository } from './mailbox-repository.ts'

export interface CancelMailboxDeps {
  readonly mailboxes: Pick<MailboxRepository, 'cancel'>
  readonly audit: Audit
  readonly transact: Transact
}

export const createCancelMailbox = ({ mailboxes, audit, transact }: CancelMailboxDeps) =>
  async ({ user_id: userId, email }: RequestOf<typeof cancelMailbox>, { requestId, caller }: Asking): Promise<ReplyOf<typeof cancelMailbox>> => {
    const cancelled = await transact(async (transaction) => {
      const count = await mailboxes.cancel({ userId, addressNormalised: email && normaliseAddress(email) }, transaction)
      await audit.append({ event: 'mailbox.cancelled', subject: userId ?? 'address', requestId, facts: { count, aud: caller } }, transaction)
      return count
    })
    return { cancelled }
  }
