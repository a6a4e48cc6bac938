/** Signatures of contract wallets, asked of real nodes. */

import { startAnvil, type TestChain } from '@countersign/testing'
import t from 'tap'
import {
  concat, createPublicClient, createWalletClient, custom, encodeFunctionData, hashMessage, http, parseAbi, serializeErc6492Signature, toHex, type Address, type Hex
} from 'viem'
import { mnemonicToAccount, privateKeyToAccount } from 'viem/accounts'
import { foundry } from 'viem/chains'
import { verifyEvmMessage, verifyEvmMessageByContract, verifyEvmTypedData, verifyEvmTypedDataByContract, type EvmRpc, type EvmVerdict } from '../../src/index.ts'
import { answering, answeringZeros, deployedBy, factory, initcodeOf, magicWord, stopping, trustingTheZeroAddress, unpreparedWallet, walletOf } from './contracts.ts'

const owner = privateKeyToAccount('0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d')
const stranger = privateKeyToAccount('0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a')
const message = 'localhost wants you to sign in with your Ethereum account: 1234'
const [ownSignature, foreignSignature] = await Promise.all([owner.signMessage({ message }), stranger.signMessage({ message })])

const factoryAddress: Address = '0x00000000000000000000000000000000000000f1'
const refused = (reason: EvmVerdict['reason']): EvmVerdict => ({ valid: false, reason }) as EvmVerdict
const notTheirs = refused('signature is not by this address')

/** A client of that node which remembers what was asked. It rejects with the node's error object, as an EIP-1193 provider does. */
function rpcOf (chain: Pick<TestChain, 'rpcUrl'>): EvmRpc & { readonly asked: string[] } {
  const asked: string[] = []
  return {
    asked,
    request: async ({ method, params }) => {
      asked.push(method)
      const response = await fetch(chain.rpcUrl, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }) })
      const { result, error } = await response.json() as { result: unknown, error?: { message: string } }
      if (error !== undefined) throw Object.assign(new Error(error.message), error)
      return result
    }
  }
}

const [chain, otherChain] = await Promise.all([startAnvil(t), startAnvil(t, { chainId: 31338 })])
const rpc = rpcOf(chain)
const client = createPublicClient({ chain: foundry, transport: http(chain.rpcUrl, { retryCount: 0 }) })

let places = 0x1000
/** Puts code at a fresh address, in lower case. */
async function put (code: Hex, on: TestChain = chain): Promise<Address> {
  const address: Address = `0x${(places += 1).toString(16).padStart(40, 'c')}`
  await on.request('anvil_setCode', [address, code])
  return address
}

const verdictOf = async (address: string, signature: string, over: object = {}): Promise<EvmVerdict> =>
  await verifyEvmMessage({ message, signature, address, rpc, chainId: 31337, ...over })

const wrap = (data: Hex, signature: Hex, address: Address = factoryAddress): Hex => serializeErc6492Signature({ address, data, signature })

/** The same question to the validator of another library. */
const viemSays = async (address: Address, signature: Hex): Promise<boolean> => await client.verifyHash({ address, hash: hashMessage(message), signature })

await chain.request('anvil_setCode', [factoryAddress, factory])

t.test('a deployed wallet speaks for its owner and for nobody else', async (t) => {
  const address = await put(walletOf(owner.address))
  t.match(await verdictOf(address, ownSignature), { valid: true, method: 'erc1271' })
  t.strictSame(await verdictOf(address, foreignSignature), notTheirs)
  t.strictSame(await verdictOf(address, ownSignature, { message: `${message} ` }), notTheirs)
  t.strictSame(await verdictOf(address, '0x'), notTheirs)
  t.match(await verifyEvmMessage({ message, signature: ownSignature, address, rpc: client as EvmRpc }), { valid: true, method: 'erc1271' }, 'through a client of viem, and without a chain id')
  t.strictSame(await verifyEvmMessage({ message, signature: ownSignature, address }), notTheirs, 'without an rpc there is nobody to ask')
  t.ok(await viemSays(address, ownSignature))
  t.notOk(await viemSays(address, foreignSignature))
})

