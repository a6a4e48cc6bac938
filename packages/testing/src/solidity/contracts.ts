/** The contracts of this folder, as the build compiled them, and Multicall3, put on a chain of anvil's by its first account. */
import { readFileSync } from 'node:fs'
import { decodeFunctionResult, encodeDeployData, encodeFunctionData, getAddress, type Abi, type Address, type Hex } from 'viem'
import { until } from '../until.ts'

export type ContractName = 'Token' | 'PermitToken' | 'MoodyToken' | 'SilentToken'

/** What `MoodyToken` does when it is asked for a transfer, an allowance or `poke`, in the order of its own list. */
export const moods = ['fine', 'returns false', 'reverts with a reason', 'panics', 'reverts with an error', 'reverts silently'] as const

export interface Contract {
  /** EIP-55. */
  readonly address: Address
  /** @returns what the function answers at the newest block. */
  readonly read: <T>(functionName: string, args?: readonly unknown[]) => Promise<T>
  /** As an account of anvil's, its first one by default; mined when it returns. @throws when it reverts. */
  readonly send: (functionName: string, args?: readonly unknown[], from?: string) => Promise<void>
}

/** Calls a JSON-RPC method of the chain. */
export interface Rpc { readonly request: <T>(method: string, params?: readonly unknown[]) => Promise<T> }

interface Artifact { readonly abi: Abi, readonly bytecode: Hex }

let artifacts: Readonly<Record<ContractName, Artifact>> | undefined
const artifactOf = (name: ContractName): Artifact =>
  (artifacts ??= JSON.parse(readFileSync(new URL('./artifacts.json', import.meta.url), 'utf8')) as Readonly<Record<ContractName, Artifact>>)[name]

/** @param args of its constructor. Whoever deploys it holds all of a token. */
export async function deployContract (chain: Rpc, name: ContractName, args: readonly unknown[]): Promise<Contract> {
  const { abi, bytecode } = artifactOf(name)
  const address = await deployed(chain, encodeDeployData({ abi, bytecode, args }))
  return {
    address,
    read: async <T>(functionName: string, given: readonly unknown[] = []) =>
      decodeFunctionResult({ abi, functionName, data: await chain.request<Hex>('eth_call', [{ to: address, data: encodeFunctionData({ abi, functionName, args: given }) }, 'latest']) }) as T,
    send: async (functionName, given = [], from) => { await mined(chain, { to: address, data: encodeFunctionData({ abi, functionName, args: given }), ...from !== undefined && { from } }) }
  }
}

/** Where Multicall3 stands on most chains. anvil comes without it. */
const usualMulticall3 = '0xcA11bde05977b3631167028862bE2a173976CA11'

/** Puts Multicall3, as viem carries it for chains without one, at its usual address. */
export async function placeMulticall3 (chain: Rpc): Promise<Address> {
  const { multicall3Bytecode } = await import(new URL('./constants/contracts.js', import.meta.resolve('viem')).href) as { readonly multicall3Bytecode: Hex }
  const copy = await deployed(chain, multicall3Bytecode)
  await chain.request('anvil_setCode', [usualMulticall3, await chain.request('eth_getCode', [copy, 'latest'])])
  return usualMulticall3
}

async function deployed (chain: Rpc, data: Hex): Promise<Address> {
  const { contractAddress } = await mined(chain, { data })
  return getAddress(contractAddress ?? '0x')
}

interface MinedReceipt { readonly status: Hex, readonly contractAddress: Address | null }

async function mined (chain: Rpc, transaction: object): Promise<MinedReceipt> {
  const [from] = await chain.request<Address[]>('eth_accounts')
  const hash = await chain.request<Hex>('eth_sendTransaction', [{ from, ...transaction }])
  const find = async (): Promise<MinedReceipt | false> => await chain.request<MinedReceipt | null>('eth_getTransactionReceipt', [hash]) ?? false
  // Not to wait for the next block.
  if (await find() === false) await chain.request('anvil_mine', ['0x1'])
  const receipt = await until(find, { what: 'a contract to be deployed or called', timeoutMs: 30_000 })
  if (receipt.status !== '0x1') throw new Error('a transaction to a test contract was reverted')
  return receipt
}
