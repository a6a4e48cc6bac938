import { smsFromOtp, type SmsContent } from '@countersign/contracts'
import { createSealedWriter, type SealedWriter, type SealedWriterDeps } from '../mail/sealed-writer.ts'

export type SmsWriter = SealedWriter<SmsContent>

export const createSmsWriter = (deps: SealedWriterDeps): SmsWriter => createSealedWriter(smsFromOtp, deps)
