/** Wallets from the operator's side: keys proved, wallets switched off, replaced and retired; against real parts. */
import t from 'tap'
import { createPublicKey } from 'node:crypto'
import { disableWallet, getWallet, listWallets, readWalletAudit } from '@countersign/contracts'
import type { Chain } from '../src/chain/chains.ts'
import { createReadHoldings } from '../src/wallets/holdings.ts'
import { commandLine } from './command-line.ts'
import { ether, openWorld } from './house.ts'

const world = await openWorld(t, { blockTime: 1 })

t.test('the key of a wallet is told, proved and compared with what the wallet is', async (t) => {
  const house = await world.house(t)
  const cli = commandLine(house.settings)
  const { id, keyId, address } = house.wallet

  t.match(await cli('wallets', 'derive-address', id), { code: 0, out: `KMS Key ID: ${keyId}\nEthereum Address: ${address}\n\nIMPORTANT: Fund this address` })
  t.match((await cli('wallets', 'derive-address', keyId, '--json')).json(), { key_id: keyId, address, proved: true })
  t.match(await cli('wallets', 'derive-address'), { code: 2, err: /name a wallet or a key/ })
  const { public_key: hex, pem } = (await cli('wallets', 'public-key', id, '--json')).json<{ public_key: string, pem: string }>()
  const jwk = createPublicKey(pem).export({ format: 'jwk' })
  t.equal(hex, `0x04${Buffer.from(`${jwk.x}`, 'base64url').toString('hex')}${Buffer.from(`${jwk.y}`, 'base64url').toString('hex')}`)

  t.match((await cli('wallets', 'test', '--json')).json(), [{ wallet_id: id, address, fault: null }])
  const other = (await cli('wallets', 'create', '--name', 'other', '--alias', `alias/countersign/${house.settings['MONGODB_DATABASE'] ?? ''}`, '--json')).json<{ id: string, key_id: string }>()
  t.match((await cli('wallets', 'derive-address', `alias/countersign/${house.settings['MONGODB_DATABASE'] ?? ''}`, '--json')).json(), { proved: true })
  // As after somebody moved an alias: the wallet's key is another one than when its address was derived.
  await house.db.collection<{ _id: string }>('wallets').updateOne({ _id: other.id }, { $set: { keyId } })
  const moved = await cli('wallets', 'test', '--json')
  t.equal(moved.code, 1)
  t.match(moved.json(), [{ wallet_id: id, fault: null }, { wallet_id: other.id, fault: /the wallet has the address/ }])
  t.match(await cli('wallets', 'derive-address', other.id), { code: 1, out: /Fund nothing/ })
  t.match(await cli('wallets', 'test', 'wal_00000000000000000000000000'), { code: 1, err: /there is no wallet/ })
})

t.test('a dry run makes nothing, and wallets are listed by age', async (t) => {
  const house = await world.house(t)
  const cli = commandLine(house.settings)
  t.match(await cli('wallets', 'create', '--name', 'dry', '--dry-run'), { code: 0, out: /Would make the wallet dry on chain 31337 of a new key/ })
  t.match((await cli('wallets', 'create', '--name', 'dry', '--key-id', house.wallet.keyId, '--dry-run', '--json')).json(), { address: house.wallet.address })
  t.match(await cli('wallets', 'create', '--name', 'dry', '--alias', 'countersign'), { code: 2, err: /--alias must be/ })
  t.equal((await cli('wallets', 'list', '--json')).json<unknown[]>().length, 1)
  t.strictSame((await cli('wallets', 'list', '--older-than', '365d', '--json')).json(), [])
  await house.db.collection('wallets').updateMany({}, [{ $set: { createdAt: { $dateSubtract: { startDate: '$$NOW', unit: 'day', amount: 366 } } } }])
  t.match((await cli('wallets', 'list', '--older-than', '365d', '--json')).json(), [{ id: house.wallet.id, state: 'active' }])
  t.match(await cli('wallets', 'list', '--older-than', 'a year'), { code: 2, err: /as in 365d/ })
})

