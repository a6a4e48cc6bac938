/** One transaction from the request to its end. Its row is the only ledger of what was promised, signed and mined. */
import type { FactorKind, OpenChallenge, TransactionKind, TransactionSpeed, TransactionState } from '@countersign/contracts'
import type { GivenProof, Missing } from '../approvals/missing.ts'
import type { Revert } from '../calls/revert.ts'
import type { KeptRequirements } from '../policies/requirements.ts'
import type { ReservedEntry } from '../policies/window-repository.ts'
import type { Hex } from '../chain/quantity.ts'

export interface Confirmation {
  /** Chosen here, so that asking again asks for the same. A fresh one replaces it when the old one is spent. */
  readonly challengeId: string
  /** The gateway's claim; otp-service answers the challenge to this session alone. */
  readonly sessionId: string
  /** That the rule takes: no other kind is asked, and none confirms. */
  readonly factorKinds: readonly FactorKind[]
  /** Null until otp-service took the challenge. */
  readonly asked: AskedChallenge | null
}

export interface AskedChallenge {
  /** Null: no code was sent. */
  readonly sentTo: string | null
  readonly expiresAt: string
  readonly attemptsLeft: number
  /** Those of the user that may answer. */
  readonly factors: OpenChallenge['factors']
}

export interface Mined {
  readonly hash: string
  readonly blockNumber: number
  readonly blockHash: string
  readonly gasUsed: string
  /** Wei, decimal. */
  readonly feePaid: string
  /** `unmoved`: not reverted, and yet a token logged nothing of what it was asked. A no-op took the nonce: `displaced` after a node had refused the transfer for good, `outbid` after its fees stayed too low for too long, `cancelled` after somebody wanted that. */
  readonly outcome: 'succeeded' | 'reverted' | 'unmoved' | 'displaced' | 'outbid' | 'cancelled'
  readonly confirmations: number
}

/** Wanted by a user, or by `operator`, once something was signed: its lane sees to it. */
export interface Wish { readonly by: string, readonly at: Date }

export interface Failure {
  readonly code: string
  readonly detail: string
  /** Of a contract that reverted and gave a reason. */
  readonly revert?: Revert
}

/** Room in the windows of the policy. What moved nothing gives it back: `releasing` until that is done. */
export interface ReservedRoom {
  readonly state: 'held' | 'settled' | 'releasing' | 'released'
  readonly entries: readonly ReservedEntry[]
}

export interface Transaction {
  readonly id: string
  readonly state: TransactionState
  /** The user who asked: a claim of the gateway, held against `principals`. */
  readonly initiator: string
  readonly idempotencyKey: string
  /** SHA-256 of the normalised request. */
  readonly fingerprint: string
  readonly requestId: string
  readonly walletId: string
  readonly chainId: number
  /** EIP-55, like `to`. */
  readonly from: string
  readonly kind: TransactionKind
  readonly to: string
  /** Wei, decimal. */
  readonly value: string
  /** `0x` for coins alone. */
  readonly data: Hex
  /** Signatures of errors that the called contracts may revert with, as the request named them. */
  readonly errors: readonly string[]
  /** keccak-256 of the data. */
  readonly dataHash: string
  /** Every account and contract that it names: receivers, called contracts, tokens. */
  readonly destinations: readonly string[]
  readonly speed: TransactionSpeed
  readonly priority: number
  readonly metadata: Readonly<Record<string, string>>
  readonly maxFeeTotal: string
  readonly policy: { readonly id: string, readonly version: number, readonly rule: string }
  readonly digest: string
  /** Exactly what a mail or a wallet shows. */
  readonly text: string
  /** Exactly what a text message shows; null: it has no room, and none confirms this. */
  readonly shortText: string | null
  readonly confirmation: Confirmation
  /** What the first request was answered, as JSON of a TransactionView; repeats of the key get the same. */
  readonly firstAnswer: string | null
  readonly receiptId: string | null
  /** What the policy wanted when it was last asked; null before that. */
  readonly requirements: KeptRequirements | null
  /** What was missing of it then. */
  readonly missing: readonly Missing[]
  readonly proof: GivenProof | null
  /** End of its delay; null: it waits for no time. */
  readonly notBefore: Date | null
  readonly reservation: ReservedRoom | null
  readonly nonce: number | null
  /** Set with the nonce. Decimal. */
  readonly gas: string | null
  /** It shall be cancelled. What comes of that is what is mined. */
  readonly cancellation: Wish | null
  /** Both fees shall be higher than those of this attempt, by its hash. */
  readonly speedUp: Wish & { readonly over: string } | null
  readonly mined: Mined | null
  readonly failure: Failure | null
  readonly history: readonly { readonly state: TransactionState, readonly at: Date }[]
  readonly createdAt: Date
  readonly updatedAt: Date
  readonly approvedAt: Date | null
  readonly validUntil: Date
}

/** What a transaction has in common with everything else that is asked for, decided, confirmed and approved before it is done. */
export type Countersigned = Pick<Transaction,
  'id' | 'state' | 'initiator' | 'idempotencyKey' | 'fingerprint' | 'requestId' | 'walletId' | 'chainId' | 'policy' | 'digest' | 'text' | 'shortText' | 'confirmation' | 'firstAnswer' | 'receiptId' |
  'requirements' | 'missing' | 'proof' | 'notBefore' | 'reservation' | 'failure' | 'history' | 'createdAt' | 'updatedAt' | 'approvedAt' | 'validUntil'>

/** Long, and for people: who moves transactions on does without. */
export const toldFields = ['text', 'shortText', 'firstAnswer', 'history'] as const satisfies readonly (keyof Transaction)[]
/** As a lane reads its rows, many at once. */
export type MovingTransaction = Omit<Transaction, typeof toldFields[number]>

/** Nonces of these are taken and not yet in a block. */
export const inFlightStates = ['assigned', 'signed', 'broadcast'] as const satisfies readonly TransactionState[]
export const isInFlight = ({ state }: Pick<Transaction, 'state'>): boolean => (inFlightStates as readonly TransactionState[]).includes(state)

/** What a node simulates and replays, and what is signed. */
export const messageOf = ({ from, to, value, data }: Pick<Transaction, 'from' | 'to' | 'value' | 'data'>) => ({ from, to, value: BigInt(value), data })

/** What the policy is asked about a stored row. */
export const askedOf = ({ initiator, walletId, chainId, to, value, data, maxFeeTotal }: Pick<Transaction, 'initiator' | 'walletId' | 'chainId' | 'to' | 'value' | 'data' | 'maxFeeTotal'>) =>
  ({ initiator, walletId, chainId, call: { to, value: BigInt(value), data }, maxFeeTotal: BigInt(maxFeeTotal) })
