/** Linking, unlinking, usernames and profiles. */
import t from 'tap'
import type { LocalAccount } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { buildHouse, proofOf, signIn, type Answer, type Tokens } from './open-gateway.ts'

const newAccount = () => privateKeyToAccount(generatePrivateKey())
const house = await buildHouse(t)
const gateway = await house.open()
const identitiesOf = async ({ access }: Tokens): Promise<{ id: string, address: string }[]> =>
  (await gateway.send('GET', '/api/v1/me/identities', { token: access })).json['identities'] as { id: string, address: string }[]

async function linkProof (account: LocalAccount, tokens: Tokens, purpose?: 'link' | 'login') {
  const challenge = await gateway.send('POST', '/api/v1/auth/evm/challenge', { token: tokens.access, body: { address: account.address, purpose } })
  const message = String(challenge.json['message'])
  return { address: account.address, signed_message: message, signature: await account.signMessage({ message }), challenge_id: challenge.json['challenge_id'] }
}
const link = async (account: LocalAccount, tokens: Tokens, body?: unknown): Promise<Answer> =>
  await gateway.send('POST', '/api/v1/auth/evm/link', { token: tokens.access, body: body ?? await linkProof(account, tokens, 'link') })
const unlink = (id: string, tokens: Tokens): Promise<Answer> =>
  gateway.send('DELETE', `/api/v1/me/identities/${encodeURIComponent(id)}`, { token: tokens.access })

t.test('a linked wallet signs in to the same account, and its message says that it links', async (t) => {
  const tokens = await signIn(gateway, newAccount())
  const second = newAccount()
  const proof = await linkProof(second, tokens)
  t.match(proof.signed_message, /^Link this wallet to the Countersign account usr_/m, 'a token without a purpose asks for a link')

  const linked = await link(second, tokens, proof)

  t.equal(linked.status, 200)
  t.match(linked.json, { identity: { kind: 'evm', address: second.address, verified: true } })
  t.equal((await signIn(gateway, second)).userId, tokens.userId)
  t.equal((await identitiesOf(tokens)).length, 2)
  t.equal((await link(second, tokens)).status, 200, 'again changes nothing')
  t.equal((await identitiesOf(tokens)).length, 2)
})

t.test('who has a proved address is told there of every login that comes or goes, and of every API key', async (t) => {
  const owner = newAccount()
  const tokens = await signIn(gateway, owner)
  const [second, unheard] = [newAccount(), newAccount()]
  await link(unheard, tokens)
  const address = `${tokens.userId}@example.com`.toLowerCase()
  await house.mongo.db.collection<{ _id: string }>('users').updateOne({ _id: tokens.userId }, { $set: { email: address } })

  await link(second, tokens)
  await link(second, tokens)
  t.equal((await link(owner, await signIn(gateway, newAccount()))).status, 409)
  const { json: made } = await gateway.send('POST', '/api/v1/api-keys', { token: tokens.access, body: { name: 'nightly', scopes: ['profile:read'] } })
  const { json: next } = await gateway.send('POST', `/api/v1/api-keys/${String(made['id'])}/rotate`, { token: tokens.access, body: {} })
  const { id = '' } = (await identitiesOf(tokens)).find(({ address: own }) => own === second.address) ?? {}
  t.equal((await unlink(id, tokens)).status, 204)
  t.equal((await unlink(id, tokens)).status, 204, 'again tells nobody')

  const shown = `${second.address.slice(0, 8)}…${second.address.slice(-6)}`
  t.match(await house.mailsTo(address), [
    { template: 'identity_linked', parameters: { kind: 'Ethereum wallet', masked: shown, at: String } },
    { template: 'api_key_created', parameters: { name: 'nightly', last4: String(made['key']).slice(-4) } },
    { template: 'api_key_created', parameters: { name: 'nightly', last4: String(next['key']).slice(-4) } },
    { template: 'identity_unlinked', parameters: { kind: 'Ethereum wallet', masked: shown } }
  ])
  t.equal((await house.mailsTo(address)).length, 4)
})

t.test('a proof for one purpose never serves the other, nor another session', async (t) => {
  const mine = await signIn(gateway, newAccount())
  const wallet = newAccount()

  t.equal((await link(wallet, mine, await proofOf(gateway, wallet))).status, 401, 'a login proof links nothing')
  t.equal((await gateway.send('POST', '/api/v1/auth/evm/verify', { body: await linkProof(wallet, mine, 'link') })).status, 401, 'a link proof signs nobody in')
  const attacker = await signIn(gateway, newAccount())
  t.equal((await link(wallet, attacker, await linkProof(wallet, mine, 'link'))).status, 401, 'nor links to another account')
  const account = newAccount()
  const [here, there] = [await signIn(gateway, account), await signIn(gateway, account)]
  t.equal((await link(wallet, there, await linkProof(wallet, here, 'link'))).status, 401, 'nor from another session of the same account')
  t.equal((await gateway.send('POST', '/api/v1/auth/evm/challenge', { body: { address: wallet.address, purpose: 'link' } })).status, 401)
  t.equal((await gateway.send('POST', '/api/v1/auth/evm/challenge', { token: 'stale', body: { address: wallet.address } })).status, 200, 'a token that is no good asks for a sign-in')
})