t.test('a disabled wallet takes nothing new, and what was approved and has no nonce is rejected', async (t) => {
  const house = await world.house(t)
  const cli = commandLine(house.settings)
  // No lane takes it while the chain does not answer.
  const away = await house.start({ CHAINS: house.settings['CHAINS']?.replace(world.chain.rpcUrl, 'http://127.0.0.1:9') ?? '' })
  const id = await house.approve(0)
  t.match((await cli('wallets', 'disable', house.wallet.id, '--json')).json(), { state: 'disabled', changed: true })
  t.match((await cli('wallets', 'disable', house.wallet.id, '--json')).json(), { changed: false })
  await t.rejects(house.request(1), /The wallet is not active/)
  await away.stop()
  await house.start()
  t.match(await house.reach(id, 'rejected'), { failure: { code: 'policy_denied' } })
  t.strictSame(await house.sentOnChain(), [])
  t.match((await cli('wallets', 'enable', house.wallet.id, '--json')).json(), { state: 'active', changed: true })
  await house.reach(await house.approve(2), 'confirmed')
  t.strictSame((await house.audit({ event: /^wallet\./ })).map(({ event, walletId }) => [event, walletId === house.wallet.id]), [['wallet.created', true], ['wallet.disabled', true], ['wallet.enabled', true]])
})

t.test('a rotation makes a new wallet, moves the money by a confirmed transfer, and retires the old one only when it is empty', async (t) => {
  const house = await world.house(t, { funds: 2n * ether })
  await house.start()
  const cli = commandLine(house.settings)
  const rotate = async (...args: string[]) => (await cli('wallets', 'rotate', house.wallet.id, ...args, '--json')).json<{ to: { id: string, address: string, rotating_from: string } | null, changed: boolean, transfers: { value: string, to: string | null }[], open: string[] }>()

  t.match(await cli('wallets', 'rotate', house.wallet.id, '--finish'), { code: 1, err: /not yet: the rotation was not begun; the wallet holds 2000000000000000000/ })
  t.match(await rotate('--dry-run'), { to: null, changed: false, transfers: [{ to: null }] })
  const begun = await rotate('--description', 'of this year')
  t.match(begun, { changed: true, to: { name: 'main-2', rotating_from: house.wallet.id, state: 'active' }, transfers: [{ to: begun.to?.address }] })
  t.match(await rotate(), { changed: false, to: { id: begun.to?.id } }, 'run again it makes nothing')
  t.match(await cli('wallets', 'rotate', house.wallet.id, '--name', 'third'), { code: 2, err: /was begun before/ })
  t.match(await cli('wallets', 'rotate', house.wallet.id), { code: 0, out: new RegExp(`POST /api/v1/transactions \\{"wallet_id":"${house.wallet.id}"`) })
  t.match(await cli('wallets', 'rotate', 'wal_00000000000000000000000000'), { code: 1, err: /there is no wallet/ })

  t.match((await cli('policies', 'set', '--wallet', house.wallet.id, '--destination', begun.to?.address ?? '', '--max-value', String(2n * ether), '--break-glass', 'rotation', '--json')).json(), { changed: true })
  const moving = await house.transfer(begun.to?.address ?? '', BigInt(begun.transfers[0]?.value ?? 0))
  t.match(await cli('wallets', 'rotate', house.wallet.id, '--finish', '--dust', String(2n * ether)), { code: 1, err: /not yet: 1 transactions of the wallet are not finished/ })
  await house.confirm(moving)
  await house.reach(moving, 'confirmed')
  t.equal(await world.chain.balanceOf(begun.to?.address ?? ''), BigInt(begun.transfers[0]?.value ?? 0))

  t.match(await cli('wallets', 'rotate', house.wallet.id, '--finish', '--dust', '1'), { code: 1, err: /not yet: the wallet holds/ })
  t.match(await cli('wallets', 'rotate', house.wallet.id, '--finish', '--dry-run'), { code: 0, out: /can be retired/ })
  t.match((await cli('wallets', 'rotate', house.wallet.id, '--finish', '--json')).json(), { state: 'retired', changed: true })
  t.match((await cli('wallets', 'rotate', house.wallet.id, '--finish', '--json')).json(), { state: 'retired', changed: false })
  t.match(await cli('wallets', 'rotate', house.wallet.id), { code: 1, err: /retired already/ })
  t.match(await cli('wallets', 'enable', house.wallet.id), { code: 1, out: /is retired; nothing changed/ })
  await t.rejects(house.transfer(begun.to?.address ?? '', 1n), /The wallet is not active/)
  t.match((await house.audit({ event: 'wallet.retired' }))[0]?.facts, { successor: begun.to?.id, left: [/^eip155:31337\/coin: \d+$/] })
  t.match((await cli('wallets', 'test', '--json')).json(), [{ wallet_id: begun.to?.id }], 'a retired key need not sign')
})

