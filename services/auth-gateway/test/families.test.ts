/** The same promises for each of the five families, over the public API. */
import { walletFamilies, type WalletFamily } from '@countersign/contracts'
import { newWallets, type TestWallet } from '@countersign/testing'
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
      const answer = await post(wallet, 'challenge', { address })
      if (family === 'cosmos' || family === 'bitcoin' || family === 'evm') {
        const message = String(answer.json['message'])
        const again = await post(wallet, 'verify', { address, signed_message: message, challenge_id: answer.json['challenge_id'], ...await wallet.sign(message) })
        t.equal(userIdOf(again), userIdOf(first), address)
      }
    }
  })

  t.test(`${family}: of a hundred parallel uses of one nonce, with good and bad signatures, at most one is looked at`, async (t) => {
    const wallet = newWallet()
    const proof = await proofOf(wallet)
    const bad = { ...proof, ...await newWallet().sign(proof.signed_message) }

    const answers = await Promise.all(Array.from({ length: 100 }, (_unused, i) => post(wallet, 'verify', i % 2 === 0 ? proof : bad)))

    t.ok(answers.filter(({ status }) => status === 200).length <= 1)
    t.ok(answers.every(({ status }) => status === 200 || status === 401))
    t.equal(await house.mongo.db.collection('sessions').countDocuments({ identityId: { $regex: wallet.address.toLowerCase() } }) <= 1, true)
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

t.test('one key under two Cosmos prefixes is one account', async (t) => {
  const { bech32 } = await import('@scure/base')
  const wallet = newWallets.cosmos()
  const first = await post(wallet, 'verify', await proofOf(wallet))
  const secret = bech32.encode('secret', bech32.decode(wallet.address as `${string}1${string}`).words)

  const { json } = await post(wallet, 'challenge', { address: secret })
  t.match(String(json['message']), /Chain ID: secret-4/)
  t.equal(await house.mongo.db.collection('identities').countDocuments({ userId: userIdOf(first) }), 1)
  t.match(first.json, { user: { identities: [{ id: `cosmos:cosmoshub-4:${wallet.address}` }] } })
})

t.test('every family in one account, each signs in to it', async (t) => {
  const owner = newWallets.evm()
  const session = await post(owner, 'verify', await proofOf(owner))
  const others = (['solana', 'cosmos', 'stacks', 'bitcoin'] as WalletFamily[]).map((family) => newWallets[family]())
  for (const wallet of others) t.equal((await post(wallet, 'link', await proofOf(wallet, { token: tokenOf(session) }), tokenOf(session))).status, 200, wallet.family)

  const ids = await Promise.all(others.map(async (wallet) => userIdOf(await post(wallet, 'verify', await proofOf(wallet)))))
  t.strictSame([...new Set(ids)], [userIdOf(session)])
})
