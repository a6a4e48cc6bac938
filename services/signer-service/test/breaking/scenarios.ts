/** What breaks in a storm. Each is given chance by its seed, and leaves everything working. */
import { setTimeout as wait } from 'node:timers/promises'
import { createKeyRing } from '@countersign/kms'
import { createMetrics } from '@countersign/runtime'
import { until, type TestContext } from '@countersign/testing'
import { signTransfer } from '../../src/chain/signed-bytes.ts'
import { runNode, mainPath, patienceMs, type House, type World } from '../house.ts'
import { failingReceipts, staleAnswer } from './node-faults.ts'
import type { Random } from './random.ts'
import { networkFaults, startSpoilingProxy, type SpoilingProxy } from './spoiling-proxy.ts'

export type Signer = ReturnType<typeof runNode>

/** A process whether or not it lives long enough to serve. */
export function runSigner (t: TestContext, house: House, changes: Record<string, string> = {}): Signer {
  const signer = runNode(mainPath, [], { ...house.settings, ...changes })
  t.teardown(() => { signer.child.kill('SIGKILL') })
  return signer
}

const serves = async (signer: Signer): Promise<void> => {
  await until(() => signer.child.exitCode !== null || signer.child.signalCode !== null || signer.output().includes('serving commands'), { what: 'a signer to serve', timeoutMs: patienceMs })
}

export interface Killing { readonly processes: number, readonly kills: number, readonly random: Random }

/** So many processes of the signer, of which one after the other dies without a word and is replaced; `killed` is told of each. */
export const killing = (t: TestContext, house: House, { processes, kills, random }: Killing, killed: () => void = () => undefined) => async (over: () => boolean): Promise<void> => {
  const signers = Array.from({ length: processes }, () => runSigner(t, house))
  await Promise.all(signers.map(serves))
  for (let done = 0; done < kills; done++) {
    await wait(random.between(100, 1_500))
    if (over() && done > 0) break
    const index = random.between(0, processes - 1)
    signers[index]?.child.kill('SIGKILL')
    await signers[index]?.exited
    killed()
    const next = runSigner(t, house)
    signers[index] = next
    await serves(next)
  }
}

/** Proxies before the node and the KMS, for a house that is opened with their URLs. */
export async function openNetwork (t: TestContext, { chain, kms }: Pick<World, 'chain' | 'kms'>, lateMs: number): Promise<{ node: SpoilingProxy, keys: SpoilingProxy }> {
  const [node, keys] = await Promise.all([startSpoilingProxy(t, { target: chain.rpcUrl, lateMs }), startSpoilingProxy(t, { target: kms.endpoint, lateMs })])
  return { node, keys }
}

export interface Spoiling { readonly network: { readonly node: SpoilingProxy, readonly keys: SpoilingProxy }, readonly chain: World['chain'], readonly part: number, readonly random: Random, readonly leastMs: number }

/** A part of all requests is spoiled, and in turns the node lags behind or fails where receipts are asked for. */
export const spoiling = ({ network: { node, keys }, chain, part, random, leastMs }: Spoiling) => async (over: () => boolean): Promise<void> => {
  let spoiled = random.between(0, networkFaults.length - 1)
  let asked = 0
  // Each fault has its turn, at once; which requests are spoiled after that is chance.
  const isSpoiled = (): boolean => asked++ < networkFaults.length * 3 ? asked % 3 === 1 : random.next() < part
  node.spoil = keys.spoil = () => isSpoiled() ? networkFaults[spoiled++ % networkFaults.length] : undefined
  const moods: readonly SpoilingProxy['rewrite'][] = [
    (_body, answer) => answer,
    async (body, answer) => await staleAnswer(body, answer, 3, chain.request),
    failingReceipts
  ]
  for (let turn = 0, spent = 0; !over() || spent < leastMs; turn++, spent += 500) {
    node.rewrite = moods[turn % moods.length] as SpoilingProxy['rewrite']
    await wait(500)
  }
  node.spoil = keys.spoil = () => undefined
  node.rewrite = (_body, answer) => answer
}

export interface ChainBreaking { readonly house: House, readonly world: World, readonly random: Random, readonly breaks: number, readonly foreign: string[] }

/** Reorgs, an emptied pool, fees that leap, and another program with the same key; the node mines by seconds or at once. */
export const chainBreaking = (t: TestContext, { house, world: { chain, kms }, random, breaks, foreign }: ChainBreaking, print: (line: string) => void = () => undefined) => async (): Promise<void> => {
  const ring = createKeyRing({ region: 'us-east-1', endpoint: kms.endpoint, timeoutMs: 5_000, maxAttempts: 2, log: house.log, metrics: createMetrics({ service: 'test', sha: 'test' }) })
  t.teardown(() => { ring.close() })
  const kinds = {
    reorg: async () => {
      const depth = random.between(1, 6)
      if (Number(await chain.request<string>('eth_blockNumber')) > depth + 2) await chain.request('anvil_reorg', [depth, []])
    },
    'empty pool': async () => { await chain.request('anvil_dropAllTransactions') },
    'base fee x 20': async () => { await chain.request('anvil_setNextBlockBaseFeePerGas', [`0x${(20n * 10n ** 9n).toString(16)}`]) },
    'another program': async () => {
      const nonce = Number(await chain.request<string>('eth_getTransactionCount', [house.wallet.address, 'pending']))
      const { bytes, hash } = await signTransfer({
        chainId: 31337, nonce, to: house.destination(63), value: BigInt(foreign.length + 1), gas: 21_000n, maxFeePerGas: 200n * 10n ** 9n, maxPriorityFeePerGas: 2n * 10n ** 9n, data: '0x', eip1559: true
      }, house.wallet.address, async (digest) => await ring.signDigest(house.wallet.keyId, digest))
      // Written down first: a lost answer may hide that it was taken.
      foreign.push(hash)
      await chain.request('eth_sendRawTransaction', [bytes])
    },
    automine: async () => {
      await chain.request('evm_setAutomine', [true])
      await wait(random.between(200, 1_000))
      await chain.request('evm_setIntervalMining', [1])
    }
  }
  const names = Object.keys(kinds) as (keyof typeof kinds)[]
  const start = random.between(0, names.length - 1)
  for (let done = 0; done < breaks; done++) {
    await wait(random.between(300, 1_500))
    // Each of them in turn, so that none is left to chance.
    const name = names[(start + done) % names.length] as keyof typeof kinds
    await kinds[name]().then(() => { print(`  ${name}`) }, (error: unknown) => { print(`  ${name}: ${String(error)}`) })
  }
}