t.test('a wallet of another account is refused and nothing is merged', async (t) => {
  const theirs = newAccount()
  const owner = await signIn(gateway, theirs)
  const tokens = await signIn(gateway, newAccount())

  const answer = await link(theirs, tokens)

  t.equal(answer.status, 409)
  t.match(answer.json, { type: '/problems/identity-taken' })
  t.equal((await signIn(gateway, theirs)).userId, owner.userId)
})

t.test('one wallet linked to two accounts at once ends with one of them', async (t) => {
  const wallet = newAccount()
  const users = await Promise.all([newAccount(), newAccount(), newAccount()].map((account) => signIn(gateway, account)))
  const proofs = await Promise.all(users.map(async (tokens) => ({ tokens, body: await linkProof(wallet, tokens, 'link') })))

  const answers = await Promise.all(proofs.map(({ tokens, body }) => link(wallet, tokens, body)))

  t.strictSame(answers.map(({ status }) => status).sort(), [200, 409, 409])
})

t.test('unlinking ends the sessions of that login, and the last login stays', async (t) => {
  const tokens = await signIn(gateway, newAccount())
  const second = newAccount()
  await link(second, tokens)
  const bySecond = await signIn(gateway, second)
  const id = (await identitiesOf(tokens)).find(({ address }) => address === second.address)?.id ?? ''

  t.equal((await unlink(id, tokens)).status, 204)
  t.equal((await unlink(id, tokens)).status, 204, 'again answers the same')

  t.equal((await gateway.send('GET', '/api/v1/me', { token: bySecond.access })).status, 401)
  t.equal((await gateway.send('GET', '/api/v1/me', { token: tokens.access })).status, 200)
  t.not((await signIn(gateway, second)).userId, tokens.userId, 'the wallet is free for an account of its own')
  const [last] = await identitiesOf(tokens)
  t.match((await unlink(last?.id ?? '', tokens)).json, { status: 409, type: '/problems/last-identity' })
  t.equal((await unlink('eip155:0:0x0000000000000000000000000000000000000001', tokens)).status, 204, 'somebody else\'s is nothing to me')
})

t.test('of fifty parallel unlinks of every login, one login survives', async (t) => {
  const tokens = await signIn(gateway, newAccount())
  for (let i = 0; i < 4; i++) await link(newAccount(), tokens)
  const ids = (await identitiesOf(tokens)).map(({ id }) => id)
  t.equal(ids.length, 5)

  const answers = await Promise.all(Array.from({ length: 50 }, (_unused, i) => unlink(ids[i % ids.length] as string, tokens)))

  const left = await house.mongo.db.collection('identities').countDocuments({ userId: tokens.userId })
  t.equal(left, 1, `statuses ${[...new Set(answers.map(({ status }) => status))].join(' ')}`)
})

t.test('a username is unique whatever its case, and a profile keeps what is not named', async (t) => {
  const [one, two] = [await signIn(gateway, newAccount()), await signIn(gateway, newAccount())]
  const put = (tokens: Tokens, body: unknown): Promise<Answer> => gateway.send('PUT', '/api/v1/me', { token: tokens.access, body })

  t.match((await put(one, { username: 'grace', profile: { display_name: 'Grace', bio: 'Hello' } })).json, { username: 'grace', profile: { display_name: 'Grace', bio: 'Hello' } })
  t.match((await put(two, { username: 'GRACE' })).json, { status: 409, type: '/problems/username-taken' })
  t.match((await put(one, { profile: { avatar: 'https://example.com/grace.png' } })).json, { profile: { avatar: 'https://example.com/grace.png' } })
  t.strictSame((await put(one, { profile: { bio: '', avatar: '' } })).json['profile'], { display_name: 'Grace' })
  t.match((await gateway.send('GET', '/api/v1/me', { token: one.access })).json, { username: 'grace', profile: { display_name: 'Grace' } })
  for (const body of [{ roles: ['admin'] }, { email: 'a@example.com' }, { verified: true }, { profile: { role: 'admin' } }, { username: 'a b' }]) {
    t.equal((await put(one, body)).status, 422, JSON.stringify(body))
  }
  t.strictSame((await gateway.send('GET', '/api/v1/me', { token: one.access })).json['roles'], ['user'])
})
