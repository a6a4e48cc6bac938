/** The audit as a sealed chain: nothing is left out, and whatever is edited, removed, inserted, moved, cut off or forged is found offline. */
import t from 'tap'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { commandListKey } from '@countersign/contracts'
import { createAudit, createLeases } from '@countersign/mongo'
import { connectRedis } from '@countersign/redis'
import { newId } from '@countersign/runtime'
import { scratchDirectory, until } from '@countersign/testing'
import { Timestamp } from 'mongodb'
import { checkpointDigest, deploymentChain, linkHash, type ChainedRow } from '../src/audit/audit-chain.ts'
import { canonicalJson } from '../src/audit/canonical-json.ts'
import { createExportChain, type ExportLine } from '../src/audit/export-chain.ts'
import { createNoteRefused } from '../src/audit/note-refused.ts'
import { readPublicKey } from '../src/audit/public-key.ts'
import { createSealChain } from '../src/audit/seal-chain.ts'
import { createSealRepository } from '../src/audit/seal-repository.ts'
import { verifyExport } from '../src/audit/verify-export.ts'
import { commandLine } from './command-line.ts'
import { openWorld, patienceMs, runNode, cliPath, type House } from './house.ts'

const world = await openWorld(t, { blockTime: 1 })
const sealing = { AUDIT_SEAL_AFTER_SECONDS: '1', AUDIT_SEAL_INTERVAL_SECONDS: '1' }

const newKey = async (house: House): Promise<string> => await house.withParts(async ({ keyAdmin }) => (await keyAdmin.createKey({ description: 'audit' })).keyId)

type Sealer = Awaited<ReturnType<typeof sealerOf>>
/** Seals and checks over the database of a house, without its service. */
async function sealerOf (house: House) {
  const keyId = await newKey(house)
  const seals = createSealRepository(house.db)
  const publicKey = await house.withParts(async ({ keyRing }) => readPublicKey(Buffer.from(await keyRing.publicKey(keyId)).toString('hex')))
  /** @param after age of a row; below 0: also what is written within this second */
  const seal = async (chain: string, after = -5_000): Promise<number> => await house.withParts(async ({ keyRing, transact, mongo: { db } }) => await createSealChain({
    seals: createSealRepository(db), leases: createLeases(db), holder: newId('prc'), transact, keyRing, keyId, deployment: 'test-deployment', sealAfterMs: after
  })(chain))
  const exported = async (chain: string): Promise<ExportLine[]> => {
    const lines: ExportLine[] = []
    for await (const line of createExportChain({ seals, deployment: 'test-deployment' })(chain)) lines.push(line)
    return lines
  }
  const check = async (lines: readonly unknown[], known: Parameters<typeof verifyExport>[1]['known'] = []) =>
    await verifyExport(lines.map((line) => typeof line === 'string' ? line : JSON.stringify(line)), { publicKeys: [publicKey], known })
  return { seals, seal, exported, check, publicKey, keyId }
}

const rowAt = (lines: readonly ExportLine[], sequence: number): number => lines.findIndex((line) => line.type === 'row' && line.sequence === sequence)
const faultsOf = async ({ check }: Sealer, lines: readonly unknown[], known?: Parameters<typeof verifyExport>[1]['known']): Promise<string> =>
  (await check(lines, known)).faults.map(({ fault }) => fault).join('; ')