t.test('a chain that does not answer keeps a wallet from being retired', async (t) => {
  const house = await world.house(t, { funds: 0n, env: { RPC_TIMEOUT_MS: '500' } })
  const cli = commandLine({ ...house.settings, CHAINS: house.settings['CHAINS']?.replace(world.chain.rpcUrl, 'http://127.0.0.1:9') ?? '' })
  t.match(await cli('wallets', 'rotate', house.wallet.id, '--name', 'next'), { code: 0, out: /There is nothing to move/ })
  t.match(await cli('wallets', 'rotate', house.wallet.id, '--finish'), { code: 1, err: /not yet: chain 31337 does not say what the wallet holds \(unreachable\)/ })
})

t.test('the gateway reads granted wallets with their balances, an operator all of them, and what a node does not say is null with a reason', async (t) => {
  const house = await world.house(t, { funds: 3n * ether, env: { RPC_TIMEOUT_MS: '500' } })
  const { stop } = await house.start()
  const cli = commandLine(house.settings)
  const other = (await cli('wallets', 'create', '--name', 'reserve', '--role', 'treasury', '--json')).json<{ id: string }>()
  const reader = (operator: boolean) => ({ ...house.asking, operator })

  const own = await house.call(listWallets, { ...reader(false), limit: 20 })
  t.match(own, { data: [{ id: house.wallet.id, role: 'operations', state: 'active', balances: [{ chain_id: 31337, reason: null, assets: [{ token: null, symbol: 'ETH', balance: String(3n * ether) }] }] }], next_cursor: null })
  t.equal(own.data.length, 1)
  const first = await house.call(listWallets, { ...reader(true), limit: 1 })
  const second = await house.call(listWallets, { ...reader(true), limit: 1, cursor: first.next_cursor ?? '' })
  t.strictSame([...first.data, ...second.data].map(({ id, role }) => [id, role]), [[house.wallet.id, 'operations'], [other.id, 'treasury']])
  t.equal(second.next_cursor, null)
  await t.rejects(house.call(getWallet, { ...reader(false), id: other.id }), { message: /no such thing/ }, 'not granted')
  t.match(await house.call(getWallet, { ...reader(true), id: other.id }), { name: 'reserve', balances: [{ assets: [{ balance: '0' }] }] })

  t.match(await house.call(disableWallet, { ...house.asking, id: house.wallet.id }), { state: 'disabled' })
  t.match(await house.call(disableWallet, { ...house.asking, id: house.wallet.id }), { state: 'disabled' }, 'again')
  await t.rejects(house.call(disableWallet, { ...house.asking, id: 'wal_00000000000000000000000000' }), { message: /no such thing/ })
  await t.rejects(house.request(1), /The wallet is not active/)
  const events = await house.call(readWalletAudit, { id: house.wallet.id, limit: 1 })
  t.match(events, { data: [{ event: 'wallet.disabled', actor: house.userId, sealed: false }], checkpoint: null })
  t.match(await house.call(readWalletAudit, { id: house.wallet.id, limit: 5, cursor: events.next_cursor ?? '' }), { data: [{ event: 'wallet.created' }], next_cursor: null })

  await stop()
  await house.start({ CHAINS: house.settings['CHAINS']?.replace(world.chain.rpcUrl, 'http://127.0.0.1:9') ?? '' })
  t.match(await house.call(getWallet, { ...reader(true), id: other.id }), { balances: [{ block_number: null, reason: 'unreachable', assets: [{ symbol: 'ETH', balance: null }] }] })
})

t.test('a node that never answers costs a reader a bounded time, and what was read is kept for some seconds', async (t) => {
  let asked = 0
  const silent = { chainId: 1, symbol: 'ETH', node: async () => { asked++; return await new Promise<never>(() => {}) } } as unknown as Chain
  let now = 0
  const readHoldings = createReadHoldings({ chains: { find: (id) => id === 1 ? silent : undefined }, timeoutMs: 20, cacheMs: 1_000, now: () => now })
  const read = async () => await readHoldings({ address: '0x00000000000000000000000000000000DeaDBeef', chainIds: [1, 2] })
  t.match(await read(), [{ chainId: 1, reason: 'timeout', assets: [{ balance: null }] }, { chainId: 2, reason: 'not_configured', assets: [] }])
  await read()
  t.equal(asked, 1)
  now = 1_000
  await read()
  t.equal(asked, 2)
})
