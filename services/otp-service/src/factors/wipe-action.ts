/** What the code for a deletion confirms: the text that the mail shows, and the digest that the receipt carries. */
import { wipeActionPreimage } from '@countersign/contracts'
import { actionDigest } from '@countersign/secrets'
import type { Action } from './enrolment.ts'

export const wipePurpose = 'account_delete'

export const wipeAction = (userId: string): Action => ({
  digest: actionDigest(wipeActionPreimage(userId)),
  text: [
    `Delete the account ${userId}, for good.`,
    '',
    'Nobody can sign in to it any more, and this address is removed from it. Transactions that wait for a confirmation are cancelled.',
    'If you did not ask for it, do not give this code to anybody: somebody else is signed in to your account.'
  ].join('\n')
})
