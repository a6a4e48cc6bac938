/** Accounts under the paths of two earlier systems. */
import { newWallets } from '@countersign/testing'
import t from 'tap'
import { standInForMailboxes } from './mailbox-stand-in.ts'
import { buildHouse, type Answer } from './open-gateway.ts'

const house = await buildHouse(t)
await standInForMailboxes(house)
const gateway = await house.open()
const post = (path: string, body: unknown, token?: string): Promise<Answer> => gateway.send('POST', path, { body, ...token !== undefined && { token } })
const password = 'Test@1234'

let users = 0
async function register (more: object = {}) {
  const email = `shopper${++users}@example.com`
  const answer = await post('/user/register', { email, password, ...more })
  return { email, answer, token: String(answer.json['token']) }
}

t.test('register and login answer with a token and the user, on the accounts of /api/v1', async (t) => {
  const { email, answer } = await register()
  t.equal(answer.status, 201, answer.text)
  t.match(answer.json, { message: String, token: /^ey/, user: { username: /^shopper1_[a-z0-9]+$/, identities: [{ kind: 'email', address: email }] } })

  const loggedIn = await post('/user/login', { email, password })
  t.equal(loggedIn.status, 200)
  t.match(loggedIn.json, { message: String, token: /^ey/, refresh_token: String, user: { id: (answer.json['user'] as { id: string }).id } })
  t.match((await gateway.send('GET', '/api/v1/me', { token: String(loggedIn.json['token']) })).json, { username: /^shopper1_/ })
  t.equal((await post('/api/v1/auth/email/login', { email, password })).status, 200)
})

t.test('what a caller sends beside the named fields sets nothing, and no answer holds a hash', async (t) => {
  const { answer } = await register({ username: 'shopper.two', role: 'admin', roles: ['admin'], isAdmin: true, phone_number: '+2340000000' })
  t.equal(answer.status, 201)
  t.match(answer.json, { user: { username: 'shopper.two', roles: ['user'] } })
  t.notMatch(answer.text, /argon2|hash|phone/)
})

t.test('refusals there carry message, and details where there are faults', async (t) => {
  const { email } = await register()
  const refusals: [string, unknown, number, object][] = [
    ['/user/register', { email, password }, 400, { message: /^Email already registered/ }],
    ['/user/register', { email: 'weak@example.com', password: 'weak' }, 422, { message: String, details: [{ path: 'body/password', message: /at least 8/ }] }],
    ['/user/register', { email: 'nobody', password }, 422, { message: String, details: [{ path: 'body/email' }] }],
    ['/user/login', { email, password: 'Wrong@1234' }, 401, { message: /^Unauthorized/ }],
    ['/user/login', { email: 'unknown@example.com', password }, 401, { message: /^Unauthorized/ }],
    ['/user/login', {}, 422, { details: [{ path: 'body/email', message: 'is required' }, { path: 'body/password', message: 'is required' }] }]
  ]
  for (const [path, body, status, shape] of refusals) {
    const answer = await post(path, body)
    t.equal(answer.status, status, `${path} ${JSON.stringify(body)}`)
    t.match(answer.headers.get('content-type'), /^application\/json/)
    t.match(answer.json, { ...shape, type: /^\/problems\//, status })
  }
  t.equal((await post('/user/login', { email, password: 'Wrong@1234' })).json['details'], undefined, 'no details without faults')
  t.match((await post('/api/v1/auth/email/login', {})).headers.get('content-type'), /^application\/problem\+json/, 'elsewhere they stay what they are')
})

t.test('with SIGNUP_MODE=verified register tells nothing of the address', async (t) => {
  const verified = await house.open({ SIGNUP_MODE: 'verified' })
  const { email } = await register()
  const [known, unknown] = await Promise.all([email, 'new@example.com'].map((address) => verified.send('POST', '/user/register', { body: { email: address, password } })))
  t.equal(known?.status, 202)
  t.equal(unknown?.status, 202)
  t.equal(known?.text, unknown?.text)
  t.notMatch(known?.text, /token/)
})

t.test('the old profile: read, rename, and unlink every login but the last', async (t) => {
  const { email, token } = await register()
  const [wallet, other] = [newWallets.evm(), newWallets.solana()]
  for (const { family, address, sign } of [wallet, other]) {
    const { json } = await post(`/api/v1/auth/${family}/challenge`, { address }, token)
    const message = String(json['message'])
    t.equal((await post(`/api/v1/auth/${family}/link`, { address, signed_message: message, ...await sign(message) }, token)).status, 200, family)
  }

  const profile = await gateway.send('GET', '/api/v1/auth/me', { token })
  t.match(profile.json, { id: /^usr_/, username: String, is_active: true, created_at: String, auth_methods: [{ provider: 'email', provider_id: email }, { provider: 'evm', provider_id: wallet.address }, { provider: 'solana', provider_id: other.address }] })
  t.match(await gateway.send('PUT', '/api/v1/auth/me', { token, body: { username: 'renamed' } }), { status: 200, json: { username: 'renamed' } })
  t.equal((await gateway.send('PUT', '/api/v1/auth/me', { token, body: { username: 'SHOPPER.TWO' } })).status, 409, 'a name that is taken')

  const unlink = (provider: string, id: string, credential?: string): Promise<Answer> =>
    gateway.send('DELETE', `/api/v1/auth/auth-method/${provider}/${encodeURIComponent(id)}`, { ...credential !== undefined && { token: credential } })
  t.equal((await unlink('evm', wallet.address)).status, 401)
  t.equal((await unlink('evm', newWallets.evm().address, token)).status, 404, 'a login of nobody, or of somebody else')
  t.equal((await unlink('solana', wallet.address, token)).status, 404, 'an address of another family')
  t.match(await unlink('evm', wallet.address.toLowerCase(), token), { status: 200, json: { message: String } })
  t.equal((await unlink('solana', other.address, token)).status, 409, 'the last one stays: an address that was never proved is none')
})

t.test('ping and status answer, and tell no list of origins', async (t) => {
  t.match(await gateway.send('GET', '/api/v1/ping'), { status: 200, json: { message: 'pong' } })
  const { status, json } = await gateway.send('GET', '/api/v1/status')
  t.equal(status, 200)
  t.match(json, { status: 'healthy', environment: String })
  t.notMatch(JSON.stringify(json), /cors|origin/i)
})
