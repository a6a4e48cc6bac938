/** Signs payloads in the KMS and stores them, bytes and hash, before anything can leave. */
import type { Audit } from '@countersign/mongo'
import type { KeyRing } from '@countersign/kms'
import type { AttemptRepository } from '../attempts/attempt-repository.ts'
import type { Attempt } from '../attempts/attempt.ts'
import { signTransfer } from '../chain/signed-bytes.ts'
import type { CrashPoint } from '../crash-points.ts'
import type { RecordMove } from '../transactions/record-move.ts'
import type { MovingTransaction } from '../transactions/transaction.ts'
import type { Unit } from '../unit.ts'
import type { Fees } from './fees.ts'
import type { FindAltered } from './find-altered.ts'
import type { LaneRound } from './lane-round.ts'

export interface SignAttemptDeps {
  readonly attempts: Pick<AttemptRepository, 'insertAll'>
  readonly keyRing: Pick<KeyRing, 'signDigest'>
  readonly recordMove: RecordMove
  readonly audit: Pick<Audit, 'append'>
  readonly crashPoint: CrashPoint
  readonly findAltered: FindAltered
}

export interface Payload {
  /** Undefined for a no-op that fills a gap. */
  readonly row: MovingTransaction | undefined
  readonly nonce: number
  readonly sequence: number
  readonly kind: Attempt['kind']
  readonly because?: Attempt['because']
  readonly gas: bigint
  readonly fees: Fees
}

/** What is stored may leave. */
export type StoredAttempt = Omit<Attempt, 'createdAt' | 'lastSentAt' | 'state'> & { readonly row: MovingTransaction | undefined }
export const storedOf = (attempt: Omit<Attempt, 'createdAt' | 'lastSentAt' | 'state'>, row: MovingTransaction | undefined): StoredAttempt => ({ ...attempt, row })

/** @returns what was signed and stored; a payload whose signing failed is left out and keeps its nonce for the next round. */
export type SignAttempts = (round: LaneRound, payloads: readonly Payload[]) => Promise<StoredAttempt[]>

type Signed = Omit<StoredAttempt, 'row'>

export const createSignAttempts = (deps: SignAttemptDeps): SignAttempts => async (round, wanted) => {
  const payloads = await unaltered(deps, round, wanted)
  const settled = await Promise.allSettled(payloads.map(async (payload) => ({ payload, signed: await sign(deps, round, payload) })))
  const done = settled.flatMap((one) => one.status === 'fulfilled' ? [one.value] : [])
  const failed = settled.find((one) => one.status === 'rejected')
  if (failed !== undefined) round.log.warn({ err: failed.reason as unknown, failed: payloads.length - done.length }, 'not signed: the same nonce is tried again')
  if (done.length === 0) return []
  await deps.crashPoint('lane.signed')

  const stored = await round.fenced(async (unit) => {
    const kept = await moveSigned(deps, unit, done)
    await deps.attempts.insertAll(kept.map(({ row: _row, ...attempt }) => attempt), unit)
    const later = kept.filter(({ kind }) => kind !== 'first')
    if (later.length > 0) {
      await deps.audit.append(later.map(({ kind, row, hash, nonce, sequence }) =>
        ({ event: `attempt.${kind}`, subject: row?.id ?? round.wallet.id, walletId: round.wallet.id, facts: { hash, nonce, sequence } })), unit.session)
    }
    await deps.crashPoint('lane.storing')
    return kept
  })
  await deps.crashPoint('lane.stored')
  return stored
}

/** A row that somebody changed in the database is not signed, and stays as it is for whoever looks into it; the lane pauses, and the operator is told. */
async function unaltered ({ findAltered }: SignAttemptDeps, { log, altered: found }: LaneRound, payloads: readonly Payload[]): Promise<readonly Payload[]> {
  const altered = await findAltered(payloads.flatMap(({ row, kind }) => row === undefined || kind === 'noop' ? [] : [row]))
  return payloads.filter(({ row, kind, nonce }) => {
    if (row === undefined || kind === 'noop' || !altered.has(row.id)) return true
    found.add(row.id)
    log.error({ transaction: row.id, nonce }, 'this transaction is not what was confirmed: it was changed in the database, and is not signed')
    return false
  })
}

/** The first payload moves the row; a later one only needs it to be on its way at this nonce still, which the fence guarantees. */
async function moveSigned ({ recordMove }: SignAttemptDeps, unit: Unit, done: readonly { payload: Payload, signed: Signed }[]): Promise<StoredAttempt[]> {
  const first = done.flatMap(({ payload: { row }, signed: { hash, nonce } }) => row?.state === 'assigned'
    ? [{ transaction: row, move: { from: 'assigned', to: 'signed', nonce }, record: { facts: { hash, nonce } } } as const]
    : [])
  const moved = new Map((await recordMove.all(unit, first)).map((row, index) => [first[index]?.transaction.id, row]))
  return done.flatMap(({ payload: { row }, signed }) => {
    const now = row !== undefined && moved.has(row.id) ? moved.get(row.id) : row
    return row !== undefined && now === undefined ? [] : [storedOf(signed, now)]
  })
}

async function sign ({ keyRing }: SignAttemptDeps, { key, wallet, chain }: LaneRound, { row, nonce, sequence, kind, because, gas, fees }: Payload): Promise<Signed> {
  const moves = kind !== 'noop' && row !== undefined
  const { bytes, hash } = await signTransfer({
    chainId: key.chainId,
    nonce,
    to: moves ? row.to : wallet.address,
    value: moves ? BigInt(row.value) : 0n,
    data: moves ? row.data : '0x',
    gas,
    ...fees,
    eip1559: chain.eip1559
  }, wallet.address, (digest) => keyRing.signDigest(wallet.keyId, digest))
  return {
    hash, bytes, nonce, sequence, kind, ...because !== undefined && { because }, txId: row?.id ?? null, chainId: key.chainId, walletId: wallet.id, gas: gas.toString(),
    maxFeePerGas: fees.maxFeePerGas.toString(), maxPriorityFeePerGas: fees.maxPriorityFeePerGas.toString()
  }
}
