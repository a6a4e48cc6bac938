/** The document of the earlier system for e-mail, EVM, Solana and Cosmos sign-in: its commands as they stand, and what its integration test asserted. */
import { freePort } from '@countersign/local-stack'
import { fetchCurl, hasCurl, newWallets, runCurl, scratchDirectory, type CurlAnswer, type TestWallet } from '@countersign/testing'
import t from 'tap'
import { createGatewayClient, type GatewayReply } from '../src/gateway-client.ts'
import { openHouse } from '../src/house.ts'
import { codeIn } from '../src/main-job.ts'

/** The document's own lines. Where it writes the host of a deployment, this house is the deployment. */
const commands = {
  health: [
    'curl http://localhost:8000/health',
    'curl https://api.sapphire-finch.vm.scrtlabs.com/health',
    'curl https://api.yourdomain.com/health',
    'curl -s https://api.yourdomain.com/health'
  ],
  signup: `curl -X POST https://api.yourdomain.com/api/v1/auth/email/signup \\
  -H "Content-Type: application/json" \\
  -d '{"email":"test@example.com","password":"Test@1234","username":"testuser"}'`
}

// Made before the house, so that it goes away after it.
const dataDirectory = await scratchDirectory(t, 'seed-004')
const port = await freePort()
const house = await openHouse({
  dataDirectory,
  compatibilityPorts: [port],
  environment: {
    'auth-gateway': { RATE_LIMIT_MAX: '1000000', AUTH_RATE_LIMIT_MAX_REQUESTS: '1000000', ACCESS_TOKEN_EXPIRE_MINUTES: '30' },
    'otp-service': { OTP_SENDS_PER_MINUTE: '1000', OTP_SENDS_PER_HOUR: '1000', OTP_SENDS_PER_PLACE_PER_HOUR: '1000' }
  }
})
t.teardown(() => house.close())

const ways: Record<string, (command: string, port: number) => Promise<CurlAnswer>> = { fetch: fetchCurl, ...await hasCurl() && { curl: runCurl } }
/** TLS ends in front of the gateway. */
const behindTls = (command: string): string => command.replace('https://', 'http://')

const gateway = createGatewayClient(`http://127.0.0.1:${port}`)
const auth = (path: string, body: unknown, token?: string): Promise<GatewayReply> =>
  gateway.send('POST', `/api/v1/auth/${path}`, { body, ...token !== undefined && { token } })
const tokenOf = ({ body }: GatewayReply): string => String(body['access_token'])
const userOf = ({ body }: GatewayReply): string => (body['user'] as { id: string }).id

let accounts = 0
async function newAccount () {
  const name = `user${++accounts}`
  const account = { email: `${name}@example.com`, password: 'Test@1234', username: name }
  const signedUp = await auth('email/signup', account)
  return { ...account, signedUp, token: tokenOf(signedUp) }
}

/** As the earlier callers ask: the token with the challenge too when the wallet is to be linked, no challenge id in the proof. */
async function proofOf (wallet: TestWallet, token?: string) {
  const challenge = await auth(`${wallet.family}/challenge`, { address: wallet.address }, token)
  const message = String(challenge.body['message'])
  return { challenge, proof: { address: wallet.address, signed_message: message, ...await wallet.sign(message) } }
}
const verify = async (wallet: TestWallet): Promise<GatewayReply> => await auth(`${wallet.family}/verify`, (await proofOf(wallet)).proof)
const link = async (wallet: TestWallet, token: string): Promise<GatewayReply> => await auth(`${wallet.family}/link`, (await proofOf(wallet, token)).proof, token)

const tokenReply = { access_token: /^ey[\w-]+\.[\w-]+\.[\w-]+$/, token_type: 'bearer', expires_in: Number }

for (const [way, ask] of Object.entries(ways)) {
  t.test(`the document's health commands by ${way}: healthy, with its four fields`, async (t) => {
    for (const command of commands.health) {
      const { status, json } = await ask(behindTls(command), port)
      t.equal(status, 200, command)
      t.match(json, { status: 'healthy', environment: 'local', database: 'connected', redis: 'connected' })
    }
  })

  t.test(`the document's sign-up command by ${way}: 201 with a token, and once more 400 Email already registered`, async (t) => {
    const command = behindTls(commands.signup)
    // Each way is a first time: the address and the name are the only words changed.
    const mine = way === 'curl' ? command : command.replace('test@example.com', `${way}@example.com`).replace('"testuser"', `"${way}user"`)
    const first = await ask(mine, port)
    t.equal(first.status, 201, first.text)
    t.match(first.json, tokenReply)
    const again = await ask(mine, port)
    t.equal(again.status, 400)
    t.match(again.json['detail'], /^Email already registered/)
  })
}

t.test('e-mail, 5 assertions: sign up, log in, change the password', async (t) => {
  const { email, password, signedUp, token } = await newAccount()
  t.equal(signedUp.status, 201, '1: sign-up answers 201')
  t.match(signedUp.body, tokenReply, '2: with a token')
  const loggedIn = await auth('email/login', { email, password })
  t.equal(loggedIn.status, 200, '3: login answers 200')
  t.match(loggedIn.body, tokenReply, '4: with a token')
  const changed = await auth('email/change-password', { old_password: password, new_password: 'Changed@5678' }, token)
  t.match(changed, { status: 200, body: { message: String } }, '5: the password is changed')

  t.equal((await auth('email/login', { email, password })).status, 401, 'the old one is no good any more')
  t.equal((await auth('email/login', { email, password: 'Changed@5678' })).status, 200)
  t.equal((await auth('email/change-password', { old_password: password, new_password: 'Other@91011' })).status, 401, 'not without a token')
})

