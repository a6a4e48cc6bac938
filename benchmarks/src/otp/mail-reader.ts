/** Takes the mails of otp-service from their queue in email-worker's place: a benchmark of codes needs the codes. */
import { mailFromOtp, mailSealContext, type MailContent } from '@countersign/contracts'
import { jobConnection, startWorker } from '@countersign/redis'
import { createLogger, createMetrics } from '@countersign/runtime'
import { keyFromText, open } from '@countersign/secrets'
import type { OtpHouse } from './house.ts'

export interface MailReader {
  /** The next code that is mailed to that address; ask before it is sent. */
  nextCode (address: string): Promise<string>
  close (): Promise<void>
}

const told = { service: 'benchmarks', sha: 'dev', environment: 'benchmark' } as const

export function readMails ({ stack }: Pick<OtpHouse, 'stack'>): MailReader {
  const { REDIS_URL: url = '', MAIL_SEAL_KEY_OTP: key = '' } = stack.environmentFor('email-worker')
  const sealKey = keyFromText(key)
  const waiting = new Map<string, (code: string) => void>()
  const worker = startWorker(mailFromOtp, {
    connection: jobConnection(url, 'email-worker'),
    concurrency: 100,
    log: createLogger({ ...told, level: 'warn' }),
    metrics: createMetrics(told),
    handle: async (payload) => {
      const { to, parameters } = JSON.parse(open({ key: sealKey, sealed: payload.sealed, associated: mailSealContext(mailFromOtp.name, payload) }).toString()) as MailContent
      if (!('code' in parameters)) return
      waiting.get(to)?.(parameters.code)
      waiting.delete(to)
    }
  })
  return {
    nextCode: (address) => new Promise((resolve) => { waiting.set(address, resolve) }),
    close: () => worker.close()
  }
}
