/** The only file that knows everything: connects, picks, and hands each part its own. */
import { mailFromGateway, mailFromOtp, mailFromSigner } from '@countersign/contracts'
import { connectMongo, createAudit, createLeases } from '@countersign/mongo'
import { connectRedis, createLimiter } from '@countersign/redis'
import { clockFrom, retryWithin, type Lifecycle, type Logger, type Metrics } from '@countersign/runtime'
import type { Config } from './config.ts'
import { createAddressHash } from './deliveries/address-hash.ts'
import { createDeliverMail } from './deliveries/deliver-mail.ts'
import { createDeliveryEvents } from './deliveries/delivery-events.ts'
import { createDeliveryRepository } from './deliveries/delivery-repository.ts'
import { createMailRate } from './deliveries/mail-rate.ts'
import { createOpenMail } from './deliveries/open-mail.ts'
import { createSuppressionRepository } from './deliveries/suppression-repository.ts'
import { createSmtpSender } from './smtp/smtp-sender.ts'
import { readTemplateFolder } from './templates/read-template-folder.ts'
import { createRenderMail } from './templates/render-mail.ts'

export type Parts = Awaited<ReturnType<typeof compose>>

export interface ComposeOptions {
  readonly config: Config
  readonly log: Logger
  readonly metrics: Metrics
  readonly lifecycle: Lifecycle
}

export const mailJobs = [mailFromOtp, mailFromGateway, mailFromSigner]

/** @throws when MongoDB, Redis or the mail server is not there within START_TIMEOUT_SECONDS. */
export async function compose ({ config, log, metrics, lifecycle }: ComposeOptions) {
  const clock = clockFrom(config.process.clockOffsetMs)
  const waiting = { seconds: config.process.startSeconds, log, signal: lifecycle.signal }

  const mongo = await retryWithin({ label: 'MongoDB', ...waiting }, () =>
    connectMongo({ ...config.mongo, log, metrics, name: 'email-worker' }))
  lifecycle.onStop('MongoDB', () => mongo.close())
  const redis = await retryWithin({ label: 'Redis', ...waiting }, () => connectRedis({ url: config.redisUrl, name: 'email-worker', log }))
  lifecycle.onStop('Redis', () => { redis.disconnect() })
  const smtp = createSmtpSender({ ...config.smtp, maxConnections: config.concurrency * mailJobs.length, now: clock.now })
  lifecycle.onStop('mail server', () => { smtp.close() })
  await retryWithin({ label: 'the mail server (SMTP_HOST, SMTP_PORT)', ...waiting }, () => smtp.verify())

  const hashOf = createAddressHash(config.secretKey)
  const deliverMail = createDeliverMail({
    open: createOpenMail(config.sealKeys),
    deliveries: createDeliveryRepository(mongo.db, config.leaseMs),
    suppressions: createSuppressionRepository(mongo.db, hashOf),
    takeTurn: createMailRate({ ...config.rate, limiter: createLimiter({ redis, prefix: 'mail:{rate}' }), hashOf }),
    render: createRenderMail({ brand: config.brand, look: await readTemplateFolder(config.templateFolder), now: clock.now }),
    send: smtp.send,
    audit: createAudit(mongo.db),
    events: createDeliveryEvents(log, metrics, mailJobs.map(({ name }) => name))
  })
  return { mongo, redis, smtp, clock, deliverMail, leases: createLeases(mongo.db) }
}
