import type { Job } from '../job.ts'
import { accountDeletedOtp, accountDeletedSigner, accountDeleteOtp, accountDeleteSigner } from './accounts.ts'
import { mailFromGateway, mailFromOtp, mailFromSigner } from './mail.ts'
import { receiptForSigner } from './receipts.ts'
import { smsFromOtp } from './sms.ts'

/** Every job there is: Redis users, docs/messages.md and the tests are made from this list. */
export const jobs = Object.freeze([mailFromOtp, mailFromGateway, mailFromSigner, smsFromOtp, receiptForSigner, accountDeleteOtp, accountDeleteSigner, accountDeletedOtp, accountDeletedSigner]) as unknown as readonly Job[]
