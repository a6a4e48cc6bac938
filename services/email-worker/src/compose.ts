/** The only file that knows everything: connects, picks, and hands each part its own. */
import { mailFromGateway, mailFromOtp, mailFromSigner, smsFromOtp } from '@countersign/contracts'
import { connectMongo, createAudit, createLeases } from '@countersign/mongo'
import { connectRedis, createLimiter } from '@countersign/redis'
import { clockFrom, retryWithin, type Lifecycle, type Logger, type Metrics } from '@countersign/runtime'
import type { Config } from './config.ts'
import { createAddressHash } from './deliveries/address-hash.ts'
import { createDeliver } from './deliveries/deliver.ts'
import { createDeliveryEvents } from './deliveries/delivery-events.ts'
import { createDeliveryRepository } from './deliveries/delivery-repository.ts'
import { createDeliveryRate } from './deliveries/delivery-rate.ts'
import { createOpenMail, createOpenSms } from './deliveries/open-sealed.ts'
import { createSuppressionRepository } from './deliveries/suppression-repository.ts'
import { createHttpProvider } from './sms/http-provider.ts'
import { createRenderSms } from './sms/render-sms.ts'
import { noProvider } from './sms/sms-port.ts'
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
export const smsJobs = [smsFromOtp]

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
  const limiter = (prefix: string) => createLimiter({ redis, prefix })
  const shared = { deliveries: createDeliveryRepository(mongo.db, config.leaseMs), suppressions: createSuppressionRepository(mongo.db, hashOf), audit: createAudit(mongo.db) }
  const look = await readTemplateFolder(config.templateFolder)
  const renderMail = createRenderMail({ brand: config.brand, look, now: clock.now })
  const deliverMail = createDeliver({
    ...shared,
    channel: 'mail',
    open: createOpenMail(config.sealKeys),
    takeTurn: createDeliveryRate({ ...config.rate, limiter: limiter('mail:{rate}'), hashOf }),
    send: (content, ids) => smtp.send(content.to, renderMail(content), ids),
    events: createDeliveryEvents(log, metrics, 'mail', mailJobs.map(({ name }) => name))
  })
  const provider = config.sms.provider === undefined ? noProvider : createHttpProvider(config.sms.provider)
  const renderSms = createRenderSms({ brand: config.brand, look, domain: config.sms.domain, now: clock.now })
  const deliverSms = createDeliver({
    ...shared,
    channel: 'sms',
    open: createOpenSms(config.sealKeys, smsJobs.map(({ name }) => name)),
    takeTurn: createDeliveryRate({ ...config.sms.rate, limiter: limiter('mail:{sms-rate}'), hashOf }),
    send: async (content, { deliveryId, requestId }) => {
      const { providerId } = await provider.send({ to: content.to, text: renderSms(content), idempotencyKey: deliveryId })
      log.info({ deliveryId, requestId, providerId }, 'sms accepted by the provider')
    },
    events: createDeliveryEvents(log, metrics, 'sms', smsJobs.map(({ name }) => name))
  })
  return { mongo, redis, smtp, clock, deliverMail, deliverSms, leases: createLeases(mongo.db) }
}
