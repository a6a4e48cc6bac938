/**
 * What the spenders of a token's permits (EIP-2612) took, as the token itself counts it. A transfer does not say who asked for it, and what is
 * seen of a permit says nothing of who takes: so nothing is believed but the allowance of the permit's own spender, read before and after.
 */
import { allowanceAt, permitsTaken, type TokenApproval, type TokenTransfer } from '../chain/token-reads.ts'
import type { ChainNode } from '../chain/chain-node.ts'
import type { KeptPermits } from './reconciliation.ts'
import type { SignedPermit } from './signed-permits.ts'

type Permit = Extract<SignedPermit, { form: 'permit' }>

export interface CountGiven {
  readonly node: Pick<ChainNode, 'read' | 'timeOf'>
  /** EIP-55, like the token. */
  readonly owner: string
  readonly token: string
  /** The last block that was compared before, and the last one now. */
  readonly before: number
  readonly now: number
  /** Of this token since then, in their order. */
  readonly approvals: readonly TokenApproval[]
  /** Of this token out of the wallet since then. */
  readonly transfers: readonly Pick<TokenTransfer, 'hash' | 'amount'>[]
  readonly permits: readonly Permit[]
  /** As of the block that was compared before. */
  readonly kept: KeptPermits | undefined
  /** Whether a transaction is ours, by its hash. */
  readonly isOurs: (hash: string) => boolean
  /** Somebody else signs with this key. */
  readonly strange: boolean
}

export interface Counted {
  /** By all of their spenders together, smallest unit. */
  readonly taken: bigint
  /** Ids of the signatures of which something was taken. */
  readonly signatures: readonly string[]
  /** As of the block that is compared now. */
  readonly kept: KeptPermits | undefined
}

/** @throws ChainFault when the node does not answer */
export async function countPermits (given: CountGiven): Promise<Counted> {
  const { node, owner, token, now, permits, kept } = given
  const nonce = await permitsTaken(node, token, owner, now)
  if (nonce === undefined) return { taken: 0n, signatures: [], kept: undefined }
  const used = given.strange ? undefined : await usedPermits(given, kept === undefined ? leastOf(permits) : BigInt(kept.nonce), nonce)
  // Somebody else signs with this key: an allowance that is less by now may have been taken back by a signature, and not used.
  if (used === undefined) return { taken: 0n, signatures: [], kept: { nonce: nonce.toString(), left: {} } }
  const spenders = new Set([...Object.keys(kept?.left ?? {}), ...[...used.values()].map(({ spender }) => spender)])
  const counts = await Promise.all([...spenders].map(async (spender) => await countSpender(given, spender, used)))
  return {
    taken: counts.reduce((sum, { taken }) => sum + taken, 0n),
    signatures: [...new Set(counts.flatMap(({ signatures }) => signatures))],
    kept: { nonce: nonce.toString(), left: Object.fromEntries(counts.flatMap(({ spender, left }) => left === undefined ? [] : [[spender, left]])) }
  }
}

const leastOf = (permits: readonly Permit[]): bigint => permits.reduce((least, { nonce }) => nonce < least ? nonce : least, permits[0]?.nonce ?? 0n)

/**
 * The token numbers the permits that it takes: each number of this span must be one of ours, seen as the allowance that it sets.
 * @returns by the approval that set it; undefined when one of them is not ours, or not seen.
 */
async function usedPermits ({ node, approvals, permits }: CountGiven, first: bigint, end: bigint): Promise<ReadonlyMap<TokenApproval, Permit> | undefined> {
  const used = new Map<TokenApproval, Permit>()
  if (end - first > BigInt(permits.length)) return undefined
  let from = 0
  for (let nonce = first; nonce < end; nonce++) {
    const candidates = permits.filter((permit) => permit.nonce === nonce)
    const at = approvals.findIndex((approval, index) => index >= from && candidates.some((permit) => sets(approval, permit)))
    const approval = approvals[at]
    if (approval === undefined) return undefined
    const permit = candidates.find((one) => sets(approval, one))
    if (permit === undefined || !await permit.isSigned() || permit.deadline < BigInt(await node.timeOf(approval.block))) return undefined
    used.set(approval, permit)
    from = at + 1
  }
  return used
}

const sets = (approval: TokenApproval, permit: Permit): boolean => approval.spender === permit.spender && approval.amount === permit.amount

interface Spent { readonly spender: string, readonly taken: bigint, readonly signatures: readonly string[], readonly left: KeptPermits['left'][string] | undefined }

/** From one setting of the allowance to the next, what it lost was taken; what was taken in the very block of the next one, before it, nobody can tell. */
async function countSpender ({ node, owner, token, before, now, approvals, transfers, kept, isOurs }: CountGiven, spender: string, used: ReadonlyMap<TokenApproval, Permit>): Promise<Spent> {
  const [signatures, started] = [new Set<string>(), kept?.left[spender]]
  let [taken, left, by, since] = [0n, BigInt(started?.amount ?? 0), started?.signature ?? '', before]
  // As the token told it last.
  let told = left
  const movedBy = (hash: string): bigint => transfers.reduce((sum, transfer) => transfer.hash === hash ? sum + transfer.amount : sum, 0n)
  const readTo = async (block: number): Promise<void> => {
    const is = left > 0n && block >= since ? await allowanceAt(node, token, owner, spender, block) : undefined
    if (is !== undefined && is < left) {
      taken += left - is
      signatures.add(by)
    }
    left = is !== undefined && is <= left ? is : 0n
  }
  for (const approval of approvals.filter((one) => one.spender === spender)) {
    const permit = used.get(approval)
    // Some tokens tell what is left of an allowance each time it is used. One that is less without a transfer was taken back: by a signature, perhaps not ours.
    if (permit === undefined && !isOurs(approval.hash) && approval.amount < told && movedBy(approval.hash) === told - approval.amount) {
      told = approval.amount
      continue
    }
    await readTo(approval.block - 1)
    // What was allowed otherwise is no permit.
    ;[left, by, since] = [permit?.amount ?? 0n, permit?.id ?? '', approval.block]
    told = left
  }
  await readTo(now)
  return { spender, taken, signatures: [...signatures], left: left > 0n ? { amount: left.toString(), signature: by } : undefined }
}
