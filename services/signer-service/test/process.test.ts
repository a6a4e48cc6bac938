/** The real process: stopped in order, refused a start; and the operator's command line. */
import t from 'tap'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createCli, newId } from '@countersign/runtime'
import { scratchDirectory, until } from '@countersign/testing'
import { createWithParts } from '../src/operator/operator-parts.ts'
import { signerDatabaseCommands } from '../src/operator/database-commands.ts'
import { kmsCommands } from '../src/operator/kms-commands.ts'
import { policyCommands } from '../src/operator/policy-commands.ts'
import { principalCommands } from '../src/operator/principal-commands.ts'
import { walletCommands } from '../src/operator/wallet-commands.ts'
import { walletKeyCommands } from '../src/operator/wallet-key-commands.ts'
import { cliPath, ether, mainPath, openWorld, patienceMs, runNode, type House } from './house.ts'

t.jobs = 5
const world = await openWorld(t, { blockTime: 1 })

t.test('told to stop, it ends in order, and what was on its way arrives once', { buffered: true }, async (t) => {
  const house = await world.house(t)
  const first = await house.spawn()
  const ids: string[] = []
  for (const index of [0, 1, 2]) {
    const { id } = await house.request(index)
    await house.confirm(id)
    ids.push(id)
  }
  first.child.kill('SIGTERM')
  t.match(await first.exited, { code: 0 })
  t.match(first.output(), /signer-service stopped/)
  await house.start()
  for (const id of ids) await house.reach(id, 'confirmed')
  t.strictSame((await house.sentOnChain()).map(({ nonce }) => nonce).sort(), [0, 1, 2])
})

t.test('a start that cannot work says why and ends', { buffered: true }, async (t) => {
  const house = await world.house(t)
  const start = async (changes: Record<string, string>) => {
    const run = runNode(mainPath, [], { ...house.settings, START_TIMEOUT_SECONDS: '4', ...changes })
    t.teardown(() => { run.child.kill('SIGKILL') })
    return { ...await run.exited, output: run.output() }
  }
  const raw = { HOT_WALLET_PRIVATE_KEY: '1'.repeat(64), ALLOW_PRIVATE_KEY_FALLBACK: 'true' }
  const [missing, noKms, otherChain, production] = await Promise.all([
    start({ DEPLOYMENT_ID: '', CHAINS: '[]', SECRET_KEY: '' }),
    start({ AWS_ENDPOINT_URL: 'http://127.0.0.1:9' }),
    start({ CHAINS: house.settings['CHAINS']?.replace('31337', '1') ?? '' }),
    start({ NODE_ENV: 'production', CRASH_AT: 'lane.sent', ...raw })
  ])
  t.equal(missing.code, 1)
  for (const name of ['DEPLOYMENT_ID', 'CHAINS', 'SECRET_KEY']) t.match(missing.output, new RegExp(`^signer-service: ${name} `, 'm'))
  t.equal(noKms.code, 1)
  t.match(noKms.output, /the KMS \(AWS_REGION, AWS_ENDPOINT_URL\) was not there within 4 s/)
  t.equal(otherChain.code, 1)
  t.match(otherChain.output, /wrong_chain \(wanted 1, got 31337\)/)
  t.equal(production.code, 1)
  for (const name of ['HOT_WALLET_PRIVATE_KEY', 'ALLOW_PRIVATE_KEY_FALLBACK', 'CRASH_AT', 'AWS_ENDPOINT_URL']) t.match(production.output, new RegExp(`^signer-service: ${name} `, 'm'))
  t.notMatch(production.output, /1{64}/)
})

