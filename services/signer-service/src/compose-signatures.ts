/** Signatures of texts and typed data: the same steps as a transaction's up to its approval, over rows of their own. */
import { Problem, problems, type SignatureView, type ReceiptClaims } from '@countersign/contracts'
import type { KeyRing } from '@countersign/kms'
import type { Audit } from '@countersign/mongo'
import type { Logger, Metrics } from '@countersign/runtime'
import type { Cursors } from '@countersign/secrets'
import type { Db } from 'mongodb'
import { createAdvance } from './approvals/advance.ts'
import type { ApprovalRepository } from './approvals/approval-repository.ts'
import { createEndDelays } from './approvals/end-delays.ts'
import type { FindApprovers } from './approvals/find-approvers.ts'
import { createGiveApproval, type GiveApprovalDeps } from './approvals/give-approval.ts'
import { createReadApprovals } from './approvals/read-approvals.ts'
import type { NoteRefused } from './audit/note-refused.ts'
import { createReadDigests } from './audit/read-digests.ts'
import { signatureIntentDigest } from './chain/intent-digest.ts'
import { signerOf } from './chain/typed-data.ts'
import type { Chains } from './chain/chains.ts'
import type { SignatureUseCases } from './commands/signature-commands.ts'
import { noCrash, type CrashPoint } from './crash-points.ts'
import type { ProveIntent } from './intents/prove-intent.ts'
import { createAskAgain } from './lanes/ask-again.ts'
import { createFindAltered } from './lanes/find-altered.ts'
import type { OtpDoor } from './otp/otp-door.ts'
import type { InLine } from './policies/window-line.ts'
import { createReleaseWindows } from './policies/release-windows.ts'
import { createRenewRoom } from './policies/renew-room.ts'
import type { WindowRepository } from './policies/window-repository.ts'
import type { LearnAccounts } from './principals/learn-accounts.ts'
import type { PrincipalRepository } from './principals/principal-repository.ts'
import { createAcceptReceipt } from './receipts/accept-receipt.ts'
import type { ConsumedReceiptRepository } from './receipts/consumed-receipt-repository.ts'
import type { ReceiptRefusal } from './receipts/match-receipt.ts'
import { createCreateSignature } from './signatures/create-signature.ts'
import { askedAbout, messageDigest, messageOfPayload } from './signatures/message.ts'
import { createGetSignature, createListSignatures } from './signatures/read-signatures.ts'
import { createSignApproved } from './signatures/sign-approved.ts'
import { signatureIntentOf, type Signature } from './signatures/signature.ts'
import { createSignatureRepository } from './signatures/signature-repository.ts'
import { signatureView } from './signatures/signature-view.ts'
import { createStopSignature } from './signatures/stop-signature.ts'
import type { Admit, AskedAction } from './transactions/admit-transfer.ts'
import { createCancelTransaction } from './transactions/cancel-transaction.ts'
import { createChallengeTransaction } from './transactions/challenge-transaction.ts'
import { createConfirmTransaction } from './transactions/confirm-transaction.ts'
import { createExpireTransaction, createExpireTransactions } from './transactions/expire-transactions.ts'
import { createRecordOne } from './transactions/record-move.ts'
import { createAnswerFirst } from './transactions/first-answer.ts'
import { createAskConfirmation, createRequestConfirmation } from './transactions/request-confirmation.ts'
import type { TellMoves } from './transactions/tell-moves.ts'
import type { Transact, Unit } from './unit.ts'
import type { WalletRepository } from './wallets/wallet-repository.ts'

export interface SignatureParts {
  readonly db: Db
  readonly log: Logger
  readonly metrics: Metrics
  readonly deployment: string
  readonly ttlMs: number
  readonly admit: Admit
  readonly findApprovers: FindApprovers
  readonly windows: WindowRepository
  readonly principals: PrincipalRepository
  readonly wallets: WalletRepository
  readonly approvals: ApprovalRepository
  readonly receipts: ConsumedReceiptRepository
  readonly chains: Pick<Chains, 'find'>
  readonly keyRing: Pick<KeyRing, 'signDigest'>
  readonly audit: Audit
  readonly otp: OtpDoor
  readonly cursors: Cursors
  readonly proveIntent: ProveIntent
  readonly learnAccounts: LearnAccounts
  readonly noteRefused: NoteRefused
  readonly inLine: InLine
  readonly transact: Transact
  readonly verifyReceipt: (jws: string) => Promise<{ readonly claims: ReceiptClaims } | { readonly refusal: ReceiptRefusal }>
  readonly countRefused: (reason: ReceiptRefusal) => void
  readonly newSignatureId: () => string
  readonly newChallengeId: () => string
  readonly crashPoint: CrashPoint
  readonly tell: TellMoves
}