t.test('what became of a transaction is in the chain of its wallet, sealed by the service and checked by a command that has no environment', async (t) => {
  const house = await world.house(t)
  const keyId = await newKey(house)
  Object.assign(house.settings, { AUDIT_KMS_KEY_ID: keyId, ...sealing })
  await house.start()
  const id = await house.approve()
  const done = await house.reach(id, 'confirmed')
  const cli = commandLine(house.settings)
  const seals = createSealRepository(house.db)
  await until(async () => {
    const newest = await seals.newest(house.wallet.id)
    return newest !== undefined && (await seals.unsealed(house.wallet.id, newest, 10)).length === 0
  }, { what: 'all rows of the wallet to be sealed', timeoutMs: patienceMs })

  const lines = (await cli('audit', 'export', '--wallet', house.wallet.id)).out.trim().split('\n')
  const rows = lines.map((line) => JSON.parse(line) as ExportLine).flatMap((line) => line.type === 'row' && line.row !== null ? [line.row] : [])
  const told = (event: string): ChainedRow['facts'] => rows.find((row) => row.subject === id && row.event === event)?.facts ?? {}
  t.match(told('transaction.awaiting_confirmation'), { digest: done.digest, policy_version: 1, rule: 'small transfers', challenge: /^chl_/ }, 'request, digest and decision')
  t.match(told('transaction.approved'), { receipt: /^rcp_/, digest: done.digest, policy_version: 1, rule: 'small transfers' }, 'receipt, and the decision once more')
  t.match(told('transaction.signed'), { hash: done.hash, nonce: 0 }, 'hash of the attempt')
  t.match(told('transaction.mined'), { hash: done.hash, block: done.block_hash, outcome: 'succeeded' }, 'receipt of the chain')
  t.match(told('transaction.confirmed'), { hash: done.hash })

  const directory = await scratchDirectory(t)
  const [file, checkpoint, pem] = [join(directory, 'audit.jsonl'), join(directory, 'checkpoint.json'), join(directory, 'key.pem')]
  await writeFile(file, `${lines.join('\n')}\n`)
  await writeFile(checkpoint, (await cli('audit', 'checkpoint', '--wallet', house.wallet.id)).out)
  await writeFile(pem, (await cli('audit', 'public-key')).out)
  const offline = async (...args: string[]) => {
    const run = runNode(cliPath, ['audit', 'verify', ...args], {})
    return { ...await run.exited, out: run.output() }
  }
  t.match(await offline(file, '--public-key', pem, '--checkpoint', checkpoint, '--wallet', house.wallet.id), { code: 0, out: /rows sealed under .* 0 not sealed yet/ })
  const hex = (await cli('audit', 'public-key', '--json')).json<{ public_key: string }>().public_key
  await writeFile(file, lines.slice(0, 2).join('\n'))
  t.match(await offline(file, '--public-key', hex, '--checkpoint', checkpoint), { code: 1, out: /the end was cut off/ })
  t.match(await offline(file, '--public-key', hex.replace('04', '02')), { code: 1 })
  t.match(await cli('audit', 'checkpoint', '--wallet', 'wal_00000000000000000000000000'), { code: 1, err: /nothing is sealed/ })
  t.match(await cli('audit', 'export', '--wallet', 'mine'), { code: 2 })
})

t.test('every change of an export is found, each by its name', async (t) => {
  const house = await world.house(t, { funds: 0n })
  const sealer = await sealerOf(house)
  const chain = house.wallet.id
  const audit = createAudit(house.db)
  const write = async (count: number) => { for (let n = 0; n < count; n++) await audit.append({ event: 'test.happened', subject: newId('tx'), walletId: chain, facts: { n, list: ['a', 'b'], none: null } }) }
  await write(4)
  await sealer.seal(chain)
  await write(4)
  await sealer.seal(chain)
  await write(1)
  const good = await sealer.exported(chain)
  const verdict = await sealer.check(good)
  t.match(verdict, { chain, sealed: 9, unsealed: 1, checkpoints: 2, faults: [] })
  const newest = verdict.newest === null ? [] : [verdict.newest]
  t.equal(await faultsOf(sealer, good, newest), '')

  const changed = (sequence: number, change: (row: ChainedRow) => object): unknown[] => good.map((line) =>
    line.type === 'row' && line.sequence === sequence && line.row !== null ? { ...line, row: { ...line.row, ...change(line.row) } } : line)
  t.match(await faultsOf(sealer, changed(3, () => ({ subject: 'tx_another' }))), /^row 3 \(aud_\w+\) is not what was sealed$/, 'edited')
  t.match(await faultsOf(sealer, changed(3, ({ facts }) => ({ facts: { ...facts, n: 7 } }))), /^row 3 .* is not what was sealed$/, 'a fact of it')
  t.match(await faultsOf(sealer, changed(3, ({ facts }) => ({ facts: { ...facts, n: 0.5, deep: { down: [1.5] } } }))), /^row 3 .* is not what was sealed$/, 'with what no row holds')

  const third = rowAt(good, 3)
  t.match(await faultsOf(sealer, good.filter((_line, index) => index !== third)), /rows 3 to 3 are missing; row 4 .* is not what was sealed/, 'removed')
  t.match(await faultsOf(sealer, good.map((line, index) => index === third ? { ...line, row: null } : line)), /^row 3 was removed from the database$/)

  const swapped = good.with(third, good[third + 1] as ExportLine).with(third + 1, good[third] as ExportLine)
  t.match(await faultsOf(sealer, swapped), /row 3 is out of order/, 'moved')
  const [a, b] = [good[third], good[third + 1]] as Extract<ExportLine, { type: 'row' }>[]
  t.match(await faultsOf(sealer, good.with(third, { ...a, row: b?.row ?? null } as ExportLine).with(third + 1, { ...b, row: a?.row ?? null } as ExportLine)), /row 3 .* is not what was sealed; row 4 .* is not what was sealed/)
  t.match(await faultsOf(sealer, good.toSpliced(third, 0, good[third] as ExportLine)), /row 3 is out of order|repeats/, 'inserted')

  // Whoever may change the database links everything anew, and still cannot sign.
  const relinked = relink(good, 2, { subject: 'tx_forged' })
  t.match(await faultsOf(sealer, relinked), /^the checkpoint of row \d+ covers other rows than these; .*no good checkpoint covers/, 'linked anew')
  const other = await sealerOf(house)
  const forged = await Promise.all(relinked.map(async (line) => line.type === 'checkpoint' ? await signedBy(house, other.keyId, line, relinked) : line))
  t.match(await faultsOf(sealer, forged), /is not signed by the given key/, 'a forged checkpoint')
  t.equal(await faultsOf(other, forged), '', 'which its own key would confirm')
  const stretched = good.map((line) => line.type === 'checkpoint' ? { ...line, checkpoint: { ...line.checkpoint, sealed_at: '2020-01-01T00:00:00.000Z' } } : line)
  t.match(await faultsOf(sealer, stretched), /is not signed by the given key/)

  const cut = good.slice(0, rowAt(good, 6))
  t.equal(await faultsOf(sealer, cut), '', 'a shorter chain is whole in itself')
  t.match(await faultsOf(sealer, cut, newest), /^the end was cut off: 9 rows were sealed, and 5 are here$/, 'the newest checkpoint tells')
  t.match(await faultsOf(sealer, good.filter(({ type }) => type !== 'checkpoint')), /no good checkpoint covers rows 1 to 9/)
  t.match(await faultsOf(sealer, good.slice(1)), /stands before the head/)
  t.match(await faultsOf(sealer, ['not JSON', ...good]), /is no line of an export/)
  t.match(await faultsOf(sealer, (await sealer.exported(chain)).map((line) => line.type === 'export' ? { ...line, chain: newId('wal') } : line)), /is of another chain/)
})

