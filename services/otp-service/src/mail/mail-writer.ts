import { mailFromOtp, type MailContent } from '@countersign/contracts'
import { createSealedWriter, type SealedWriter, type SealedWriterDeps } from './sealed-writer.ts'

export type MailWriter = SealedWriter<MailContent>

export const createMailWriter = (deps: SealedWriterDeps): MailWriter => createSealedWriter(mailFromOtp, deps)
