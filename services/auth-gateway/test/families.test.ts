/** The same promises for each of the five families, over the public API. */
import { walletFamilies, type WalletFamily } from '@countersign/contracts'
import { newInjectiveWallet, newWallets, type TestWallet } from '@countersign/testing'
import t from 'tap'
import { buildHouse, type Answer, type TestGateway } from './open-gateway.ts'

const house = await buildHouse(t)
const gateway = await house.open({ SUPPORTED_NETWORKS: 'mainnet,testnet' })
const seen = ({ status, json }: Answer) => ({ status, ...json, instance: 'any' })
const post = (wallet: TestWallet, verb: string, body: unknown, token?: string, at: TestGateway = gateway): Promise<Answer> =>
  at.send('POST', `/api/v1/auth/${wallet.family}/${verb}`, { body, ...token !== undefined && { token } })

async function proofOf (wallet: TestWallet, { token, address = wallet.address }: { token?: string, address?: string } = {}) {
  const { status, json, text } = await post(wallet, 'challenge', { address }, token)
  if (status !== 200) throw new Error(text)
  const message = String(json['message'])
  return { address, signed_message: message, challenge_id: String(json['challenge_id']), ...await wallet.sign(message) }
}
/** A sign-in under any of a wallet's addresses, signed in any of its ways. */
async function enter (wallet: TestWallet, sign = wallet.sign): Promise<Answer> {
  const { json } = await post(wallet, 'challenge', { address: wallet.address })
  const message = String(json['message'])
  return await post(wallet, 'verify', { address: wallet.address, signed_message: message, challenge_id: json['challenge_id'], ...await sign(message) })
}
const userIdOf = ({ json }: Answer): string => (json['user'] as { id: string }).id
const tokenOf = ({ json }: Answer): string => String(json['access_token'])

for (const family of walletFamilies) {
  const newWallet = newWallets[family]

  t.test(`${family}: a signed challenge opens a session, the same wallet is the same account, a replay opens none`, async (t) => {
    const wallet = newWallet()
    const proof = await proofOf(wallet)
    t.match(proof.signed_message, new RegExp(`^gateway\\.test:8000 wants you to sign in with your \\w+ account:\\n${wallet.address}\\n\\nSign in to `))

    const first = await post(wallet, 'verify', proof)

    t.equal(first.status, 200, first.text)
    t.match(first.json, { token_type: 'bearer', user: { identities: [{ kind: family, address: wallet.address, verified: true }] } })
    t.equal((await post(wallet, 'verify', proof)).status, 401)
    t.equal(userIdOf(await post(wallet, 'verify', await proofOf(wallet))), userIdOf(first))
    for (const address of wallet.spellings) {
      const again = await enter({ ...wallet, address })
      t.equal(again.status, 200, address)
      t.equal(userIdOf(again), userIdOf(first), address)
    }
  })

  t.test(`${family}: of a hundred parallel uses of one nonce, with good and bad signatures, one is judged and ninety-nine find it used up`, async (t) => {
    const wallet = newWallet()
    const proof = await proofOf(wallet)
    const bad = { ...proof, ...await newWallet().sign(proof.signed_message) }
    house.logs.clear()

    const answers = await Promise.all(Array.from({ length: 100 }, (_unused, i) => post(wallet, 'verify', i % 2 === 0 ? proof : bad)))

    t.ok(answers.every(({ status }) => status === 200 || status === 401))
    const entered = answers.filter(({ status }) => status === 200).length
    const reasons = house.logs.lines().filter(({ msg }) => msg === 'signature verification refused').map(({ reason }) => reason)
    const judged = reasons.filter((reason) => reason !== 'challenge').length
    t.equal(entered + judged, 1, `let in ${entered}, refused by its signature ${judged}`)
    t.equal(reasons.length - judged, 99)
    t.equal(await house.mongo.db.collection('sessions').countDocuments({ identityId: { $regex: wallet.address, $options: 'i' } }), entered)
    t.equal((await post(wallet, 'verify', proof)).status, 401, 'a bad signature has used it up as well')
  })

  t.test(`${family}: wrong key, wrong text, wrong address, and signatures of any form answer alike`, async (t) => {
    const wallet = newWallet()
    const unknown = { ...await proofOf(wallet), challenge_id: 'chl_00000000000000000000000000' }
    const reference = seen(await post(wallet, 'verify', unknown))
    t.equal(reference.status, 401)

    const fresh = () => proofOf(wallet)
    const text = await fresh()
    const altered = text.signed_message.replace('gateway.test:8000 wants', 'evil.test wants')
    const wrong: Record<string, object> = {
      'another key': { ...await fresh(), ...await newWallet().sign((await fresh()).signed_message) },
      'another text': { ...text, signed_message: altered, ...await wallet.sign(altered) },
      'another address': { ...await fresh(), address: newWallet().address },
      'no signature': { ...await fresh(), signature: '' },
      'long signature': { ...await fresh(), signature: 'A'.repeat(20_000) },
      'no text at all': { ...await fresh(), signature: '\u0000💥' }
    }
    for (const [name, body] of Object.entries(wrong)) t.strictSame(seen(await post(wallet, 'verify', body)), reference, name)
  })

  t.test(`${family}: links to an account and signs in to it; the proof of another family is nothing here`, async (t) => {
    const owner = newWallets[family === 'evm' ? 'solana' : 'evm']()
    const session = await post(owner, 'verify', await proofOf(owner))
    const wallet = newWallet()

    const linked = await post(wallet, 'link', await proofOf(wallet, { token: tokenOf(session) }), tokenOf(session))

    t.equal(linked.status, 200, linked.text)
    t.equal(userIdOf(await post(wallet, 'verify', await proofOf(wallet))), userIdOf(session))
    const foreign = await proofOf(owner)
    t.not((await post(wallet, 'verify', { ...foreign, address: wallet.address, public_key: 'AA==' })).status, 200)
  })

  t.test(`${family}: a malformed or foreign address is 422 with its path, never its value`, async (t) => {
    const wallet = newWallet()
    const flipped = `${wallet.address.slice(0, -1)}${wallet.address.endsWith('q') ? 'p' : 'q'}`
    for (const address of ['x', '', 42, null, `${wallet.address}${wallet.address}`, ...family === 'evm' || family === 'solana' ? [] : [flipped]]) {
      const answer = await post(wallet, 'challenge', { address })
      t.equal(answer.status, 422, String(address))
      t.match(answer.text, /body\/address/)
    }
    if (family !== 'evm') t.equal((await post(wallet, 'challenge', { address: wallet.address, network: 'devnet' })).status, 422, 'a network that is not configured')
  })
}