t.test('a chain that is down is no reason not to start; a raw key is used with a warning, and pays', { buffered: true }, async (t) => {
  const house = await world.house(t)
  const down = await house.start({ CHAINS: house.settings['CHAINS']?.replace(world.chain.rpcUrl, 'http://127.0.0.1:9') ?? '' })
  t.match(house.logs.text(), /a chain node does not answer/)
  t.equal((await fetch(`${down.opsUrl}/ready`)).status, 200)
  t.match(await (await fetch(`${down.opsUrl}/health`)).json(), { status: 'healthy', database: 'connected', redis: 'connected' })
  await down.stop()

  const key = { HOT_WALLET_PRIVATE_KEY: Buffer.from(newId('key')).toString('hex').slice(0, 60) + 'beef', ALLOW_PRIVATE_KEY_FALLBACK: 'true' }
  const cli = commandLine({ ...house.settings, ...key })
  const local = JSON.parse((await cli('wallets', 'create', '--name', 'raw', '--key-id', 'local', '--json')).out) as { id: string, address: string }
  await cli('principals', 'grant', '--user', house.userId, '--wallet', local.id, '--may', 'initiate', '--yes')
  await cli('policies', 'set', '--wallet', local.id, '--destination', house.destination(0), '--max-value', String(ether), '--break-glass', 'another wallet')
  await world.chain.fund(local.address, ether)
  await house.start(key)
  t.match(house.logs.text(), /holds a private key in its memory/)
  Object.assign(house.wallet, local)
  const { id } = await house.request(0)
  await house.confirm(id)
  await house.reach(id, 'confirmed')
  t.equal((await house.sentOnChain()).length, 1)
})

t.test('the command line makes wallets, principals and policies, and does nothing twice', { buffered: true }, async (t) => {
  const house = await world.house(t)
  const { start } = house
  await start()
  const cli = commandLine(house.settings)
  const json = async (...args: string[]): Promise<Record<string, unknown>> => JSON.parse((await cli(...args, '--json')).out) as Record<string, unknown>

  const wallet = await json('wallets', 'create', '--name', 'second', '--description', 'pays suppliers', '--tags', 'team=finance')
  t.match(wallet, { id: /^wal_/, address: /^0x/, chain_ids: [31337], active: true })
  t.match(await cli('wallets', 'create', '--name', 'second'), { code: 1, err: /there is a wallet named second already/ })
  t.match(await cli('wallets', 'create', '--name', 'adopted', '--key-id', String(wallet['key_id'])), { code: 1, err: /belongs to a wallet already/ })
  t.match(await cli('wallets', 'create', '--name', 'x', '--chain', '5'), { code: 2, err: /not in CHAINS/ })
  t.match(await cli('wallets', 'create'), { code: 2 })
  t.match((await cli('wallets', 'list')).out, /second +operations +0x/)
  t.match(await json('kms', 'test'), [{ address: house.wallet.address }, { address: wallet['address'] }])

  const rule = ['--wallet', String(wallet['id']), '--destination', house.destination(1).toLowerCase(), '--max-value', '1000']
  t.match(await cli('policies', 'set', ...rule), { code: 1, err: /version 1 is in force, and an administrator signs/ })
  t.match(await json('policies', 'show'), { version: 1 })
  t.match(await cli('policies', 'set', ...rule, '--break-glass', ''), { code: 2 })
  t.match(await json('policies', 'set', ...rule, '--break-glass', 'the administrator is away'), { version: 2, changed: true, document: { rules: [{ destinations: [house.destination(1)], require: { shown_proof: true } }] } })
  t.match(await json('policies', 'set', ...rule), { version: 2, changed: false })
  const file = join(await scratchDirectory(t), 'policy.json')
  await writeFile(file, JSON.stringify({ rules: [{ name: 'open', effect: 'allow', wallets: [wallet['id']], destinations: [house.destination(1)], max_value: '1' }] }))
  t.match(await cli('policies', 'set', '--file', file), { code: 1, err: /rules\/0 must have required properties require/ })
  await writeFile(file, JSON.stringify({ rules: [{ name: 'nobody', effect: 'deny', wallets: [newId('wal')] }] }))
  t.match(await cli('policies', 'set', '--file', file), { code: 1, err: /there is no wallet wal_/ })
  t.match(await cli('policies', 'set'), { code: 2 })
  t.match(await json('policies', 'show'), { version: 2 })
  t.match((await house.audit({ event: 'policy.set' })).at(-1), { actor: 'operator', facts: { version: 2, break_glass: 'the administrator is away' } })

  const user = newId('usr')
  const grant = ['principals', 'grant', '--user', user, '--wallet', String(wallet['id']), '--may', 'initiate']
  t.match(await cli(...grant), { code: 2, err: /check the address above and give --yes/ })
  t.match(await json(...grant, '--yes'), { id: user, wallets: [wallet['id']], factor_root: house.otp.factorRootOf(user), factors: [{ masked: 'a***@example.com' }], changed: true })
  t.match(await json(...grant, '--yes'), { changed: false })
  t.match(await json(...grant, '--expect-email', 'ada@example.com'), { changed: false }, 'the operator knows the address: no question')
  t.match(await cli(...grant, '--expect-email', 'eve@example.com', '--yes'), { code: 1, err: /go to another address/ })
  t.match(await cli(...grant, '--expect-email', 'nobody'), { code: 2 })
  t.match(await json(...grant, '--wallet', house.wallet.id, '--yes'), { changed: true, wallets: [house.wallet.id, wallet['id']].sort() })
  t.match(await cli(...grant.slice(0, 4), '--wallet', newId('wal'), '--may', 'initiate', '--yes'), { code: 1, err: /there is no wallet/ })
  t.match(await cli('principals', 'grant', '--user', 'me', '--wallet', house.wallet.id, '--may', 'initiate', '--yes'), { code: 2 })
  t.match((await cli('principals', 'list')).out, new RegExp(user))
  t.match(await json('principals', 'revoke', '--user', user, '--wallet', house.wallet.id), { left: { may: ['initiate'], wallets: [wallet['id']] }, changed: true })
  t.match(await json('principals', 'revoke', '--user', user), { left: null, changed: true })
  t.match(await cli('principals', 'revoke', '--user', user, '--may', 'fly'), { code: 2 })

  t.match(await cli('kms', 'address', String(wallet['key_id'])), { code: 0, out: new RegExp(`^KMS Key ID: ${String(wallet['key_id'])}\nEthereum Address: ${String(wallet['address'])}\n\nIMPORTANT: Fund`) })
  t.match(await cli('kms', 'address', 'no-such-key'), { code: 1, err: /not_found/ })

  t.match(await cli('db', 'indexes', 'verify'), { code: 0 })
  await house.db.collection('transactions').dropIndex('one_per_nonce')
  t.match(await cli('db', 'indexes', 'verify'), { code: 1, out: /one_per_nonce/ })
  t.match(await cli('db', 'indexes', 'ensure'), { code: 0 })
  t.match(await cli('db', 'indexes', 'verify'), { code: 0 })

  const help = runNode(cliPath, ['--help'], {})
  t.equal((await help.exited).code, 0)
  for (const name of ['wallets', 'principals', 'policies', 'db', 'kms', 'env']) t.match(help.stdout(), new RegExp(`^ +${name}\\b`, 'm'))
  const check = runNode(cliPath, ['env', 'check', '--json'], house.settings)
  t.equal((await check.exited).code, 0)
  t.notMatch(check.stdout(), new RegExp(house.settings['SECRET_KEY'] ?? ''))
})

