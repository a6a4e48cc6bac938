/** The document of the earlier OTP system: its commands as they stand, and the answers that it expects. */
import { freePort } from '@countersign/local-stack'
import { fetchCurl, hasCurl, runCurl, scratchDirectory, until, type CurlAnswer } from '@countersign/testing'
import t from 'tap'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { createGatewayClient } from '../src/gateway-client.ts'
import { openHouse } from '../src/house.ts'
import { codeIn, proveEmail, signIn } from '../src/main-job.ts'

/** The document's own lines. Where it writes a token or the code from the mail, the test's own stands there. */
const commands = {
  send: `curl -X POST http://localhost:7145/api/wallet/otp/send \\
  -H "Authorization: Bearer TEST_JWT_TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{
    "purpose": "wallet_funding",
    "email": "test@example.com"
  }'`,
  status: `curl -X GET "http://localhost:7145/api/wallet/otp/status?purpose=wallet_funding" \\
  -H "Authorization: Bearer TEST_JWT_TOKEN"`,
  verify: `curl -X POST http://localhost:7145/api/wallet/verify-otp \\
  -H "Authorization: Bearer TEST_JWT_TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{
    "otp": "123456",
    "transaction_reference": "txn_test123"
  }'`,
  sendStaging: `curl -X POST http://staging-7145.example.com/api/wallet/otp/send \\
  -H "Authorization: Bearer STAGING_TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{
    "purpose": "wallet_funding",
    "email": "staging-test@example.com"
  }'`,
  statusProduction: `curl -X GET "https://api.triaura.com/api/wallet/otp/status?purpose=wallet_funding" \\
  -H "Authorization: Bearer PROD_TOKEN"`,
  health: 'curl -s http://localhost:7145/health',
  unauthorized: 'curl -s -X GET "http://localhost:7145/api/wallet/otp/status?purpose=wallet_funding"',
  invalid: `curl -s -H "Authorization: Bearer TOKEN" \\
    -X POST http://localhost:7145/api/wallet/otp/send \\
    -d '{"purpose":"invalid","email":"test"}'`
}

// Made before the house, so that it goes away after it.
const dataDirectory = await scratchDirectory(t, 'seed-002')
const port = await freePort()
const house = await openHouse({
  dataDirectory,
  compatibilityPorts: [port],
  environment: {
    'auth-gateway': { RATE_LIMIT_MAX: '1000000', AUTH_RATE_LIMIT_MAX_REQUESTS: '1000000' },
    'otp-service': { OTP_SENDS_PER_MINUTE: '1000', OTP_SENDS_PER_HOUR: '1000', OTP_SENDS_PER_PLACE_PER_HOUR: '1000' }
  }
})
t.teardown(() => house.close())
const gateway = createGatewayClient(`http://127.0.0.1:${port}`)
const ways: Record<string, (command: string, port: number) => Promise<CurlAnswer>> = { fetch: fetchCurl, ...await hasCurl() && { curl: runCurl } }

for (const [way, ask] of Object.entries(ways)) {
  t.test(`by ${way}: send, status, verify with the code from the mail`, async (t) => {
    const user = await signIn(gateway, privateKeyToAccount(generatePrivateKey()))
    await proveEmail(house, gateway, user, 'test@example.com')
    const mine = (command: string): string => command.replace(/TEST_JWT_TOKEN|STAGING_TOKEN|PROD_TOKEN|\bTOKEN\b/, user.accessToken).replace('https://', 'http://')

    const sent = await ask(mine(commands.send), port)
    t.match(sent, { status: 200, json: { success: true, expiresIn: 300, otpId: /^chl_/ } }, '{ success: true, expiresIn: 300, ... }')
    t.match((await ask(mine(commands.status), port)).json, { exists: true, isValid: true }, '{ exists: true, isValid: true, ... }')
    t.equal((await ask(mine(commands.statusProduction), port)).status, 200)

    const mail = await house.mailTo('test@example.com', /funding the wallet/)
    const code = codeIn(mail.text)
    if (code !== '123456') t.match(await ask(mine(commands.verify), port), { status: 400, json: { message: /Invalid OTP/ } }, 'the code of the document is not the one in the mail')
    t.match(await ask(mine(commands.verify.replace('123456', code)), port), { status: 200, json: { success: true, otpId: sent.json['otpId'], purpose: 'wallet_funding' } }, '{ success: true, ... }')
    t.match(await ask(mine(commands.verify.replace('123456', code)), port), { status: 400 }, 'once')
    t.match(await ask(mine(commands.verify), port), { status: 429, json: { message: /Maximum OTP attempts exceeded/ } }, '3 in 15 minutes')

    t.equal((await ask(mine(commands.sendStaging), port)).status, 400, 'not the account\'s address')
    t.match((await ask(commands.unauthorized, port)).text, /unauthorized/i)
    t.equal((await ask(commands.invalid, port)).status, 401, 'its token is none')
    t.match((await ask(mine(commands.invalid).replace('-X POST', '-H "Content-Type: application/json" -X POST'), port)).text, /invalid|does not match/i)
  })
}

t.test('the mail server is told by /health, and of a code only its MAC is kept', async (t) => {
  t.equal(await until(async () => (await fetchCurl(commands.health, port)).json['email_service'] === 'connected', { what: 'the heartbeat' }), true)
  const stored = await house.database('otp-service').collection('challenges').find({ purpose: 'earlier_otp' }).toArray()
  for (const { code_mac: mac } of stored) t.match(mac, /^[A-Za-z0-9_-]{43}$/)
})
