/** Looks at everything that left a wallet between two blocks, and says what of it is not ours, and what of ours is not there. */
import type { AgedAttempt, AttemptRepository } from '../attempts/attempt-repository.ts'
import { highestFee } from '../attempts/attempt.ts'
import { ChainFault } from '../chain/chain-fault.ts'
import { findNonceUser } from '../chain/nonce-user.ts'
import { transfersFrom } from '../chain/token-reads.ts'
import type { TransactionRepository } from '../transactions/transaction-repository.ts'
import type { CoverTransfers } from './cover-transfers.ts'
import { coin, type Comparison, type Finding, type Reconciliation, type UsedPermit } from './reconciliation.ts'

export interface CompareDeps {
  readonly attempts: Pick<AttemptRepository, 'atNonces'>
  readonly transactions: Pick<TransactionRepository, 'promisedAt'>
  readonly cover: CoverTransfers
}

export interface Compared {
  readonly findings: readonly Finding[]
  /** Transactions of ours that were found in this span. */
  readonly ours: number
  readonly used: readonly UsedPermit[]
  /** For the next comparison. */
  readonly permits: NonNullable<Reconciliation['permits']>
}

const noncesAtOnce = 500
/** Each costs a search through the chain; further ones are told without the hash. */
const mostSearched = 32

/** @throws ChainFault when the node does not answer: nothing is concluded */
export const createCompareLane = (deps: CompareDeps) => async (given: Comparison): Promise<Compared> => {
  const { before, now } = given
  if (now.nonce < before.nonce) {
    const detail = `the next nonce was ${before.nonce} at block ${before.height} and is ${now.nonce} at block ${now.height}`
    return { findings: [{ kind: 'nonce_went_back', mark: `${before.nonce}@${before.height}`, hash: null, detail }], ours: 0, used: [], permits: {} }
  }
  const nonces = await compareNonces(deps, given)
  const { findings, moved, used, permits } = await compareTokens(deps, given, nonces.strange)
  // Whoever else signed may have moved any of it, and is told already.
  const balances = nonces.strange || findings.length > 0 ? [] : compareBalances(given, nonces.promised, moved)
  return { findings: [...nonces.findings, ...findings, ...balances], ours: nonces.ours, used, permits }
}

interface NonceResult { readonly findings: Finding[], readonly ours: number, readonly strange: boolean, readonly promised: bigint }

async function compareNonces (deps: CompareDeps, given: Comparison): Promise<NonceResult> {
  const { before, now, chainId, wallet } = given
  const findings: Finding[] = []
  let [ours, promised, searched] = [0, 0n, 0]
  for (let first = before.nonce; first < now.nonce; first += noncesAtOnce) {
    const nonces = Array.from({ length: Math.min(noncesAtOnce, now.nonce - first) }, (_none, index) => first + index)
    const lane = { chainId, walletId: wallet.id }
    const attempts = byNonce(await deps.attempts.atNonces(lane, nonces))
    promised += await deps.transactions.promisedAt(lane, nonces)
    for (const nonce of nonces) {
      const own = await ownAt(given, attempts.get(nonce) ?? [])
      if (own !== undefined) {
        ours++
        promised += own.txId === null ? highestFee(own) : 0n
      } else findings.push(await stranger(given, nonce, attempts.get(nonce) ?? [], searched++ < mostSearched))
    }
  }
  return { findings, ours, strange: findings.some(({ kind }) => kind === 'foreign_transaction'), promised }
}

function byNonce (attempts: readonly AgedAttempt[]): ReadonlyMap<number, readonly AgedAttempt[]> {
  const found = new Map<number, AgedAttempt[]>()
  for (const attempt of attempts) found.set(attempt.nonce, [...found.get(attempt.nonce) ?? [], attempt])
  return found
}

/** The payload of ours that took the nonce, with the chain's own word for it. */
async function ownAt ({ node, now }: Comparison, attempts: readonly AgedAttempt[]): Promise<AgedAttempt | undefined> {
  const likely = [...attempts].sort((a, b) => Number(b.state === 'mined') - Number(a.state === 'mined'))
  for (const attempt of likely) {
    const receipt = await node.receipt(attempt.hash)
    if (receipt !== null && receipt.blockNumber <= now.height) return attempt
  }
  return undefined
}

async function stranger ({ node, wallet, now }: Comparison, nonce: number, attempts: readonly AgedAttempt[], search: boolean): Promise<Finding> {
  const user = search ? await findNonceUser(node, wallet.address, nonce, now.height).catch(unlessForgotten) : undefined
  const mined = attempts.find(({ state }) => state === 'mined')
  if (user !== undefined && attempts.some(({ hash }) => hash === user.hash)) throw new Error('the node shows a transaction and not its receipt')
  if (mined !== undefined) {
    return { kind: 'transfer_missing', mark: String(nonce), hash: mined.hash, detail: `nonce ${nonce} was used by ${mined.hash} for us, and is used by ${user?.hash ?? 'another transaction'} now` }
  }
  const where = user === undefined ? 'a transaction that the node does not name' : `${user.hash} in block ${user.block}`
  return { kind: 'foreign_transaction', mark: String(nonce), hash: user?.hash ?? null, detail: `nonce ${nonce} was used by ${where}, which is none of ours: somebody else signs with this key` }
}

/** Nodes throw away the state of old blocks: the alarm is raised all the same, without the hash. */
function unlessForgotten (error: unknown): undefined {
  if (!(error instanceof ChainFault) || !error.answered) throw error
}

async function compareTokens ({ cover }: CompareDeps, given: Comparison, strange: boolean): Promise<Pick<Compared, 'findings' | 'used' | 'permits'> & { readonly moved: ReadonlyMap<string, bigint> }> {
  const { node, wallet, tokens, before, now } = given
  const transfers = await transfersFrom(node, { owner: wallet.address, tokens, first: before.height + 1, last: now.height })
  const moved = new Map<string, bigint>()
  for (const { token, amount } of transfers) moved.set(token, (moved.get(token) ?? 0n) + amount)
  const { used, foreign, permits } = await cover({ ...given, transfers, strange })
  const findings = foreign.map(({ token, to, amount, hash, logIndex }): Finding => ({
    kind: 'foreign_token_transfer', mark: `${hash}:${logIndex}`, hash, detail: `${amount} of the token ${token} went to ${to} by ${hash}, which is none of ours, and permits of ours do not account for it: somebody uses an allowance`
  }))
  return { findings, moved, used, permits }
}

/** What came in is not known, so that less than expected is a finding, and more is none. */
function compareBalances ({ before, now }: Comparison, promised: bigint, moved: ReadonlyMap<string, bigint>): Finding[] {
  return Object.entries(before.balances).flatMap(([asset, was]): Finding[] => {
    const is = now.balances[asset]
    const spent = asset === coin ? promised : moved.get(asset) ?? 0n
    if (is === undefined || BigInt(is) + spent >= BigInt(was)) return []
    return [{
      kind: 'balance_short', mark: `${asset}@${now.height}`, hash: null,
      detail: `${asset} was ${was} at block ${before.height} and is ${is} at block ${now.height}, while we moved ${spent} at most`
    }]
  })
}
