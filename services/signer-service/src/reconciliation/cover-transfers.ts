/** Which of the transfers that others made took no more than what this signer's permits and authorizations let them take. */
import { approvalsOf, authorizationsUsed, type TokenTransfer } from '../chain/token-reads.ts'
import type { TransactionRepository } from '../transactions/transaction-repository.ts'
import { countPermits } from './count-permits.ts'
import type { Comparison, KeptPermits, UsedPermit } from './reconciliation.ts'
import type { ReadPermits, SignedPermit } from './signed-permits.ts'

export interface CoverDeps {
  readonly readPermits: ReadPermits
  readonly transactions: Pick<TransactionRepository, 'calledBy'>
  readonly attempts: { readonly known: (hashes: readonly string[]) => Promise<ReadonlyMap<string, string | null>> }
}

export interface CoverGiven extends Pick<Comparison, 'wallet' | 'chainId' | 'node' | 'tokens' | 'before' | 'now'> {
  readonly transfers: readonly TokenTransfer[]
  /** Somebody else signs with this key: nothing of ours accounts for anything. */
  readonly strange: boolean
}

export interface Covered {
  readonly used: readonly UsedPermit[]
  /** What nothing of ours accounts for. */
  readonly foreign: readonly TokenTransfer[]
  readonly permits: Readonly<Record<string, KeptPermits>>
}

export type CoverTransfers = (given: CoverGiven) => Promise<Covered>

/** @throws ChainFault when the node does not answer */
export const createCoverTransfers = (deps: CoverDeps): CoverTransfers => async (given) => {
  const { wallet, chainId, node, before, now, transfers } = given
  const signed = await deps.readPermits(wallet, chainId, given.tokens)
  const tokens = [...new Set(signed.map(({ token }) => token))]
  const wanted = { owner: wallet.address, tokens, first: before.height + 1, last: now.height }
  const approvals = await approvalsOf(node, wanted)
  const own = await deps.attempts.known([...new Set([...transfers, ...approvals].map(({ hash }) => hash))])
  // Whoever likes makes a token tell of a transfer of nothing.
  const others = transfers.filter(({ hash, amount }) => !own.has(hash) && amount > 0n)
  const { authorized, strange } = given.strange ? nothingAuthorized : await findAuthorized(given, signed, tokens, others)
  const through = await takenThroughOthers(deps, transfers, own)

  const [used, foreign] = [[...authorized.values()], others.filter((transfer) => !authorized.has(transfer))]
  const permits: Record<string, KeptPermits> = {}
  for (const token of tokens) {
    const ofToken = signed.flatMap((one) => one.form === 'permit' && one.token === token ? [one] : [])
    if (ofToken.length === 0) continue
    const { taken, signatures, kept } = await countPermits({
      node, owner: wallet.address, token, before: before.height, now: now.height, approvals: approvals.filter((one) => one.token === token), permits: ofToken, kept: before.permits?.[token],
      transfers: transfers.filter((one) => one.token === token), isOurs: (hash) => own.has(hash), strange: given.strange || strange.has(token)
    })
    if (kept !== undefined) permits[token] = kept
    const left = foreign.filter((one) => one.token === token)
    // All or none: which of them went beyond it, a token does not tell.
    if (left.length === 0 || sumOf(left) + (through.get(token) ?? 0n) > taken) continue
    used.push(...left.map((transfer) => usedBy(transfer, signatures)))
    for (const transfer of left) foreign.splice(foreign.indexOf(transfer), 1)
  }
  return { used, foreign, permits }
}

const sumOf = (transfers: readonly TokenTransfer[]): bigint => transfers.reduce((sum, { amount }) => sum + amount, 0n)
const usedBy = ({ token, to, amount, hash, logIndex }: TokenTransfer, signatures: readonly string[]): UsedPermit => ({ token, to, amount, hash, logIndex, signatures })

type Authorization = Extract<SignedPermit, { form: 'authorization' }>
const nameOf = ({ token, nonce }: Pick<Authorization, 'token' | 'nonce'>): string => `${token} ${nonce}`

interface Authorized {
  readonly authorized: ReadonlyMap<TokenTransfer, UsedPermit>
  /** Tokens that took an authorization which is none of ours. */
  readonly strange: ReadonlySet<string>
}
const nothingAuthorized: Authorized = { authorized: new Map(), strange: new Set() }

/** EIP-3009: the token names the authorization that it took, once for ever; beside it stands a transfer of just what was authorized. */
async function findAuthorized (
  { wallet, node, before, now }: CoverGiven, signed: readonly SignedPermit[], tokens: readonly string[], others: readonly TokenTransfer[]
): Promise<Authorized> {
  const authorized = new Map<TokenTransfer, UsedPermit>()
  const strange = new Set<string>()
  const ours = new Map<string, Authorization[]>()
  for (const one of signed) if (one.form === 'authorization') ours.set(nameOf(one), [...ours.get(nameOf(one)) ?? [], one])
  for (const { token, nonce, hash, block } of await authorizationsUsed(node, { owner: wallet.address, tokens, first: before.height + 1, last: now.height })) {
    let isOurs = false
    for (const one of ours.get(nameOf({ token, nonce })) ?? []) {
      if (!await one.isSigned()) continue
      isOurs = true
      const transfer = others.find((other) => other.token === token && other.hash === hash && other.to === one.to && other.amount === one.amount && !authorized.has(other))
      if (transfer === undefined || one.deadline < BigInt(await node.timeOf(block))) continue
      authorized.set(transfer, usedBy(transfer, [one.id]))
      break
    }
    if (!isOurs) strange.add(token)
  }
  return { authorized, strange }
}

/** What our own transactions had others take, by token: it may have gone by a permit's allowance, which then has less for everybody else. A token that is asked for one transfer, and logs one, took nothing of an allowance. */
async function takenThroughOthers ({ transactions }: CoverDeps, transfers: readonly TokenTransfer[], own: ReadonlyMap<string, string | null>): Promise<ReadonlyMap<string, bigint>> {
  const ids = transfers.flatMap(({ hash }) => own.get(hash) ?? [])
  const called = await transactions.calledBy([...new Set(ids)])
  const sums = new Map<string, bigint>()
  for (const { token, amount, hash } of transfers) {
    const alone = called.get(own.get(hash) ?? '') === token && transfers.filter((other) => other.hash === hash && other.token === token).length === 1
    if (own.has(hash) && !alone) sums.set(token, (sums.get(token) ?? 0n) + amount)
  }
  return sums
}
