/** The only file that knows everything: connects, picks, and hands each part its own. */
import { accountDeletedSigner, mailFromSigner, type Job, type ReceiptClaims } from '@countersign/contracts'
import { createTokenBucket } from '@countersign/kms'
import { abandonedTransactionSeconds, connectMongo, createAudit, createLeases, createOutbox, createOutboxDispatcher, gather, inTransaction } from '@countersign/mongo'
import { connectRedis, createCommandClient, createProducer, createTurns, jobConnection, type InvalidMessage } from '@countersign/redis'
import { clockFrom, newId, retryWithin, type Lifecycle, type Logger, type Metrics } from '@countersign/runtime'
import { createCursors, createReceiptVerifier, deriveKey, ReceiptRefused } from '@countersign/secrets'
import { createAdvance } from './approvals/advance.ts'
import { createApprovalRepository } from './approvals/approval-repository.ts'
import { createPolicyUseCases } from './compose-policies.ts'
import { createEndDelays } from './approvals/end-delays.ts'
import { createFindApprovers } from './approvals/find-approvers.ts'
import { createNoteRefused } from './audit/note-refused.ts'
import { createAttemptRepository } from './attempts/attempt-repository.ts'
import { createReadDigests } from './audit/read-digests.ts'
import { parseCalls } from './calls/parse-calls.ts'
import { checksummed, zeroAddress } from './chain/address.ts'
import { createHasCode } from './chain/has-code.ts'
import { dataHash, intentDigest } from './chain/intent-digest.ts'
import { createSealRound } from './compose-audit.ts'
import { createLanes } from './compose-lanes.ts'
import { openChains } from './compose-nodes.ts'
import { createReconciliation, createReconcileRound } from './compose-reconciliation.ts'
import { createSignatures } from './compose-signatures.ts'
import { createWalletUseCases } from './compose-wallets.ts'
import type { Config } from './config.ts'
import { createCrashPoint } from './crash-points.ts'
import { createProveIntent } from './intents/prove-intent.ts'
import { createAskAgain } from './lanes/ask-again.ts'
import { createFindAltered } from './lanes/find-altered.ts'
import { createLaneRepository } from './lanes/lane-repository.ts'
import { createTellAlarm, createTellNodeAlarm, createTellOperator } from './mail/operator-mail.ts'
import { oncePerUnit } from './once-per-unit.ts'
import { createOtpDoor } from './otp/otp-door.ts'
import { createPolicyRepository } from './policies/policy-repository.ts'
import { createRenewRoom } from './policies/renew-room.ts'
import { createReleaseWindows } from './policies/release-windows.ts'
import { createInLine } from './policies/window-line.ts'
import { createWindowRepository } from './policies/window-repository.ts'
import { createEndAccount } from './principals/end-account.ts'
import { createLearnAccounts } from './principals/learn-accounts.ts'
import { createPrincipalRepository } from './principals/principal-repository.ts'
import { createAcceptReceipt } from './receipts/accept-receipt.ts'
import { createConsumedReceiptRepository } from './receipts/consumed-receipt-repository.ts'
import type { ReceiptRefusal } from './receipts/match-receipt.ts'
import { createAdmit, createAdmitTransfer } from './transactions/admit-transfer.ts'
import { createCancelTransaction } from './transactions/cancel-transaction.ts'
import { createChallengeTransaction } from './transactions/challenge-transaction.ts'
import { createConfirmTransaction } from './transactions/confirm-transaction.ts'
import { createCreateTransaction } from './transactions/create-transaction.ts'
import { createAnswerFirst } from './transactions/first-answer.ts'
import { createStoreTransaction, createStoreWaiting, type Admitted } from './transactions/store-transaction.ts'
import { createExpireTransaction, createExpireTransactions } from './transactions/expire-transactions.ts'
import { intentOf } from './transactions/intent.ts'
import { createCountMoves, createGetTransaction, createListTransactions, createViewTransaction } from './transactions/read-transactions.ts'
import { createRefuseCodeless } from './transactions/refuse-codeless.ts'
import { createRecordMove } from './transactions/record-move.ts'
import { createAskConfirmation, createRequestConfirmation } from './transactions/request-confirmation.ts'
import { createSpeedUpTransaction } from './transactions/speed-up-transaction.ts'
import { createStopTransaction } from './transactions/stop-transaction.ts'
import { transactionView, type CallsOf } from './transactions/transaction-view.ts'
import { createTellMoves, eventsCollection, ofSignatures, ofTransactions } from './transactions/tell-moves.ts'
import { createTransactionRepository, type LaneKey } from './transactions/transaction-repository.ts'
import { askedOf, type MovingTransaction, type Transaction } from './transactions/transaction.ts'
import { createTransact, type Unit } from './unit.ts'
import { checkKeys } from './wallets/check-keys.ts'
import { openKeyRing } from './wallets/key-rings.ts'
import { createRefillWallet } from './wallets/refill-wallet.ts'
import { createSignLimit } from './wallets/sign-limit.ts'
import { createWalletRepository } from './wallets/wallet-repository.ts'
import { createWatchBalance } from './wallets/watch-balance.ts'

