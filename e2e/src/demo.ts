/** `npm run demo`: the main job once, from nothing to a confirmed transfer of coins and one of a token, and the proof of both on the chain. */
import { formatEther, formatUnits, parseEther, parseUnits } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import type { Contract } from '@countersign/testing'
import { demoToken, deployDemoToken, requestTokenPayment, writePolicy } from './demo-token.ts'
import { createGatewayClient } from './gateway-client.ts'
import { openHouse, workspaceRoot, type House, type HouseOptions } from './house.ts'
import { codeIn, follow, proveEmail, requestTransfer, signIn, transfersTo } from './main-job.ts'
import { createStepPrinter } from './step-printer.ts'

const json = process.argv.includes('--json')
if (process.argv.includes('--help')) {
  process.stdout.write('Usage: npm run demo [-- --json]\n\nStarts the whole house on free ports with fresh data, runs the main job over the public HTTP API\nand checks the result on the chain. --json prints one JSON object per line.\n')
  process.exit(0)
}

const { step, note } = createStepPrinter({ json, write: (text) => process.stdout.write(text) })
const ether = (wei: bigint): string => `${formatEther(wei)} ETH`
const inTokens = (units: bigint): string => `${formatUnits(units, demoToken.decimals)} ${demoToken.symbol}`
const email = 'ada@example.com'
const value = parseEther('0.25')
const amount = parseUnits('12.5', demoToken.decimals)
const dataDirectory = `${workspaceRoot}.local/demo`

/** The action as the mail shows it: everything but the greeting and the code's own line. */
const shown = (text: string): string => text.trim().split('\n').map((line) => line.trimEnd()).filter((line) => line !== '').join('\n')