t.test('one key under several Cosmos prefixes is one account, and signs in to it under each', async (t) => {
  const wallet = newWallets.cosmos()
  const first = await enter(wallet)
  t.match(first.json, { user: { identities: [{ id: `cosmos:cosmoshub-4:${wallet.address}` }] } })

  for (const prefix of ['secret', 'osmo']) {
    const again = await enter(wallet.under(prefix))
    t.equal(again.status, 200, again.text)
    t.equal(userIdOf(again), userIdOf(first), prefix)
  }
  t.match(String((await post(wallet, 'challenge', { address: wallet.under('secret').address })).json['message']), /Chain ID: secret-4/)
  t.equal((await enter(wallet.under('secret'), wallet.sign)).status, 401, 'the document names its signer')
  t.equal(await house.mongo.db.collection('identities').countDocuments({ userId: userIdOf(first) }), 1)
})

t.test('a Cosmos chain that hashes as Ethereum does signs in by its own mode alone', async (t) => {
  const wallet = newInjectiveWallet()
  const first = await enter(wallet)
  t.equal(first.status, 200, first.text)
  t.match(first.json, { user: { identities: [{ id: `cosmos:injective-1:${wallet.address}` }] } })
  t.equal(userIdOf(await enter(wallet)), userIdOf(first))
  t.equal((await enter({ ...newInjectiveWallet(), sign: newWallets.cosmos().sign })).status, 401)
})

t.test('a Ledger signs in to the account of its Solana key, with an envelope for this application alone', async (t) => {
  const wallet = newWallets.solana()
  const first = await enter(wallet)

  const ledger = await enter(wallet, wallet.signEnvelope)

  t.equal(ledger.status, 200, ledger.text)
  t.equal(userIdOf(ledger), userIdOf(first))
  for (const domain of ['evil.test', 'gateway.test', '']) t.equal((await enter(wallet, (message) => wallet.signEnvelope(message, domain))).status, 401, domain)
})

t.test('a Bitcoin proof with a time lock, or one that nobody can be sure of, opens nothing', async (t) => {
  const wallet = newWallets.bitcoin()
  const first = await enter(wallet, wallet.signFull)
  t.equal(first.status, 200, first.text)
  const failures = house.mongo.db.collection('audit')

  for (const [given, reason] of [[{ lockTime: 1 }, 'proof has a time lock'], [{ version: 3 }, 'transaction version is not 0 or 2']] as const) {
    const before = await failures.countDocuments({ event: 'sign_in.failed', 'facts.reason': reason })
    t.equal((await enter(wallet, (message) => wallet.signFull(message, given))).status, 401, reason)
    t.equal(await failures.countDocuments({ event: 'sign_in.failed', 'facts.reason': reason }), before + 1, reason)
  }
  t.equal(userIdOf(await enter(wallet, (message) => wallet.signFull(message, { version: 2 }))), userIdOf(first), 'the lock and the version are what is wrong with them')
})

t.test('a wallet whose caller names no network is of the default one, and only of one that is configured', async (t) => {
  const chains = { mainnet: '5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp', testnet: '4uhcVJyU9pJkvQyS88uRDiswHXSCkY3z' }
  const onTestnet = await house.open({ SUPPORTED_NETWORKS: 'mainnet,testnet', DEFAULT_NETWORK: 'testnet' })
  const wallet = newWallets.solana()
  const chainOf = async (at: TestGateway, network?: string): Promise<string | undefined> => {
    const { json } = await post(wallet, 'challenge', { address: wallet.address, ...network !== undefined && { network } }, undefined, at)
    return /^Chain ID: (\w+)$/m.exec(String(json['message']))?.[1]
  }
  t.strictSame([await chainOf(gateway), await chainOf(onTestnet), await chainOf(onTestnet, 'mainnet')], [chains.mainnet, chains.testnet, chains.mainnet])
  t.equal(await chainOf(onTestnet, 'devnet'), undefined)
  await t.rejects(house.open({ SUPPORTED_NETWORKS: 'mainnet', DEFAULT_NETWORK: 'testnet' }), /DEFAULT_NETWORK/)
})

t.test('every family in one account, each signs in to it', async (t) => {
  const owner = newWallets.evm()
  const session = await post(owner, 'verify', await proofOf(owner))
  const others = (['solana', 'cosmos', 'stacks', 'bitcoin'] as WalletFamily[]).map((family) => newWallets[family]())
  for (const wallet of others) t.equal((await post(wallet, 'link', await proofOf(wallet, { token: tokenOf(session) }), tokenOf(session))).status, 200, wallet.family)

  const ids = await Promise.all(others.map(async (wallet) => userIdOf(await post(wallet, 'verify', await proofOf(wallet)))))
  t.strictSame([...new Set(ids)], [userIdOf(session)])
})