t.test('what is changed in the database shows in its next export', async (t) => {
  const house = await world.house(t, { funds: 0n })
  const sealer = await sealerOf(house)
  const audit = createAudit(house.db)
  for (let n = 0; n < 5; n++) await audit.append({ event: 'test.happened', subject: `tx_${n}`, walletId: house.wallet.id })
  await sealer.seal(house.wallet.id)
  const rows = house.db.collection<{ _id: string, subject: string }>('audit')
  const exported = async () => await faultsOf(sealer, await sealer.exported(house.wallet.id))
  t.equal(await exported(), '')

  const second = await rows.findOne({ subject: 'tx_2' })
  await rows.insertOne({ _id: newId('aud'), event: 'test.happened', subject: 'tx_inserted', walletId: house.wallet.id, recordedAt: new Timestamp({ t: (second as unknown as { recordedAt: Timestamp }).recordedAt.getHighBitsUnsigned(), i: 0 }) } as never)
  t.match(await exported(), /it was inserted afterwards/)
  await rows.deleteOne({ subject: 'tx_inserted' })
  await rows.deleteOne({ subject: 'tx_1' })
  t.match(await exported(), /row 3 was removed from the database/)
})

t.test('a row whose transaction commits after its neighbours is sealed in its place, and sealers that race seal each row once', async (t) => {
  const house = await world.house(t, { funds: 0n })
  const chain = house.wallet.id
  const sealer = await sealerOf(house)
  const audit = createAudit(house.db)
  const session = world.mongo.client.startSession()
  t.teardown(async () => { await session.endSession() })
  session.startTransaction()
  await audit.append({ event: 'test.late', subject: 'tx_late', walletId: chain }, session)
  await audit.append({ event: 'test.early', subject: 'tx_early', walletId: chain })
  t.equal(await sealer.seal(chain, 30_000), 0, 'younger than a transaction may live: nothing is sealed')
  await session.commitTransaction()
  const sealed = await Promise.all([1, 2, 3].map(async () => await sealer.seal(chain)))
  t.equal(sealed.reduce((sum, rows) => sum + rows, 0), 3)
  const lines = await sealer.exported(chain)
  t.strictSame(lines.flatMap((line) => line.type === 'row' ? [line.row?.subject] : []), [chain, 'tx_late', 'tx_early'])
  t.equal(await faultsOf(sealer, lines), '')

  // Sealed too early, the late row is not lost either: it is told as standing where nothing may stand any more.
  const early = world.mongo.client.startSession()
  t.teardown(async () => { await early.endSession() })
  early.startTransaction()
  await audit.append({ event: 'test.late', subject: 'tx_later', walletId: chain }, early)
  await audit.append({ event: 'test.early', subject: 'tx_earlier', walletId: chain })
  t.equal(await sealer.seal(chain), 1)
  await early.commitTransaction()
  t.match(await faultsOf(sealer, await sealer.exported(chain)), /it was inserted afterwards/)
})

