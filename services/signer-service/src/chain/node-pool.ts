/**
 * The nodes of one chain, and which of them is asked. Whoever names itself (a lane) stays with its node, and is never shown a chain that is
 * shorter than the one it has seen, unless it stays so: its reads follow its writes. A node that tells another history than the others is dropped.
 */
import { createHash } from 'node:crypto'
import { assertChain, type Block, type ChainNode } from './chain-node.ts'
import { behind, ChainFault, distrusted } from './chain-fault.ts'

export interface PooledNode {
  readonly node: ChainNode
  /** Its share of the lanes; 0: only when no other can be asked. Where none of a chain has a weight, they are asked in their order. */
  readonly weight?: number
}

/** A node and the newest block that it has. */
export interface Look { readonly node: ChainNode, readonly head: Block }

export interface LookWanted {
  /** Of the lane, which is remembered. */
  readonly name?: string
  /** Comes last: what it shows contradicts what was final. */
  readonly avoid?: ChainNode | undefined
}

export type NodeState = 'serving' | 'behind' | 'down' | 'wrong_chain' | 'distrusted'

export interface NodeNews {
  readonly chainId: number
  /** From 1, as configured: a URL may hold a provider's key. */
  readonly position: number
  readonly state: NodeState
  readonly detail: string
}

export interface NodePoolOptions {
  readonly chainId: number
  readonly confirmations: number
  readonly blockTimeMs: number
  /** Told of changes alone. */
  readonly report: (news: NodeNews) => void
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number
}

export interface NodePool {
  /** @throws ChainFault of the first node when none answers; `behind` while all are behind what this lane has seen. */
  look (wanted?: LookWanted): Promise<Look>
  /** Asks all of them for the same final block, and drops those that tell another one than most; of two the first is believed. */
  compare (): Promise<void>
}

interface Member extends PooledNode { readonly position: number, state: NodeState | undefined, dropped: boolean }
interface Memory { readonly member: Member, readonly since: number, readonly seen: number, readonly shortSince: number | undefined }

/** Nodes that follow their chain differ by a block or two. */
const blocksBehind = 3
/** With a node that took over, before the first one is tried again. */
const stayMs = 60_000
/** How long a chain may be shorter than it was before that is believed: one address may stand for many nodes. */
const patienceMs = (blockTimeMs: number): number => Math.min(4 * blockTimeMs, 30_000)

