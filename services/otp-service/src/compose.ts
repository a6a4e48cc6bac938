/** The only file that knows everything: connects, picks, and hands each part its own. */
import { accountDeletedOtp, mailFromOtp, receiptForSigner, smsFromOtp, type Job } from '@countersign/contracts'
import { atMost, connectMongo, createAudit, createLeases, createOutbox, createOutboxDispatcher, inStep, inTransaction } from '@countersign/mongo'
import { connectRedis, createLimiter, createProducer, jobConnection } from '@countersign/redis'
import { newId, retryWithin, type Lifecycle, type Logger, type Metrics } from '@countersign/runtime'
import { createReceiptSigner, deriveKey, randomToken } from '@countersign/secrets'
import { budgetRules } from './budgets/budget.ts'
import { createBudgetRepository } from './budgets/budget-repository.ts'
import { createHouseFailures } from './budgets/house-failures.ts'
import { createAnswerChallenge } from './challenges/answer-challenge.ts'
import { countLimit, createChallengeEvents } from './challenges/challenge-events.ts'
import { createChallengeRepository } from './challenges/challenge-repository.ts'
import { createSealCode } from './challenges/code-sms.ts'
import { createCodes } from './challenges/codes.ts'
import { createConsumeChallenge, type ConsumeDeps } from './challenges/consume-challenge.ts'
import { createCreateChallenge } from './challenges/create-challenge.ts'
import { createOpenTogether } from './challenges/open-together.ts'
import { createPayAttempt } from './challenges/pay-attempt.ts'
import { createResendChallenge } from './challenges/resend-challenge.ts'
import { createSendCode } from './challenges/send-code.ts'
import { createVerifyChallenge } from './challenges/verify-challenge.ts'
import { composeFactors } from './compose-factors.ts'
import { composePasskeys } from './compose-passkeys.ts'
import { composeMailboxes } from './compose-mailboxes.ts'
import { composeWallets } from './compose-wallets.ts'
import type { Config } from './config.ts'
import { createEarlierOtpStatus } from './earlier-otp/earlier-otp-status.ts'
import { createSendEarlierOtp } from './earlier-otp/send-earlier-otp.ts'
import { createVerifyEarlierOtp } from './earlier-otp/verify-earlier-otp.ts'
import { createApplyFactorResets } from './factors/apply-factor-resets.ts'
import { createFactorResetRepository } from './factors/factor-reset-repository.ts'
import { createApplyEnrolment } from './factors/apply-enrolment.ts'
import { createBeginEmailFactor } from './factors/begin-email-factor.ts'
import { createBeginFactorWipe } from './factors/begin-factor-wipe.ts'
import { createConfirmEmailFactor } from './factors/confirm-email-factor.ts'
import { createConfirmFactorWipe } from './factors/confirm-factor-wipe.ts'
import { createDescribeFactors } from './factors/describe-factors.ts'
import { createFactorRepository } from './factors/factor-repository.ts'
import { createTellLock } from './factors/lock-notices.ts'
import { createListFactors } from './factors/list-factors.ts'
import { createWipeAccount } from './factors/wipe-account.ts'
import { createMailWriter } from './mail/mail-writer.ts'
import { createSendLimit } from './mail/send-limit.ts'
import { createReceiptRepository } from './receipts/receipt-repository.ts'
import { createCountEnded } from './reports/count-ended.ts'
import { createTallyRepository } from './reports/tally-repository.ts'
import { createAdmitNumber } from './sms/admit-number.ts'
import { createBeginSms } from './sms/begin-sms.ts'
import { createConfirmSms } from './sms/confirm-sms.ts'
import { createSmsWriter } from './sms/sms-writer.ts'
import { createBeginStepUp } from './step-ups/begin-step-up.ts'
import { createObjectionRepository } from './objections/objection-repository.ts'
import { createConsumeStepUpAlone } from './step-ups/consume-step-up-alone.ts'
import { createConsumeStepUp } from './step-ups/consume-step-ups.ts'
import { createSendStepUp } from './step-ups/send-step-up.ts'
import type { Dispatch, Transact } from './transaction.ts'