const service = 'signer-service'
const longestAbandonedSeconds = 30
/** Whoever asks for a contract call waits no longer to hear that there is no such contract. */
const codeTimeoutMs = 500
const codePauseMs = 5_000

export type Parts = Awaited<ReturnType<typeof compose>>

export interface ComposeOptions {
  readonly config: Config
  readonly log: Logger
  readonly metrics: Metrics
  readonly lifecycle: Lifecycle
}

/** @throws when MongoDB, Redis or the KMS is not there within START_TIMEOUT_SECONDS, or a node serves another chain than configured. */
export async function compose (options: ComposeOptions) {
  const { config, log, metrics } = options
  const { mongo, redis, commands, keyRing, producers } = await connect(options)
  const { db } = mongo
  const clock = clockFrom(config.process.clockOffsetMs)
  const holder = newId('prc')
  const crashPoint = createCrashPoint(config.process.crashAt)
  const transact = createTransact(async (work) => await inTransaction(mongo, work))

  const transactions = createTransactionRepository(db)
  const attempts = createAttemptRepository(db)
  const wallets = createWalletRepository(db)
  const principals = createPrincipalRepository(db)
  const policies = createPolicyRepository(db)
  const windows = createWindowRepository(db)
  const approvals = createApprovalRepository(db)
  const inLine = createInLine({ transact, bounded: policies.boundsByWindows })
  const receipts = createConsumedReceiptRepository(db)
  const audit = createAudit(db)
  const outbox = createOutbox(db)
  const dispatcher = createOutboxDispatcher({ outbox, producers: producers as never, log, metrics })
  const leases = createLeases(db)
  const mailing = { outbox, dispatcher, ...config.mail, now: () => clock.now(), newDeliveryId: () => newId('dlv'), newRequestId: () => newId('req') }
  const chains = await openChains({ config, log, metrics, leases, holder, audit, transact, tellOperator: createTellNodeAlarm(mailing) })

  const states = metrics.counter({ name: 'signer_transactions_total', help: 'Transactions that came into a state', labels: ['state'] })
  const refusals = metrics.counter({ name: 'signer_receipts_refused_total', help: 'Receipts that moved nothing, by what was wrong', labels: ['reason'] })
  const telling = { events: createOutbox(db, { collection: eventsCollection }), newEventId: (atMs: number) => newId('evt', atMs) }
  const recordMove = createRecordMove({ transactions, audit, tell: createTellMoves(telling, ofTransactions), count: (state) => { states.inc({ state }) } })
  const multicall3 = (chainId: number): string | undefined => chains.find(chainId)?.multicall3
  const callsOf: CallsOf = ({ chainId, from, to, value, data }) => parseCalls({ to, value: BigInt(value), data }, { from, multicall3: multicall3(chainId) })
  const currentPolicy = oncePerUnit(async (_key: 'current', unit) => await policies.current(unit))
  const findOnce = { find: oncePerUnit(principals.find) }
  const admitAction = createAdmit({
    principals: findOnce, wallets: { find: oncePerUnit(wallets.find) }, policies: { current: async (unit) => await currentPolicy('current', unit) }, windows, chainIds: chains.ids()
  })
  const admit = createAdmitTransfer(admitAction, multicall3)
  const expire = createExpireTransaction({ recordMove, transact })
  const admitRow = async (row: Transaction, unit?: Unit) => await admit(askedOf(row), unit)
  const digestOfRow = (row: MovingTransaction): string => intentDigest(intentOf(config.deployment, row))

  // The lane loop starts later than what wakes it.
  let nudge: (lane: LaneKey) => void = () => {}
  const wakeLane = (lane: LaneKey): void => { nudge(lane) }
  const stop = createStopTransaction({ transactions, recordMove, audit, nudge: wakeLane })
  const otp = createOtpDoor(commands)
  const findApprovers = createFindApprovers({ approvals, principals: findOnce })
  const advance = createAdvance({ noun: 'transaction', findApprovers, windows, transactions, audit, recordMove, nudge: wakeLane })
  const noteRefused = createNoteRefused({ audit, now: () => performance.now() })
  const inKinds = async (...works: readonly (() => Promise<number>)[]): Promise<number> => {
    const done = await Promise.allSettled(works.map(async (work) => await work()))
    const failed = done.find((one) => one.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    return done.reduce((sum, one) => sum + (one.status === 'fulfilled' ? one.value : 0), 0)
  }
  const newChallengeId = (): string => newId('chl')
  const cursors = createCursors(deriveKey(config.secretKey, 'cursor'))
  const learnAccounts = createLearnAccounts({ otp, principals })
  const proveIntent = createProveIntent({ receipts, audit, deployment: config.deployment })
  const judging = { verifyReceipt: receiptVerdicts(createReceiptVerifier(config.receiptKeys)), countRefused: (reason: ReceiptRefusal) => { refusals.inc({ reason }) } }
  const signatures = createSignatures({
    db, log, metrics, admit: admitAction, findApprovers, windows, principals, wallets, approvals, receipts, chains, keyRing, audit, otp, cursors, proveIntent, learnAccounts, noteRefused, inLine, transact, newChallengeId, crashPoint, ...judging,
    tell: createTellMoves(telling, ofSignatures),
    deployment: config.deployment,
    ttlMs: config.confirmationTtlMs,
    newSignatureId: () => newId('sig')
  })
  const acceptReceipt = createAcceptReceipt({
    transactions, receipts, admitRow, advance, recordMove, expire, noteRefused, inLine, crashPoint,
    digestOf: digestOfRow,
    ...judging,
    otherwise: signatures.acceptReceipt
  })
  const askConfirmation = createAskConfirmation<Transaction>({ principals, otp })
  const requestConfirmation = createRequestConfirmation({ transactions, ask: askConfirmation })
  const storing = {
    transactions, admit, advance, recordMove, crashPoint, newChallengeId,
    digestOf: digestOfRow,
    hashOf: dataHash,
    chain: (chainId: number) => chains.find(chainId),
    ttlMs: config.confirmationTtlMs,
    newTransactionId: () => newId('tx')
  }
  const storeWaiting = createStoreWaiting(storing)
  const reading = { transactions, attempts, callsOf, checksummed, explorerOf: (chainId: number) => chains.find(chainId)?.explorerUrl, cursors }

  const create = createCreateTransaction({
    transactions, admit, refuseCodeless: createRefuseCodeless({ hasCode: createHasCode({ chains, timeoutMs: codeTimeoutMs, pauseMs: codePauseMs, now: () => performance.now() }) }), proveIntent, audit, transact, inLine, crashPoint,
    answerFirst: createAnswerFirst({ transactions, askConfirmation, view: (row: Transaction) => transactionView(row, [], callsOf(row)), crashPoint }),
    store: createStoreTransaction(storing),
    storeWaiting: gather(async (all: readonly Admitted[]) => await transact(async (unit) => await storeWaiting(unit, all)), { atOnce: 2 }),
    rules: { checksummed, zeroAddress, multicall3 }
  })
  const lanes = createLaneRepository(db)
  const view = createViewTransaction(reading)
  const [tellLow, tellAlarm] = [createTellOperator(mailing), createTellAlarm(mailing)]

  return {
    mongo, redis, dispatcher, holder, wallets, acceptReceipt,
    endAccount: createEndAccount({ principals, transactions, recordMove, signatures: signatures.signatures, recordSignature: signatures.recordOne, outbox, dispatcher, audit, transact }),
    leases,
    noteInvalidCommand: ({ caller, command }: InvalidMessage): void => {
      void noteRefused({ event: 'command.refused', source: caller, reason: 'shape', subject: command }).catch((err: unknown) => { log.warn({ err }, 'a refused command could not be written down') })
    },
    walletUseCases: createWalletUseCases({ db, chains, wallets, principals, cursors, audit, transact }),
    reconcile: createReconcileRound({
      log, metrics, db,
      watchBalance: createWatchBalance({ lanes, chains, transact, tellOperator: tellLow }),
      refillWallet: createRefillWallet({ lanes, transactions, create, newRequestId: () => newId('req') })
    }, createReconciliation({ db, chains, wallets, leases, holder, transact, audit, tellAlarm })),
    sealAudit: createSealRound({ config, log, metrics, db, holder, transact, leases, keyRing, wallets }),
    compareNodes: async () => { await Promise.all(chains.ids().map(async (id) => { await chains.find(id)?.compare() })) },
    checkKeys: async () => { await checkKeys({ keyRing, wallets: await wallets.list(), defaultKeyId: config.defaultKeyId, log }) },
    releaseWindows: async () => await inKinds(createReleaseWindows({ noun: 'transaction', transactions, windows, audit, transact }), signatures.releaseWindows),
    endDelays: async () => await inKinds(createEndDelays({ transactions, admitRow, advance, recordMove, transact }), signatures.endDelays),
    expireTransactions: async () => await inKinds(createExpireTransactions({ transactions, recordMove, transact }), signatures.expireAll),
    signApproved: signatures.signApproved,
    signatureUseCases: signatures.useCases,
    lanes: createLanes({
      config, log, metrics, db, holder, transact, transactions, attempts, wallets, chains, keyRing, recordMove, audit, crashPoint,
      askAgain: createAskAgain<MovingTransaction>({ admitApproved: async (row, unit) => await admit({ ...askedOf(row), reserved: row.reservation?.entries ?? [] }, unit), findApprovers, renewRoom: createRenewRoom({ windows, transactions }) }),
      findAltered: createFindAltered({ readDigests: createReadDigests(db), digestOf: digestOfRow }),
      tellOperator: tellLow,
      tellAlarm
    }),
    policyUseCases: createPolicyUseCases({
      signatures,
      transactions, principals, approvals, policies, windows, wallets, admitRow, advance, recordMove, stop, expire, audit, noteRefused, transact, inLine,
      digestOf: digestOfRow,
      learnAccounts,
      deployment: config.deployment,
      callsOf
    }),
    onApproved: (wake: typeof nudge) => { nudge = wake },
    useCases: {
      create,
      get: createGetTransaction(reading),
      list: createListTransactions(reading),
      countMoves: createCountMoves([transactions, signatures.signatures]),
      confirm: createConfirmTransaction({
        transactions, expire, requestConfirmation, otp, acceptReceipt, crashPoint, view
      }),
      challenge: createChallengeTransaction({ noun: 'transaction', transactions, expire, requestConfirmation, otp, audit, transact, newChallengeId }),
      cancel: createCancelTransaction({ transactions, stop, transact, crashPoint, view, tooLate: 'It is in a block: nothing can be cancelled any more.' }),
      speedUp: createSpeedUpTransaction({ transactions, attempts, audit, transact, chain: chains.find, nudge: wakeLane, view, crashPoint })
    }
  }
}

async function connect ({ config, log, metrics, lifecycle }: ComposeOptions) {
  const waiting = { seconds: config.process.startSeconds, log, signal: lifecycle.signal }
  const mongo = await retryWithin({ label: 'MongoDB (MONGODB_URI)', ...waiting }, () => connectMongo({ ...config.mongo, log, metrics, name: service }))
  lifecycle.onStop('MongoDB', () => mongo.close())
  const abandoned = await abandonedTransactionSeconds(mongo)
  if (abandoned !== undefined && abandoned > longestAbandonedSeconds) {
    log.warn({ seconds: abandoned }, 'transactionLifetimeLimitSeconds of MongoDB is high: after a process died inside a transaction, its lanes stand still for that long')
  }
  const redis = await retryWithin({ label: 'Redis (REDIS_URL)', ...waiting }, () => connectRedis({ url: config.redisUrl, name: service, log }))
  lifecycle.onStop('Redis', () => { redis.disconnect() })
  const commands = await retryWithin({ label: 'Redis (commands)', ...waiting }, () => createCommandClient({ url: config.redisUrl, service, log, metrics }))
  lifecycle.onStop('command client', () => commands.close())
  const producers = Object.fromEntries([mailFromSigner, accountDeletedSigner].map((job) => {
    const producer = createProducer(job as unknown as Job, { connection: jobConnection(config.redisUrl, service), log, metrics })
    lifecycle.onStop(`producer of ${job.name}`, () => producer.close())
    return [job.name, producer]
  }))
  const signs = { perSecond: config.signsPerSecond, burst: Math.max(1, config.signsPerSecond / 10) }
  const signLimit = createSignLimit({ shared: createTurns({ redis, key: `signer:kms-signs:${config.kms.region}`, ...signs }), own: createTokenBucket(signs), log })
  const keyRing = openKeyRing({ ...config.kms, log, metrics, signLimit }, config.localPrivateKey)
  lifecycle.onStop('keys', () => { keyRing.close() })
  if (config.localPrivateKey !== undefined) log.warn('HOT_WALLET_PRIVATE_KEY is in use: this process holds a private key in its memory, which production refuses')
  return { mongo, redis, commands, producers, keyRing }
}

const receiptVerdicts = (verifier: ReturnType<typeof createReceiptVerifier>) =>
  async (jws: string): Promise<{ readonly claims: ReceiptClaims } | { readonly refusal: ReceiptRefusal }> => {
    try {
      return { claims: await verifier.verify(jws) }
    } catch (error) {
      if (error instanceof ReceiptRefused) return { refusal: error.reason }
      throw error
    }
  }
