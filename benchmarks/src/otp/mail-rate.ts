/** Mails that email-worker renders and hands to a mail server: they wait in the queue when it starts, and the time runs from the first that arrives to the last. */
import { performance } from 'node:perf_hooks'
import { mailFromOtp, mailSealContext, type MailContent, type MailPayload } from '@countersign/contracts'
import { createProducer, jobConnection } from '@countersign/redis'
import { createLogger, createMetrics, newId } from '@countersign/runtime'
import { keyFromText, seal } from '@countersign/secrets'
import { until } from '@countersign/testing'
import { cpuMsOf } from '../load/cpu-time.ts'
import { isQuick } from '../gateway/report.ts'
import type { OtpHouse } from './house.ts'

export interface MailRate {
  readonly perSecond: number
  /** Of email-worker, of MongoDB and Redis, of this process, which is the mail server: per mail. */
  readonly cpuMs: Readonly<Record<'worker' | 'stores' | 'load', number>>
  readonly mails: number
}

const told = { service: 'benchmarks', sha: 'dev', environment: 'benchmark' } as const
const count = isQuick ? 900 : 4_000
const hourMs = 3_600_000

/** Nobody else may take mails from the queue meanwhile. */
export async function measureMails (house: OtpHouse): Promise<MailRate> {
  const { stack, processes } = house
  const { REDIS_URL: url = '', MAIL_SEAL_KEY_OTP: key = '' } = stack.environmentFor('email-worker')
  const producer = createProducer(mailFromOtp, { connection: jobConnection(url, 'otp-service'), log: createLogger({ ...told, level: 'warn' }), metrics: createMetrics(told) })
  const payload = payloads(keyFromText(key))
  // One mail through the whole of it first: connections are made, code is compiled.
  await house.start('email-worker', { MAIL_RATE_PER_MINUTE: '1000000', MAIL_RATE_PER_RECIPIENT_PER_HOUR: '100000' })
  stack.smtp.clear()
  await producer.add(payload(0))
  await until(async () => (await stack.smtp.mails()).length === 1, { timeoutMs: 20_000, what: 'the first mail' })
  stack.smtp.clear()

  const arrived = async (): Promise<number> => (await stack.smtp.mails()).length
  const cpu = () => ({ worker: cpuMsOf(processes['email-worker'] ?? 0), stores: cpuMsOf(processes['mongod'] ?? 0) + cpuMsOf(processes['redis'] ?? 0), load: cpuMsOf(process.pid) })
  await Promise.all(Array.from({ length: count }, (_, i) => producer.add(payload(i + 1))))
  const already = await arrived()
  const [from, before] = [performance.now(), cpu()]
  // The sink keeps the last 1,000 only.
  let seen = already
  while (seen < count) {
    await until(async () => await arrived() >= Math.min(500, count - seen), { timeoutMs: 60_000, everyMs: 5, what: 'the next mails' })
    seen += await arrived()
    stack.smtp.clear()
  }
  const [seconds, after] = [(performance.now() - from) / 1_000, cpu()]
  await producer.close()
  const mails = count - already
  const each = (name: 'worker' | 'stores' | 'load'): number => (after[name] - before[name]) / mails
  return { perSecond: mails / seconds, cpuMs: { worker: each('worker'), stores: each('stores'), load: each('load') }, mails }
}

function payloads (key: Uint8Array): (index: number) => MailPayload {
  return (index) => {
    const place = { delivery_id: newId('dlv'), useful_until: new Date(Date.now() + hourMs).toISOString() }
    const content: MailContent = {
      template: 'code', to: `person-${index}@example.com`,
      parameters: { code: '493817', text: 'Send 1.5 ETH\n  to   0x000000000000000000000000000000000000dEaD', expires_at: place.useful_until }
    }
    return { ...place, request_id: newId('req'), sealed: seal({ key, plaintext: JSON.stringify(content), associated: mailSealContext(mailFromOtp.name, place) }) }
  }
}