t.test('a receipt of another deployment\'s digest confirms nothing here', { buffered: true }, async (t) => {
  const house: House = await world.house(t)
  const staging = await house.start({ DEPLOYMENT_ID: 'staging' })
  const { id } = await house.request()
  await staging.stop()
  await house.start()
  await t.rejects(house.confirm(id), { name: 'Problem', message: /the code is wrong/ })
  t.match((await house.audit({ event: 'receipt.refused' }))[0]?.facts, { reason: 'digest' })
  await until(async () => (await house.row(id))?.state === 'awaiting_confirmation', { timeoutMs: patienceMs, what: 'nothing to have moved' })
})

/** The commands as cli.ts mounts them, without a process each. */
function commandLine (settings: Record<string, string>) {
  return async (...args: string[]): Promise<{ code: number, out: string, err: string }> => {
    let out = ''
    let err = ''
    const withParts = createWithParts(settings)
    const code = await createCli({ name: 'signer-service', description: '', stdout: (text) => { out += text }, stderr: (text) => { err += text } })
      .add(...walletCommands(withParts), ...walletKeyCommands(withParts), ...principalCommands(withParts), ...policyCommands(withParts), ...kmsCommands(settings), ...signerDatabaseCommands(settings))
      .run(['node', 'cli', ...args])
    return { code, out, err }
  }
}