t.test('after the key\'s own check elsewhere the contract alone is asked', async (t) => {
  const address = await put(walletOf(owner.address))
  const ask = async (of: string, signature: unknown, over: object = {}): Promise<EvmVerdict> =>
    await verifyEvmMessageByContract({ message, signature: signature as string, address: of, rpc, chainId: 31337, ...over }, 'signature recovers no key')

  t.match(await ask(address, ownSignature), { valid: true, method: 'erc1271' })
  t.strictSame(await ask(address, foreignSignature), notTheirs)
  t.strictSame(await ask(owner.address, ownSignature), refused('signature recovers no key'), 'the key is not looked at again')
  t.strictSame(await ask(address, ownSignature, { rpc: undefined }), refused('signature recovers no key'))
  t.strictSame(await ask(address, undefined), refused('signature recovers no key'))
  t.strictSame(await ask('0x', ownSignature), refused('address is not 20 bytes in 0x hex'))
})

t.test('typed data is asked of a wallet, deployed or not, as a text is', async (t) => {
  const typedData = { domain: { name: 'Countersign', chainId: 31337 }, types: { Note: [{ name: 'text', type: 'string' }] }, primaryType: 'Note', message: { text: message } } as const
  const [own, foreign] = await Promise.all([owner.signTypedData(typedData), stranger.signTypedData(typedData)])
  const ask = (address: string, signature: string, over: object = {}) => verifyEvmTypedData({ typedData, signature, address, rpc, chainId: 31337, ...over })

  const address = await put(walletOf(owner.address))
  t.match(await ask(address, own), { valid: true, method: 'erc1271' })
  t.strictSame(await ask(address, foreign), notTheirs)
  t.strictSame(await ask(address, ownSignature), notTheirs, 'the signature of a text')
  t.strictSame(await ask(address, own, { typedData: { ...typedData, domain: { ...typedData.domain, chainId: 1 } } }), notTheirs)
  t.strictSame(await ask(address, own, { chainId: 1 }), refused('unavailable'), 'the node of another chain')
  t.match(await verifyEvmTypedDataByContract({ typedData, signature: own, address, rpc, chainId: 31337 }, 'signature recovers no key'), { valid: true, method: 'erc1271' })

  const runtime = walletOf(owner.address)
  const later = deployedBy(factoryAddress, runtime)
  t.match(await ask(later, wrap(initcodeOf(runtime), own)), { valid: true, method: 'erc6492' })
  t.strictSame(await ask(later, wrap(initcodeOf(runtime), foreign)), notTheirs)
})

t.test('an account of a key is never asked about on a chain, and one without code has nothing to say', async (t) => {
  const own = rpcOf(chain)
  t.strictSame(await verdictOf(owner.address, ownSignature, { rpc: own }), { valid: true, address: owner.address, method: 'eoa' })
  t.strictSame(own.asked, [])
  t.strictSame(await verdictOf(owner.address, foreignSignature, { rpc: own }), notTheirs)
  t.strictSame(await verdictOf(owner.address, `${ownSignature}00`, { rpc: own }), notTheirs)
  t.strictSame([...new Set(own.asked)].sort(), ['eth_chainId', 'eth_getCode'])

  const s = BigInt(`0x${ownSignature.slice(66, 130)}`)
  const mirrored = `${ownSignature.slice(0, 66)}${(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n - s).toString(16).padStart(64, '0')}${ownSignature.endsWith('1b') ? '1c' : '1b'}`
  t.strictSame(await verdictOf(owner.address, mirrored), refused('signature is not in low-s form'))
})

t.test('a wallet that is not deployed yet is deployed in a simulation, of which nothing stays', async (t) => {
  const runtime = walletOf(owner.address)
  const address = deployedBy(factoryAddress, runtime)
  const signature = wrap(initcodeOf(runtime), ownSignature)
  const block = await chain.request('eth_blockNumber')
  const own = rpcOf(chain)

  t.strictSame(await verdictOf(address, signature, { rpc: own }), { valid: true, address, method: 'erc6492' })

  t.strictSame(own.asked.sort(), ['eth_call', 'eth_chainId', 'eth_getCode'])
  t.equal(await chain.request('eth_getCode', [address, 'latest']), '0x')
  t.equal(await chain.request('eth_blockNumber'), block)
  t.ok(await viemSays(address, signature))
  t.match(await verifyEvmMessage({ message, signature, address, rpc: client as EvmRpc }), { valid: true, method: 'erc6492' })
  t.strictSame(await verdictOf(address, wrap(initcodeOf(runtime), foreignSignature)), notTheirs)
  t.strictSame(await verdictOf(address, ownSignature), notTheirs, 'nobody is there without the wrapper')
  t.strictSame(await verifyEvmMessage({ message, signature, address }), refused('signature is not 65 bytes in 0x hex'), 'without an rpc')
})