t.test('the deployment has a chain for what belongs to no wallet; a KMS that is away delays seals and loses none', async (t) => {
  const house = await world.house(t, { funds: 0n })
  const sealer = await sealerOf(house)
  world.kms.faults.set({ down: true })
  await t.rejects(sealer.seal(deploymentChain), { name: 'KmsFault' })
  world.kms.faults.clear()
  t.equal(await sealer.seal(deploymentChain), 2)
  t.match(await sealer.check(await sealer.exported(deploymentChain)), { chain: 'deployment', sealed: 2, faults: [] })

  Object.assign(house.settings, { AUDIT_KMS_KEY_ID: house.wallet.keyId, ...sealing })
  await house.start()
  await until(() => house.logs.text().includes('is the key of a wallet'), { what: 'a wallet\'s key to be refused for checkpoints', timeoutMs: patienceMs })
})

t.test('forged messages are counted, and leave one row a minute for each source and kind', async (t) => {
  const rows: { event: string, subject: string, facts?: object }[] = []
  let now = 0
  const note = createNoteRefused({ audit: { append: (entry) => Promise.resolve(void rows.push(...[entry].flat() as typeof rows)) }, now: () => now })
  const forge = async (reason: string, about: object = { subject: newId('chl') }) => { await note({ event: 'receipt.refused', source: 'job', reason, subject: '', ...about }) }
  for (let n = 0; n < 100; n++) await forge('signature')
  await forge('form')
  const known = { subject: 'tx_1', walletId: 'wal_1' }
  await forge('digest', known)
  await forge('digest', known)
  await forge('digest', { ...known, subject: 'tx_2' })
  t.strictSame(rows.map(({ facts }) => facts), ['signature', 'form', 'digest', 'digest'].map((reason) => ({ reason, via: 'job' })), 'a transaction of ours has a row of its own')
  now = 60_000
  await forge('signature')
  t.match(rows.at(-1), { facts: { reason: 'signature', unwritten_before: 99 } })

  const house = await world.house(t, { funds: 0n })
  const { metrics } = await house.start()
  const redis = await connectRedis({ url: house.redisUrl, name: 'thief', log: house.log })
  t.teardown(() => { redis.disconnect() })
  for (let n = 0; n < 20; n++) await redis.lpush(commandListKey('signer-service', 'auth-gateway'), 'no command at all')
  await until(async () => /command_handled_total\{.*outcome="invalid".*\} 20/.test(await metrics.text()), { what: 'all to be counted', timeoutMs: patienceMs })
  await until(async () => (await house.audit({ event: 'command.refused' })).length > 0, { what: 'the row', timeoutMs: patienceMs })
  t.match(await house.audit({ event: 'command.refused' }), [{ subject: 'unknown', facts: { via: 'auth-gateway', reason: 'shape' } }])
})

t.test('one value has one text', async (t) => {
  t.equal(canonicalJson({ b: [1, 'x', null, true], a: { d: 'ä\n', c: -1 } }), '{"a":{"c":-1,"d":"ä\\n"},"b":[1,"x",null,true]}')
  t.equal(canonicalJson({ a: 0.5, b: 1e30, c: -0 }), '{"a":0.5,"b":1e+30,"c":0}')
})

/** As somebody would who may write everything but has no key: one row changed, and all hashes behind it made anew. */
function relink (lines: readonly ExportLine[], at: number, change: Partial<ChainedRow>): ExportLine[] {
  let hash = (lines[0] as Extract<ExportLine, { type: 'export' }>).begin
  return lines.map((line) => {
    if (line.type !== 'row' || line.row === null) return line
    const row = line.sequence === at ? { ...line.row, ...change } : line.row
    hash = linkHash(line.sequence, hash, row)
    return { ...line, row, hash }
  })
}

async function signedBy (house: House, keyId: string, line: Extract<ExportLine, { type: 'checkpoint' }>, lines: readonly ExportLine[]): Promise<ExportLine> {
  const { sequence } = line.checkpoint
  const hash = lines.find((one): one is Extract<ExportLine, { type: 'row' }> => one.type === 'row' && one.sequence === sequence)?.hash ?? ''
  const checkpoint = { ...line.checkpoint, hash }
  const { r, s } = await house.withParts(async ({ keyRing }) => await keyRing.signDigest(keyId, checkpointDigest(checkpoint)))
  return { type: 'checkpoint', checkpoint, signature: `0x${[r, s].map((part) => part.toString(16).padStart(64, '0')).join('')}` }
}