async function demo (house: House, token: Contract): Promise<void> {
  const gateway = createGatewayClient(house.gatewayUrl)
  const account = privateKeyToAccount(generatePrivateKey())
  const recipient = privateKeyToAccount(generatePrivateKey()).address

  const wallet = await step('wallet created in the KMS (countersign wallets create)',
    () => house.countersign<{ id: string, address: `0x${string}` }>('signer-service', ['wallets', 'create', '--name', 'demo']),
    ({ id, address }) => ({ wallet: id, address }))
  await step('wallet funded on the local chain, with coins and with a token compiled from Solidity', async () => {
    await house.fund(wallet.address, parseEther('10'))
    await token.send('transfer', [wallet.address, 100n * 10n ** 6n])
  }, () => ({ balance: ether(parseEther('10')), token: inTokens(100n * 10n ** 6n) }))
  await step(`policy set: at most 1 ETH or ${inTokens(20n * 10n ** 6n)}, to one destination, each with a mailed code (countersign policies set)`, async () => {
    const policy = { wallet: wallet.id, destination: recipient, mostWei: parseEther('1'), token: token.address, mostUnits: 20n * 10n ** 6n }
    return await house.countersign('signer-service', ['policies', 'set', '--file', await writePolicy(`${dataDirectory}/policy.json`, policy)])
  })

  const user = await step('wallet challenge → EIP-4361 message signed by a throw-away wallet → signed in',
    () => signIn(gateway, account), ({ userId }) => ({ user: userId, wallet: account.address }))
  await step('e-mail address added and proved by a code', () => proveEmail(house, gateway, user, email), () => ({ address: email }))
  await step('principal granted (countersign principals grant)',
    () => house.countersign('signer-service', ['principals', 'grant', '--user', user.userId, '--wallet', wallet.id, '--may', 'initiate', '--yes']))

  const requested = await step('transfer requested',
    () => requestTransfer(gateway, user, { walletId: wallet.id, to: recipient, value, idempotencyKey: `demo-${user.userId}` }),
    ({ id, state }) => ({ id, state, value: ether(value), to: recipient }))
  const mail = await step('code and action read from the mail', () => house.mailTo(email, new RegExp(requested.id)),
    ({ text }) => ({ 'the mail': shown(text) }))
  await step('confirmed with the code', () => gateway.call('POST', `/api/v1/transactions/${requested.id}/confirm`, { token: user.accessToken, body: { code: codeIn(mail.text) } }))
  const sent = await step('signed by the KMS and broadcast',
    () => follow(gateway, user, requested.id, ({ state }) => ['broadcast', 'mined', 'confirmed'].includes(state)),
    ({ attempts }) => ({ hash: attempts.at(-1)?.hash ?? '', nonce: String(attempts.at(-1)?.nonce) }))
  const mined = await step('mined', () => follow(gateway, user, sent.id, ({ state }) => ['mined', 'confirmed'].includes(state)),
    ({ block_number: number, block_hash: hash }) => ({ block: `${number} ${hash}` }))
  const confirmed = await step('confirmed', () => follow(gateway, user, mined.id, ({ state }) => state === 'confirmed'),
    ({ state, confirmations, fee_paid: fee }) => ({ state, blocks: String(confirmations), fee: ether(BigInt(fee ?? 0)) }))
  if (confirmed.state !== 'confirmed') throw new Error(`the transfer ended ${confirmed.state}: ${confirmed.failure?.detail ?? 'no detail'}`)

  await step('checked on the chain: exactly one such transfer', async () => {
    const transfers = await transfersTo(house, recipient)
    const [only] = transfers
    if (transfers.length !== 1 || only === undefined) throw new Error(`the chain shows ${transfers.length} transfers to the recipient, not one`)
    if (only.value !== value || only.hash !== confirmed.hash) throw new Error('the transfer on the chain is not the one that was asked for')
    const [from, to] = await Promise.all([house.chain.getBalance({ address: wallet.address }), house.chain.getBalance({ address: recipient })])
    if (to !== value) throw new Error(`the recipient holds ${to} wei, not ${value}`)
    return { only, from, to }
  }, ({ only, from, to }) => ({ hash: only.hash, block: String(only.blockNumber), sender: ether(from), recipient: ether(to) }))

  const payment = await step('payment of a token requested',
    () => requestTokenPayment(gateway, user, { walletId: wallet.id, token: token.address, to: recipient, amount }), ({ id, state }) => ({ id, state, amount: inTokens(amount), to: recipient }))
  const second = await step('its own code and action read from the mail', () => house.mailTo(email, new RegExp(payment.id)), ({ text }) => ({ 'the mail': shown(text) }))
  const paid = await step('countersigned, signed by the KMS, mined and confirmed', async () => {
    await gateway.call('POST', `/api/v1/transactions/${payment.id}/confirm`, { token: user.accessToken, body: { code: codeIn(second.text) } })
    return await follow(gateway, user, payment.id, ({ state }) => state === 'confirmed')
  }, ({ state, hash = '' }) => ({ state, hash }))
  if (paid.state !== 'confirmed') throw new Error(`the payment ended ${paid.state}: ${paid.failure?.detail ?? 'no detail'}`)
  await step('checked on the chain: the recipient holds the tokens', async () => {
    const held = await token.read<bigint>('balanceOf', [recipient])
    if (held !== amount) throw new Error(`the recipient holds ${inTokens(held)}, not ${inTokens(amount)}`)
    return held
  }, (held) => ({ recipient: inTokens(held) }))
}

const started = performance.now()
let house: House | undefined
let stopping: Promise<void> | undefined
const close = (): Promise<void> => stopping ??= (async () => house?.close())()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => { void close().finally(() => process.exit(1)) })

try {
  note('Countersign: sign in with a wallet, countersign a transfer, sign it in the KMS, send it exactly once.\n')
  let token: Contract | undefined
  const prepare: HouseOptions['prepare'] = async (stack) => {
    const deployed = await deployDemoToken(stack)
    token = deployed.token
    return deployed.environment
  }
  // A patient caller asks once a second; this one watches.
  const environment = { 'auth-gateway': { RATE_LIMIT_MAX: '10000' } }
  house = await step('MongoDB, Redis, chain, KMS and mail started; four services ready', () => openHouse({ dataDirectory, environment, prepare }), ({ gatewayUrl }) => ({ gateway: gatewayUrl }))
  if (token === undefined) throw new Error('the token was not deployed')
  await demo(house, token)
  await close()
  note(`\nDone in ${((performance.now() - started) / 1000).toFixed(1)} s. To look around: npm start, then open http://127.0.0.1:8000/docs\n(API docs, mail viewer, metrics and chain RPC are printed there; README.md says what else there is).`)
} catch (error) {
  process.stderr.write(`\ndemo: ${error instanceof Error ? error.message : String(error)}\nThe services' logs are in .local/demo/logs.\n`)
  process.exitCode = 1
  await close()
}