export function createNodePool (nodes: readonly PooledNode[], { chainId, confirmations, blockTimeMs, report, now }: NodePoolOptions): NodePool {
  const members = nodes.map((one, index): Member => ({ ...one, position: index + 1, state: undefined, dropped: false }))
  const memories = new Map<string, Memory>()
  let highest = 0

  const tell = (member: Member, state: NodeState, detail = ''): void => {
    if (member.state === state) return
    member.state = state
    report({ chainId, position: member.position, state, detail })
  }

  /** @returns undefined when it cannot be asked, or is another chain's. */
  const headOf = async (member: Member, failed: (error: ChainFault) => void = () => {}): Promise<Block | undefined> => {
    try {
      // Asked each time: a URL may lead to another chain tomorrow, and the question, which goes with the other, costs less than a wrong answer.
      const [, head] = await Promise.all([assertChain(member.node), member.node.head()])
      if (!member.dropped) highest = Math.max(highest, head.number)
      return head
    } catch (error) {
      if (!(error instanceof ChainFault)) throw error
      failed(error)
      tell(member, error.code === 'wrong_chain' ? 'wrong_chain' : 'down', error.message)
      return undefined
    }
  }

  const orderFor = ({ name = '', avoid }: LookWanted): Member[] => {
    const believed = ordered(members, name).filter(({ dropped }) => !dropped)
    const kept = memories.get(name)
    const staying = kept !== undefined && now() - kept.since < stayMs ? believed.filter((member) => member === kept.member) : []
    const rest = believed.filter((member) => !staying.includes(member))
    return [...staying, ...rest].sort((a, b) => Number(a.node === avoid) - Number(b.node === avoid))
  }

  const take = (name: string | undefined, member: Member, head: Block): Look => {
    const before = memories.get(name ?? '')
    const since = before?.member === member && now() - before.since < stayMs ? before.since : now()
    const short = name !== undefined && before !== undefined && head.number < before.seen
    const shortSince = short ? before.shortSince ?? now() : undefined
    const waits = shortSince !== undefined && now() - shortSince < patienceMs(blockTimeMs)
    memories.set(name ?? '', { member, since, seen: waits ? before?.seen ?? 0 : head.number, shortSince: waits ? shortSince : undefined })
    if (waits) throw behind(before?.seen ?? 0, head.number)
    return { node: member.node, head }
  }

  return {
    async look (wanted = {}) {
      const seen = wanted.name === undefined ? 0 : memories.get(wanted.name)?.seen ?? 0
      let first: ChainFault | undefined
      let furthest: { readonly member: Member, readonly head: Block } | undefined
      for (const member of orderFor(wanted)) {
        const head = await headOf(member, (error) => { first ??= error })
        if (head === undefined) continue
        const isBehind = members.length > 1 && head.number < highest - blocksBehind
        tell(member, isBehind ? 'behind' : 'serving', isBehind ? `at block ${head.number} of ${highest}` : '')
        if (!isBehind && head.number >= seen) return take(wanted.name, member, head)
        if (furthest === undefined || head.number > furthest.head.number) furthest = { member, head }
      }
      if (furthest !== undefined) return take(wanted.name, furthest.member, furthest.head)
      throw first ?? distrusted()
    },

    async compare () {
      if (members.length === 1) return
      const heads = (await Promise.all(members.map(async (member) => ({ member, head: await headOf(member) })))).flatMap(({ member, head }) => head === undefined ? [] : [{ member, head }])
      const near = heads.filter(({ head }) => head.number >= highest - blocksBehind)
      // One that is far ahead of all others may be on a chain of its own.
      const compared = near.length > 1 ? near : heads
      // As deep as what counts for final: above that, nodes may differ for a while.
      const height = Math.min(...compared.map(({ head }) => head.number)) - confirmations
      if (compared.length < 2 || height < 0) return
      const told = (await Promise.all(compared.map(async ({ member }) => ({ member, hash: await hashAt(member, height) })))).filter(({ hash }) => hash !== undefined)
      const believed = mostTold(told.map(({ hash }) => hash))
      for (const { member, hash } of told) {
        member.dropped = hash !== believed
        tell(member, member.dropped ? 'distrusted' : 'serving', member.dropped ? `block ${height} is ${hash} there and ${believed} elsewhere` : '')
      }
    }
  }
}

async function hashAt ({ node }: Member, height: number): Promise<string | undefined> {
  try {
    return (await node.block(height))?.hash
  } catch (error) {
    if (!(error instanceof ChainFault)) throw error
    return undefined
  }
}

/** The first of those that were said most often. */
function mostTold (said: readonly (string | undefined)[]): string | undefined {
  const times = (word: string | undefined): number => said.filter((other) => other === word).length
  return said.reduce((best, word) => times(word) > times(best) ? word : best, said[0])
}

/** Weighted rendezvous hashing: each name has an order of its own, the same in every process, and each node its share of the names. */
function ordered (members: readonly Member[], name: string): readonly Member[] {
  if (members.every(({ weight }) => weight === undefined)) return members
  const cost = ({ position, weight = 1 }: Member): number => weight === 0 ? Infinity : -Math.log(fraction(`${name}:${position}`)) / weight
  return [...members].sort((a, b) => {
    const [left, right] = [cost(a), cost(b)]
    return left === right ? a.position - b.position : left - right
  })
}

/** Above 0 and below 1, the same for the same text. */
const fraction = (text: string): number => (createHash('sha256').update(text).digest().readUIntBE(0, 6) + 1) / (2 ** 48 + 1)