export function createSignatures (parts: SignatureParts) {
  const { db, log, metrics, deployment, admit, findApprovers, windows, audit, otp, cursors, noteRefused, inLine, transact, newChallengeId } = parts
  const signatures = createSignatureRepository(db)
  const states = metrics.counter({ name: 'signer_signatures_total', help: 'Signatures of texts and typed data that came into a state', labels: ['state'] })
  const recordOne = createRecordOne<Signature>({ noun: 'signature', transactions: signatures, audit, tell: parts.tell, count: (state) => { states.inc({ state }) } })

  const askedOf = (row: Signature): AskedAction => askedAbout(messageOfPayload(row.payload), { initiator: row.initiator, walletId: row.walletId, chainId: row.chainId })
  const admitRow = async (row: Signature, unit?: Unit) => await admit(askedOf(row), unit)
  const digestOf = (row: Signature): string => signatureIntentDigest(signatureIntentOf(deployment, row, messageDigest(messageOfPayload(row.payload))))

  const advance = createAdvance<Signature>({ noun: 'signature', findApprovers, windows, transactions: signatures, audit, recordMove: recordOne, nudge: () => {} })
  const expire = createExpireTransaction({ recordMove: recordOne, transact })
  const askConfirmation = createAskConfirmation<Signature>({ principals: parts.principals, otp })
  const requestConfirmation = createRequestConfirmation({ transactions: signatures, ask: askConfirmation })
  const acceptReceipt = createAcceptReceipt<Signature>({
    transactions: signatures, receipts: parts.receipts, verifyReceipt: parts.verifyReceipt, admitRow, advance, recordMove: recordOne, expire, noteRefused, inLine, digestOf, countRefused: parts.countRefused, crashPoint: noCrash
  })
  const signApproved = createSignApproved({
    signatures, wallets: parts.wallets, keyRing: parts.keyRing, recordOne, noteRefused, transact, crashPoint: parts.crashPoint,
    findAltered: createFindAltered({ readDigests: createReadDigests(db), digestOf }),
    askAgain: createAskAgain<Signature>({
      admitApproved: async (row, unit) => await admit({ ...askedOf(row), reserved: row.reservation?.entries ?? [] }, unit), findApprovers, renewRoom: createRenewRoom({ windows, transactions: signatures })
    }),
    failed: ({ id }, err) => { log.error({ err, signature: id }, 'not signed: it is tried again') }
  })
  const stop = createStopSignature({ recordOne })
  const approving: GiveApprovalDeps<Signature> = {
    transactions: signatures, principals: parts.principals, approvals: parts.approvals, admitRow, advance, recordMove: recordOne, expire, noteRefused, inLine, digestOf, signerOf, deployment, learnAccounts: parts.learnAccounts,
    stop
  }
  const readApprovals = createReadApprovals(approving)
  const giveApproval = createGiveApproval(approving)
  const view = async (row: Signature): Promise<SignatureView> => signatureView(await signApproved.soon(row))

  const useCases: SignatureUseCases = {
    create: createCreateSignature({
      ...parts, signatures, advance, digestOf, answerFirst: createAnswerFirst({ transactions: signatures, askConfirmation, view: signatureView, finish: signApproved.soon, crashPoint: noCrash }),
      tokensOf: (chainId) => parts.chains.find(chainId)?.tokens ?? [],
      multicall3: (chainId) => parts.chains.find(chainId)?.multicall3
    }),
    get: createGetSignature({ signatures }),
    list: createListSignatures({ signatures, cursors }),
    confirm: createConfirmTransaction({ transactions: signatures, view, expire, requestConfirmation, otp, acceptReceipt, crashPoint: noCrash }),
    challenge: createChallengeTransaction({ noun: 'signature', transactions: signatures, expire, requestConfirmation, otp, audit, transact, newChallengeId }),
    cancel: createCancelTransaction<Signature, SignatureView>({ transactions: signatures, stop, transact, crashPoint: noCrash, view: signatureView, tooLate: 'It is signed, and may have been given away: nothing takes it back.' })
  }
  return {
    signatures, recordOne, acceptReceipt, useCases, readApprovals,
    giveApproval: async (...[given, asking]: Parameters<typeof giveApproval>): ReturnType<typeof giveApproval> => {
      await giveApproval(given, asking)
      const row = await signatures.find(given.id)
      if (row === undefined) throw new Problem(problems.notFound)
      return { ...await readApprovals(row.id, row.initiator), state: (await signApproved.soon(row)).state }
    },
    signApproved: signApproved.all,
    endDelays: createEndDelays({ transactions: signatures, admitRow, advance, recordMove: recordOne, transact }),
    expireAll: createExpireTransactions({ transactions: signatures, recordMove: recordOne, transact }),
    releaseWindows: createReleaseWindows({ noun: 'signature', transactions: signatures, windows, audit, transact })
  }
}