export type Parts = Awaited<ReturnType<typeof compose>>

export interface ComposeOptions {
  readonly config: Config
  readonly log: Logger
  readonly metrics: Metrics
  readonly lifecycle: Lifecycle
}

/** At once: what many ask for shares them, and of a storm upon one account one must come to its end. */
const mostTransactions = 16

/** @throws when MongoDB or Redis is not there within START_TIMEOUT_SECONDS. */
export async function compose ({ config, log, metrics, lifecycle }: ComposeOptions) {
  const { mongo, redis, connection } = await connect({ config, log, metrics, lifecycle })
  const { db } = mongo
  const newProducer = (job: Job) => {
    const producer = createProducer(job, { connection, log, metrics })
    lifecycle.onStop(`producer of ${job.name}`, () => producer.close())
    return producer
  }
  const producers = Object.fromEntries([mailFromOtp, smsFromOtp, receiptForSigner, accountDeletedOtp].map((job) => [job.name, newProducer(job as unknown as Job)]))

  const challenges = createChallengeRepository(db)
  const factors = createFactorRepository(db)
  const receipts = createReceiptRepository(db)
  const budgets = createBudgetRepository(db, budgetRules(config.lockSeconds))
  const audit = createAudit(db)
  const outbox = createOutbox(db)
  const dispatcher = createOutboxDispatcher({ outbox, producers: producers as never, log, metrics })
  const events = createChallengeEvents(log, metrics)

  const inTheirTurn = atMost(mostTransactions)
  const transact: Transact = async (work) => await inTheirTurn(async () => await inTransaction(mongo, work))
  const dispatch: Dispatch = async (rows) => { await Promise.all(rows.map((row) => dispatcher.dispatch(row))) }
  const { sign, signMailbox } = createReceiptSigner(config.receiptPrivateJwk)
  const codes = createCodes(config.secretKey, config.previousSecretKey)
  const sealing = { outbox, sealKey: config.mailSealKey, newDeliveryId: () => newId('dlv') }
  const [mails, texts] = [createMailWriter(sealing), createSmsWriter(sealing)]
  const sendLimit = createSendLimit({
    limiter: createLimiter({ redis, prefix: 'otp:{sends}' }),
    hashKey: deriveKey(config.secretKey, 'otp-service/recipient/v1'),
    rules: config.sends,
    onLimited: countLimit(metrics, 'sends')
  })

  const house = createHouseFailures({ redis, perHour: config.houseFailuresPerHour, log, metrics })
  const answering = createAnswerChallenge({ pay: createPayAttempt({ challenges, budgets, transact }), challenges, budgets, codes, house, tellLock: createTellLock({ factors, mails, audit, transact, dispatch }), audit, events, newReservationId: () => randomToken(12) })
  const resets = createFactorResetRepository(db)
  const objections = createObjectionRepository(db)
  // One that came while the reset waits is what its owner has not lost because it is not theirs.
  const cancelReset: ConsumeDeps['cancelReset'] = async (userId, answeredBy, transaction) =>
    answeredBy !== null && await objections.isOpen(answeredBy, transaction) ? undefined : await resets.cancel(userId, transaction)
  const consume = createConsumeChallenge({ challenges, receipts, budgets, outbox, cancelReset, audit })
  const { checks, notices, addFactor, walletEnrolments, passkeyEnrolments, forgetEnrolments, stepUps, ...factorUseCases } = composeFactors({ db, config, codes, challenges, factors, budgets, mails, audit, transact, dispatch, log, metrics })
  const sealCode = createSealCode({ mails, texts })
  const openTogether = createOpenTogether({ challenges, sealCode, outbox, audit, transact })
  const asking = { challenges, factors, checks, stepUps, budgets, codes, mails, texts, outbox, sealCode, openTogether, admit: createAdmitNumber(config.countries), sendLimit, audit, events, transact, dispatch, ...config.codes }
  const sendCode = createSendCode(asking)
  const answered = { challenges, factors, receipts, answering, consume, codes, events, sign, transact, dispatch, newReceiptId: () => newId('rcp') }
  const consumeAlone = createConsumeStepUpAlone({ factors, consume, transact, dispatch })
  const passkeyUseCases = composePasskeys({ db, config, challenges, factors, passkeyEnrolments, receipts, stepUps, checks, notices, addFactor, consume, sign, audit, events, transact, dispatch, log, metrics })
  const walletUseCases = composeWallets({ redis, config, ...answered, enrolments: walletEnrolments, checks, stepUps, notices, addFactor, audit, log, metrics, lifecycle })
  const { mailboxes, ...mailboxUseCases } = composeMailboxes({ db, config, codes, mails, receipts, sign: signMailbox, sendLimit, house, audit, events, transact, dispatch })

  return {
    mongo,
    redis,
    dispatcher,
    challenges,
    mailboxes,
    wipeAccount: createWipeAccount({ factors, challenges, budgets, mailboxes, forgetEnrolments, outbox, audit, transact, dispatch }),
    applyFactorResets: createApplyFactorResets({ resets, challenges, budgets, mails, audit, transact, dispatch, newRequestId: () => newId('req') }),
    countEnded: createCountEnded({ tallies: createTallyRepository(db), transact }),
    leases: createLeases(db),
    useCases: {
      createChallenge: createCreateChallenge(asking),
      resendChallenge: createResendChallenge({ challenges, factors, sendCode }),
      verifyChallenge: createVerifyChallenge({ ...answered, purpose: 'transaction', checks, consume: consumeAlone }),
      beginEmailFactor: createBeginEmailFactor({ ...asking, checks, newChallengeId: () => newId('chl'), newFactorId: () => newId('fct') }),
      confirmEmailFactor: createConfirmEmailFactor({
        ...answered,
        applyEnrolment: createApplyEnrolment({ factors, challenges, consume, mails, audit }),
        newFactorRoot: () => randomToken(32)
      }),
      beginSms: createBeginSms({ ...asking, newChallengeId: () => newId('chl'), newFactorId: () => newId('fct') }),
      confirmSms: createConfirmSms({ ...answered, checks, notices, audit, newFactorRoot: () => randomToken(32) }),
      beginFactorWipe: createBeginFactorWipe({ ...asking, newChallengeId: () => newId('chl') }),
      confirmFactorWipe: createConfirmFactorWipe(answered),
      describeFactors: createDescribeFactors({ factors }),
      listFactors: createListFactors({ factors, checks }),
      ...factorUseCases,
      ...passkeyUseCases,
      ...walletUseCases,
      beginStepUp: inStep(createBeginStepUp({ ...asking, checks, newChallengeId: () => newId('chl') })),
      sendStepUp: inStep(createSendStepUp({ factors, challenges, sendCode })),
      verifyStepUp: inStep(createVerifyChallenge({
        ...answered,
        purpose: 'step_up',
        checks,
        consume: createConsumeStepUp({ challenges, factors, receipts, budgets, resets, audit, transact, consumeAlone })
      })),
      sendEarlierOtp: createSendEarlierOtp({ ...asking, newChallengeId: () => newId('chl') }),
      earlierOtpStatus: createEarlierOtpStatus(asking),
      verifyEarlierOtp: createVerifyEarlierOtp({ ...answered, newChallengeId: () => newId('chl') }),
      ...mailboxUseCases
    }
  }
}

async function connect ({ config, log, metrics, lifecycle }: ComposeOptions) {
  const waiting = { seconds: config.process.startSeconds, log, signal: lifecycle.signal }
  const mongo = await retryWithin({ label: 'MongoDB', ...waiting }, () =>
    connectMongo({ ...config.mongo, log, metrics, name: 'otp-service' }))
  lifecycle.onStop('MongoDB', () => mongo.close())
  const redis = await retryWithin({ label: 'Redis', ...waiting }, () => connectRedis({ url: config.redisUrl, name: 'otp-service', log }))
  lifecycle.onStop('Redis', () => { redis.disconnect() })
  const connection = jobConnection(config.redisUrl, 'otp-service')
  return { mongo, redis, connection }
}