t.test('a factory that does not put the account there proves nothing', async (t) => {
  const runtime = walletOf(owner.address)
  const address = deployedBy('0x00000000000000000000000000000000000000f2', runtime)
  const cases: Record<string, Hex> = {
    'it deploys elsewhere': wrap(initcodeOf(runtime), ownSignature),
    'it has no code': wrap(initcodeOf(runtime), ownSignature, '0x00000000000000000000000000000000000000f2'),
    'it is the account': wrap(initcodeOf(runtime), ownSignature, address),
    'it is a precompile': wrap(magicWord, ownSignature, '0x0000000000000000000000000000000000000004'),
    'it answers with the magic value itself': wrap('0x', ownSignature, await put(answering(magicWord)))
  }
  for (const [how, code] of Object.entries(stopping)) cases[`it ${how}`] = wrap('0x', ownSignature, await put(code))
  for (const [title, signature] of Object.entries(cases)) t.strictSame(await verdictOf(address, signature), notTheirs, title)
  t.notOk(await viemSays(address, cases['it deploys elsewhere'] as Hex).catch(() => false))
})

t.test('a wrapped signature of a wallet that is deployed by now is the wallet\'s to judge', async (t) => {
  const runtime = walletOf(owner.address)
  const address = await put(runtime)
  t.match(await verdictOf(address, wrap(initcodeOf(runtime), ownSignature)), { valid: true, method: 'erc1271' })
  t.match(await verdictOf(address, wrap('0x', ownSignature, await put(stopping['runs out of gas']))), { valid: true, method: 'erc1271' })
  t.strictSame(await verdictOf(address, wrap(initcodeOf(runtime), foreignSignature)), notTheirs)
})

t.test('a deployed wallet that is not ready may be made ready by the wrapper\'s call', async (t) => {
  const address = await put(unpreparedWallet)
  const prepare = concat(['0x00000001', toHex(BigInt(owner.address), { size: 32 })])
  t.match(await verdictOf(address, wrap(prepare, ownSignature, address)), { valid: true, method: 'erc6492' })
  t.strictSame(await verdictOf(address, wrap(prepare, foreignSignature, address)), notTheirs)
  t.strictSame(await verdictOf(address, ownSignature), notTheirs, 'and it is not ready afterwards')
  t.ok(await viemSays(address, wrap(prepare, ownSignature, address)))
})

t.test('a wrapper in a wrapper is refused, and one that cannot be read', async (t) => {
  const runtime = walletOf(owner.address)
  const address = deployedBy(factoryAddress, runtime)
  const once = wrap(initcodeOf(runtime), ownSignature)
  t.strictSame(await verdictOf(address, wrap(initcodeOf(runtime), once)), refused('signature is wrapped twice'))
  for (const cut of [1, 32, 65, 97, 129]) t.strictSame(await verdictOf(address, `0x${once.slice(2 + cut * 2)}`), refused('signature wrapper is not readable'))
})

t.test('only one word, the magic value, is a yes', async (t) => {
  const answers: Record<string, Hex> = {
    nothing: '0x', 'the four bytes alone': '0x1626ba7e', '31 bytes': `0x${magicWord.slice(2, -2)}`, '33 bytes': `${magicWord}00`, '64 bytes': concat([magicWord, magicWord]),
    'true': `0x${'1'.padStart(64, '0')}`, zero: `0x${'0'.repeat(64)}`, ones: `0x${'f'.repeat(64)}`, 'the value at the other end': `0x${'1626ba7e'.padStart(64, '0')}`,
    'the value of the older form': `0x20c13b0b${'0'.repeat(56)}`, 'the value with a tail': `0x1626ba7e${'1'.padStart(56, '0')}`, 'a byte that no code may begin with': `0xef${'0'.repeat(62)}`
  }
  t.match(await verdictOf(await put(answering(magicWord)), '0x1234'), { valid: true, method: 'erc1271' })
  t.match(await verdictOf(deployedBy(factoryAddress, answering(magicWord)), wrap(initcodeOf(answering(magicWord)), '0x1234')), { valid: true, method: 'erc6492' })
  for (const [title, bytes] of Object.entries(answers)) {
    const code = answering(bytes)
    t.strictSame(await verdictOf(await put(code), '0x1234'), notTheirs, title)
    t.strictSame(await verdictOf(deployedBy(factoryAddress, code), wrap(initcodeOf(code), '0x1234')), notTheirs, `${title}, not deployed yet`)
  }
})