for (const [family, asserted] of [['evm', '6 assertions'], ['solana', '6 assertions'], ['cosmos', 'as the others, where the document stops after the challenge']] as const) {
  t.test(`${family}, ${asserted}: challenge, verify, link`, async (t) => {
    const wallet = newWallets[family]()
    const { challenge, proof } = await proofOf(wallet)
    t.equal(challenge.status, 200, '1: the challenge answers 200')
    t.match(challenge.body, { message: String, nonce: /^[0-9a-f]{32}$/ }, '2: with message and nonce')
    t.ok(proof.signed_message.includes(wallet.address) && proof.signed_message.includes(String(challenge.body['nonce'])), 'the message names both')
    const signedIn = await auth(`${family}/verify`, proof)
    t.equal(signedIn.status, 200, '3: the signature signs in')
    t.match(signedIn.body, tokenReply, '4: with a token')

    const { token, signedUp } = await newAccount()
    const other = newWallets[family]()
    const linked = await link(other, token)
    t.equal(linked.status, 200, '5: another wallet is linked to an account')
    t.match(linked.body, { message: String }, '6: with a message')
    t.equal(userOf(await verify(other)), userOf(signedUp), 'and signs in to it')

    t.equal((await auth(`${family}/verify`, proof)).status, 401, 'a replay is refused')
    t.equal((await auth(`${family}/verify`, { ...(await proofOf(wallet)).proof, ...await other.sign('another text') })).status, 401, 'and so is a wrong signature')
    t.equal((await link(other, (await newAccount()).token)).status, 409, 'a wallet of another account is not taken from it')
  })
}

t.test('cosmos, 3 assertions: a challenge, and an address that is none', async (t) => {
  const challenge = await auth('cosmos/challenge', { address: newWallets.cosmos().address })
  t.equal(challenge.status, 200, '1: the challenge answers 200')
  t.match(challenge.body, { message: String, nonce: /^[0-9a-f]{32}$/ }, '2: with message and nonce')
  t.equal((await auth('cosmos/challenge', { address: 'cosmos1notanaddress' })).status, 422, '3: an invalid address is refused')
})

t.test('a signature for signing in links nothing, and an unsigned link is refused', async (t) => {
  const { token } = await newAccount()
  const wallet = newWallets.evm()
  t.equal((await auth('evm/link', (await proofOf(wallet)).proof, token)).status, 401)
  t.equal((await auth('evm/link', (await proofOf(wallet, token)).proof)).status, 401, 'without a token')
})

t.test('edge cases, 3 assertions: an invalid address, a weak password and an invalid EVM address are 422', async (t) => {
  t.equal((await auth('email/signup', { email: 'not-an-email', password: 'Test@1234', username: 'edge1' })).status, 422, '1: e-mail')
  t.equal((await auth('email/signup', { email: 'edge2@example.com', password: 'weak', username: 'edge2' })).status, 422, '2: password')
  t.equal((await auth('evm/challenge', { address: '0xinvalid' })).status, 422, '3: EVM address')

  t.equal((await auth('solana/challenge', { address: '0'.repeat(44) })).status, 422, 'and a Solana one')
  t.equal((await auth('email/signup', { email: 'edge4@example.com' })).status, 422, 'missing fields')
  t.equal((await auth('email/login', { email: '', password: '' })).status, 422, 'empty strings')
  t.equal((await auth('email/login', { email: "' OR '1'='1' --", password: 'x' })).status, 422, 'what was meant for SQL')
  t.equal((await auth('email/signup', { email: `${'a'.repeat(300)}@example.com`, password: 'Test@1234', username: 'edge5' })).status, 422, 'what is too long')
})

t.test('several wallets, 2 assertions: EVM, Solana and Cosmos in one account, and each of them, and the password, signs in to it', async (t) => {
  const { email, password, signedUp, token } = await newAccount()
  const wallets = [newWallets.evm(), newWallets.solana(), newWallets.cosmos()]
  for (const wallet of wallets) t.equal((await link(wallet, token)).status, 200, `1: ${wallet.family} is linked`)
  for (const wallet of wallets) t.equal(userOf(await verify(wallet)), userOf(signedUp), `2: ${wallet.family} signs in to the same account`)
  t.equal(userOf(await auth('email/login', { email, password })), userOf(signedUp))
})

t.test('the life of a token is what the environment says, a sign-up mails the code that proves its address, and the old pages are there', async (t) => {
  const { signedUp, email, token } = await newAccount()
  const seconds = Number(signedUp.body['expires_in'])
  t.ok(seconds > 1_500 && seconds <= 1_800, `${seconds} s of 30 minutes`)

  const { challenge_id, opener } = signedUp.body['verification'] as Record<string, string>
  const code = codeIn((await house.mailTo(email, /\b\d{6}\b/)).text)
  t.match(await auth('email/verify', { challenge_id, opener, code }, token), { status: 200, body: { email, verified: true, account: 'kept' } })

  for (const page of ['/', '/docs', '/redoc', '/openapi.json']) t.equal((await gateway.send('GET', page)).status, 200, page)
})
