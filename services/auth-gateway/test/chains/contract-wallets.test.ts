/** Signing in with contract wallets, through the whole gateway and real nodes. */
import { startAnvil, type TestChain } from '@countersign/testing'
import t from 'tap'
import { createWalletClient, custom, type Address, type Hex, type LocalAccount } from 'viem'
import { generatePrivateKey, mnemonicToAccount, privateKeyToAccount } from 'viem/accounts'
import { foundry } from 'viem/chains'
import { buildHouse, proofOf, signIn, type Answer, type TestGateway } from '../open-gateway.ts'

/** ERC-1271 for one owner: ecrecover(hash, v, r, s) == owner ? 0x1626ba7e : 0, as one word. */
const walletOf = (owner: Address): Hex =>
  `0x60043560005260a43560001a602052606435604052608435606052602060806080600060015afa5060805173${owner.slice(2).toLowerCase()}14631626ba7e0260e01b60005260206000f3`

const [house, chain, otherChain] = await Promise.all([buildHouse(t), startAnvil(t), startAnvil(t, { chainId: 31338 })])
const gateway = await house.open({
  EVM_CHAIN_IDS: '31337,31338,31339,1',
  EVM_RPC_URLS: JSON.stringify({ 31337: chain.rpcUrl, 31338: otherChain.rpcUrl, 31339: chain.rpcUrl })
})
const newAccount = () => privateKeyToAccount(generatePrivateKey())

let places = 0x1000
const newPlace = (): Address => `0x${(places += 1).toString(16).padStart(40, 'c')}`
const put = async (on: TestChain, address: Address, code: Hex): Promise<void> => { await on.request('anvil_setCode', [address, code]) }

/** A sign-in for that address, on that chain, signed by that key. */
async function enter (address: Address, signer: LocalAccount, chainId: number): Promise<Answer> {
  const { json } = await gateway.send('POST', '/api/v1/auth/evm/challenge', { body: { address, chain_id: chainId } })
  const message = String(json['message'])
  return await gateway.send('POST', '/api/v1/auth/evm/verify', { body: { address, signed_message: message, signature: await signer.signMessage({ message }), challenge_id: json['challenge_id'] } })
}
const userIn = ({ json }: Answer): string => (json['user'] as { id: string }).id

t.test('a contract wallet signs in for its owner, again and again to one account', async (t) => {
  const [owner, address] = [newAccount(), newPlace()]
  await put(chain, address, walletOf(owner.address))
  const first = await enter(address, owner, 31337)
  t.equal(first.status, 200)
  t.equal(userIn(await enter(address, owner, 31337)), userIn(first))
  t.equal((await enter(address, newAccount(), 31337)).status, 401)
  t.equal((await enter(newPlace(), owner, 31337)).status, 401, 'nobody is at that address')
})

t.test('the same address on another chain is another account, whoever owns it there', async (t) => {
  const [owner, other, address] = [newAccount(), newAccount(), newPlace()]
  await Promise.all([put(chain, address, walletOf(owner.address)), put(otherChain, address, walletOf(other.address))])
  const [here, there] = [await enter(address, owner, 31337), await enter(address, other, 31338)]
  t.strictSame([here.status, there.status], [200, 200])
  t.not(userIn(here), userIn(there))
  t.strictSame([(await enter(address, owner, 31338)).status, (await enter(address, other, 31337)).status], [401, 401])
})

t.test('a chain without a node knows keys only', async (t) => {
  const [owner, address] = [newAccount(), newPlace()]
  await put(chain, address, walletOf(owner.address))
  t.equal((await enter(address, owner, 1)).status, 401)
  t.equal((await enter(owner.address, owner, 1)).status, 200)
})

t.test('a delegate\'s signer never reaches the account of the key', async (t) => {
  const account = mnemonicToAccount('test test test test test test test test test test test junk', { addressIndex: 4 })
  const [delegate, contractAddress] = [newAccount(), newPlace()]
  const byKey = await signIn(gateway as TestGateway, account)
  await put(chain, contractAddress, walletOf(delegate.address))
  const client = createWalletClient({ account, chain: foundry, transport: custom({ request: async ({ method, params }) => await chain.request(String(method), params as unknown[]) }) })
  await client.sendTransaction({ authorizationList: [await client.signAuthorization({ contractAddress, executor: 'self' })], to: account.address })

  const byDelegate = await enter(account.address, delegate, 31337)

  t.equal(byDelegate.status, 200)
  t.not(userIn(byDelegate), byKey.userId)
  t.equal((await signIn(gateway as TestGateway, account)).userId, byKey.userId)
})

t.test('a node that is away or of another chain is 503 and not 401, and keys sign in all the same', async (t) => {
  const [owner, address] = [newAccount(), newPlace()]
  await put(otherChain, address, walletOf(owner.address))
  await put(chain, address, walletOf(owner.address))
  t.equal((await enter(address, owner, 31338)).status, 200)
  await otherChain.kill()
  for (const chainId of [31338, 31339]) {
    const answer = await enter(address, owner, chainId)
    t.match(answer, { status: 503, json: { type: '/problems/unavailable', retry_after: 1 } })
    t.notMatch(answer.text, /127\.0\.0\.1/)
    t.equal((await enter(owner.address, owner, chainId)).status, 200)
  }
  t.notMatch(house.logs.text(), otherChain.rpcUrl.slice('http://'.length))
  t.equal((await gateway.send('POST', '/api/v1/auth/evm/verify', { body: await proofOf(gateway, newAccount()) })).status, 200)
})
