/** What the same machine does when it only signs and sends: nothing is stored, decided, watched or proved. */
import { createKeyRing, type OpenKeyRing } from '@countersign/kms'
import { createLogger, createMetrics } from '@countersign/runtime'
import { until } from '@countersign/testing'
import { hexToBytes, keccak256, numberToHex, serializeTransaction, type Hex, type TransactionSerializableEIP1559 } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { chainId, destinations, type BenchWallet, type SignerHouse } from './house.ts'
import { inParallel } from './transfers.ts'

/** A sender that knows its own nonces. */
interface Sender { readonly address: Hex, readonly sign: (transfer: TransactionSerializableEIP1559) => Promise<Hex> }

/** So many are signed and sent at once by each sender. */
const atOnce = 16

/** Wallets of the house, after everything of theirs is in blocks. */
export async function measureBareKms (house: SignerHouse, wallets: readonly BenchWallet[], transfers: number): Promise<number> {
  const ring = createKeyRing({
    region: 'us-east-1', endpoint: house.kmsEndpoint, timeoutMs: 5_000, maxAttempts: 3,
    log: createLogger({ service: 'bench', level: 'error', sha: 'bench', environment: 'bench' }), metrics: createMetrics({ service: 'bench', sha: 'bench' })
  })
  try {
    return await measure(house, wallets.map((wallet) => throughKms(ring, wallet)), transfers)
  } finally {
    ring.close()
  }
}

export async function measureBareLocal (house: SignerHouse, senders: number, transfers: number): Promise<number> {
  const accounts = Array.from({ length: senders }, () => privateKeyToAccount(generatePrivateKey()))
  for (const { address } of accounts) await house.chain.request('anvil_setBalance', [address, `0x${(10n ** 24n).toString(16)}`])
  return await measure(house, accounts.map((account) => ({ address: account.address, sign: async (transfer) => await account.signTransaction(transfer) })), transfers)
}

const throughKms = (ring: OpenKeyRing, { address, keyId }: BenchWallet): Sender => ({
  address,
  sign: async (transfer) => {
    const { r, s, yParity } = await ring.signDigest(keyId, hexToBytes(keccak256(serializeTransaction(transfer))))
    return serializeTransaction(transfer, { r: numberToHex(r, { size: 32 }), s: numberToHex(s, { size: 32 }), yParity })
  }
})

/** @returns transfers per second, from the first signature to the block that holds the last one. */
async function measure ({ chain }: SignerHouse, senders: readonly Sender[], transfers: number): Promise<number> {
  const each = Math.ceil(transfers / senders.length)
  const nonceOf = async (address: Hex): Promise<number> => Number(await chain.request<string>('eth_getTransactionCount', [address, 'latest']))
  const firsts = await Promise.all(senders.map(async ({ address }) => await nonceOf(address)))
  const startedAt = performance.now()
  await Promise.all(senders.map(async ({ sign }, sender) => {
    await inParallel(Array.from({ length: each }, (_none, index) => (firsts[sender] ?? 0) + index), atOnce, async (nonce) => {
      const bytes = await sign({ type: 'eip1559', chainId, nonce, to: destinations[nonce % destinations.length] as Hex, value: 1n, gas: 21_000n, maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 10n ** 9n })
      await chain.request('eth_sendRawTransaction', [bytes])
    })
  }))
  await until(async () => (await Promise.all(senders.map(async ({ address }, sender) => await nonceOf(address) === (firsts[sender] ?? 0) + each))).every(Boolean), { timeoutMs: 60_000, what: 'the last block', everyMs: 20 })
  return each * senders.length / (performance.now() - startedAt) * 1_000
}