t.test('a wallet that fails is a no, however it fails', async (t) => {
  for (const [how, code] of Object.entries(stopping)) {
    t.strictSame(await verdictOf(await put(code), '0x1234'), notTheirs, how)
    t.strictSame(await verdictOf(deployedBy(factoryAddress, code), wrap(initcodeOf(code), '0x1234')), notTheirs, `${how}, not deployed yet`)
    t.match(await verifyEvmMessage({ message, signature: '0x1234', address: await put(code), rpc: client as EvmRpc }), notTheirs, `${how}, through a client that wraps errors`)
  }
  t.strictSame(await verdictOf(await put(answeringZeros(200_000)), '0x1234'), notTheirs, 'a huge answer')
})

t.test('a wallet that trusts simulations from nowhere is not fooled into one', async (t) => {
  t.strictSame(await verdictOf(await put(trustingTheZeroAddress), '0x1234'), notTheirs)
  t.strictSame(await verdictOf(deployedBy(factoryAddress, trustingTheZeroAddress), wrap(initcodeOf(trustingTheZeroAddress), '0x1234')), notTheirs)
})

t.test('a wallet of one chain is not one of another', async (t) => {
  const address = await put(walletOf(owner.address))
  await otherChain.request('anvil_setCode', [address, walletOf(stranger.address)])
  const other = { rpc: rpcOf(otherChain), chainId: 31338 }
  t.match(await verdictOf(address, ownSignature), { valid: true, method: 'erc1271' })
  t.strictSame(await verdictOf(address, ownSignature, other), notTheirs)
  t.match(await verdictOf(address, foreignSignature, other), { valid: true, method: 'erc1271' })
  t.strictSame(await verdictOf(address, foreignSignature), notTheirs)

  t.strictSame(await verdictOf(address, ownSignature, { chainId: 31338 }), refused('unavailable'), 'a node of another chain than was said')
  t.match(await verdictOf(owner.address, ownSignature, other), { valid: true, method: 'eoa' }, 'a key is the same on every chain')
})

t.test('a delegated account answers for its own key as before, and for its delegate\'s signer as a contract', async (t) => {
  const account = mnemonicToAccount('test test test test test test test test test test test junk', { addressIndex: 3 })
  const wallet = createWalletClient({ account, chain: foundry, transport: custom({ request: async ({ method, params }) => await chain.request(String(method), params as unknown[]) }) })
  const contractAddress = await put(walletOf(owner.address))
  const authorization = await wallet.signAuthorization({ contractAddress, executor: 'self' })
  await wallet.sendTransaction({ authorizationList: [authorization], to: account.address })
  t.equal(await chain.request('eth_getCode', [account.address, 'latest']), `0xef0100${contractAddress.slice(2)}`)

  const own = rpcOf(chain)
  t.strictSame(await verdictOf(account.address, await account.signMessage({ message }), { rpc: own }), { valid: true, address: account.address, method: 'eoa' })
  t.strictSame(own.asked, [])
  t.strictSame(await verdictOf(account.address, ownSignature), { valid: true, address: account.address, method: 'erc1271' })
  t.strictSame(await verdictOf(account.address, foreignSignature), notTheirs)
  t.strictSame(await verifyEvmMessage({ message, signature: ownSignature, address: account.address }), notTheirs, 'without an rpc')
})

t.test('a node that is away or does not answer in time is no verdict', async (t) => {
  const address = await put(walletOf(owner.address))
  const slow = await startAnvil(t)
  slow.pause()
  t.strictSame(await verdictOf(address, ownSignature, { rpc: rpcOf(slow), rpcTimeoutMs: 100 }), refused('unavailable'))
  slow.resume()
  await slow.kill()
  for (const signature of [ownSignature, '0x1234', wrap('0x', ownSignature)]) t.strictSame(await verdictOf(address, signature, { rpc: rpcOf(slow) }), refused('unavailable'))
  t.match(await verdictOf(owner.address, ownSignature, { rpc: rpcOf(slow) }), { valid: true, method: 'eoa' })
})

t.test('a real encoder and a real call agree with what is built here by hand', async (t) => {
  const asked: unknown[] = []
  const spy: EvmRpc = { request: async (call) => { asked.push(call); return call.method === 'eth_getCode' ? '0x01' : magicWord } }
  for (const signature of ['0x', '0x12', ownSignature, `0x${'ab'.repeat(8_192)}`] as Hex[]) {
    asked.length = 0
    t.equal((await verifyEvmMessage({ message, signature, address: stranger.address, rpc: spy })).valid, true)
    const data = encodeFunctionData({ abi: parseAbi(['function isValidSignature(bytes32 hash, bytes signature)']), args: [hashMessage(message), signature] })
    t.match(asked.at(-1), { method: 'eth_call', params: [{ to: stranger.address, data }, 'latest'] })
  }
})
