/** A wallet that confirms, as a program outside meets it: over the gateway's public door, answered by otp-service itself. */
import { newWallets, scratchDirectory } from '@countersign/testing'
import t from 'tap'
import { generatePrivateKey, privateKeyToAccount, type PrivateKeyAccount } from 'viem/accounts'
import { createGatewayClient, type GatewayReply } from '../src/gateway-client.ts'
import { openHouse } from '../src/house.ts'
import { signIn } from '../src/main-job.ts'

// Made before the house, so that it goes away after it.
const dataDirectory = await scratchDirectory(t, 'wallet-factors')
const house = await openHouse({ dataDirectory, environment: { 'auth-gateway': { RATE_LIMIT_MAX: '1000000', AUTH_RATE_LIMIT_MAX_REQUESTS: '1000000' } } })
t.teardown(() => house.close())
const gateway = createGatewayClient(house.gatewayUrl)

interface Asked { readonly typed_data?: Parameters<PrivateKeyAccount['signTypedData']>[0] & { readonly message: { readonly details: object[] } }, readonly message?: string }
interface Body { readonly type?: string, readonly id: string, readonly factor_id: string, readonly sign: Asked, readonly action?: { readonly type: string, readonly resource_id: string }, readonly factors: object[], readonly factor: object }
const post = (path: string, token: string, body: object, stepUp?: string): Promise<GatewayReply<Body>> =>
  gateway.send<Body>('POST', `/api/v1${path}`, { token, body, ...stepUp !== undefined && { headers: { 'step-up': stepUp } } })
const newAccount = () => privateKeyToAccount(generatePrivateKey())
const outcome = ({ status, body: { type } }: GatewayReply<Body>): string => type === undefined ? String(status) : `${status} ${type.slice('/problems/'.length)}`
const key = { name: 'report', scopes: ['profile:read'], expires_in_days: 1 }

t.test('a wallet becomes a factor by its signature, and from then on signs the very action that a route asks it for', async (t) => {
  const { accessToken } = await signIn(gateway, newAccount())
  const wallet = newAccount()
  const begun = await post('/me/factors/wallet', accessToken, { family: 'evm', address: wallet.address, name: 'Hardware wallet' })
  t.equal(begun.status, 201)
  const enrolment = begun.body.sign.typed_data
  if (enrolment === undefined) throw new Error('no typed data')
  t.equal(outcome(await post('/me/factors/wallet/confirm', accessToken, { factor_id: begun.body.factor_id, signature: await newAccount().signTypedData(enrolment) })), '401 proof-rejected')
  const added = await post('/me/factors/wallet/confirm', accessToken, { factor_id: begun.body.factor_id, signature: await wallet.signTypedData(enrolment) })
  t.match(added, { status: 200, body: { factor: { kind: 'wallet', label: 'Hardware wallet', shown: true, wallet: { family: 'evm', address: wallet.address, chain_id: 31337 } } } })

  const asked = await post('/api-keys', accessToken, key)
  t.match(asked, { status: 401, body: { type: '/problems/step-up-required', action: { type: 'api_keys.create', resource_id: 'profile:read;expires_in_days=1' } } })
  const { body: { id, factors } } = await post('/step-ups', accessToken, { action: asked.body.action })
  t.match(factors, [{ id: begun.body.factor_id, kind: 'wallet' }])
  const question = await post(`/step-ups/${id}/wallet`, accessToken, { factor_id: begun.body.factor_id })
  const typedData = question.body.sign.typed_data
  if (typedData === undefined) throw new Error('no typed data')
  t.same(typedData.message.details, [{ name: 'It may', value: 'profile:read;expires_in_days=1' }], 'the action is on the screen')

  const answer = (signature: string) => post(`/step-ups/${id}/wallet/verify`, accessToken, { factor_id: begun.body.factor_id, signature })
  t.equal(outcome(await answer(await wallet.signTypedData(enrolment))), '401 proof-rejected', 'the enrolment')
  t.equal(outcome(await answer(await wallet.signMessage({ message: JSON.stringify(typedData) }))), '401 proof-rejected', 'a text')
  t.equal(outcome(await answer('')), '422 schema-violation')
  t.equal(outcome(await post('/api-keys', accessToken, key, id)), '401 step-up-required', 'nothing is answered yet')

  const signature = await wallet.signTypedData(typedData)
  const answers = await Promise.all(Array.from({ length: 12 }, () => answer(signature)))
  t.same(new Set(answers.filter(({ status }) => status === 200).map(({ body }) => JSON.stringify(body))).size, 1, 'all of them read the one answer, or are refused')
  t.ok(answers.every((one) => ['200', '401 proof-rejected'].includes(outcome(one))))
  const opened = await Promise.all(Array.from({ length: 10 }, () => post('/api-keys', accessToken, key, id)))
  t.equal(opened.filter(({ status }) => status === 201).length, 1, 'it opens the route once')
})

t.test('beside a factor a wallet is added on its proof, for exactly that wallet; and a factor signs nobody in', async (t) => {
  const { accessToken, userId } = await signIn(gateway, newAccount())
  const wallet = newAccount()
  const first = await post('/me/factors/wallet', accessToken, { family: 'evm', address: wallet.address })
  await post('/me/factors/wallet/confirm', accessToken, { factor_id: first.body.factor_id, signature: await wallet.signTypedData(first.body.sign.typed_data as NonNullable<Asked['typed_data']>) })

  const next = newWallets.solana()
  const wanted = { family: 'solana', address: next.address }
  const refused = await post('/me/factors/wallet', accessToken, wanted)
  t.match(refused, { status: 401, body: { action: { type: 'factors.add_wallet', resource_id: `solana:${next.address}` } } })
  const { body: { id } } = await post('/step-ups', accessToken, { action: refused.body.action })
  const { body: { sign: { typed_data: typedData } } } = await post(`/step-ups/${id}/wallet`, accessToken, { factor_id: first.body.factor_id })
  await post(`/step-ups/${id}/wallet/verify`, accessToken, { factor_id: first.body.factor_id, signature: await wallet.signTypedData(typedData as NonNullable<Asked['typed_data']>) })
  t.equal(outcome(await post('/me/factors/wallet', accessToken, { family: 'solana', address: newWallets.solana().address }, id)), '401 step-up-required', 'another wallet')
  const begun = await post('/me/factors/wallet', accessToken, wanted, id)
  t.match(begun.body.sign, { message: new RegExp(`wants you to confirm an action with your Solana account:\n${next.address}`) })
  t.equal((await post('/me/factors/wallet/confirm', accessToken, { factor_id: begun.body.factor_id, ...await next.sign(begun.body.sign.message ?? '') })).status, 200)
  t.equal((await gateway.call<Body>('GET', '/api/v1/me/factors', { token: accessToken })).factors.length, 2)

  t.not((await signIn(gateway, wallet)).userId, userId, 'signing in with it opens an account of its own')
})
